"""Which rows hold a number between these two?

Two arrays sorted by value, then row, and beside them a tail of newer pairs in arrival order that is
compared in full and merged in when it has grown. Removed pairs are marked dead and dropped at the
next merge. A range is two binary searches.

Large ranges would spend milliseconds on building bitmaps from rows in random order. So where no row
occurs twice, the prefixes of the array are kept as bitmaps at `PREFIXES` places: a range is then
one difference of two of them, and only the ends are looked at row by row. A prefix is made when it
is first asked for, from a shorter one; a merge moves those that were asked for since the last one
along with their place, so that the range after it need not make them anew.
"""

from bisect import bisect_left, insort
from typing import Any, Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from ruvector.index.payload.bitmaps import Rows, add_rows, bitmap_of
from ruvector.kernel import merge_pairs

PREFIXES: Final = 64
"""One bitmap per 1/64 of the values: 8 bytes per row, and at most 1/128 of the rows per end."""

TAIL_MIN: Final = 4096
"""Comparing a tail of this length takes about 5 µs."""

TAIL_SHARE: Final = 32
"""The tail is merged at 1/32 of the sorted part: copying then costs 0.3 µs for each value added."""

PREFIXES_FROM: Final = 16_384
"""Below so many rows in a range, sorting and building takes less than the difference saves."""

_NO_PLACES: Final = np.empty(0, dtype=np.int64)

Number = TypeVar("Number", np.int64, np.float64)


