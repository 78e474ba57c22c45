"""Which vectors does a query compare with? Its inputs resolved against a collection.

Stored points become their vectors, and are remembered, because a query leaves out the points it
names. Points of another collection (`lookup_from`) are not left out: they are not in this one.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import msgspec

from ruvector.collection.collection import Collection
from ruvector.collection.view import View
from ruvector.errors import NotFound
from ruvector.model.queries import (
    Context,
    Discover,
    Feedback,
    Nearest,
    Pair,
    Query,
    Rated,
    Recommend,
)
from ruvector.model.query_vectors import StoredPoint, VectorInput
from ruvector.model.stages import Lookup, Stage

Collections = Callable[[str], Collection]
Resolve = Callable[[VectorInput], VectorInput]


class Targets:
    """Resolves the inputs of one request; views of other collections live as long as `stack`."""

    def __init__(
        self, collections: Collections, collection: Collection, view: View, stack: ExitStack
    ) -> None:
        self._collections = collections
        self._collection = collection
        self._view = view
        self._stack = stack
        self._views: dict[str, tuple[Collection, View]] = {}

    def resolve(self, stage: Stage) -> tuple[Query | None, frozenset[int]]:
        """Return the stage's query with vectors for inputs, and the rows it must leave out."""
        rebuild = _REBUILD.get(type(stage.query))
        if rebuild is None:
            return stage.query, frozenset()
        collection, view = self._place(stage.lookup)
        name = stage.using or ""
        space = self._collection.space(name)
        if stage.lookup is not None and stage.lookup.vector is not None:
            name = stage.lookup.vector
        mentioned: set[int] = set()

        def vector_of(source: VectorInput) -> VectorInput:
            if isinstance(source, StoredPoint):
                row, source = stored_vector(collection, view, name, source)
                mentioned.add(row)
            space.query(source)  # refuses another form than that of the vectors
            return source

        query = rebuild(stage.query, vector_of)
        return query, frozenset(mentioned if view is self._view else ())

    def _place(self, lookup: Lookup | None) -> tuple[Collection, View]:
        if lookup is None:
            return self._collection, self._view
        if lookup.collection not in self._views:
            try:
                other = self._collections(lookup.collection)
            except NotFound as error:
                raise NotFound(f"Collection {lookup.collection} not found") from error
            if other is self._collection:
                return other, self._view
            self._views[lookup.collection] = other, self._stack.enter_context(other.view())
        return self._views[lookup.collection]


def stored_vector(
    collection: Collection, view: View, name: str, point: StoredPoint
) -> tuple[int, VectorInput]:
    """Return row and vector of a stored point; NotFound where it or its vector is not there."""
    collection.space(name)
    row = view.rows_of([point.id])[0]
    if row is None:
        raise NotFound(f"No point with id {point.id} found")
    vector = view.vector(name, row)
    if vector is None:
        raise NotFound(f"Point {point.id} has no vector {name!r}")
    return row, collection.space(name).given(vector)


def _nearest(query: Nearest, vector_of: Resolve) -> Query:
    return msgspec.structs.replace(query, target=vector_of(query.target))


def _recommend(query: Recommend, vector_of: Resolve) -> Query:
    return msgspec.structs.replace(
        query,
        positive=tuple(map(vector_of, query.positive)),
        negative=tuple(map(vector_of, query.negative)),
    )


def _discover(query: Discover, vector_of: Resolve) -> Query:
    target = vector_of(query.target)
    return msgspec.structs.replace(query, target=target, pairs=_pairs(query.pairs, vector_of))


def _context(query: Context, vector_of: Resolve) -> Query:
    return Context(_pairs(query.pairs, vector_of))


def _pairs(pairs: tuple[Pair, ...], vector_of: Resolve) -> tuple[Pair, ...]:
    return tuple(Pair(vector_of(pair.positive), vector_of(pair.negative)) for pair in pairs)


def _feedback(query: Feedback, vector_of: Resolve) -> Query:
    target = vector_of(query.target)
    items = tuple(Rated(vector_of(item.example), item.score) for item in query.items)
    return msgspec.structs.replace(query, target=target, items=items)


_REBUILD: dict[type, Callable[[Any, Resolve], Query]] = {
    Nearest: _nearest,
    Recommend: _recommend,
    Discover: _discover,
    Context: _context,
    Feedback: _feedback,
}
