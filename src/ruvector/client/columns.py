"""How do a caller's points become columns?

numpy float32 arrays are passed on as they are; other dtypes are converted once, by numpy. Nothing
is invented: a point without an id is refused. What a collection must judge, such as the number of
dimensions, is left to it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np

from ruvector.errors import BadInput
from ruvector.model.ids import PointId, id_key
from ruvector.model.lifetimes import parse_ttl
from ruvector.model.points import PointsBlock, VectorBlock, encode_payload
from ruvector.model.query_vectors import SparseVector, is_inference
from ruvector.model.wire.encode import encode_json


class Columns(NamedTuple):
    """Points as a caller gave them, checked as far as that needs no collection."""

    ids: Sequence[PointId]
    vectors: dict[str, VectorBlock]
    payloads: Sequence[Any] | None = None
    ttls: Sequence[Any] | None = None


_NUMBER_BYTES = 12  # of a float32 as text with its comma, such as -0.012345678
_POINT_BYTES = 96  # of an id that is a UUID, and the names of the fields
_NESTED = (list, tuple, np.ndarray)
_SAMPLE = 32  # vectors whose text tells how long the others are
_POINT_FIELDS = ("id", "vector", "payload", "ttl_seconds")


def as_ids(ids: Any) -> Sequence[PointId]:
    """Return ids as a sequence of integers and strings: from one id, an iterable or an array."""
    if isinstance(ids, range):
        return ids
    if isinstance(ids, np.ndarray):
        if ids.ndim > 1:
            raise BadInput(f"ids have shape {list(ids.shape)}; they must be a flat array")
        ids = ids.reshape(-1).tolist()
    elif isinstance(ids, int | str | UUID):
        ids = [ids]
    elif not isinstance(ids, list):
        try:
            ids = list(ids)
        except TypeError:
            ids = [ids]
    if set(map(type, ids)) <= {int, str}:
        return ids  # type: ignore[no-any-return]
    return [as_id(value) for value in ids]


def as_id(value: Any) -> PointId:
    """Return one id as an integer or a string; BadInput for anything else."""
    if isinstance(value, str) or type(value) is int:
        return value
    id_key(value)  # raises for what is not an id
    return str(value) if isinstance(value, UUID) else int(value)


def point_columns(
    points: Iterable[Any] | None,
    ids: Any,
    vectors: Any,
    payloads: Sequence[Any] | None,
    ttl_seconds: Any = None,
) -> Columns:
    """Return the columns of either form of a write's arguments."""
    columns = _columns(points, ids, vectors, payloads)
    return columns if ttl_seconds is None else _with_ttls(columns, ttl_seconds)


def _with_ttls(columns: Columns, ttl_seconds: Any) -> Columns:
    """Return the columns with one lifetime for all points, or one for each.

    What a point says itself counts first.
    """
    count = len(columns.ids)
    if isinstance(ttl_seconds, np.ndarray):
        ttl_seconds = ttl_seconds.tolist()
    if not isinstance(ttl_seconds, Sequence) or isinstance(ttl_seconds, str):
        ttl_seconds = [parse_ttl(ttl_seconds, "ttl_seconds")] * count
    if len(ttl_seconds) != count:
        raise BadInput(
            f"{count} points but {len(ttl_seconds)} ttl_seconds; give one for all, or one for each"
        )
    own = columns.ttls or [None] * count
    ttls = [
        parse_ttl(given if ttl is None else ttl, f"points[{position}].ttl_seconds")
        for position, (ttl, given) in enumerate(zip(own, ttl_seconds, strict=True))
    ]
    return columns._replace(ttls=ttls)


def _columns(
    points: Iterable[Any] | None, ids: Any, vectors: Any, payloads: Sequence[Any] | None
) -> Columns:
    if points is not None:
        if ids is not None or vectors is not None or payloads is not None:
            raise BadInput("give either points, or ids and vectors, not both")
        return _from_points(points)
    if ids is None or vectors is None:
        raise BadInput(
            "points are missing: give points=[{'id', 'vector', ...}], or ids= and vectors="
        )
    chosen = as_ids(ids)
    named = vectors if isinstance(vectors, Mapping) else {"": vectors}
    blocks = {name: VectorBlock(as_rows(rows, name)) for name, rows in named.items()}
    for name, block in blocks.items():
        if len(block) != len(chosen):
            raise BadInput(
                f"{len(chosen)} ids but {len(block)} vectors{_of(name)}; give one for each"
            )
    if payloads is not None:
        if not isinstance(payloads, Sequence):
            payloads = list(payloads)
        if len(payloads) != len(chosen):
            raise BadInput(
                f"{len(chosen)} ids but {len(payloads)} payloads; use None for no payload"
            )
    return Columns(chosen, blocks, payloads)


