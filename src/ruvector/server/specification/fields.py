"""What may stand in the fields of bodies that their types leave open? Unions and bounds, by name.

A row is for every body with a field of that name, or for one body's alone where the body is named.
A union fills in a field whose type says nothing; a bound replaces a field's type, and keeps that it
may be null.
"""

from typing import get_args

import msgspec

from ruvector.model.configs import (
    HNSW_RANGES,
    OPTIMIZERS_RANGES,
    TURBO4,
    WAL_RANGES,
    Datatype,
    Distance,
    Modifier,
    Ranges,
    SparseVectorParams,
    VectorParams,
)
from ruvector.model.lifetimes import NO_TTL, TTL_MAX_SECONDS, TTL_MIN_SECONDS
from ruvector.model.limits import (
    MAX_BEAM,
    MAX_DIMENSIONS,
    MAX_GROUP_SIZE,
    MAX_LIMIT,
    MAX_SAMPLE,
)
from ruvector.model.quantization import DISABLED, QuantizationConfig
from ruvector.model.queries import STRATEGIES
from ruvector.model.strict import STRICT_RANGES, StrictMode
from ruvector.model.wire.bodies import ALIASED, ALIASES
from ruvector.model.wire.decode import BATCH_CHANGES
from ruvector.server.specification.indexes import FIELD_SCHEMA
from ruvector.server.specification.queries import PAIRS, QUERIES
from ruvector.server.specification.values import FILTERS, FLOAT, FORMULAS, VECTORS
from ruvector.server.specification.words import (
    ANYTHING,
    BOOLEAN,
    NULL,
    Schema,
    any_of,
    array,
    by_name,
    choice,
    number,
    obj,
    optional,
    ref,
    tagged,
    whole,
)

COMPONENTS: dict[str, Schema] = {
    **VECTORS,
    **FILTERS,
    **FORMULAS,
    **QUERIES,
    "DenseVectorConfig": obj(
        ("size", "distance"),
        size=whole(1, MAX_DIMENSIONS),
        distance=choice(*get_args(Distance)),
        multivector_config=obj(("comparator",), comparator=choice("max_sim")),
        datatype=choice(*get_args(Datatype), TURBO4),
    ),
    "SparseVectorConfig": obj(
        modifier=choice(*get_args(Modifier)), datatype=choice(*get_args(Datatype))
    ),
}
# Types that the unions name and no body does.
STRUCTS = (VectorParams, SparseVectorParams, QuantizationConfig, StrictMode)

