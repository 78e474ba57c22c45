"""How is a collection set up? The configurations of the wire with their defaults, merged and
checked.

A setting that this version cannot honour is refused by `check_*`, never ignored. Settings that were
not given are absent (UNSET) from what is echoed, except those that Qdrant always echoes.
"""

from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from ruvector.errors import BadInput, InvalidRequest
from ruvector.model.ids import shown
from ruvector.model.limits import MAX_LINKS_PER_NODE
from ruvector.model.quantization import (
    Code,
    Memory,
    QuantizationConfig,
    code_of,
)
from ruvector.model.strict import StrictMode

Distance = Literal["Cosine", "Dot", "Euclid", "Manhattan"]
Datatype = Literal["float32", "float16", "uint8"]
TURBO4 = "turbo4"  # 4 bits a number, of one vector a point
Modifier = Literal["none", "idf"]

SPARSE_SCAN_ROWS = 1000  # 0.1 ms at 100 entries a row

Ranges = dict[str, tuple[float, float]]  # setting -> least and largest value
NO_GRAPH = 0  # as `m` or `payload_m`
LEAST_M = 2
HNSW_RANGES: Ranges = {
    "m": (NO_GRAPH, MAX_LINKS_PER_NODE // 2),
    "payload_m": (NO_GRAPH, MAX_LINKS_PER_NODE // 2),
    "ef_construct": (4, 10_000),
    "full_scan_threshold": (0, 2**40),
    "max_indexing_threads": (0, 1024),
}
OPTIMIZERS_RANGES: Ranges = {
    "deleted_threshold": (0.0, 1.0),
    "vacuum_min_vector_number": (100, 2**40),
    "default_segment_number": (0, 1024),
    "max_segment_size": (1, 2**40),
    "memmap_threshold": (0, 2**40),
    "indexing_threshold": (0, 2**40),
    "flush_interval_sec": (0, 2**31),
}
WAL_RANGES: Ranges = {"wal_capacity_mb": (1, 65_536)}

_ONE_LOG = "the log is a table that grows and shrinks, not files made ahead or kept behind"

T = TypeVar("T", bound=msgspec.Struct)


class HnswConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The graph. `m`: half the links per node; `ef_construct`: build beam; threshold in KiB.

    `m` 0: no graph. `payload_m`: the same of graphs over the points of one value of an indexed
    payload field; none where it is 0 or was not given. `inline_storage`: of a quantized vector, a
    row lies beside copies of its original and of its neighbours' codes.
    """

    m: int = 16
    ef_construct: int = 100
    full_scan_threshold: int = 10_000
    max_indexing_threads: int = 0
    on_disk: bool = False
    memory: Memory | UnsetType = UNSET
    payload_m: int | UnsetType = UNSET
    inline_storage: bool | UnsetType = UNSET


class HnswConfigDiff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of the graph's configuration."""

    m: int | None | UnsetType = UNSET
    ef_construct: int | None | UnsetType = UNSET
    full_scan_threshold: int | None | UnsetType = UNSET
    max_indexing_threads: int | None | UnsetType = UNSET
    on_disk: bool | None | UnsetType = UNSET
    memory: Memory | None | UnsetType = UNSET
    payload_m: int | None | UnsetType = UNSET
    inline_storage: bool | None | UnsetType = UNSET


class OptimizersConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Maintenance. Thresholds in KiB; `max_optimization_threads` 0: no indexing, no merging.

    Writes are flushed at once, so `flush_interval_sec` holds; sealed segments are always mapped, so
    `memmap_threshold` does. `prevent_unoptimized`: writes that wait go on waiting while a segment
    that is worth an index has none.
    """

    deleted_threshold: float = 0.2
    vacuum_min_vector_number: int = 1000
    default_segment_number: int = 0
    max_segment_size: int | None = None
    memmap_threshold: int | None = None
    indexing_threshold: int = 10_000
    flush_interval_sec: int = 5
    max_optimization_threads: int | None = None
    prevent_unoptimized: bool | UnsetType = UNSET


class OptimizersConfigDiff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of maintenance."""

    deleted_threshold: float | None | UnsetType = UNSET
    vacuum_min_vector_number: int | None | UnsetType = UNSET
    default_segment_number: int | None | UnsetType = UNSET
    max_segment_size: int | None | UnsetType = UNSET
    memmap_threshold: int | None | UnsetType = UNSET
    indexing_threshold: int | None | UnsetType = UNSET
    flush_interval_sec: int | None | UnsetType = UNSET
    max_optimization_threads: int | str | None | UnsetType = UNSET
    prevent_unoptimized: bool | None | UnsetType = UNSET


class WalConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The log: once it holds `wal_capacity_mb` of operations, the growing segment is sealed."""

    wal_capacity_mb: int = 32
    wal_segments_ahead: int = 0


class WalConfigDiff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of the log."""

    wal_capacity_mb: int | None | UnsetType = UNSET
    wal_segments_ahead: int | None | UnsetType = UNSET
    wal_retain_closed: int | None | UnsetType = UNSET


class MultiVectorConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How multi-vectors are compared."""

    comparator: Literal["max_sim"]


class VectorParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One named dense vector."""

    size: int
    distance: Distance
    hnsw_config: HnswConfigDiff | None | UnsetType = UNSET
    quantization_config: QuantizationConfig | None | UnsetType = UNSET
    on_disk: bool | None | UnsetType = UNSET
    memory: Memory | None | UnsetType = UNSET
    datatype: str | None | UnsetType = UNSET
    multivector_config: MultiVectorConfig | None | UnsetType = UNSET

    @property
    def is_multi(self) -> bool:
        """Say whether it is a multi-vector."""
        return isinstance(self.multivector_config, MultiVectorConfig)


class SparseIndexParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The inverted index. `full_scan_threshold`: rows up to which a segment has none."""

    full_scan_threshold: int | None | UnsetType = UNSET
    on_disk: bool | None | UnsetType = UNSET
    datatype: Datatype | None | UnsetType = UNSET
    memory: Memory | None | UnsetType = UNSET

    @property
    def full_scan_rows(self) -> int:
        """Return the rows up to which a segment is scanned."""
        given = self.full_scan_threshold
        return given if isinstance(given, int) else SPARSE_SCAN_ROWS


class SparseVectorParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One named sparse vector."""

    index: SparseIndexParams | None | UnsetType = UNSET
    modifier: Modifier | None | UnsetType = UNSET

    @property
    def index_or_default(self) -> SparseIndexParams:
        """Return the index's settings, those of the defaults where none were given."""
        return self.index if isinstance(self.index, SparseIndexParams) else SparseIndexParams()

    @property
    def placed(self) -> Memory:
        """Return where the index and the vectors live: `memory` over the older `on_disk`."""
        index = self.index_or_default
        return _memory(index.memory, index.on_disk)


class VectorParamsDiff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of one named vector."""

    hnsw_config: HnswConfigDiff | None | UnsetType = UNSET
    quantization_config: QuantizationConfig | Literal["Disabled"] | None | UnsetType = UNSET
    on_disk: bool | None | UnsetType = UNSET
    memory: Memory | None | UnsetType = UNSET


class Placed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where payloads or ids are read from: tables that are mapped, as files are.

    cached: read when the collection is opened, so that nobody waits for a disk as long as the
    system has room; cold: without that promise. Opening reads every payload anyway, to check it.
    pinned: ids and their rows once more in memory of the process; refused for payloads.
    """

    memory: Memory | None | UnsetType = UNSET


class CollectionParams(msgspec.Struct, frozen=True, kw_only=True):
    """What shapes the data. `vectors`: name ("" for the unnamed one) to parameters."""

    vectors: dict[str, VectorParams]
    sparse_vectors: dict[str, SparseVectorParams] | UnsetType = UNSET
    shard_number: int = 1
    replication_factor: int = 1
    write_consistency_factor: int = 1
    on_disk_payload: bool = True
    payload: Placed | UnsetType = UNSET
    id_tracker: Placed | UnsetType = UNSET

    @property
    def payload_memory(self) -> Memory:
        """Return where payloads are read from: `payload.memory` over `on_disk_payload`."""
        return placed_memory(self.payload) or ("cold" if self.on_disk_payload else "cached")

    @property
    def id_memory(self) -> Memory:
        """Return where ids are read from."""
        return placed_memory(self.id_tracker) or "cold"


class CollectionParamsDiff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of the parameters."""

    replication_factor: int | None | UnsetType = UNSET
    write_consistency_factor: int | None | UnsetType = UNSET
    read_fan_out_factor: int | None | UnsetType = UNSET
    read_fan_out_delay_ms: int | None | UnsetType = UNSET
    on_disk_payload: bool | None | UnsetType = UNSET
    payload: Placed | None | UnsetType = UNSET
    id_tracker: Placed | None | UnsetType = UNSET


class Placement(NamedTuple):
    """Where a vector's parts live.

    cold: mapped, dropped from memory after it was read; cached: mapped, kept as long as the system
    has room; pinned: in memory of its own.
    """

    vectors: Memory = "cached"
    graph: Memory = "cached"
    codes: Memory = "cached"


class CollectionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a collection is set up with; what the catalog stores."""

    params: CollectionParams
    hnsw_config: HnswConfig = HnswConfig()
    optimizer_config: OptimizersConfig = OptimizersConfig()
    wal_config: WalConfig = WalConfig()
    strict_mode_config: StrictMode | UnsetType = UNSET
    quantization_config: QuantizationConfig | None = None
    metadata: dict[str, Any] | UnsetType = UNSET
    ttl_seconds: float | UnsetType = UNSET
    created_at: int | UnsetType = UNSET  # milliseconds since 1970; older collections do not know
    # Names that came after the collection: the number that tells a name's vectors in files and in
    # the log from those of a deleted name that was the same; and the next number to give.
    name_numbers: dict[str, int] = {}
    next_name_number: int = 1

    def key_of(self, vector_name: str) -> str:
        """Return what a vector's arrays are called in files and in the log."""
        number = self.name_numbers.get(vector_name)
        return vector_name if number is None else f"{vector_name}/{number}"  # no name has a slash

    @property
    def vector_names(self) -> list[str]:
        """Return the names of all vectors, dense, sparse and multi."""
        return [*self.params.vectors, *(self.params.sparse_vectors or ())]

    @property
    def ttl(self) -> float | None:
        """Return how long points live that do not say so themselves, None for ever."""
        return self.ttl_seconds if isinstance(self.ttl_seconds, float) else None

    @property
    def strict(self) -> StrictMode | None:
        """Return the limits that hold, None where strict mode is not enabled."""
        limits = self.strict_mode_config
        return limits if isinstance(limits, StrictMode) and limits.enabled is True else None

    def hnsw_of(self, vector_name: str) -> HnswConfig:
        """Return the graph settings of one vector: its own over the collection's."""
        params = self.params.vectors.get(vector_name)
        own = None if params is None else params.hnsw_config
        return merge(self.hnsw_config, own) if isinstance(own, HnswConfigDiff) else self.hnsw_config

    def quantization_of(self, vector_name: str) -> QuantizationConfig | None:
        """Return how one vector is quantized: its own choice over the collection's."""
        own = self.params.vectors[vector_name].quantization_config
        return own if isinstance(own, QuantizationConfig) else self.quantization_config

    def code_of(self, vector_name: str) -> Code | None:
        """Return the code of one vector, None where it is not quantized."""
        quantization = self.quantization_of(vector_name)
        if quantization is None:
            return None
        inline = self.hnsw_of(vector_name).inline_storage is True
        return code_of(quantization)._replace(inline=inline)

    def wants_index(self, vector_name: str) -> bool:
        """Say whether large segments are to have an index of a vector: a graph, codes, a list."""
        if vector_name not in self.params.vectors:
            return True
        return self.hnsw_of(vector_name).m != NO_GRAPH or self.code_of(vector_name) is not None

    def placement_of(self, vector_name: str) -> Placement:
        """Return where the parts of one vector live: `memory` over the older `on_disk`."""
        params, hnsw = self.params.vectors[vector_name], self.hnsw_of(vector_name)
        quantization = self.quantization_of(vector_name)
        codes = None if quantization is None else quantization.memory
        return Placement(
            vectors=_memory(params.memory, params.on_disk),
            # A walk reads at random: huge pages, which mapped files do not get, take a quarter less
            # time (62,666 x 384: 47 us for 66).
            graph=_memory(hnsw.memory, hnsw.on_disk, otherwise="pinned"),
            codes=codes or "cached",
        )


def _memory(memory: Any, on_disk: Any, otherwise: Memory = "cached") -> Memory:
    if isinstance(memory, str):
        return memory  # type: ignore[return-value]
    return "cold" if on_disk is True else otherwise


def merge(config: T, diff: msgspec.Struct | None) -> T:
    """Return the configuration with every given setting of the diff in place of the old one."""
    if diff is None:
        return config
    known = set(config.__struct_fields__)
    changes = {
        name: None if value == "auto" else value  # what the server would choose by itself
        for name in diff.__struct_fields__
        if name in known and (value := getattr(diff, name)) is not UNSET and value is not None
    }
    return msgspec.structs.replace(config, **changes)


def placed_memory(placed: Any) -> Memory | None:
    """Return what was chosen, None for nothing."""
    memory = placed.memory if isinstance(placed, Placed) else None
    return memory if isinstance(memory, str) else None


def check_placed(params: Any, path: str) -> None:
    """Refuse `pinned` for payloads."""
    if placed_memory(params.payload) == "pinned":
        rule = "must be cold or cached: payloads are read from mapped tables"
        raise InvalidRequest.of(f"{path}payload.memory", "pinned", rule)


def refuse(
    setting: str,
    value: Any,
    honoured: tuple[Any, ...] = (),
    why: str = "this version does not support it",
) -> None:
    """Raise BadInput where a setting has a value that this version would have to ignore."""
    if value is UNSET or value is None or value in honoured:
        return
    raise BadInput(
        f"{setting} is {value!r}; {why}: leave it out"
        + (f" or use {' or '.join(map(repr, honoured))}" if honoured else "")
    )


def check_hnsw(diff: HnswConfigDiff | None | UnsetType, path: str) -> None:
    """Refuse graph settings that are out of range."""
    if not isinstance(diff, HnswConfigDiff):
        return
    _check_ranges(path, diff, HNSW_RANGES)
    for name in ("m", "payload_m"):
        if getattr(diff, name) == 1:
            raise InvalidRequest.of(
                f"{path}.{name}", 1, f"must be 0 for no graph, or {LEAST_M} or larger"
            )


def check_optimizers(diff: OptimizersConfigDiff | None, path: str = "optimizers_config") -> None:
    """Refuse maintenance settings that are out of range."""
    if diff is None:
        return
    _check_ranges(path, diff, OPTIMIZERS_RANGES)
    if isinstance(diff.max_optimization_threads, str):
        refuse(f"{path}.max_optimization_threads", diff.max_optimization_threads, ("auto",))
    else:
        check_range(f"{path}.max_optimization_threads", diff.max_optimization_threads, 0, 1024)


def check_wal(diff: WalConfigDiff | None, path: str = "wal_config") -> None:
    """Refuse log settings that are out of range or not supported."""
    if diff is None:
        return
    _check_ranges(path, diff, WAL_RANGES)
    refuse(f"{path}.wal_segments_ahead", diff.wal_segments_ahead, (0,), _ONE_LOG)
    refuse(f"{path}.wal_retain_closed", diff.wal_retain_closed, (1,), _ONE_LOG)


def _check_ranges(path: str, diff: msgspec.Struct, ranges: Ranges) -> None:
    for name, (low, high) in ranges.items():
        check_range(f"{path}.{name}", getattr(diff, name), low, high)


def check_range(path: str, value: Any, low: float, high: float) -> None:
    """Refuse a number that was given and lies outside."""
    if value is UNSET or value is None:
        return
    if not low <= value <= high:
        raise InvalidRequest.of(path, shown(value), f"must be from {low} to {high}")
