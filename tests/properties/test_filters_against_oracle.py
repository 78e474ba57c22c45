"""A filter finds the same points however it is answered.

Four answers are compared on random mixed payloads: qdrant-client's local mode (the oracle), the
plain evaluator, the planner without indexes, and the planner with random indexes that were filled
by rows coming, changing and going.

Where the oracle differs from the contract, the contract wins and the case is left out here:
- has_id, has_vector and slice inside a nested filter: the oracle finds nothing, the contract
  doesn't support them, and they are refused (tests/model/test_filters.py);
- several conditions in one field condition: the oracle takes one and drops the others; refused.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from qdrant_client import QdrantClient, models

from ruvector.collection.slices import slice_of
from ruvector.index.payload import PayloadIndexes
from ruvector.model.filters import compile_filter, matches, parse_filter
from ruvector.model.ids import id_key

UUID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
KEYS = ["a", "b", "c", "a.b", "a[]", "a[].b", "a[0]", "a[].b[]", "a.b.c", '"a"', "b[1].a", "no"]
TEXTS = ["x", "y", "", "1", "true", UUID, UUID.upper()]
DATETIMES = [
    "2024-01-01",
    "2024-01-01T10:00",
    "2024-01-01 10:00:00",
    "2024-01-01T10:00:00Z",
    "2024-01-01T12:00:00+02:00",
    "2024-01-01T10:00:00.000001",
    "2024-01-01T10:00:00.0000019Z",
    "2023-12-31 23:00:00.5-01",
    "2024-01-01T10:00:00 UTC",
    "2024-13-01",
]
PLACES = [
    {"lon": 13.4, "lat": 52.5},
    {"lon": 13, "lat": 52},
    {"lon": -179.5, "lat": -10.0},
    {"lon": 179.5, "lat": -10.0, "a": 1},
    {"lon": 200.0, "lat": 95.0},
    {"lon": 10.0, "lat": 10.0},
    {"lon": 180, "lat": 90},
    {"lon": "13", "lat": 52},
    {"lat": 1.0},
    {"lon": True, "lat": 1.0},
]
INTEGERS = st.integers(-2, 3)
NUMBERS = INTEGERS | st.sampled_from([-1.5, -0.0, 1.0, 2.0, 2.5])
SCALARS = (
    st.none()
    | st.booleans()
    | NUMBERS
    | st.sampled_from(TEXTS + DATETIMES)
    | st.sampled_from(PLACES).map(dict)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PAYLOADS = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3)
SCHEMAS: list[Any] = [
    "keyword",
    "integer",
    "float",
    "bool",
    "uuid",
    "datetime",
    "geo",
    {"type": "keyword", "prefix": True},
    {"type": "integer", "lookup": False, "range": True},
    {"type": "integer", "lookup": True, "range": False},
]
IDS = [*range(1, 7), *(str(uuid.UUID(int=number)) for number in range(1, 7))]
VECTORS = ["v", "w"]
ROWS = len(IDS)

keys = st.sampled_from(KEYS)
bounds = ["gt", "gte", "lt", "lte"]
typed_lists = st.lists(INTEGERS, max_size=3) | st.lists(st.sampled_from(TEXTS), max_size=3)


def field(name: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"key": keys, name: value})


def key_object(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: st.fixed_dictionaries({"key": keys})})


def ranges(values: st.SearchStrategy[Any], smallest: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(bounds), values, min_size=smallest, max_size=2)


GEO_POINTS = st.fixed_dictionaries(
    {
        "lon": st.sampled_from([-180.0, -179.5, -10.0, 10.0, 13.0, 13.4, 179.0, 180.0]),
        "lat": st.sampled_from([-90.0, -11.0, -10.0, 10.0, 52.0, 52.5, 53.0, 90.0]),
    }
)
RINGS = st.lists(GEO_POINTS, min_size=3, max_size=5).map(
    lambda points: {"points": [*points, points[0]]}
)
GEO = (
    field(
        "geo_radius",
        st.fixed_dictionaries(
            {
                "center": GEO_POINTS,
                "radius": st.sampled_from([0.0, 0.5, 20_000.0, 60_000.0, 2e6, 1.5e7, 2.1e7]),
            }
        ),
    )
    | field(
        "geo_bounding_box",
        st.fixed_dictionaries({"top_left": GEO_POINTS, "bottom_right": GEO_POINTS}),
    )
    | field(
        "geo_polygon",
        st.fixed_dictionaries(
            {"exterior": RINGS}, optional={"interiors": st.lists(RINGS, max_size=2)}
        ),
    )
)
PARTS = st.sampled_from(["", "x", "t", "2024", "2024-01-01T1", UUID[:5], "01", "rue"])
FIELDS = (
    GEO
    | field("match", st.fixed_dictionaries({"prefix": PARTS}))
    | field("match", st.fixed_dictionaries({"substring": PARTS}))
    | field(
        "match", st.fixed_dictionaries({"value": st.booleans() | INTEGERS | st.sampled_from(TEXTS)})
    )
    | field("match", st.fixed_dictionaries({"any": typed_lists}))
    | field("match", st.fixed_dictionaries({"except": typed_lists}))
    | field("range", ranges(NUMBERS))
    | field("range", ranges(st.sampled_from(DATETIMES[:6]), 1))
    | field("values_count", ranges(st.integers(0, 3)))
    | field("is_empty", st.booleans())
    | field("is_null", st.booleans())
    | key_object("is_empty")
    | key_object("is_null")
)
POINTS = st.fixed_dictionaries(
    {"has_id": st.lists(st.sampled_from(IDS), max_size=4)}
) | st.fixed_dictionaries({"has_vector": st.sampled_from(VECTORS)})
POINTS |= st.integers(1, 4).flatmap(
    lambda total: st.fixed_dictionaries(
        {
            "slice": st.fixed_dictionaries(
                {"total": st.just(total), "index": st.integers(0, total - 1)}
            )
        }
    )
)


def filters(conditions: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    clause = st.lists(conditions, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "must": clause | conditions,
            "should": clause | conditions,
            "must_not": clause | conditions,
            "min_should": st.fixed_dictionaries(
                {"conditions": clause, "min_count": st.integers(1, 3)}
            ),
        },
    )


NESTED = st.fixed_dictionaries(
    {"nested": st.fixed_dictionaries({"key": keys, "filter": filters(FIELDS)})}
)
FILTERS = filters(FIELDS | POINTS | NESTED | filters(FIELDS | POINTS | NESTED))


class Shard:
    """Rows in a list: what the planner asks of a shard."""

    def __init__(self, payloads: Sequence[dict[str, Any]], live: BitMap) -> None:
        self.stored = payloads
        self.live = live

    def live_rows(self) -> BitMap:
        return self.live

    def rows_of_ids(self, ids: Sequence[int | str]) -> BitMap:
        return BitMap(IDS.index(one) for one in ids if one in IDS)

    def rows_with_vector(self, name: str) -> BitMap:
        return BitMap(row for row in range(ROWS) if has_vector(row, name))

    def rows_in_slice(self, total: int, index: int) -> BitMap:
        return BitMap(row for row in range(ROWS) if slice_of(id_key(IDS[row]), total) == index)

    def index_instead(self, conditions: Any, number: int) -> bool:
        return False

    def payloads(self, rows: BitMap, names: Any) -> Iterator[tuple[int, dict[str, Any]]]:
        return ((row, self.stored[row]) for row in rows)


class Point:
    """One row: what the evaluator asks of a point."""

    def __init__(self, row: int) -> None:
        self.row = row

    def has_id(self, ids: Iterable[int | str]) -> bool:
        return IDS[self.row] in ids

    def has_vector(self, name: str) -> bool:
        return has_vector(self.row, name)

    def in_slice(self, total: int, index: int) -> bool:
        return slice_of(id_key(IDS[self.row]), total) == index


def has_vector(row: int, name: str) -> bool:
    return row % 3 != VECTORS.index(name)


def oracle_of(payloads: Sequence[dict[str, Any]], live: BitMap) -> QdrantClient:
    client = QdrantClient(":memory:")
    one = models.VectorParams(size=1, distance=models.Distance.DOT)
    client.create_collection("c", vectors_config=dict.fromkeys(VECTORS, one))
    points = [
        models.PointStruct(
            id=IDS[row],
            vector={name: [1.0] for name in VECTORS if has_vector(row, name)},
            payload=payloads[row],
        )
        for row in live
    ]
    if points:
        client.upsert("c", points)
    return client


def oracle_rows(client: QdrantClient, source: dict[str, Any]) -> list[int]:
    found, _ = client.scroll("c", scroll_filter=models.Filter.model_validate(source), limit=100)
    return sorted(IDS.index(record.id) for record in found)


@st.composite
def cases(draw: st.DrawFn) -> Any:
    payloads = draw(st.lists(PAYLOADS, min_size=ROWS, max_size=ROWS))
    earlier = draw(st.lists(PAYLOADS, max_size=4))
    schemas = draw(st.dictionaries(keys, st.sampled_from(SCHEMAS), max_size=8))
    gone = draw(st.sets(st.integers(0, ROWS - 1), max_size=3))
    return payloads, earlier, schemas, gone, draw(st.lists(FILTERS, min_size=6, max_size=6))


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(cases())
def test_a_filter_finds_the_same_points_however_it_is_answered(case: Any) -> None:
    payloads, earlier, schemas, gone, sources = case
    live = BitMap(row for row in range(ROWS) if row not in gone)
    shard = Shard(payloads, live)
    indexes = PayloadIndexes()
    for name, schema in schemas.items():
        indexes.create(name, schema)
    half = ROWS // 2
    indexes.add_many(np.arange(half, dtype=np.uint32), payloads[:half])
    for row, payload in enumerate(earlier, start=half):
        indexes.add(row, payload)
        indexes.discard(row, payload)
    for row in range(half, ROWS):
        indexes.add(row, payloads[row])
    client = oracle_of(payloads, live)
    for source in sources:
        filter = parse_filter(source)
        assert filter is not None
        expected = oracle_rows(client, source)
        found = [row for row in live if matches(filter, payloads[row], Point(row))]
        assert found == expected, (source, "evaluator")
        assert list(PayloadIndexes().plan(filter, shard)) == expected, (source, "no index")
        assert list(indexes.plan(filter, shard)) == expected, (source, schemas)
        assert live == BitMap(row for row in range(ROWS) if row not in gone)


# Values that differ in what arrays, nulls and depth do to a condition, all against all.
CORNERS: list[dict[str, Any]] = [
    *({}, {"a": None}, {"a": []}, {"a": [None]}, {"a": [None, 1]}, {"a": [[]]}, {"a": [[None]]}),
    *({"a": 1}, {"a": 1.0}, {"a": True}, {"a": "x"}, {"a": [1, "x"]}, {"a": {}}, {"a": [{}]}),
    *({"a": [{"b": None}, {"b": 1}]}, {"a": [{"b": []}, {"b": [1, 2]}]}, {"a": {"b": [1, 2]}}),
    *({"a": {"lon": 1, "lat": 2}}, {"a": [{"lon": 1.0, "lat": 2.0}, {"lon": 3.0, "lat": 4.0}]}),
    *({"a": {"lon": 1}}, {"a": {"lon": None, "lat": 2}}, {"a": [[{"lon": 1.0, "lat": 2.0}]]}),
    *(
        {"a": [{"b": {"lon": 1.0, "lat": 2.0}}]},
        {"a": {"lon": 900.0, "lat": 2.0}},
        {"a": ["", "xx"]},
    ),
    *({"a": [[1, 2], [3]]}, {"a": [None, [1, 2]]}, {"a": [{"b": [{"c": 1}]}]}, {"a": "2024-01-01"}),
]
CORNER_KEYS = ["a", "a[]", "a[].b", "a.b", "a[0]", "a[].b[].c"]


def corner_conditions(key: str) -> Iterator[dict[str, Any]]:
    for value in (1, True, "x"):
        yield {"key": key, "match": {"value": value}}
    for values in ([], [1], ["x"], [1, 2], ["x", "2024-01-01"]):
        yield {"key": key, "match": {"any": values}}
        yield {"key": key, "match": {"except": values}}
    for count in range(3):
        yield {"key": key, "values_count": {"gte": count, "lte": count}}
        yield {"key": key, "values_count": {"gt": count}}
        yield {"key": key, "values_count": {"lt": count}}
    yield {"key": key, "range": {}}
    yield {"key": key, "range": {"gte": 1, "lt": 2}}
    yield {"key": key, "range": {"gte": "2024-01-01", "lt": "2024-01-02"}}
    for wanted in (True, False):
        yield {"key": key, "is_empty": wanted}
        yield {"key": key, "is_null": wanted}
    center = {"lon": 1.0, "lat": 2.0}
    for radius in (0.0, 1e5, 5e5, 2.1e7):
        yield {"key": key, "geo_radius": {"center": center, "radius": radius}}
    corners = [{"lon": lon, "lat": lat} for lon, lat in ((0.0, 0.0), (3.0, 0.0), (3.0, 4.0))]
    yield {"key": key, "geo_polygon": {"exterior": {"points": [*corners, corners[0]]}}}
    yield {"key": key, "geo_bounding_box": {"top_left": corners[2], "bottom_right": center}}
    for part in ("", "x", "2024"):
        yield {"key": key, "match": {"prefix": part}}
        yield {"key": key, "match": {"substring": part}}
    inner = {"key": "b", "match": {"value": 1}}
    yield {"nested": {"key": key, "filter": {"must": inner}}}
    yield {"nested": {"key": key, "filter": {"must_not": inner}}}


def test_every_condition_treats_corner_values_as_the_oracle_does() -> None:
    client = QdrantClient(":memory:")
    one = models.VectorParams(size=1, distance=models.Distance.DOT)
    client.create_collection("c", vectors_config=one)
    points = [
        models.PointStruct(id=row, vector=[1.0], payload=payload)
        for row, payload in enumerate(CORNERS)
    ]
    client.upsert("c", points)
    shard = Shard(CORNERS, BitMap(range(len(CORNERS))))
    for key in CORNER_KEYS:
        for condition in corner_conditions(key):
            source = {"must": [condition]}
            limit = len(CORNERS)
            found, _ = client.scroll("c", models.Filter.model_validate(source), limit=limit)
            filter = parse_filter(source)
            assert filter is not None
            expected = [record.id for record in found]
            assert list(PayloadIndexes().plan(filter, shard)) == expected, source
            for schema in SCHEMAS:
                indexes = PayloadIndexes()
                indexes.create(key, schema)
                indexes.add_many(np.arange(limit, dtype=np.uint32), CORNERS)
                assert list(indexes.plan(filter, shard)) == expected, (source, schema)
                for row in range(0, limit, 2):
                    indexes.discard(row, CORNERS[row])
                    indexes.add(row, CORNERS[row])
                assert list(indexes.plan(filter, shard)) == expected, (source, schema, "changed")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(PAYLOADS, min_size=1, max_size=8), FIELDS, st.sampled_from(SCHEMAS))
def test_an_index_answers_exactly_or_not_at_all(
    payloads: list[dict[str, Any]], condition: dict[str, Any], schema: Any
) -> None:
    filter = parse_filter({"must": condition})
    assert filter is not None
    (wanted,) = filter.must
    check = compile_filter(filter)
    indexes = PayloadIndexes()
    index = indexes.create(wanted.key, schema)
    assert index is not None
    index.add_many(np.arange(len(payloads), dtype=np.uint32), payloads)
    bounds = index.bounds(wanted)
    if bounds is not None:
        checked = BitMap(row for row, payload in enumerate(payloads) if check(payload, None))
        assert bounds.certain <= checked <= bounds.possible
    rows = index.rows(wanted)
    if rows is not None:
        assert list(rows) == [row for row, payload in enumerate(payloads) if check(payload, None)]
        estimate = index.estimate(wanted)
        assert estimate is not None
        assert estimate >= len(rows) or wanted.__class__.__name__ == "MatchAny"
    for row, payload in enumerate(payloads):
        index.discard(row, payload)
    assert index.points == 0
    bounds = index.bounds(wanted)
    assert bounds is None or not bounds.possible
