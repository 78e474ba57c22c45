"""Which writes share the next fsync?

One thread per shard takes all waiting requests, hands them to `commit_group` as one group, and
starts over. While it commits, the next group gathers by itself; in addition it waits up to 2 ms for
company, but only when several requests were under way at once just before, so that a lone writer
never waits.

Invariants: requests are committed in the order of submission; a request that was taken is never
interrupted, one whose future was cancelled before that is dropped; the queue is bounded.
Threads: `submit` may be called from any; `commit_group` runs in the committer thread, which begins
with the first request and ends with `close`.
It does not know what a commit does; that is `shard_store.py`.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ruvector.errors import RuvectorError, StorageBusy
from ruvector.storage.transaction import WriteTransaction

# Requests, whatever their size: bytes in flight are bounded at the server's door.
QUEUE_LIMIT = 4096
# A group is bounded so that its first request does not wait for more than one long commit.
GROUP_LIMIT = 1024
# What a lonely fsync costs on a fast disk; waiting longer than that for company cannot pay.
COMPANY_SECONDS = 0.002


@dataclass(slots=True)
class Request:
    """One call of `ShardStore.commit` on its way through the committer."""

    prepare: Callable[[WriteTransaction], Any]
    applied: Callable[[Any], Any]
    frees_space: bool
    writes: bool = True
    future: "Future[Any]" = field(default_factory=Future)
    prepared: Any = None


class Committer:
    """The queue of waiting writes and the thread that commits them in groups."""

    def __init__(self, commit_group: Callable[[list[Request]], None], name: str) -> None:
        self._commit_group = commit_group
        self._name = name
        # Guards the four attributes below.
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[Request] = deque()
        self._wanted = 1
        self._closing = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many requests wait for their commit."""
        return len(self._waiting)

    def submit(self, request: Request) -> None:
        """Queue `request`; StorageBusy when the queue is full."""
        with self._changed:
            if self._closing:
                raise RuvectorError(f"{self._name} is closed; open the database again")
            if len(self._waiting) >= QUEUE_LIMIT:
                raise StorageBusy(
                    f"{self._name}: {QUEUE_LIMIT} writes are waiting, the most allowed; "
                    "try again later"
                )
            self._waiting.append(request)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            if len(self._waiting) >= self._wanted:
                self._changed.notify()

    def close(self) -> None:
        """Commit what is waiting, then end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        in_flight = 1
        while group := self._take(in_flight):
            self._commit_group(group)
            with self._changed:
                # Those just answered plus those that came meanwhile were under way at once.
                in_flight = len(group) + len(self._waiting)

    def _take(self, in_flight: int) -> list[Request]:
        with self._changed:
            deadline = time.monotonic() + COMPANY_SECONDS
            self._wanted = 1
            while not self._waiting and not self._closing:
                self._changed.wait()
            # After an idle time the deadline has passed, and the first request goes alone.
            self._wanted = min(in_flight, GROUP_LIMIT)
            while len(self._waiting) < self._wanted and not self._closing:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            self._wanted = 1
            group: list[Request] = []
            while True:
                while self._waiting and len(group) < GROUP_LIMIT:
                    request = self._waiting.popleft()
                    if request.future.set_running_or_notify_cancel():
                        group.append(request)
                if group or self._closing:
                    return group
                self._changed.wait()
