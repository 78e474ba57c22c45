"""The methods that read points: search, query, retrieve, scroll, count."""

from collections.abc import Iterator, Mapping
from operator import index
from typing import Any

import msgspec

from ruvector.client.columns import as_id, as_ids
from ruvector.client.transport import Transport
from ruvector.errors import BadInput, MalformedRequest
from ruvector.model import requests as r
from ruvector.model.filters import shorthand
from ruvector.model.ids import PointId
from ruvector.model.points import Hit, Record

Filter = Mapping[str, Any]
_VECTOR_FIELDS = {"indices", "text", "image", "object"}  # of a sparse vector, or for a model
PAGE_SIZE = 1000  # of `iterate`: 1 MB of 1 KB payloads


class SearchCalls:
    """Reads of points."""

    _transport: Transport

    def search(
        self,
        name: str,
        query_vector: Any = None,
        limit: int = 10,
        *,
        query_id: PointId | None = None,
        using: str | None = None,
        filter: Filter | None = None,
        params: Mapping[str, Any] | r.SearchParams | None = None,
        score_threshold: float | None = None,
        offset: int | None = None,
        with_payload: Any = True,
        with_vectors: Any = False,
    ) -> list[Hit]:
        """Return the points nearest to a vector, or to the stored point `query_id`, best first.

        `query_vector` is float32 [dim]; `using` names the vector to compare with. `filter` is
        shorthand (``{"type": "doc"}``, ``{"year": {"gte": 2020}}``) or a full Qdrant filter.
        `params`: hnsw_ef, exact, indexed_only. Scores below `score_threshold` (for distances:
        above) are left out. `with_payload` and `with_vectors` take True, False or the names
        wanted.
        """
        return self._transport.execute(
            _search(
                name,
                query_vector,
                limit,
                query_id=query_id,
                using=using,
                filter=filter,
                params=params,
                score_threshold=score_threshold,
                offset=offset,
                with_payload=with_payload,
                with_vectors=with_vectors,
            )
        ).points

    def search_batch(
        self,
        name: str,
        queries: Any,
        limit: int = 10,
        *,
        using: str | None = None,
        filter: Filter | None = None,
        params: Mapping[str, Any] | r.SearchParams | None = None,
        score_threshold: float | None = None,
        offset: int | None = None,
        with_payload: Any = True,
        with_vectors: Any = False,
    ) -> list[list[Hit]]:
        """Answer several searches in one request, in their order.

        `queries` is an array [q, dim], or a list of vectors and of dicts with arguments of
        `search` that take the place of those given here for all.
        """
        shared: dict[str, Any] = {
            "limit": limit,
            "using": using,
            "filter": filter,
            "params": params,
            "score_threshold": score_threshold,
            "offset": offset,
            "with_payload": with_payload,
            "with_vectors": with_vectors,
        }
        searches = [_search("", **{**shared, **_arguments(query)}) for query in queries]
        results = self._transport.execute(r.QueryBatch(collection=name, searches=searches))
        return [result.points for result in results]

    def query(
        self,
        name: str,
        query: Any = None,
        limit: int = 10,
        *,
        using: str | None = None,
        filter: Filter | None = None,
        params: Mapping[str, Any] | r.SearchParams | None = None,
        score_threshold: float | None = None,
        offset: int | None = None,
        with_payload: Any = True,
        with_vectors: Any = False,
        prefetch: Any = None,
        lookup_from: Mapping[str, Any] | None = None,
    ) -> list[Hit]:
        """Return what a query of Qdrant's API asks for: a vector, a point's id, or a query object.

        ``{"recommend": {"positive": [1, 2]}}`` is such an object; None lists points in the order
        of their ids. `prefetch`: searches ``{"query": .., "using": .., "limit": ..}`` whose results
        the query merges (``{"fusion": "rrf"}``) or scores again. `lookup_from`: the collection
        whose points the ids of the query name.
        """
        return self._transport.execute(
            r.QueryPoints(
                collection=name,
                query=query,
                using=using,
                filter=None if filter is None else shorthand(filter),
                params=None if params is None else search_params(params),
                score_threshold=score_threshold,
                limit=whole(limit, "limit"),
                offset=None if offset is None else whole(offset, "offset"),
                with_payload=with_payload,
                with_vector=with_vectors,
                prefetch=prefetch,
                lookup_from=lookup_from,
            )
        ).points

    def retrieve(
        self, name: str, ids: Any, *, with_payload: Any = True, with_vectors: Any = False
    ) -> list[Record]:
        """Return the points with these ids (one or many); ids that do not exist are left out."""
        return self._transport.execute(
            r.Retrieve(
                collection=name,
                ids=list(as_ids(ids)),
                with_payload=with_payload,
                with_vector=with_vectors,
            )
        )

    def scroll(
        self,
        name: str,
        *,
        filter: Filter | None = None,
        limit: int = 10,
        offset: PointId | None = None,
        with_payload: Any = True,
        with_vectors: Any = False,
        order_by: str | Mapping[str, Any] | None = None,
    ) -> tuple[list[Record], PointId | None]:
        """Return a page of points in the order of their ids, and the next page's offset or None.

        `order_by`: a payload key with an index of ranges, or ``{"key", "direction",
        "start_from"}``; then there is no next page: start from the last value instead.
        """
        page = self._transport.execute(
            r.Scroll(
                collection=name,
                offset=None if offset is None else as_id(offset),
                limit=whole(limit, "limit"),
                filter=None if filter is None else shorthand(filter),
                with_payload=with_payload,
                with_vector=with_vectors,
                order_by=order_by,
            )
        )
        return page.points, page.next_page_offset

    def iterate(
        self,
        name: str,
        filter: Filter | None = None,
        *,
        page_size: int = PAGE_SIZE,
        with_payload: Any = True,
        with_vectors: Any = False,
    ) -> Iterator[Record]:
        """Yield every point that matches, in the order of their ids, reading a page at a time."""
        for page in self._pages(name, filter, page_size, with_payload, with_vectors):
            yield from page

    def scroll_all(
        self,
        name: str,
        filter: Filter | None = None,
        *,
        with_payload: Any = True,
        with_vectors: Any = False,
    ) -> list[Record]:
        """Return every point that matches, in the order of their ids, as one list."""
        pages = self._pages(name, filter, PAGE_SIZE, with_payload, with_vectors)
        return [record for page in pages for record in page]

    def count(self, name: str, filter: Filter | None = None, *, exact: bool = True) -> int:
        """Return how many points there are, or match a filter."""
        return self._transport.execute(
            r.Count(
                collection=name, filter=None if filter is None else shorthand(filter), exact=exact
            )
        ).count

    def _pages(
        self,
        name: str,
        filter: Filter | None,
        page_size: int,
        with_payload: Any,
        with_vectors: Any,
    ) -> Iterator[list[Record]]:
        offset: PointId | None = None
        while True:
            page, offset = self.scroll(
                name,
                filter=filter,
                limit=page_size,
                offset=offset,
                with_payload=with_payload,
                with_vectors=with_vectors,
            )
            yield page
            if offset is None:
                return


