"""Where are snapshots kept on this machine, and what are they called?

    <snapshots>/collections/<collection>/<name>.snapshot
    <snapshots>/collections/<collection>/shards/0/<name>.snapshot
    <snapshots>/full/<name>.snapshot
    <snapshots>/collections/<collection>/log/<log>/<first>-<last>.log    pieces of archived logs
    <snapshots>/coverage/<node>.json      how far the archived logs of a database reach
    <snapshots>/tmp/                      what is being made or received; emptied at the start

A folder that was chosen may be shared by several databases: there, `tmp` carries the node's number.
Beside each stands `<name>.snapshot.checksum`, the SHA-256 of the file in hexadecimal digits.

Invariants: a snapshot under its final name is complete, synced, and has its checksum beside it; a
name that a request brings is one file name and never a path.
Threads: any; names are given out under a lock.
"""

import contextlib
import hashlib
import os
import re
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ruvector.errors import (
    AlreadyExists,
    ChecksumMismatch,
    ConnectionFailed,
    NotFound,
    StorageFull,
    Unavailable,
)
from ruvector.model.names import check_name
from ruvector.model.snapshots import SnapshotDescription
from ruvector.storage import files
from ruvector.storage.environment import NO_SPACE

SUFFIX = ".snapshot"
CHECKSUM_SUFFIX = ".checksum"
PIECE_SUFFIX = ".log"
LOG = "log"
COVERAGE, COVERAGE_SUFFIX = "coverage", ".json"
FULL = ("full",)
TEMPORARY = "tmp"
SPARE_BYTES = 32 << 20  # left free for the database's own writes, which stop at half of that
PIECE_BYTES = 1 << 20
RECEIVED_AT_ONCE = 4  # uploads and downloads from URLs together
NAME_BYTES = 140  # of a collection's name in a snapshot's: a file name has 255
_CHECKSUM = re.compile(rb"[0-9a-f]{64}")

Group = tuple[str, ...]


def group_of(collection: str, shard: int | None = None) -> Group:
    """Return where the snapshots of a collection, or of one of its shards, are kept."""
    check_name(collection, "collection name")
    group = ("collections", collection)
    return group if shard is None else (*group, "shards", str(shard))


