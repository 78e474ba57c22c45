"""Which rows hold a position in a region of the earth?

Positions lie in a column sorted by their Morton code (`cells`). A region is covered from the whole
earth downwards: cells inside are taken as they are, cells outside are left, cells cut by the border
are split until few positions are left in them; those are tried one by one, as arrays. What is too
close to the border for a code's 9 mm is left to the payload, so the answer is exact.
Positions outside -180 .. 180 and -90 .. 90 are rare and tried one by one.
"""

from typing import Any, Final

import numpy as np
from pyroaring import BitMap

from ruvector.index.payload.bitmaps import Bounds, Rows, bitmap_of
from ruvector.index.payload.cells import (
    FIRST_CELLS,
    Cells,
    Codes,
    Floats,
    codes_of,
    steps_of,
    steps_of_codes,
)
from ruvector.index.payload.column import Column
from ruvector.index.payload.fields import Schema, ValueIndex
from ruvector.index.payload.regions import Region, Squares, region_of
from ruvector.model.filters import Condition
from ruvector.model.geometry import GeoCondition, is_inside, position_of

LEVELS_MAX: Final = 20
"""Cells of 2^-20 of the earth's side, 38 m: smaller ones hold no more than they cost."""

CELLS_MAX: Final = 2048
"""Cells of one level: the border of a circle then lies in a few per cent of its area."""

TRIED_MAX: Final = 4096
"""So many positions are tried about as quickly (150 µs) as cells are split once more."""


class GeoIndex(ValueIndex):
    """Objects with `lon` and `lat`."""

    types = (dict,)

    def __init__(self, field: str, schema: Schema) -> None:
        super().__init__(field, schema)
        self._codes = Column(np.int64)
        self._odd: dict[int, list[tuple[float, float]]] = {}
        """Row -> its positions outside the usual range."""

    def bounds(self, condition: Condition) -> Bounds | None:
        """Return rows that certainly and rows that possibly lie in a region."""
        if not isinstance(condition, GeoCondition):
            return super().bounds(condition)
        region = region_of(condition)
        if len(self._codes.tail()[0]) > TRIED_MAX:
            self._codes.pairs()  # sorts the newer ones in: trying them all would take longer
        certain, tried = _cover(region, self._codes)
        codes, rows = self._codes.pairs_at(*tried)
        tail_codes, tail_rows = self._codes.tail()
        codes, rows = np.concatenate((codes, tail_codes)), np.concatenate((rows, tail_rows))
        inside, maybe = region.points(*steps_of_codes(codes))
        result = self._codes.rows_at(*certain)
        result |= bitmap_of(rows[inside])
        if self._odd:
            test = is_inside(condition)
            result |= BitMap(row for row, held in self._odd.items() if any(map(test, held)))
        open_rows = bitmap_of(rows[maybe & ~inside]) - result
        return Bounds(result, result | open_rows if open_rows else result)

    def _add_values(self, row: int, values: list[Any]) -> bool:
        positions = [found for value in values if (found := position_of(value)) is not None]
        usual = [position for position in positions if _is_usual(position)]
        if usual:
            codes = _codes_of(usual)
            self._codes.add_many(np.full(len(codes), row, dtype=np.uint32), codes)
        if len(usual) < len(positions):
            self._odd[row] = [position for position in positions if not _is_usual(position)]
        return bool(positions)

    def _add_bare(self, rows: Rows, values: list[Any]) -> Rows:
        positions = list(map(position_of, values))
        indexed = np.array([position is not None for position in positions], dtype=np.bool_)
        kept = [position for position in positions if position is not None]
        held = rows[indexed]
        usual = np.array(list(map(_is_usual, kept)), dtype=np.bool_)
        if kept and usual.all():
            self._codes.add_many(held, _codes_of(kept))
        else:
            for row, position in zip(held.tolist(), kept, strict=True):
                self._add_values(row, [{"lon": position[0], "lat": position[1]}])
        return held

    def _discard_values(self, row: int, values: list[Any]) -> None:
        self._odd.pop(row, None)
        positions = [found for value in values if (found := position_of(value)) is not None]
        usual = [position for position in positions if _is_usual(position)]
        if usual:
            for code in _codes_of(usual).tolist():
                self._codes.discard(row, code)

    def _rows_of_values(self, condition: Condition) -> BitMap | None:
        found = self.bounds(condition) if isinstance(condition, GeoCondition) else None
        return found.certain if found is not None and found.exact else None

    def _estimate_values(self, condition: Condition) -> int | None:
        return len(self._indexed) if isinstance(condition, GeoCondition) else None

    def _values_bytes(self) -> int:
        return self._codes.memory_bytes + 300 * len(self._odd)


def _is_usual(position: tuple[float, float]) -> bool:
    return abs(position[0]) <= 180 and abs(position[1]) <= 90


def _codes_of(positions: list[tuple[float, float]]) -> Codes:
    array: Floats = np.array(positions, dtype=np.float64)
    return codes_of(*steps_of(array[:, 0], array[:, 1]))


Places = tuple[Any, Any]
"""Starts and ends of slices in the sorted codes, int64 [n] each."""


def _cover(region: Region, column: "Column[np.int64]") -> tuple[Places, Places]:
    """Return the slices that certainly lie inside, and those whose positions must be tried."""
    cells = FIRST_CELLS
    certain: list[tuple[Codes, Codes]] = []
    while True:
        inside, outside = region.squares(_squares(cells))
        if inside.any():
            certain.append(cells.at(inside).ranges())
        cells = cells.at(~(inside | outside))
        starts, ends = column.places(*cells.ranges())
        held = ends > starts
        cells, starts, ends = cells.at(held), starts[held], ends[held]
        is_fine = 16 * len(starts) > CELLS_MAX or int((ends - starts).sum()) <= TRIED_MAX
        if is_fine or cells.level >= LEVELS_MAX:
            break
        cells = cells.split()
    if not certain:
        return (starts[:0], ends[:0]), (starts, ends)
    lows, highs = (np.concatenate(parts) for parts in zip(*certain, strict=True))
    order = np.argsort(lows)
    return _joined(*column.places(lows[order], highs[order])), (starts, ends)


def _squares(cells: Cells) -> Squares:
    wide, high = 360 / 2**cells.level, 180 / 2**cells.level
    west, south = cells.x * wide - 180, cells.y * high - 90
    return Squares(west, south, west + wide, south + high)


def _joined(starts: Any, ends: Any) -> Places:
    """Return ascending slices with those that touch made one, and empty ones left out."""
    held = ends > starts
    starts, ends = starts[held], ends[held]
    if len(starts) == 0:
        return starts, ends
    first = np.ones(len(starts), dtype=np.bool_)
    first[1:] = starts[1:] != ends[:-1]
    last = np.append(first[1:], True)
    return starts[first], ends[last]
