"""How far apart are points of a random sample? Their nearest neighbours within the sample."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ruvector.collection.collection import Collection
from ruvector.collection.segment import Rows, SearchPlan
from ruvector.collection.spaces import Space
from ruvector.collection.view import View
from ruvector.errors import InvalidRequest
from ruvector.kernel import shortest_floats
from ruvector.kernel.timing import note
from ruvector.model.filters import parse_filter
from ruvector.model.ids import PointId, shown
from ruvector.model.limits import MAX_SAMPLE
from ruvector.model.points import Vectors
from ruvector.model.results import MatrixOffsetsResult, MatrixPair, MatrixPairsResult
from ruvector.model.shard_keys import refuse_shard_key
from ruvector.query.leaves import sample_rows

DEFAULT_SAMPLE = 10
DEFAULT_LIMIT = 3


class _Matrix(NamedTuple):
    """Ids in order; per id the positions of its neighbours, best first, and their scores."""

    ids: list[PointId]
    neighbours: list[NDArray[np.uint32]]
    scores: list[Vectors]


def matrix_pairs(collection: Collection, request: Any) -> MatrixPairsResult:
    """Return the pairs of a sample's neighbours."""
    ids, neighbours, scores = _compare(collection, request)
    return MatrixPairsResult(
        [
            MatrixPair(ids[row], ids[column], score)
            for row, (columns, plain) in enumerate(
                zip(neighbours, map(shortest_floats, scores), strict=True)
            )
            for column, score in zip(columns.tolist(), plain, strict=True)
        ]
    )


def matrix_offsets(collection: Collection, request: Any) -> MatrixOffsetsResult:
    """Return the pairs of a sample's neighbours as positions in a list of ids."""
    ids, neighbours, scores = _compare(collection, request)
    lengths = [len(columns) for columns in neighbours]
    return MatrixOffsetsResult(
        np.repeat(np.arange(len(lengths)), lengths).tolist(),
        [column for columns in neighbours for column in columns.tolist()],
        [score for row in scores for score in shortest_floats(row)],
        ids,
    )


def _compare(collection: Collection, request: Any) -> _Matrix:
    refuse_shard_key(request.shard_key)
    sample = _checked(request.sample, DEFAULT_SAMPLE, "sample", 2)
    limit = _checked(request.limit, DEFAULT_LIMIT, "limit", 1)
    space = collection.space(request.using or "")
    with collection.view(parse_filter(request.filter)) as view:
        candidates = view.rows_with_vector(space.name)
        candidates &= view.live if view.rows is None else view.rows
        ids, rows = _in_order(view, sample_rows(candidates, sample).tolist())
        if len(rows) < 2:
            return _Matrix([], [], [])
        vectors = view.stored(space.name, rows)
        note("sample")
    neighbours, scores = [], []
    for row, (found, alike) in enumerate(_compared(space, vectors, limit + 1)):
        kept = found != row  # each finds itself, unless others are as near; then the last one goes
        neighbours.append(found[kept][:limit])
        scores.append(np.ascontiguousarray(alike[kept][:limit]))
    note("search")
    return _Matrix(ids, neighbours, scores)


def _compared(space: Space, vectors: list[Any], k: int) -> Iterator[tuple[Rows, Vectors]]:
    """Yield, for each of the vectors, the positions of the k nearest and their scores."""
    column, plan = space.column(vectors), SearchPlan(beam=1, exact=True)
    for vector in vectors:
        query = space.query(space.given(vector))
        yield space.search(column, None, query, k, None, len(vectors), plan)


def _in_order(view: View, rows: list[int]) -> tuple[list[PointId], list[int]]:
    """Return ids and rows in the order of ids."""
    records = sorted(zip(view.records(rows), rows, strict=True), key=lambda pair: pair[0].key)
    return [record.id for record, _ in records], [row for _, row in records]


def _checked(value: Any, default: int, path: str, least: int) -> int:
    if value is None:
        return default
    if not least <= value <= MAX_SAMPLE:
        raise InvalidRequest.of(path, shown(value), f"must be from {least} to {MAX_SAMPLE}")
    return int(value)
