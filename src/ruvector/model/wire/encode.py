"""How does a request travel? As method, path with query string, and JSON body.

Vectors are printed by the kernel as the shortest decimal form of each float32; payload texts are
spliced in unchanged.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import numpy as np
from msgspec import UNSET

from ruvector.kernel import format_float_rows, format_floats
from ruvector.model import requests as r
from ruvector.model.operations import OPERATION_OF
from ruvector.model.points import PointsBlock, Vectors
from ruvector.model.wire.bodies import SEARCHES, body_fields
from ruvector.model.wire.decode import BATCH_CHANGES
from ruvector.model.wire.query_fields import wire_name

_NAME_OF_CHANGE = {request: name for name, request in BATCH_CHANGES.items()}


def encode_request(request: r.Request[Any]) -> tuple[str, str, bytes | None]:
    """Return (method, path with query string, body or None) of a request."""
    operation = OPERATION_OF[type(request)]
    path = operation.path
    for name in request.__struct_fields__:
        if "{" + name + "}" in path:
            path = path.replace("{" + name + "}", quote(str(getattr(request, name)), safe=""))
    query = {
        wire_name(name): _query_text(value)
        for name in operation.query_fields
        if (value := getattr(request, name)) is not None
    }
    if query:
        path += "?" + urlencode(query)
    if operation.method in ("GET", "DELETE"):
        return operation.method, path, None
    return operation.method, path, encode_body(request)


def encode_body(request: r.Request[Any]) -> bytes:
    """Return the JSON body of a request."""
    if isinstance(request, r.Upsert | r.UpdateVectors):
        return b"{%s}" % b",".join((_encode_points(request.points), *_encode_options(request)))
    if isinstance(request, r.BatchUpdate):
        changes = [
            b'{"%s":%s}' % (_NAME_OF_CHANGE[type(change)].encode(), encode_body(change))
            for change in request.operations
        ]
        return b'{"operations":[%s]}' % b",".join(changes)
    if type(request) in SEARCHES:
        return b'{"searches":[%s]}' % b",".join(encode_body(search) for search in request.searches)  # type: ignore[attr-defined]
    fields = {
        name: value
        for name in body_fields(OPERATION_OF[type(request)])
        if (value := getattr(request, name)) is not None and value is not UNSET
    }
    return encode_json(fields)


def encode_json(value: Any) -> bytes:
    """Return the JSON text of a result or a body; numpy vectors as shortest float32 numbers."""
    return _encoder.encode(value)


def _encode_other(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.ndim == 1:
            if value.dtype == np.uint32:  # the indices of a sparse vector
                return value.tolist()
            return msgspec.Raw(format_floats(np.ascontiguousarray(value, dtype=np.float32)))
        return [_encode_other(row) for row in value]
    if isinstance(value, np.integer | np.floating | np.bool_):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


_encoder = msgspec.json.Encoder(enc_hook=_encode_other)


def _encode_points(points: PointsBlock) -> bytes:
    """Return the field `points`: one object a point, each with just the vectors it has."""
    vectors: list[list[bytes]] = [[] for _ in points.ids]
    only_unnamed = set(points.vectors) == {""} and points.vectors[""].positions is None
    for name, block in points.vectors.items():
        rows = _row_texts(block.rows)
        positions = range(len(rows)) if block.positions is None else block.positions.tolist()
        key = msgspec.json.encode(name) + b":"
        for position, row in zip(positions, rows, strict=True):
            vectors[position].append(row if only_unnamed else key + row)
    rest: list[bytes] = [b""] * len(points)
    if points.payloads:
        rest = [b',"payload":%s' % (payload or b"null") for payload in points.payloads]
    if points.ttls is not None:
        pairs = zip(rest, points.ttls, strict=True)
        rest = [
            text if ttl is None else b'%s,"ttl_seconds":%s' % (text, encode_json(ttl))
            for text, ttl in pairs
        ]
    texts = []
    for point_id, parts, others in zip(points.ids, vectors, rest, strict=True):
        vector = parts[0] if only_unnamed else b"{%s}" % b",".join(parts)
        text = msgspec.json.encode(point_id, enc_hook=_encode_id)
        texts.append(b'{"id":%s,"vector":%s%s}' % (text, vector, others))
    return b'"points":[%s]' % b",".join(texts)


def _encode_options(request: r.Upsert | r.UpdateVectors) -> Iterator[bytes]:
    for name in ("update_filter", "update_mode"):
        value = getattr(request, name, None)
        if value is not None:
            yield b'"%s":%s' % (name.encode(), encode_json(value))


def _row_texts(rows: Any) -> list[bytes]:
    if isinstance(rows, list) and rows and isinstance(rows[0], msgspec.Raw):
        return [bytes(row) for row in rows]
    if isinstance(rows, list):  # of sparse vectors, multi-vectors or texts
        return [encode_json(row) for row in rows]
    array: Vectors = np.ascontiguousarray(rows, dtype=np.float32)
    return format_float_rows(array)


def _encode_id(value: Any) -> Any:
    return int(value) if hasattr(value, "__index__") else str(value)


def _query_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
