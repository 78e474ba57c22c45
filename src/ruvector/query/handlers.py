"""Who answers which question about points? One function for each request that reads them.

The table is the query room's part of the engine's. The older endpoints become the queries that
they are short for.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from ruvector.collection.collection import Collection
from ruvector.errors import BadInput
from ruvector.kernel.deadlines import check_deadline
from ruvector.model import requests as r
from ruvector.model import results as out
from ruvector.model.limits import MAX_BATCH_SEARCHES
from ruvector.model.points import Hit, Record
from ruvector.model.queries import (
    Context,
    Discover,
    Nearest,
    Query,
    Recommend,
    examples_of,
    parse_pairs,
    parse_query,
    parse_search_vector,
    recommend_of,
    strategy_of,
)
from ruvector.model.query_vectors import parse_vector_input
from ruvector.model.stages import parse_stage
from ruvector.query.facets import facet
from ruvector.query.groups import search_groups
from ruvector.query.matrix import matrix_offsets, matrix_pairs
from ruvector.query.nearest import search_nearest
from ruvector.query.pages import count, get_point, list_points, retrieve, scroll
from ruvector.query.selections import selection_of
from ruvector.query.sorting import parse_sort_by
from ruvector.query.targets import Collections
from ruvector.query.tree import run_query

Handler = Callable[[Collections, Any], Any]


def _query(collections: Collections, request: r.QueryPoints) -> out.QueryResult:
    collection = collections(request.collection)
    query = parse_query(request.query)
    if request.prefetch is None and request.lookup_from is None and request.sort_by is None:
        if query is None:
            return out.QueryResult(list_points(collection, request))
        if isinstance(query, Nearest) and query.mmr is None:
            name = "" if request.using is None else request.using
            return out.QueryResult(search_nearest(collection, query.target, name, request))
    return out.QueryResult(_run(collections, collection, request, query))


def _run(
    collections: Collections, collection: Collection, request: Any, query: Query | None
) -> list[Hit]:
    stage = parse_stage(request, query)
    selection = selection_of(collection, request, default_payload=False)
    order = parse_sort_by(getattr(request, "sort_by", None))
    return run_query(collections, collection, stage, selection, order)


def _search(collections: Collections, request: r.Search) -> list[Hit]:
    name, vector = parse_search_vector(request.vector)
    return search_nearest(collections(request.collection), vector, name, request)


def _recommend(collections: Collections, request: r.Recommend) -> list[Hit]:
    newer = _as(r.QueryPoints, request)
    return _run(collections, collections(request.collection), newer, _recommendation(request))


def _recommendation(request: r.Recommend | r.RecommendGroups) -> Recommend:
    return recommend_of(
        examples_of(request.positive, "positive"),
        examples_of(request.negative, "negative"),
        strategy_of(request.strategy, "strategy"),
        "recommend",
    )


def _discover(collections: Collections, request: r.Discover) -> list[Hit]:
    query: Query
    pairs = parse_pairs(request.context, "context")
    if request.target is not None:
        query = Discover(parse_vector_input(request.target, "target"), pairs)
    elif pairs:
        query = Context(pairs)
    else:
        raise BadInput("No target or context given; give one of them at least")
    newer = _as(r.QueryPoints, request)
    return _run(collections, collections(request.collection), newer, query)


def _query_groups(collections: Collections, request: r.QueryGroups) -> out.GroupsResult:
    return _groups(collections, request, parse_query(request.query))


def _search_groups(collections: Collections, request: r.SearchGroups) -> out.GroupsResult:
    name, vector = parse_search_vector(request.vector)
    return _groups(collections, _as(r.QueryGroups, request, using=name), Nearest(vector))


def _recommend_groups(collections: Collections, request: r.RecommendGroups) -> out.GroupsResult:
    return _groups(collections, _as(r.QueryGroups, request), _recommendation(request))


def _as(newer: type[r.Request[Any]], request: r.Request[Any], **fields: Any) -> Any:
    """Return the newer request with the fields that the older one shares with it."""
    shared = set(newer.__struct_fields__).intersection(request.__struct_fields__)
    return newer(**{name: getattr(request, name) for name in shared}, **fields)


def _groups(collections: Collections, request: Any, query: Query | None) -> out.GroupsResult:
    collection = collections(request.collection)
    stage = parse_stage(request, query)
    selection = selection_of(collection, request, default_payload=False)
    return search_groups(collections, collection, stage, selection, request)


def _batch(answer: Handler) -> Handler:
    """Return the function that answers the searches of a batch, in their order."""

    def answer_all(collections: Collections, request: Any) -> list[Any]:
        searches = request.searches
        if len(searches) > MAX_BATCH_SEARCHES:
            raise BadInput(f"{len(searches)} searches; at most {MAX_BATCH_SEARCHES} in one request")
        answers = []
        for search in searches:
            check_deadline()
            answers.append(answer(collections, _named(request, search)))
        return answers

    return answer_all


def _named(batch: Any, search: Any) -> Any:
    """Return a search of a batch with the batch's collection."""
    if search.collection == batch.collection:
        return search
    return msgspec.structs.replace(search, collection=batch.collection)


def _of_one(answer: Callable[[Collection, Any], Any]) -> Handler:
    """Return the handler that calls a function of one collection."""
    return lambda collections, request: answer(collections(request.collection), request)


def _retrieve(collection: Collection, request: r.Retrieve) -> list[Record]:
    return retrieve(collection, request)


HANDLERS: dict[type, Handler] = {
    r.Retrieve: _of_one(_retrieve),
    r.GetPoint: _of_one(get_point),
    r.Scroll: _of_one(scroll),
    r.Count: _of_one(count),
    r.QueryPoints: _query,
    r.QueryBatch: _batch(_query),
    r.QueryGroups: _query_groups,
    r.Search: _search,
    r.SearchBatch: _batch(_search),
    r.SearchGroups: _search_groups,
    r.Recommend: _recommend,
    r.RecommendBatch: _batch(_recommend),
    r.RecommendGroups: _recommend_groups,
    r.Discover: _discover,
    r.DiscoverBatch: _batch(_discover),
    r.Facet: _of_one(facet),
    r.MatrixPairs: _of_one(matrix_pairs),
    r.MatrixOffsets: _of_one(matrix_offsets),
}
