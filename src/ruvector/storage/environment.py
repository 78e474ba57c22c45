"""How is an LMDB environment opened so that it keeps its promises and never kills the process?

`open_environment` is the only place that opens one: fsync on (data and meta page), no writable map,
one address range of 64 GiB for good.

Invariants:
- one open handle per environment and process, one writing process per environment;
- an environment that was not closed cleanly, or was touched since, has all its pages checked by
  reading (never mapping) them before LMDB sees the file, because LMDB trusts its pages: a flipped
  bit there gives wrong answers or a signal (docs/decisions/storage-page-check.md);
- a forked child cannot use its parent's environments: LMDB forbids it, and here it raises.

Threads: opening and closing may happen in any thread; `_registry` is guarded by `_registry_lock`.
It does not know what the tables mean.
"""

import errno
import fcntl
import mmap
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import lmdb

from ruvector.errors import RuvectorError, StorageDamaged, StorageFull, StorageLocked
from ruvector.storage import files
from ruvector.storage.page_check import check_pages

# Address space only; growing a map later needs every transaction of every process closed.
MAP_SIZE_BYTES = 64 << 30
# LMDB begins a file with both meta pages in one write; one that ends within them was cut short.
FIRST_WRITE_BYTES = 2 * mmap.PAGESIZE
# Slots in LMDB's reader table, shared by all processes; 64 bytes each.
MAX_READERS = 1024
# Read transactions kept for renewal: beginning one takes 0.2 µs instead of 2.
SPARE_READERS = 64
# A reader that checks the pages of an unused environment holds a writer up for that long at most.
LOCK_PATIENCE_SECONDS = 5.0

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Environment:
    """One open LMDB environment and its tables.

    `handle` is LMDB's; look it up at every use, because a fork replaces it in the child.
    """

    def __init__(self, path: Path, handle: lmdb.Environment, read_only: bool) -> None:
        self.path = path
        self.handle = handle
        self.read_only = read_only
        self.tables: dict[str, lmdb._Database] = {}
        self.forked = False
        # The descriptor that holds the writer's lock; see `_lock_state`.
        self.state: int | None = None
        self.key: tuple[int, int] | None = None

    def close(self, *, clean: bool = True) -> None:
        """Close the environment; `clean=False` makes the next start check every page."""
        if self.key is None:
            return
        if not self.forked:
            self.handle.close()
        _release(self.key)
        self.key = None
        if self.state is not None:
            if clean and not self.read_only:
                _write_state(self.state, _fingerprint(self.path))
            fcntl.flock(self.state, fcntl.LOCK_UN)
            os.close(self.state)
            self.state = None

    def forbid(self) -> None:
        """Make every later use raise; called in a forked child."""
        self.forked = True
        if self.state is not None:
            # The lock belongs to the open file that parent and child share: only this copy goes.
            os.close(self.state)
            self.state = None
        self.handle = _Forbidden(self.path, self.handle)  # type: ignore[assignment]


def open_environment(
    path: Path, *, tables: Sequence[str], read_only: bool = False, create: bool = False
) -> Environment:
    """Return the environment in the folder `path` with `tables` open.

    Cost: about 5 ms after a clean stop; after any other one all pages in use are read, about 2 ms
    per MiB.
    Errors: StorageLocked when it is open already, here or (for writing) elsewhere; StorageDamaged
    when it is missing, incomplete or its pages do not hold together; StorageFull.
    """
    fresh = is_fresh(path)
    if fresh and not create:
        raise StorageDamaged(
            f"{path} holds no database file; restore the folder from a snapshot, "
            "or remove its parent folder if nothing in it is needed"
        )
    if fresh:
        files.make_folder(path)
    key = _reserve(path)
    try:
        environment = _open_locked(path, tables, read_only, fresh, create)
    except BaseException:
        _release(key)
        raise
    environment.key = key
    with _registry_lock:
        _registry[key] = environment
    if not read_only:
        environment.handle.reader_check()
    return environment


