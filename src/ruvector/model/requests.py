"""What can be asked? One frozen Struct for each operation; it names the type of its result.

Fields carry the names of the wire, so that a JSON body converts field by field. Fields that the
wire types as untagged unions are `Any` here and are read by `model.queries`, `model.filters` and
`model.points`. Single-node servers accept, and have nothing to decide about, `consistency`,
`ordering` and `timeout` of reads that finish at once; `shard_key` is refused, because custom
sharding needs a cluster.
"""

from typing import Any, ClassVar

from ruvector.model.configs import (
    CollectionParamsDiff,
    HnswConfigDiff,
    OptimizersConfigDiff,
    Placed,
    VectorParamsDiff,
    WalConfigDiff,
)
from ruvector.model.ids import PointId
from ruvector.model.memory import MemoryReport
from ruvector.model.points import PointsBlock
from ruvector.model.reads import (
    Count,
    Discover,
    DiscoverBatch,
    Facet,
    GetPoint,
    MatrixOffsets,
    MatrixPairs,
    QueryBatch,
    QueryGroups,
    QueryPoints,
    Recommend,
    RecommendBatch,
    RecommendGroups,
    Retrieve,
    Scroll,
    Search,
    SearchBatch,
    SearchGroups,
    SearchParams,
)
from ruvector.model.reports import (
    CollectionCluster,
    IssuesResult,
    OptimizationsResult,
    QuotaStatus,
    ShardKeys,
)
from ruvector.model.request import JsonObject, Request
from ruvector.model.results import (
    AliasesResult,
    CollectionInfo,
    CollectionsResult,
    ExistsResult,
    UpdateResult,
)
from ruvector.model.snapshots import (
    CreateFullSnapshot,
    CreateShardSnapshot,
    CreateSnapshot,
    DeleteFullSnapshot,
    DeleteShardSnapshot,
    DeleteSnapshot,
    DownloadFullSnapshot,
    DownloadShardSnapshot,
    DownloadSnapshot,
    ListFullSnapshots,
    ListShardSnapshots,
    ListSnapshots,
    RecoverFullSnapshot,
    RecoverShardSnapshot,
    RecoverSnapshot,
    StreamShardSnapshot,
    UploadFullSnapshot,
    UploadShardSnapshot,
    UploadSnapshot,
)

# Requests that read points stand in `model.reads`, those about snapshots in `model.snapshots`.
__all__ = [
    "Count",
    "CreateFullSnapshot",
    "CreateShardSnapshot",
    "CreateSnapshot",
    "DeleteFullSnapshot",
    "DeleteShardSnapshot",
    "DeleteSnapshot",
    "Discover",
    "DiscoverBatch",
    "DownloadFullSnapshot",
    "DownloadShardSnapshot",
    "DownloadSnapshot",
    "Facet",
    "GetPoint",
    "ListFullSnapshots",
    "ListShardSnapshots",
    "ListSnapshots",
    "MatrixOffsets",
    "MatrixPairs",
    "QueryBatch",
    "QueryGroups",
    "QueryPoints",
    "Recommend",
    "RecommendBatch",
    "RecommendGroups",
    "RecoverFullSnapshot",
    "RecoverShardSnapshot",
    "RecoverSnapshot",
    "Request",
    "Retrieve",
    "Scroll",
    "Search",
    "SearchBatch",
    "SearchGroups",
    "SearchParams",
    "StreamShardSnapshot",
    "UploadFullSnapshot",
    "UploadShardSnapshot",
    "UploadSnapshot",
]

# Collections


class ListCollections(Request[CollectionsResult], frozen=True, kw_only=True):
    """Name every collection."""

    result: ClassVar[Any] = CollectionsResult


class GetCollection(Request[CollectionInfo], frozen=True, kw_only=True):
    """Describe a collection."""

    result: ClassVar[Any] = CollectionInfo
    collection: str


class GetMemory(Request[MemoryReport], frozen=True, kw_only=True):
    """Say what each part of a collection takes in memory and on disk."""

    result: ClassVar[Any] = MemoryReport
    collection: str


