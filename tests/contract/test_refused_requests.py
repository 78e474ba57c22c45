"""Is each wrong request of the wire refused with its status, and told which field is wrong?

A row: the request, its fields, the status, and words of the message. Both the embedded database and
the server are asked; the collection has every kind of vector.
"""

from typing import Any

import pytest

from ruvector.client.client import RuvectorClient
from ruvector.errors import RuvectorError
from ruvector.model import requests as r

NAME = "refused_requests"
ONES = [1.0, 1.0, 1.0]
PAIR = {"positive": 1, "negative": 2}
SPARSE = {"indices": [1], "values": [1.0]}
Row = tuple[type[r.Request[Any]], dict[str, Any], int, str]


def query(form: Any, status: int, words: str, **fields: Any) -> Row:
    """Return a row for a query."""
    return r.QueryPoints, {"query": form, **fields}, status, words


def where(condition: Any, status: int, words: str) -> Row:
    """Return a row for a condition of a filter."""
    return r.Count, {"filter": {"must": [condition]}}, status, words


def at(key: str, status: int, words: str, **test: Any) -> Row:
    """Return a row for a condition on a field."""
    return where({"key": key, **test}, status, words)


def index(schema: Any, status: int, words: str) -> Row:
    """Return a row for a payload index."""
    return r.CreateFieldIndex, {"field_name": "new", "field_schema": schema}, status, words


def quantized(config: Any, status: int, words: str) -> Row:
    """Return a row for a collection with this quantization."""
    fields = {"collection": "refused", "quantization_config": config}
    return r.CreateCollection, {"vectors": {"size": 3, "distance": "Dot"}, **fields}, status, words


def deep(levels: int) -> Any:
    """Return prefetches within prefetches."""
    found: Any = {"query": ONES}
    for _ in range(levels):
        found = {"query": ONES, "prefetch": found}
    return found


def ring(*points: tuple[float, float]) -> Any:
    """Return a ring through points."""
    return {"points": [{"lon": lon, "lat": lat} for lon, lat in points]}


