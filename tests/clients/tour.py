"""What does one thorough round trip with the Python client call? The tour that every client makes.

The programs in the folders beside this one make the same steps with the other official clients,
over the same points; `expected.json` says what every step must answer, whoever asks. A step's
answer is plain JSON: ids, scores, payloads, counts, or the kind of a refusal.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

HERE = Path(__file__).parent
POINTS: list[dict[str, Any]] = json.loads((HERE / "points.json").read_text(encoding="utf-8"))
EXPECTED: dict[str, Any] = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
UUID = POINTS[-1]["id"]
COLLECTION = "tour"
SECOND = "tour_second"

STEPS: list[Callable[[Any], Any]] = []
STATUSES = {
    404: "not found",
    400: "invalid",
    422: "invalid",
    409: "exists",
    grpc.StatusCode.NOT_FOUND: "not found",
    grpc.StatusCode.INVALID_ARGUMENT: "invalid",
    grpc.StatusCode.ALREADY_EXISTS: "exists",
}


def step(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a function a step of the tour, in the order of the file."""
    STEPS.append(function)
    return function


def make_tour(client: Any) -> dict[str, Any]:
    """Make all steps, and return what each answered."""
    return {function.__name__: function(client) for function in STEPS}


def match(key: str, value: Any) -> models.FieldCondition:
    """Return the condition that a field has this value."""
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def ids(points: Any) -> list[Any]:
    """Return ids in the order of the answer."""
    return [point.id for point in points]


def hits(response: Any) -> list[Any]:
    """Return id and score of each hit."""
    return [[hit.id, hit.score] for hit in response.points]


def status(result: Any) -> str:
    """Return the word for the outcome of a write."""
    return str(result.status.value)


def refusal(call: Callable[[], Any]) -> str:
    """Return the kind of error that a call meets."""
    try:
        call()
    except UnexpectedResponse as error:
        return STATUSES.get(error.status_code or 0, f"HTTP {error.status_code}")
    except grpc.RpcError as error:
        return STATUSES.get(error.code(), str(error.code()))
    return "accepted"


def vectors_of(record: Any) -> dict[str, Any]:
    """Return a point's vectors as they stand in points.json."""
    return {
        name: {"indices": vector.indices, "values": vector.values}
        if isinstance(vector, models.SparseVector)
        else vector
        for name, vector in record.vector.items()
    }


def struct(point: dict[str, Any]) -> models.PointStruct:
    """Return a point of points.json as the client wants it."""
    vectors = {name: point[name] for name in ("text", "image", "tokens")}
    return models.PointStruct(
        id=point["id"],
        vector=vectors | {"words": models.SparseVector(**point["words"])},
        payload=point["payload"],
    )


@step
def create_collection(client: Any) -> Any:
    """Two dense vectors, one multi-vector, one sparse vector."""
    before = client.collection_exists(COLLECTION)
    created = client.create_collection(
        COLLECTION,
        vectors_config={
            "text": models.VectorParams(size=4, distance=models.Distance.DOT),
            "image": models.VectorParams(size=3, distance=models.Distance.EUCLID),
            "tokens": models.VectorParams(
                size=2,
                distance=models.Distance.DOT,
                multivector_config=models.MultiVectorConfig(
                    comparator=models.MultiVectorComparator.MAX_SIM
                ),
            ),
        },
        sparse_vectors_config={"words": models.SparseVectorParams()},
    )
    return [before, created, client.collection_exists(COLLECTION)]


@step
def upsert(client: Any) -> Any:
    """All points in one request, durable before the answer."""
    return status(client.upsert(COLLECTION, points=[struct(p) for p in POINTS], wait=True))


@step
def collection_info(client: Any) -> Any:
    """Sizes, distances and the count of points."""
    described = client.get_collection(COLLECTION)
    params = described.config.params
    return {
        "sizes": {name: vector.size for name, vector in params.vectors.items()},
        "distances": {name: vector.distance.value for name, vector in params.vectors.items()},
        "multi": [n for n, vector in params.vectors.items() if vector.multivector_config],
        "sparse": sorted(params.sparse_vectors),
        "points": described.points_count,
        "listed": COLLECTION in [c.name for c in client.get_collections().collections],
    }


@step
def retrieve(client: Any) -> Any:
    """Every vector and payload as it was sent."""
    everything = [point["id"] for point in POINTS]
    records = client.retrieve(COLLECTION, everything, with_payload=True, with_vectors=True)
    return sorted(
        ({"id": r.id, **vectors_of(r), "payload": r.payload} for r in records),
        key=lambda record: everything.index(record["id"]),
    )


