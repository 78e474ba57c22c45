"""How are a segment's arrays kept in one file that is never trusted before it was checked?

Named arrays, written once, checked block by block, mapped read-only. The layout is drawn in
docs/formats/segment.md.

Invariants: a file is opened only if its length, header and (with `verify`) every block are what was
written, so that mapped memory cannot lie beyond its end; a file that was opened is never changed.
Threads: an open file may be read by any; its arrays stay valid until the last of them is gone.
It does not know what the arrays mean.
"""

import json
import math
import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.errors import BadInput, StorageDamaged, StorageFull
from ruvector.kernel import crc32c
from ruvector.storage import files
from ruvector.storage.environment import NO_SPACE

MAGIC = b"RUVSEG\r\n"
VERSION = 1
# Large enough that checksums are 4 ppm of the file, small enough that damage is located.
BLOCK_BYTES = 1 << 20
# A cache line and the widest vector register; kernels read rows with aligned loads.
ALIGNMENT_BYTES = 64
# Names, shapes and attributes; a million times what is needed, and a bound on what is parsed.
HEADER_LIMIT_BYTES = 16 << 20
DTYPES = {name: np.dtype(name) for name in ("<f8", "<f4", "<f2", "|u1", "|i1", "<u4", "<u8", "<i8")}

# magic, version, block size, header length, file length, start and length of the array area,
# CRC32C of the header
_prefix = struct.Struct("<8sIIQQQQI")
_checksum = struct.Struct("<I")