DECAY = {"x": "number", "scale": 0}
FEEDBACK = {"target": 1, "feedback": [{"example": 2, "score": 1.0}]}
QUERIES: list[Row] = [
    query(None, 400, "A query is needed to merge the prefetches", prefetch={"query": ONES}),
    query(None, 400, "score_threshold needs a query", score_threshold=0.5),
    query(None, 400, "params.idf", params=r.SearchParams(idf="global")),
    query(99, 404, "No point with id 99 found"),
    query(ONES, 400, "Not existing vector name error: x", using="x"),
    query(ONES, 422, "prefetch", prefetch=deep(65)),
    query(ONES, 422, "prefetch[0].limit", prefetch={"query": ONES, "limit": 0}),
    query(ONES, 400, "prefetch[0]: unknown field `top_k`", prefetch={"top_k": 3}),
    query(ONES, 400, "params.idf", params=r.SearchParams(idf="global")),
    query(ONES, 400, "shard_key", shard_key="a"),
    query(ONES, 404, "Collection missing not found", lookup_from={"collection": "missing"}),
    query(1, 404, "Collection missing not found", lookup_from={"collection": "missing"}),
    query({"fusion": "rrf"}, 400, "using", using="", prefetch={"query": ONES}),
    query({"fusion": "sum"}, 400, "query.fusion"),
    query({"rrf": {"k": 0}}, 422, "query.rrf.k", prefetch={"query": ONES}),
    query({"rrf": {"weights": [1, 2]}}, 400, "query.rrf.weights", prefetch={"query": ONES}),
    query({"recommend": {"negative": [1]}}, 422, "query.recommend.positive"),
    query({"recommend": {"strategy": "best_score"}}, 422, "query.recommend"),
    query({"recommend": {"positive": [1], "strategy": "best"}}, 400, "query.recommend.strategy"),
    query({"recommend": {"positive": [99]}}, 404, "No point with id 99 found"),
    query({"discover": {"context": [PAIR]}}, 400, "query.discover"),
    query({"discover": {"target": 1, "context": [{"positive": 1}]}}, 400, "negative"),
    query({"context": 5}, 400, "query.context"),
    query({"order_by": "city"}, 400, "No range index for `order_by` key: `city`"),
    query({"order_by": "number"}, 400, "score_threshold", score_threshold=1.0),
    query({"order_by": {"key": "number", "direction": "up"}}, 400, "query.order_by.direction"),
    query({"order_by": {"key": "number", "start_from": "soon"}}, 400, "start_from"),
    query({"sample": "all"}, 400, "query.sample"),
    query({"formula": {"sin": 1}}, 400, "query.formula"),
    query({"formula": "$scores"}, 400, "$score"),
    query({"formula": {"exp_decay": DECAY}}, 400, "scale", prefetch={"query": ONES}),
    query({"formula": "missing"}, 400, "missing", prefetch={"query": ONES}),
    query({"formula": {"ln": 0.0}}, 400, "ln(0.0)", prefetch={"query": ONES}),
    query({"formula": {"max": []}}, 400, "query.formula.max"),
    query({"nearest": ONES, "mmr": {"diversity": 2}}, 422, "query.mmr.diversity"),
    query({"nearest": ONES, "mmr": {"candidates_limit": 0}}, 422, "candidates_limit"),
    query({"relevance_feedback": FEEDBACK}, 400, "strategy"),
    query({"text": "word"}, 400, "using"),
    query({"text": "word"}, 400, "text index", using="city"),
    query({"model": "other", "text": "word"}, 400, "other", using="sparse"),
    query({"nearest": ONES, "sample": "random"}, 400, "exactly one of"),
    query({"indices": [1, 1], "values": [1, 2]}, 422, "indices", using="sparse"),
    query({"indices": [1], "values": [1, 2]}, 422, "indices", using="sparse"),
    query({"indices": [-1], "values": [1]}, 422, "indices", using="sparse"),
    query(ONES, 400, "sparse", using="sparse"),
    query(SPARSE, 400, "dense"),
    query([ONES, [1.0]], 422, "query", using="many"),
    query([], 400, "dimension"),
    (r.Scroll, {"offset": 1, "order_by": "number"}, 400, "offset"),
    (r.Scroll, {"order_by": "city"}, 400, "city"),
    (r.Scroll, {"with_payload": ["a[["]}, 400, "a[["),
    (r.QueryGroups, {"group_by": "city", "query": ONES, "group_size": 0}, 422, "group_size"),
    (r.QueryGroups, {"group_by": "a[[", "query": ONES}, 400, "a[["),
    (r.QueryGroups, {"group_by": "city", "query": ONES, "limit": 0}, 422, "limit"),
    (
        r.QueryGroups,
        {"group_by": "city", "query": ONES, "with_lookup": "missing"},
        404,
        "missing",
    ),
    (r.Facet, {"key": "place"}, 400, "`place`"),
    (r.Facet, {"key": "city", "limit": 0}, 422, "limit"),
    (r.Facet, {"key": "city", "aggregate": ["city"]}, 400, "aggregate"),
    (r.MatrixPairs, {"sample": 1}, 422, "sample"),
    (r.MatrixOffsets, {"limit": 0}, 422, "limit"),
    (r.MatrixPairs, {"using": "x"}, 400, "x"),
    (r.Discover, {"limit": 3}, 400, "target"),
    (r.Recommend, {"limit": 3, "positive": []}, 422, "positive"),
    (r.Search, {"limit": 3, "vector": {"name": "x", "vector": ONES}}, 400, "x"),
]
WRITES: list[Row] = [
    (r.SetPayload, {"payload": {}, "points": [1], "key": "a[["}, 400, "a[["),
    (r.SetPayload, {"payload": {}, "points": [1], "filter": {}}, 400, "points and filter"),
    (r.DeletePayload, {"keys": ["a."], "points": [1]}, 400, "a."),
    (r.DeletePoints, {}, 400, "points and filter"),
    (r.DeletePoints, {"points": [1], "shard_key": 5}, 400, "shard_key"),
    (r.DeletePoints, {"filter": {"must": [{"key": "a"}]}}, 422, "field condition"),
    (r.DeleteVectors, {"vector": ["x"], "points": [1]}, 400, "x"),
    (r.CreateVector, {"vector_name": "new"}, 400, "dense and sparse"),
    (r.CreateVector, {"vector_name": "new", "dense": {"size": 0, "distance": "Dot"}}, 422, "size"),
    (r.CreateVector, {"vector_name": "a/b", "sparse": {}}, 422, "vector name"),
    (r.ChangeAliases, {"actions": [{"make_alias": {}}]}, 400, "actions[0]"),
    (r.CleanUpShard, {"shard": 1}, 404, "Shard 1"),
    (r.GetOptimizations, {"with_": ["all"]}, 400, "with"),
    (r.UpdateQuotas, {"max_disk_usage_percent": 0}, 422, "max_disk_usage_percent"),
]
FILTERS: list[Row] = [
    (r.Count, {"filter": {"musst": []}}, 400, "musst"),
    (r.Count, {"filter": {"min_should": {"conditions": []}}}, 400, "min_count"),
    (r.Count, {"filter": {"min_should": {"conditions": [], "min_count": 0}}}, 422, "min_count"),
    where({"key": "a"}, 422, "At least one field condition must be specified"),
    where({"has_vector": "x"}, 400, "x"),
    where({"has_id": [-1]}, 400, "has_id[0]"),
    where({"slice": {"total": 0, "index": 0}}, 400, "total"),
    where({"slice": {"total": 2, "index": 2}}, 422, "index"),
    where({"is_null": {}}, 400, "is_null.key"),
    where({"nested": {"key": "a"}}, 400, "nested: missing field `filter`"),
    where({"nested": {"key": "a", "filter": {"must": [{"has_id": [1]}]}}}, 400, "has_id"),
    where({"unknown": 1}, 400, "unknown"),
    at("a[[", 400, "a[[", match={"value": 1}),
    at("a", 400, "match.value", match={"value": 1.5}),
    at("a", 400, "match.any", match={"any": [1, "b"]}),
    at("a", 400, "match", match={"value": 1, "text": "b"}),
    at("a", 400, "range.gt", range={"gt": "yesterday"}),
    at("a", 400, "range: unknown field `above`", range={"above": 1}),
    at("a", 400, "values_count.gte", values_count={"gte": -1}),
    at("a", 400, "is_empty", is_empty=1),
    at("a", 422, "geo_radius.radius", geo_radius={"center": {"lon": 0, "lat": 0}, "radius": -1}),
    at("a", 422, "center.lon", geo_radius={"center": {"lon": 181, "lat": 0}, "radius": 1}),
    at("a", 400, "geo_bounding_box", geo_bounding_box={"top_left": {"lon": 0, "lat": 0}}),
    at("a", 422, "exterior", geo_polygon={"exterior": ring((0, 0), (1, 0), (0, 0))}),
    at("a", 422, "exterior", geo_polygon={"exterior": ring((0, 0), (1, 0), (1, 1), (0, 1))}),
]
INDEXES: list[Row] = [
    index("words", 400, "words"),
    index({"type": "integer", "lookup": False, "range": False}, 422, "can't be both disabled"),
    index({"type": "keyword", "tokenizer": "word"}, 400, "tokenizer"),
    index({"type": "float", "is_principal": 1}, 400, "is_principal"),
    index({"type": "geo", "memory": "hot"}, 400, "memory"),
    index({"type": "text", "tokenizer": "letters"}, 400, "tokenizer"),
    index({"type": "text", "stopwords": "klingon"}, 400, "klingon"),
    index({"type": "text", "stemmer": {"type": "porter"}}, 400, "stemmer.type"),
    index({"type": "text", "stemmer": {"type": "snowball", "language": "x"}}, 400, "language"),
    index({"type": "text", "min_token_len": 5, "max_token_len": 2}, 422, "max_token_len"),
]
QUANTIZATIONS: list[Row] = [
    quantized({"scalar": {"type": "int8", "quantile": 0.2}}, 422, "quantile"),
    quantized({"scalar": {"type": "int4"}}, 400, "scalar"),
    quantized({"product": {"compression": "x3"}}, 400, "compression"),
    quantized({"binary": {"encoding": "three_bits"}}, 400, "encoding"),
    quantized({"turbo": {"bits": "bits5"}}, 400, "bits"),
    quantized({"turbo": {}, "binary": {}}, 400, "quantization_config"),
    quantized({}, 400, "quantization_config"),
    quantized({"scalar": {"type": "int8", "memory": "hot"}}, 400, "memory"),
]
ROWS = [*QUERIES, *WRITES, *FILTERS, *INDEXES, *QUANTIZATIONS]


