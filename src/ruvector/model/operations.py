"""Which operations are there? One row for each: its request, its place in HTTP, its kind, its
permission.

Routes, the OpenAPI document, permission checks, metric labels, the client's transports and its
parity test come from this table; adding an operation begins with a row.
"""

from enum import Enum

import msgspec

from ruvector.model import requests as r
from ruvector.model.permissions import Permission, Reach


class Kind(Enum):
    """READ looks at one collection, WRITE changes its points, META changes which there are."""

    READ = "read"
    WRITE = "write"
    META = "meta"


class Operation(msgspec.Struct, frozen=True):
    """One row: the request, "METHOD /path" with its fields in braces, kind, permission.

    `is_listing`: of its answer a caller is shown what they may read. `is_of_server`: it may read
    or replace more than the collection that it names.
    """

    request: type[r.Request]  # type: ignore[type-arg]
    route: str
    kind: Kind
    permission: Permission
    query_fields: tuple[str, ...] = ()
    is_listing: bool = False
    is_of_server: bool = False

    @property
    def reach(self) -> Reach:
        """Return to what the permission must extend."""
        if self.is_listing:
            return Reach.LISTING
        names_one = "collection" in self.request.__struct_fields__ and not self.is_of_server
        return Reach.COLLECTION if names_one else Reach.SERVER

    @property
    def is_timed(self) -> bool:
        """Say whether a server stops it when its time is over: reads, which leave nothing half."""
        return self.kind is Kind.READ and self.request is not r.WaitForIndex

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return self.route.split(None, 1)[0]

    @property
    def path(self) -> str:
        """Return the path with its fields in braces."""
        return self.route.split(None, 1)[1]

    @property
    def name(self) -> str:
        """Return the request's name, the label of metrics."""
        return self.request.__name__


_READ, _WRITE, _META = Kind.READ, Kind.WRITE, Kind.META
_R, _W, _D = Permission.READ, Permission.WRITE, Permission.DELETE
_I, _M = Permission.MAINTAIN, Permission.MANAGE
_C = "/collections/{collection}"
_WAIT = ("wait", "ordering", "timeout")
_CONSISTENT = ("consistency", "timeout")
_S = f"{_C}/snapshots"
_SHARD = f"{_C}/shards/{{shard}}"
_SS = f"{_SHARD}/snapshots"
_SOON = ("wait",)
_UPLOAD = ("wait", "priority", "checksum")
_UPLOAD_UNTIL = (*_UPLOAD, "until")
_UPLOAD_FULL = ("wait", "checksum", "until")

