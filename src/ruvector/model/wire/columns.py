"""How do points of a JSON body become columns? Without a Python object for any number of a vector.

msgspec leaves each vector and each payload as a slice of the body; the kernel parses all vectors of
one name in one call, once the collection has said how long they must be (`VectorBlock.rows` holds
texts).
"""

from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, Raw, UnsetType

from ruvector.errors import BadInput, MalformedRequest
from ruvector.model.limits import MAX_BATCH_POINTS
from ruvector.model.points import PointsBlock, VectorBlock, check_payload_depth

_NULL = b"null"


class _Point(msgspec.Struct, forbid_unknown_fields=True):
    id: int | str
    vector: Raw | UnsetType = UNSET
    vectors: Raw | UnsetType = UNSET
    payload: Raw | UnsetType = UNSET


class _PointVectors(msgspec.Struct, forbid_unknown_fields=True):
    id: int | str
    vector: Raw | UnsetType = UNSET
    vectors: Raw | UnsetType = UNSET


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[int | str]
    vectors: Raw
    payloads: list[Raw] | None = None


class _Upsert(msgspec.Struct, forbid_unknown_fields=True):
    points: list[_Point] | UnsetType = UNSET
    batch: _Batch | UnsetType = UNSET
    shard_key: Any = None
    update_filter: Any = None
    update_mode: Any = None


class _UpdateVectors(msgspec.Struct, forbid_unknown_fields=True):
    points: list[_PointVectors]
    shard_key: Any = None
    update_filter: Any = None


_upsert = msgspec.json.Decoder(_Upsert)
_update_vectors = msgspec.json.Decoder(_UpdateVectors)
_named = msgspec.json.Decoder(dict[str, Raw])
_rows = msgspec.json.Decoder(list[Raw])
_named_rows = msgspec.json.Decoder(dict[str, list[Raw]])
_any = msgspec.json.Decoder()


def decode_points(body: bytes) -> PointsBlock:
    """Return the points of an upsert body: {"points": [...]} or {"batch": {...}}."""
    request: _Upsert = _decode(_upsert, body)
    _refuse_unsupported(request)
    if (request.points is UNSET) == (request.batch is UNSET):
        raise MalformedRequest("exactly one of points and batch must be given")
    if isinstance(request.batch, _Batch):
        return _from_batch(request.batch)
    points: list[_Point] = request.points  # type: ignore[assignment]
    payloads = [_payload(point.payload, i) for i, point in enumerate(points)]
    return PointsBlock(
        [point.id for point in points],
        _vector_columns([_vector_of(point, i) for i, point in enumerate(points)]),
        None if all(payload is None for payload in payloads) else payloads,
    )


def decode_point_vectors(body: bytes) -> PointsBlock:
    """Return the points of an update of vectors; they have no payloads."""
    request: _UpdateVectors = _decode(_update_vectors, body)
    _refuse_unsupported(request)
    points = request.points
    return PointsBlock(
        [point.id for point in points],
        _vector_columns([_vector_of(point, i) for i, point in enumerate(points)]),
    )


def _from_batch(batch: _Batch) -> PointsBlock:
    count = len(batch.ids)
    payloads = None
    if batch.payloads is not None:
        if len(batch.payloads) != count:
            raise BadInput(f"batch has {count} ids but {len(batch.payloads)} payloads")
        payloads = [_payload(payload, i) for i, payload in enumerate(batch.payloads)]
    if bytes(batch.vectors)[:1] == b"{":
        vectors = {
            name: VectorBlock(rows) for name, rows in _decode(_named_rows, batch.vectors).items()
        }
    else:
        vectors = {"": VectorBlock(_decode(_rows, batch.vectors))}
    for name, block in vectors.items():
        if len(block) != count:
            raise BadInput(f"batch has {count} ids but {len(block)} vectors {name!r}")
    return PointsBlock(batch.ids, vectors, payloads)


def _vector_columns(vectors: list[Raw | dict[str, Raw]]) -> dict[str, VectorBlock]:
    columns: dict[str, tuple[list[Raw], list[int]]] = {}
    for position, vector in enumerate(vectors):
        named = vector if isinstance(vector, dict) else {"": vector}
        for name, row in named.items():
            rows, positions = columns.setdefault(name, ([], []))
            rows.append(row)
            positions.append(position)
    return {
        name: VectorBlock(
            rows, None if len(rows) == len(vectors) else np.array(positions, dtype=np.uint32)
        )
        for name, (rows, positions) in columns.items()
    }


def _vector_of(point: _Point | _PointVectors, position: int) -> Raw | dict[str, Raw]:
    vector = point.vector if point.vector is not UNSET else point.vectors
    if isinstance(vector, UnsetType):
        raise MalformedRequest(f"points[{position}]: missing field `vector`")
    if bytes(vector)[:1] == b"{":
        return _decode(_named, vector)  # type: ignore[no-any-return]
    return vector


def _payload(payload: Raw | UnsetType, position: int) -> bytes | None:
    if isinstance(payload, UnsetType):
        return None
    text = bytes(payload)
    if text[:1] != b"{":
        if text == _NULL:
            return None
        raise MalformedRequest(f"points[{position}].payload must be an object or null")
    try:
        _any.decode(text)  # what is stored must be readable; 1e999 is valid JSON
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedRequest(f"points[{position}].payload: {error}") from error
    check_payload_depth(text, f"points[{position}].payload")
    return None if text == b"{}" else text


def _refuse_unsupported(request: _Upsert | _UpdateVectors) -> None:
    for name in ("shard_key", "update_filter", "update_mode"):
        value = getattr(request, name, None)
        if value is not None and not (name == "update_mode" and value == "upsert"):
            raise BadInput(f"{name} is not supported by this version: leave it out")
    points = request.points if not isinstance(request.points, UnsetType) else []
    if len(points) > MAX_BATCH_POINTS:
        raise BadInput(f"{len(points)} points; at most {MAX_BATCH_POINTS} in one request")


def _decode(decoder: Any, text: bytes | Raw) -> Any:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise MalformedRequest(str(error)) from error
