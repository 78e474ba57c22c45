"""What does this request read, write and compute? Counted while somebody asks, by the thread.

Nothing is counted, and a look at `is_on` is all that it costs, until a server that reports usage
has switched it on. A meter belongs to the request that a thread executes; who does a part of the
work in another thread works for the meter there (`working_for`). Bytes are those that were looked
at or stored, wherever they lay: in memory, in the system's cache or on disk. What is counted, field
by field, stands at `Meter`.

Threads: each counts for its own meter; the kernel's threads count for that of their caller.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ruvector.kernel import _kernel

is_on = False


class Meter:
    """What one request used so far; owned by the thread that works for it.

    `cpu_ns`: of the threads that worked for it; `payload_read`, `payload_write`: bytes of points'
    records (ids and payloads); `index_read`: of the bitmaps with which payload indexes answered;
    `index_write`: of the payloads that went through payload indexes; `vector_read`: of vectors,
    codes and nodes that were compared or returned; `vector_write`: of vectors as they are stored.
    """

    __slots__ = (
        "_kernel",
        "_reading_since",
        "cpu_ns",
        "index_read",
        "index_write",
        "payload_read",
        "payload_write",
        "vector_write",
    )

    def __init__(self) -> None:
        self._kernel = _kernel.Meter()
        self._reading_since = time.thread_time_ns()
        self.cpu_ns = 0
        self.payload_read = self.payload_write = 0
        self.index_read = self.index_write = 0
        self.vector_write = 0

    @property
    def vector_read(self) -> int:
        """Return the bytes of vectors that were read."""
        return self._kernel.bytes

    def read_vectors(self, count: int) -> None:
        """Note bytes of vectors that are returned, or compared outside of the kernel."""
        self._kernel.add(count)

    def enter(self) -> None:
        """Begin to work for this meter in the calling thread."""
        _local.meter = self
        _kernel.exchange_meter(self._kernel)
        self._reading_since = time.thread_time_ns()

    def leave(self) -> None:
        """End it."""
        self.cpu_ns += time.thread_time_ns() - self._reading_since
        _local.meter = None
        _kernel.exchange_meter(None)


class _Local(threading.local):
    meter: Meter | None = None


_local = _Local()


def switch(on: bool) -> None:
    """Count from now on, or no longer."""
    global is_on
    is_on = on


def begin() -> None:
    """Begin to count for the request that this thread is about to execute."""
    before = _local.meter
    if before is not None:
        before.leave()
    if is_on:
        Meter().enter()


def current() -> Meter | None:
    """Return the meter of the request that this thread works for."""
    return _local.meter


def end() -> Meter | None:
    """Return the meter of the request that this thread has executed, None where none counted."""
    meter = _local.meter
    if meter is not None:
        meter.leave()
    return meter


@contextmanager
def working_for(meter: Meter) -> Iterator[None]:
    """Let this thread work for somebody's meter, who waits meanwhile.

    The time of the block is added to the meter's.
    """
    before = _local.meter
    since = time.thread_time_ns()
    _local.meter = meter
    _kernel.exchange_meter(meter._kernel)
    try:
        yield
    finally:
        meter.cpu_ns += time.thread_time_ns() - since
        _local.meter = before
        _kernel.exchange_meter(None if before is None else before._kernel)