class SnapshotFolder:
    """The snapshots of one data folder on the local disk."""

    def __init__(self, root: Path, temporary: str = TEMPORARY) -> None:
        self.root = root
        self.working = root / temporary
        self._lock = threading.Lock()  # guards the choice of names
        self._taken: set[tuple[Group, str]] = set()
        self._receiving = threading.BoundedSemaphore(RECEIVED_AT_ONCE)

    def empty_temporary(self) -> None:
        """Remove what was being made when the process ended; for the process that writes."""
        if self.working.is_dir():
            for path in self.working.iterdir():
                path.unlink()

    def temporary(self) -> Path:
        """Return a path for a file that is being made."""
        files.make_folder(self.working)
        return self.working / uuid.uuid4().hex

    def begin_upload(self, size_bytes: int) -> "Upload":
        """Return a temporary file for a snapshot of about this size; StorageFull.

        Unavailable where RECEIVED_AT_ONCE are being written.
        """
        if not self._receiving.acquire(blocking=False):
            raise Unavailable(
                f"{RECEIVED_AT_ONCE} snapshots are being received, the most at once; "
                "try again later"
            )
        try:
            self.need_room(size_bytes)
            return Upload(self.temporary(), self._receiving.release)
        except BaseException:
            self._receiving.release()
            raise

    def is_temporary(self, path: Path) -> bool:
        """Say whether a file is one of ours that nobody else needs."""
        return path.parent == self.working

    def need_room(self, size_bytes: int) -> None:
        """Raise StorageFull where so much does not fit beside what the database needs."""
        files.make_folder(self.root)
        status = os.statvfs(self.root)
        free = status.f_bavail * status.f_frsize
        if free < size_bytes + SPARE_BYTES:
            raise StorageFull(
                f"a snapshot needs {size_bytes >> 20} MiB in {self.root}, {free >> 20} MiB are free"
                f" and {SPARE_BYTES >> 20} must stay so; delete snapshots or free disk space"
            )

    def new_name(self, group: Group, stem: str) -> str:
        """Return a name that no snapshot has; it is taken until `keep` or `give_up`."""
        stem += time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime())
        with self._lock:
            number = 1
            while True:
                name = stem + (f"-{number}" if number > 1 else "") + SUFFIX
                if (group, name) not in self._taken and not self._path(group, name).exists():
                    self._taken.add((group, name))
                    return name
                number += 1

    def give_up(self, group: Group, name: str) -> None:
        """Let others take a name."""
        with self._lock:
            self._taken.discard((group, name))

    def keep(self, staged: Path, group: Group, name: str, checksum: str) -> SnapshotDescription:
        """Give a synced temporary file its name, durably; the checksum is there before it."""
        path = self._path(group, name)
        files.make_folder(path.parent)
        files.write_file(_checksum_path(path), [checksum.encode()])
        files.move_file(staged, path)
        self.give_up(group, name)
        return self.describe(group, name)

    def list(self, group: Group) -> list[SnapshotDescription]:
        """Return the snapshots of a group, the oldest first."""
        folder = self.root.joinpath(*group)
        found = []
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name.endswith(SUFFIX) and path.is_file() and not path.is_symlink():
                found.append((path.stat().st_mtime_ns, path.name))
        return [self.describe(group, name) for _, name in sorted(found)]

    def exists(self, group: Group) -> bool:
        """Say whether there ever was a snapshot of this group."""
        return self.root.joinpath(*group).is_dir()

    def describe(self, group: Group, name: str) -> SnapshotDescription:
        """Return what is known of a snapshot; NotFound."""
        path = self.path(group, name)
        status = path.stat()
        created = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(status.st_mtime))
        return SnapshotDescription(
            name=name, creation_time=created, size=status.st_size, checksum=_stored_checksum(path)
        )

    def path(self, group: Group, name: str) -> Path:
        """Return where a snapshot is; NotFound where there is none, InvalidRequest for no name."""
        check_name(name, "snapshot name")
        path = self._path(group, name)
        if not name.endswith(SUFFIX) or path.is_symlink() or not path.is_file():
            raise NotFound(f"Snapshot {name} not found")
        return path

    def content(self, group: Group, name: str) -> Iterator[bytes]:
        """Return a snapshot in pieces; NotFound."""
        return pieces_of(self.path(group, name))

    def local(self, group: Group, name: str) -> Path:
        """Return a file of this machine that holds a snapshot; NotFound."""
        return self.path(group, name)

    def remove(self, group: Group, name: str) -> None:
        """Delete a snapshot, durably; NotFound."""
        path = self.path(group, name)
        files.remove_file(path)
        files.remove_file(_checksum_path(path))

    # Archived logs

    def keep_piece(self, group: Group, log: str, name: str, content: Iterator[bytes]) -> None:
        """Write a piece of a log, durably; one of the same name is replaced."""
        path = self._piece_path(group, log, name)
        files.make_folder(path.parent)
        files.write_file(path, content)

    def piece_names(self, group: Group, log: str) -> Sequence[str]:
        """Return the names of all pieces of a log, in no order."""
        folder = self._piece_path(group, log, "")
        paths = folder.iterdir() if folder.is_dir() else ()
        return [path.name for path in paths if path.name.endswith(PIECE_SUFFIX)]

    def local_piece(self, group: Group, log: str, name: str) -> Path:
        """Return a file of this machine that holds a piece."""
        return self._piece_path(group, log, name)

    def ship_pieces(self) -> None:
        """Send pieces to where they are kept: here, they are there."""

    def remove_pieces(self, before: float, logs: Collection[str]) -> None:
        """Remove pieces of these logs that were written before a time, in seconds since 1970.

        Other logs are other databases', which may keep theirs longer.
        """
        for path in self._local_pieces():
            with contextlib.suppress(FileNotFoundError):
                if path.parent.name in logs and path.stat().st_mtime < before:
                    path.unlink()

    def keep_coverage(self, name: str, content: bytes) -> None:
        """Write how far the archived logs of a database reach, durably; it replaces the last."""
        folder = self.root / COVERAGE
        files.make_folder(folder)
        files.write_file(folder / name, [content])

    def coverages(self) -> Sequence[tuple[str, bytes]]:
        """Return name and content of what each database says."""
        folder = self.root / COVERAGE
        paths = sorted(folder.iterdir()) if folder.is_dir() else ()
        return [(p.name, p.read_bytes()) for p in paths if p.name.endswith(COVERAGE_SUFFIX)]

    def _local_pieces(self) -> Sequence[Path]:
        return sorted(self.root.glob(f"collections/*/{LOG}/*/*{PIECE_SUFFIX}"))

    def _piece_path(self, group: Group, log: str, name: str) -> Path:
        return self.root.joinpath(*group, LOG, log, name)

    def _path(self, group: Group, name: str) -> Path:
        return self.root.joinpath(*group, name)