def _search(
    name: str,
    query_vector: Any = None,
    limit: int = 10,
    *,
    query_id: PointId | None = None,
    using: str | None = None,
    filter: Filter | None = None,
    params: Mapping[str, Any] | r.SearchParams | None = None,
    score_threshold: float | None = None,
    offset: int | None = None,
    with_payload: Any = True,
    with_vectors: Any = False,
) -> r.QueryPoints:
    """Return the request of one search."""
    if (query_vector is None) == (query_id is None):
        raise BadInput("exactly one of query_vector and query_id must be given")
    if query_vector is None:
        query_vector = as_id(query_id)
    elif isinstance(query_vector, int | str) or (
        isinstance(query_vector, Mapping) and not _VECTOR_FIELDS.intersection(query_vector)
    ):
        raise BadInput(
            f"query_vector is {query_vector!r}; it must be a vector. Use query_id= for a stored "
            "point, using= for a named vector, or query() for a query object"
        )
    return r.QueryPoints(
        collection=name,
        query=query_vector,
        using=using,
        filter=None if filter is None else shorthand(filter),
        params=None if params is None else search_params(params),
        score_threshold=score_threshold,
        limit=whole(limit, "limit"),
        offset=None if offset is None else whole(offset, "offset"),
        with_payload=with_payload,
        with_vector=with_vectors,
    )


def _arguments(query: Any) -> dict[str, Any]:
    if not isinstance(query, Mapping):
        return {"query_vector": query}
    unknown = set(query) - _SEARCH_ARGUMENTS
    if unknown:
        raise BadInput(f"a search of the batch has the unknown argument {sorted(unknown)[0]!r}")
    return dict(query)


_SEARCH_ARGUMENTS = {name for name in SearchCalls.search.__kwdefaults__ or {} if name != "name"} | {
    "query_vector",
    "limit",
}


def search_params(params: Mapping[str, Any] | r.SearchParams) -> r.SearchParams:
    """Return the parameters of a search given as a dict."""
    if isinstance(params, r.SearchParams):
        return params
    try:
        return msgspec.convert(params, r.SearchParams)
    except msgspec.ValidationError as error:
        raise MalformedRequest(f"params: {error}") from error


def whole(value: Any, argument: str) -> int:
    """Return a whole number; BadInput names the argument that is none."""
    if type(value) is int:
        return value
    try:
        return index(value)
    except TypeError as error:
        raise BadInput(f"{argument} is {value!r}; it must be a whole number") from error
