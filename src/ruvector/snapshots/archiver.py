"""Who has the log of every collection kept, and how much of it stays?

One thread, which copies what is new every few seconds, and then says how far everything reaches
(`coverage`). Beside it, a shard copies what it is about to drop (`kept_log`), so that no pause of
this thread makes a hole. What goes wrong is logged, told by `state`, and tried again at the next
turn; until then the log stays in the shard.
"""

import logging
import time
from collections.abc import Mapping
from typing import NamedTuple

from ruvector.collection.catalog import Catalog
from ruvector.collection.collection import Collection
from ruvector.collection.kept_log import LogPiece, Sink
from ruvector.errors import RuvectorError, StorageFull
from ruvector.snapshots.coverage import (
    ENDED_MAX,
    Coverage,
    Covered,
    coverage_bytes,
    read_coverage,
)
from ruvector.snapshots.folder import COVERAGE_SUFFIX, SnapshotFolder, group_of
from ruvector.snapshots.log_piece import piece_bytes, piece_name
from ruvector.snapshots.repeating import Repeating
from ruvector.storage.environment import NO_SPACE

DAY_SECONDS = 86_400

_log = logging.getLogger("ruvector.snapshots")


class ArchiveState(NamedTuple):
    """How the archive of logs is; times in seconds since 1970.

    `kept`: when everything was last kept, at first when it began; `failing`: collections whose log
    could not be copied, and since when; `unreachable_since`: what was copied could not be sent on.
    """

    kept: float
    failing: Mapping[str, float]
    unreachable_since: float | None


def sink_of(folder: SnapshotFolder, name: str) -> Sink:
    """Return who writes the pieces of a collection's log into the folder of snapshots."""

    def keep(piece: LogPiece) -> None:
        content = piece_bytes(piece, name, time.time_ns() // 1_000_000)
        try:
            folder.keep_piece(
                group_of(name), piece.log, piece_name(piece.first, piece.last), content
            )
        except OSError as error:
            if error.errno in NO_SPACE:
                raise StorageFull(f"no space for the archived log in {folder.root}") from error
            raise

    return keep


class LogArchiver:
    """Copies the logs of a database until it is closed."""

    def __init__(
        self, catalog: Catalog, folder: SnapshotFolder, seconds: float, keep_days: float | None
    ) -> None:
        self._catalog = catalog
        self._folder = folder
        self._seconds = seconds
        self._keep_days = keep_days
        self._name = f"{catalog.node_id}{COVERAGE_SUFFIX}"
        self._covered: dict[str, Covered] = {}
        self.state = ArchiveState(time.time(), {}, None)
        self._thread = Repeating("log-archive", self._turn)

    def start(self) -> None:
        """Begin. Times of entries go on after what was told of them before."""
        try:
            content = dict(self._folder.coverages()).get(self._name)
            if content is not None:
                self._covered = read_coverage(self._name, content).logs
        except (OSError, RuvectorError) as error:
            _log.error("how far the archived logs reach is not known any more: %s", error)
        for collection in self._catalog.open_collections.values():
            kept = collection.kept_log
            if kept is not None and kept.identity.id in self._covered:
                kept.go_on_after(self._covered[kept.identity.id].until)
        self._thread.start(self._seconds)

    def close(self) -> None:
        """Copy what is left, and stop."""
        self._thread.close()
        self.step(is_last=True)

    def step(self, *, is_last: bool = False) -> None:
        """Copy what is new in every log; remove what is older than is to be kept."""
        failed: list[str] = []
        covered: dict[str, Covered] = {}
        open_collections = self._catalog.open_collections
        for name, collection in open_collections.items():
            try:
                covered |= _archived(name, collection)
                if is_last and collection.kept_log is not None:
                    collection.kept_log.end()
            except (OSError, RuvectorError) as error:
                if self._catalog.open_collections.get(name) is collection:  # else it has gone
                    _log.error("the log of %s could not be archived: %s", name, error)
                    failed.append(name)
        now, unreachable_since = time.time(), None
        try:
            self._folder.ship_pieces()
            known = {*self._covered, *covered}  # also what is told of for the last time
            self._tell(covered)
            if self._keep_days is not None:
                self._folder.remove_pieces(time.time() - self._keep_days * DAY_SECONDS, known)
        except (OSError, RuvectorError) as error:
            _log.error("the archived log could not be kept: %s", error)
            unreachable_since = self.state.unreachable_since or now
        is_kept = not failed and unreachable_since is None
        self.state = ArchiveState(
            kept=now if is_kept else self.state.kept,
            failing={name: self.state.failing.get(name, now) for name in failed},
            unreachable_since=unreachable_since,
        )

    def _turn(self) -> float:
        self.step()
        return self._seconds

    def _tell(self, covered: dict[str, Covered]) -> None:
        """Write how far every log reaches, of those that have ended too."""
        now, told = self._catalog.clock(), dict(covered)
        names = set(self._catalog.names)
        going_on = {
            collection.kept_log.identity.id
            for collection in self._catalog.open_collections.values()
            if collection.kept_log is not None
        }
        ended = {}
        for log, before in self._covered.items():
            if log in told:
                continue
            is_damaged = before.collection in names and before.collection not in (
                self._catalog.open_collections
            )
            if before.ended is not None:
                ended[log] = before
            elif log in going_on or is_damaged:
                told[log] = before  # it failed, or nobody can open it
            else:
                ended[log] = Covered(
                    collection=before.collection,
                    last=before.last,
                    until=before.until,
                    ended=now,
                    is_gone=before.collection not in names,
                )
        newest = sorted(ended.items(), key=lambda item: item[1].ended or 0)[-ENDED_MAX:]
        if self._keep_days is not None:
            oldest = now - int(self._keep_days * DAY_SECONDS * 1000)
            newest = [(log, each) for log, each in newest if (each.ended or 0) >= oldest]
        coverage = Coverage(logs=told | dict(newest))
        self._folder.keep_coverage(self._name, coverage_bytes(coverage))
        self._covered = coverage.logs


def _archived(name: str, collection: Collection) -> dict[str, Covered]:
    """Have what is new in a log kept; return how far it reaches then, by its identity."""
    until = collection.archive_log()
    kept = collection.kept_log
    if until is None or kept is None:
        return {}
    with kept.lock:
        return {kept.identity.id: Covered(collection=name, last=kept.position, until=until)}
