"""Which process may write to this database?

A lock file at the database's root, locked with flock and naming its holder. The kernel lets go of
the lock when the holder dies, so a stale lock does not exist; what stays is the text, which nobody
trusts.

Invariants: at most one `DatabaseLock` per root at any time, in all processes of this machine; the
file is never removed, because a lock on a removed file excludes nobody. Readers take no lock.
Threads: acquire and release from any one thread. A forked child does not hold its parent's lock.
"""

import fcntl
import json
import os
import socket
import time
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

from ruvector.errors import StorageLocked
from ruvector.storage import files

LOCK_FILE = "writer.lock"


class DatabaseLock:
    """The right to write to the database in `root`, held until `release`."""

    def __init__(self, root: Path, descriptor: int) -> None:
        self.root = root
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, root: Path) -> "DatabaseLock":
        """Take the lock of `root` (created if missing), at once or not at all.

        Errors: StorageLocked, naming the holder and the ways out.
        """
        files.make_folder(root)
        descriptor = os.open(root / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(os.pread(descriptor, 4096, 0))
            os.close(descriptor)
            raise StorageLocked(
                f"{root} is open for writing in {holder}; "
                "open it with read_only=True or stop that process"
            ) from None
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "started": started})
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
        lock = cls(root, descriptor)
        _held.add(lock)
        return lock

    def release(self) -> None:
        """Let go of the lock; a second call does nothing."""
        if self._descriptor is not None:
            # Not by closing alone: a child forked a moment ago may have a copy open.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self.forget()

    def forget(self) -> None:
        """Close this process's copy of the lock without unlocking it; for a forked child."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


# A child's copy of the descriptor would hold the lock on after the parent's death.
_held: "weakref.WeakSet[DatabaseLock]" = weakref.WeakSet()


def _release_in_child() -> None:
    for lock in list(_held):
        lock.forget()


os.register_at_fork(after_in_child=_release_in_child)


def _holder(text: bytes) -> str:
    try:
        content = json.loads(text)
        pid, host, started = content["pid"], content["host"], content["started"]
    except (ValueError, KeyError, TypeError):
        return "another process"
    here = " (this one)" if pid == os.getpid() and host == socket.gethostname() else ""
    return f"process {pid}{here} on host {host} since {started}"
