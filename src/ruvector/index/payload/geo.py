"""Which rows hold a position in a region of the earth?

Positions lie in a column sorted by their Morton code (`cells`), over which the kernel descends from
the whole earth: cells inside a region are taken as they are, cells outside are left, and the
positions of small cells cut by the border are tried one by one. What is too close to the border for
a code's 9 mm is left to the payload, so the answer is exact.
Positions outside -180 .. 180 and -90 .. 90 are rare and tried one by one.
"""

from typing import Any, Final

import numpy as np
from pyroaring import BitMap

from ruvector.index.payload.bitmaps import Bounds, Rows
from ruvector.index.payload.cells import Codes, Floats, codes_of, steps_of
from ruvector.index.payload.column import Column
from ruvector.index.payload.fields import Schema, ValueIndex
from ruvector.index.payload.regions import region_of
from ruvector.kernel import geo_rows
from ruvector.model.filters import Condition
from ruvector.model.geometry import GeoCondition, is_inside, position_of

TRIED_MAX: Final = 4096
"""Newer positions are tried one by one, up to so many (0.1 ms); then they are sorted in."""


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
        if len(self._codes.tail()[0]) > TRIED_MAX:
            self._codes.pairs()
        region = region_of(condition)
        inside, open_bytes = geo_rows(
            *self._codes.sorted_part(),
            *self._codes.tail(),
            region.kind,
            region.numbers,
            region.rings,
        )
        result = BitMap.deserialize(inside)
        if self._odd:
            test = is_inside(condition)
            result |= BitMap(row for row, held in self._odd.items() if any(map(test, held)))
        open_rows = BitMap.deserialize(open_bytes) - result
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
