"""How fast can numbers go? The compiled functions, numpy in and numpy out.

Invariants: arrays are C-contiguous and of the dtype named in the docstring (anything else is a
TypeError: conversion happens once, in the caller); every function has a plain numpy twin in
``ruvector.kernel.oracle``; input that cannot be answered raises ValueError and never crashes.
Threads: every function may be called from any thread and releases the GIL for long work. Importing
starts no thread.
It does not know ids, files, payloads or segments.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, TypeAlias

import numkong
import numpy as np
from numpy.typing import NDArray

from ruvector.kernel import _kernel

Float32Array: TypeAlias = NDArray[np.float32]
RowArray: TypeAlias = NDArray[np.uint32]
MaskArray: TypeAlias = NDArray[np.uint8]
VectorArray: TypeAlias = NDArray[Any]
Buffer: TypeAlias = bytes | bytearray | memoryview

NO_ROW = 0xFFFFFFFF
"""Fills the places of a search that found fewer rows than asked for."""


class Metric(IntEnum):
    """How two vectors are compared; the numbers are stored in graphs.

    Scores are similarities for cosine and dot (higher is better) and distances for euclid and
    manhattan (lower is better). Cosine expects float vectors of unit length and is then a dot
    product; uint8 vectors cannot have unit length and are divided by their lengths.
    """

    COSINE = 0
    DOT = 1
    EUCLID = 2
    MANHATTAN = 3

    @property
    def higher_is_better(self) -> bool:
        """Tell whether a larger score is a better one."""
        return self <= Metric.DOT


# int8 products are summed in int32; that type is fixed in native/codes.hpp (Int8Dot).
_kernel.set_int8_dot(numkong.pointer_to_dot("int8"))  # type: ignore[arg-type]


def crc32c(buffer: Buffer, seed: int = 0) -> int:
    """Return the CRC-32C of a buffer; ``crc32c(b, crc32c(a)) == crc32c(a + b)``.

    Cost: about 0.05 ns per byte with SSE4.2.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    return _kernel.crc32c(buffer, seed)


def parse_floats(text: Buffer) -> Float32Array:
    """Return the numbers of a flat JSON array as float32 [n], each the nearest to its decimal.

    Strict RFC 8259. Raises ValueError with the position for anything else: nested arrays, null,
    strings, NaN, trailing characters, and numbers too large for float32.
    Cost: below 10 ns per number.

    >>> parse_floats(b"[1, -2.5e1]").tolist()
    [1.0, -25.0]
    """
    return _kernel.parse_floats(text)


def parse_float_rows(texts: Sequence[Buffer], dim: int) -> Float32Array:
    """Return one row per JSON array as float32 [len(texts), dim].

    Raises ValueError that names the row and, for a wrong length, the length found and expected.
    """
    return _kernel.parse_float_rows(texts if isinstance(texts, list) else list(texts), dim)


def format_floats(values: Float32Array) -> bytes:
    """Return float32 [n] as a JSON array of the shortest decimals that read back the same.

    Whole numbers keep their point (``1.0``); NaN and infinities become ``null``.

    >>> format_floats(np.array([1, 0.1], np.float32))
    b'[1.0,0.1]'
    """
    return _kernel.format_floats(values)


def format_float_rows(values: Float32Array) -> list[bytes]:
    """Return each row of float32 [n, dim] as ``format_floats`` does."""
    return _kernel.format_float_rows(values)


def shortest_floats(values: Float32Array) -> list[float]:
    """Return Python floats whose repr is the shortest decimal of each float32 [n].

    >>> shortest_floats(np.array([0.1], np.float32))
    [0.1]
    """
    return _kernel.shortest_floats(values)


def scan_json(body: Buffer, max_depth: int, max_containers: int) -> None:
    """Check in one linear pass that a JSON body is nested and filled within bounds.

    Raises ValueError when arrays and objects are nested deeper than ``max_depth``, when there are
    more than ``max_containers`` of them, or when a string or bracket is not closed. It does not
    check the rest of the grammar.
    """
    _kernel.scan_json(body, max_depth, max_containers)


def exact_search(
    queries: Float32Array,
    vectors: VectorArray,
    metric: int,
    k: int,
    allowed: MaskArray | None = None,
) -> tuple[RowArray, Float32Array]:
    """Return the best rows by looking at every one: rows [q, m] and scores [q, m], best first.

    ``queries`` float32 [q, dim]; ``vectors`` float32, float16 or uint8 [n, dim]; ``allowed`` a
    packed mask in little bit order over the n rows, or None; m = min(k, allowed rows). Equal scores
    are ordered by the lower row; scores that are not numbers come last.
    Raises ValueError for different dimensions or a short mask. Cost: n x dim per query.
    """
    return _kernel.exact_search(queries, vectors, metric, k, allowed)


def score_rows(
    query: Float32Array, vectors: VectorArray, rows: RowArray, metric: int
) -> Float32Array:
    """Return the scores float32 [m] of given rows uint32 [m] for one query float32 [dim].

    Raises ValueError for different dimensions or a row beyond the vectors.
    """
    return _kernel.score_rows(query, vectors, rows, metric)


def mask_from_rows(rows: RowArray, n: int) -> MaskArray:
    """Return the packed mask over n rows in which the given rows uint32 [m] are set.

    Raises ValueError for a row of n or more.
    """
    return _kernel.mask_from_rows(rows, n)


def mask_count(mask: MaskArray, n: int) -> int:
    """Return how many of the first n rows are set in a packed mask."""
    return _kernel.mask_count(mask, n)
