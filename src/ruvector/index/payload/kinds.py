"""Which kinds of payload index are there, and what does each answer?

| kind | its values | answers |
|---|---|---|
| keyword, uuid | strings | match value, any, except, prefix, substring |
| bool | booleans | match value, except |
| integer | integers (ranges: floats too) | match value, any, except; number ranges |
| float | integers and floats | number ranges |
| datetime | strings that are datetimes | datetime ranges |

Every kind answers is_empty and is_null. A match with values of another type than the kind's is
answered too where no row has such values. Values an index can't hold are never lost: they count for
`except`, and an answer that might miss them is not given.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

import numpy as np
from pyroaring import BitMap

from ruvector.index.payload.bitmaps import Rows, bitmap_bytes
from ruvector.index.payload.column import Column
from ruvector.index.payload.fields import Schema, ValueIndex
from ruvector.index.payload.numbers import Numbers
from ruvector.index.payload.postings import Postings
from ruvector.model.datetimes import parse_datetime
from ruvector.model.filters import (
    Condition,
    DatetimeRange,
    MatchAny,
    MatchExcept,
    MatchPrefix,
    MatchSubstring,
    MatchText,
    MatchValue,
    NumberRange,
)

_HEX: Final = "[0-9a-fA-F]"
_UUID: Final = re.compile(
    rf"{_HEX}{{32}}|(?:urn:uuid:)?{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"
    rf"|\{{{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}\}}"
)
"""A UUID in one of its four spellings: plain, hyphened, as a URN, in braces."""


class MatchIndex(ValueIndex):
    """Values of one type by equality."""

    kind: ClassVar[type]

    def __init__(self, field: str, schema: Schema) -> None:
        super().__init__(field, schema)
        self._postings = Postings()
        self._foreign = BitMap()
        """Rows with a value, not null, of another type."""

    def _is_counted(self, value: Any) -> bool:
        """Return whether a value counts as indexed in `points`: those of the type do."""
        return value.__class__ is self.kind

    def facet(self, rows: BitMap | None, limit: int) -> list[tuple[Any, int]]:
        """Return the most frequent values among the rows (None: all added) with their counts.

        The most frequent first, equal ones by value. Cost: 0.1 µs a value, 1 to 20 with `rows`.
        """
        return self._postings.facet(rows, limit)

    @property
    def matches(self) -> bool:
        """Say whether the index knows values, and not only ranges."""
        return True

    def with_value(self, value: Any) -> BitMap:
        """Return the rows that hold a value; not to be changed."""
        return self._postings.with_value(value)

    def frequent_values(self, least: int) -> Iterator[tuple[Any, BitMap]]:
        """Yield the values that at least `least` rows hold, with the rows; not to be changed."""
        return self._postings.frequent(least)

    def _add_values(self, row: int, values: list[Any]) -> bool:
        own = [value for value in values if value.__class__ is self.kind]
        if len(own) < len(values) and any(_is_foreign(value, self.kind) for value in values):
            self._foreign.add(row)
        self._postings.add(row, own)
        return any(map(self._is_counted, own))

    def _add_bare(self, rows: Rows, values: list[Any]) -> Rows:
        self._postings.add_many(rows, values)
        return rows

    def _discard_values(self, row: int, values: list[Any]) -> None:
        self._foreign.discard(row)
        self._postings.discard(row, (value for value in values if value.__class__ is self.kind))

    def _rows_of_values(self, condition: Condition) -> BitMap | None:
        if isinstance(condition, MatchValue):
            if condition.value.__class__ is self.kind:
                return self._postings.with_value(condition.value)
        elif isinstance(condition, MatchAny):
            if all(value.__class__ is self.kind for value in condition.values[:1]):
                return self._postings.with_any(condition.values)
        elif isinstance(condition, MatchExcept):
            same = all(value.__class__ is self.kind for value in condition.values[:1])
            if same or not self._foreign:
                listed = condition.values if same else ()
                return self._postings.with_other(listed) | self._foreign
            return None
        elif isinstance(condition, MatchPrefix | MatchSubstring | MatchText):
            if isinstance(condition, MatchText) and condition.rules is not None:
                return None
            if self.kind is not str:
                return None if self._foreign else BitMap()
            return self._rows_of_parts(condition)
        else:
            return None
        return None if self._foreign else BitMap()

    def _rows_of_parts(self, condition: MatchPrefix | MatchSubstring | MatchText) -> BitMap:
        if isinstance(condition, MatchPrefix):
            return self._postings.with_prefix(condition.prefix)
        if isinstance(condition, MatchSubstring):
            return self._postings.with_substring((condition.substring,))
        parts = condition.text.split() if condition.mode == "any" else (condition.text,)
        return self._postings.with_substring(parts)

    def _estimate_values(self, condition: Condition) -> int | None:
        if isinstance(condition, MatchValue):
            return self._postings.count((condition.value,)) + len(self._foreign)
        if isinstance(condition, MatchAny):
            return self._postings.count(condition.values) + len(self._foreign)
        if isinstance(condition, MatchText) and condition.rules is not None:
            return None
        if isinstance(condition, MatchExcept | MatchPrefix | MatchSubstring | MatchText):
            return len(self._filled)
        return None

    def _values_bytes(self) -> int:
        return self._postings.memory_bytes + bitmap_bytes(self._foreign)


def _is_foreign(value: Any, kind: type) -> bool:
    return value is not None and value.__class__ is not kind


class KeywordIndex(MatchIndex):
    """Strings."""

    kind = str
    types = (str,)


class BoolIndex(MatchIndex):
    """Booleans."""

    kind = bool
    types = (bool,)


class UuidIndex(MatchIndex):
    """Strings, of which the UUIDs count; equality is that of the text, as without an index."""

    kind = str
    types = (str,)

    def _is_counted(self, value: Any) -> bool:
        return value.__class__ is str and _UUID.fullmatch(value) is not None

    def _add_bare(self, rows: Rows, values: list[Any]) -> Rows:
        super()._add_bare(rows, values)
        counted = np.fromiter(map(self._is_counted, values), dtype=np.bool_, count=len(values))
        return rows[counted]


class IntegerIndex(MatchIndex):
    """Integers by equality (`lookup`) and all numbers by range (`range`)."""

    kind = int
    types = (int,)

    def __init__(self, field: str, schema: Schema, *, lookup: bool, range: bool) -> None:
        super().__init__(field, schema)
        self._lookup = lookup
        self._numbers = Numbers() if range else None

    @property
    def matches(self) -> bool:
        """Say whether the index knows values, and not only ranges."""
        return self._lookup

    @property
    def numbers(self) -> Numbers | None:
        """Return the sorted numbers, for order_by; None without `range`."""
        return self._numbers

    def _add_values(self, row: int, values: list[Any]) -> bool:
        if self._numbers is not None:
            self._numbers.add(row, _numbers_of(values))
        if self._lookup:
            return super()._add_values(row, values)
        return any(value.__class__ is int for value in values)

    def _add_bare(self, rows: Rows, values: list[Any]) -> Rows:
        if self._numbers is not None:
            self._numbers.add_many(rows, values)
        return super()._add_bare(rows, values) if self._lookup else rows

    def _discard_values(self, row: int, values: list[Any]) -> None:
        if self._numbers is not None:
            self._numbers.discard(row, _numbers_of(values))
        if self._lookup:
            super()._discard_values(row, values)

    def _rows_of_values(self, condition: Condition) -> BitMap | None:
        if isinstance(condition, NumberRange):
            return None if self._numbers is None else self._numbers.between(condition)
        return super()._rows_of_values(condition) if self._lookup else None

    def _estimate_values(self, condition: Condition) -> int | None:
        if isinstance(condition, NumberRange):
            return None if self._numbers is None else self._numbers.count_between(condition)
        return super()._estimate_values(condition) if self._lookup else None

    def _values_bytes(self) -> int:
        return super()._values_bytes() + (self._numbers.memory_bytes if self._numbers else 0)


class FloatIndex(ValueIndex):
    """Numbers by range."""

    types = (float, int)

    def __init__(self, field: str, schema: Schema) -> None:
        super().__init__(field, schema)
        self._numbers = Numbers()

    @property
    def numbers(self) -> Numbers:
        """Return the sorted numbers, for order_by."""
        return self._numbers

    def _add_values(self, row: int, values: list[Any]) -> bool:
        numbers = _numbers_of(values)
        self._numbers.add(row, numbers)
        return bool(numbers)

    def _add_bare(self, rows: Rows, values: list[Any]) -> Rows:
        self._numbers.add_many(rows, values)
        return rows

    def _discard_values(self, row: int, values: list[Any]) -> None:
        self._numbers.discard(row, _numbers_of(values))

    def _rows_of_values(self, condition: Condition) -> BitMap | None:
        return self._numbers.between(condition) if isinstance(condition, NumberRange) else None

    def _estimate_values(self, condition: Condition) -> int | None:
        if isinstance(condition, NumberRange):
            return self._numbers.count_between(condition)
        return None

    def _values_bytes(self) -> int:
        return self._numbers.memory_bytes


def _numbers_of(values: list[Any]) -> list[int | float]:
    return [value for value in values if value.__class__ is int or value.__class__ is float]


class DatetimeIndex(ValueIndex):
    """Moments by range, in microseconds."""

    types = (str,)

    def __init__(self, field: str, schema: Schema) -> None:
        super().__init__(field, schema)
        self._moments = Column(np.int64)

    @property
    def moments(self) -> "Column[np.int64]":
        """Return the sorted moments, for order_by."""
        return self._moments

    def _add_values(self, row: int, values: list[Any]) -> bool:
        moments = _moments_of(values)
        for moment in moments:
            self._moments.add(row, moment)
        return bool(moments)

    def _add_bare(self, rows: Rows, values: list[Any]) -> Rows:
        moments = list(map(parse_datetime, values))
        kept = np.array([moment is not None for moment in moments], dtype=np.bool_)
        indexed = rows[kept]
        array = np.array([moment for moment in moments if moment is not None], dtype=np.int64)
        self._moments.add_many(indexed, array)
        return indexed

    def _discard_values(self, row: int, values: list[Any]) -> None:
        for moment in _moments_of(values):
            self._moments.discard(row, moment)

    def _rows_of_values(self, condition: Condition) -> BitMap | None:
        if not isinstance(condition, DatetimeRange):
            return None
        low, high = _moment_bounds(condition)
        return self._moments.between(low, high) if low <= high else BitMap()

    def _estimate_values(self, condition: Condition) -> int | None:
        if not isinstance(condition, DatetimeRange):
            return None
        low, high = _moment_bounds(condition)
        return self._moments.count_between(low, high) if low <= high else 0

    def _values_bytes(self) -> int:
        return self._moments.memory_bytes


def _moments_of(values: list[Any]) -> list[int]:
    moments = (parse_datetime(value) for value in values if value.__class__ is str)
    return [moment for moment in moments if moment is not None]


def _moment_bounds(bounds: DatetimeRange) -> tuple[int, int]:
    low, high = -(2**63), 2**63 - 1
    if bounds.gte is not None:
        low = max(low, bounds.gte)
    if bounds.gt is not None:
        low = max(low, bounds.gt + 1)
    if bounds.lte is not None:
        high = min(high, bounds.lte)
    if bounds.lt is not None:
        high = min(high, bounds.lt - 1)
    return low, high
