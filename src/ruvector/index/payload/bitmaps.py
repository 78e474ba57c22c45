"""How do arrays of rows become bitmaps?

The kernel writes them, in any order, as the bytes of a bitmap, and pyroaring reads those by
copying: 3 ns a row. From arrays it takes 5 ns a row itself if they ascend, and 60 to 140 if not.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from ruvector.kernel import roaring_of_rows

Rows = npt.NDArray[np.uint32]

_LAYERS_MAX: Final = 64
"""Up to so many bitmap operations "at least n of k" is computed on bitmaps, beyond it by
counting."""


class Bounds(NamedTuple):
    """Rows that certainly and rows that possibly fulfil something; one object when exact."""

    certain: BitMap
    possible: BitMap

    @property
    def exact(self) -> bool:
        """Return whether nothing is left to look at."""
        return self.certain is self.possible


def bitmap_of(rows: Rows) -> BitMap:
    """Return the bitmap of rows in any order; duplicates are fine."""
    return BitMap.deserialize(roaring_of_rows(np.ascontiguousarray(rows, dtype=np.uint32)))


def add_rows(bitmap: BitMap, rows: Rows) -> None:
    """Add rows to a bitmap in place."""
    if len(rows):
        bitmap |= bitmap_of(rows)


def rows_of(bitmap: BitMap) -> Rows:
    """Return the rows of a bitmap, ascending."""
    return np.frombuffer(bitmap.to_array(), dtype=np.uint32)


def bitmap_bytes(bitmap: BitMap) -> int:
    """Return how much memory a bitmap's containers take."""
    statistics = bitmap.get_statistics()
    return int(
        statistics["n_bytes_array_containers"]
        + statistics["n_bytes_run_containers"]
        + statistics["n_bytes_bitset_containers"]
    )


def at_least(number: int, bitmaps: list[BitMap]) -> BitMap:
    """Return the rows that are in `number` of the bitmaps or more."""
    if number == 1:
        return BitMap.union(*bitmaps)
    if number * len(bitmaps) <= _LAYERS_MAX:
        layers = [BitMap() for _ in range(number + 1)]
        for bitmap in bitmaps:
            for layer in range(number, 1, -1):
                layers[layer] |= layers[layer - 1] & bitmap
            layers[1] |= bitmap
        return layers[number]
    counts = np.zeros(1 + max((bitmap.max() for bitmap in bitmaps if bitmap), default=0), np.int32)
    for bitmap in bitmaps:
        counts[rows_of(bitmap)] += 1
    return bitmap_of(np.flatnonzero(counts >= number).astype(np.uint32))
