"""Which configuration does a new or changed collection get, and how is it described?"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ruvector.collection.collection import Collection
from ruvector.collection.shard import Shard
from ruvector.errors import BadInput, InvalidRequest
from ruvector.model.collection_defaults import BUILT_IN, CollectionDefaults
from ruvector.model.configs import (
    NO_GRAPH,
    CollectionConfig,
    CollectionParams,
    HnswConfig,
    HnswConfigDiff,
    OptimizersConfig,
    OptimizersConfigDiff,
    SparseIndexParams,
    SparseVectorParams,
    VectorParams,
    VectorParamsDiff,
    WalConfig,
    check_hnsw,
    check_optimizers,
    check_placed,
    check_wal,
    merge,
    refuse,
)
from ruvector.model.datetimes import utc_text
from ruvector.model.lifetimes import NO_TTL, parse_ttl
from ruvector.model.names import check_name
from ruvector.model.points import encode_json_object
from ruvector.model.quantization import (
    DISABLED,
    check_distance,
    check_quantization,
    parse_quantization,
)
from ruvector.model.requests import CreateCollection, UpdateCollection
from ruvector.model.results import (
    CollectionInfo,
    CollectionWarning,
    PayloadIndexInfo,
    UpdateQueueInfo,
)
from ruvector.model.strict import parse_strict_mode
from ruvector.model.vector_params import (
    check_names_differ,
    check_vector_memory,
    parse_dense,
    parse_sparse_vectors,
    parse_vectors,
    with_quantization,
)

_ONE_SHARD = "a collection is one shard on one node"


def new_config(
    request: CreateCollection, defaults: CollectionDefaults = BUILT_IN
) -> CollectionConfig:
    """Return the configuration of a new collection; settings that would be ignored are refused.

    `defaults`: what holds where the request says nothing.
    """
    check_name(request.collection, "collection_name")
    check_placed(request, "")
    refuse("sharding_method", request.sharding_method, ("auto",), _ONE_SHARD)
    for name in ("shard_number", "replication_factor", "write_consistency_factor"):
        value = getattr(request, name)
        if value is not None and value < 1:
            raise InvalidRequest.of(name, value, "must be 1 or larger")
        refuse(name, value, (1,), _ONE_SHARD)
    check_hnsw(request.hnsw_config, "hnsw_config")
    check_optimizers(request.optimizers_config)
    check_wal(request.wal_config)
    quantization = request.quantization_config
    if quantization is None:
        quantization = defaults.quantization_config
    if quantization is not None:
        quantization = parse_quantization(quantization, "quantization_config")
    vectors = _placed(parse_vectors(request.vectors), defaults.vectors_on_disk)
    sparse = parse_sparse_vectors(request.sparse_vectors)
    check_names_differ(vectors, sparse)
    config = CollectionConfig(
        params=CollectionParams(
            vectors=vectors,
            sparse_vectors=sparse or UNSET,
            on_disk_payload=_first(request.on_disk_payload, defaults.on_disk_payload) is not False,
            payload=UNSET if request.payload is None else request.payload,
            id_tracker=UNSET if request.id_tracker is None else request.id_tracker,
        ),
        hnsw_config=merge(merge(HnswConfig(), defaults.hnsw_config), request.hnsw_config),
        optimizer_config=merge(
            merge(OptimizersConfig(), defaults.optimizers_config), request.optimizers_config
        ),
        wal_config=merge(merge(WalConfig(), defaults.wal_config), request.wal_config),
        strict_mode_config=parse_strict_mode(
            request.strict_mode_config, defaults.strict_mode_config or UNSET
        ),
        quantization_config=quantization,
        metadata=UNSET if request.metadata is None else _checked(request.metadata),
        ttl_seconds=_ttl(request.ttl_seconds, UNSET),
    )
    check_codes(config)
    return config


def _first(given: bool | None, default: bool | None) -> bool | None:
    return default if given is None else given


def _placed(vectors: dict[str, VectorParams], on_disk: bool | None) -> dict[str, VectorParams]:
    """Return the vectors with `on_disk` where they say nothing of it, nor of `memory`."""
    if on_disk is None:
        return vectors
    return {
        name: params
        if isinstance(params.on_disk, bool) or isinstance(params.memory, str)
        else msgspec.structs.replace(params, on_disk=on_disk)
        for name, params in vectors.items()
    }


def changed_config(config: CollectionConfig, request: UpdateCollection) -> CollectionConfig:
    """Return the configuration with the request's settings in place of the old ones."""
    check_hnsw(request.hnsw_config, "hnsw_config")
    check_optimizers(request.optimizers_config)
    params = request.params
    if params is not None:
        for name in ("replication_factor", "write_consistency_factor"):
            refuse(f"params.{name}", getattr(params, name), (1,), _ONE_SHARD)
        check_placed(params, "params.")
        for name in ("read_fan_out_factor", "read_fan_out_delay_ms"):
            refuse(f"params.{name}", getattr(params, name), why=_ONE_SHARD)
    vectors = dict(config.params.vectors)
    for name, diff in (request.vectors or {}).items():
        if name not in vectors:
            raise BadInput(f"Not existing vector name error: {name}")
        vectors[name] = _changed_vector(vectors[name], diff, name)
    sparse = dict(config.params.sparse_vectors or {})
    for name, given in parse_sparse_vectors(request.sparse_vectors).items():
        if name not in sparse:
            raise BadInput(f"Not existing vector name error: {name}")
        sparse[name] = _changed_sparse(sparse[name], given, name)
    metadata = config.metadata
    if request.metadata is not None:
        metadata = _merged(metadata or {}, _checked(request.metadata))
    quantization = config.quantization_config
    if request.quantization_config == DISABLED:
        quantization = None
    elif request.quantization_config is not None:
        quantization = parse_quantization(request.quantization_config, "quantization_config")
    changed = msgspec.structs.replace(
        config,
        params=msgspec.structs.replace(
            merge(config.params, params), vectors=vectors, sparse_vectors=sparse or UNSET
        ),
        quantization_config=quantization,
        hnsw_config=merge(config.hnsw_config, request.hnsw_config),
        optimizer_config=merge(config.optimizer_config, request.optimizers_config),
        strict_mode_config=parse_strict_mode(request.strict_mode_config, config.strict_mode_config),
        metadata=metadata,
        ttl_seconds=_ttl(request.ttl_seconds, config.ttl_seconds),
    )
    check_codes(changed)
    return changed


