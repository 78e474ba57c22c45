"""Who makes snapshots on time? One thread, which sleeps until the timetable's next moment.

A moment that passes while the process does not run, or while a snapshot is still being made, is not
made up for. What goes wrong is logged, and the next moment tries again. The clock is a parameter,
so that tests need none.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from ruvector.errors import RuvectorError
from ruvector.snapshots.repeating import Repeating
from ruvector.snapshots.timetable import Timetable

LONGEST_SLEEP_SECONDS = 60.0  # a clock that is set anew is noticed within that

_log = logging.getLogger("ruvector.snapshots")


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class Scheduler:
    """Calls `work` at every moment of a timetable, from `start` until `close`."""

    def __init__(
        self,
        timetable: Timetable,
        work: Callable[[], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._timetable = timetable
        self._work = work
        self._now = now
        self.due = timetable.next_after(now())
        self._thread = Repeating("schedule", self.step)
        self.start, self.close = self._thread.start, self._thread.close

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