def as_rows(rows: Any, name: str = "") -> Any:
    """Return float32 [n, dim], C-contiguous: the same array where it is that already.

    Sparse vectors, multi-vectors and texts for a model become a list of them.
    """
    if _are_of_another_kind(rows):
        return list(rows)
    if isinstance(rows, np.ndarray) and rows.dtype.kind not in "fiub":
        if rows.dtype.kind != "O":
            raise BadInput(f"vectors{_of(name)} have dtype {rows.dtype}; they must be numbers")
        rows = list(rows)
    try:
        with np.errstate(over="ignore"):  # an infinity is refused where every vector is checked
            array = np.ascontiguousarray(rows, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(_ragged(rows, name) or f"vectors{_of(name)}: {error}") from error
    if array.size == 0 and array.ndim == 1:
        return array.reshape(0, 0)
    if array.ndim != 2:
        raise BadInput(
            f"vectors{_of(name)} have shape {list(np.shape(rows))}; it must be [points, dimensions]"
        )
    return array


def split(columns: Columns, batch_points: int, batch_bytes: int | None) -> Iterator[PointsBlock]:
    """Yield the points in blocks of at most `batch_points`, and of about `batch_bytes` as JSON."""
    ids, blocks, payloads, ttls = columns
    vector_bytes = _POINT_BYTES + sum(_row_bytes(block.rows) for block in blocks.values())
    if batch_bytes is not None:
        batch_points = max(1, min(batch_points, batch_bytes // vector_bytes))
    for start in range(0, len(ids), batch_points) or (0,):
        stop = min(start + batch_points, len(ids))
        texts = None
        if payloads is not None:
            texts = [encode_payload(payload) for payload in payloads[start:stop]]
            if not any(texts):
                texts = None
        for low, high in _cuts(texts, stop - start, vector_bytes, batch_bytes):
            yield PointsBlock(
                ids[start + low : start + high],
                _slice(blocks, start + low, start + high),
                texts and texts[low:high],
                None if ttls is None else ttls[start + low : start + high],
            )


def _are_of_another_kind(rows: Any) -> bool:
    """Say whether these are vectors that are not one list of numbers each."""
    if isinstance(rows, np.ndarray):
        return rows.ndim == 3
    if not isinstance(rows, list | tuple) or not rows:
        return False
    first = rows[0]
    if isinstance(first, Mapping | SparseVector):
        return True
    if isinstance(first, np.ndarray):
        return first.ndim == 2
    return isinstance(first, list | tuple) and bool(first) and isinstance(first[0], _NESTED)


def _row_bytes(rows: Any) -> int:
    """Return about how many bytes of JSON a vector takes."""
    if isinstance(rows, np.ndarray):
        return int(_NUMBER_BYTES * rows.shape[1])
    sample = rows[:_SAMPLE]
    sizes: list[int] = [len(encode_json(row)) for row in sample]
    return sum(sizes) // max(1, len(sizes))


def _cuts(
    texts: list[bytes | None] | None, count: int, vector_bytes: int, batch_bytes: int | None
) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) so that payloads do not carry a batch over its bytes."""
    start, used = 0, 0
    if texts is not None and batch_bytes is not None:
        for position, text in enumerate(texts):
            size = vector_bytes + len(text or b"")
            if used and used + size > batch_bytes:
                yield start, position
                start, used = position, 0
            used += size
    yield start, count


def _slice(blocks: dict[str, VectorBlock], start: int, stop: int) -> dict[str, VectorBlock]:
    chosen = {}
    for name, block in blocks.items():
        if block.positions is None:
            chosen[name] = VectorBlock(block.rows[start:stop])
            continue
        low, high = np.searchsorted(block.positions, (start, stop))
        if low == high:
            continue
        positions = block.positions[low:high] - np.uint32(start)
        chosen[name] = VectorBlock(
            block.rows[low:high], None if len(positions) == stop - start else positions
        )
    return chosen


def _from_points(points: Iterable[Any]) -> Columns:
    ids: list[Any] = []
    payloads: list[Any] = []
    ttls: list[Any] = []
    found: dict[str, tuple[list[Any], list[int]]] = {}
    for position, point in enumerate(points):
        point_id, vector, payload, ttl = _fields(point, position)
        ids.append(point_id)
        payloads.append(payload)
        ttls.append(parse_ttl(ttl, f"points[{position}].ttl_seconds"))
        is_named = isinstance(vector, Mapping) and not is_inference(vector)
        for name, row in (vector if is_named else {"": vector}).items():
            rows, positions = found.setdefault(name, ([], []))
            rows.append(row)
            positions.append(position)
    blocks = {
        name: VectorBlock(
            as_rows(rows, name),
            None if len(rows) == len(ids) else np.array(positions, dtype=np.uint32),
        )
        for name, (rows, positions) in found.items()
    }
    return Columns(as_ids(ids), blocks, _if_any(payloads), _if_any(ttls))


def _if_any(values: list[Any]) -> list[Any] | None:
    return values if any(value is not None for value in values) else None


def _fields(point: Any, position: int) -> tuple[Any, Any, Any, Any]:
    if isinstance(point, Mapping):
        unknown = set(point).difference(_POINT_FIELDS)
        if unknown:
            raise BadInput(
                f"points[{position}] has the field {sorted(map(str, unknown))[0]!r}; "
                "a point has id, vector, payload and ttl_seconds"
            )
        point_id, vector, payload, ttl = map(point.get, _POINT_FIELDS)
    else:  # a Record or a Hit, so that points can be copied from one collection to another
        point_id, vector, payload, ttl = (getattr(point, name, None) for name in _POINT_FIELDS)
    if point_id is None:
        raise BadInput(f"points[{position}] has no id; ids are never invented: give one")
    if vector is None:
        raise BadInput(f"points[{position}] (id {point_id!r}) has no vector")
    return point_id, vector, payload, ttl


def _ragged(rows: Any, name: str) -> str | None:
    """Return what to say about rows of different lengths, or None where that is not the trouble."""
    try:
        sizes = [len(row) for row in rows]
    except TypeError:
        return None
    for position, size in enumerate(sizes):
        if size != sizes[0]:
            return (
                f"vectors{_of(name)} differ in length: number 0 has {sizes[0]} dimensions, "
                f"number {position} has {size}"
            )
    return None


def _of(name: str) -> str:
    return f" {name!r}" if name else ""