def has_live_writer(path: Path) -> bool:
    """Return whether some process holds the environment in `path` open for writing."""
    try:
        descriptor = os.open(path / "state", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _open_locked(
    path: Path, tables: Sequence[str], read_only: bool, fresh: bool, create: bool
) -> Environment:
    state = _lock_state(path, read_only)
    try:
        beside_writer = read_only and state is None and has_live_writer(path)
        if not fresh and not beside_writer and not _was_clean(path, state):
            _refuse_damaged_pages(path)
        if state is not None and not read_only:
            _write_state(state, b"open")
            os.fsync(state)
        if fresh and (path / "data.mdb").exists():
            os.truncate(path / "data.mdb", 0)
        environment = _open(path, tables, read_only, create and not read_only)
    except BaseException:
        if state is not None:
            os.close(state)
        raise
    if state is not None and read_only:
        os.close(state)
    else:
        environment.state = state
    if fresh:
        # LMDB syncs neither its first meta pages nor the folder.
        files.sync_file(path / "data.mdb")
        files.sync_folder(path)
        files.sync_folder(path.parent)
    return environment


def _open(path: Path, tables: Sequence[str], read_only: bool, create: bool) -> Environment:
    try:
        handle = lmdb.open(
            str(path),
            map_size=MAP_SIZE_BYTES,
            max_dbs=len(tables),
            max_readers=MAX_READERS,
            max_spare_txns=SPARE_READERS,
            readonly=read_only,
            create=create,
            sync=True,
            metasync=True,
            writemap=False,
            map_async=False,
        )
    except lmdb.Error as error:
        raise _opening_error(path, error) from error
    environment = Environment(path, handle, read_only)
    try:
        for table in tables:
            environment.tables[table] = handle.open_db(table.encode(), create=create)
    except lmdb.Error as error:
        handle.close()
        raise _opening_error(path, error) from error
    return environment


def _opening_error(path: Path, error: lmdb.Error) -> RuvectorError:
    if error.code in NO_SPACE:
        return StorageFull(f"no space to open {path}; free some and open it again")
    return StorageDamaged(f"{path} does not open: {error}; restore the folder from a snapshot")


def is_fresh(path: Path) -> bool:
    """Return whether the environment in the folder `path` has never held a commit."""
    try:
        return (path / "data.mdb").stat().st_size < FIRST_WRITE_BYTES
    except FileNotFoundError:
        return True


# The registry: which environments this process holds, by device and inode of their folder.

_registry: dict[tuple[int, int], Environment | None] = {}
_registry_lock = threading.Lock()


def _reserve(path: Path) -> tuple[int, int]:
    status = path.stat()
    key = (status.st_dev, status.st_ino)
    with _registry_lock:
        if key in _registry:
            raise StorageLocked(
                f"{path} is already open in this process; share that database object or close it"
            )
        _registry[key] = None
    return key


def _release(key: tuple[int, int]) -> None:
    with _registry_lock:
        _registry.pop(key, None)


def _forbid_in_child() -> None:
    global _registry_lock
    _registry_lock = threading.Lock()
    for environment in _registry.values():
        if environment is not None:
            environment.forbid()
    _registry.clear()


os.register_at_fork(after_in_child=_forbid_in_child)


class _Forbidden:
    """Stands where LMDB's handle stood, in a forked child."""

    def __init__(self, path: Path, handle: lmdb.Environment) -> None:
        self._path = path
        # Kept, because closing it would tear down what the parent shares.
        self._handle = handle

    def __getattr__(self, name: str) -> NoReturn:
        raise RuvectorError(
            f"{self._path} was opened before this process was forked; "
            "open it again in the child, or start processes with the spawn method"
        )


# The file `state` holds "open" while a writer has the environment, and the writer's flock; after a
# clean stop it holds the fingerprint of data.mdb, which any later write, copy or truncation
# changes.


def _lock_state(path: Path, read_only: bool) -> int | None:
    """Return the locked descriptor of the state file; a reader gets None beside a live writer."""
    flags = os.O_RDONLY if read_only else os.O_RDWR | os.O_CREAT
    try:
        descriptor = os.open(path / "state", flags | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:
        return None
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    while not _try_lock(descriptor, fcntl.LOCK_SH if read_only else fcntl.LOCK_EX):
        if read_only:
            os.close(descriptor)
            return None
        # A shared lock is granted beside a reader that checks pages, and refused beside a writer.
        if not _try_lock(descriptor, fcntl.LOCK_SH) or time.monotonic() > deadline:
            os.close(descriptor)
            raise StorageLocked(
                f"{path} is open for writing in another process; "
                "open it with read_only=True or stop that process"
            )
        # Two writers that wait with a shared lock each would wait for each other.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(0.01)
    return descriptor


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _was_clean(path: Path, state: int | None) -> bool:
    return state is not None and os.pread(state, 256, 0) == _fingerprint(path)


def _write_state(state: int, content: bytes) -> None:
    os.ftruncate(state, 0)
    os.pwrite(state, content, 0)


def _fingerprint(path: Path) -> bytes:
    status = (path / "data.mdb").stat()
    return (
        f"clean inode {status.st_ino} size {status.st_size} "
        f"mtime {status.st_mtime_ns} ctime {status.st_ctime_ns}"
    ).encode()


def _refuse_damaged_pages(path: Path) -> None:
    problem = next(iter(check_pages(path / "data.mdb")), None)
    if problem is not None:
        raise StorageDamaged(
            f"{path / 'data.mdb'} is damaged: {problem}; "
            "restore the shard from a snapshot or another replica"
        )