class CollectionExists(Request[ExistsResult], frozen=True, kw_only=True):
    """Say whether a collection, or an alias, of that name exists."""

    result: ClassVar[Any] = ExistsResult
    collection: str


class CreateCollection(Request[bool], frozen=True, kw_only=True):
    """Create a collection. Settings that cannot be honoured are refused."""

    result: ClassVar[Any] = bool
    collection: str
    vectors: Any = None
    shard_number: int | None = None
    sharding_method: str | None = None
    replication_factor: int | None = None
    write_consistency_factor: int | None = None
    on_disk_payload: bool | None = None
    payload: Placed | None = None
    id_tracker: Placed | None = None
    hnsw_config: HnswConfigDiff | None = None
    wal_config: WalConfigDiff | None = None
    optimizers_config: OptimizersConfigDiff | None = None
    quantization_config: Any = None
    sparse_vectors: Any = None
    strict_mode_config: Any = None
    metadata: JsonObject | None = None
    ttl_seconds: Any = None
    timeout: int | None = None


class UpdateCollection(Request[bool], frozen=True, kw_only=True):
    """Change settings of a live collection."""

    result: ClassVar[Any] = bool
    collection: str
    vectors: dict[str, VectorParamsDiff] | None = None
    optimizers_config: OptimizersConfigDiff | None = None
    params: CollectionParamsDiff | None = None
    hnsw_config: HnswConfigDiff | None = None
    quantization_config: Any = None
    sparse_vectors: Any = None
    strict_mode_config: Any = None
    metadata: JsonObject | None = None
    ttl_seconds: Any = None
    timeout: int | None = None


class DeleteCollection(Request[bool], frozen=True, kw_only=True):
    """Delete a collection with its aliases and files. False where there was none."""

    result: ClassVar[Any] = bool
    collection: str
    timeout: int | None = None


class ChangeAliases(Request[bool], frozen=True, kw_only=True):
    """Create, rename and delete aliases: all actions or none."""

    result: ClassVar[Any] = bool
    actions: list[JsonObject]
    timeout: int | None = None


class ListAliases(Request[AliasesResult], frozen=True, kw_only=True):
    """Name every alias."""

    result: ClassVar[Any] = AliasesResult


class ListCollectionAliases(Request[AliasesResult], frozen=True, kw_only=True):
    """Name the aliases of one collection."""

    result: ClassVar[Any] = AliasesResult
    collection: str


class WaitForIndex(Request[bool], frozen=True, kw_only=True):
    """Build now what is not in a graph yet, and return when all of it is."""

    result: ClassVar[Any] = bool
    collection: str
    timeout: float | None = None


class GetOptimizations(Request[OptimizationsResult], frozen=True, kw_only=True):
    """Say what maintenance does to a collection, did and has to do.

    `with_`: which of queued, completed and idle_segments to list; `completed_limit` lists that
    many completed ones.
    """

    result: ClassVar[Any] = OptimizationsResult
    collection: str
    with_: list[str] | None = None
    completed_limit: int | None = None


class GetCollectionCluster(Request[CollectionCluster], frozen=True, kw_only=True):
    """Say where the shards of a collection are."""

    result: ClassVar[Any] = CollectionCluster
    collection: str


class ListShardKeys(Request[ShardKeys], frozen=True, kw_only=True):
    """Name the shard keys of a collection: none without custom sharding."""

    result: ClassVar[Any] = ShardKeys
    collection: str


class CleanUpShard(Request[UpdateResult], frozen=True, kw_only=True):
    """Delete the points that do not belong to a shard: all belong to the only one."""

    result: ClassVar[Any] = UpdateResult
    collection: str
    shard: Any
    wait: bool = False
    timeout: int | None = None


# The database


class GetIssues(Request[IssuesResult], frozen=True, kw_only=True):
    """Say what makes the database slower than it need be, and what helps."""

    result: ClassVar[Any] = IssuesResult


class ClearIssues(Request[bool], frozen=True, kw_only=True):
    """Forget the issues that were seen; those that go on come back."""

    result: ClassVar[Any] = bool


class GetQuotas(Request[QuotaStatus], frozen=True, kw_only=True):
    """Say which limits this node has, and how much it uses."""

    result: ClassVar[Any] = QuotaStatus


