"""How fast can numbers go? The compiled functions, numpy in and numpy out.

Invariants: arrays are C-contiguous and of the dtype named in the docstring (anything else is a
TypeError: conversion happens once, in the caller); every function has a plain numpy twin in
``ruvector.kernel.oracle``; input that cannot be answered raises ValueError and never crashes.
Threads: every function may be called from any thread and releases the GIL for long work. Importing
starts no thread.
It does not know ids, files, payloads or segments.

>>> hex(crc32c(b"123456789"))
'0xe3069283'
>>> parse_floats(b"[1, -2.5e1]").tolist()
[1.0, -25.0]
>>> format_floats(np.array([1, 0.1], np.float32))
b'[1.0,0.1]'
>>> shortest_floats(np.array([0.1], np.float32))
[0.1]
"""

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


class Layout(IntEnum):
    """What a graph's walk compares; a graph takes the next lower one where the wanted one does not
    fit (fewer than 64 dimensions, manhattan, no FastScan). The numbers are stored in graphs.
    """

    FLOATS = 0
    INT8 = 1
    PACKED = 2


# int8 products are summed in int32; that type is fixed in native/codes.hpp (Int8Dot).
_kernel.set_int8_dot(numkong.pointer_to_dot("int8"))  # type: ignore[arg-type]


# The compiled functions themselves: a call costs one hop. Their docstrings stand in
# native/bindings_*.cpp, their types in _kernel.pyi.
crc32c = _kernel.crc32c
parse_floats = _kernel.parse_floats
format_floats = _kernel.format_floats
format_float_rows = _kernel.format_float_rows
shortest_floats = _kernel.shortest_floats
scan_json = _kernel.scan_json
lift_floats = _kernel.lift_floats
open_values = _kernel.open_values
read_hits = _kernel.read_hits
join_payloads = _kernel.join_payloads
encode_points = _kernel.encode_points
split_message = _kernel.split_message
split_json = _kernel.split_json
split_points = _kernel.split_points
check_json_rows = _kernel.check_json_rows
parse_float_rows = _kernel.parse_float_rows
exact_search = _kernel.exact_search
score_rows = _kernel.score_rows
squared_length = _kernel.squared_length
mask_from_rows = _kernel.mask_from_rows
mask_count = _kernel.mask_count
sparse_scan = _kernel.sparse_scan
sparse_counts = _kernel.sparse_counts
multi_scan = _kernel.multi_scan
multi_scores = _kernel.multi_scores
roaring_of_rows = _kernel.roaring_of_rows
count_codes = _kernel.count_codes
set_codes = _kernel.set_codes
geo_rows = _kernel.geo_rows
merge_pairs = _kernel.merge_pairs
