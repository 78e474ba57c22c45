"""How do files go into one archive, and come out again without being trusted?

Plain tar (POSIX ustar, sizes beyond 8 GiB in base 256), so that any tool can list and unpack it.
Reading accepts only what writing makes: regular files, names that match a pattern, no name twice,
no link, device, sparse file or extended header, and an end where the file ends. Contents are found
by their offset and copied by `Member.copy`; nothing is ever extracted by name.
Format page: docs/formats/snapshot.md.

Threads: a writer or an archive belongs to one thread at a time.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from ruvector.errors import BadInput
from ruvector.storage.files import write_all

BLOCK_BYTES = 512
PIECE_BYTES = 1 << 20
NAME_BYTES = 100  # of ustar's name field
MAX_MEMBERS = 100_000  # 30,000 collections of one indexed segment each
_SIZE_DIGITS = 11
_END = bytes(2 * BLOCK_BYTES)


class Member(NamedTuple):
    """One file in an archive: where its content lies."""

    name: str
    offset: int
    size_bytes: int


class ArchiveWriter:
    """Writes an archive to an open descriptor in one pass, and hashes it on the way."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._digest = hashlib.sha256()
        self._piece = bytearray(PIECE_BYTES)

    def add_file(self, name: str, path: Path) -> tuple[int, str]:
        """Append a file that nobody changes meanwhile; return its size and SHA-256.

        Errors: FileNotFoundError; OSError.
        """
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            size = os.fstat(source).st_size
            self._write(_header(name, size))
            digest, left, view = hashlib.sha256(), size, memoryview(self._piece)
            while left:
                count = os.readv(source, [view[: min(left, PIECE_BYTES)]])
                if not count:
                    raise OSError(errno.EIO, f"{path} became shorter while it was copied")
                digest.update(view[:count])
                self._write(view[:count])
                left -= count
        finally:
            os.close(source)
        self._pad(size)
        return size, digest.hexdigest()

    def add_bytes(self, name: str, content: bytes) -> None:
        """Append a file that is in memory."""
        self._write(_header(name, len(content)))
        self._write(content)
        self._pad(len(content))

    def finish(self) -> str:
        """Append the end of the archive; return the SHA-256 of all of it."""
        self._write(_END)
        return self._digest.hexdigest()

    def _pad(self, size: int) -> None:
        self._write(bytes(-size % BLOCK_BYTES))

    def _write(self, piece: bytes | memoryview) -> None:
        self._digest.update(piece)
        write_all(self._descriptor, piece)


class Archive:
    """An open archive whose headers have been checked; close it with `with`.

    Errors of opening and copying: BadInput where it is not such an archive.
    """

    def __init__(self, path: Path, pattern: re.Pattern[str]) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise BadInput(f"{path.name} is a link; a snapshot must be a file") from error
            raise
        try:
            status = os.fstat(self._descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _not_one("it is not a file")
            self.members = list(_members(self._descriptor, status.st_size, pattern))
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def read(self, member: Member, limit: int) -> bytes:
        """Return the content of a small file."""
        if member.size_bytes > limit:
            raise _not_one(f"{member.name} has {member.size_bytes} bytes, {limit} are allowed")
        return os.pread(self._descriptor, member.size_bytes, member.offset)

    def copy(self, member: Member, path: Path) -> str:
        """Write the content as a new file, synced; return its SHA-256.

        FileExistsError where something of that name is there, a link included.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        target = os.open(path, flags, 0o644)
        digest, view = hashlib.sha256(), memoryview(bytearray(PIECE_BYTES))
        try:
            offset, end = member.offset, member.offset + member.size_bytes
            while offset < end:
                piece = view[: min(end - offset, PIECE_BYTES)]
                count = os.preadv(self._descriptor, [piece], offset)
                if not count:
                    raise _not_one(f"{member.name} is cut off")
                digest.update(piece[:count])
                write_all(target, piece[:count])
                offset += count
            os.fsync(target)
        finally:
            os.close(target)
        return digest.hexdigest()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _header(name: str, size: int) -> bytes:
    """Return the block before a file's content."""
    assert len(name.encode()) <= NAME_BYTES, name  # noqa: S101 - names are ours
    fits = size < 8**_SIZE_DIGITS
    length = b"%011o\0" % size if fits else b"\x80" + size.to_bytes(11, "big")
    head = b"".join(
        (
            name.encode().ljust(NAME_BYTES, b"\0"),
            b"0000644\0" + b"0000000\0" * 2,
            length,
            b"00000000000\0",  # no time: the manifest has it, and equal states give equal archives
            b" " * 8,
            b"0".ljust(101, b"\0"),
            b"ustar\x0000",
        )
    ).ljust(BLOCK_BYTES, b"\0")
    return head[:148] + b"%06o\0 " % sum(head) + head[156:]


def _members(descriptor: int, size: int, pattern: re.Pattern[str]) -> Iterator[Member]:
    """Yield the files of an archive. Every byte outside their contents is what `_header` makes."""
    offset, names = 0, set[str]()
    while True:
        head = os.pread(descriptor, BLOCK_BYTES, offset)
        if len(head) < BLOCK_BYTES:
            raise _not_one("it is cut off")
        if head == _END[:BLOCK_BYTES]:
            break
        member = _member(head, offset + BLOCK_BYTES)
        if not pattern.fullmatch(member.name) or member.name in names:
            raise _not_one(
                f"it has a file {member.name[:100]!r} that no snapshot has, or has twice"
            )
        names.add(member.name)
        if len(names) > MAX_MEMBERS:
            raise _not_one(f"it has more than {MAX_MEMBERS} files")
        offset = member.offset + member.size_bytes + -member.size_bytes % BLOCK_BYTES
        if offset > size:
            raise _not_one("it is cut off")
        yield member
    if os.pread(descriptor, len(_END) + 1, offset) != _END:
        raise _not_one("something stands after its end, or its end is cut off")


def _member(head: bytes, offset: int) -> Member:
    name, length = head[:NAME_BYTES].rstrip(b"\0"), head[124:136]
    try:
        text = name.decode("ascii")
        if length[0] == 0x80:
            size = int.from_bytes(length[1:], "big")
        else:
            size = int(length.rstrip(b"\0"), 8)
        if size < 0 or _header(text, size) != head:
            raise ValueError
    except (ValueError, OverflowError):
        raise _not_one("one of its headers is not that of a regular file") from None
    return Member(text, offset, size)


def _not_one(why: str) -> BadInput:
    return BadInput(f"this is not a snapshot of ruvector: {why}")