@step
def create_indexes(client: Any) -> Any:
    """One payload index of each type."""
    kinds = models.PayloadSchemaType
    fields = {
        "city": kinds.KEYWORD,
        "number": kinds.INTEGER,
        "price": kinds.FLOAT,
        "when": kinds.DATETIME,
        "place": kinds.GEO,
        "open": kinds.BOOL,
        "note": kinds.TEXT,
    }
    for field, kind in fields.items():
        client.create_payload_index(COLLECTION, field, kind, wait=True)
    schema = client.get_collection(COLLECTION).payload_schema
    return {field: described.data_type.value for field, described in schema.items()}


@step
def count(client: Any) -> Any:
    """All points, and those of a filter."""
    berlin = models.Filter(must=[match("city", "Berlin")])
    return [
        client.count(COLLECTION, exact=True).count,
        client.count(COLLECTION, count_filter=berlin, exact=True).count,
    ]


@step
def scroll(client: Any) -> Any:
    """Pages of two until there is no next one."""
    pages, offset = [], None
    for _ in range(5):
        records, offset = client.scroll(COLLECTION, limit=2, offset=offset)
        pages.append(ids(records))
        if offset is None:
            break
    return pages


@step
def scroll_in_order(client: Any) -> Any:
    """The largest number first, with a chosen part of the payload."""
    order = models.OrderBy(key="number", direction=models.Direction.DESC)
    records, _ = client.scroll(COLLECTION, limit=3, order_by=order, with_payload=["number"])
    return [[record.id, record.payload] for record in records]


def filters() -> dict[str, models.Filter]:
    """Return one filter of each kind."""
    field, berlin = models.FieldCondition, match("city", "Berlin")
    centre = models.GeoPoint(lon=13.4, lat=52.5)
    wheels = models.Filter(
        must=[match("kind", "wheel"), field(key="count", range=models.Range(gte=3))]
    )
    conditions = {
        "value": berlin,
        "integer": match("number", 3),
        "bool": match("open", True),
        "any": field(key="city", match=models.MatchAny(any=["London", "München"])),
        "except": field(key="city", match=models.MatchExcept(**{"except": ["Berlin"]})),
        "text": field(key="note", match=models.MatchText(text="fox brown")),
        "range": field(key="price", range=models.Range(gt=0.1, lte=2.25)),
        "dates": field(key="when", range=models.DatetimeRange(gte="2022-01-01T00:00:00Z")),
        "radius": field(key="place", geo_radius=models.GeoRadius(center=centre, radius=20000)),
        "values count": field(key="tags", values_count=models.ValuesCount(gte=2)),
        "is empty": models.IsEmptyCondition(is_empty=models.PayloadField(key="tags")),
        "is null": models.IsNullCondition(is_null=models.PayloadField(key="city")),
        "ids": models.HasIdCondition(has_id=[2, UUID]),
        "has vector": models.HasVectorCondition(has_vector="words"),
        "nested": models.NestedCondition(nested=models.Nested(key="parts", filter=wheels)),
        "path": match("nested.deep.list[].three", 3),
    }
    pair = [berlin, conditions["bool"], conditions["values count"]]
    return {name: models.Filter(must=[condition]) for name, condition in conditions.items()} | {
        "must not": models.Filter(must_not=[berlin]),
        "should": models.Filter(should=[berlin, conditions["integer"]]),
        "min should": models.Filter(min_should=models.MinShould(conditions=pair, min_count=2)),
    }


@step
def scroll_filtered(client: Any) -> Any:
    """The ids that each kind of filter finds."""
    return {
        name: ids(client.scroll(COLLECTION, scroll_filter=filter_, limit=10)[0])
        for name, filter_ in filters().items()
    }


@step
def query(client: Any) -> Any:
    """Nearest by each kind of vector, by a stored point, with a filter and a threshold."""
    words = models.SparseVector(indices=[1, 5], values=[2.0, 3.0])
    ask = client.query_points
    cheap = models.Filter(must=[models.FieldCondition(key="price", range=models.Range(lt=3))])
    exact = models.SearchParams(exact=True)
    text = [1.0, 0.5, 0.0, 0.0]
    return {
        "dense": hits(ask(COLLECTION, query=text, using="text", limit=3)),
        "distance": hits(ask(COLLECTION, query=[0.0, 0.0, 0.0], using="image", limit=3)),
        "sparse": hits(ask(COLLECTION, query=words, using="words", limit=3)),
        "multi": hits(ask(COLLECTION, query=[[1.0, 0.0], [0.0, 2.0]], using="tokens", limit=3)),
        "id": hits(ask(COLLECTION, query=1, using="text", limit=2)),
        "filter": hits(
            ask(COLLECTION, query=text, using="text", query_filter=cheap, search_params=exact)
        ),
        "threshold": hits(ask(COLLECTION, query=text, using="text", score_threshold=7.5)),
        "offset": hits(ask(COLLECTION, query=text, using="text", limit=2, offset=1)),
    }


