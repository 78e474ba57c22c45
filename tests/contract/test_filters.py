"""Filters: which points match, with and without an index, alone and in a search."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ruvector.client.collection import Collection

FILTERS: list[tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = [
    ({"color": "red"}, lambda p: p["color"] == "red"),
    ({"color": ["red", "blue"]}, lambda p: p["color"] != "green"),
    ({"even": True}, lambda p: p["even"]),
    ({"number": 7}, lambda p: p["number"] == 7),
    ({"number": {"gte": 10, "lt": 20}}, lambda p: 10 <= p["number"] < 20),
    ({"nested.half": {"gt": 15}}, lambda p: p["nested"]["half"] > 15),
    ({"tags": "t1"}, lambda p: "t1" in p["tags"]),
    ({"color": "red", "even": False}, lambda p: p["color"] == "red" and not p["even"]),
    (
        {"must_not": [{"key": "color", "match": {"value": "red"}}]},
        lambda p: p["color"] != "red",
    ),
    (
        {
            "should": [
                {"key": "number", "range": {"lt": 3}},
                {"key": "tags", "match": {"any": ["u4"]}},
            ]
        },
        lambda p: p["number"] < 3 or "u4" in p["tags"],
    ),
    (
        {"must": [{"key": "color", "match": {"except": ["red", "green"]}}]},
        lambda p: p["color"] == "blue",
    ),
    ({"must": [{"key": "tags", "values_count": {"gte": 3}}]}, lambda _: False),
    ({"must": [{"is_empty": {"key": "missing"}}]}, lambda _: True),
    ({"must": [{"has_id": [1, 5, 777]}]}, lambda p: p["number"] in (1, 5)),
    ({"color": "violet"}, lambda _: False),
    ({"color": {"prefix": "gr"}}, lambda p: p["color"] == "green"),
    ({"tags": {"substring": "3"}}, lambda p: "t3" in p["tags"] or "u3" in p["tags"]),
    (
        {"place": {"geo_radius": {"center": {"lon": 0, "lat": 0}, "radius": 1_112_000}}},
        lambda p: p["number"] <= 10,
    ),
    (
        {
            "place": {
                "geo_bounding_box": {
                    "top_left": {"lon": -1, "lat": 20},
                    "bottom_right": {"lon": 1, "lat": 10},
                }
            }
        },
        lambda p: 10 < p["number"] < 20,
    ),
    (
        {
            "min_should": {
                "conditions": [
                    {"key": "even", "match": {"value": True}},
                    {"key": "color", "match": {"value": "red"}},
                    {"key": "number", "range": {"gte": 20}},
                ],
                "min_count": 2,
            }
        },
        lambda p: p["even"] + (p["color"] == "red") + (p["number"] >= 20) >= 2,
    ),
]
SCHEMAS = {
    "color": "keyword",
    "number": "integer",
    "even": "bool",
    "nested.half": "float",
    "tags": {"type": "keyword", "prefix": True},
    "place": "geo",
}


@pytest.fixture
def payloads(payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the payloads with a place each: along the meridian of Greenwich, northwards."""
    return [{**payload, "place": {"lon": 0, "lat": payload["number"]}} for payload in payloads]


@pytest.fixture(params=["plain", "indexed"])
def filtered(request: pytest.FixtureRequest, docs: Collection) -> Collection:
    """Return the collection without and with an index on every field."""
    if request.param == "indexed":
        for field, schema in SCHEMAS.items():
            assert docs.create_payload_index(field, schema) is True
    return docs


def test_filters_select_exactly_what_matches(
    filtered: Collection, payloads: list[dict[str, Any]]
) -> None:
    for source, matches in FILTERS:
        expected = [number for number, payload in enumerate(payloads) if matches(payload)]
        found = [record.id for record in filtered.iterate(source)]
        assert found == expected, source
        assert filtered.count(source) == len(expected), source


def test_filtered_search_returns_k_when_k_match(
    filtered: Collection, array: NDArray[np.float32], payloads: list[dict[str, Any]]
) -> None:
    filtered.wait_for_index(timeout_seconds=60)
    everything = [hit.id for hit in filtered.search(array[0], limit=40)]
    for source, matches in FILTERS:
        expected = [number for number in everything if matches(payloads[number])]
        for limit in (1, 5, 40):
            hits = filtered.search(array[0], limit=limit, filter=source)
            assert [hit.id for hit in hits] == expected[:limit], source


def test_filter_sees_points_written_after_the_index(filtered: Collection) -> None:
    filtered.upsert([{"id": 500, "vector": [1.0] * 8, "payload": {"color": "violet"}}])
    assert [record.id for record in filtered.iterate({"color": "violet"})] == [500]
    filtered.delete(500)
    assert filtered.count({"color": "violet"}) == 0


def test_payload_index_is_described_and_deleted(docs: Collection) -> None:
    docs.create_payload_index("color", "keyword")
    docs.create_payload_index("number", {"type": "integer", "lookup": True, "range": True})
    schema = docs.get_collection().payload_schema
    assert schema["color"].data_type == "keyword"
    assert schema["color"].points == 40
    assert schema["number"].data_type == "integer"
    assert schema["number"].params == {"type": "integer", "lookup": True, "range": True}
    assert docs.delete_payload_index("color") is True
    assert set(docs.get_collection().payload_schema) == {"number"}
    assert docs.count({"color": "red"}) == 14


def test_writes_by_filter_use_shorthand_too(docs: Collection) -> None:
    docs.set_payload({"group": "low"}, filter={"number": {"lt": 10}})
    assert docs.count({"group": "low"}) == 10
    docs.delete(filter={"group": "low"})
    assert docs.count() == 30


def test_slices_are_disjoint_and_cover_every_point(docs: Collection) -> None:
    slices = [
        [record.id for record in docs.iterate({"slice": {"total": 3, "index": index}})]
        for index in range(3)
    ]
    assert sorted(one for each in slices for one in each) == list(range(40))
    assert all(slices)
    docs.upsert([{"id": 77, "vector": [1.0] * 8}])
    assert [docs.count({"slice": {"total": 1, "index": 0}, "has_id": [77, 3]})] == [2]
    docs.delete(filter={"slice": {"total": 3, "index": 0}})
    assert docs.count({"slice": {"total": 3, "index": 0}}) == 0
