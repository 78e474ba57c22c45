"""Who makes snapshots on time? One thread, which sleeps until the timetable's next moment.

A moment that passes while the process does not run, or while a snapshot is still being made, is not
made up for. What goes wrong is logged, and the next moment tries again. The clock is a parameter,
so that tests need none.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from ruvector.errors import RuvectorError
from ruvector.snapshots.timetable import Timetable

LONGEST_SLEEP_SECONDS = 60.0  # a clock that is set anew is noticed within that

_log = logging.getLogger("ruvector.snapshots")


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class Scheduler:
    """Calls `work` at every moment of a timetable until it is closed."""

    def __init__(
        self,
        timetable: Timetable,
        work: Callable[[], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._timetable = timetable
        self._work = work
        self._now = now
        self._closing = threading.Event()
        self.due = timetable.next_after(now())
        self._thread = threading.Thread(target=self._run, name="ruvector-schedule", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop, after the snapshot that is being made."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def step(self) -> float:
        """Do the work if it is due; return how many seconds to sleep."""
        if self._now() >= self.due:
            try:
                self._work()
            except RuvectorError as error:
                _log.error("the scheduled snapshot failed: %s", error.message)
            except Exception:  # noqa: BLE001 - a thread that nobody joins would lose it
                _log.exception("the scheduled snapshot failed unexpectedly")
            self.due = self._timetable.next_after(self._now())
        left = (self.due - self._now()).total_seconds()
        return min(max(left, 0.0), LONGEST_SLEEP_SECONDS)

    def _run(self) -> None:
        while not self._closing.wait(self.step()):
            pass