_PERCENT = whole(1, 100)
_LIFETIME = number(TTL_MIN_SECONDS, TTL_MAX_SECONDS)
_CREATED, _RENAMED = ("collection_name", "alias_name"), ("old_alias_name", "new_alias_name")
_SELECTION: dict[str, Schema] = {
    "with_payload": ref("PayloadSelector"),
    "with_vector": ref("VectorSelector"),
    "shard_key": ref("ShardKey"),
}
UNIONS: dict[str, Schema] = {
    **_SELECTION,
    "filter": ref("Filter"),
    "update_filter": ref("Filter"),
    "update_mode": choice("upsert", "insert_only", "update_only"),
    "query": ref("Query"),
    "prefetch": ref("Prefetches"),
    "lookup_from": ref("Lookup"),
    "with_lookup": ref("GroupLookup"),
    "order_by": ref("OrderBy"),
    "sort_by": ref("OrderBy"),
    "target": ref("VectorOrId"),
    "positive": array(ref("VectorOrId"), 1),
    "negative": array(ref("VectorOrId"), 1),
    "context": PAIRS,
    "strategy": choice(*STRATEGIES),
    "using": ref("VectorName"),
    "vector": ref("SearchVector"),
    "dense": ref("DenseVectorConfig"),
    "sparse": ref("SparseVectorConfig"),
    "sparse_vectors": by_name(ref("SparseVectorParams")),
    "quantization_config": ref("QuantizationConfig"),
    "strict_mode_config": ref("StrictMode"),
    "payload": ANYTHING,
    "field_schema": FIELD_SCHEMA,
    "acorn": obj(enable=BOOLEAN, max_selectivity=number(0, 1)),
    "idf": any_of(choice("global"), tagged("corpus", ref("Filter"))),
    "actions": array(
        any_of(
            tagged("create_alias", obj(_CREATED, **dict.fromkeys(_CREATED, ref("Name")))),
            tagged("delete_alias", obj(("alias_name",), alias_name=ref("Name"))),
            tagged("rename_alias", obj(_RENAMED, **dict.fromkeys(_RENAMED, ref("Name")))),
        )
    ),
    "operations": array(
        any_of(*(tagged(name, ref(f"{kind.__name__}Body")) for name, kind in BATCH_CHANGES.items()))
    ),
    "ttl_seconds": _LIFETIME,
    "UpdateCollectionBody.ttl_seconds": any_of(_LIFETIME, choice(NO_TTL)),
    "UpdateCollectionBody.quantization_config": any_of(ref("QuantizationConfig"), choice(DISABLED)),
    "CreateCollectionBody.vectors": any_of(ref("VectorParams"), by_name(ref("VectorParams"))),
    "Point.vector": ref("PointVector"),
    "Point.payload": ANYTHING,
    "PointVectors.vector": ref("PointVector"),
    "Batch.vectors": any_of(array(ref("Vector")), by_name(array(ref("Vector")))),
    "Batch.payloads": array(optional(ANYTHING)),
}
SELECTORS = (
    "DeletePointsBody",
    "DeleteVectorsBody",
    "SetPayloadBody",
    "OverwritePayloadBody",
    "DeletePayloadBody",
    "ClearPayloadBody",
)


def _within(name: str, ranges: Ranges) -> dict[str, Schema]:
    """Return the bounds of the fields of one Struct."""
    return {
        f"{name}.{field}": (
            whole(int(low), int(high)) if isinstance(low, int) else number(low, high)
        )
        for field, (low, high) in ranges.items()
    }


BOUNDS: dict[str, Schema] = {
    "limit": whole(1, MAX_LIMIT),
    "offset": whole(0, MAX_LIMIT),
    "group_size": whole(1, MAX_GROUP_SIZE),
    "sample": whole(2, MAX_SAMPLE),
    "hnsw_ef": whole(1, MAX_BEAM),
    "oversampling": number(1, 1e6),
    "score_threshold": FLOAT,
    "Point.ttl_seconds": _LIFETIME,
    "Batch.ttl_seconds": array(optional(_LIFETIME)),
    "size": whole(1, MAX_DIMENSIONS),
    "group_by": ref("PayloadKey"),
    "key": ref("PayloadKey"),
    "keys": array(ref("PayloadKey")),
    "aggregate": array(ref("PayloadKey")),
    "field_name": ref("PayloadKey"),
    "id": ref("PointId"),
    "ids": array(ref("PointId")),
    "using": ref("VectorName"),
    "ScrollBody.offset": ref("PointId"),
    "DeleteVectorsBody.vector": array(ref("VectorName"), 1),
    "MatrixPairsBody.limit": whole(1, MAX_SAMPLE),
    "MatrixOffsetsBody.limit": whole(1, MAX_SAMPLE),
    "max_resident_memory_percent": _PERCENT,
    "max_disk_usage_percent": _PERCENT,
    "release_margin_percent": whole(0, 100),
    **dict.fromkeys(
        ("shard_number", "replication_factor", "write_consistency_factor"),
        whole(1, 1),
    ),
    "sharding_method": choice("auto"),
    **_within("HnswConfigDiff", HNSW_RANGES),
    **_within("OptimizersConfigDiff", OPTIMIZERS_RANGES),
    **_within("WalConfigDiff", WAL_RANGES),
    **_within("StrictMode", STRICT_RANGES),
    "WalConfigDiff.wal_segments_ahead": whole(0, 0),
    "WalConfigDiff.wal_retain_closed": whole(1, 1),
    "ScalarConfig.quantile": number(0.5, 1),
    "VectorParams.datatype": choice(*get_args(Datatype), TURBO4),
    **{f"{body}.points": array(ref("PointId")) for body in SELECTORS},
}
# Fields of which exactly one is given.
ALTERNATIVES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(SELECTORS, ("points", "filter")),
    "UpsertBody": ("points", "batch"),
    "CreateVectorBody": ("dense", "sparse"),
    "QuantizationConfig": ("scalar", "product", "binary", "turbo"),
}
# Fields of which one at least is given.
AT_LEAST_ONE: dict[str, tuple[str, ...]] = {
    "DiscoverBody": ("target", "context"),
    "RecommendBody": ("positive", "negative"),
    "RecommendGroupsBody": ("positive", "negative"),
}
# Other names of fields: Qdrant's own document does not mention them either. A field that has one is
# not required by the body's type, which takes both.
_OTHER_NAMES: dict[str, tuple[str, ...]] = {
    **{f"{request.__name__}Body": aliases for request, aliases in ALIASED.items()},
    "Point": ("vectors",),
    "PointVectors": ("vectors",),
}
_REQUIRED: dict[str, set[str]] = {
    **{
        f"{request.__name__}Body": {
            field.name
            for field in msgspec.structs.fields(request)
            if field.required and field.name in map(ALIASES.get, aliases)
        }
        for request, aliases in ALIASED.items()
    },
    "CreateFieldIndexBody": {"field_schema"},
    "Point": {"vector"},
    "PointVectors": {"vector"},
}


