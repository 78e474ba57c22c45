"""Which rows does one search find, and with what scores? Every kind of query over a set of rows.

A nearest query, and the recommendation by an average vector, walk the graphs. Queries by several
examples score every candidate exactly; with more than SCAN_ROWS candidates, and unless `exact` asks
otherwise, walks choose them (`example_walks`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
from pyroaring import BitMap

from ruvector.collection.collection import Collection
from ruvector.collection.segment import Rows
from ruvector.collection.spaces import Space
from ruvector.collection.view import View
from ruvector.errors import BadInput
from ruvector.index.payload.bitmaps import bitmap_of, rows_of
from ruvector.kernel.timing import note
from ruvector.model.points import Vectors
from ruvector.model.queries import (
    Context,
    Discover,
    Feedback,
    Nearest,
    OrderBy,
    Query,
    Recommend,
    Sample,
    TextQuery,
)
from ruvector.model.query_vectors import VectorInput
from ruvector.model.stages import Stage
from ruvector.query.diversity import diversify
from ruvector.query.example_walks import Walks, walked
from ruvector.query.idf import corpus_of, weighted
from ruvector.query.ordering import Order
from ruvector.query.pages import page_of
from ruvector.query.parameters import check_params
from ruvector.query.plans import DEFAULT_BEAM, indexed_only, plan_of
from ruvector.query.ranked import Ranked, best
from ruvector.query.scoring import score_by_examples
from ruvector.query.texts import Scores, rank_texts

SCAN_ROWS = 20_000  # looked at for each example: 1 ms at 128 dimensions
PREFETCH_SCORE = 1.0  # of points that a prefetch lists without a query, as Qdrant has it

_random = np.random.default_rng()


class Scope(NamedTuple):
    """Where is searched: a collection, and a view of it."""

    collection: Collection
    view: View


class Leaf(NamedTuple):
    """One search: over `rows` (None: all), leaving some out."""

    scope: Scope
    stage: Stage
    rows: BitMap | None
    excluded: frozenset[int]
    order: Order | Scores | None  # what a payload index says of the rows, if the query asks one
    corpus: BitMap | None  # the rows that a sparse query's weights are counted over, None: all

    @property
    def k(self) -> int:
        """Return how many rows are wanted."""
        return self.stage.limit + self.stage.offset

    @property
    def space(self) -> Space:
        """Return the space of the vectors that are searched."""
        return self.scope.collection.space(self.stage.using or "")

    def compared(self, vector: VectorInput) -> Any:
        """Return a vector as it is compared with those of the space."""
        return weighted(self.scope.view, self.space, self.space.query(vector), self.corpus)

    def allowed(self) -> BitMap:
        """Return the rows to choose from, a bitmap of the caller's own."""
        rows: BitMap = (self.scope.view.live if self.rows is None else self.rows).copy()
        if self.excluded:
            rows -= BitMap(self.excluded)
        return rows


def check_leaf(collection: Collection, stage: Stage) -> None:
    """Refuse a stage that names what the collection does not have, or contradicts itself."""
    check_params(stage.params)
    query = stage.query
    if isinstance(query, _OF_VECTORS):
        corpus_of(collection.space(stage.using or ""), stage.params)
        return
    if stage.params.idf is not None:
        raise BadInput(f"{stage.path}params.idf needs a query of a sparse vector")
    if stage.score_threshold is not None and (query is None or isinstance(query, OrderBy)):
        what = "an order_by query" if query else "a query"
        needs = "has no meaning with" if query else "needs"
        raise BadInput(f"{stage.path}score_threshold {needs} {what}")


def search_leaf(
    scope: Scope,
    stage: Stage,
    query: Query | None,
    rows: BitMap | None,
    excluded: frozenset[int],
    order: Order | Scores | None,
    corpus: BitMap | None,
) -> Ranked:
    """Return the best rows of a search, best first."""
    leaf = Leaf(scope, stage, rows, excluded, order, corpus)
    found: Ranked = _listed(leaf) if query is None else _SEARCHES[type(query)](leaf, query)
    note("search")
    return found


def _listed(leaf: Leaf) -> Ranked:
    page = page_of(leaf.scope.view, leaf.allowed(), None, leaf.k)
    return _equal([row for _, row in page], PREFETCH_SCORE if leaf.stage.path else 0.0)


def _equal(rows: Any, score: float = 1.0) -> Ranked:
    return Ranked(np.asarray(rows, dtype=np.uint32), np.full(len(rows), score, dtype=np.float32))


def _nearest(leaf: Leaf, query: Nearest) -> Ranked:
    if query.mmr is None:
        return _by_vector(leaf, query.target, leaf.k)
    candidates = _by_vector(leaf, query.target, query.mmr.candidates or leaf.stage.limit)
    return diversify(leaf.scope.view, leaf.space, query.target, query.mmr, candidates, leaf.k)