def check_codes(config: CollectionConfig) -> None:
    """Refuse a choice for all vectors that one of them cannot have."""
    for name, params in config.params.vectors.items():
        quantization = config.quantization_of(name)
        if quantization is not None:
            which = f"quantization_config of vector {name!r}"
            check_distance(quantization, params.distance, which)


def checked_config(config: CollectionConfig) -> CollectionConfig:
    """Return a configuration that came in a file; refuse what no request could have made."""
    params = config.params
    vectors = {n: parse_dense(n, msgspec.to_builtins(v)) for n, v in params.vectors.items()}
    sparse = parse_sparse_vectors(msgspec.to_builtins(params.sparse_vectors or {}))
    check_names_differ(vectors, sparse)
    for name in ("shard_number", "replication_factor", "write_consistency_factor"):
        refuse(name, getattr(params, name), (1,), _ONE_SHARD)
    check_placed(params, "")
    check_hnsw(merge(HnswConfigDiff(), config.hnsw_config), "hnsw_config")
    check_optimizers(merge(OptimizersConfigDiff(), config.optimizer_config))
    if config.quantization_config is not None:
        check_quantization(config.quantization_config, "quantization_config")
    check_codes(config)
    return config


def describe(collection: Collection) -> CollectionInfo:
    """Return what is known of a collection."""
    shard = collection.shard
    with collection.view() as view:
        points, segments = len(view.live), view.segments
    indexed = sum(segment.indexed(name) for segment in segments for name in segment.counts)
    return CollectionInfo(
        status=collection.status,
        optimizer_status=collection.optimizer_status,
        points_count=points,
        indexed_vectors_count=indexed,
        segments_count=max(1, len(segments)),
        config=echo(collection.config),
        payload_schema=index_infos(shard),
        update_queue=UpdateQueueInfo(shard.store.waiting, _deferred(collection.config)),
        created_at=_moment(collection.config.created_at),
        warnings=list(map(CollectionWarning, warnings_of(collection.config))) or UNSET,
    )


