"""How is a query of several stages answered? Leaves search, stages above merge or score again.

One view for everything: filters of all leaves are planned in one hold of the shard's lock, so the
stages of a request see one state. Between stages only rows and scores travel; ids, payloads and
vectors are fetched for the winners of the last stage.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field

from pyroaring import BitMap

from ruvector.collection.collection import Collection
from ruvector.collection.view import View
from ruvector.errors import BadInput
from ruvector.index.payload.bitmaps import bitmap_of
from ruvector.kernel.timing import note
from ruvector.model.filters import Filter
from ruvector.model.points import Hit
from ruvector.model.queries import Dbsf, Formula, OrderBy, Query, Rrf, TextQuery
from ruvector.model.stages import Stage
from ruvector.query.formula import rescore
from ruvector.query.fusion import fuse
from ruvector.query.idf import corpus_of
from ruvector.query.leaves import Scope, check_leaf, search_leaf
from ruvector.query.ordering import Order, take_order
from ruvector.query.ranked import Ranked
from ruvector.query.results import Selection, hits_of
from ruvector.query.sorting import sort_found
from ruvector.query.targets import Collections, Targets
from ruvector.query.texts import Scores, take_scores


@dataclass
class Planned:
    """What was looked up in the payload indexes while they belonged to the view."""

    rows: dict[str, BitMap] = field(default_factory=dict)  # by the path of a leaf
    orders: dict[str, Order | Scores] = field(default_factory=dict)
    corpora: dict[str, BitMap] = field(default_factory=dict)  # of the weights of sparse queries


def run_query(
    collections: Collections,
    collection: Collection,
    stage: Stage,
    selection: Selection,
    order: OrderBy | None = None,
) -> list[Hit]:
    """Return the hits of a query, best first, or in an order by a payload field."""
    with ExitStack() as stack:
        run = Run.begin(collections, collection, stage, stack)
        found = run.stage(stage).cut(stage.offset, stage.limit)
        if order is not None:
            found = sort_found(run.view, found, order)
        return hits_with_values(run.view, found, selection)


def check_stages(collection: Collection, stage: Stage) -> None:
    """Refuse, before anything is searched, what cannot be answered whatever the points are."""
    if stage.prefetches:
        for prefetch in stage.prefetches:
            check_stages(collection, prefetch)
    elif isinstance(stage.query, Rrf | Dbsf | Formula):
        kind = "formula" if isinstance(stage.query, Formula) else "fusion"
        raise BadInput(f"{stage.path}query is a {kind}, which needs prefetches")
    check_leaf(collection, stage)


def hits_with_values(view: View, found: Ranked, selection: Selection) -> list[Hit]:
    """Return hits, with the values they were ordered by."""
    hits = hits_of(view, found.rows, found.scores, selection)
    if found.values is not None:
        for hit, value in zip(hits, found.values, strict=True):
            hit.order_value = value
    return hits


def _plan(collection: Collection, view: View, stage: Stage, planned: Planned) -> None:
    """Plan the filters of the leaves, each distinct one once, and take the orders asked for."""
    done: list[tuple[Filter, BitMap]] = []
    for leaf in _every(stage):
        if isinstance(leaf.query, OrderBy):
            planned.orders[leaf.path] = take_order(view, leaf.query)
        elif isinstance(leaf.query, TextQuery):
            planned.orders[leaf.path] = take_scores(view, leaf.query, leaf.using)
        if leaf.params.idf is not None:
            corpus = corpus_of(collection.space(leaf.using or ""), leaf.params)
            if corpus is not None:
                planned.corpora[leaf.path] = view.match(corpus)
        if leaf.prefetches or leaf.filter is None:
            continue
        known = next((rows for filter, rows in done if filter is leaf.filter), None)
        if known is None:
            known = view.match(leaf.filter)
            done.append((leaf.filter, known))
        planned.rows[leaf.path] = known
    note("plan")


def _merged(found: Ranked, stage: Stage) -> Ranked:
    note("merge")
    return found.above(stage.score_threshold)


def _every(stage: Stage) -> list[Stage]:
    return [stage, *(inner for prefetch in stage.prefetches for inner in _every(prefetch))]


class Run:
    """One request being answered over one view."""

    def __init__(
        self, collection: Collection, view: View, planned: Planned, targets: Targets
    ) -> None:
        self.view = view
        self._scope = Scope(collection, view)
        self._planned = planned
        self._targets = targets

    @classmethod
    def begin(
        cls, collections: Collections, collection: Collection, stage: Stage, stack: ExitStack
    ) -> "Run":
        """Return the run over a new view, which `stack` closes, with all filters planned."""
        planned = Planned()
        check_stages(collection, stage)
        view = stack.enter_context(
            collection.view(look=lambda view: _plan(collection, view, stage, planned))
        )
        return cls(collection, view, planned, Targets(collections, collection, view, stack))

    def stage(self, stage: Stage, above: frozenset[int] = frozenset()) -> Ranked:
        """Return what a stage finds; `above`: rows that the stages above leave out.

        A stage may be the one begun with, or that with other limits.
        """
        query, mentioned = self._targets.resolve(stage)
        excluded = above | mentioned
        k = stage.limit + stage.offset
        if not stage.prefetches:
            return self._leaf(stage, query, self._planned.rows.get(stage.path), excluded)
        sources = [self.stage(prefetch, excluded) for prefetch in stage.prefetches]
        if isinstance(query, Rrf | Dbsf):
            return _merged(fuse(sources, query, k), stage)
        if isinstance(query, Formula):
            return _merged(rescore(self.view, query, sources, k), stage)
        candidates = BitMap.union(BitMap(), *(bitmap_of(source.rows) for source in sources))
        return self._leaf(stage, query, candidates, excluded)

    def _leaf(
        self, stage: Stage, query: Query | None, rows: BitMap | None, excluded: frozenset[int]
    ) -> Ranked:
        order, corpus = self._planned.orders.get(stage.path), self._planned.corpora.get(stage.path)
        return search_leaf(self._scope, stage, query, rows, excluded, order, corpus)
