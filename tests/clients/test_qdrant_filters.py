"""Do filters mean what Qdrant says? Every condition, with the client's local mode as oracle."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

Vectors = NDArray[np.float32]
Condition = models.Condition
UUIDS = [f"00000000-0000-4000-8000-{number:012x}" for number in range(300)]
INDEXED = {
    "number": "integer",
    "price": "float",
    "word": "keyword",
    "flag": "bool",
    "when": "datetime",
    "code": "uuid",
    "tags": "keyword",
    "place": "geo",
}


def payload_of(number: int) -> dict[str, Any]:
    """Return a payload in which fields are missing, null, empty, single and arrays."""
    words = ["red", "green", "blue"]
    payload: dict[str, Any] = {
        "number": number % 17,
        "price": [number / 8, number / 4] if number % 5 == 0 else number / 8,
        "word": words[number % 3],
        "when": f"2024-01-{number % 28 + 1:02}T{number % 24:02}:00:00Z",
        "code": UUIDS[number % 40],
        "tags": [f"t{number % 4}", f"t{number % 7}"] if number % 3 else [],
        "deep": {"value": number % 6, "list": [{"a": number % 3, "b": number % 4}, {"a": 1}]},
        "mixed": [number % 2 == 0, str(number % 5), number % 5, None][number % 4],
    }
    place = {"lon": (number * 37) % 360 - 180.0, "lat": (number * 11) % 180 - 90.0}
    payload["place"] = [place, {"lon": 13.4, "lat": 52.5}] if number % 9 == 0 else place
    if number % 4:
        payload["flag"] = number % 2 == 0
    if number % 6 == 0:
        payload["empty"] = None if number % 12 else [None, 1]
    return payload


def field(key: str, **condition: Any) -> models.FieldCondition:
    """Return a condition on a field."""
    return models.FieldCondition(key=key, **condition)


def match(key: str, value: bool | int | str) -> models.FieldCondition:
    """Return the condition that a field has a value."""
    return field(key, match=models.MatchValue(value=value))


def is_empty(key: str) -> models.IsEmptyCondition:
    """Return the condition that a field is missing, null or an empty list."""
    return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))


def is_null(key: str) -> models.IsNullCondition:
    """Return the condition that a field is null."""
    return models.IsNullCondition(is_null=models.PayloadField(key=key))


def nested(key: str, *conditions: Condition) -> models.NestedCondition:
    """Return the condition that one element of a list fulfils all of these."""
    return models.NestedCondition(
        nested=models.Nested(key=key, filter=models.Filter(must=list(conditions)))
    )


def ring(*corners: tuple[float, float]) -> models.GeoLineString:
    """Return a closed ring of (lon, lat) corners."""
    points = [models.GeoPoint(lon=lon, lat=lat) for lon, lat in (*corners, corners[0])]
    return models.GeoLineString(points=points)


def box(west: float, north: float, east: float, south: float) -> models.FieldCondition:
    """Return the condition that the place lies in a box."""
    top_left = models.GeoPoint(lon=west, lat=north)
    bottom_right = models.GeoPoint(lon=east, lat=south)
    bounds = models.GeoBoundingBox(top_left=top_left, bottom_right=bottom_right)
    return field("place", geo_bounding_box=bounds)


def circle(lon: float, lat: float, radius: float) -> models.FieldCondition:
    """Return the condition that the place lies in a circle."""
    center = models.GeoPoint(lon=lon, lat=lat)
    return field("place", geo_radius=models.GeoRadius(center=center, radius=radius))


CONDITIONS: dict[str, Condition] = {
    "prefix": field("word", match=models.MatchPrefix(prefix="gr")),
    "prefix: empty": field("mixed", match=models.MatchPrefix(prefix="")),
    "substring": field("code", match=models.MatchSubstring(substring="001")),
    "slice": models.SliceCondition(slice=models.Slice(total=3, index=1)),
    "geo: circle": circle(13.4, 52.5, 3_000_000),
    "geo: circle at the pole": circle(0, 90, 2_000_000),
    "geo: box": box(-20, 70, 40, -35),
    "geo: box across the antimeridian": box(150, 60, -140, -60),
    "geo: polygon": field(
        "place", geo_polygon=models.GeoPolygon(exterior=ring((-90, -60), (100, -50), (20, 80)))
    ),
    "geo: polygon with a hole": field(
        "place",
        geo_polygon=models.GeoPolygon(
            exterior=ring((-170, -80), (170, -80), (170, 80), (-170, 80)),
            interiors=[ring((-60, -40), (60, -40), (60, 40), (-60, 40))],
        ),
    ),
    "geo: nested": nested("deep.list", circle(0, 0, 1)),
    "value: keyword": match("word", "red"),
    "value: integer": match("number", 3),
    "value: bool": match("flag", True),
    "value: uuid": match("code", UUIDS[5]),
    "value: element of a list": match("tags", "t1"),
    "value: nested path": match("deep.value", 2),
    "value: path into a list": match("deep.list[].a", 2),
    "value: number of a mixed field": match("mixed", 2),
    "value: text of a mixed field": match("mixed", "1"),
    "value: absent": match("word", "violet"),
    "any: keywords": field("word", match=models.MatchAny(any=["red", "blue", "violet"])),
    "any: integers": field("number", match=models.MatchAny(any=[1, 2, 3])),
    "any: nothing": field("word", match=models.MatchAny(any=[])),
    "except: keywords": field("word", match=models.MatchExcept(**{"except": ["red"]})),
    "except: lists": field("tags", match=models.MatchExcept(**{"except": ["t1", "t2"]})),
    "except: integers": field("number", match=models.MatchExcept(**{"except": [1, 2]})),
    "range: integer": field("number", range=models.Range(gte=3, lt=9)),
    "range: float": field("price", range=models.Range(gt=2.5, lte=20.125)),
    "range: empty": field("price", range=models.Range(gt=5.0, lt=5.0)),
    "range: datetime": field(
        "when",
        range=models.DatetimeRange(
            gte=datetime(2024, 1, 5, tzinfo=UTC), lt=datetime(2024, 1, 9, 3, tzinfo=UTC)
        ),
    ),
    "count of values": field("tags", values_count=models.ValuesCount(gte=1, lt=3)),
    "count of no values": field("tags", values_count=models.ValuesCount(lt=1)),
    "empty: list": is_empty("tags"),
    "empty: missing or null": is_empty("empty"),
    "null": is_null("empty"),
    "id": models.HasIdCondition(has_id=[1, 5, 250, 9999]),
    "nested: same element": nested("deep.list", match("a", 1), match("b", 2)),
    "filter inside a filter": models.Filter(
        should=[match("word", "red"), models.Filter(must_not=[match("flag", True)])]
    ),
}

CLAUSES: dict[str, models.Filter] = {
    "must": models.Filter(must=[match("word", "red"), match("flag", False)]),
    "should": models.Filter(should=[match("word", "red"), match("number", 4)]),
    "must_not": models.Filter(must_not=[match("word", "red"), match("number", 4)]),
    "all clauses": models.Filter(
        must=[field("number", range=models.Range(gt=2))],
        should=[match("word", "red"), match("tags", "t3")],
        must_not=[match("flag", True)],
    ),
    "min_should": models.Filter(
        min_should=models.MinShould(
            conditions=[match("word", "red"), match("flag", True), match("tags", "t1")],
            min_count=2,
        )
    ),
}

FILTERS = {name: models.Filter(must=[c]) for name, c in CONDITIONS.items()}
FILTERS |= {f"not {name}": models.Filter(must_not=[c]) for name, c in CONDITIONS.items()}
FILTERS |= CLAUSES


@pytest.fixture(scope="module")
def oracle(vectors: Vectors) -> QdrantClient:
    """Return the client's local mode, filled."""
    local = QdrantClient(":memory:")
    fill(local, "filters", vectors)
    return local


