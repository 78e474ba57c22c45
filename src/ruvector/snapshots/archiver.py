"""Who has the log of every collection kept, and how much of it stays?

One thread, which copies what is new every few seconds. Beside it, a shard copies what it is about
to drop (`kept_log`), so that no pause of this thread makes a hole. What goes wrong is logged and
tried again at the next turn; until then the log stays in the shard.
"""

import logging
import threading
import time

from ruvector.collection.catalog import Catalog
from ruvector.collection.kept_log import LogPiece, Sink
from ruvector.errors import RuvectorError, StorageFull
from ruvector.snapshots.folder import SnapshotFolder, group_of
from ruvector.snapshots.log_piece import piece_bytes, piece_name
from ruvector.storage.environment import NO_SPACE

DAY_SECONDS = 86_400

_log = logging.getLogger("ruvector.snapshots")


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
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ruvector-log-archive", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Copy what is left, and stop."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self.step(is_last=True)

    def step(self, *, is_last: bool = False) -> None:
        """Copy what is new in every log; remove what is older than is to be kept."""
        for name, collection in self._catalog.open_collections.items():
            try:
                collection.archive_log()
                if is_last and collection.kept_log is not None:
                    collection.kept_log.end()
            except (OSError, RuvectorError) as error:
                _log.error("the log of %s could not be archived: %s", name, error)
        try:
            self._folder.ship_pieces()
            if self._keep_days is not None:
                self._folder.remove_pieces(time.time() - self._keep_days * DAY_SECONDS)
        except (OSError, RuvectorError) as error:
            _log.error("the archived log could not be kept: %s", error)

    def _run(self) -> None:
        while not self._closing.wait(self._seconds):
            try:
                self.step()
            except Exception:  # noqa: BLE001 - a thread that nobody joins would lose it
                _log.exception("archiving the log failed unexpectedly")