class UpdateQuotas(Request[bool], frozen=True, kw_only=True):
    """Replace the limits of this node: beyond them, what needs memory or disk is refused (507).

    A resource that reached its limit is refused until it is `release_margin_percent` below.
    """

    result: ClassVar[Any] = bool
    enabled: bool | None = None
    max_resident_memory_percent: int | None = None
    max_disk_usage_percent: int | None = None
    release_margin_percent: int | None = None
    wait: bool = True


# Writes


class Write(Request[UpdateResult], frozen=True, kw_only=True):
    """Base of every change of points: `wait` only chooses the word of the answer (see the
    promises).
    """

    result: ClassVar[Any] = UpdateResult
    collection: str
    wait: bool = False
    ordering: str | None = None
    timeout: int | None = None


class Upsert(Write, frozen=True, kw_only=True):
    """Insert points, replacing those whose ids exist. The batch is applied as a whole.

    `update_filter`: points that exist are replaced only if they match; `update_mode`: upsert,
    insert_only or update_only.
    """

    points: PointsBlock
    update_filter: JsonObject | None = None
    update_mode: str | None = None


class UpdateVectors(Write, frozen=True, kw_only=True):
    """Replace the named vectors that are given; the others, and the payload, stay.

    `update_filter`: only of points that match.
    """

    points: PointsBlock
    update_filter: JsonObject | None = None


class DeletePoints(Write, frozen=True, kw_only=True):
    """Delete points by ids or by filter."""

    points: list[PointId] | None = None
    filter: JsonObject | None = None
    shard_key: Any = None


class DeleteVectors(Write, frozen=True, kw_only=True):
    """Delete named vectors of points chosen by ids or by filter."""

    vector: list[str]
    points: list[PointId] | None = None
    filter: JsonObject | None = None
    shard_key: Any = None


class SetPayload(Write, frozen=True, kw_only=True):
    """Merge keys into payloads, at the top or at the path `key`."""

    payload: JsonObject
    points: list[PointId] | None = None
    filter: JsonObject | None = None
    key: str | None = None
    shard_key: Any = None


class OverwritePayload(Write, frozen=True, kw_only=True):
    """Replace payloads as a whole; with `key`, merge at that path as SetPayload does."""

    payload: JsonObject
    points: list[PointId] | None = None
    filter: JsonObject | None = None
    key: str | None = None
    shard_key: Any = None


class DeletePayload(Write, frozen=True, kw_only=True):
    """Delete the given paths from payloads."""

    keys: list[str]
    points: list[PointId] | None = None
    filter: JsonObject | None = None
    shard_key: Any = None


class ClearPayload(Write, frozen=True, kw_only=True):
    """Delete payloads as a whole."""

    points: list[PointId] | None = None
    filter: JsonObject | None = None
    shard_key: Any = None


PointsChange = (
    Upsert
    | UpdateVectors
    | DeletePoints
    | DeleteVectors
    | SetPayload
    | OverwritePayload
    | DeletePayload
    | ClearPayload
)


class BatchUpdate(Request[list[UpdateResult]], frozen=True, kw_only=True):
    """Apply several changes in their order, in one transaction: all of them or none."""

    result: ClassVar[Any] = list[UpdateResult]
    collection: str
    operations: list[Any]
    wait: bool = False
    ordering: str | None = None
    timeout: int | None = None


class CreateVector(Write, frozen=True, kw_only=True):
    """Add a vector name to a live collection: `dense` or `sparse` parameters."""

    vector_name: str
    dense: Any = None
    sparse: Any = None


class DeleteVector(Write, frozen=True, kw_only=True):
    """Remove a vector name, and all vectors of it, from a live collection."""

    vector_name: str


class CreateFieldIndex(Write, frozen=True, kw_only=True):
    """Index a payload field. `field_schema`: a type's name, or {"type": name, options}."""

    field_name: str
    field_schema: Any = None


class DeleteFieldIndex(Write, frozen=True, kw_only=True):
    """Drop the index of a payload field; the payload stays."""

    field_name: str