@pytest.fixture(scope="module", params=["without indexes", "with indexes"])
def collection(request: pytest.FixtureRequest, client: QdrantClient, vectors: Vectors) -> str:
    """Return the name of the same collection on the server, with and without payload indexes."""
    name = "filters_" + str(request.param).replace(" ", "_")
    fill(client, name, vectors)
    if request.param == "with indexes":
        for key, schema in INDEXED.items():
            client.create_payload_index(name, key, models.PayloadSchemaType(schema), wait=True)
    return name


def fill(client: QdrantClient, name: str, vectors: Vectors) -> None:
    """Create the collection and upsert 300 points, ids 1 to 300."""
    client.create_collection(
        name, models.VectorParams(size=vectors.shape[1], distance=models.Distance.COSINE)
    )
    client.upsert(
        name,
        points=models.Batch(
            ids=list(range(1, len(vectors) + 1)),
            vectors=vectors.tolist(),
            payloads=[payload_of(number) for number in range(1, len(vectors) + 1)],
        ),
        wait=True,
    )


@pytest.mark.parametrize("name", FILTERS)
def test_filter_matches_the_same_points(
    client: QdrantClient, oracle: QdrantClient, collection: str, name: str
) -> None:
    """Scroll and count agree with the oracle, point by point."""
    condition = FILTERS[name]
    expected, _ = oracle.scroll("filters", scroll_filter=condition, limit=1000)
    found, rest = client.scroll(collection, scroll_filter=condition, limit=1000)
    assert [record.id for record in found] == sorted(record.id for record in expected)
    assert rest is None
    assert client.count(collection, count_filter=condition).count == len(expected)


