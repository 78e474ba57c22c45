"""How does a file get onto the disk so that a power cut finds all of it or none of it?

The one module that writes files beside LMDB's own: temporary name, fsync, rename, fsync of the
folder. A rename is durable only after both fsyncs, and a new name only after the folder's.

Invariants: a file under its final name is complete and durable; whatever ends in `PARTIAL_SUFFIX`
was never named by anybody and may be removed by the next writer.
Threads: the functions keep no state; two writers of one name must be kept apart by the caller.
It does not decide what is garbage; that is `garbage.py`.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

PARTIAL_SUFFIX = ".partial"


def write_file(path: Path, pieces: Iterable[bytes | memoryview], mode: int | None = None) -> None:
    """Write `pieces` as the file `path`, durable when this returns; an older file is replaced.

    `mode`: who may read it, from its first byte on; without it as the process makes files.
    Errors: OSError; the temporary file is removed when that is still possible.
    """
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            if mode is not None:
                os.fchmod(descriptor, mode)
            for piece in pieces:
                write_all(descriptor, piece)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.replace(path)
        sync_folder(path.parent)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def move_file(path: Path, target: Path) -> None:
    """Give a synced file of the same file system its final name; the name is durable."""
    path.replace(target)
    sync_folder(target.parent)


def write_all(descriptor: int, piece: bytes | memoryview) -> None:
    """Write every byte of `piece`, however many calls the kernel needs."""
    left = memoryview(piece).cast("B")
    while left:
        left = left[os.write(descriptor, left) :]


def make_folder(path: Path) -> None:
    """Create `path` and what is missing above it, each durable in its parent."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in the folder `path` durable."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def sync_file(path: Path) -> None:
    """Make the content of the file `path` durable."""
    _sync(path, os.O_RDONLY)


def remove_file(path: Path) -> None:
    """Remove the file `path`; the removal is durable when this returns."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder with all in it; what cannot be removed stays for the next start."""
    shutil.rmtree(path, ignore_errors=True)


def temporary_folder() -> Path:
    """Make a folder that goes with the process: in memory where the system offers that."""
    memory = Path("/dev/shm")  # noqa: S108 - the system's memory file system
    return Path(tempfile.mkdtemp(prefix="ruvector-", dir=memory if memory.is_dir() else None))


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def drop_from_cache(path: Path, start: int = 0, size_bytes: int = 0) -> None:
    """Let the system forget pages of a file, up to its end for size 0: they are read again."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(descriptor, start, size_bytes, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
