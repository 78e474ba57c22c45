"""Which rows hold this value?

A dictionary from value to rows: a plain int while there is one row, a bitmap from the second on,
because a column of unique values would spend most of its memory on bitmaps of one. All values are
of one type, so that 1, 1.0 and true, equal as keys, can't meet.

Texts by their beginning are found in a sorted list of the values that the first such question
makes; a question for a part of a text goes through all values.

For `except` a row with several distinct values needs to know how many they are; such rows lie in
one bitmap per number.
"""

import heapq
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from pyroaring import BitMap

from ruvector.index.payload.bitmaps import (
    Rows,
    add_rows,
    at_least,
    bitmap_bytes,
    bitmap_of,
    rows_of,
)
from ruvector.index.payload.sorted_texts import SortedTexts
from ruvector.index.payload.value_codes import ValueCodes

_BYTES_PER_VALUE = 65
"""A dictionary slot and the row's int: measured with tracemalloc, on UUID texts 150 with them."""

_MANY = 64
"""From so many rows on an array becomes a bitmap quicker than a list."""

CODES_FROM = 32
"""Fewer values are counted by intersections: 10 µs each."""

SPARSE_MOST = 8
"""Places of an array for each row that has a value."""

_SAMPLE = 256
"""Values whose size stands for that of all."""


