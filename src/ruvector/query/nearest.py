"""Which points are nearest? The search of one collection, by a vector or by a stored point."""

from typing import Any

import numpy as np
from pyroaring import BitMap

from ruvector.collection.collection import Collection
from ruvector.collection.segment import Found
from ruvector.collection.spaces import Space
from ruvector.collection.view import View
from ruvector.kernel.timing import note
from ruvector.model.filters import parse_filter
from ruvector.model.points import Hit
from ruvector.model.queries import check_limit, check_offset, check_threshold
from ruvector.model.query_vectors import StoredPoint, VectorInput
from ruvector.model.requests import SearchParams
from ruvector.query.idf import corpus_of, weighted
from ruvector.query.parameters import check_params
from ruvector.query.plans import DEFAULT_BEAM, plan_of
from ruvector.query.results import hits_of
from ruvector.query.selections import selection_of
from ruvector.query.targets import stored_vector

QUICK_HITS = 100
QUICK_BEAM = 128
QUICK_SEGMENTS = 4
QUICK_SCAN_BYTES = 2 << 20  # 0.1 ms
QUICK_PAYLOAD_BYTES = 1 << 20  # of an answer at most: 1 ms to read, check and write them
_DEFAULT_PARAMS = SearchParams()


def search_nearest(
    collection: Collection, target: VectorInput, name: str, request: Any
) -> list[Hit]:
    """Return the hits of a search; `request`: QueryPoints or Search with the common fields.

    The filter takes part in the search: min(limit, points that match) hits, best first. A stored
    point that is searched for is left out of its own answer.
    """
    space = collection.space(name)
    limit = check_limit(request.limit)
    offset = check_offset(request.offset)
    selection = selection_of(collection, request, default_payload=False)
    threshold = check_threshold(request.score_threshold)
    params = request.params or _DEFAULT_PARAMS
    check_params(params)
    query = None
    if not isinstance(target, StoredPoint):
        query = space.query(target)
    filter, corpus = parse_filter(request.filter), corpus_of(space, params)
    rows_of_corpus: list[BitMap] = []  # the last one belongs to the view

    def look(view: View) -> None:
        if corpus is not None:
            rows_of_corpus.append(view.match(corpus))

    with collection.view(filter, look if corpus is not None else None) as view:
        excluded = None
        if isinstance(target, StoredPoint):
            excluded, vector = stored_vector(collection, view, name, target)
            query = space.query(vector)
        assert query is not None  # noqa: S101 - a target is a vector or a point
        query = weighted(view, space, query, rows_of_corpus[-1] if corpus is not None else None)
        wanted = limit + offset + (excluded is not None)
        plan = plan_of(collection, space, params, view.rows, filter)
        k = min(wanted, len(view.live))
        if k == 0:
            return []
        found = view.nearest(space, query, k, plan)
        rows, scores = _cut(found, space, threshold, excluded)
        note("search")
        chosen = slice(offset, offset + limit)
        return hits_of(view, rows[chosen], scores[chosen], selection)


def is_quick(collection: Collection, request: Any) -> bool:
    """Say whether a search walks graphs with a usual beam, scans little, and finds no lock taken.

    Such a search takes 0.05 to 0.3 ms (benchmarks/results.csv).
    """
    params = request.params or _DEFAULT_PARAMS
    if request.filter is not None or request.with_vector or params.exact:
        return False
    if (params.hnsw_ef or DEFAULT_BEAM) > QUICK_BEAM or collection.shard.store.read_only:
        return False
    shard = collection.shard
    wanted = (request.limit or 10) + (request.offset or 0)
    if wanted > QUICK_HITS or wanted * shard.largest_payload > QUICK_PAYLOAD_BYTES:
        return False  # they are read whether or not they are shown
    if not shard.lock.acquire(blocking=False):
        return False
    try:
        segments = shard.segments
    finally:
        shard.lock.release()
    if any(space.placement.vectors == "cold" for space in shard.spaces.values()):
        return False
    scanned = 0
    for segment in segments:
        scanned += sum(map(segment.scanned_bytes, segment.vectors))
    return scanned <= QUICK_SCAN_BYTES and len(segments) <= QUICK_SEGMENTS


def _cut(found: Found, space: Space, threshold: float | None, excluded: int | None) -> Found:
    """Drop the excluded row and what lies on the wrong side of the threshold."""
    rows, scores = found
    if excluded is not None:
        kept = rows != excluded
        rows, scores = rows[kept], scores[kept]
    if threshold is not None:
        limit = np.float32(threshold)
        kept = scores >= limit if space.higher_is_better else scores <= limit
        rows, scores = rows[kept], scores[kept]
    return rows, scores