class Upload:
    """A temporary file that a snapshot is received in, piece by piece; `ended` is called once."""

    def __init__(self, path: Path, ended: Callable[[], None] = lambda: None) -> None:
        self.path = path
        self._file = path.open("xb", buffering=0)
        self._ended = weakref.finalize(self, ended)

    def write(self, piece: bytes) -> None:
        """Append a piece; StorageFull."""
        try:
            files.write_all(self._file.fileno(), piece)
        except OSError as error:
            if error.errno in NO_SPACE:
                raise StorageFull("no space for the snapshot; free disk space") from error
            raise

    def close(self) -> None:
        """End writing."""
        self._file.close()
        self._ended()

    def remove(self) -> None:
        """Remove the file, if nobody did."""
        self.close()
        self.path.unlink(missing_ok=True)


def pieces_of(path: Path) -> Iterator[bytes]:
    """Return the content of a file in pieces; close it when it is not read to the end."""
    return _pieces(path.open("rb"))


def unnamed_pieces_of(path: Path) -> Iterator[bytes]:
    """Return the content of a file, which loses its name now and goes when it has been read."""
    file = path.open("rb")
    path.unlink()
    return _pieces(file)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def write_new(path: Path, pieces: Iterator[bytes], size: int, checksum: str | None) -> Path:
    """Write pieces as a new file of this size and SHA-256, durably; otherwise nothing stays.

    Errors: AlreadyExists where the file exists; ConnectionFailed where the pieces end early;
    ChecksumMismatch.
    """
    digest, written = hashlib.sha256(), 0
    try:
        with path.open("xb") as file:
            for piece in pieces:
                digest.update(piece)
                written += file.write(piece)
            if written != size:
                raise ConnectionFailed(f"{written} bytes of {size} came; try again")
            if checksum not in (None, found := digest.hexdigest()):
                raise ChecksumMismatch(
                    f"the snapshot is listed with {checksum}, what came has {found}; "
                    "download it again, or delete it if that does not help"
                )
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise AlreadyExists(f"{path} exists already; remove it or name another file") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


class Form(NamedTuple):
    """A file as the body of a multipart/form-data request."""

    boundary: str
    size: int
    pieces: Iterator[bytes]


def form_of(path: Path) -> Form:
    """Return a file as a form with the field `snapshot`; NotFound where there is none."""
    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="snapshot"; filename="snapshot"\r\n'
        "content-type: application/octet-stream\r\n\r\n"
    ).encode()
    end = f"\r\n--{boundary}--\r\n".encode()
    size = len(head) + path.stat().st_size + len(end)
    return Form(boundary, size, chain((head,), pieces_of(path), (end,)))


def _checksum_path(path: Path) -> Path:
    return path.with_name(path.name + CHECKSUM_SUFFIX)


def _stored_checksum(path: Path) -> str | None:
    try:
        text = _checksum_path(path).read_bytes()
    except OSError:
        return None
    return text.decode() if _CHECKSUM.fullmatch(text) else None
