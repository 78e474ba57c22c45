"""Where do new rows live until they are sealed? In arrays that only ever grow.

Threads: `append` is called by the committer thread alone. Rows are written beyond the published
count and then published by replacing `segment`, so readers of an older Segment never see them.
Growing past the capacity copies into new arrays; older Segments keep the old ones.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ruvector.collection.segment import Mask, Rows, Segment, count_bits
from ruvector.collection.vectors import Stored, VectorSpace
from ruvector.kernel import mask_from_rows

_FIRST_CAPACITY = 1024

_NO_BITS: Mask = np.empty(0, dtype=np.uint8)

Columns = Mapping[str, tuple[Stored, Rows | None]]  # per name: vectors, positions in the batch


class GrowingSegment:
    """The rows that came after the last seal."""

    def __init__(self, spaces: Mapping[str, VectorSpace]) -> None:
        self._spaces = dict(spaces)
        self._capacity = 0
        self._rows: Rows = np.empty(0, dtype=np.uint32)
        self._vectors: dict[str, Stored] = {
            name: np.empty((0, space.dim), dtype=space.dtype) for name, space in spaces.items()
        }
        self.log_bytes = 0  # of the entries since the seal; the log's share of disk
        self.segment = Segment(self._rows, _NO_BITS, {}, {}, {}, {})
        self._publish(0, _NO_BITS, dict.fromkeys(spaces, _NO_BITS))

    def append(self, first_row: int, count: int, columns: Columns, log_bytes: int) -> None:
        """Add `count` rows from `first_row` on; rows without a vector of a name get zeros there."""
        start = len(self.segment)
        self._reserve(start + count)
        end = start + count
        self._rows[start:end] = np.arange(first_row, first_row + count, dtype=np.uint32)
        masks: dict[str, Mask] = {}
        for name in self._spaces:
            vectors, positions = columns.get(name, (None, None))
            target = self._vectors[name][start:end]
            if vectors is None:
                target[:] = 0
                present = np.empty(0, dtype=np.uint32)
            elif positions is None:
                target[:] = vectors
                present = np.arange(start, end, dtype=np.uint32)
            else:
                target[:] = 0
                target[positions] = vectors
                present = (positions + start).astype(np.uint32)
            masks[name] = _extended(self.segment.masks[name], present, end)
        self.log_bytes += log_bytes
        new = np.arange(start, end, dtype=np.uint32)
        self._publish(end, _extended(self.segment.alive, new, end), masks)

    def kill(self, dead: Rows) -> None:
        """Mark rows (ascending) as dead."""
        self.segment = self.segment.without(dead)

    def _publish(self, count: int, alive: Mask, masks: dict[str, Mask]) -> None:
        self.segment = Segment(
            rows=self._rows[:count],
            alive=alive,
            vectors={name: vectors[:count] for name, vectors in self._vectors.items()},
            masks=masks,
            counts={name: count_bits(mask) for name, mask in masks.items()},
            graphs={},
        )

    def _reserve(self, count: int) -> None:
        if count <= self._capacity:
            return
        self._capacity = max(count, 2 * self._capacity, _FIRST_CAPACITY)
        self._rows = _grown(self._rows, self._capacity)
        self._vectors = {n: _grown(v, self._capacity) for n, v in self._vectors.items()}


def _extended(mask: Mask, positions: Rows, count: int) -> Mask:
    """Return a mask of `count` bits: the old ones, and those at the positions."""
    longer = mask_from_rows(positions, count)
    longer[: len(mask)] |= mask
    return longer


def _grown(array: np.ndarray[Any, Any], capacity: int) -> np.ndarray[Any, Any]:
    larger = np.empty((capacity, *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger
