"""When are expired points deleted from disk? Some time after nobody sees them any more.

A sweep deletes in bounded batches through the log, like a user who names ids: recovery, processes
that follow the log and replicas see ordinary deletions. Reads do not wait for it and do not need
it (`expiries`).

Threads: one a shard, alive while points are there that will expire. `wake`, `sweep` and `close` may
be called from any.
"""

import threading
from functools import partial
from typing import Final

from ruvector.collection.expiries import NEVER
from ruvector.collection.prepare import Preparation
from ruvector.collection.shard import Change, Shard

BATCH_ROWS: Final = 1000  # of one transaction: 10 ms, for which other writes wait at most
REST_SECONDS: Final = 1.0  # between two sweeps: points that expire one by one go together
WAIT_SECONDS: Final = 60.0  # at most, before the clock is asked again: it may have been set
RETRY_SECONDS: Final = 30.0  # after a sweep that failed


class Sweeper:
    """Deletes what has expired in one shard."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self.failure: BaseException | None = None

    def wake(self) -> None:
        """Start the thread if points are there that will expire."""
        if not self._is_wanted():
            return
        with self._lock:  # the thread ends with it held, so that none is missed
            if self._thread is None and not self._closed.is_set():
                name = f"sweeper of {self._shard.store.path}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop the thread after the batch that it is at."""
        self._closed.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def sweep(self) -> int:
        """Delete everything that has expired by now; return how many points that were."""
        swept = 0
        while not self._closed.is_set():
            rows = self._due(BATCH_ROWS)
            if not rows:
                break
            delete: Change = partial(Preparation.sweep, rows=rows)
            self._shard.write([delete], frees_space=True).result()
            swept += len(rows)
        return swept

    def _run(self) -> None:
        while not self._closed.wait(self._pause()):
            try:
                self.sweep()
                self.failure = None
            except Exception as error:  # noqa: BLE001 - reported by status, and tried again
                self.failure = error
            with self._lock:
                if not self._is_wanted():
                    self._thread = None
                    return

    def _is_wanted(self) -> bool:
        store = self._shard.store
        return bool(self._shard.expiries) and not store.read_only and store.poisoned is None

    def _due(self, limit: int) -> list[int]:
        with self._shard.lock:
            return self._shard.lapsed()[:limit].to_array().tolist()

    def _pause(self) -> float:
        if self.failure is not None:
            return RETRY_SECONDS
        with self._shard.lock:
            following = self._shard.expiries.next
        if following == NEVER:
            return REST_SECONDS
        left = (following - self._shard.clock()) / 1000
        return min(max(left, REST_SECONDS), WAIT_SECONDS)