@pytest.fixture(params=["embedded", "rest"])
def place(request: pytest.FixtureRequest) -> RuvectorClient:
    """Return a client of each kind in turn, with the collection; refused requests leave it be."""
    client: RuvectorClient = request.getfixturevalue(request.param)
    vectors = {"size": 3, "distance": "Dot"}
    several = {**vectors, "multivector_config": {"comparator": "max_sim"}}
    if client.create_collection(
        NAME,
        vectors={"": vectors, "many": several},
        sparse_vectors={"sparse": {}},
        exist_ok=True,
    ):
        payloads = [{"number": i, "city": "Oslo"} for i in range(3)]
        client.upsert(NAME, ids=range(3), vectors={"": [ONES] * 3}, payloads=payloads)
        client.create_payload_index(NAME, "number", "integer")
        client.create_payload_index(NAME, "city", "keyword")
    return client


@pytest.mark.parametrize(
    ("request_type", "fields", "status", "words"),
    ROWS,
    ids=[f"{kind.__name__} {str(fields)[:70]}" for kind, fields, _, _ in ROWS],
)
def test_wrong_request_has_its_status_and_names_the_field(
    place: RuvectorClient,
    request_type: type[r.Request[Any]],
    fields: dict[str, Any],
    status: int,
    words: str,
) -> None:
    if "collection" in request_type.__struct_fields__:
        fields = {"collection": NAME, **fields}
    with pytest.raises(RuvectorError) as refusal:
        place._transport.execute(request_type(**fields))
    assert (refusal.value.http_status, words in refusal.value.message) == (status, True), repr(
        refusal.value
    )