@step
def query_with_payload(client: Any) -> Any:
    """Chosen fields and one chosen vector come with the hit."""
    (hit,) = client.query_points(
        COLLECTION,
        query=[1.0, 0.0, 0.0, 0.0],
        using="text",
        query_filter=models.Filter(must=[match("city", "London")]),
        with_payload=["city", "tags"],
        with_vectors=["image"],
    ).points
    return [hit.id, hit.payload, hit.vector]


def fused() -> dict[str, Any]:
    """Return a query of two prefetches, without what merges them."""
    words = models.SparseVector(indices=[1, 9], values=[2.0, 1.0])
    return {
        "prefetch": [
            models.Prefetch(query=[1.0, 0.0, 0.0, 0.0], using="text", limit=3),
            models.Prefetch(query=words, using="words", limit=3),
        ],
        "limit": 4,
    }


@step
def query_in_stages(client: Any) -> Any:
    """Fusion of two prefetches, and their union scored again by another vector."""
    rrf, dbsf = models.Fusion.RRF, models.Fusion.DBSF
    again = fused() | {"query": [0.0, 0.0, 0.0], "using": "image"}
    return {
        "rrf": hits(
            client.query_points(COLLECTION, query=models.FusionQuery(fusion=rrf), **fused())
        ),
        "dbsf": hits(
            client.query_points(COLLECTION, query=models.FusionQuery(fusion=dbsf), **fused())
        ),
        "rescored": hits(client.query_points(COLLECTION, **again)),
    }


@step
def query_by_examples(client: Any) -> Any:
    """Recommend, discover, and order by a field."""
    recommend = models.RecommendInput(
        positive=[1, [0.0, 0.0, 1.0, 0.0]],
        negative=[2],
        strategy=models.RecommendStrategy.AVERAGE_VECTOR,
    )
    discover = models.DiscoverInput(target=3, context=[models.ContextPair(positive=4, negative=5)])
    order = models.OrderBy(key="price", direction=models.Direction.ASC)
    ask = client.query_points
    return {
        "recommend": hits(
            ask(COLLECTION, query=models.RecommendQuery(recommend=recommend), using="text")
        ),
        "discover": ids(
            ask(COLLECTION, query=models.DiscoverQuery(discover=discover), using="image").points
        ),
        "order": ids(ask(COLLECTION, query=models.OrderByQuery(order_by=order)).points),
    }


@step
def query_batch(client: Any) -> Any:
    """Two queries in one request answer in order."""
    requests = [
        models.QueryRequest(query=[1.0, 0.0, 0.0, 0.0], using="text", limit=2),
        models.QueryRequest(query=[0.0, 0.0, 0.0], using="image", limit=1),
    ]
    return [hits(answer) for answer in client.query_batch_points(COLLECTION, requests=requests)]


@step
def query_groups(client: Any) -> Any:
    """The best two of each city."""
    groups = client.query_points_groups(
        COLLECTION, group_by="city", query=[1.0, 0.0, 0.0, 0.0], using="text", group_size=2
    ).groups
    return [[group.id, [[hit.id, hit.score] for hit in group.hits]] for group in groups]


@step
def facet(client: Any) -> Any:
    """How many points each city has."""
    return [[hit.value, hit.count] for hit in client.facet(COLLECTION, key="city", exact=True).hits]


@step
def matrix(client: Any) -> Any:
    """Similarities within a sample that is everything that matches."""
    berlin = models.Filter(must=[match("city", "Berlin")])
    pairs = client.search_matrix_pairs(
        COLLECTION, query_filter=berlin, sample=2, limit=1, using="text"
    ).pairs
    return [[pair.a, pair.b, pair.score] for pair in pairs]


@step
def payload_operations(client: Any) -> Any:
    """Set, set at a path, set by a filter, overwrite, delete keys, clear."""
    london = models.Filter(must=[match("city", "London")])
    outcomes = [
        client.set_payload(COLLECTION, {"seen": True, "number": 10}, points=[1]),
        client.set_payload(COLLECTION, {"added": "deep"}, points=[4], key="nested.deep"),
        client.set_payload(COLLECTION, {"seen": False}, points=london),
        client.overwrite_payload(COLLECTION, {"only": ["this"]}, points=[2]),
        client.delete_payload(COLLECTION, ["price", "nested.deep.list"], points=[4, 5]),
        client.clear_payload(COLLECTION, points_selector=[UUID]),
    ]
    records = client.retrieve(COLLECTION, [1, 2, 3, 4, 5, UUID], with_payload=True)
    payloads = {str(record.id): record.payload for record in records}
    return {
        "outcomes": [status(outcome) for outcome in outcomes],
        "1": [payloads["1"]["seen"], payloads["1"]["number"], payloads["1"]["city"]],
        "3": payloads["3"]["seen"],
        **{point: payloads[point] for point in ("2", "4", "5", UUID)},
    }


