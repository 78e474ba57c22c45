"""Which rows does a segment hold, which are alive, and in what order do answers merge?"""

from typing import Any

import numpy as np
import pytest

from ruvector.collection.growing import GrowingSegment
from ruvector.collection.segment import (
    Found,
    SearchPlan,
    Segment,
    count_bits,
    full_mask,
    merge_found,
)
from ruvector.collection.vectors import VectorSpace
from ruvector.kernel import Metric, mask_from_rows

A = VectorSpace("a", 2, Metric.EUCLID, np.dtype(np.float32), "a")
B = VectorSpace("b", 1, Metric.DOT, np.dtype(np.float32), "b")
SPACES = {"a": A, "b": B}


def rows(*numbers: int) -> Any:
    """Return row numbers as an array."""
    return np.array(numbers, dtype=np.uint32)


def segment_of(*numbers: int, missing: tuple[int, ...] = ()) -> Segment:
    """Return a segment of these rows, whose vector "a" is (row, 0) unless it is missing."""
    vectors = np.array([[number, 0] for number in numbers], dtype=np.float32).reshape(-1, 2)
    present = rows(*(i for i, number in enumerate(numbers) if number not in missing))
    mask = mask_from_rows(present, len(numbers))
    alive = full_mask(len(numbers))
    return Segment(rows(*numbers), alive, {"a": vectors}, {"a": mask}, {"a": len(present)}, {})


def nearest(segment: Segment, to: float, k: int, **plan: Any) -> list[int]:
    """Return the rows nearest to (to, 0)."""
    query = np.array([[to, 0]], dtype=np.float32)
    found = segment.search(A, query, k, SearchPlan(beam=16, **plan))[0]
    return [int(row) for row in found]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 64])
def test_full_mask_has_exactly_its_bits(count: int) -> None:
    mask = full_mask(count)
    assert len(mask) == (count + 7) // 8
    assert count_bits(mask) == count


@pytest.mark.parametrize("numbers", [(5, 6, 7, 8), (5, 7, 8, 20), (0,), (2**32 - 2,)])
def test_positions_are_those_of_given_rows_that_are_held(numbers: tuple[int, ...]) -> None:
    segment = segment_of(*numbers)
    asked = sorted({0, 4, 5, 6, 8, 9, 19, 20, 21, 2**32 - 2})
    found = segment.positions_of(rows(*asked))
    assert [numbers[position] for position in found] == [n for n in asked if n in numbers]
    assert segment.positions_of(rows()).tolist() == []


def test_row_that_is_not_held_has_no_position() -> None:
    segment = segment_of(5, 7, 20)
    assert [segment.find(row) for row in (4, 5, 6, 7, 20, 21)] == [None, 0, None, 1, 2, None]
    assert segment_of().find(0) is None


def test_dead_rows_are_never_found_and_the_old_segment_stays_what_it_was() -> None:
    segment = segment_of(*range(10, 30, 2))
    after = segment.without(rows(3, 12, 13, 28, 99))
    assert nearest(after, 12, 100) == [10, 14, 16, 18, 20, 22, 24, 26]
    assert len(nearest(segment, 12, 100)) == 10
    assert (after.rows_alive, after.counts["a"], segment.rows_alive) == (8, 8, 10)
    assert after.without(rows(3, 99)) is after
    assert nearest(after.without(segment.rows), 12, 5) == []


def test_row_without_the_vector_is_not_found_and_has_none() -> None:
    segment = segment_of(1, 2, 3, missing=(2,))
    assert nearest(segment, 2, 5) == [1, 3]
    assert segment.vector("a", 1) is None
    assert segment.vector("a", 0) is not None
    assert segment.vector("unknown", 0) is None


def test_only_allowed_rows_are_found() -> None:
    segment = segment_of(1, 2, 3, 4, missing=(2,)).without(rows(4))
    assert nearest(segment, 2, 5, allowed=rows(2, 3, 4, 5)) == [3]
    assert nearest(segment, 2, 5, allowed=rows()) == []


def found(pairs: list[tuple[int, float]]) -> Found:
    """Return an answer of (row, score) pairs."""
    return rows(*(row for row, _ in pairs)), np.array([s for _, s in pairs], dtype=np.float32)


def test_answers_merge_best_first_and_equal_scores_by_row() -> None:
    parts = [found([(9, 3.0), (4, 1.0)]), found([]), found([(2, 3.0), (1, 1.0)])]
    assert merge_found(parts, 10, True)[0].tolist() == [2, 9, 1, 4]
    nearest_first = [found([(4, 1.0), (9, 3.0)]), found([(1, 1.0), (2, 3.0)])]
    assert merge_found(nearest_first, 3, False)[0].tolist() == [1, 4, 2]
    assert merge_found([], 3, True)[0].tolist() == []
    assert merge_found([found([(4, 1.0), (9, 3.0)])], 1, False)[0].tolist() == [4]


def test_growing_segment_keeps_rows_vectors_and_their_absence_past_its_capacity() -> None:
    growing = GrowingSegment(SPACES)
    expected: dict[int, float | None] = {}
    first = 3
    generator = np.random.default_rng(1)
    for count in (1, 7, 1000, 1, 1100):
        vectors = generator.normal(size=(count, 2)).astype(np.float32)
        positions = np.flatnonzero(generator.random(count) < 0.5).astype(np.uint32)
        numbers = positions.astype(np.float32)[:, None]
        growing.append(first, count, {"a": (vectors, None), "b": (numbers, positions)}, 10)
        expected |= {first + i: None for i in range(count)}
        expected |= {first + int(position): float(position) for position in positions}
        first += count + 5  # a hole, as a refused write leaves it
    segment = growing.segment
    assert segment.rows.tolist() == list(expected)
    assert (growing.log_bytes, segment.counts["a"]) == (50, len(expected))
    assert segment.counts["b"] == sum(value is not None for value in expected.values())
    for position, value in enumerate(expected.values()):
        vector = segment.vector("b", position)
        assert value is None if vector is None else float(vector[0]) == value


def test_reader_of_a_growing_segment_never_sees_later_rows_or_deaths() -> None:
    growing = GrowingSegment(SPACES)
    vectors = np.array([[0, 0], [1, 0]], dtype=np.float32)
    growing.append(0, 2, {"a": (vectors, None)}, 0)
    before = growing.segment
    growing.append(2, 1, {"a": (vectors[:1], None)}, 0)
    growing.kill(rows(0))
    assert nearest(before, 0, 5) == [0, 1]
    assert nearest(growing.segment, 0, 5) == [2, 1]


def test_batch_without_vectors_of_a_name_has_none() -> None:
    growing = GrowingSegment(SPACES)
    growing.append(0, 2, {}, 0)
    assert growing.segment.counts == {"a": 0, "b": 0}
    assert nearest(growing.segment, 0, 5) == []
