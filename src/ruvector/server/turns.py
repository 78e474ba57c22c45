"""Who may work on the loop's thread, and for how long? Quick searches, a few milliseconds a turn.

One turn of the loop serves everybody who has sent something: with a thousand connections that are
a thousand searches before it looks at the next question about its health. So work may begin at once
only in the first TURN_SECONDS of a turn; what comes later waits here and has its turn in the order
in which it came. Work that would wait longer than `server.patience` says is refused on arrival,
judged by the pace at which the queue has been getting shorter. What waited longer all the same is
done, as the waiting would be lost otherwise, unless it took LATE times as long. For the loop's
thread only.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import TypeVar

from ruvector.errors import Unavailable
from ruvector.server.patience import Patience
from ruvector.server.pool import MAX_WAITING, PACE_SECONDS, PACE_WEIGHT, too_busy

TURN_SECONDS = 0.005  # benchmarks/overload.py: /readyz waits for about two turns
# What a quick search waits at most, if the setting does not say less. With 0.25 s, 900 wait, and
# goodput at the capacity falls to 80 % of it, with 0.06 s to 99 % (benchmarks/overload.py).
PATIENCE_SECONDS = 0.06
LATE = 2.0  # times the patience
FEW = 16  # pieces take 3 ms; that many wait whatever the pace seems, after a pause of the process
T = TypeVar("T")
Work = Callable[[bool], bool]


class Turns:
    """The queue of one loop. `refused` is called for every piece of work that is not taken."""

    def __init__(self, patience_seconds: float, refused: Callable[[], None]) -> None:
        self.patience_seconds = min(patience_seconds, PATIENCE_SECONDS)
        self._patience = Patience(self.patience_seconds)
        self._refused = refused
        self._queue: deque[tuple[float, Work]] = deque()
        self._room = MAX_WAITING  # pieces that may wait
        self._pace = 0.0  # seconds between two pieces of work done, while others waited
        self._ends: float | None = None  # of this turn's share; None: nothing was done in it
        self._began = 0.0  # when the queue was last served
        self._served = 0  # pieces of work since then

    @property
    def is_full(self) -> bool:
        """Say whether work that would have to wait is refused."""
        return len(self._queue) >= self._room

    @property
    def waiting(self) -> int:
        """Return how many pieces of work wait."""
        return len(self._queue)

    def is_now(self) -> bool:
        """Say whether work may begin at once; otherwise it has to `wait`, or is refused."""
        if self._queue:
            return False
        if self._ends is None:
            self._ends = perf_counter() + TURN_SECONDS
            asyncio.get_running_loop().call_soon(self._serve)
            return True
        return perf_counter() < self._ends

    def check(self) -> None:
        """Raise Unavailable (503) where work would not be taken."""
        if len(self._queue) >= self._room:
            raise self.refusal()

    def refusal(self) -> Unavailable:
        """Count one more piece of work that is not done; return what its sender is told."""
        self._refused()
        return too_busy(self.patience_seconds)

    def wait(self, work: Work) -> None:
        """Do the work at its turn, soon after `is_now` has said no.

        It is told whether it is too late, and returns whether there was anything left to do.
        """
        assert self._ends is not None  # noqa: S101 - is_now said no
        now = perf_counter()
        if not self._queue and now - self._began > PACE_SECONDS:
            self._forget_pace()
        self._queue.append((now, work))

    async def do(self, work: Callable[[], T]) -> T:
        """Return the work's result at its turn; Unavailable (503) where that would be too late."""
        if self.is_now():
            return work()
        self.check()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.wait(partial(self._settle, future, work))
        return await future

    def _settle(self, future: "asyncio.Future[T]", work: Callable[[], T], is_late: bool) -> bool:
        if future.done():  # nobody waits any more
            return False
        try:
            if is_late:
                raise self.refusal()
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - it is raised again where it is awaited
            future.set_exception(error)
        return True

    def _serve(self) -> None:
        """Do what waits, for one turn; called in the turn after the one in which work was done."""
        now = perf_counter()
        self._ends = None
        queue = self._queue
        if not queue:
            return
        if len(queue) >= self._room:
            self._patience.found_full(now)
        if self._served:
            self._learn((now - self._began) / self._served, now)
        self._began, self._served = now, 0
        ends, latest = now + TURN_SECONDS, now - LATE * self.patience_seconds
        moment = now
        while queue and moment < ends:
            submitted, work = queue.popleft()
            self._served += work(submitted < latest)
            moment = perf_counter()
        if queue:  # what the rest of the turn takes belongs to the pace, known at the next one
            self._ends = ends
            asyncio.get_running_loop().call_soon(self._serve)
        elif self._served:
            self._learn((moment - now) / self._served, moment)
            self._served = 0

    def _learn(self, took: float, now: float) -> None:
        self._pace += (took - self._pace) * (PACE_WEIGHT if self._pace else 1.0)
        promised = self._patience.promised(now)
        self._room = min(MAX_WAITING, max(FEW, int(promised / self._pace)))

    def _forget_pace(self) -> None:
        self._pace, self._room = 0.0, MAX_WAITING
