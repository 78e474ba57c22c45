"""Where is the work done, and how much of it may wait? In bounded pools of threads, so that the
event loop never waits.

Reads, writes and questions about the server each have a lane of their own: neither a load of
documents nor a flood of searches holds up the others or what a balancer asks.
A lane refuses work (503) when MAX_WAITING pieces wait, and when a piece would wait longer than its
patience (`server.patience`): judged by the pace at which the lane has got work done while others
waited, and looked at again when its turn comes, unless a thread was free: then it is the machine
that is late, and nobody's turn comes sooner by refusing. What is refused costs little; what is
accepted is answered while somebody still waits for it.

`submit` and `check` are called on the loop's thread only; so is `_settle`. Hence the counters need
no lock. Cancelling the caller does not interrupt the work: a commit that has begun ends. Work whose
deadline has passed before it began is not begun.
"""

import asyncio
import math
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ruvector.errors import TimedOut, Unavailable
from ruvector.kernel.deadlines import Deadline
from ruvector.server.patience import Patience

T = TypeVar("T")
MAX_WAITING = 1024  # pieces in the queue of a lane: their bodies are bounded elsewhere
WRITE_PATIENCE_SECONDS = 30.0  # a load of documents comes in large pieces, and is worth waiting for
SERVICE_THREADS = 2
PACE_WEIGHT = 0.1  # of the newest figure in the moving average of a pace
WINDOW_SECONDS = 0.1  # over which a lane counts what it got done: single pieces end in bursts
WINDOW_WEIGHT = 0.5  # of the newest window
READ_NICENESS = 3  # see _begin_thread
PACE_SECONDS = 1.0  # after so long without a queue the pace is forgotten
_STOP = None


def default_threads() -> int:
    """Return how many threads suit this machine: writers wait for the disk, so more than cores."""
    return min(64, 8 + 4 * (os.cpu_count() or 1))


def read_threads() -> int:
    """Return how many threads suit reads: they compute, and more of them hold up the loop.

    Counted are the cores that this process may use. Four times the load of exact searches on one
    core: with 6 threads goodput fell to 78 % and /readyz took 83 ms (p99), with 2 threads to 94 %
    and 46 ms (benchmarks/overload.py, other work beside).
    """
    return min(64, 2 * usable_cores())


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def too_busy(patience_seconds: float) -> Unavailable:
    """Return what is said to those whose turn would come too late."""
    return Unavailable(
        f"a request would wait longer than {patience_seconds:g} s for its turn, the most "
        "this server lets it wait; try again later, or send less at a time"
    )


