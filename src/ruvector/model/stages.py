"""Which searches make up one query? The tree of prefetches, read and checked.

A stage searches the collection, or, where it has prefetches, merges or scores again what they
found. A filter holds for everything below its stage. Pure.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ruvector.errors import BadInput, InvalidRequest, MalformedRequest
from ruvector.model.filters import Filter, parse_filter
from ruvector.model.limits import MAX_PREFETCH_DEPTH, MAX_PREFETCHES
from ruvector.model.queries import (
    Dbsf,
    Query,
    Rrf,
    check_limit,
    check_offset,
    check_threshold,
    parse_query,
)
from ruvector.model.reading import list_of, object_of, required, text_of
from ruvector.model.requests import SearchParams
from ruvector.model.shard_keys import refuse_shard_key

DEFAULT_PARAMS: Final = SearchParams()
_PREFETCH_FIELDS: Final = (
    "prefetch",
    "query",
    "using",
    "filter",
    "params",
    "score_threshold",
    "limit",
    "lookup_from",
)


class Lookup(msgspec.Struct, frozen=True):
    """Where stored points that a query names are looked up: a collection and a vector's name."""

    collection: str
    vector: str | None = None


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One search or merge. `filter` includes those of the stages above."""

    query: Query | None
    using: str | None
    filter: Filter | None
    params: SearchParams
    score_threshold: float | None
    limit: int
    offset: int = 0
    lookup: Lookup | None = None
    prefetches: tuple["Stage", ...] = ()
    path: str = ""


def parse_stage(request: Any, query: Query | None) -> Stage:
    """Return the tree of a request with the fields of QueryPoints, whose `query` was read."""
    filter = parse_filter(request.filter)
    reader = _Reader()
    return _checked(
        Stage(
            query=query,
            using=None if request.using is None else text_of(request.using, "using"),
            filter=filter,
            params=request.params or DEFAULT_PARAMS,
            score_threshold=check_threshold(request.score_threshold),
            limit=check_limit(request.limit),
            offset=check_offset(getattr(request, "offset", None)),
            lookup=parse_lookup(request.lookup_from, "lookup_from"),
            prefetches=reader.prefetches(request.prefetch, "prefetch", filter, 1),
        )
    )


def parse_lookup(source: Any, path: str) -> Lookup | None:
    """Return the place of {"collection", "vector"}."""
    if source is None:
        return None
    given = object_of(source, path, ("collection", "vector", "shard_key"))
    required(given, path, "collection")
    refuse_shard_key(given.get("shard_key"), f"{path}.shard_key")
    vector = given.get("vector")
    return Lookup(
        text_of(given["collection"], f"{path}.collection"),
        None if vector is None else text_of(vector, f"{path}.vector"),
    )


class _Reader:
    """One reading of one tree; counts its stages."""

    def __init__(self) -> None:
        self.stages = 0

    def prefetches(
        self, source: Any, path: str, above: Filter | None, depth: int
    ) -> tuple[Stage, ...]:
        if isinstance(source, Mapping):
            source = [source]
        return tuple(
            self.stage(prefetch, f"{path}[{i}]", above, depth)
            for i, prefetch in enumerate(list_of(source, path, MAX_PREFETCHES))
        )

    def stage(self, source: Any, path: str, above: Filter | None, depth: int) -> Stage:
        self.stages += 1
        if self.stages > MAX_PREFETCHES:
            raise BadInput(f"{path}: a query has at most {MAX_PREFETCHES} prefetches")
        if depth > MAX_PREFETCH_DEPTH:
            rule = f"must be nested at most {MAX_PREFETCH_DEPTH} deep"
            raise InvalidRequest.of("prefetch", "of deeper prefetches", rule)
        given = object_of(source, path, _PREFETCH_FIELDS)
        filter = _both(above, parse_filter(given.get("filter"), path=f"{path}.filter"))
        using = given.get("using")
        return _checked(
            Stage(
                query=parse_query(given.get("query"), f"{path}.query"),
                using=None if using is None else text_of(using, f"{path}.using"),
                filter=filter,
                params=_params(given.get("params"), f"{path}.params"),
                score_threshold=check_threshold(
                    given.get("score_threshold"), f"{path}.score_threshold"
                ),
                limit=check_limit(given.get("limit"), path=f"{path}.limit"),
                lookup=parse_lookup(given.get("lookup_from"), f"{path}.lookup_from"),
                prefetches=self.prefetches(
                    given.get("prefetch"), f"{path}.prefetch", filter, depth + 1
                ),
                path=f"{path}.",
            )
        )


def _checked(stage: Stage) -> Stage:
    """Refuse a stage that contradicts itself."""
    query, sources = stage.query, len(stage.prefetches)
    if query is None and sources:
        raise BadInput(f"A query is needed to merge the prefetches; give {stage.path}query")
    if isinstance(query, Rrf | Dbsf) and stage.using is not None:
        raise BadInput(f"{stage.path}using has no meaning for a fusion; leave it out")
    if isinstance(query, Rrf) and query.weights is not None and len(query.weights) != sources:
        raise BadInput(
            f"{stage.path}query.rrf.weights has {len(query.weights)} weights for {sources} "
            "prefetches; give one for each"
        )
    return stage


def _both(above: Filter | None, own: Filter | None) -> Filter | None:
    if above is None or own is None:
        return above or own
    return Filter(must=(above, own))


def _params(source: Any, path: str) -> SearchParams:
    if source is None:
        return DEFAULT_PARAMS
    if isinstance(source, SearchParams):
        return source
    try:
        return msgspec.convert(source, SearchParams)
    except msgspec.ValidationError as error:
        raise MalformedRequest(f"{path}: {error}") from error
