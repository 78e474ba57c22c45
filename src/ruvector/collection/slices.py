"""Into which slice of the id space does a point fall? SipHash-2-4 of its id, modulo their number.

The key of the hash is zero. Integers are hashed as 8 bytes little-endian, UUIDs as their 16 bytes;
any other string as the UUID that stands for it. The id of a row never changes, so hashes are kept:
8 bytes a row, from the first question on.

`IdHashes` may be used from any thread. Source: Aumasson, Bernstein, "SipHash: a fast short-input
PRF", 2012.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from ruvector.index.payload.bitmaps import add_rows, bitmap_of, rows_of
from ruvector.model.ids import INTEGER_TAG

_MASK: Final = 2**64 - 1
_INITIAL: Final = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_BATCH: Final = 8192  # rows whose keys are read in one call

Keys = Sequence[bytes | None]


def slice_of(key: bytes, total: int) -> int:
    """Return the slice of an id's key among `total`."""
    return int(_siphash(_words(key), len(key) - 1)) % total


class IdHashes:
    """Row -> hash of its id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hashes: npt.NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
        self._known = BitMap()

    def rows_in_slice(
        self, rows: BitMap, total: int, index: int, read_keys: Callable[[list[int]], Keys]
    ) -> BitMap:
        """Return those of the rows that fall into a slice; keys are read once for each row."""
        with self._lock:
            missing = rows_of(rows - self._known)
            for start in range(0, len(missing), _BATCH):
                self._learn(missing[start : start + _BATCH], read_keys)
            array = rows_of(rows)
            return bitmap_of(array[self._hashes[array] % np.uint64(total) == index])

    def _learn(self, rows: Any, read_keys: Callable[[list[int]], Keys]) -> None:
        if int(rows[-1]) >= len(self._hashes):
            self._hashes.resize(max(int(rows[-1]) + 1, 2 * len(self._hashes)), refcheck=False)
        keys = read_keys(rows.tolist())
        for size in (9, 17):
            chosen = [i for i, key in enumerate(keys) if key is not None and len(key) == size]
            if chosen:
                columns = np.frombuffer(b"".join(keys[i] or b"" for i in chosen), dtype=np.uint8)
                table = columns.reshape(-1, size)[:, 1:]
                order = ">u8" if size == 9 else "<u8"  # an integer's key is big-endian
                words = np.ascontiguousarray(table).view(order).astype(np.uint64)
                self._hashes[rows[chosen]] = _siphash(list(words.T), size - 1)
        add_rows(self._known, rows)


def _words(key: bytes) -> list[int]:
    if key[0] == INTEGER_TAG:
        return [int.from_bytes(key[1:], "big")]
    return [int.from_bytes(key[start : start + 8], "little") for start in (1, 9)]


def _siphash(words: Sequence[Any], size: int) -> Any:
    """Return the hash of 64-bit words: of integers, or of arrays of them, element by element."""
    state: tuple[Any, ...] = _INITIAL
    if isinstance(words[0], np.ndarray):
        state = tuple(np.full(len(words[0]), part, dtype=np.uint64) for part in _INITIAL)
    for word in (*words, size << 56):
        a, b, c, d = state
        a, b, c, d = _round(*_round(a, b, c, d ^ word))
        state = (a ^ word, b, c, d)
    a, b, c, d = state
    c = c ^ 0xFF
    for _ in range(4):
        a, b, c, d = _round(a, b, c, d)
    return a ^ b ^ c ^ d


def _round(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any, Any]:
    a = (a + b) & _MASK
    b = _rotated(b, 13) ^ a
    a = _rotated(a, 32)
    c = (c + d) & _MASK
    d = _rotated(d, 16) ^ c
    a = (a + d) & _MASK
    d = _rotated(d, 21) ^ a
    c = (c + b) & _MASK
    b = _rotated(b, 17) ^ c
    return a, b, _rotated(c, 32), d


def _rotated(word: Any, places: int) -> Any:
    return ((word << places) & _MASK) | (word >> (64 - places))
