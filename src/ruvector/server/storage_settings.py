"""Which settings of the file and the environment do new collections begin with?

The names are those of Qdrant's configuration, where sizes end in `_kb`; the settings are those that
a request to create a collection may have. None: the built-in default.
"""

from typing import Any

import msgspec
from msgspec import UNSET

from ruvector.errors import BadInput, RuvectorError
from ruvector.model.collection_defaults import CollectionDefaults, check_defaults
from ruvector.model.configs import HnswConfigDiff, OptimizersConfigDiff, WalConfigDiff
from ruvector.model.quantization import QuantizationConfig
from ruvector.model.strict import StrictMode

MAX_COLLECTIONS = 1_000_000


class Graphs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`hnsw_config` of a request."""

    m: int | None = None
    ef_construct: int | None = None
    full_scan_threshold_kb: int | None = None
    max_indexing_threads: int | None = None
    on_disk: bool | None = None
    payload_m: int | None = None
    inline_storage: bool | None = None


class Optimizers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`optimizers_config` of a request."""

    deleted_threshold: float | None = None
    vacuum_min_vector_number: int | None = None
    default_segment_number: int | None = None
    max_segment_size_kb: int | None = None
    memmap_threshold_kb: int | None = None
    indexing_threshold_kb: int | None = None
    flush_interval_sec: int | None = None
    max_optimization_threads: int | None = None
    prevent_unoptimized: bool | None = None


class Wal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`wal_config` of a request."""

    wal_capacity_mb: int | None = None
    wal_segments_ahead: int | None = None
    wal_retain_closed: int | None = None


class Vectors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for each dense vector of a request."""

    on_disk: bool | None = None


class OfCollection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other settings of a request. A collection is one shard on one node."""

    replication_factor: int = 1
    write_consistency_factor: int = 1
    vectors: Vectors = Vectors()
    quantization: QuantizationConfig = QuantizationConfig()
    strict_mode: StrictMode = StrictMode()


def collection_defaults(storage: Any) -> CollectionDefaults:
    """Return the defaults in the settings below `storage`; BadInput where one cannot be had."""
    own = storage.collection
    for name in ("replication_factor", "write_consistency_factor"):
        if getattr(own, name) != 1:
            raise BadInput(
                f"storage.collection.{name} is {getattr(own, name)}; a collection is one shard on "
                "one node: leave it out or use 1"
            )
    most = storage.max_collections
    if most is not None and not 1 <= most <= MAX_COLLECTIONS:
        raise BadInput(f"storage.max_collections is {most}; it must be from 1 to {MAX_COLLECTIONS}")
    defaults = CollectionDefaults(
        hnsw_config=_as(HnswConfigDiff, storage.hnsw_index),
        optimizers_config=_as(OptimizersConfigDiff, storage.optimizers),
        wal_config=_as(WalConfigDiff, storage.wal),
        on_disk_payload=storage.on_disk_payload,
        vectors_on_disk=own.vectors.on_disk,
        quantization_config=own.quantization if msgspec.to_builtins(own.quantization) else None,
        strict_mode_config=own.strict_mode if msgspec.to_builtins(own.strict_mode) else None,
        max_collections=most,
    )
    try:
        check_defaults(defaults)
    except BadInput:
        raise
    except RuvectorError as error:
        raise BadInput(error.message) from error
    return defaults


def _as(kind: Any, section: msgspec.Struct) -> Any:
    """Return what was given of a section as a request says it, None for nothing."""
    given = {
        name.removesuffix("_kb"): value
        for name, value in msgspec.structs.asdict(section).items()
        if value is not None and value is not UNSET
    }
    return kind(**given) if given else None
