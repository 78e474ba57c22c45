"""How points become columns: forms of input, batches, and what is refused."""

import tracemalloc
from collections import namedtuple
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from ruvector.client.columns import as_ids, point_columns, split
from ruvector.errors import BadInput
from ruvector.model.points import PointsBlock, VectorBlock

Point = namedtuple("Point", "id vector payload")


def rows_of(block: VectorBlock) -> list[list[float]]:
    """Return the vectors of a block as lists."""
    rows: list[list[float]] = block.rows.tolist()
    return rows


def test_float32_array_is_passed_on_untouched() -> None:
    array = np.ones((100, 4), dtype=np.float32)
    columns = point_columns(None, range(100), array, None)
    assert columns.vectors[""].rows is array
    assert columns.ids == range(100)
    assert columns.payloads is None
    for block in split(columns, 30, None):
        assert np.shares_memory(block.vectors[""].rows, array)


def test_batches_of_a_large_array_copy_nothing() -> None:
    array = np.ones((100_000, 64), dtype=np.float32)
    tracemalloc.start()
    count = sum(
        len(block)
        for block in split(point_columns(None, range(100_000), array, None), 10_000, None)
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 2**20  # the array itself has 25 MB


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (5, [5]),
        ("abc", ["abc"]),
        (np.array([1, 2], dtype=np.uint64), [1, 2]),
        (np.uint8(3), [3]),
        ((1, "a"), [1, "a"]),
        (iter([1, 2]), [1, 2]),
        ({7: None}, [7]),
        ([np.int64(4)], [4]),
        (UUID(int=1), ["00000000-0000-0000-0000-000000000001"]),
        ([], []),
        (range(3), range(3)),
    ],
)
def test_ids_of_every_form_are_read(given: Any, expected: Any) -> None:
    found = as_ids(given)
    assert found == expected
    assert all(type(value) in (int, str) for value in found)


@pytest.mark.parametrize(
    "wrong", [1.5, [1.5], [None], [True], [[1]], [b"x"], np.array([1.5]), np.array([[1]]), object()]
)
def test_what_is_not_an_id_is_refused(wrong: Any) -> None:
    with pytest.raises(BadInput):
        as_ids(wrong)


def test_points_with_different_vectors_get_positions() -> None:
    columns = point_columns(
        [
            {"id": 1, "vector": {"a": [1, 2]}},
            {"id": 2, "vector": {"a": [3, 4], "b": [5]}, "payload": {"x": 1}},
            Point(3, {"b": [6]}, None),
            {"id": 4, "vector": {}},
        ],
        None,
        None,
        None,
    )
    (block,) = split(columns, 10, None)
    assert block.ids == [1, 2, 3, 4]
    assert block.payloads == [None, b'{"x":1}', None, None]
    assert rows_of(block.vectors["a"]) == [[1, 2], [3, 4]]
    assert positions_of(block, "a") == [0, 1]
    assert positions_of(block, "b") == [1, 2]
    first, second = split(columns, 2, None)
    assert positions_of(first, "a") is None
    assert positions_of(first, "b") == [1]
    assert "a" not in second.vectors
    assert rows_of(second.vectors["b"]) == [[6]]
    assert positions_of(second, "b") == [0]
    assert second.payloads is None


def positions_of(block: PointsBlock, name: str) -> Any:
    """Return which points of the block have this vector, None for all."""
    positions = block.vectors[name].positions
    return None if positions is None else positions.tolist()


def test_batches_stay_below_their_bytes() -> None:
    payloads = [{"text": "x" * size} for size in (10, 5000, 5000, 10, 9000, 20_000, 10)]
    array = np.zeros((7, 4), dtype=np.float32)
    blocks = list(split(point_columns(None, range(7), array, payloads), 100, 10_000))
    assert [point_id for block in blocks for point_id in block.ids] == list(range(7))
    for block in blocks:
        size = sum(len(text or b"") for text in block.payloads or [])
        assert size <= 10_000 or len(block) == 1
    assert sum(len(block.vectors[""]) for block in blocks) == 7
    narrow = list(split(point_columns(None, range(7), array, None), 100, 400))
    assert [len(block) for block in narrow] == [2, 2, 2, 1]


def test_nothing_is_one_empty_block() -> None:
    (block,) = split(point_columns([], None, None, None), 100, 1000)
    assert len(block) == 0
    (block,) = split(point_columns(None, [], np.zeros((0, 4), dtype=np.float32), None), 100, None)
    assert len(block) == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((None, None, None, None), "points are missing"),
        ((None, [1], None, None), "points are missing"),
        (([], [1], None, None), "not both"),
        ((None, [1, 2], [[1.0]], None), "2 ids but 1 vectors"),
        ((None, [1], [[1.0]], [None, None]), "1 ids but 2 payloads"),
        ((None, [1, 2], [[1.0], [1.0, 2.0]], None), "number 1 has 2"),
        ((None, [1], [1.0], None), "shape [1]"),
        ((None, [1], np.array([["a"]]), None), "dtype"),
        (([{"id": 1}], None, None, None), "no vector"),
        (([{"vector": [1]}], None, None, None), "no id"),
        (([{"id": 1, "vectr": [1]}], None, None, None), "'vectr'"),
        (([{"id": 1, "vector": [1]}, {"id": 2, "vector": [1, 2]}], None, None, None), "differ"),
    ],
)
def test_wrong_columns_are_refused_with_the_place(arguments: Any, word: str) -> None:
    with pytest.raises(BadInput) as refusal:
        point_columns(*arguments)
    assert word in refusal.value.message


def test_array_of_objects_is_stacked() -> None:
    rows = np.empty(2, dtype=object)
    rows[:] = [np.array([1.0, 2.0]), [3.0, 4.0]]
    blocks = point_columns(None, [1, 2], rows, None).vectors
    assert rows_of(blocks[""]) == [[1, 2], [3, 4]]
