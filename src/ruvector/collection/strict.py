"""Does a request stay within the limits of its collection's strict mode?

Checked before a request is executed, and only where strict mode is enabled. A refusal is Forbidden
(403) and says what helps; too many requests in a minute are RateLimited (429). Batches count as
their parts.
"""

from collections.abc import Iterator
from typing import Any

from ruvector.collection.collection import Collection
from ruvector.collection.points import PreparedPoints
from ruvector.collection.ragged import Ragged
from ruvector.errors import Forbidden, StorageFull
from ruvector.model import requests as r
from ruvector.model.filters import (
    Condition,
    Filter,
    HasId,
    HasVector,
    IsEmpty,
    IsNull,
    MatchAny,
    MatchExcept,
    Nested,
    parse_filter,
)
from ruvector.model.operations import OPERATION_OF, Kind
from ruvector.model.strict import StrictMode
from ruvector.storage import machine

_LIMITED = (r.Upsert, r.UpdateVectors, r.SetPayload, r.OverwritePayload)


def check_strict(collection: Collection, request: Any, strict: StrictMode) -> None:
    """Raise Forbidden or RateLimited where a request goes beyond a limit."""
    _at_most(strict, "max_timeout", getattr(request, "timeout", None), "timeout")
    if OPERATION_OF[type(request)].kind is Kind.READ:
        _check_reads(collection, request, strict)
    elif OPERATION_OF[type(request)].kind is Kind.WRITE:
        _check_writes(collection, request, strict)


def _check_reads(collection: Collection, request: Any, strict: StrictMode) -> None:
    searches = getattr(request, "searches", None)
    parts = [request] if searches is None else searches
    if searches is not None:
        _at_most(strict, "search_max_batchsize", len(parts), "batch size")
    rate = strict.limit("read_rate_limit")
    if rate is not None and parts and not isinstance(request, r.GetCollection | r.CollectionExists):
        collection.reads.take(rate, len(parts), "reading")
    for part in parts:
        _check_search(collection, part, strict)


def _check_search(collection: Collection, request: Any, strict: StrictMode) -> None:
    for stage in _stages(request):
        _at_most(strict, "max_query_limit", _field(stage, "limit"), "limit")
        _check_params(_field(stage, "params"), strict)
        filter = _field(stage, "filter")
        _check_filter(collection, filter, strict, "unindexed_filtering_retrieve")


def _field(given: Any, name: str) -> Any:
    """Return a field of a request, or of the object that stands for one."""
    return given.get(name) if isinstance(given, dict) else getattr(given, name, None)


def _stages(request: Any) -> Iterator[Any]:
    """Yield a request and its prefetches, at every depth; a loop, as others choose the depth."""
    waiting = [request]
    while waiting:
        stage = waiting.pop()
        yield stage
        inner = _field(stage, "prefetch")
        waiting.extend(
            one for one in (inner if isinstance(inner, list) else [inner]) if isinstance(one, dict)
        )


def _check_params(params: Any, strict: StrictMode) -> None:
    if params is None:
        return
    _at_most(strict, "search_max_hnsw_ef", _field(params, "hnsw_ef"), "hnsw_ef")
    if _field(params, "exact") and strict.limit("search_allow_exact") is False:
        raise _refusal("Exact search is not allowed", "Set exact to false")
    quantization = _field(params, "quantization")
    oversampling = _field(quantization, "oversampling")  # of an object, or of one in a prefetch
    _at_most(strict, "search_max_oversampling", oversampling, "oversampling")


def _check_writes(collection: Collection, request: Any, strict: StrictMode) -> None:
    operations = getattr(request, "operations", None)
    parts = [request] if operations is None else operations
    rate = strict.limit("write_rate_limit")
    if rate is not None and parts:
        collection.writes.take(rate, len(parts), "writing")
    for part in parts:
        if isinstance(part, r.Upsert | r.UpdateVectors):
            _at_most(strict, "upsert_max_batchsize", len(part.points), "upsert limit")
        if isinstance(part, _LIMITED):
            _check_sizes(collection, strict)
            _check_memory(strict)
        filter = getattr(part, "filter", None)
        _check_filter(collection, filter, strict, "unindexed_filtering_update")
        if isinstance(part, r.CreateFieldIndex):
            _check_index_count(collection, part, strict)


def _check_sizes(collection: Collection, strict: StrictMode) -> None:
    """Refuse what makes a collection larger that is as large as it may be."""
    most = {
        name: limit
        for name in (
            "max_points_count",
            "max_collection_vector_size_bytes",
            "max_collection_payload_size_bytes",
        )
        if (limit := strict.limit(name)) is not None
    }
    if not most:
        return
    with collection.view() as view:
        sizes = {
            "max_points_count": len(view.live),
            "max_collection_vector_size_bytes": view.vector_bytes,
            "max_collection_payload_size_bytes": view.reader.points_bytes,
        }
    for name, limit in most.items():
        if sizes[name] >= limit:
            raise _refusal(
                f"{_SIZES[name]} is {sizes[name]}; the limit {name} is {limit}",
                "Delete points, or raise the limit",
            )


