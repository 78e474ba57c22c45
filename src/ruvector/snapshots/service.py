"""Who answers requests about snapshots? One function each, over a catalog and a folder.

Threads: any. A name is checked and a collection looked up before work begins, so that also those
who do not wait hear what is wrong with their request.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from ruvector.collection.catalog import Catalog, node_id_of
from ruvector.errors import BadInput, NotFound, RuvectorError, StorageLocked
from ruvector.model import snapshots as m
from ruvector.model.names import check_name
from ruvector.model.shard_keys import check_shard
from ruvector.snapshots.archiver import ArchiveState, LogArchiver
from ruvector.snapshots.coverage import Claims
from ruvector.snapshots.create import write_snapshot
from ruvector.snapshots.folder import (
    FULL,
    NAME_BYTES,
    TEMPORARY,
    Group,
    SnapshotFolder,
    group_of,
    unnamed_pieces_of,
)
from ruvector.snapshots.jobs import Jobs
from ruvector.snapshots.locations import REMOTE, local_file, refuse_remote, scheme_of
from ruvector.snapshots.remote import Downloads, remote_of
from ruvector.snapshots.restore import restore_all, restore_collection
from ruvector.snapshots.scheduler import Scheduler
from ruvector.snapshots.settings import SnapshotSettings
from ruvector.snapshots.timetable import Timetable
from ruvector.snapshots.until import Moment

SNAPSHOTS_FOLDER = "snapshots"
SCHEDULED = "scheduled-"  # begins the names of those that the schedule made, and may delete

_log = logging.getLogger("ruvector.snapshots")


class SnapshotContent(NamedTuple):
    """A snapshot on its way out: close `pieces` when they are not read to the end."""

    description: m.SnapshotDescription
    pieces: Iterator[bytes]


class Snapshots:
    """The snapshots of one database."""

    def __init__(
        self, catalog: Catalog, settings: SnapshotSettings, folder: SnapshotFolder
    ) -> None:
        self._catalog = catalog
        self._settings = settings
        self.folder = folder
        self._jobs = Jobs()
        self._downloads = Downloads(self.folder)
        self._scheduler: Scheduler | None = None
        self.archiver: LogArchiver | None = None
        if not catalog.read_only:
            self.folder.empty_temporary()
            if settings.schedule:
                self._scheduler = Scheduler(Timetable(settings.schedule), self.make_scheduled)
                self._scheduler.start()
            if settings.archive_log:
                seconds, days = settings.archive_log_seconds, settings.keep_log_days
                self.archiver = LogArchiver(catalog, self.folder, seconds, days)
                self.archiver.start()

    def close(self) -> None:
        """Finish what runs in the background."""
        if self._scheduler is not None:
            self._scheduler.close()
        self.end_downloads()
        self._jobs.close()
        if self.archiver is not None:
            self.archiver.close()

    def end_downloads(self) -> None:
        """Break off what is being fetched from URLs; no more is."""
        self._downloads.close()

    @property
    def archive_state(self) -> ArchiveState | None:
        """Return how the archive of logs is, None where none are archived."""
        return None if self.archiver is None else self.archiver.state

    def handlers(self) -> dict[type, Callable[[Catalog, Any], Any]]:
        """Return the function that answers each request."""
        table: dict[type, Callable[[Any], Any]] = {
            m.CreateSnapshot: self._create,
            m.CreateShardSnapshot: self._create,
            m.CreateFullSnapshot: self._create,
            m.ListSnapshots: self._list,
            m.ListShardSnapshots: self._list,
            m.ListFullSnapshots: self._list,
            m.DeleteSnapshot: self._delete,
            m.DeleteShardSnapshot: self._delete,
            m.DeleteFullSnapshot: self._delete,
            m.DownloadSnapshot: self._describe,
            m.DownloadShardSnapshot: self._describe,
            m.DownloadFullSnapshot: self._describe,
            m.StreamShardSnapshot: _refuse_stream,
            m.RecoverSnapshot: self._recover,
            m.RecoverShardSnapshot: self._recover,
            m.RecoverFullSnapshot: self._recover,
            m.UploadSnapshot: self._take_upload,
            m.UploadShardSnapshot: self._take_upload,
            m.UploadFullSnapshot: self._take_upload,
        }
        return {request: _without_catalog(handler) for request, handler in table.items()}

    def content(self, request: Any) -> SnapshotContent:
        """Return the bytes of a snapshot that a request for a download names."""
        if isinstance(request, m.StreamShardSnapshot):
            return self._made_content(request)
        description = self._describe(request)
        pieces = self.folder.content(self._group(request), description.name)
        return SnapshotContent(description, pieces)

    # Making

    def _create(self, request: Any) -> m.SnapshotDescription | None:
        group = self._group(request)
        self._refuse_read_only()
        if group != FULL:
            self._catalog.get(request.collection)
        if not request.wait:
            self._jobs.later(f"snapshot of {'/'.join(group)}", lambda: self._make(group))
            return None
        with self._jobs.running():
            return self._make(group)

    def make_scheduled(self) -> None:
        """Make the snapshots that the schedule names; of those, keep the newest of each group."""
        names = self._settings.collections
        for group in [group_of(self._catalog.resolve(name)) for name in names] or [FULL]:
            try:
                with self._jobs.running():
                    self._make(group, SCHEDULED)
                own = SCHEDULED + self._stem(group)  # others may keep theirs in the same folder
                made = [s for s in self.folder.list(group) if s.name.startswith(own)]
                for old in made[: -self._settings.keep]:
                    self.folder.remove(group, old.name)
            except RuvectorError as error:
                _log.error("scheduled snapshot of %s: %s", "/".join(group), error.message)

    def _make(self, group: Group, prefix: str = "") -> m.SnapshotDescription:
        name = self.folder.new_name(group, prefix + self._stem(group))
        try:
            with self._moment(group) as (kind, moment):
                staged, checksum = write_snapshot(self.folder, kind, moment)
            return self.folder.keep(staged, group, name, checksum)
        finally:
            self.folder.give_up(group, name)

    def _made_content(self, request: m.StreamShardSnapshot) -> SnapshotContent:
        group = self._group(request)
        self._refuse_read_only()
        with self._jobs.running(), self._moment(group) as (kind, moment):
            path, checksum = write_snapshot(self.folder, kind, moment)
        name = self.folder.new_name(group, self._stem(group))
        self.folder.give_up(group, name)
        size = path.stat().st_size
        description = m.SnapshotDescription(
            name=name, creation_time=None, size=size, checksum=checksum
        )
        return SnapshotContent(description, unnamed_pieces_of(path))

    @contextmanager
    def _moment(self, group: Group) -> Iterator[tuple[str, Any]]:
        kind = "storage" if group == FULL else "shard" if "shards" in group[2:] else "collection"
        with self._catalog.moment(None if group == FULL else group[1]) as moment:
            yield kind, moment

    def _stem(self, group: Group) -> str:
        """Return how names begin; no other database's begin so."""
        if group == FULL:
            return f"full-snapshot-{self._catalog.node_id}-"
        shard = f"-shard-{group[3]}" if len(group) > 2 else ""
        name = group[1].encode()[:NAME_BYTES].decode(errors="ignore")
        return f"{name}{shard}-{self._catalog.node_id}-"

    # Keeping

    def _list(self, request: Any) -> list[m.SnapshotDescription]:
        group = self._group(request)
        if group != FULL and not self.folder.exists(group):
            self._catalog.get(request.collection)
        return self.folder.list(group)

    def _describe(self, request: Any) -> m.SnapshotDescription:
        return self.folder.describe(self._group(request), request.snapshot_name)

    def _delete(self, request: Any) -> bool | None:
        group = self._group(request)
        self._refuse_read_only()
        self.folder.remove(group, request.snapshot_name)
        return True if request.wait else None

    # Restoring

    def _recover(self, request: Any) -> bool | None:
        group = self._group(request)
        self._refuse_read_only()
        m.check_priority(getattr(request, "priority", None))
        m.check_checksum(request.checksum)
        m.parse_until(getattr(request, "until", None))
        if self._settings.from_urls and scheme_of(request.location) in REMOTE:
            remote = remote_of(request.location, request.api_key)
            return self._restore(request, remote.host, lambda: self._downloads.fetch(remote))
        path = self._located(group, request.location)
        return self._restore(request, path.name, lambda: path)

    def _take_upload(self, request: Any) -> bool | None:
        self._group(request)
        self._refuse_read_only()
        m.check_priority(getattr(request, "priority", None))
        if request.source is None:
            raise BadInput("an upload must hold a file; send it as the field `snapshot`")
        path = Path(request.source)
        if not path.is_file():
            raise NotFound(f"there is no file {path.name}")
        return self._restore(request, path.name, lambda: path)

    def _restore(self, request: Any, source: str, file: Callable[[], Path]) -> bool | None:
        checksum = m.check_checksum(request.checksum)
        until = m.parse_until(getattr(request, "until", None))
        moment = None
        if until is not None:
            moment = Moment(self.folder, until, Claims(self.folder))
        is_shard = hasattr(request, "shard")
        if is_shard:
            self._catalog.get(request.collection)

        def restore(path: Path) -> None:
            if isinstance(request, m.RecoverFullSnapshot | m.UploadFullSnapshot):
                restore_all(self._catalog, path, checksum, moment)
            else:
                restore_collection(
                    self._catalog,
                    path,
                    request.collection,
                    checksum,
                    is_shard=is_shard,
                    moment=moment,
                )

        def work(turn: AbstractContextManager[None]) -> None:
            path = file()
            try:
                with turn:
                    restore(path)
            finally:
                if self.folder.is_temporary(path):
                    path.unlink(missing_ok=True)

        if not request.wait:
            self._jobs.later(f"recovery from {source}", lambda: work(nullcontext()))
            return None
        work(self._jobs.running())
        return True

    def _located(self, group: Group, location: str) -> Path:
        scheme = scheme_of(location)
        if not scheme:
            return self.folder.local(group, location)
        if scheme != "file":
            refuse_remote(location)
        return local_file(self.folder.root, location)

    def _group(self, request: Any) -> Group:
        """Return where the snapshots are that a request is about."""
        collection = getattr(request, "collection", None)
        if collection is None:
            return FULL
        check_name(collection, "collection name")
        name = self._catalog.resolve(collection)
        if not hasattr(request, "shard"):
            return group_of(name)
        check_shard(request.shard)
        return group_of(name, 0)

    def _refuse_read_only(self) -> None:
        if self._catalog.read_only:
            raise StorageLocked("the database was opened with read_only=True; open it for writing")


def snapshot_folder(database: Path, settings: SnapshotSettings) -> SnapshotFolder:
    """Return where the snapshots of a data folder are."""
    root = settings.path or database / SNAPSHOTS_FOLDER
    temporary = TEMPORARY if settings.path is None else f"{TEMPORARY}-{node_id_of(database)}"
    if settings.s3 is None:
        return SnapshotFolder(root, temporary)
    from ruvector.snapshots.bucket import SnapshotBucket

    return SnapshotBucket(root, settings.s3, temporary)


def _refuse_stream(_: Any) -> None:
    raise BadInput("the answer would be a file: download it")


def _without_catalog(handler: Callable[[Any], Any]) -> Callable[[Catalog, Any], Any]:
    return lambda _, request: handler(request)
