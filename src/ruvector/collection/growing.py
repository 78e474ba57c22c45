"""Where do new rows live until they are sealed? In arrays that only ever grow.

Threads: `append` is called by the committer thread alone. Rows are written beyond the published
count and then published by replacing `segment`, so readers of an older Segment never see them.
Growing past the capacity copies into new arrays; older Segments keep the old ones.
"""

from collections.abc import Mapping

import numpy as np

from ruvector.collection.ragged import reserved
from ruvector.collection.segment import Mask, Rows, Segment, count_bits
from ruvector.collection.spaces import Column, Growing, Space
from ruvector.kernel import mask_from_rows

_NO_BITS: Mask = np.empty(0, dtype=np.uint8)

# Per key of a space: vectors, and positions in the batch (None: all)
Columns = Mapping[str, tuple[Column, Rows | None]]


class GrowingSegment:
    """The rows that came after the last seal."""

    def __init__(self, spaces: Mapping[str, Space]) -> None:
        self._spaces = dict(spaces)
        self._rows: Rows = np.empty(0, dtype=np.uint32)
        self._columns: dict[str, Growing] = {n: space.growing() for n, space in spaces.items()}
        self.log_bytes = 0  # of the entries since the seal; the log's share of disk
        self.segment = Segment(self._rows, _NO_BITS, {}, {}, {}, {})
        self._publish(0, _NO_BITS, dict.fromkeys(spaces, _NO_BITS))

    def append(self, first_row: int, count: int, columns: Columns, log_bytes: int) -> None:
        """Add `count` rows from `first_row` on; rows without a vector of a name get an empty one.

        Columns carry the keys of their spaces; those of no space are of a name that was deleted.
        """
        start = len(self.segment)
        end = start + count
        self._rows = reserved(self._rows, end)
        self._rows[start:end] = np.arange(first_row, first_row + count, dtype=np.uint32)
        masks: dict[str, Mask] = {}
        for name, space in self._spaces.items():
            vectors, positions = columns.get(space.key, (None, None))
            self._columns[name].append(count, vectors, positions)
            if vectors is None:
                present = np.empty(0, dtype=np.uint32)
            elif positions is None:
                present = np.arange(start, end, dtype=np.uint32)
            else:
                present = (positions + start).astype(np.uint32)
            masks[name] = _extended(self.segment.masks[name], present, end)
        self.log_bytes += log_bytes
        new = np.arange(start, end, dtype=np.uint32)
        self._publish(end, _extended(self.segment.alive, new, end), masks)

    def conform(self, spaces: Mapping[str, Space]) -> None:
        """Have exactly these spaces from now on; rows have no vector of a new one."""
        count = len(self.segment)
        masks = {}
        for name, space in spaces.items():
            if name in self._spaces and self._spaces[name].key == space.key:
                masks[name] = self.segment.masks[name]
                continue
            self._columns[name] = space.growing()
            self._columns[name].append(count, None, None)
            masks[name] = mask_from_rows(np.empty(0, dtype=np.uint32), count)
        self._spaces = dict(spaces)
        self._columns = {name: self._columns[name] for name in spaces}
        self._publish(count, self.segment.alive, masks)

    def kill(self, dead: Rows) -> None:
        """Mark rows (ascending) as dead."""
        self.segment = self.segment.without(dead)

    def _publish(self, count: int, alive: Mask, masks: dict[str, Mask]) -> None:
        self.segment = Segment(
            rows=self._rows[:count],
            alive=alive,
            vectors={name: column.view() for name, column in self._columns.items()},
            masks=masks,
            counts={name: count_bits(mask) for name, mask in masks.items()},
            graphs={},
        )


def _extended(mask: Mask, positions: Rows, count: int) -> Mask:
    """Return a mask of `count` bits: the old ones, and those at the positions."""
    longer = mask_from_rows(positions, count)
    longer[: len(mask)] |= mask
    return longer