class Column(Generic[Number]):
    """Pairs of (value, row), for values of one numpy type."""

    def __init__(self, kind: type[Number]) -> None:
        self._kind: type[Number] = kind
        self._values: npt.NDArray[Number] = np.empty(0, dtype=kind)
        self._rows: Rows = np.empty(0, dtype=np.uint32)
        self._dead: npt.NDArray[np.bool_] | None = None
        self._dead_rows = BitMap()
        self._dead_count = 0
        self._tail_values: npt.NDArray[Number] = np.empty(64, dtype=kind)
        self._tail_rows: Rows = np.empty(64, dtype=np.uint32)
        self._tail = 0
        self._prefixes: dict[int, BitMap] = {}
        """Place -> the rows before it."""
        self._places: list[int] = []
        """The places that have a prefix, ascending."""
        self._asked: set[int] = set()
        """Those that were asked for since the last merge."""
        self._unique = True
        self._held = BitMap()
        """The rows of the sorted part, as long as none occurs twice."""

    def __len__(self) -> int:
        return len(self._values) - self._dead_count + self._tail

    def add(self, row: int, value: Any) -> None:
        """Add one pair."""
        if self._tail == len(self._tail_values):
            self._reserve(1)
        self._tail_values[self._tail] = value
        self._tail_rows[self._tail] = row
        self._tail += 1
        self._merge_if_due()

    def add_many(self, rows: Rows, values: npt.NDArray[Number]) -> None:
        """Add many pairs."""
        self._reserve(len(rows))
        end = self._tail + len(rows)
        self._tail_values[self._tail : end] = values
        self._tail_rows[self._tail : end] = rows
        self._tail = end
        self._merge_if_due()

    def discard(self, row: int, value: Any) -> None:
        """Remove one pair, if it is there."""
        tail = self._tail
        found = np.flatnonzero(
            (self._tail_rows[:tail] == row) & (self._tail_values[:tail] == value)
        )
        if len(found):
            last = tail - 1
            self._tail_values[found[0]] = self._tail_values[last]
            self._tail_rows[found[0]] = self._tail_rows[last]
            self._tail = last
            return
        low, high = self._slice(value, value)
        position = low + int(self._rows[low:high].searchsorted(row))
        if position == high or self._rows[position] != row:
            return
        if self._dead is None:
            self._dead = np.zeros(len(self._values), dtype=np.bool_)
        # A row that has the value twice is there twice, side by side.
        while position < high and self._rows[position] == row:
            if not self._dead[position]:
                self._dead[position] = True
                self._dead_count += 1
                self._dead_rows.add(row)
                return
            position += 1

    def between(self, low: Any, high: Any) -> BitMap:
        """Return the rows with a value in the closed range."""
        rows = self._rows_between(*self._slice(low, high))
        values, tail_rows = self.tail()
        if len(values):
            add_rows(rows, tail_rows[(values >= low) & (values <= high)])
        return rows

    def sorted_part(self) -> tuple[npt.NDArray[Number], Rows, npt.NDArray[np.bool_] | None]:
        """Return values and rows by value, and which of them are dead (None: none)."""
        return self._values, self._rows, self._dead

    def tail(self) -> tuple[npt.NDArray[Number], Rows]:
        """Return the newer pairs that are not sorted in yet."""
        return self._tail_values[: self._tail], self._tail_rows[: self._tail]

    def count_between(self, low: Any, high: Any) -> int:
        """Return the number of pairs in the closed range, at most."""
        start, end = self._slice(low, high)
        return max(0, end - start) + self._tail

    def pairs(self) -> tuple[npt.NDArray[Number], Rows]:
        """Return values and rows, by value, then row; not to be changed."""
        self._merge()
        return self._values, self._rows

    @property
    def memory_bytes(self) -> int:
        """Return how much memory the arrays and prefixes take."""
        prefixes = len(self._prefixes) * len(self._rows) // 8
        dead = 0 if self._dead is None else self._dead.nbytes
        tail = self._tail_values.nbytes + self._tail_rows.nbytes
        held = len(self._rows) // 8 if self._unique else 0
        return self._values.nbytes + self._rows.nbytes + tail + dead + prefixes + held

    def _slice(self, low: Any, high: Any) -> tuple[int, int]:
        low, high = self._kind(low), self._kind(high)
        start = int(self._values.searchsorted(low, side="left"))
        return start, max(start, int(self._values.searchsorted(high, side="right")))

    def _rows_between(self, start: int, end: int) -> BitMap:
        if not self._unique or end - start < PREFIXES_FROM:
            return self._collect(start, end)
        rows = self._difference(start, end)
        if self._dead_count:
            rows -= self._dead_rows
        return rows

    def _collect(self, start: int, end: int) -> BitMap:
        rows = self._rows[start:end]
        if self._dead is not None:
            rows = rows[~self._dead[start:end]]
        return bitmap_of(rows)

    def _difference(self, start: int, end: int) -> BitMap:
        """Return the rows of a slice from the nearest prefixes, corrected at both ends."""
        start_place, end_place = self._place_near(start), self._place_near(end)
        upper: BitMap = self._prefix(end_place) - self._prefix(start_place)
        # Each end lies up to a step before or after its place. What is missing is added before
        # what is too much is removed: both ends may share one place.
        for low, high in ((start, start_place), (end_place, end)):
            if low < high:
                upper |= bitmap_of(self._rows[low:high])
        for low, high in ((start_place, start), (end, end_place)):
            if low < high:
                upper -= bitmap_of(self._rows[low:high])
        return upper

    def _place_near(self, position: int) -> int:
        """Return a place near a position: one that has a prefix, or one of even steps."""
        step = -(-len(self._rows) // PREFIXES)
        at = bisect_left(self._places, position)
        near = self._places[max(0, at - 1) : at + 1]
        nearest = min(near, key=lambda place: abs(place - position), default=None)
        if nearest is not None and abs(nearest - position) <= step:
            return nearest
        return min(round(position / step) * step, len(self._rows))

    def _prefix(self, place: int) -> BitMap:
        """Return the rows before a place; made on first use, from a shorter prefix."""
        self._asked.add(place)
        found = self._prefixes.get(place)
        if found is None:
            at = bisect_left(self._places, place)
            shorter = self._places[at - 1] if at else 0
            found = bitmap_of(self._rows[shorter:place])
            if at:
                found |= self._prefixes[shorter]
            self._prefixes[place] = found
            insort(self._places, place)
        return found

    def _moved_prefixes(self, new_values: npt.NDArray[Number], new_rows: Rows) -> dict[int, BitMap]:
        """Return the prefixes that were asked for as they are once these pairs are merged in.

        Call before dead pairs are dropped. The pairs ascend.
        """
        dead = _NO_PLACES if self._dead is None else np.flatnonzero(self._dead)
        moved, added, done = {}, BitMap(), 0
        for place in sorted(self._asked):
            before = len(new_rows)
            if place < len(self._values):
                value, row = self._values[place], self._rows[place]
                low = int(new_values.searchsorted(value, "left"))
                high = int(new_values.searchsorted(value, "right"))
                before = low + int(new_rows[low:high].searchsorted(row))
            added |= bitmap_of(new_rows[done:before])
            done = before
            prefix = self._prefixes[place]
            prefix -= self._dead_rows
            prefix |= added
            moved[place - int(dead.searchsorted(place)) + before] = prefix
        return moved

    def _reserve(self, number: int) -> None:
        needed = self._tail + number
        if needed > len(self._tail_values):
            size = max(needed, 2 * len(self._tail_values))
            self._tail_values = np.resize(self._tail_values, size)
            self._tail_rows = np.resize(self._tail_rows, size)

    def _merge_if_due(self) -> None:
        limit = max(TAIL_MIN, len(self._values) // TAIL_SHARE)
        if self._tail >= limit or self._dead_count >= limit:
            self._merge()

    def _note_rows(self, added: Rows) -> None:
        """Note whether a row occurs twice, once these are sorted in and dead ones left out."""
        rows, held = bitmap_of(added), self._held - self._dead_rows
        if not self._unique and self._dead is not None:
            alive = self._rows[~self._dead]
            held = bitmap_of(alive)
            self._unique = len(held) == len(alive)
        self._unique = self._unique and len(rows) == len(added) and held.isdisjoint(rows)
        self._held = held | rows if self._unique else BitMap()

    def _merge(self) -> None:
        if self._tail == 0 and self._dead_count == 0:
            return
        tail_values, tail_rows = self.tail()
        order = np.lexsort((tail_rows, tail_values))
        tail_values, tail_rows = tail_values[order], tail_rows[order]
        self._note_rows(tail_rows)
        self._prefixes = self._moved_prefixes(tail_values, tail_rows) if self._unique else {}
        self._places, self._asked = sorted(self._prefixes), set()
        self._values, self._rows = merge_pairs(
            self._values, self._rows, self._dead, tail_values, tail_rows
        )
        self._dead, self._dead_count = None, 0
        self._dead_rows = BitMap()
        self._tail_values = np.empty(64, dtype=self._kind)
        self._tail_rows = np.empty(64, dtype=np.uint32)
        self._tail = 0
