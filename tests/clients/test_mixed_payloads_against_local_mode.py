"""Do filters find the same points, whatever the payloads hold? With local mode as oracle.

Payloads hold values of every type where a condition wants one: null, arrays, objects in arrays,
places at the edges of the map, dates in every form. Left out are text conditions, which local mode
reads by words and the contract, without an index, by parts.
"""

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from qdrant_client import QdrantClient, models
from tests.clients.local_twin import Twins

POINTS = 200
FILTERS = 100
DATES: list[Any] = [
    *("2024-01-05", "2024-01-05T10:00:00Z", "2024-01-05T10:00:00+02:00", "2024-02-30", "not"),
    *("2024-01-05T10:00:00.123456Z", "2024-01-05 10:00:00", "2024-01-05T10:00", "2024-1-5"),
    *("2023-12-31T23:59:59.999999999Z", "2024-01-05T10:00:00-0530", "2024-01-05T24:00:00Z"),
    *("2024-01-05T10:00:00z", "2024-01-05t10:00:00Z", "2024-01-05 10:00:00 +0200", 1704448800),
    *("2024-01-05 10:00:00 UTC", "20240105", ["2024-01-06", "2020-01-01"]),
]
MOMENTS = ["2024-01-05T00:00:00Z", "2024-01-05T10:00:00Z", "2024-01-05T10:00:00.123456Z"]
SCALARS: list[Any] = [
    *(None, True, False, 0, 1, 2, 5, -3, 2.0, 1.5, "", "a", "red", "Red fox", "2024-01-05", "1"),
    *({"x": 1}, {"x": [1, 2]}, {"x": None}, [], {}),
]
KEYS = [
    *("a", "b", "c", "d", "a.x", "b.y", "a[].x", "b[]", "c[0]", "d[1].y", "when", "loc", "deep"),
    *("deep.arr", "deep.arr[].v", "deep.arr[].w", "deep.arr[].in[].q", "deep.arr[0].v", "missing"),
]
INSIDE = ["v", "w", "x", "y", "in", "in[].q", "g"]
INDEXED = {"a": "keyword", "b": "integer", "c": "float", "d": "bool", "when": "datetime"}
INDEXED |= {"loc": "geo", "deep.arr[].v": "integer", "deep.arr[].in[].q": "integer"}


def place_of(draw: random.Random) -> Any:
    """Return a place, often at an edge of the map; several, or none."""
    one = {"lon": draw.uniform(-180, 180), "lat": draw.uniform(-90, 90)}
    edge = {"lon": draw.choice([-180, 180, 179.9, -179.9, 0]), "lat": draw.choice([0, 89.9, -90])}
    return draw.choice([one, one, edge, [one, edge], {"lon": "x", "lat": 1}, None, "p"])


def payload_of(draw: random.Random) -> dict[str, Any]:
    """Return a payload of values of every type."""

    def part() -> dict[str, Any]:
        return {key: draw.choice(SCALARS) for key in draw.sample("xyz", 2)}

    def value() -> Any:
        several = [draw.choice(SCALARS) for _ in range(draw.randrange(4))]
        objects = [part() for _ in range(draw.randrange(3))]
        return draw.choice([several, part(), objects, draw.choice(SCALARS)])

    def element() -> dict[str, Any]:
        inner = [{"q": draw.randrange(3)} for _ in range(draw.randrange(3))]
        one, other = draw.choice([1, 2, None, "x"]), draw.choice([1, 2, [1, 2]])
        return {"v": one, "w": other, "g": place_of(draw), "in": inner}

    payload = {key: value() for key in draw.sample("abcd", draw.randrange(5))}
    payload |= {"when": draw.choice(DATES), "loc": place_of(draw)}
    if draw.random() < 0.5:
        payload["deep"] = {"arr": [element() for _ in range(draw.randrange(4))]}
    return payload


def ring(corners: int, lon: float, lat: float, radius: float) -> models.GeoLineString:
    """Return a closed ring around a center, cut off at the edges of the map."""
    turns = [2 * math.pi * corner / corners for corner in range(corners)]
    points = [
        models.GeoPoint(
            lon=max(-180, min(180, lon + radius * math.cos(turn))),
            lat=max(-90, min(90, lat + radius * math.sin(turn))),
        )
        for turn in turns
    ]
    return models.GeoLineString(points=[*points, points[0]])


