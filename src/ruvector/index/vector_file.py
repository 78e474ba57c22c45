"""What does a saved VectorIndex look like? Named arrays in one checksummed file.

The layout is drawn in docs/formats/graph.md. Invariants: the file appears whole or not at all
(temporary name, fsync, rename, fsync of the folder); every byte is covered by a checksum that is
checked when it is read; nothing in the file is executed.
Threads: the caller keeps the arrays unchanged while they are written.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from io import BufferedWriter
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.errors import BadInput
from ruvector.kernel import _kernel, crc32c

MAGIC = b"RUVINDEX"
FORMAT_VERSION = 1
ALIGNMENT = 64
MAX_HEADER_BYTES = 1 << 20
DTYPES = frozenset({"float32", "float64", "uint8", "uint32", "uint64"})

Bytes: TypeAlias = NDArray[np.uint8]
# One array is written piece by piece, so that saving does not need the memory twice.
Pieces: TypeAlias = Iterable[NDArray[Any]]


class ArrayEntry(msgspec.Struct, frozen=True):
    """Where one array stands in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    size_bytes: int
    crc: int


class Header(msgspec.Struct, frozen=True):
    """What the file holds. `distance` and `dimensions` are the index's parameters."""

    version: int
    distance: str
    dimensions: int
    arrays: tuple[ArrayEntry, ...]


def write_file(
    path: Path,
    distance: str,
    dimensions: int,
    arrays: Mapping[str, tuple[str, tuple[int, ...], Pieces]],
) -> None:
    """Write arrays, given as dtype, shape and pieces, under `path`, replacing what was there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            _write_arrays(file, distance, dimensions, arrays)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_arrays(
    file: BufferedWriter,
    distance: str,
    dimensions: int,
    arrays: Mapping[str, tuple[str, tuple[int, ...], Pieces]],
) -> None:
    # The head (magic, header's place, size and checksum) is written last: the header stands at
    # the end, where every checksum is known.
    file.write(bytes(ALIGNMENT))
    entries = []
    for name, (dtype, shape, pieces) in arrays.items():
        offset, crc = file.tell(), 0
        for piece in pieces:
            view = np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data
            file.write(view)
            crc = crc32c(view, crc)
        size_bytes = file.tell() - offset
        file.write(bytes(-size_bytes % ALIGNMENT))
        entries.append(ArrayEntry(name, dtype, shape, offset, size_bytes, crc))
    header = msgspec.json.encode(Header(FORMAT_VERSION, distance, dimensions, tuple(entries)))
    place = file.tell()
    file.write(header)
    file.seek(0)
    head = MAGIC + place.to_bytes(8, "little") + len(header).to_bytes(8, "little")
    head += crc32c(header).to_bytes(4, "little")
    file.write(head + crc32c(head).to_bytes(4, "little"))


def read_file(path: Path, *, mapped: bool = False) -> tuple[Header, dict[str, NDArray[Any]]]:
    """Return the header and the arrays of a saved index, which lie in one block of memory.

    ``mapped``: the block is the file itself, page by page; writing to it copies a page and leaves
    the file alone. Raises BadInput that names the file when anything is missing, cut off or
    altered.
    """
    if not path.stat().st_size:
        raise _damaged(path, "it does not begin as one")
    data: Bytes = np.memmap(path, np.uint8, mode="c")
    if not mapped:
        data = _kernel.pinned_copy(data)
    header = _read_header(data, path)
    return header, {entry.name: _read_array(data, entry, path) for entry in header.arrays}


def _damaged(path: Path, reason: str) -> BadInput:
    return BadInput(f"{path} is not a saved index or is damaged: {reason}")


def _read_header(data: Bytes, path: Path) -> Header:
    head = data[:32].tobytes()
    if len(head) < 32 or head[:8] != MAGIC:
        raise _damaged(path, "it does not begin as one")
    if crc32c(head[:28]) != int.from_bytes(head[28:], "little"):
        raise _damaged(path, "the checksum of its head differs")
    if data[len(head) : ALIGNMENT].any():
        raise _damaged(path, "the space after its head is not empty")
    place, length = int.from_bytes(head[8:16], "little"), int.from_bytes(head[16:24], "little")
    if length > MAX_HEADER_BYTES or place + length != len(data):
        raise _damaged(path, f"it has {len(data)} bytes, its head promises {place + length}")
    text = data[place:].tobytes()
    if crc32c(text) != int.from_bytes(head[24:28], "little"):
        raise _damaged(path, "the checksum of its header differs")
    try:
        header = msgspec.json.decode(text, type=Header)
    except msgspec.DecodeError as error:
        raise _damaged(path, str(error)) from error
    if header.version != FORMAT_VERSION:
        raise _damaged(path, f"format {header.version} is unknown; known is {FORMAT_VERSION}")
    return header


def _read_array(data: Bytes, entry: ArrayEntry, path: Path) -> NDArray[Any]:
    if entry.dtype not in DTYPES or any(extent < 0 for extent in entry.shape):
        raise _damaged(path, f"array {entry.name} has an unknown type or shape")
    count = 1
    for extent in entry.shape:
        count *= extent
    if count * np.dtype(entry.dtype).itemsize != entry.size_bytes:
        raise _damaged(path, f"array {entry.name} does not have the size of its shape")
    end = entry.offset + entry.size_bytes
    if entry.offset < 0 or entry.offset % ALIGNMENT or end > len(data):
        raise _damaged(path, f"array {entry.name} lies beyond the end")
    raw = data[entry.offset : end]
    if crc32c(raw.data) != entry.crc:
        raise _damaged(path, f"the checksum of array {entry.name} differs")
    # The zeros up to the next boundary belong to the array: no byte of the file is unchecked.
    if data[end : end + -entry.size_bytes % ALIGNMENT].any():
        raise _damaged(path, f"the space after array {entry.name} is not empty")
    try:
        return raw.view(np.ndarray).view(entry.dtype).reshape(entry.shape)
    except ValueError as error:  # more axes, or longer ones, than arrays have
        raise _damaged(path, f"array {entry.name}: {error}") from error
