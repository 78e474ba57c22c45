"""Is there room for this write, and for the deletes that must still work when there is not?

LMDB copies pages on write, so that even a delete needs new ones. Normal writes stop at a mark well
above zero, and a preallocated reserve file is given up when a delete or a truncation of the log
comes after that. Both recover by themselves when space returns.

Room is what the file system has free plus the pages that LMDB itself has free, because deleted rows
give pages back to LMDB and never to the file system.
Threads: the committer thread alone.
"""

import os
import time
from pathlib import Path

import lmdb

from ruvector.storage.environment import NO_SPACE, Environment

# Enough for the copies of some thousand tree pages, and for a segment of small collections to be
# sealed.
FREE_SPACE_MARK_BYTES = 16 << 20
# A thousand pages: deletes come in batches, and pages freed by one batch serve the next but one.
RESERVE_BYTES = 4 << 20
# How long an answer of the file system is believed; statvfs takes 2 µs, but other writers come
# between.
ROOM_FRESH_SECONDS = 0.05
RESERVE_RETRY_SECONDS = 1.0
# After a write that was cut short the disk has nothing left; a little may have come back since.
EXHAUSTED_BYTES = 1 << 20

_UNSUPPORTED = 95  # EOPNOTSUPP: a file system without preallocation has no reserve.


class Space:
    """The free-space mark and the reserve file of one shard."""

    def __init__(self, environment: Environment, reserve: Path) -> None:
        self._environment = environment
        self._reserve = reserve
        self._room = 0
        self._asked = float("-inf")
        self._tried = float("-inf")
        self._reserved = reserve.exists() and reserve.stat().st_size == RESERVE_BYTES

    def is_short(self) -> bool:
        """Return whether normal writes must be refused."""
        now = time.monotonic()
        if now - self._asked >= ROOM_FRESH_SECONDS:
            self._asked = now
            # The reserve counts, so that taking and giving it does not open and close the door.
            self._room = self._free_on_disk() + (RESERVE_BYTES if self._reserved else 0)
            if self._room < FREE_SPACE_MARK_BYTES:
                self._room += self._free_in_environment()
        return self._room < FREE_SPACE_MARK_BYTES

    def keep_reserve(self) -> None:
        """Allocate the reserve file if it is missing and there is room for it."""
        now = time.monotonic()
        if self._reserved or now - self._tried < RESERVE_RETRY_SECONDS:
            return
        self._tried = now
        if self._free_on_disk() < 2 * RESERVE_BYTES:
            return
        descriptor = os.open(self._reserve, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
            self._reserved = True
        except OSError as error:
            if error.errno not in (*NO_SPACE, _UNSUPPORTED):
                raise
        finally:
            os.close(descriptor)

    def release_reserve(self) -> None:
        """Give the reserve up, for a write that frees space or for shutdown."""
        if self._reserved:
            self._reserve.unlink(missing_ok=True)
            self._reserved = False
            self._tried = time.monotonic()

    def is_exhausted(self) -> bool:
        """Return whether the disk is full, or as good as."""
        return self._free_on_disk() < EXHAUSTED_BYTES

    def recover(self) -> None:
        """After a write that failed for lack of space: give back what it took, and ask anew."""
        self.release_reserve()
        self._asked = float("-inf")
        # Pages after the last committed one are the failed write's; no reader's map is used there.
        last_page = self._environment.handle.info()["last_pgno"]
        page_size = self._environment.handle.stat()["psize"]
        os.truncate(self._environment.path / "data.mdb", (last_page + 1) * page_size)

    def _free_on_disk(self) -> int:
        status = os.statvfs(self._environment.path)
        return status.f_bavail * status.f_frsize

    def _free_in_environment(self) -> int:
        with self._environment.handle.begin() as transaction:
            return free_pages_bytes(self._environment, transaction)


def free_pages_bytes(environment: Environment, transaction: "lmdb.Transaction[bytes]") -> int:
    """Return how many bytes of pages the environment can use again without growing its file."""
    used = 2
    page_size = 4096
    for table in (None, *environment.tables.values()):
        stat = transaction.stat(table) if table is not None else transaction.stat()
        page_size = stat["psize"]
        used += stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
    return max(0, environment.handle.info()["last_pgno"] + 1 - used) * page_size
