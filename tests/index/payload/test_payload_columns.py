"""Columns, numbers and postings: the parts of indexes, against plain lists."""

import math
import random
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from ruvector.index.payload import bitmaps, column
from ruvector.index.payload.bitmaps import at_least, bitmap_of
from ruvector.index.payload.column import Column
from ruvector.index.payload.numbers import Numbers
from ruvector.index.payload.postings import Postings
from ruvector.model.filters import NumberRange, within


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merges and prefixes come into play with hundreds of values, not hundreds of thousands."""
    monkeypatch.setattr(column, "TAIL_MIN", 16)
    monkeypatch.setattr(column, "PREFIXES", 7)
    monkeypatch.setattr(column, "PREFIXES_FROM", 4)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("values", [5, 50, 10_000])
@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_column_answers_like_a_list_while_rows_come_and_go(
    values: int, repeated: bool, seed: int
) -> None:
    generator = random.Random(seed)
    tested, pairs = Column(np.int64), []
    for step in range(400):
        choice = generator.random()
        if choice < 0.35 and pairs:
            row, value = pairs.pop(generator.randrange(len(pairs)))
            tested.discard(row, value)
        elif choice < 0.4:
            new = [(1000 + step * 20 + i, generator.randrange(values)) for i in range(20)]
            rows = np.array([row for row, _ in new], dtype=np.uint32)
            tested.add_many(rows, np.array([value for _, value in new], dtype=np.int64))
            pairs.extend(new)
        else:
            row = generator.randrange(40) if repeated else step
            if repeated or all(row != other for other, _ in pairs):
                pairs.append((row, generator.randrange(values)))
                tested.add(*pairs[-1])
        if step % 5 == 0:
            low, high = sorted(generator.randrange(-1, values + 1) for _ in range(2))
            expected = BitMap(row for row, value in pairs if low <= value <= high)
            assert tested.between(low, high) == expected, step
            assert tested.count_between(low, high) >= sum(
                low <= value <= high for _, value in pairs
            )
            assert len(tested) == len(pairs)
    sorted_values, sorted_rows = tested.pairs()
    found = list(zip(sorted_values.tolist(), sorted_rows.tolist(), strict=True))
    assert found == sorted((value, row) for row, value in pairs)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("seed", range(4))
def test_a_merge_moves_the_prefixes_that_were_asked_for(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(seed)
    values = dict(enumerate(generator.integers(0, 300, 2000).tolist()))
    tested = Column(np.int64)
    tested.add_many(np.arange(2000, dtype=np.uint32), np.array(list(values.values())))
    tested.pairs()
    between = tested.between(100, 200)
    for row in generator.permutation(2000)[:60].tolist():  # others take their place, some at once
        tested.discard(row, values.pop(row))
        if row % 2:
            values[row] = int(generator.integers(0, 300))
            tested.add(row, values[row])
    new = {2000 + i: value for i, value in enumerate(generator.integers(0, 300, 40).tolist())}
    values |= new
    tested.add_many(np.array(list(new), dtype=np.uint32), np.array(list(new.values())))
    tested.pairs()
    sizes: list[int] = []

    def counted(rows: Any) -> BitMap:
        sizes.append(len(rows))
        return bitmap_of(rows)

    monkeypatch.setattr(column, "bitmap_of", counted)
    assert between != (after := tested.between(100, 200))
    assert after == BitMap(row for row, value in values.items() if 100 <= value <= 200)
    assert sum(sizes) <= 2 * -(-len(values) // column.PREFIXES)  # the ends alone
    for low, high in generator.integers(-1, 301, (30, 2)).tolist():
        expected = BitMap(row for row, value in values.items() if low <= value <= high)
        assert tested.between(low, high) == expected


@pytest.mark.usefixtures("small_steps")
def test_prefixes_stay_few_while_a_column_grows() -> None:
    tested = Column(np.int64)
    for start in range(0, 4000, 100):
        rows = np.arange(start, start + 100, dtype=np.uint32)
        tested.add_many(rows, rows.astype(np.int64))  # always at the end
        tested.pairs()
        for low in range(0, start, 70):
            found = tested.between(low, low + 300)
            assert len(found) == min(301, start + 100 - low)
    assert len(tested._prefixes) <= 3 * column.PREFIXES


def test_a_pair_that_is_not_there_is_not_removed() -> None:
    tested = Column(np.int64)
    tested.add_many(np.array([1, 2], dtype=np.uint32), np.array([5, 5]))
    tested.pairs()
    for row, value in [(3, 5), (1, 6), (0, 5)]:
        tested.discard(row, value)
    assert tested.between(5, 5) == BitMap([1, 2])


SPECIAL: list[int | float] = [
    *(0, -0.0, 1, 1.0, 1.5, -1, 2**53, float(2**53), 2**53 + 1, float(2**53 + 2)),
    *(2**63 - 1, 2**63, float(2**63), -(2**63), -(2**63) - 1, 2**64 - 1, 10**400, -(10**400)),
    *(math.inf, -math.inf, 5e-324, 1.7976931348623157e308, math.nan),
]
BOUNDS = [value for value in SPECIAL if value == value]


@pytest.mark.parametrize("bulk", [False, True])
def test_ranges_are_exact_for_every_pair_of_number_and_bound(bulk: bool) -> None:
    numbers = Numbers()
    for row, value in enumerate(SPECIAL):
        if bulk:
            numbers.add_many(np.array([row], dtype=np.uint32), [value])
        else:
            numbers.add(row, [value])
    conditions = [
        NumberRange(key="a", **{name: bound})
        for name in ("gt", "gte", "lt", "lte")
        for bound in BOUNDS
    ]
    conditions += [NumberRange(key="a", gte=low, lt=high) for low in BOUNDS for high in BOUNDS]
    for condition in [NumberRange(key="a"), *conditions]:
        inside = within(condition)
        expected = [row for row, value in enumerate(SPECIAL) if inside(value)]
        assert list(numbers.between(condition)) == expected, condition
        assert numbers.count_between(condition) >= len(expected)
    for row, value in enumerate(SPECIAL):
        numbers.discard(row, [value])
    assert not numbers.between(NumberRange(key="a"))


def test_rows_with_several_values_fulfil_except_unless_all_are_listed() -> None:
    postings = Postings()
    stored: dict[int, list[str]] = {
        0: ["a"],
        1: ["a", "b"],
        2: ["a", "b", "c"],
        3: ["b", "b"],
        4: ["c", "d"],
        5: [],
    }
    for row, values in stored.items():
        postings.add(row, values)
    for listed in (["a"], ["a", "b"], ["a", "b", "c"], ["b", "b"], ["z"], [], ["a", "b", "c", "d"]):
        expected = [row for row, values in stored.items() if set(values) - set(listed)]
        assert list(postings.with_other(listed)) == expected, listed
    for row, values in stored.items():
        postings.discard(row, values)
    assert not postings.rows
    assert not list(postings.counts())
    assert not postings.with_other([])


def test_bulk_and_single_adding_make_the_same_postings() -> None:
    values = [value % 7 for value in range(100)]
    bulk, single = Postings(), Postings()
    for start in (0, 50):
        rows = np.arange(start, start + 50, dtype=np.uint32)
        bulk.add_many(rows, values[start : start + 50])
    for row, value in enumerate(values):
        single.add(row, [value])
    assert dict(bulk.counts()) == dict(single.counts())
    assert bulk.rows == single.rows
    assert bulk.with_any([1, 2, 9]) == BitMap(row for row in range(100) if row % 7 in (1, 2))


@pytest.mark.parametrize("layers", [0, bitmaps._LAYERS_MAX])
def test_at_least_counts_alike_on_bitmaps_and_in_an_array(
    layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bitmaps, "_LAYERS_MAX", layers)
    given: list[Any] = [BitMap([1, 2, 3]), BitMap([2, 3]), BitMap([3, 100_000]), BitMap()]
    wanted = {1: [1, 2, 3, 100_000], 2: [2, 3], 3: [3], 4: []}
    assert {number: list(at_least(number, given)) for number in wanted} == wanted


def test_bitmaps_take_rows_in_any_order_and_twice() -> None:
    rows = np.array([5, 1, 5, 4_294_967_294], dtype=np.uint32)
    assert list(bitmap_of(rows)) == [1, 5, 4_294_967_294]
    assert not bitmap_of(rows[:0])
