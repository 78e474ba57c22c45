"""How do points of a JSON body become columns? Without a Python object for any number of a vector.

The kernel finds the ids, vectors and payloads of all points in one pass over the body, checks the
payloads in a second one, and parses all vectors of one name in one call, once the collection has
said how long they must be (`VectorBlock.rows` is then a `TextRows`). None of that holds the
interpreter, however large the body is.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.errors import BadInput, MalformedRequest
from ruvector.kernel import check_json_rows, split_points
from ruvector.model.ids import PointId
from ruvector.model.limits import MAX_BATCH_POINTS, MAX_PAYLOAD_DEPTH
from ruvector.model.points import PointsBlock, TextRows, VectorBlock
from ruvector.model.query_vectors import MODELS
from ruvector.model.reading import wrong_type
from ruvector.model.shard_keys import refuse_shard_key
from ruvector.model.wire.pieces import (
    PIECE_BYTES,
    convert_ids,
    decode_plain,
    fields_of,
    is_object,
    split,
)
from ruvector.model.wire.point_bodies import Batch, UpdateVectorsBody, UpsertBody

_Places = NDArray[np.int64]  # [n, 2]: start and end of n values in the body
_OPTIONS = ("shard_key", "update_filter", "update_mode")
_NULL, _EMPTY = b"null", b"{}"


def decode_points(body: bytes) -> PointsBlock:
    """Return the points of an upsert body: {"points": [...]} or {"batch": {...}}."""
    fields = _given(body, UpsertBody)
    if ("points" in fields) == ("batch" in fields):
        raise MalformedRequest("exactly one of points and batch must be given")
    if "batch" in fields:
        return _from_batch(body, *fields["batch"])
    return _from_points(body, *fields["points"])


def decode_point_vectors(body: bytes) -> PointsBlock:
    """Return the points of an update of vectors; they have no payloads."""
    fields = _given(body, UpdateVectorsBody)
    if "points" not in fields:
        raise MalformedRequest("Object missing required field `points`")
    return _from_points(body, *fields["points"], with_payloads=False)


def decode_options(body: bytes) -> dict[str, Any]:
    """Return which points an update of points may change: `update_filter` and `update_mode`.

    BadInput for a shard key, which needs a cluster.
    """
    if len(body) <= PIECE_BYTES and not any(b'"%s"' % name.encode() in body for name in _OPTIONS):
        return {}  # a larger text is looked through by the kernel, which lets others go on
    fields = fields_of(body)
    options = {
        name: value
        for name in _OPTIONS
        if name in fields and (value := decode_plain(body, *fields[name])) is not None
    }
    refuse_shard_key(options.pop("shard_key", None))
    return options


def _from_points(body: bytes, start: int, stop: int, *, with_payloads: bool = True) -> PointsBlock:
    try:
        numbers, places = split_points(body, start, stop, MAX_BATCH_POINTS)
    except ValueError as error:
        raise MalformedRequest(str(error)) from error
    missing = places[:, 2] < 0
    if missing.any():
        raise MalformedRequest(f"points[{int(missing.argmax())}]: missing field `vector`")
    given = places[:, 4] >= 0
    if not with_payloads and given.any():
        raise MalformedRequest(f"points[{int(given.argmax())}]: unknown field `payload`")
    mortal = places[:, 6] >= 0
    if not with_payloads and mortal.any():
        raise MalformedRequest(f"points[{int(mortal.argmax())}]: unknown field `ttl_seconds`")
    ids: Sequence[PointId] = numbers.tolist()
    if (places[:, 0] >= 0).any():
        ids = _ids(body, places[:, :2], numbers)
    payloads = _payloads(body, places[:, 4:6], "points[{}].payload") if given.any() else None
    ttls = None
    if mortal.any():
        places_of_ttls = places[:, 6:].tolist()
        ttls = [decode_plain(body[at:end]) if at >= 0 else None for at, end in places_of_ttls]
    return PointsBlock(ids, _vectors(body, places[:, 2:4]), payloads, ttls)


def _ids(body: bytes, places: _Places, numbers: NDArray[np.uint64]) -> list[PointId]:
    ids: list[PointId] = []
    for i, ((start, end), number) in enumerate(zip(places.tolist(), numbers.tolist(), strict=True)):
        point_id = decode_plain(body[start:end]) if start >= 0 else number
        if type(point_id) is not int and type(point_id) is not str:
            raise MalformedRequest(f"points[{i}].id must be a whole number or a string")
        ids.append(point_id)
    return ids


def _from_batch(body: bytes, start: int, stop: int) -> PointsBlock:
    fields = _given(body, Batch, start, stop)
    for name in ("ids", "vectors"):
        if name not in fields:
            raise MalformedRequest(f"batch: missing field `{name}`")
    ids = convert_ids(decode_plain(body, *fields["ids"]))
    payloads = None
    if "payloads" in fields and body[slice(*fields["payloads"])] != _NULL:
        places = _items(body, *fields["payloads"])
        if len(places) != len(ids):
            raise BadInput(f"batch has {len(ids)} ids but {len(places)} payloads")
        payloads = _payloads(body, places, "batch.payloads[{}]")
    ttls = None
    if "ttl_seconds" in fields:
        ttls = decode_plain(body, *fields["ttl_seconds"])
        if ttls is not None and not isinstance(ttls, list):
            raise wrong_type("batch.ttl_seconds", "a list", ttls)
    names = {"": fields["vectors"]}
    if is_object(body, *fields["vectors"]):
        names = fields_of(body, *fields["vectors"])
    vectors = {
        name: VectorBlock(TextRows(body, _items(body, *place))) for name, place in names.items()
    }
    for name, block in vectors.items():
        if len(block) != len(ids):
            raise BadInput(f"batch has {len(ids)} ids but {len(block)} vectors {name!r}")
    return PointsBlock(ids, vectors, payloads, ttls)


def _vectors(body: bytes, places: _Places) -> dict[str, VectorBlock]:
    """Return the column of each name; a point whose vector is an object names several."""
    if not len(places):
        return {}
    named = np.frombuffer(body, np.uint8)[places[:, 0]] == ord("{")
    if not named.any():
        return {"": VectorBlock(TextRows(body, places))}
    columns: dict[str, tuple[list[tuple[int, int]], list[int]]] = {}
    for position, (start, end) in enumerate(places.tolist()):
        parts = fields_of(body, start, end) if named[position] else {"": (start, end)}
        if _is_inference(body, parts):
            parts = {"": (start, end)}
        for name, place in parts.items():
            rows, positions = columns.setdefault(name, ([], []))
            rows.append(place)
            positions.append(position)
    return {
        name: VectorBlock(
            TextRows(body, np.array(rows, np.int64)),
            None if len(rows) == len(places) else np.array(positions, dtype=np.uint32),
        )
        for name, (rows, positions) in columns.items()
    }


def _is_inference(body: bytes, parts: dict[str, tuple[int, int]]) -> bool:
    """As `model.query_vectors.is_inference`, of the fields of an object in a body."""
    model = parts.get("model")
    has_source = any(kind in parts for kind in MODELS)
    return has_source and model is not None and body[model[0] : model[0] + 1] == b'"'


def _payloads(body: bytes, places: _Places, name: str) -> list[bytes | None] | None:
    """Return the texts of payloads that any decoder can read again, None for empty ones."""
    texts = [body[start:end] if start >= 0 else None for start, end in places.tolist()]
    for i, text in enumerate(texts):
        if text is None or text in (_NULL, _EMPTY):
            texts[i] = None
        elif text[:1] != b"{":
            raise MalformedRequest(f"{name.format(i)} must be an object or null")
    rows = [i for i, text in enumerate(texts) if text is not None]
    if not rows:
        return None
    try:
        depths = check_json_rows(body, np.ascontiguousarray(places[rows]))
    except ValueError as error:
        row, _, reason = str(error).removeprefix("row ").partition(": ")
        raise MalformedRequest(f"{name.format(rows[int(row)])}: {reason}") from error
    if depths.max() > MAX_PAYLOAD_DEPTH:
        deepest = name.format(rows[int(depths.argmax())])
        raise BadInput(
            f"{deepest} is nested {depths.max()} levels deep; at most {MAX_PAYLOAD_DEPTH} levels"
        )
    return texts


def _items(body: bytes, start: int, stop: int) -> _Places:
    """Return where the items of an array stand."""
    if is_object(body, start, stop):
        raise MalformedRequest("Expected `array`, got `object`")
    return np.ascontiguousarray(split(body, start, stop, 0, MAX_BATCH_POINTS)[:, :2])


def _given(
    body: bytes, kind: type[msgspec.Struct], start: int = 0, stop: int | None = None
) -> dict[str, tuple[int, int]]:
    """Return where the fields of a body stand; MalformedRequest for one that `kind` lacks."""
    fields = fields_of(body, start, stop)
    for name in fields:
        if name not in kind.__struct_fields__:
            raise MalformedRequest(f"Object contains unknown field `{name[:100]}`")
    return fields
