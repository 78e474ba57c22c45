"""execute(request) -> result: the embedded database.

One table says which function answers which request. Everything above (clients, servers) builds
requests and hands them in here; everything below knows no requests of others. Safe for any number
of threads.
"""

import contextlib
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from ruvector.collection.catalog import Catalog
from ruvector.collection.collection import Collection
from ruvector.collection.issues import issues_of
from ruvector.collection.memory import memory_report
from ruvector.collection.quotas import quota_config
from ruvector.collection.settings import changed_config, describe, new_config
from ruvector.collection.strict import check_strict
from ruvector.collection.telemetry import JsonObject, collection_telemetry
from ruvector.collection.vector_names import with_vector, without_vector
from ruvector.collection.writes import write_all
from ruvector.errors import BadInput, MalformedRequest, NotFound, RuvectorError
from ruvector.kernel.deadlines import Deadline, DeadlinePassed, works_for_deadline
from ruvector.model import requests as r
from ruvector.model import results as out
from ruvector.model.collection_defaults import BUILT_IN, CollectionDefaults
from ruvector.model.configs import CollectionConfig
from ruvector.model.deadlines import within
from ruvector.model.lifetimes import Clock, wall_clock
from ruvector.model.memory import MemoryReport
from ruvector.model.names import check_name
from ruvector.model.operations import OPERATION_OF, Kind
from ruvector.model.reports import (
    CollectionCluster,
    IssuesResult,
    LocalShard,
    OptimizationsResult,
    QuotaStatus,
    ShardKeys,
)
from ruvector.model.shard_keys import check_shard
from ruvector.model.wrong_types import wrong_type
from ruvector.query.handlers import HANDLERS as READS
from ruvector.query.handlers import Handler
from ruvector.query.nearest import is_quick
from ruvector.query.plans import indexed_only
from ruvector.security.callers import ANYONE, Caller, Proof
from ruvector.security.judgement import check_request, readable, shown_to
from ruvector.snapshots.archiver import sink_of
from ruvector.snapshots.folder import Upload
from ruvector.snapshots.service import SnapshotContent, Snapshots, snapshot_folder
from ruvector.snapshots.settings import SnapshotSettings
from ruvector.storage import files

R = TypeVar("R")


class CollectionStatistics(NamedTuple):
    """Sizes of one collection, for metrics."""

    name: str
    points: int
    vectors: int
    indexed_vectors: int
    segments: int
    pending_writes: int
    # By name: vectors, how many are in an index, and how many indexed_only leaves out.
    by_vector: dict[str, tuple[int, int, int]]
    running_optimizations: int


