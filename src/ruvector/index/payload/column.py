"""Which rows hold a number between these two?

Two arrays sorted by value, then row, and beside them a tail of newer pairs in arrival order that is
compared in full and merged in when it has grown. Removed pairs are marked dead and dropped at the
next merge. A range is two binary searches.

Large ranges would spend milliseconds on building bitmaps from rows in random order. So where no row
occurs twice, the prefixes of the array are kept as bitmaps at `PREFIXES` places: a range is then
one difference of two of them, and only the ends are looked at row by row.
"""

from typing import Any, Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from ruvector.index.payload.bitmaps import Rows, add_rows, bitmap_of

PREFIXES: Final = 64
"""One bitmap per 1/64 of the values: 8 bytes per row, and at most 1/128 of the rows per end."""

TAIL_MIN: Final = 4096
"""Comparing a tail of this length takes about 5 µs."""

TAIL_SHARE: Final = 32
"""The tail is merged at 1/32 of the sorted part: copying then costs 0.3 µs for each value added."""

PREFIXES_FROM: Final = 16_384
"""Below so many rows in a range, sorting and building takes less than the difference saves."""

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
        self._prefixes: list[BitMap] | None = None
        self._unique = True

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

    def places(self, lows: npt.NDArray[Number], highs: npt.NDArray[Number]) -> tuple[Any, Any]:
        """Return where closed ranges begin and end in the sorted part: int64 [n] each."""
        starts = self._values.searchsorted(lows, side="left")
        return starts, np.maximum(starts, self._values.searchsorted(highs, side="right"))

    def rows_at(self, starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]) -> BitMap:
        """Return the rows of slices of the sorted part."""
        large = (ends - starts >= PREFIXES_FROM) & self._unique
        rows = bitmap_of(self.pairs_at(starts[~large], ends[~large])[1])
        for start, end in zip(starts[large].tolist(), ends[large].tolist(), strict=True):
            rows |= self._rows_between(start, end)
        return rows

    def pairs_at(
        self, starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[Number], Rows]:
        """Return values and rows of slices of the sorted part, one after the other."""
        lengths = ends - starts
        before = np.cumsum(lengths) - lengths
        places = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
        if self._dead is not None:
            places = places[~self._dead[places]]
        return self._values[places], self._rows[places]

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
        prefixes = 0 if self._prefixes is None else len(self._prefixes) * len(self._rows) // 8
        dead = 0 if self._dead is None else self._dead.nbytes
        tail = self._tail_values.nbytes + self._tail_rows.nbytes
        return self._values.nbytes + self._rows.nbytes + tail + dead + prefixes

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
        if self._prefixes is None:
            self._prefixes = self._build_prefixes()
        step = self._step()
        first, last = round(start / step), round(end / step)
        upper: BitMap = self._prefixes[last] - self._prefixes[first]
        # Each end lies up to half a step before or after its place. What is missing is added
        # before what is too much is removed: both ends may share one place.
        start_place, end_place = first * step, min(last * step, len(self._rows))
        for low, high in ((start, start_place), (end_place, end)):
            if low < high:
                upper |= bitmap_of(self._rows[low:high])
        for low, high in ((start_place, start), (end, end_place)):
            if low < high:
                upper -= bitmap_of(self._rows[low:high])
        return upper

    def _step(self) -> int:
        return -(-len(self._rows) // PREFIXES)

    def _build_prefixes(self) -> list[BitMap]:
        prefixes = [BitMap()]
        step = self._step()
        for start in range(0, len(self._rows), step):
            prefixes.append(prefixes[-1] | bitmap_of(self._rows[start : start + step]))
        return prefixes

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

    def _merge(self) -> None:
        if self._tail == 0 and self._dead_count == 0:
            return
        values, rows = self._values, self._rows
        if self._dead is not None:
            values, rows = values[~self._dead], rows[~self._dead]
        tail_values, tail_rows = self._tail_values[: self._tail], self._tail_rows[: self._tail]
        order = np.lexsort((tail_rows, tail_values))
        tail_values, tail_rows = tail_values[order], tail_rows[order]
        places = values.searchsorted(tail_values, side="right") + np.arange(len(tail_values))
        values, rows = _insert(values, places, tail_values), _insert(rows, places, tail_rows)
        # Rows that came back lie behind greater ones of the same value: sort those in.
        if bool(np.any((values[1:] == values[:-1]) & (rows[1:] < rows[:-1]))):
            order = np.lexsort((rows, values))
            values, rows = values[order], rows[order]
        self._values, self._rows = values, rows
        self._dead, self._dead_count = None, 0
        self._dead_rows = BitMap()
        self._tail_values = np.empty(64, dtype=self._kind)
        self._tail_rows = np.empty(64, dtype=np.uint32)
        self._tail = 0
        self._prefixes = None
        self._unique = len(bitmap_of(self._rows)) == len(self._rows)


def _insert(
    array: npt.NDArray[Any], places: npt.NDArray[np.intp], added: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Return the array with elements added so that they lie at these places."""
    result = np.empty(len(array) + len(added), dtype=array.dtype)
    old = np.ones(len(result), dtype=np.bool_)
    old[places] = False
    result[places] = added
    result[old] = array
    return result