def _by_vector(leaf: Leaf, vector: VectorInput, k: int) -> Ranked:
    """Return the k nearest, through graphs unless few rows are left to choose from."""
    collection, view = leaf.scope
    space, params = leaf.space, leaf.stage.params
    wanted = min(k + len(leaf.excluded), len(view.live))
    if not wanted:
        return _equal(())
    is_exact = bool(leaf.stage.prefetches)
    plan = plan_of(collection, space, params, leaf.rows, leaf.stage.filter, exact=is_exact)
    rows, scores = view.nearest(space, leaf.compared(vector), wanted, plan)
    return (
        Ranked(rows, scores)
        .without(leaf.excluded)
        .above(leaf.stage.score_threshold, higher_is_better=space.higher_is_better)
        .cut(0, k)
    )


def _recommend(leaf: Leaf, query: Recommend) -> Ranked:
    if query.strategy != "average_vector":
        return _by_examples(leaf, query)
    vector = leaf.space.average(query.positive, query.negative)
    return _by_vector(leaf, vector, leaf.k)


def _by_examples(leaf: Leaf, query: Any) -> Ranked:
    allowed, stage = leaf.allowed(), leaf.stage
    if stage.params.indexed_only:
        left_out = indexed_only(leaf.scope.collection, leaf.space)
        for segment in leaf.scope.view.segments:
            if segment.is_left_out(leaf.space.name, left_out):
                allowed -= bitmap_of(segment.rows)
    scored = None
    if len(allowed) > SCAN_ROWS and not stage.params.exact:
        beam = stage.params.hnsw_ef or DEFAULT_BEAM
        scored = walked(_walks(leaf, query), query, allowed, leaf.k, beam)
    rows, scores = scored or _scored(leaf, query, allowed)
    found = best(rows, scores, leaf.k)
    return found.until(stage.score_threshold, higher_is_better=leaf.space.higher_is_better)


def _walks(leaf: Leaf, query: Any) -> Walks:
    space, segments = leaf.space, leaf.scope.view.segments
    plain = leaf._replace(stage=msgspec.structs.replace(leaf.stage, score_threshold=None))

    def alike(vector: VectorInput, row: int) -> float:
        for segment in segments:
            position = segment.find(row)
            if position is not None:
                places = np.array([position], dtype=np.uint32)
                return float(segment.similarities(space, leaf.compared(vector), places)[0])
        return np.inf

    return Walks(
        space,
        lambda vector, k: _by_vector(plain, vector, k),
        lambda rows: _scored(leaf, query, rows),
        alike,
        leaf.compared,
    )


def _scored(leaf: Leaf, query: Any, candidates: BitMap) -> tuple[Rows, Vectors]:
    """Return every candidate and its score, segment by segment."""
    space, chosen = leaf.space, rows_of(candidates)
    found_rows, found_scores = [_NO_ROWS], [_NO_SCORES]
    for segment in leaf.scope.view.segments:
        positions = segment.positions_with(space.name, chosen)
        if not len(positions):
            continue

        def similarity(
            vector: VectorInput, segment: Any = segment, positions: Rows = positions
        ) -> Vectors:
            alike: Vectors = segment.similarities(space, leaf.compared(vector), positions)
            return alike

        found_rows.append(segment.rows[positions])
        found_scores.append(score_by_examples(query, similarity, len(positions)))
    return np.concatenate(found_rows), np.concatenate(found_scores)


def _ordered(leaf: Leaf, _: OrderBy) -> Ranked:
    assert isinstance(leaf.order, Order)  # noqa: S101 - taken with the view
    rows, values = leaf.order.take(leaf.allowed(), leaf.k)
    return _equal(rows)._replace(values=values)


def _sampled(leaf: Leaf, _: Sample) -> Ranked:
    found = _equal(sample_rows(leaf.allowed(), leaf.k))
    return found.above(leaf.stage.score_threshold)


def sample_rows(rows: BitMap, count: int) -> Rows:
    """Return `count` random rows, or all in random order where there are fewer."""
    array = rows_of(rows)
    chosen: Rows = _random.choice(array, min(count, len(array)), replace=False)
    return chosen


def _text(leaf: Leaf, _: TextQuery) -> Ranked:
    assert leaf.order is not None and not isinstance(leaf.order, Order)  # noqa: S101
    return rank_texts(leaf.order, leaf.allowed(), leaf.stage.score_threshold, leaf.k)


_NO_ROWS: Rows = np.empty(0, dtype=np.uint32)
_NO_SCORES: Vectors = np.empty(0, dtype=np.float32)
_OF_VECTORS = (Nearest, Recommend, Discover, Context, Feedback)
_SEARCHES: dict[type, Callable[[Leaf, Any], Ranked]] = {
    Nearest: _nearest,
    Recommend: _recommend,
    Discover: _by_examples,
    Context: _by_examples,
    Feedback: _by_examples,
    OrderBy: _ordered,
    Sample: _sampled,
    TextQuery: _text,
}
