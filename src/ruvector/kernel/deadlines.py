"""Until when may this thread work? A deadline that kernel calls and long loops look at.

A thread works for one deadline at a time, the threads that a kernel call starts with it. Scans,
walks and the loops over payloads look at it every few hundred microseconds and raise
DeadlinePassed. Any thread may cancel a deadline; that is as if it had passed. Nothing looks at
deadlines while it changes what others will read: writes, builds, filling of indexes.

>>> with working_for(Deadline(0.0)):
...     check_deadline()
Traceback (most recent call last):
ruvector.kernel._kernel.DeadlinePassed: the deadline has passed
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ruvector.kernel._kernel import (
    Deadline,
    DeadlinePassed,
    check_deadline,
    exchange_deadline,
    works_for_deadline,
)

__all__ = [
    "Deadline",
    "DeadlinePassed",
    "check_deadline",
    "working_for",
    "works_for_deadline",
]


@contextmanager
def working_for(deadline: Deadline | None) -> Iterator[None]:
    """Let this thread work for a deadline, or for none, inside the block."""
    before = exchange_deadline(deadline)
    try:
        yield
    finally:
        exchange_deadline(before)