class Engine:
    """An open database."""

    def __init__(self, catalog: Catalog, temporary: Path | None, snapshots: Snapshots) -> None:
        self._catalog = catalog
        self.snapshots = snapshots
        self._handlers = _HANDLERS | self.snapshots.handlers()
        self._closed = False
        # Also when the program ends without closing: its folder would stay in memory for ever.
        self._remove_temporary = weakref.finalize(self, _remove, temporary)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        read_only: bool = False,
        snapshots: SnapshotSettings | None = None,
        clock: Clock = wall_clock,
        defaults: CollectionDefaults = BUILT_IN,
    ) -> "Engine":
        """Open the database in a folder, made if missing; ":memory:" for one that goes with it.

        `clock` tells when points expire, in milliseconds since 1970; `defaults` what collections
        begin with.
        Errors: StorageLocked when another process has it open for writing; StorageDamaged.
        Cost: about 1 µs a point, and reading every segment file once.
        """
        temporary = files.temporary_folder() if path == ":memory:" else None
        try:
            root, settings = temporary or Path(path), snapshots or SnapshotSettings()
            folder = snapshot_folder(root, settings)
            sinks = partial(sink_of, folder) if settings.archive_log else None
            catalog = Catalog.open(
                root, read_only=read_only, clock=clock, sinks=sinks, defaults=defaults
            )
            return cls(catalog, temporary, Snapshots(catalog, settings, folder))
        except BaseException:
            if temporary is not None:
                files.remove_folder(temporary)
            raise

    def execute(self, request: r.Request[R], caller: Caller = ANYONE) -> R:
        """Return the result of a request. Errors: the tree of `ruvector.errors`; Forbidden where
        the caller may not make it.
        """
        handler = self._handlers.get(type(request))
        if handler is None:
            raise BadInput(f"{type(request).__name__} is not a request that can be executed")
        if self._closed:
            raise BadInput("the database is closed; open it again")
        if OPERATION_OF[type(request)].kind is Kind.META:
            _refuse_wrong_type(request)
        try:
            if caller.is_limited:
                return cast("R", self._judged(request, caller))
            return cast("R", self._executed(request, handler))
        except (RuvectorError, DeadlinePassed):
            raise
        except Exception as error:
            _refuse_wrong_type(request, error)
            raise

    def _executed(self, request: r.Request[Any], handler: Callable[[Catalog, Any], Any]) -> Any:
        limited = self._catalog.strict_of(getattr(request, "collection", ""))
        if limited is not None:
            check_strict(limited[0], request, limited[1])
        self._catalog.quotas.check(request)
        seconds = getattr(request, "timeout", None) if type(request) in READS else None
        if seconds is None or works_for_deadline():
            return handler(self._catalog, request)
        with within(Deadline(seconds), type(request).__name__, seconds):
            return handler(self._catalog, request)

    def _judged(self, request: r.Request[Any], caller: Caller) -> Any:
        """Execute a request of a caller who may not do everything."""
        catalog = self._catalog
        aliases = catalog.current_aliases
        check_request(caller, request, aliases)
        handler, read = self._handlers[type(request)], READS.get(type(request))
        if read is not None:
            collections = readable(caller, catalog.get, aliases)
            handler = lambda _, request: read(collections, request)  # noqa: E731
        return shown_to(caller, request, self._executed(request, handler), aliases)

    def read_snapshot(self, request: r.Request[Any], caller: Caller = ANYONE) -> SnapshotContent:
        """Return the bytes of a snapshot, for a request to download one. Errors: see `execute`."""
        if self._closed:
            raise BadInput("the database is closed; open it again")
        if caller.is_limited:
            check_request(caller, request, self._catalog.current_aliases)
        return self.snapshots.content(request)

    def begin_upload(self, size_bytes: int) -> Upload:
        """Return a new file to receive a snapshot of about this size in, for `UploadSnapshot`."""
        return self.snapshots.folder.begin_upload(size_bytes)

    def end_downloads(self) -> None:
        """Break off what is being fetched from URLs, so that nobody waits for it at the end."""
        self.snapshots.end_downloads()

    def is_quick(self, request: r.Request[Any]) -> bool:
        """Say whether a search takes well under a millisecond and waits for nobody.

        An event loop may then execute it itself. False for everything else.
        """
        if not isinstance(request, r.Search | r.QueryPoints):
            return False
        try:
            return is_quick(self._catalog.get(request.collection), request)
        except RuvectorError:
            return False  # whoever executes it hears why

    @property
    def aliases(self) -> Mapping[str, str]:
        """Return the collection of every alias, as far as this process knows without looking."""
        return self._catalog.aliases

    def proves(self, proof: Proof) -> bool:
        """Say whether the point that a token asks for exists."""
        request = r.Scroll(
            collection=proof.collection, filter=proof.filter, limit=1, with_payload=False
        )
        with contextlib.suppress(RuvectorError):
            return bool(_HANDLERS[r.Scroll](self._catalog, request).points)
        return False

    def close(self) -> None:
        """Finish what is waiting and close all files; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self.snapshots.close()
        self._catalog.close()
        self._remove_temporary()

    def problems(self) -> dict[str, str]:
        """Return what is wrong, by collection; empty when all is well."""
        return self._catalog.problems

    def telemetry(
        self, level: int, visible: Callable[[str], bool]
    ) -> tuple[list[JsonObject], JsonObject]:
        """Return the telemetry of every visible collection that can be used, and of the quotas.

        `level`: as in `collection.telemetry`; 0 is only their number, so nothing is told of them.
        """
        catalog, found = self._catalog, []
        for name, collection in catalog.open_collections.items() if level else ():
            if not visible(name):
                continue
            with contextlib.suppress(NotFound):  # deleted meanwhile
                found.append(collection_telemetry(name, collection, level, catalog.node_id))
        quotas = catalog.current_quotas
        return found, {"config": quotas.config, "exceeded": quotas.exceeded()}

    def archive_state(self, visible: Callable[[str], bool]) -> JsonObject | None:
        """Return how the archive of logs is, None where none is kept; see `ArchiveState`."""
        state = self.snapshots.archive_state
        if state is None:
            return None
        failing = {name: since for name, since in state.failing.items() if visible(name)}
        return state._replace(failing=failing)._asdict()

    def statistics(self) -> list[CollectionStatistics]:
        """Return the sizes of every collection that can be used."""
        found = []
        for name, collection in self._catalog.open_collections.items():
            with contextlib.suppress(NotFound):  # deleted meanwhile
                found.append(_statistics(name, collection))
        return found


def _remove(folder: Path | None) -> None:
    if folder is not None:
        files.remove_folder(folder)


def _refuse_wrong_type(request: r.Request[Any], cause: Exception | None = None) -> None:
    problem = wrong_type(request)
    if problem is not None:
        raise BadInput(problem) from cause


def _statistics(name: str, collection: Collection) -> CollectionStatistics:
    with collection.view() as view:
        points, segments = len(view.live), view.segments
        by_vector = {
            name: (
                sum(s.counts.get(name, 0) for s in segments),
                sum(s.indexed(name) for s in segments),
                sum(s.counts.get(name, 0) for s in segments if s.is_left_out(name, only)),
            )
            for name, space in view.spaces.items()
            for only in (indexed_only(collection, space),)
        }
    return CollectionStatistics(
        name=name,
        points=points,
        vectors=sum(count for count, _, _ in by_vector.values()),
        indexed_vectors=sum(indexed for _, indexed, _ in by_vector.values()),
        segments=len(segments),
        pending_writes=collection.shard.store.waiting,
        by_vector=by_vector,
        running_optimizations=int(bool(collection.maintenance.current)),
    )


# Collections


def _list_collections(catalog: Catalog, _: r.ListCollections) -> out.CollectionsResult:
    return out.CollectionsResult([out.CollectionDescription(name) for name in catalog.names])


def _get_collection(catalog: Catalog, request: r.GetCollection) -> out.CollectionInfo:
    return describe(catalog.get(request.collection))


def _get_memory(catalog: Catalog, request: r.GetMemory) -> MemoryReport:
    return memory_report(catalog.get(request.collection))


def _get_optimizations(catalog: Catalog, request: r.GetOptimizations) -> OptimizationsResult:
    return catalog.get(request.collection).maintenance.report(request)


def _get_cluster(catalog: Catalog, request: r.GetCollectionCluster) -> CollectionCluster:
    with catalog.get(request.collection).view() as view:
        shard = LocalShard(0, len(view.live))
    return CollectionCluster(peer_id=catalog.node_id, shard_count=1, local_shards=[shard])


def _list_shard_keys(catalog: Catalog, request: r.ListShardKeys) -> ShardKeys:
    catalog.get(request.collection)
    return ShardKeys()


def _clean_up_shard(catalog: Catalog, request: r.CleanUpShard) -> out.UpdateResult:
    collection = catalog.get(request.collection)
    check_shard(request.shard)
    return out.UpdateResult(collection.shard.applied, "completed")


def _collection_exists(catalog: Catalog, request: r.CollectionExists) -> out.ExistsResult:
    return out.ExistsResult(catalog.exists(request.collection))


def _create_collection(catalog: Catalog, request: r.CreateCollection) -> bool:
    catalog.create(request.collection, new_config(request, catalog.defaults))
    return True


def _update_collection(catalog: Catalog, request: r.UpdateCollection) -> bool:
    catalog.configure(request.collection, lambda config: changed_config(config, request))
    return True


def _create_vector(catalog: Catalog, request: r.CreateVector) -> out.UpdateResult:
    name, dense, sparse = request.vector_name, request.dense, request.sparse
    return _names_changed(catalog, request, lambda c: with_vector(c, name, dense, sparse))


def _delete_vector(catalog: Catalog, request: r.DeleteVector) -> out.UpdateResult:
    return _names_changed(catalog, request, lambda c: without_vector(c, request.vector_name))


def _names_changed(
    catalog: Catalog,
    request: r.CreateVector | r.DeleteVector,
    change: Callable[[CollectionConfig], CollectionConfig],
) -> out.UpdateResult:
    collection = catalog.configure(request.collection, change)
    status = "completed" if request.wait else "acknowledged"
    return out.UpdateResult(collection.shard.applied, status)


def _delete_collection(catalog: Catalog, request: r.DeleteCollection) -> bool:
    return catalog.delete(request.collection)


_ALIAS_ACTIONS = {
    "create_alias": ("create", "alias_name", "collection_name"),
    "delete_alias": ("delete", "alias_name", None),
    "rename_alias": ("rename", "old_alias_name", "new_alias_name"),
}


def _change_aliases(catalog: Catalog, request: r.ChangeAliases) -> bool:
    changes = []
    for position, source in enumerate(request.actions):
        if len(source) != 1 or (kind := next(iter(source))) not in _ALIAS_ACTIONS:
            raise MalformedRequest(
                f"actions[{position}] must have exactly one of {', '.join(_ALIAS_ACTIONS)}"
            )
        action, name_field, target_field = _ALIAS_ACTIONS[kind]
        wanted = {name_field, target_field} - {None}
        fields = source[kind]
        if not isinstance(fields, dict) or set(fields) != wanted:
            raise MalformedRequest(
                f"actions[{position}].{kind} must have {' and '.join(sorted(map(str, wanted)))}"
            )
        name = check_name(fields[name_field], name_field)
        target = check_name(fields[target_field], target_field) if target_field else ""
        changes.append((action, name, target))
    catalog.change_aliases(changes)
    return True


def _list_aliases(catalog: Catalog, _: r.ListAliases) -> out.AliasesResult:
    pairs = sorted(catalog.current_aliases.items())
    return out.AliasesResult([out.AliasDescription(alias, name) for alias, name in pairs])


def _list_collection_aliases(
    catalog: Catalog, request: r.ListCollectionAliases
) -> out.AliasesResult:
    catalog.get(request.collection)
    name = catalog.aliases.get(request.collection, request.collection)
    aliases = _list_aliases(catalog, r.ListAliases()).aliases
    return out.AliasesResult([alias for alias in aliases if alias.collection_name == name])


def _wait_for_index(catalog: Catalog, request: r.WaitForIndex) -> bool:
    catalog.get(request.collection).maintenance.finish(request.timeout)
    return True


# The database


def _get_issues(catalog: Catalog, _: r.GetIssues) -> IssuesResult:
    found = [
        issue
        for name, collection in catalog.open_collections.items()
        for issue in issues_of(name, collection.shard.unindexed)
    ]
    return IssuesResult(sorted(found, key=lambda issue: -issue.payloads_read))


def _clear_issues(catalog: Catalog, _: r.ClearIssues) -> bool:
    for collection in catalog.open_collections.values():
        collection.shard.unindexed.clear()
    return True


def _get_quotas(catalog: Catalog, _: r.GetQuotas) -> QuotaStatus:
    return catalog.current_quotas.status()


def _update_quotas(catalog: Catalog, request: r.UpdateQuotas) -> bool:
    catalog.set_quotas(quota_config(request))
    return True


# Points


def _write(catalog: Catalog, request: Any) -> out.UpdateResult:
    results = _write_all(catalog, request, [request])
    return results[0]


def _batch_update(catalog: Catalog, request: r.BatchUpdate) -> list[out.UpdateResult]:
    return _write_all(catalog, request, request.operations)


def _write_all(catalog: Catalog, request: Any, operations: list[Any]) -> list[out.UpdateResult]:
    return write_all(catalog.get(request.collection), request, operations)


def _reading(handler: Handler) -> Callable[[Catalog, Any], Any]:
    return lambda catalog, request: handler(catalog.get, request)


_HANDLERS: dict[type, Callable[[Catalog, Any], Any]] = {
    **{request: _reading(handler) for request, handler in READS.items()},
    r.ListCollections: _list_collections,
    r.GetCollection: _get_collection,
    r.GetMemory: _get_memory,
    r.GetOptimizations: _get_optimizations,
    r.GetCollectionCluster: _get_cluster,
    r.ListShardKeys: _list_shard_keys,
    r.CleanUpShard: _clean_up_shard,
    r.CollectionExists: _collection_exists,
    r.CreateCollection: _create_collection,
    r.UpdateCollection: _update_collection,
    r.DeleteCollection: _delete_collection,
    r.CreateVector: _create_vector,
    r.DeleteVector: _delete_vector,
    r.ChangeAliases: _change_aliases,
    r.ListAliases: _list_aliases,
    r.ListCollectionAliases: _list_collection_aliases,
    r.WaitForIndex: _wait_for_index,
    r.GetIssues: _get_issues,
    r.ClearIssues: _clear_issues,
    r.GetQuotas: _get_quotas,
    r.UpdateQuotas: _update_quotas,
    r.BatchUpdate: _batch_update,
    **dict.fromkeys(
        (
            r.Upsert,
            r.UpdateVectors,
            r.DeletePoints,
            r.DeleteVectors,
            r.SetPayload,
            r.OverwritePayload,
            r.DeletePayload,
            r.ClearPayload,
            r.CreateFieldIndex,
            r.DeleteFieldIndex,
        ),
        _write,
    ),
}
