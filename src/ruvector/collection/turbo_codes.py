"""How does a vector become 4 bits a number, and what is it then? The storage type turbo4.

A vector is cut into blocks of powers of two, at most 512 numbers. Each block is rotated by random
signs and a Hadamard matrix, so that its numbers look normally distributed whatever they were, and
each number becomes the nearest of the 16 levels that are best for such numbers. A scale keeps the
block's length. A row: the numbers' codes, two a byte, low half first; then a float32 scale a block,
little-endian (docs/formats/turbo4.md).

Invariants: the same codes give the same vector; nothing depends on other rows or on the machine.
Deviations: TurboQuant rotates the whole vector; blocks need no padding, and cost 9 additions a
number at most.
Pure numpy, any thread. Source: levels of Max, "Quantizing for minimum distortion" (1960);
rotation of Ailon and Chazelle's fast transform.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_MAX = 512
CHUNK_NUMBERS = 4 << 20  # that are decoded at once: 16 MB
_HALF = (0.1284, 0.3881, 0.6568, 0.9424, 1.2562, 1.6181, 2.0690, 2.7326)
LEVELS = np.array([*(-x for x in reversed(_HALF)), *_HALF], dtype=np.float32)
_BOUNDS = (LEVELS[1:] + LEVELS[:-1]) / 2

Codes = NDArray[np.uint8]  # [n, row_bytes(dim)]
Floats = NDArray[np.float32]


def blocks_of(dim: int) -> list[int]:
    """Return the sizes of the blocks of a vector.

    >>> blocks_of(1155)
    [512, 512, 128, 2, 1]
    """
    sizes = [BLOCK_MAX] * (dim // BLOCK_MAX)
    rest = dim % BLOCK_MAX
    return sizes + [1 << bit for bit in reversed(range(9)) if rest >> bit & 1]


def row_bytes(dim: int) -> int:
    """Return the bytes of one encoded vector."""
    return (dim + 1) // 2 + 4 * len(blocks_of(dim))


def encode(vectors: Floats) -> Codes:
    """Return codes uint8 [n, row_bytes] of vectors float32 [n, dim]."""
    count, dim = vectors.shape
    rows = np.empty((count, row_bytes(dim)), dtype=np.uint8)
    step = max(1, CHUNK_NUMBERS // dim)
    for start in range(0, count, step):
        _encode(vectors[start : start + step], rows[start : start + step])
    return rows


def decode(rows: Codes, dim: int, dtype: type[np.floating[Any]] = np.float32) -> NDArray[Any]:
    """Return the vectors of codes: ``dtype`` [n, dim]."""
    vectors: NDArray[Any] = np.empty((len(rows), dim), dtype=dtype)
    step = max(1, CHUNK_NUMBERS // dim)
    largest = np.finfo(dtype).max
    for start in range(0, len(rows), step):
        part = _decode(rows[start : start + step], dim)
        vectors[start : start + step] = np.clip(part, -largest, largest)
    return vectors


def _encode(vectors: Floats, rows: Codes) -> None:
    dim = vectors.shape[1]
    codes = np.zeros((len(vectors), dim + dim % 2), dtype=np.uint8)
    scales, start = [], 0
    for size in blocks_of(dim):
        block = vectors[:, start : start + size]
        length = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float64) / size)
        divisor = np.where(length == 0.0, 1.0, length)[:, np.newaxis]
        rotated = _hadamard(np.asarray(block / divisor, dtype=np.float32) * _signs(size))
        chosen = np.searchsorted(_BOUNDS, rotated).astype(np.uint8)
        codes[:, start : start + size] = chosen
        levels = LEVELS[chosen].astype(np.float64)
        scales.append(length / np.sqrt(np.einsum("ij,ij->i", levels, levels) / size))
        start += size
    half = codes.shape[1] // 2
    rows[:, :half] = codes[:, 0::2] | codes[:, 1::2] << 4
    rows[:, half:] = np.stack(scales, axis=1).astype("<f4").view(np.uint8)


def _decode(rows: Codes, dim: int) -> Floats:
    half = (dim + 1) // 2
    codes = np.empty((len(rows), 2 * half), dtype=np.uint8)
    codes[:, 0::2], codes[:, 1::2] = rows[:, :half] & 15, rows[:, :half] >> 4
    scales = np.ascontiguousarray(rows[:, half:]).view("<f4")
    vectors, start = np.empty((len(rows), dim), dtype=np.float32), 0
    for position, size in enumerate(blocks_of(dim)):
        levels = LEVELS[codes[:, start : start + size]]
        turned = _hadamard(levels) * _signs(size)
        vectors[:, start : start + size] = turned * scales[:, position, np.newaxis]
        start += size
    return vectors


def _hadamard(rows: Floats) -> Floats:
    """Return rows times Sylvester's matrix over the root of its size, which is its own inverse.

    Sums are in a fixed order, so that a row comes out the same in any company.
    """
    count, size = rows.shape
    step = 1
    while step < size:
        pairs = rows.reshape(count, size // (2 * step), 2, step)
        rows = np.empty_like(pairs)
        np.add(pairs[:, :, 0], pairs[:, :, 1], out=rows[:, :, 0])
        np.subtract(pairs[:, :, 0], pairs[:, :, 1], out=rows[:, :, 1])
        step *= 2
    return rows.reshape(count, size) / np.float32(np.sqrt(size))


@lru_cache(maxsize=16)
def _signs(size: int) -> Floats:
    """Return random signs that never change: the top bits of SplitMix64."""
    with np.errstate(over="ignore"):
        state = (np.arange(1, size + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ state >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ state >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return np.where(state >> np.uint64(63), np.float32(-1), np.float32(1))