def fill_in(components: dict[str, Schema]) -> None:
    """Tell the open fields of bodies what they hold, and add the unions to the components."""
    for name, component in list(components.items()):
        fields = component.get("properties", {})
        for other in _OTHER_NAMES.get(name, ()):
            fields.pop(other)
        component["required"] = sorted({*component.get("required", ()), *_REQUIRED.get(name, ())})
        for field, schema in fields.items():
            rules = UNIONS if _is_open(schema) else BOUNDS
            rule = rules.get(f"{name}.{field}", rules.get(field))
            if rule is not None:
                may_be_null = _is_open(schema) or _may_be_null(schema)
                is_needed = field in component["required"] or not may_be_null
                fields[field] = rule if is_needed else optional(rule)
        if name in ALTERNATIVES:
            components[name] = _one_of(component, ALTERNATIVES[name], others=False)
        elif name in AT_LEAST_ONE:
            components[name] = _one_of(component, AT_LEAST_ONE[name], others=True)
    components.update(COMPONENTS)


def _one_of(component: Schema, names: tuple[str, ...], *, others: bool) -> Schema:
    """Return the schema of objects with one of these fields, and with or without the others."""
    fields = component["properties"]
    beside = {name: schema for name, schema in fields.items() if others or name not in names}
    required = [name for name in component.get("required", ()) if name not in names]
    about: Schema = {
        name: component[name] for name in ("title", "description") if name in component
    }
    return {
        **about,
        "anyOf": [
            {
                "type": "object",
                "required": [*required, name],
                "properties": {**beside, name: _not_null(fields[name])},
                "additionalProperties": False,
            }
            for name in names
        ],
    }


def _not_null(schema: Schema) -> Schema:
    if not _may_be_null(schema):
        return schema
    parts = [part for part in schema["anyOf"] if part != NULL]
    return parts[0] if len(parts) == 1 else any_of(*parts)


def _may_be_null(schema: Schema) -> bool:
    return NULL in schema.get("anyOf", ())


def _is_open(schema: Schema) -> bool:
    """Say whether a schema says nothing, or no more than that it is an object or a list of them."""
    if "anyOf" in schema:
        return all(_is_open(part) or part == NULL for part in schema["anyOf"])
    if schema.get("type") == "array":
        return _is_open(schema.get("items", {}))
    is_named = "title" in schema or "properties" in schema or "$ref" in schema
    return not is_named and schema.get("type", "object") == "object"