def write_segment(
    path: Path, arrays: Mapping[str, NDArray[Any]], attributes: Mapping[str, object]
) -> int:
    """Write `arrays` and JSON-able `attributes` as the segment file `path`, durable on return.

    Returns the file's CRC32C for the manifest: over its header and all block checksums, and so over
    every byte. Its size is `path.stat().st_size`. The dtypes are those of `DTYPES`.
    Errors: BadInput for another dtype; StorageFull; OSError; and then nothing of that name exists.
    """
    contiguous = {name: _little_endian(name, array) for name, array in arrays.items()}
    entries = []
    offset = 0
    for name, array in contiguous.items():
        entries.append([name, array.dtype.str, list(array.shape), offset])
        offset = _aligned(offset + array.nbytes)
    length = offset
    header = json.dumps({"arrays": entries, "attributes": dict(attributes)}).encode()
    start = _aligned(_prefix.size + len(header))
    blocks = -(-length // BLOCK_BYTES)
    size = start + length + 4 * (blocks + 1)
    prefix = _prefix.pack(
        MAGIC, VERSION, BLOCK_BYTES, len(header), size, start, length, crc32c(header)
    )
    head = (prefix + header).ljust(start, b"\0")
    checksums = bytearray()

    def pieces() -> Iterator[bytes | memoryview]:
        yield head
        for block in _blocks(contiguous.values()):
            checksums.extend(_checksum.pack(crc32c(block)))
            yield block
        # Over head and table: the table's own checksum is the file's.
        yield bytes(checksums) + _checksum.pack(crc32c(checksums, crc32c(head)))

    try:
        files.write_file(path, pieces())
    except OSError as error:
        if error.errno in NO_SPACE:
            raise StorageFull(f"no space for segment file {path}; free disk space") from error
        raise
    return crc32c(checksums, crc32c(head))


class SegmentFile:
    """One open segment file: `arrays` by name (read-only views of the map) and `attributes`.

    `places`: where each array stands in the file, as (start, size in bytes).
    """

    def __init__(
        self,
        path: Path,
        arrays: dict[str, NDArray[Any]],
        places: dict[str, tuple[int, int]],
        attributes: dict[str, Any],
        crc: int,
    ) -> None:
        self.path = path
        self.arrays = arrays
        self.places = places
        self.attributes = attributes
        self.crc = crc
        self.size_bytes = path.stat().st_size

    @classmethod
    def open(cls, path: Path, *, verify: bool = True) -> "SegmentFile":
        """Map the segment file `path` after checking it; `verify=False` leaves out the blocks.

        Errors: StorageDamaged when it is missing, truncated, altered, or of a newer version.
        Cost: with `verify` one pass over the file, about 0.3 ms per MiB cached.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _damaged(path, f"cannot be opened ({error})") from error
        try:
            return cls._open(path, descriptor, verify)
        except OSError as error:
            raise _damaged(path, f"cannot be read ({error})") from error
        finally:
            os.close(descriptor)

    @classmethod
    def _open(cls, path: Path, descriptor: int, verify: bool) -> "SegmentFile":
        header, start, length, size = _read_header(path, descriptor)
        head = os.pread(descriptor, start, 0)
        table = os.pread(descriptor, size - start - length, start + length)
        crc = crc32c(table[:-4], crc32c(head))
        if _checksum.pack(crc) != table[-4:]:
            raise _damaged(path, "header and table of checksums do not belong together")
        if verify:
            _check_blocks(path, descriptor, start, length, table)
        mapped = mmap.mmap(descriptor, start + length, access=mmap.ACCESS_READ)
        try:
            arrays = {
                name: _view(mapped, start, length, dtype, shape, offset)
                for name, dtype, shape, offset in header["arrays"]
            }
            places = {
                name: (start + offset, arrays[name].nbytes)
                for name, _, _, offset in header["arrays"]
            }
            return cls(path, arrays, places, header["attributes"], crc)
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, f"describes its arrays wrongly ({error!r})") from error

    def close(self) -> None:
        """Let go of the arrays; the map goes with the last view that somebody still holds."""
        self.arrays = {}


def _view(
    mapped: mmap.mmap, start: int, length: int, dtype: str, shape: list[int], offset: int
) -> NDArray[Any]:
    """Return the array at `offset` of the area that begins at `start`; ValueError if outside."""
    kind = DTYPES[dtype]
    count = math.prod(shape)
    if min(shape, default=0) < 0 or offset % ALIGNMENT_BYTES or offset < 0:
        raise ValueError(f"shape {shape} at {offset}")
    if offset + count * kind.itemsize > length:
        raise ValueError(f"{count} elements at {offset} in {length} bytes")
    if count == 0:
        empty: NDArray[Any] = np.empty(shape, kind)
        empty.setflags(write=False)
        return empty
    return np.frombuffer(mapped, kind, count, start + offset).reshape(shape)


def _read_header(path: Path, descriptor: int) -> tuple[dict[str, Any], int, int, int]:
    """Return the header, the start and length of the array area, and the file's length."""
    prefix = os.pread(descriptor, _prefix.size, 0)
    if len(prefix) < _prefix.size or prefix[:8] != MAGIC:
        raise _damaged(path, "does not begin like a segment file")
    _, version, block, header_length, size, start, length, checksum = _prefix.unpack(prefix)
    if version > VERSION:
        raise StorageDamaged(
            f"{path} has format version {version}, this ruvector reads up to {VERSION}; "
            "open it with a newer ruvector (it was left untouched)"
        )
    actual = os.fstat(descriptor).st_size
    expected = start + length + 4 * (-(-length // BLOCK_BYTES) + 1)
    if version != VERSION or block != BLOCK_BYTES or size != expected or actual != size:
        raise _damaged(path, f"has {actual} bytes, {size} were written, {expected} expected")
    if header_length > HEADER_LIMIT_BYTES or start != _aligned(_prefix.size + header_length):
        raise _damaged(path, "has an impossible header length")
    text = os.pread(descriptor, header_length, _prefix.size)
    if crc32c(text) != checksum:
        raise _damaged(path, "has a header that is not what was written")
    try:
        return json.loads(text), start, length, size
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "has a header that cannot be read") from error


def _check_blocks(path: Path, descriptor: int, start: int, length: int, table: bytes) -> None:
    # Read rather than mapped: a bad sector gives an error here, and a signal under a map.
    for number, offset in enumerate(range(0, length, BLOCK_BYTES)):
        block = os.pread(descriptor, min(BLOCK_BYTES, length - offset), start + offset)
        if _checksum.pack(crc32c(block)) != table[4 * number : 4 * number + 4]:
            raise _damaged(
                path, f"block {number} (byte {start + offset} on) is not what was written"
            )


def _blocks(arrays: Iterable[NDArray[Any]]) -> Iterator[bytes | memoryview]:
    """Yield the array area in blocks: arrays after each other, each padded to the alignment."""
    gathered = bytearray()
    for array in arrays:
        content = array.reshape(-1).view(np.uint8).data if array.nbytes else memoryview(b"")
        padding = memoryview(bytes(_aligned(array.nbytes) - array.nbytes))
        for piece in (content, padding):
            left = piece
            while left:
                if not gathered and len(left) >= BLOCK_BYTES:
                    # Whole blocks go out without a copy.
                    yield left[:BLOCK_BYTES]
                    left = left[BLOCK_BYTES:]
                    continue
                taken = min(BLOCK_BYTES - len(gathered), len(left))
                gathered += left[:taken]
                left = left[taken:]
                if len(gathered) == BLOCK_BYTES:
                    yield bytes(gathered)
                    gathered.clear()
    if gathered:
        yield bytes(gathered)


def _little_endian(name: str, array: NDArray[Any]) -> NDArray[Any]:
    dtype = array.dtype.newbyteorder("<")
    if dtype.str not in DTYPES:
        raise BadInput(
            f"array {name!r} has dtype {array.dtype}; segment files hold {', '.join(DTYPES)}"
        )
    return np.ascontiguousarray(array, dtype).reshape(array.shape)


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def _damaged(path: Path, what: str) -> StorageDamaged:
    return StorageDamaged(f"{path} {what}; restore the shard from a snapshot or another replica")
