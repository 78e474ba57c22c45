"""Which rows hold a number in a range, exactly?

Payload numbers are integers of any size and floats; a range may be given in either. Values that fit
are kept in an int64 and a float64 column; the bounds are translated so that each comparison is
exact (2^53 + 1 is greater than 2.0^53). Integers beyond 64 bits and NaN are rare enough for a plain
dictionary.
"""

import math
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from pyroaring import BitMap

from ruvector.index.payload.bitmaps import Rows
from ruvector.index.payload.column import Column
from ruvector.model.filters import NumberRange, within

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1


class Numbers:
    """Pairs of (number, row) for range conditions."""

    def __init__(self) -> None:
        self.integers = Column(np.int64)
        self.floats = Column(np.float64)
        self._odd: dict[int, list[int | float]] = {}
        """Row -> its integers beyond int64 and its NaNs."""

    def add(self, row: int, values: Iterable[int | float]) -> None:
        """Add a row with all its numbers."""
        for value in values:
            if _is_odd(value):
                self._odd.setdefault(row, []).append(value)
            elif isinstance(value, int):
                self.integers.add(row, value)
            else:
                self.floats.add(row, value)

    def add_many(self, rows: Rows, values: list[int] | list[float]) -> None:
        """Add rows with one number each, all of one type."""
        kind: Any = np.int64 if type(values[0]) is int else np.float64
        try:
            array = np.array(values, dtype=kind)
        except OverflowError:
            array = None
        if array is None or (kind is np.float64 and bool(np.isnan(array).any())):
            for row, value in zip(rows.tolist(), values, strict=True):
                self.add(row, (value,))
        elif kind is np.int64:
            self.integers.add_many(rows, array)
        else:
            self.floats.add_many(rows, array)

    def discard(self, row: int, values: Iterable[int | float]) -> None:
        """Remove a row that was added with these numbers."""
        for value in values:
            if _is_odd(value):
                self._odd.pop(row, None)
            elif isinstance(value, int):
                self.integers.discard(row, value)
            else:
                self.floats.discard(row, value)

    def between(self, condition: NumberRange) -> BitMap:
        """Return the rows with a number in the range."""
        rows = BitMap()
        integers, floats = _integer_bounds(condition), _float_bounds(condition)
        if integers is not None and len(self.integers):
            rows = self.integers.between(*integers)
        if floats is not None and len(self.floats):
            found = self.floats.between(*floats)
            rows = (rows | found) if rows else found
        if self._odd:
            inside = within(condition)
            rows |= BitMap(row for row, values in self._odd.items() if any(map(inside, values)))
        return rows

    def count_between(self, condition: NumberRange) -> int:
        """Return the number of rows in the range, at most."""
        integers, floats = _integer_bounds(condition), _float_bounds(condition)
        count = len(self._odd)
        if integers is not None:
            count += self.integers.count_between(*integers)
        if floats is not None:
            count += self.floats.count_between(*floats)
        return count

    @property
    def memory_bytes(self) -> int:
        """Return about how much memory the columns take."""
        return self.integers.memory_bytes + self.floats.memory_bytes + 200 * len(self._odd)


def _is_odd(value: int | float) -> bool:
    if isinstance(value, int):
        return not INT64_MIN <= value <= INT64_MAX
    return math.isnan(value)


def _integer_bounds(bounds: NumberRange) -> tuple[int, int] | None:
    """Return the closed range of int64 that lies within the bounds, None if there is none."""
    low, high = INT64_MIN, INT64_MAX
    if bounds.gte is not None:
        low = max(low, _ceiling(bounds.gte))
    if bounds.gt is not None:
        low = max(low, _floor(bounds.gt) + 1)
    if bounds.lte is not None:
        high = min(high, _floor(bounds.lte))
    if bounds.lt is not None:
        high = min(high, _ceiling(bounds.lt) - 1)
    return (low, high) if low <= high else None


def _ceiling(bound: int | float) -> int:
    return -_floor(-bound)


def _floor(bound: int | float) -> int:
    if isinstance(bound, float) and math.isinf(bound):
        # Two beyond the limits, so that one step back still leaves an empty range.
        return INT64_MAX + 2 if bound > 0 else INT64_MIN - 2
    return math.floor(bound)


def _float_bounds(bounds: NumberRange) -> tuple[float, float] | None:
    """Return the closed range of float64 that lies within the bounds, None if there is none."""
    if bounds.gt == math.inf or bounds.lt == -math.inf:
        return None
    low, high = -math.inf, math.inf
    if bounds.gte is not None:
        low = max(low, _at_least(bounds.gte))
    if bounds.gt is not None:
        low = max(low, _above(bounds.gt))
    if bounds.lte is not None:
        high = min(high, -_at_least(-bounds.lte))
    if bounds.lt is not None:
        high = min(high, -_above(-bounds.lt))
    return (low, high) if low <= high else None


def _at_least(bound: int | float) -> float:
    """Return the smallest float64 that is not less than the bound."""
    try:
        nearest = float(bound)
    except OverflowError:
        nearest = math.inf if bound > 0 else -math.inf
    return math.nextafter(nearest, math.inf) if nearest < bound else nearest


def _above(bound: int | float) -> float:
    """Return the smallest float64 that is greater than the bound."""
    nearest = _at_least(bound)
    return math.nextafter(nearest, math.inf) if nearest == bound else nearest