OPERATIONS: tuple[Operation, ...] = (
    Operation(r.ListCollections, "GET /collections", _META, _R, is_listing=True),
    Operation(r.GetCollection, f"GET {_C}", _READ, _R),
    Operation(r.GetMemory, f"GET {_C}/memory", _READ, _R),
    Operation(
        r.GetOptimizations, f"GET {_C}/optimizations", _READ, _R, ("with_", "completed_limit")
    ),
    Operation(r.GetCollectionCluster, f"GET {_C}/cluster", _READ, _R),
    Operation(r.ListShardKeys, f"GET {_C}/shards", _READ, _R),
    Operation(
        r.CleanUpShard, f"POST {_C}/shards/{{shard}}/cleanup", _WRITE, _I, ("wait", "timeout")
    ),
    Operation(r.CollectionExists, f"GET {_C}/exists", _READ, _R),
    Operation(r.CreateCollection, f"PUT {_C}", _META, _M, ("timeout",)),
    Operation(r.UpdateCollection, f"PATCH {_C}", _META, _M, ("timeout",)),
    Operation(r.DeleteCollection, f"DELETE {_C}", _META, _M, ("timeout",)),
    Operation(r.ChangeAliases, "POST /collections/aliases", _META, _M, ("timeout",)),
    Operation(r.ListAliases, "GET /aliases", _META, _R, is_listing=True),
    Operation(r.ListCollectionAliases, f"GET {_C}/aliases", _READ, _R),
    Operation(r.WaitForIndex, f"POST {_C}/index/wait", _READ, _W, ("timeout",)),
    Operation(r.GetIssues, "GET /issues", _META, _R, is_listing=True),
    Operation(r.ClearIssues, "DELETE /issues", _META, _M),
    Operation(r.GetQuotas, "GET /quotas", _META, _R),
    Operation(r.UpdateQuotas, "PUT /quotas", _META, _M, ("wait",)),
    Operation(r.CreateSnapshot, f"POST {_S}", _META, _I, _SOON),
    Operation(r.ListSnapshots, f"GET {_S}", _META, _R),
    Operation(r.DeleteSnapshot, f"DELETE {_S}/{{snapshot_name}}", _META, _I, _SOON),
    Operation(r.DownloadSnapshot, f"GET {_S}/{{snapshot_name}}", _META, _R),
    Operation(r.RecoverSnapshot, f"PUT {_S}/recover", _META, _M, _SOON, is_of_server=True),
    Operation(r.UploadSnapshot, f"POST {_S}/upload", _META, _M, _UPLOAD_UNTIL, is_of_server=True),
    Operation(r.CreateShardSnapshot, f"POST {_SS}", _META, _I, _SOON),
    Operation(r.ListShardSnapshots, f"GET {_SS}", _META, _R),
    Operation(r.DeleteShardSnapshot, f"DELETE {_SS}/{{snapshot_name}}", _META, _I, _SOON),
    Operation(r.DownloadShardSnapshot, f"GET {_SS}/{{snapshot_name}}", _META, _R),
    Operation(r.StreamShardSnapshot, f"GET {_SHARD}/snapshot", _META, _R),
    Operation(r.RecoverShardSnapshot, f"PUT {_SS}/recover", _META, _M, _SOON, is_of_server=True),
    Operation(r.UploadShardSnapshot, f"POST {_SS}/upload", _META, _M, _UPLOAD, is_of_server=True),
    Operation(r.CreateFullSnapshot, "POST /snapshots", _META, _M, _SOON),
    Operation(r.ListFullSnapshots, "GET /snapshots", _META, _R),
    Operation(r.DeleteFullSnapshot, "DELETE /snapshots/{snapshot_name}", _META, _M, _SOON),
    Operation(r.DownloadFullSnapshot, "GET /snapshots/{snapshot_name}", _META, _M),
    Operation(r.RecoverFullSnapshot, "PUT /snapshots/recover", _META, _M, _SOON),
    Operation(r.UploadFullSnapshot, "POST /snapshots/upload", _META, _M, _UPLOAD_FULL),
    Operation(r.Upsert, f"PUT {_C}/points", _WRITE, _W, _WAIT),
    Operation(r.UpdateVectors, f"PUT {_C}/points/vectors", _WRITE, _W, _WAIT),
    Operation(r.DeletePoints, f"POST {_C}/points/delete", _WRITE, _D, _WAIT),
    Operation(r.DeleteVectors, f"POST {_C}/points/vectors/delete", _WRITE, _D, _WAIT),
    Operation(r.SetPayload, f"POST {_C}/points/payload", _WRITE, _W, _WAIT),
    Operation(r.OverwritePayload, f"PUT {_C}/points/payload", _WRITE, _W, _WAIT),
    Operation(r.DeletePayload, f"POST {_C}/points/payload/delete", _WRITE, _D, _WAIT),
    Operation(r.ClearPayload, f"POST {_C}/points/payload/clear", _WRITE, _D, _WAIT),
    Operation(r.BatchUpdate, f"POST {_C}/points/batch", _WRITE, _W, _WAIT),
    Operation(r.CreateVector, f"PUT {_C}/vectors/{{vector_name}}", _META, _I, _WAIT),
    Operation(r.DeleteVector, f"DELETE {_C}/vectors/{{vector_name}}", _META, _I, _WAIT),
    Operation(r.CreateFieldIndex, f"PUT {_C}/index", _WRITE, _I, _WAIT),
    Operation(r.DeleteFieldIndex, f"DELETE {_C}/index/{{field_name}}", _WRITE, _I, _WAIT),
    Operation(r.Retrieve, f"POST {_C}/points", _READ, _R, _CONSISTENT),
    Operation(r.GetPoint, f"GET {_C}/points/{{id}}", _READ, _R, ("consistency",)),
    Operation(r.Scroll, f"POST {_C}/points/scroll", _READ, _R, _CONSISTENT),
    Operation(r.Count, f"POST {_C}/points/count", _READ, _R, _CONSISTENT),
    Operation(r.QueryPoints, f"POST {_C}/points/query", _READ, _R, _CONSISTENT),
    Operation(r.QueryBatch, f"POST {_C}/points/query/batch", _READ, _R, _CONSISTENT),
    Operation(r.QueryGroups, f"POST {_C}/points/query/groups", _READ, _R, _CONSISTENT),
    Operation(r.Facet, f"POST {_C}/facet", _READ, _R, _CONSISTENT),
    Operation(r.MatrixPairs, f"POST {_C}/points/search/matrix/pairs", _READ, _R, _CONSISTENT),
    Operation(r.MatrixOffsets, f"POST {_C}/points/search/matrix/offsets", _READ, _R, _CONSISTENT),
    Operation(r.Search, f"POST {_C}/points/search", _READ, _R, _CONSISTENT),
    Operation(r.SearchBatch, f"POST {_C}/points/search/batch", _READ, _R, _CONSISTENT),
    Operation(r.SearchGroups, f"POST {_C}/points/search/groups", _READ, _R, _CONSISTENT),
    Operation(r.Recommend, f"POST {_C}/points/recommend", _READ, _R, _CONSISTENT),
    Operation(r.RecommendBatch, f"POST {_C}/points/recommend/batch", _READ, _R, _CONSISTENT),
    Operation(r.RecommendGroups, f"POST {_C}/points/recommend/groups", _READ, _R, _CONSISTENT),
    Operation(r.Discover, f"POST {_C}/points/discover", _READ, _R, _CONSISTENT),
    Operation(r.DiscoverBatch, f"POST {_C}/points/discover/batch", _READ, _R, _CONSISTENT),
)

OPERATION_OF = {operation.request: operation for operation in OPERATIONS}
NEEDS_OF = {operation.request: (operation.permission, operation.reach) for operation in OPERATIONS}
