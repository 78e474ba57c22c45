"""The indexes of a shard and the planner: few payloads are read, and answers stay exact."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from ruvector.errors import BadInput
from ruvector.index.payload import PayloadIndexes, sorted_texts
from ruvector.index.payload import postings as postings_module
from ruvector.index.payload.kinds import KeywordIndex
from ruvector.index.payload.postings import Postings
from ruvector.model.filters import Filter, parse_filter, shorthand

PAYLOADS: list[dict[str, Any]] = [
    {"city": "oslo", "age": 1, "on": True, "when": "2024-01-01", "tags": ["a", "b"]},
    {"city": "rome", "age": 2.5, "on": False, "when": "2024-01-02T10:00:00Z", "tags": []},
    {"city": ["oslo", "rome"], "age": [3, "x"], "when": "never", "tags": None},
    {"city": 7, "age": None},
    {},
]
SCHEMAS = {"city": "keyword", "age": "integer", "on": "bool", "when": "datetime"}


class Shard:
    """Rows in a list; remembers which payloads were read."""

    def __init__(self, payloads: Sequence[dict[str, Any]] = PAYLOADS, dead: Sequence[int] = ()):
        self.stored = payloads
        self.live = BitMap(range(len(payloads))) - BitMap(dead)
        self.read: list[int] = []

    def live_rows(self) -> BitMap:
        return self.live

    def rows_of_ids(self, ids: Sequence[int | str]) -> BitMap:
        return BitMap(one for one in ids if isinstance(one, int))

    def rows_with_vector(self, name: str) -> BitMap:
        if name != "v":
            raise BadInput(f"Not existing vector name error: {name}")
        return BitMap([0, 1])

    def rows_in_slice(self, total: int, index: int) -> BitMap:
        return BitMap(row for row in self.live if row % total == index)

    def index_instead(self, conditions: Any, number: int) -> bool:
        return False

    def payloads(self, rows: BitMap, names: Any) -> Iterator[tuple[int, dict[str, Any]]]:
        for row in rows:
            self.read.append(row)
            yield row, self.stored[row]


@pytest.fixture
def indexes() -> PayloadIndexes:
    made = PayloadIndexes()
    for field, schema in SCHEMAS.items():
        made.create(field, schema)
    made.add_many(np.arange(len(PAYLOADS), dtype=np.uint32), PAYLOADS)
    return made


def read(source: dict[str, Any]) -> Filter:
    filter = parse_filter(shorthand(source))
    assert filter is not None
    return filter


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ({"city": "oslo"}, [0, 2]),
        ({"city": ["oslo", "rome"], "age": {"gt": 2}}, [1, 2]),
        ({"city": {"except": ["oslo"]}}, [1, 2, 3]),
        ({"city": {"is_empty": True}}, [4]),
        ({"age": {"is_empty": True}}, [3, 4]),
        ({"age": None}, [3]),
        ({"age": {"is_null": False}}, [0, 1, 2, 4]),
        ({"on": False}, [1]),
        ({"when": {"gte": "2024-01-01T00:00:01"}}, [1]),
        ({"must_not": [{"key": "city", "match": {"value": "oslo"}}]}, [1, 3, 4]),
        ({"has_id": [0, 3, 9]}, [0, 3]),
        ({"has_vector": "v"}, [0, 1]),
        ({}, [0, 1, 2, 3, 4]),
    ],
)
def test_indexed_conditions_read_no_payload(
    indexes: PayloadIndexes, source: dict[str, Any], rows: list[int]
) -> None:
    shard = Shard()
    assert list(indexes.plan(read(source), shard)) == rows
    assert shard.read == []


def test_only_rows_that_the_indexes_leave_open_are_read(indexes: PayloadIndexes) -> None:
    shard = Shard()
    tags = {"key": "tags", "match": {"value": "a"}}
    city = {"key": "city", "match": {"value": "oslo"}}
    assert list(indexes.plan(read({"must": [tags, city]}), shard)) == [0]
    assert shard.read == [0, 2]
    shard.read.clear()
    assert list(indexes.plan(read({"should": [tags, city]}), shard)) == [0, 2]
    assert shard.read == [1, 3, 4]
    shard.read.clear()
    assert list(indexes.plan(read({"must": tags, "must_not": city}), shard)) == []
    assert shard.read == [1, 3, 4]


def test_no_payload_is_read_when_a_condition_finds_nothing(indexes: PayloadIndexes) -> None:
    shard = Shard()
    assert not indexes.plan(read({"tags": "a", "city": "nowhere"}), shard)
    assert shard.read == []


def test_deleted_rows_are_never_found(indexes: PayloadIndexes) -> None:
    shard = Shard(dead=[0])
    for source in ({"city": "oslo"}, {"has_id": [0, 2]}, {"city": "oslo", "tags": {"except": []}}):
        assert 0 not in indexes.plan(read(source), shard)
    assert 0 not in shard.read
    assert list(indexes.plan(read({"city": {"is_empty": True}}), shard)) == [4]


def test_the_answer_is_the_callers_own(indexes: PayloadIndexes) -> None:
    for source in ({}, {"city": "oslo"}, {"age": {"is_empty": True}}, {"has_vector": "v"}):
        shard = Shard()
        before = indexes.plan(read(source), shard).copy()
        indexes.plan(read(source), shard).clear()
        assert indexes.plan(read(source), shard) == before
        assert shard.live == BitMap(range(5))


def test_an_unknown_vector_is_refused(indexes: PayloadIndexes) -> None:
    with pytest.raises(BadInput, match="Not existing vector name"):
        indexes.plan(read({"has_vector": "w"}), Shard())


def test_points_counts_the_rows_with_a_value_of_the_type(indexes: PayloadIndexes) -> None:
    assert indexes.counts == {"city": 3, "age": 2, "on": 2, "when": 2}
    uuids = PayloadIndexes()
    uuids.create("u", "uuid")
    values = ["7c9e6679-7425-40de-944b-e07fc1f90ae7", "7C9E66797425-40de", "x", 5, None]
    uuids.add_many(np.arange(5, dtype=np.uint32), [{"u": value} for value in values])
    assert uuids.counts == {"u": 1}


def test_a_changed_payload_is_found_by_its_new_values_only(indexes: PayloadIndexes) -> None:
    changed = [*PAYLOADS]
    changed[0] = {"city": "bern", "age": 9}
    indexes.discard(0, PAYLOADS[0])
    indexes.add(0, changed[0])
    shard = Shard(changed)
    assert list(indexes.plan(read({"city": "oslo"}), shard)) == [2]
    assert list(indexes.plan(read({"city": "bern", "age": {"gt": 8}}), shard)) == [0]
    assert list(indexes.plan(read({"on": {"is_empty": True}}), shard)) == [0, 2, 3, 4]


@pytest.mark.parametrize("schema", ["keyword", "integer", "bool"])
def test_nothing_of_a_row_stays_when_it_is_discarded(schema: str) -> None:
    indexes = PayloadIndexes()
    index = indexes.create("a", schema)
    assert index is not None
    old = {"a": ["x", 1, True, 2.5, None]}
    index.add(0, old)
    index.discard(0, old)
    for source in ({"a": {"except": ["y"]}}, {"a": {"is_empty": False}}, {"a": None}):
        (condition,) = read(source).must
        rows = index.rows(condition)
        assert rows is not None
        assert not rows


def test_the_same_schema_again_changes_nothing_and_another_replaces(
    indexes: PayloadIndexes,
) -> None:
    before = indexes.get("city")
    assert indexes.create("city", "keyword") is None
    assert indexes.get("city") is before
    with pytest.raises(BadInput):
        indexes.create("city", "texts")
    assert indexes.get("city") is before
    replaced = indexes.create("city", {"type": "keyword"})
    assert replaced is not None
    assert replaced.points == 0
    assert indexes.schemas()["city"] == {"type": "keyword"}


def test_a_dropped_index_is_gone_and_filters_still_work(indexes: PayloadIndexes) -> None:
    assert indexes.drop("city")
    assert not indexes.drop("city")
    assert "city" not in indexes.schemas()
    shard = Shard()
    assert list(indexes.plan(read({"city": "oslo"}), shard)) == [0, 2]
    assert shard.read == [0, 1, 2, 3, 4]


def test_an_index_serves_every_spelling_of_its_path() -> None:
    indexes = PayloadIndexes()
    indexes.create('"city"', "keyword")
    indexes.create("city", "bool")
    indexes.add_many(np.arange(len(PAYLOADS), dtype=np.uint32), PAYLOADS)
    shard = Shard()
    assert list(indexes.plan(read({"city": "oslo"}), shard)) == [0, 2]
    assert shard.read == []


def test_a_match_of_another_type_reads_nothing_where_no_row_has_such_values() -> None:
    indexes = PayloadIndexes()
    indexes.create("on", "bool")
    indexes.add_many(np.arange(len(PAYLOADS), dtype=np.uint32), PAYLOADS)
    shard = Shard()
    assert not indexes.plan(read({"on": 1}), shard)
    assert shard.read == []


def test_memory_is_reported_and_grows(indexes: PayloadIndexes) -> None:
    before = indexes.memory_bytes
    rows = np.arange(5, 20_005, dtype=np.uint32)
    indexes.add_many(rows, [{"city": str(row), "age": row} for row in range(20_000)])
    assert indexes.memory_bytes > before + 20_000 * 12


@pytest.mark.parametrize("within", [None, [0, 1, 2, 5, 6]])
def test_a_facet_counts_rows_by_value_the_most_frequent_first(within: list[int] | None) -> None:
    values: list[Any] = ["b", ["a", "b", "b"], "c", "a", None, ["a", 1], "d"]
    index = KeywordIndex("k", "keyword")
    index.add_many(np.arange(7, dtype=np.uint32), [{"k": value} for value in values])
    rows = None if within is None else BitMap(within)
    chosen = range(7) if within is None else within
    counts: dict[str, int] = {}
    for row in chosen:
        held = values[row] if isinstance(values[row], list) else [values[row]]
        for value in {one for one in held if isinstance(one, str)}:
            counts[value] = counts.get(value, 0) + 1
    expected = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    for limit in (0, 1, 3, 10):
        assert index.facet(rows, limit) == expected[:limit]
        assert all(type(count) is int for _, count in index.facet(rows, limit))


@pytest.mark.parametrize("seed", range(3))
def test_facets_by_codes_are_those_by_bitmaps_while_rows_come_and_go(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(postings_module, "CODES_FROM", 1)
    random = np.random.default_rng(seed)
    postings, held = Postings(), {}
    for step in range(120):
        row = int(random.integers(150))
        if step % 10 == 0:
            first = 200 + 10 * step
            names = [f"m{number}" for number in random.integers(0, 6, 10)]
            postings.add_many(np.arange(first, first + 10, dtype=np.uint32), names)
            held.update({first + i: {name} for i, name in enumerate(names)})
        elif row in held:
            postings.discard(row, held.pop(row))
        else:
            count = int(random.integers(0, 4))
            held[row] = {f"{number}" for number in random.integers(0, 8, count)}
            postings.add(row, held[row])
        rows = BitMap(random.integers(0, 1600, 500).tolist()) | BitMap(held.keys() - {row})
        for chosen in (rows, BitMap(range(row)), BitMap()):
            counts = Counter(value for row in chosen & BitMap(held) for value in held[row])
            expected = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            for limit in (0, 2, 100):
                assert postings.facet(chosen, limit) == expected[:limit]
    assert postings._codes is not None
    assert postings.memory_bytes > 0


def test_prefixes_and_parts_are_found_while_values_come_and_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sorted_texts, "_NEW_MIN", 2)
    postings = Postings()
    held: dict[int, list[str]] = {}
    texts = ["", "a", "ab", "abc", "b", "a\U0010ffff", "\U0010ffffa", "éa"]
    for step in range(60):
        row = step % 13
        if row in held:
            postings.discard(row, held.pop(row))
        else:
            held[row] = [texts[step % 8], texts[(step * 3) % 8]]
            postings.add(row, held[row])
        for part in ("", "a", "ab", "b", "\U0010ffff", "z"):
            starting = [r for r in held if any(one.startswith(part) for one in held[r])]
            assert list(postings.with_prefix(part)) == sorted(starting)
            containing = [r for r in held if any(part in one for one in held[r])]
            assert list(postings.with_substring((part,))) == sorted(containing)


def test_is_empty_speaks_of_each_object_where_objects_are_indexed() -> None:
    payloads: list[dict[str, Any]] = [
        {"o": [{"p": 1}, {"p": 2}]},
        {"o": [{"p": 1}, {}]},
        {"o": [{"p": None}]},
        {"o": []},
        {},
        {"o": {"p": 1}},
    ]
    indexes = PayloadIndexes()
    indexes.create("o[].p", {"type": "integer", "nested": "o"})
    indexes.add_many(np.arange(len(payloads), dtype=np.uint32), payloads)
    shard = Shard(payloads)
    assert list(indexes.plan(read({"o[].p": {"is_empty": True}}), shard)) == [1, 2]
    assert list(indexes.plan(read({"o[].p": {"is_empty": False}}), shard)) == [0, 3, 4, 5]
    assert list(indexes.plan(read({"o[].p": 2}), shard)) == [0]
    inside = {"nested": {"key": "o", "filter": {"must": {"is_empty": {"key": "p"}}}}}
    assert list(indexes.plan(read({"must": inside}), shard)) == [1, 2]