class Postings:
    """Value -> rows, for values of one type."""

    def __init__(self) -> None:
        self.rows = BitMap()
        """Rows with at least one value."""
        self._by_value: dict[Any, int | BitMap] = {}
        self._several: dict[int, BitMap] = {}
        """Number of distinct values -> rows that have so many, from two on."""
        self._sorted: SortedTexts | None = None
        self._codes: ValueCodes | None = None

    def add(self, row: int, values: Iterable[Any]) -> None:
        """Add a row that is not in it, with all its values."""
        distinct = set(values)
        if not distinct:
            return
        for value in distinct:
            self._add_one(value, row)
        self.rows.add(row)
        if self._codes is not None:
            self._codes.set_one(row, distinct)
        if len(distinct) > 1:
            self._several.setdefault(len(distinct), BitMap()).add(row)

    def add_many(self, rows: Rows, values: Sequence[Any]) -> None:
        """Add rows that are not in it, each with one value."""
        by_value = self._by_value
        repeated: dict[Any, list[int]] = {}
        for row, value in zip(rows.tolist(), values, strict=True):
            if value not in by_value:
                by_value[value] = row
                if self._sorted is not None:
                    self._sorted.add(value)
            elif value in repeated:
                repeated[value].append(row)
            else:
                repeated[value] = [row]
        codes = self._codes
        self.add_groups(rows, repeated)
        if codes is not None:
            codes.set_many(rows, values)
            self._codes = codes

    def add_groups(self, rows: Rows, groups: Mapping[Any, list[int]]) -> None:
        """Add rows that are not in it, given as the rows of each value.

        Rows of several values are not told apart by `with_other` then.
        """
        self._codes = None
        add_rows(self.rows, rows)
        for value, group in groups.items():
            if len(group) == 1:
                self._add_one(value, group[0])
            else:
                self._add_group(value, group)

    def discard(self, row: int, values: Iterable[Any]) -> None:
        """Remove a row that was added with these values."""
        distinct = set(values)
        for value in distinct:
            held = self._by_value.get(value)
            if isinstance(held, BitMap):
                held.discard(row)
                if len(held) == 0:
                    del self._by_value[value]
            elif held == row:
                del self._by_value[value]
        self.rows.discard(row)
        if self._codes is not None:
            self._codes.forget_one(row)
        same = self._several.get(len(distinct))
        if same is not None:
            same.discard(row)
            if not same:
                del self._several[len(distinct)]

    def with_value(self, value: Any) -> BitMap:
        """Return the rows that hold the value; not to be changed."""
        held = self._by_value.get(value)
        if held is None:
            return BitMap()
        return held if isinstance(held, BitMap) else BitMap((held,))

    def with_any(self, values: Iterable[Any]) -> BitMap:
        """Return the rows that hold one of the values at least."""
        single: list[int] = []
        several: list[BitMap] = []
        for held in self._held(values):
            if isinstance(held, BitMap):
                several.append(held)
            else:
                single.append(held)
        if single:
            several.append(bitmap_of(np.array(single, dtype=np.uint32)))
        return BitMap.union(*several) if several else BitMap()

    def with_other(self, values: Iterable[Any]) -> BitMap:
        """Return the rows that hold a value that is none of these."""
        listed = list(self._bitmaps(set(values)))
        others: BitMap = self.rows - BitMap.union(*listed) if listed else self.rows.copy()
        # A row of n values is left out only if all n are listed.
        for number, rows in self._several.items():
            if number > len(listed):
                others |= rows
            else:
                others |= rows - at_least(number, [rows & one for one in listed])
        return others

    def with_prefix(self, prefix: str) -> BitMap:
        """Return the rows that hold a text with this beginning."""
        if not prefix:
            return self.rows.copy()
        if self._sorted is None:
            self._sorted = SortedTexts(self._by_value)
        return self.with_any(self._sorted.starting_with(prefix))

    def with_substring(self, parts: Sequence[str]) -> BitMap:
        """Return the rows that hold a text with any of these parts."""
        if len(parts) == 1:
            (part,) = parts
            return self.with_any([text for text in self._by_value if part in text])
        return self.with_any([t for t in self._by_value if any(part in t for part in parts)])

    def facet(self, rows: BitMap | None, limit: int) -> list[tuple[Any, int]]:
        """Return the most frequent values among the rows (None: all) with their number of rows.

        The most frequent first, equal ones by value.
        """
        if rows is not None and len(self._by_value) >= CODES_FROM and self._is_dense():
            return _most_frequent(*self._coded_counts(rows), limit)
        counts = (
            (value, _count(held) if rows is None else _count_within(held, rows))
            for value, held in self._by_value.items()
        )
        found = ((value, count) for value, count in counts if count)
        return heapq.nsmallest(limit, found, key=_by_count)

    def _coded_counts(self, rows: BitMap) -> tuple[list[Any], Rows]:
        """Return values, and how many of the rows hold each."""
        codes = self._codes
        if codes is None or len(codes.values) > 2 * len(self._by_value):
            codes = self._codes = ValueCodes(self._by_value.items(), self.rows.max())
            codes.forget(rows_of(BitMap.union(BitMap(), *self._several.values())))
        counts = codes.counts(rows)
        several = [rows & held for held in self._several.values() if rows.intersect(held)]
        if several:
            with_several = BitMap.union(*several)
            for place, value in enumerate(codes.values):
                held = self._by_value.get(value)
                if held is not None:
                    counts[place] += _count_within(held, with_several)
        return codes.values, counts

    def _is_dense(self) -> bool:
        """Say whether an array with a place for each row would not be mostly empty."""
        return bool(self.rows) and self.rows.max() < SPARSE_MOST * len(self.rows) + 65_536

    def count(self, values: Iterable[Any]) -> int:
        """Return the number of rows with one of the values, at most."""
        return sum(map(_count, self._held(set(values))))

    def counts(self) -> Iterator[tuple[Any, BitMap]]:
        """Return each value with its rows, in no order; the bitmaps are not to be changed."""
        for value, held in self._by_value.items():
            yield value, held if isinstance(held, BitMap) else BitMap((held,))

    def frequent(self, least: int) -> Iterator[tuple[Any, BitMap]]:
        """Yield each value that at least `least` (from 2 on) rows hold, with those rows."""
        for value, held in self._by_value.items():
            if isinstance(held, BitMap) and len(held) >= least:
                yield value, held

    @property
    def memory_bytes(self) -> int:
        """Return about how much memory the postings take."""
        bitmaps = sum(
            bitmap_bytes(held) for held in self._by_value.values() if isinstance(held, BitMap)
        )
        several = sum(map(bitmap_bytes, self._several.values()))
        some = list(islice(self._by_value, _SAMPLE))
        value = sum(map(sys.getsizeof, some)) / max(1, len(some))
        codes = 0 if self._codes is None else self._codes.memory_bytes
        return bitmaps + several + codes + int(len(self._by_value) * (_BYTES_PER_VALUE + value))

    def _held(self, values: Iterable[Any]) -> Iterator[int | BitMap]:
        for value in values:
            held = self._by_value.get(value)
            if held is not None:
                yield held

    def _bitmaps(self, values: Iterable[Any]) -> Iterator[BitMap]:
        for held in self._held(values):
            yield held if isinstance(held, BitMap) else BitMap((held,))

    def _add_one(self, value: Any, row: int) -> None:
        held = self._by_value.get(value)
        if held is None:
            self._by_value[value] = row
            if self._sorted is not None:
                self._sorted.add(value)
        elif isinstance(held, BitMap):
            held.add(row)
        else:
            self._by_value[value] = BitMap((held, row))

    def _add_group(self, value: Any, rows: list[int]) -> None:
        many = len(rows) >= _MANY
        added = bitmap_of(np.array(rows, dtype=np.uint32)) if many else BitMap(rows)
        held = self._by_value.get(value)
        if isinstance(held, BitMap):
            held |= added
            return
        if held is not None:
            added.add(held)
        elif self._sorted is not None:
            self._sorted.add(value)
        self._by_value[value] = added


def _most_frequent(values: list[Any], counts: Rows, limit: int) -> list[tuple[Any, int]]:
    found = np.flatnonzero(counts)
    if len(found) > limit:
        least = np.partition(counts[found], -limit)[-limit]
        found = found[counts[found] >= least]
    pairs = zip(map(values.__getitem__, found.tolist()), counts[found].tolist(), strict=True)
    return heapq.nsmallest(limit, pairs, key=_by_count)


def _by_count(pair: tuple[Any, int]) -> tuple[int, Any]:
    return -pair[1], pair[0]


def _count(held: int | BitMap) -> int:
    return len(held) if isinstance(held, BitMap) else 1


def _count_within(held: int | BitMap, rows: BitMap) -> int:
    if isinstance(held, BitMap):
        return int(held.intersection_cardinality(rows))
    return int(held in rows)
