"""How does a piece of a log look in a file, and how much of it is believed?

    magic     8 bytes   "RUVLOG1\\n"
    size      uint32    of the header, little-endian like every number here
    header    JSON      {"collection", "log", "first", "last", "until", "written"}
    entries             last - first + 1 times: size uint32, CRC-32C of (number uint64, entry)
                        uint32, the entry's bytes
    digest    32 bytes  SHA-256 of all before it

Nothing is believed before the digest was compared, and the file's name must say what its header
does. Format page: docs/formats/log.md.
"""

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from ruvector.collection.kept_log import LogPiece
from ruvector.errors import BadInput
from ruvector.kernel import crc32c
from ruvector.snapshots.folder import PIECE_SUFFIX

MAGIC = b"RUVLOG1\n"
HEADER_BYTES = 1 << 16
ENTRY_BYTES = 1 << 30  # an entry is one request, whose body is held in memory
_READ_BYTES = 1 << 20
_DIGEST_BYTES = 32
_size = struct.Struct("<I")
_head = struct.Struct("<II")
_number = struct.Struct("<Q")


class PieceHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a piece says of itself; times in milliseconds since 1970.

    `until`: every operation of the log with a time up to that is in this piece or before it.
    """

    collection: str
    log: str
    first: int
    last: int
    until: int
    written: int


_decode_header = msgspec.json.Decoder(PieceHeader).decode


def piece_name(first: int, last: int) -> str:
    """Return the name of the piece with these entries; names sort as the entries do."""
    return f"{first:020d}-{last:020d}{PIECE_SUFFIX}"


def range_of(name: str) -> tuple[int, int] | None:
    """Return the first and last entry that the name of a piece says, None for another name."""
    first, _, last = name.removesuffix(PIECE_SUFFIX).partition("-")
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        return None
    numbers = (int(first), int(last))
    return numbers if name == piece_name(*numbers) and 0 < numbers[0] <= numbers[1] else None


def piece_bytes(piece: LogPiece, collection: str, now: int) -> Iterator[bytes]:
    """Yield the bytes of a piece."""
    header = msgspec.json.encode(
        PieceHeader(
            collection=collection,
            log=piece.log,
            first=piece.first,
            last=piece.last,
            until=piece.until,
            written=now,
        )
    )
    digest = hashlib.sha256()
    for part in _parts(piece, header):
        digest.update(part)
        yield part
    yield digest.digest()


def _parts(piece: LogPiece, header: bytes) -> Iterator[bytes]:
    yield MAGIC + _size.pack(len(header)) + header
    for number, entry in enumerate(piece.entries, piece.first):
        yield _head.pack(len(entry), crc_of(number, entry)) + entry


def crc_of(number: int, entry: bytes) -> int:
    """Return the checksum of an entry under its number."""
    return crc32c(entry, crc32c(_number.pack(number)))


class PieceFile:
    """An open piece whose digest has been compared; close it with `with`."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._file = path.open("rb")
        try:
            self._end = _checked_end(self._file, name)
            self.header = self._header()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "PieceFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def entries(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield number, checksum and bytes of each entry. BadInput where it is damaged."""
        read = self._file.read
        for number in range(self.header.first, self.header.last + 1):
            size, crc = _head.unpack(self._exactly(_head.size))
            if size > ENTRY_BYTES or self._file.tell() + size > self._end:
                raise _damaged(self.name, f"operation {number} is longer than the file")
            entry = read(size)
            if crc_of(number, entry) != crc:
                raise _damaged(self.name, f"operation {number} does not match its checksum")
            yield number, crc, entry
        if self._file.tell() != self._end:
            raise _damaged(self.name, "it has more than its header says")

    def _header(self) -> PieceHeader:
        (size,) = _size.unpack(self._exactly(_size.size))
        if size > HEADER_BYTES:
            raise _damaged(self.name, "its header is too long")
        try:
            header: PieceHeader = _decode_header(self._exactly(size))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _damaged(self.name, "its header cannot be read") from error
        if piece_name(header.first, header.last) != self.name:
            raise _damaged(self.name, "it is a piece of another name")
        return header

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(min(size, max(self._end - self._file.tell(), 0)))
        if len(data) != size:
            raise _damaged(self.name, "it ends early")
        return data


def _checked_end(file: BinaryIO, name: str) -> int:
    """Compare the digest; return where the entries end, with the file after its magic."""
    size = file.seek(0, 2)
    end = size - _DIGEST_BYTES
    file.seek(0)
    if end < len(MAGIC):
        raise _damaged(name, "it ends early")
    digest, left = hashlib.sha256(), end
    while left:
        part = file.read(min(left, _READ_BYTES))
        if not part:
            raise _damaged(name, "it ends early")
        digest.update(part)
        left -= len(part)
    if file.read() != digest.digest():
        raise _damaged(name, "its SHA-256 is another")
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise _damaged(name, "it is not a piece of a log in the format of this version")
    return end


def _damaged(name: str, why: str) -> BadInput:
    return BadInput(f"piece {name} of the archived log is damaged: {why}")
