"""Who makes snapshots that nobody waits for, and how many are made at once?

Each copies or unpacks a whole collection, so that RUNNING at once is all a disk bears; more that
are waited for are refused, and up to WAITING that are not wait in a queue. The thread lives while
there is work. What goes wrong in the background is logged, because nobody is there to hear it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ruvector.errors import RuvectorError, StorageBusy

RUNNING = 2
WAITING = 32

_log = logging.getLogger("ruvector.snapshots")


class Jobs:
    """The bounded work of one database on snapshots. Safe for any number of threads."""

    def __init__(self) -> None:
        self._running = threading.BoundedSemaphore(RUNNING)
        self._changed = threading.Condition()  # guards what follows
        self._waiting: deque[tuple[str, Callable[[], object]]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Do a piece of work that is waited for; StorageBusy where RUNNING are done already."""
        if not self._running.acquire(blocking=False):
            raise StorageBusy(
                f"{RUNNING} snapshots are being made or restored, the most at once; try again later"
            )
        try:
            yield
        finally:
            self._running.release()

    def later(self, what: str, work: Callable[[], object]) -> None:
        """Do a piece of work in the background; StorageBusy where too many wait."""
        with self._changed:
            if self._closed or len(self._waiting) >= WAITING:
                raise StorageBusy(f"{WAITING} snapshots wait to be made or restored, the most")
            self._waiting.append((what, work))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="ruvector-snapshots", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Forget what waits, and wait for what runs in the background."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._thread = None
                    return
                what, work = self._waiting.popleft()
            try:
                with self._running:
                    work()
            except RuvectorError as error:
                _log.error("%s failed: %s", what, error.message)
            except Exception:  # noqa: BLE001 - a thread that nobody joins would lose it
                _log.exception("%s failed unexpectedly", what)