@step
def vector_operations(client: Any) -> Any:
    """Replace one vector of a point, delete another."""
    outcomes = [
        client.update_vectors(
            COLLECTION, [models.PointVectors(id=1, vector={"image": [1.0, 1.0, 1.0]})]
        ),
        client.delete_vectors(COLLECTION, ["words"], points=[1]),
    ]
    (record,) = client.retrieve(COLLECTION, [1], with_vectors=True)
    return {"outcomes": [status(outcome) for outcome in outcomes], "1": vectors_of(record)}


@step
def batch_update(client: Any) -> Any:
    """Several kinds of change in one request, applied in order."""
    new = struct(POINTS[0] | {"id": 7, "payload": {}})
    outcomes = client.batch_update_points(
        COLLECTION,
        update_operations=[
            models.UpsertOperation(upsert=models.PointsList(points=[new])),
            models.SetPayloadOperation(set_payload=models.SetPayload(payload={"n": 7}, points=[7])),
            models.DeleteOperation(delete=models.PointIdsList(points=[5])),
        ],
    )
    records, _ = client.scroll(COLLECTION, limit=10)
    seven = next(record.payload for record in records if record.id == 7)
    return {"outcomes": len(outcomes), "ids": ids(records), "7": seven}


@step
def delete(client: Any) -> Any:
    """By ids and by a filter."""
    berlin = models.Filter(must=[match("city", "Berlin")])
    outcomes = [
        client.delete(COLLECTION, points_selector=[7, 2]),
        client.delete(COLLECTION, points_selector=models.FilterSelector(filter=berlin)),
    ]
    return [*map(status, outcomes), ids(client.scroll(COLLECTION)[0])]


@step
def aliases(client: Any) -> Any:
    """Create, read through, rename, list and delete an alias."""
    change = client.update_collection_aliases
    create = models.CreateAlias(collection_name=COLLECTION, alias_name="tour_alias")
    rename = models.RenameAlias(old_alias_name="tour_alias", new_alias_name="tour_renamed")
    answers = [
        change([models.CreateAliasOperation(create_alias=create)]),
        client.count("tour_alias", exact=True).count,
        change([models.RenameAliasOperation(rename_alias=rename)]),
        [alias.alias_name for alias in client.get_collection_aliases(COLLECTION).aliases],
        "tour_renamed" in [alias.alias_name for alias in client.get_aliases().aliases],
    ]
    delete = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="tour_renamed"))
    return [*answers, change([delete]), client.get_collection_aliases(COLLECTION).aliases]


@step
def one_unnamed_vector(client: Any) -> Any:
    """The simplest collection: normalised for cosine, and updated while it lives."""
    client.create_collection(
        SECOND, vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE)
    )
    client.upsert(SECOND, points=[models.PointStruct(id=1, vector=[3.0, 4.0])], wait=True)
    (record,) = client.retrieve(SECOND, [1], with_vectors=True)
    updated = client.update_collection(SECOND, hnsw_config=models.HnswConfigDiff(ef_construct=150))
    beam = client.get_collection(SECOND).config.hnsw_config.ef_construct
    return [record.vector, updated, beam]


@step
def errors(client: Any) -> Any:
    """What a client is told when the mistake is the user's."""
    unnamed = models.VectorParams(size=2, distance=models.Distance.DOT)
    short = models.PointStruct(id=1, vector=[1.0])
    ask = client.query_points
    return {
        "missing collection": refusal(lambda: client.get_collection("tour_absent")),
        "existing collection": refusal(
            lambda: client.create_collection(SECOND, vectors_config=unnamed)
        ),
        "wrong length": refusal(lambda: client.upsert(SECOND, points=[short])),
        "wrong name": refusal(lambda: ask(SECOND, query=[1.0, 0.0], using="absent")),
        "wrong query": refusal(lambda: ask(SECOND, query=[1.0, 0.0, 0.0])),
        "missing point": refusal(lambda: ask(SECOND, query=77)),
        "limit of zero": refusal(lambda: ask(SECOND, query=[1.0, 0.0], limit=0)),
        "facet without index": refusal(lambda: client.facet(SECOND, key="city")),
    }


@step
def delete_collections(client: Any) -> Any:
    """Deleted once, and gone."""
    return [
        client.delete_collection(COLLECTION),
        client.delete_collection(SECOND),
        client.collection_exists(COLLECTION),
    ]