class WorkerPool:
    """At most `threads` pieces of work at a time and `waiting` more in a queue."""

    def __init__(
        self,
        threads: int = 0,
        waiting: int = MAX_WAITING,
        patience_seconds: float = float("inf"),
        refused: Callable[[], None] = lambda: None,
        niceness: int = 0,
    ) -> None:
        self._niceness = niceness
        self.limit = threads or default_threads()
        self.waiting = waiting
        self.patience_seconds = patience_seconds
        self._patience = Patience(patience_seconds)
        self._refused = refused
        self._pending = 0
        self._expected = 0
        self._pace = 0.0  # seconds between two pieces of work done, while others waited
        self._done = 0  # pieces since then
        self._settled = 0.0  # when the window of the pace began
        self._threads: list[threading.Thread] = []
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Say whether `check` would refuse work because too much of it waits."""
        waiting = self._pending + self._expected - self.limit
        if waiting < 0:
            return False
        now = time.monotonic()
        if self._pace and now - self._settled > PACE_SECONDS:
            self._pace = 0.0
        if waiting >= self.limit and (waiting + 1) * self._pace > self._patience.promised(now):
            self._patience.found_full(now)
            return True
        return waiting >= self.waiting

    @property
    def pending(self) -> int:
        """Return how many pieces of work are running or waiting."""
        return self._pending

    def check(self) -> None:
        """Raise Unavailable (503) where a piece of work would not be taken."""
        if self._closed:
            raise Unavailable("the server is shutting down")
        if not self.is_full:
            return
        self._refused()
        if self._pending - self.limit >= self.waiting:
            raise Unavailable(
                f"{self.waiting} requests are waiting, the most this server queues; try again later"
            )
        raise too_busy(self.patience_seconds)

    def expect(self) -> None:
        """Count work that was let in, and will be submitted before the loop hears of more."""
        self.check()
        if not self._expected:
            asyncio.get_running_loop().call_soon(self._forget_expected)
        self._expected += 1

    def _forget_expected(self) -> None:
        self._expected = 0

    def submit(
        self, work: Callable[[], T], deadline: Deadline | None = None
    ) -> "asyncio.Future[T]":
        """Return a future of the work's result; Unavailable (503) where it is not taken."""
        self.check()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._pending += 1
        now = time.monotonic()
        if self._pending == self.limit + 1:
            self._settled, self._done = now, 0  # a queue begins: the pace is measured from here
        if self._pending > len(self._threads) < self.limit:
            self._start_thread()
        latest = now + self.patience_seconds if self._pending > self.limit else math.inf
        self._queue.put((loop, future, work, deadline, latest))
        return future

    def close(self) -> None:
        """Finish what was submitted, then end the threads."""
        self._closed = True
        for _ in self._threads:
            self._queue.put(_STOP)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _start_thread(self) -> None:
        thread = threading.Thread(
            target=self._work, name=f"ruvector-request-{len(self._threads)}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _begin_thread(self) -> None:
        """Let the loop's thread go first where cores are scarce: it answers for everybody's health.

        3 is as much as helps: a thread that is held up while it holds the interpreter holds up the
        loop. Exact searches at four times the load of one core: /readyz p99 132 ms without, 25 ms
        with 3, 22 ms with 8; goodput 93, 94 and 68 % (benchmarks/overload.py).
        """
        if self._niceness and sys.platform == "linux":  # elsewhere a process has one for all
            own = threading.get_native_id()
            niceness = os.getpriority(os.PRIO_PROCESS, own) + self._niceness
            os.setpriority(os.PRIO_PROCESS, own, niceness)  # beyond 19 it is 19

    def _work(self) -> None:
        self._begin_thread()
        while (item := self._queue.get()) is not _STOP:
            loop, future, work, deadline, latest = item
            result, error, is_begun = None, None, False
            try:
                if deadline is not None and deadline.has_passed:
                    raise TimedOut("the time of the request was over before its turn came")
                if time.monotonic() > latest:
                    self._refused()
                    raise too_busy(self.patience_seconds)
                is_begun = True
                result = work()
            except BaseException as caught:  # noqa: BLE001 - it is raised again where it is awaited
                error = caught
            ended = time.monotonic() if is_begun else None
            try:
                loop.call_soon_threadsafe(self._settle, future, result, error, ended)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more
            item = future = work = result = error = None  # keep no body alive while idle

    def _settle(
        self,
        future: "asyncio.Future[Any]",
        result: Any,
        error: BaseException | None,
        ended: float | None,
    ) -> None:
        # When it ended, not when it is heard of here: the loop hears of many at once.
        if ended is not None and self._pending > self.limit:
            self._learn(ended)
        self._pending -= 1
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def _learn(self, ended: float) -> None:
        self._done += 1
        took = ended - self._settled
        if not self._pace:  # a first guess, from a single piece
            self._pace = max(0.0, took)
        elif took >= WINDOW_SECONDS:
            self._pace += (took / self._done - self._pace) * WINDOW_WEIGHT
        else:
            return
        self._settled, self._done = max(ended, self._settled), 0


class Lanes:
    """The pools of one server. `refused` is called for every piece of work that is not taken."""

    def __init__(
        self,
        threads: int,
        read_patience_seconds: float,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        reads = threads or read_threads()
        self.reads = WorkerPool(
            reads,
            patience_seconds=read_patience_seconds,
            refused=refused,
            niceness=READ_NICENESS,
        )
        self.writes = WorkerPool(threads, patience_seconds=WRITE_PATIENCE_SECONDS, refused=refused)
        self.service = WorkerPool(SERVICE_THREADS, refused=refused)

    @property
    def pending(self) -> dict[str, int]:
        """Return how many pieces of work are running or waiting, by lane."""
        return {name: lane.pending for name, lane in vars(self).items()}

    def close(self) -> None:
        """Finish what was submitted, then end the threads."""
        for lane in (self.reads, self.writes, self.service):
            lane.close()