def warnings_of(config: CollectionConfig) -> Iterator[str]:
    """Yield what settings ask for and cannot have as things stand."""
    for name in config.params.vectors:
        hnsw = config.hnsw_of(name)
        if hnsw.inline_storage is True and (config.code_of(name) is None or hnsw.m == NO_GRAPH):
            yield (
                f"hnsw_config.inline_storage of vector {name!r} is true and changes nothing: there "
                "are copies of codes and originals where a vector is quantized and has a graph; "
                "set quantization_config, and m"
            )


def _deferred(config: CollectionConfig) -> int | UnsetType:
    return 0 if config.optimizer_config.prevent_unoptimized is True else UNSET


def _moment(milliseconds: int | UnsetType) -> str | UnsetType:
    return UNSET if isinstance(milliseconds, UnsetType) else utc_text(milliseconds / 1000)


def index_infos(shard: Shard) -> dict[str, PayloadIndexInfo]:
    """Return what is known of each payload index."""
    with shard.lock:
        schemas = shard.indexes.schemas()
    return {
        field: _index_info(schema, _points_indexed(shard, field))
        for field, schema in schemas.items()
    }


def _points_indexed(shard: Shard, field: str) -> int:
    """Return the rows with a value of the index's type; a cold index is filled to tell."""
    shard.filling.fill_declared((field,))
    with shard.lock:
        return shard.indexes.counts.get(field, 0)


def _changed_vector(params: VectorParams, diff: VectorParamsDiff, name: str) -> VectorParams:
    path = f"vectors.{name}" if name else "vectors"
    check_vector_memory(diff.memory, path)
    params = with_quantization(params, diff.quantization_config, path)
    check_hnsw(diff.hnsw_config, f"{path}.hnsw_config")
    if isinstance(diff.hnsw_config, HnswConfigDiff):
        old, given = params.hnsw_config, diff.hnsw_config
        base = old if isinstance(old, HnswConfigDiff) else HnswConfigDiff()
        changed = UNSET if given == HnswConfigDiff() else merge(base, given)  # {}: none of its own
        params = msgspec.structs.replace(params, hnsw_config=changed)
    if isinstance(diff.on_disk, bool):
        params = msgspec.structs.replace(params, on_disk=diff.on_disk)
    if isinstance(diff.memory, str):
        params = msgspec.structs.replace(params, memory=diff.memory)
    return params


def _changed_sparse(
    params: SparseVectorParams, changed: SparseVectorParams, name: str
) -> SparseVectorParams:
    """Return the parameters with what was given in place of the old; what shapes data stays."""
    index = merge(params.index_or_default, changed.index_or_default)
    if index.datatype != params.index_or_default.datatype:
        raise BadInput(f"sparse_vectors.{name}.index.datatype cannot be changed")
    modifier = params.modifier if changed.modifier in (UNSET, None) else changed.modifier
    return SparseVectorParams(
        index=UNSET if index == SparseIndexParams() else index, modifier=modifier
    )


def _ttl(given: Any, old: float | UnsetType) -> float | UnsetType:
    if given == NO_TTL:
        return UNSET
    ttl = parse_ttl(given, "ttl_seconds")
    return old if ttl is None else ttl


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata with the new keys; a key is taken away by the value null."""
    return {name: value for name, value in {**old, **new}.items() if value is not None}


def _checked(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what JSON keeps of the metadata; BadInput where it cannot be kept."""
    text = encode_json_object(metadata, "metadata")
    return msgspec.json.decode(text)  # type: ignore[no-any-return]


def echo(config: CollectionConfig) -> dict[str, Any]:
    """Return the configuration as it stands on the wire: one unnamed vector stands bare."""
    echo: dict[str, Any] = msgspec.to_builtins(config)
    for ours in ("name_numbers", "next_name_number", "created_at"):
        echo.pop(ours, None)
    vectors = echo["params"]["vectors"]
    if list(vectors) == [""]:
        echo["params"]["vectors"] = vectors[""]
    return echo


def _index_info(schema: str | dict[str, Any], points: int) -> PayloadIndexInfo:
    if isinstance(schema, str):
        return PayloadIndexInfo(schema, points)
    return PayloadIndexInfo(str(schema["type"]), points, schema)
