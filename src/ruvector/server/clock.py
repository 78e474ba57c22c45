"""How does a connection know that its time is over? By one timer, however often the time changes.

Each request moves the deadline of its connection several times, and hardly one ever comes. A timer
of the loop costs more than everything else about it, so a deadline that moves away leaves the timer
where it is; when it goes off, it is looked what the deadline has become. For the loop's thread
only.
"""

import asyncio
from collections.abc import Callable


class Clock:
    """The deadline of one connection, if any."""

    __slots__ = ("_due", "_loop", "_timer", "late")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due = 0.0
        self.late: Callable[[], None] | None = None  # what it will call, if there is a deadline
        self._timer: asyncio.TimerHandle | None = None

    def start(self, seconds: float, late: Callable[[], None]) -> None:
        """Call `late` after so many seconds, instead of what was to be called before."""
        self.late = late
        due = self._due = self._loop.time() + seconds
        timer = self._timer
        if timer is not None and timer.when() <= due:
            return
        if timer is not None:
            timer.cancel()
        self._timer = self._loop.call_at(due, self._look)

    def stop(self) -> None:
        """Let there be no deadline."""
        self.late = None

    def close(self) -> None:
        """Let there never be one again."""
        self.late = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        late = self.late
        if late is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
            return
        self.late = None
        late()
