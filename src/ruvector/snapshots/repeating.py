"""Who does something again and again? One thread, until it is closed; what goes wrong is logged.

The work is a function that returns how many seconds to sleep. It logs what it foresees; anything
else is logged here, and tried again.
"""

import logging
import threading
from collections.abc import Callable

RETRY_SECONDS = 60.0  # after a failure that nobody foresaw

_log = logging.getLogger("ruvector.snapshots")


class Repeating:
    """The thread. `what` is its work, for the log."""

    def __init__(self, what: str, work: Callable[[], float]) -> None:
        self._what = what
        self._work = work
        self._seconds = 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"ruvector-{what}", daemon=True)

    def start(self, after_seconds: float = 0.0) -> None:
        """Begin, with a sleep of so long."""
        self._seconds = after_seconds
        self._thread.start()

    def close(self) -> None:
        """Stop, after the work that is being done."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._seconds):
            try:
                self._seconds = self._work()
            except Exception:  # noqa: BLE001 - a thread that nobody joins would lose it
                _log.exception("the %s failed unexpectedly", self._what)
                self._seconds = RETRY_SECONDS