def geo_of(draw: random.Random, key: str) -> models.FieldCondition:
    """Return a circle, a box (also across the antimeridian) or a polygon with holes."""
    kind, lon, lat = draw.randrange(3), draw.uniform(-180, 180), draw.uniform(-70, 70)
    if kind == 0:
        center = models.GeoPoint(lon=draw.choice([180, -179, lon]), lat=draw.choice([90, -80, lat]))
        circle = models.GeoRadius(center=center, radius=draw.choice([1e5, 2e6, 9e6]))
        return models.FieldCondition(key=key, geo_radius=circle)
    if kind == 1:
        corner = models.GeoPoint(lon=lon, lat=draw.uniform(0, 90))
        other = models.GeoPoint(lon=draw.uniform(-180, 180), lat=draw.uniform(-90, 0))
        box = models.GeoBoundingBox(top_left=corner, bottom_right=other)
        return models.FieldCondition(key=key, geo_bounding_box=box)
    radius = draw.choice([20.0, 60.0, 90.0])
    hole, second = ring(4, lon, lat, radius / 3), ring(5, lon + radius / 2, lat, radius / 5)
    polygon = models.GeoPolygon(
        exterior=ring(draw.randrange(3, 9), lon, lat, radius),
        interiors=draw.choice([None, [], [hole], [hole, second]]),
    )
    return models.FieldCondition(key=key, geo_polygon=polygon)


def field_of(draw: random.Random, key: str) -> models.FieldCondition:
    """Return a condition on the values of a key."""
    choose, field = draw.choice, models.FieldCondition
    low, high = choose(["gt", "gte"]), choose(["lt", "lte"])
    listed: list[Any] = choose([["a", "red"], [1, 2], ["1"]])
    conditions: list[Any] = [
        {"match": models.MatchValue(value=choose([True, False, 0, 1, 2, "a", "red", ""]))},
        {"match": models.MatchAny(any=choose([listed, []]))},
        {"match": models.MatchExcept(**{"except": listed})},
        {"match": models.MatchPrefix(prefix=choose(["", "r", "Re", "1"]))},
        {"match": models.MatchSubstring(substring=choose(["", "ed", "d f"]))},
        {"range": models.Range(**{low: choose([-1, 0, 1.5]), high: choose([1, 2, 5])})},
        {"range": models.DatetimeRange(**{low: choose(MOMENTS), high: choose(MOMENTS)})},
        {"values_count": models.ValuesCount(**{choose([low, high]): choose([0, 1, 2])})},
        {"is_empty": choose([True, False])},
        {"is_null": choose([True, False])},
    ]
    chosen = choose(conditions)
    is_of_dates = isinstance(chosen.get("range"), models.DatetimeRange)
    return field(key="when" if is_of_dates else key, **chosen)


def condition_of(draw: random.Random, key: str | None = None, depth: int = 0) -> Any:
    """Return a condition of any kind; `key`: inside of a nested filter."""
    name, choose = key or draw.choice(KEYS), draw.choice
    clause = choose(["must", "should", "must_not"])
    makers: list[Callable[[], Any]] = [lambda: field_of(draw, name)] * 6
    makers += [lambda: geo_of(draw, key or choose(["loc", "loc", "deep.arr[].g"]))] * 3
    makers.append(lambda: models.IsEmptyCondition(is_empty=models.PayloadField(key=name)))
    makers.append(lambda: models.IsNullCondition(is_null=models.PayloadField(key=name)))
    if depth < 2:
        makers.append(lambda: nested_of(draw, clause, depth))
        makers.append(lambda: models.Filter(**{clause: [condition_of(draw, key, depth + 1)]}))
    return choose(makers)()


def nested_of(draw: random.Random, clause: str, depth: int) -> models.NestedCondition:
    """Return a filter on the elements of an array."""
    inner = [condition_of(draw, draw.choice(INSIDE), depth + 1) for _ in range(draw.choice([1, 2]))]
    key = draw.choice(["deep.arr", "a", "b", "deep.arr[].in", "deep"])
    nested = models.Nested(key=key, filter=models.Filter(**{clause: inner}))
    return models.NestedCondition(nested=nested)


@pytest.mark.parametrize("indexed", [False, True], ids=["without indexes", "with indexes"])
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_filters_on_mixed_payloads(
    client: QdrantClient, name: str, indexed: bool, seed: int
) -> None:
    twins, draw = Twins(client, "filters on mixed payloads"), random.Random(seed)
    params = models.VectorParams(size=1, distance=models.Distance.DOT)
    twins.create(name, vectors_config=params)
    points = [
        models.PointStruct(id=number, vector=[1], payload=payload_of(draw))
        for number in range(POINTS)
    ]
    twins.both("upsert", name, points, wait=True)
    for field, kind in INDEXED.items() if indexed else ():
        twins.remote.create_payload_index(name, field, kind, wait=True)
    for _ in range(FILTERS):
        clause = draw.choice(["must", "should", "must_not"])
        chosen = models.Filter(**{clause: [condition_of(draw) for _ in range(draw.choice([1, 2]))]})
        ours, theirs = twins.answers("scroll", name, scroll_filter=chosen, limit=500)
        assert [one.id for one in ours[0]] == [one.id for one in theirs[0]], chosen
    twins.close()
