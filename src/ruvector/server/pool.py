"""Where is the work done? In a bounded pool of threads, so that the event loop never waits.

`submit` is called on the loop's thread only; so is `_settle`. Hence `_pending` needs no lock.
Cancelling the caller does not interrupt the work: a commit that has begun ends.
"""

import asyncio
import os
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ruvector.errors import Unavailable

T = TypeVar("T")
MAX_WAITING = 1024  # requests in the queue; at 1 ms each the last one waits a second
_STOP = None


def default_threads() -> int:
    """Return how many threads suit this machine: writers wait for the disk, so more than cores."""
    return min(64, 8 + 4 * (os.cpu_count() or 1))


class WorkerPool:
    """At most `threads` pieces of work at a time and `waiting` more in a queue."""

    def __init__(self, threads: int = 0, waiting: int = MAX_WAITING) -> None:
        self.limit = threads or default_threads()
        self.waiting = waiting
        self._pending = 0
        self._threads: list[threading.Thread] = []
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._closed = False

    @property
    def pending(self) -> int:
        """Return how many pieces of work are running or waiting."""
        return self._pending

    def submit(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Return a future of the work's result; Unavailable (503) when the queue is full."""
        if self._closed:
            raise Unavailable("the server is shutting down")
        if self._pending >= self.limit + self.waiting:
            raise Unavailable(
                f"{self.waiting} requests are waiting, the most this server queues; try again later"
            )
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._pending += 1
        if self._pending > len(self._threads) < self.limit:
            self._start_thread()
        self._queue.put((loop, future, work))
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

    def _work(self) -> None:
        while (item := self._queue.get()) is not _STOP:
            loop, future, work = item
            result, error = None, None
            try:
                result = work()
            except BaseException as caught:  # noqa: BLE001 - it is raised again where it is awaited
                error = caught
            try:
                loop.call_soon_threadsafe(self._settle, future, result, error)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more
            item = future = work = result = error = None  # keep no body alive while idle

    def _settle(
        self, future: "asyncio.Future[Any]", result: Any, error: BaseException | None
    ) -> None:
        self._pending -= 1
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