_SIZES = {
    "max_points_count": "Number of points",
    "max_collection_vector_size_bytes": "Size of the vectors in bytes",
    "max_collection_payload_size_bytes": "Size of the payloads in bytes",
}


def _check_memory(strict: StrictMode) -> None:
    most = strict.limit("max_resident_memory_percent")
    used = None if most is None else machine.memory_percent()
    if used is not None and used >= most:
        raise StorageFull(
            f"resident memory of this node is at {used} %; the limit "
            f"max_resident_memory_percent of the collection is {most}: "
            "delete points or collections, or raise it"
        )


def check_lengths(collection: Collection, points: PreparedPoints) -> None:
    """Refuse points with a longer sparse vector or multi-vector than strict mode allows."""
    strict = collection.config.strict
    if strict is None:
        return
    for setting, limit_name, what in _LENGTHS:
        for name, limits in (strict.limit(setting) or {}).items():
            most = getattr(limits, limit_name)
            column, _ = points.columns.get(collection.config.key_of(name), (None, None))
            if isinstance(column, Ragged) and isinstance(most, int) and column.longest > most:
                raise _refusal(
                    f"{what} {name!r} has a length of {column.longest}; "
                    f"the limit {setting}.{name}.{limit_name} is {most}",
                    "Write shorter ones, or raise the limit",
                )


_LENGTHS = (
    ("sparse_config", "max_length", "Sparse vector"),
    ("multivector_config", "max_vectors", "Multi-vector"),
)


def _check_index_count(
    collection: Collection, request: r.CreateFieldIndex, strict: StrictMode
) -> None:
    most = strict.limit("max_payload_index_count")
    with collection.shard.lock:
        schemas = collection.shard.indexes.schemas()
    if most is not None and request.field_name not in schemas and len(schemas) >= most:
        raise _refusal(
            f"Collection has {len(schemas)} payload indexes; the limit is {most}",
            "Delete an index that is not needed",
        )


def _check_filter(collection: Collection, source: Any, strict: StrictMode, unindexed: str) -> None:
    if source is None:
        return
    filter = parse_filter(source)
    if filter is None:
        return
    conditions = list(_conditions(filter, ""))
    _at_most(strict, "filter_max_conditions", len(conditions), "filter conditions")
    for _, condition in conditions:
        if isinstance(condition, MatchAny | MatchExcept):
            _at_most(strict, "condition_max_size", len(condition.values), "condition size")
        elif isinstance(condition, HasId):
            _at_most(strict, "condition_max_size", len(condition.ids), "condition size")
    if strict.limit(unindexed) is False:
        keys = unindexed_keys(collection, filter)
        if keys:
            raise _refusal(
                f"Index required but not found for {', '.join(map(repr, keys))}",
                "Create an index for this key or use a different filter",
            )


def unindexed_keys(collection: Collection, filter: Filter) -> list[str]:
    """Return the fields that a filter looks at, and no index answers for."""
    with collection.shard.lock:
        indexes = collection.shard.indexes
        return sorted(
            {
                key
                for key, condition in _conditions(filter, "")
                if key and not _is_served(indexes.get(key), condition)
            }
        )


def _is_served(index: Any, condition: Condition) -> bool:
    if isinstance(condition, IsEmpty | IsNull):
        return True  # every scan of the planner is bounded by rows with the field
    return index is not None and index.estimate(condition) is not None


def _conditions(part: Condition, prefix: str) -> Iterator[tuple[str, Condition]]:
    """Yield every simple condition with the key that an index of it would have."""
    if isinstance(part, Filter):
        for inner in (*part.must, *part.should, *part.must_not):
            yield from _conditions(inner, prefix)
        if part.min_should is not None:
            for inner in part.min_should.conditions:
                yield from _conditions(inner, prefix)
    elif isinstance(part, Nested):
        yield from _conditions(part.filter, f"{prefix}{part.key.removesuffix('[]')}[].")
    elif isinstance(part, HasId | HasVector) or not hasattr(part, "key"):
        yield "", part
    else:
        yield prefix + part.key, part


def _at_most(strict: StrictMode, name: str, value: Any, what: str) -> None:
    most = strict.limit(name)
    if most is not None and isinstance(value, int | float) and value > most:
        raise _refusal(
            f'Limit exceeded {value} > {most} for "{what}"',
            f'Reduce the "{what}" parameter to or below {most}',
        )


def _refusal(problem: str, way_out: str) -> Forbidden:
    return Forbidden(f"{problem}. Help: {way_out}.")