@pytest.mark.parametrize("name", ["must", "should", "must_not", "all clauses", "min_should", "id"])
def test_filtered_query_returns_the_same_hits(
    client: QdrantClient, oracle: QdrantClient, collection: str, vectors: Vectors, name: str
) -> None:
    """The filter takes part in the search: ids, order and scores are the oracle's."""
    for query in vectors[::60]:
        expected = oracle.query_points(
            "filters", query=query, query_filter=FILTERS[name], limit=15
        ).points
        found = client.query_points(
            collection, query=query.tolist(), query_filter=FILTERS[name], limit=15
        ).points
        assert [hit.id for hit in found] == [hit.id for hit in expected]
        assert [hit.score for hit in found] == pytest.approx(
            [hit.score for hit in expected], rel=1e-4, abs=1e-6
        )
        assert [hit.payload for hit in found] == [hit.payload for hit in expected]


@pytest.mark.parametrize("distance", list(models.Distance))
@pytest.mark.parametrize("dimensions", [3, 24, 130])
def test_queries_agree_with_the_oracle(
    client: QdrantClient, name: str, distance: models.Distance, dimensions: int
) -> None:
    """Random vectors that are not of unit length, every distance, with offset and threshold."""
    generator = np.random.default_rng(dimensions)
    vectors = generator.normal(size=(200, dimensions)).astype(np.float32) * 2
    local = QdrantClient(":memory:")
    for one in (local, client):
        one.create_collection(name, models.VectorParams(size=dimensions, distance=distance))
        batch = models.Batch(ids=list(range(200)), vectors=vectors.tolist())
        one.upsert(name, points=batch, wait=True)
    for query in generator.normal(size=(5, dimensions)).astype(np.float32).tolist():
        everything = local.query_points(name, query=query, limit=200).points
        threshold = (everything[20].score + everything[21].score) / 2
        for limit, offset in ((30, 0), (9, 11), (200, 0)):
            expected = local.query_points(name, query=query, limit=limit, offset=offset).points
            found = client.query_points(name, query=query, limit=limit, offset=offset).points
            assert [hit.id for hit in found] == [hit.id for hit in expected]
            assert [hit.score for hit in found] == pytest.approx(
                [hit.score for hit in expected], rel=1e-4, abs=1e-5
            )
        close = client.query_points(name, query=query, limit=200, score_threshold=threshold)
        assert [hit.id for hit in close.points] == [hit.id for hit in everything[:21]]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"key": "a", "match": {"text": 1}}, "text"),
        ({"key": "a", "match": {"fuzzy": "x"}}, "fuzzy"),
        ({"key": "a", "geo_radius": {"center": {"lon": 1, "lat": 91}, "radius": 1}}, "lat"),
        ({"slice": {"total": 2, "index": 2}}, "index"),
        ({"key": "a", "matches": {"value": 1}}, "matches"),
        ({"key": "a"}, ""),
        ({"key": "a", "range": {"gte": "yesterday"}}, "yesterday"),
    ],
)
def test_conditions_that_cannot_be_met_are_refused(
    client: QdrantClient, collection: str, condition: dict[str, Any], words: str
) -> None:
    """What is not supported, unknown or wrong is refused by name, and never skipped."""
    with pytest.raises(UnexpectedResponse) as caught:
        client.http.client.request(
            type_=Any,
            method="POST",
            url=f"/collections/{collection}/points/count",
            json={"filter": {"must": [condition]}},
        )
    assert caught.value.status_code in (400, 422)
    assert words in caught.value.content.decode()
