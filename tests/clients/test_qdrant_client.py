"""Does the official qdrant-client work unchanged? Collections, points, payloads, aliases."""

import uuid
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

Vectors = NDArray[np.float32]
UUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


def create(client: QdrantClient, name: str, size: int = 4) -> None:
    """Create a collection with one unnamed cosine vector."""
    client.create_collection(
        name, vectors_config=models.VectorParams(size=size, distance=models.Distance.COSINE)
    )


def create_named(client: QdrantClient, name: str) -> None:
    """Create a collection with the vectors `text` (4, dot) and `image` (3, euclid)."""
    client.create_collection(
        name,
        vectors_config={
            "text": models.VectorParams(size=4, distance=models.Distance.DOT),
            "image": models.VectorParams(size=3, distance=models.Distance.EUCLID),
        },
    )


def fill(client: QdrantClient, name: str, points: int = 10) -> None:
    """Upsert points 1..n: point i has the vector [1, i, 0, 0] and the payload number=i, even=..."""
    client.upsert(
        name,
        points=[
            models.PointStruct(
                id=i, vector=[1.0, float(i), 0.0, 0.0], payload={"number": i, "even": i % 2 == 0}
            )
            for i in range(1, points + 1)
        ],
        wait=True,
    )


def refused(status: int, call: object, *arguments: object, **options: object) -> str:
    """Return the message of a call that the server must answer with this status."""
    with pytest.raises(UnexpectedResponse) as caught:
        call(*arguments, **options)  # type: ignore[operator]
    assert caught.value.status_code == status, caught.value.content
    return caught.value.content.decode()


def payloads(client: QdrantClient, name: str) -> dict[object, object]:
    """Return every point's payload by id."""
    records, _ = client.scroll(name, limit=1000, with_payload=True)
    return {record.id: record.payload for record in records}


def test_created_collection_is_described(client: QdrantClient, name: str) -> None:
    """Size, distance, counts and defaults come back as they are set."""
    create(client, name)
    assert client.collection_exists(name)
    assert name in [c.name for c in client.get_collections().collections]
    info = client.get_collection(name)
    assert info.status == models.CollectionStatus.GREEN
    assert info.points_count == 0
    assert info.config.params.vectors == models.VectorParams(
        size=4, distance=models.Distance.COSINE
    )
    assert info.config.hnsw_config.m == 16
    fill(client, name)
    assert client.get_collection(name).points_count == 10


def test_named_vectors_are_described(client: QdrantClient, name: str) -> None:
    """Each name has its own size and distance."""
    create_named(client, name)
    described = client.get_collection(name).config.params.vectors
    assert isinstance(described, dict)
    assert {key: (v.size, v.distance) for key, v in described.items()} == {
        "text": (4, models.Distance.DOT),
        "image": (3, models.Distance.EUCLID),
    }


def test_deleted_collection_is_gone(client: QdrantClient, name: str) -> None:
    """Deleting answers true once, and false afterwards."""
    create(client, name)
    assert client.delete_collection(name)
    assert not client.collection_exists(name)
    assert not client.delete_collection(name)
    refused(404, client.get_collection, name)


def test_update_collection_changes_what_was_asked(client: QdrantClient, name: str) -> None:
    """Parameters of a live collection change; the rest stays."""
    create(client, name)
    assert client.update_collection(
        name,
        hnsw_config=models.HnswConfigDiff(ef_construct=150),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=5000),
    )
    config = client.get_collection(name).config
    assert config.hnsw_config.ef_construct == 150
    assert config.hnsw_config.m == 16
    assert config.optimizer_config.indexing_threshold == 5000


def test_second_collection_of_a_name_is_refused(client: QdrantClient, name: str) -> None:
    """Creating twice is a conflict."""
    create(client, name)
    assert "already exists" in refused(409, create, client, name)


def test_missing_collection_is_not_found(client: QdrantClient) -> None:
    """Every operation says which collection does not exist."""
    for call in (
        lambda: client.get_collection("absent"),
        lambda: client.query_points("absent", query=[0.1] * 4),
        lambda: client.scroll("absent"),
        lambda: client.count("absent"),
        lambda: client.upsert("absent", points=[models.PointStruct(id=1, vector=[0.1] * 4)]),
    ):
        assert "absent" in refused(404, call)


def test_wrong_vectors_are_refused(client: QdrantClient, name: str) -> None:
    """Wrong length, wrong name: 400, and nothing is written."""
    create(client, name)
    wrong: list[Any] = [[1.0, 2.0], {"other": [1.0, 2.0, 3.0, 4.0]}]
    for vector in wrong:
        point = models.PointStruct(id=1, vector=vector)
        refused(400, client.upsert, name, points=[point])
    refused(400, client.query_points, name, query=[1.0, 2.0])
    refused(400, client.query_points, name, query=[1.0] * 4, using="other")
    assert client.count(name).count == 0


def test_values_out_of_range_are_refused(client: QdrantClient, name: str) -> None:
    """Limits below one are a validation error."""
    create(client, name)
    refused(422, client.query_points, name, query=[1.0] * 4, limit=0)
    refused(422, client.scroll, name, limit=0)


def test_upserted_points_come_back(client: QdrantClient, name: str) -> None:
    """Integers up to 2^64-1 and UUIDs are ids; vectors come back normalised for cosine."""
    create(client, name)
    largest = 2**64 - 1
    result = client.upsert(
        name,
        points=[
            models.PointStruct(id=1, vector=[3.0, 0.0, 4.0, 0.0], payload={"a": {"b": [1, None]}}),
            models.PointStruct(id=UUID, vector=[1.0, 1.0, 1.0, 1.0]),
            models.PointStruct(id=largest, vector=[0.0, 1.0, 0.0, 0.0], payload={}),
        ],
        wait=True,
    )
    assert result.status == models.UpdateStatus.COMPLETED
    found = client.retrieve(name, ids=[1, UUID, largest, 99], with_vectors=True)
    by_id = {record.id: record for record in found}
    assert set(by_id) == {1, UUID, largest}
    assert by_id[1].vector == pytest.approx([0.6, 0.0, 0.8, 0.0])
    assert by_id[1].payload == {"a": {"b": [1, None]}}
    assert by_id[UUID].payload == {}


def test_batch_of_columns_is_upserted(client: QdrantClient, name: str) -> None:
    """models.Batch carries ids, vectors and payloads beside each other."""
    create(client, name)
    client.upsert(
        name,
        points=models.Batch(
            ids=[1, 2, 3],
            vectors=[[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0]],
            payloads=[{"n": 1}, {}, {"n": 3}],
        ),
    )
    assert payloads(client, name) == {1: {"n": 1}, 2: {}, 3: {"n": 3}}


def test_upsert_replaces_the_whole_point(client: QdrantClient, name: str) -> None:
    """Vector and payload of an existing id are replaced."""
    create(client, name)
    fill(client, name, 2)
    client.upsert(name, points=[models.PointStruct(id=1, vector=[0.0, 0.0, 0.0, 2.0])])
    (record,) = client.retrieve(name, ids=[1], with_vectors=True)
    assert record.payload == {}
    assert record.vector == [0.0, 0.0, 0.0, 1.0]
    assert client.count(name).count == 2


def test_upload_of_arrays_works(client: QdrantClient, name: str) -> None:
    """upload_collection sends numpy arrays in batches, with generated ids."""
    create(client, name)
    array = np.random.default_rng(3).normal(size=(100, 4)).astype(np.float32)
    client.upload_collection(name, vectors=array, batch_size=16, wait=True)
    records, _ = client.scroll(name, limit=1000)
    assert len({uuid.UUID(str(record.id)) for record in records}) == 100


def test_named_vectors_are_stored_and_searched_by_name(client: QdrantClient, name: str) -> None:
    """A point may have some of the vectors only; a search sees the points that have it."""
    create_named(client, name)
    client.upsert(
        name,
        points=[
            models.PointStruct(id=1, vector={"text": [1.0, 0, 0, 0], "image": [0.0, 3.0, 4.0]}),
            models.PointStruct(id=2, vector={"text": [2.0, 0, 0, 0]}),
            models.PointStruct(id=3, vector={"image": [0.0, 0.0, 1.0]}),
        ],
    )
    text = client.query_points(name, query=[1.0, 0, 0, 0], using="text").points
    assert [(hit.id, hit.score) for hit in text] == [(2, 2.0), (1, 1.0)]
    image = client.query_points(name, query=[0.0, 0.0, 0.0], using="image").points
    assert [(hit.id, hit.score) for hit in image] == [(3, 1.0), (1, 5.0)]
    (record,) = client.retrieve(name, ids=[1], with_vectors=["image"])
    assert record.vector == {"image": [0.0, 3.0, 4.0]}
    refused(400, client.query_points, name, query=[1.0, 0, 0, 0])


def test_vectors_are_updated_and_deleted(client: QdrantClient, name: str) -> None:
    """Other vectors and the payload stay."""
    create_named(client, name)
    point = models.PointStruct(
        id=1, vector={"text": [1.0, 0, 0, 0], "image": [0.0, 3.0, 4.0]}, payload={"kept": True}
    )
    client.upsert(name, points=[point])
    client.update_vectors(
        name, points=[models.PointVectors(id=1, vector={"image": [1.0, 1.0, 1.0]})]
    )
    (record,) = client.retrieve(name, ids=[1], with_vectors=True)
    assert record.vector == {"text": [1.0, 0.0, 0.0, 0.0], "image": [1.0, 1.0, 1.0]}
    client.delete_vectors(name, vectors=["text"], points=[1])
    (record,) = client.retrieve(name, ids=[1], with_vectors=True)
    assert record.vector == {"image": [1.0, 1.0, 1.0]}
    assert record.payload == {"kept": True}
    assert client.query_points(name, query=[1.0, 0, 0, 0], using="text").points == []


def test_points_are_deleted_by_id_and_by_filter(client: QdrantClient, name: str) -> None:
    """Deleted points are neither found, nor counted, nor retrieved."""
    create(client, name)
    fill(client, name)
    client.delete(name, points_selector=[1, 2, 99])
    even = models.FieldCondition(key="even", match=models.MatchValue(value=True))
    client.delete(name, points_selector=models.Filter(must=[even]))
    assert set(payloads(client, name)) == {3, 5, 7, 9}
    assert client.count(name).count == 4
    found = client.query_points(name, query=[1.0, 1.0, 0, 0], limit=100).points
    assert {hit.id for hit in found} == {3, 5, 7, 9}


def test_payload_is_set_overwritten_deleted_and_cleared(client: QdrantClient, name: str) -> None:
    """Setting merges, overwriting replaces, deleting removes keys, clearing removes all."""
    create(client, name)
    fill(client, name, 4)
    client.set_payload(name, payload={"a": {"x": 1}}, points=[1])
    client.set_payload(name, payload={"y": 2}, key="a", points=[1])
    client.overwrite_payload(name, payload={"only": 1}, points=[2])
    client.delete_payload(name, keys=["even"], points=[3])
    four = models.FieldCondition(key="number", match=models.MatchValue(value=4))
    client.clear_payload(name, points_selector=models.Filter(must=[four]))
    assert payloads(client, name) == {
        1: {"number": 1, "even": False, "a": {"x": 1, "y": 2}},
        2: {"only": 1},
        3: {"number": 3},
        4: {},
    }


def test_batch_update_applies_operations_in_order(client: QdrantClient, name: str) -> None:
    """One request, several kinds of change."""
    create(client, name)
    fill(client, name, 3)
    results = client.batch_update_points(
        name,
        update_operations=[
            models.UpsertOperation(
                upsert=models.PointsList(
                    points=[models.PointStruct(id=9, vector=[0, 0, 0, 1.0], payload={"n": 9})]
                )
            ),
            models.SetPayloadOperation(set_payload=models.SetPayload(payload={"m": 1}, points=[9])),
            models.OverwritePayloadOperation(
                overwrite_payload=models.SetPayload(payload={"o": 1}, points=[1])
            ),
            models.DeletePayloadOperation(
                delete_payload=models.DeletePayload(keys=["even"], points=[2])
            ),
            models.DeleteOperation(delete=models.PointIdsList(points=[3])),
            models.UpdateVectorsOperation(
                update_vectors=models.UpdateVectors(
                    points=[models.PointVectors(id=9, vector=[1.0, 0, 0, 0])]
                )
            ),
        ],
    )
    assert len(results) == 6
    assert payloads(client, name) == {1: {"o": 1}, 2: {"number": 2}, 9: {"n": 9, "m": 1}}
    (record,) = client.retrieve(name, ids=[9], with_vectors=True)
    assert record.vector == [1.0, 0.0, 0.0, 0.0]


def test_scroll_pages_through_every_point_once(client: QdrantClient, name: str) -> None:
    """Pages are in the order of ids, and the last one has no next offset."""
    create(client, name)
    fill(client, name, 25)
    seen: list[object] = []
    offset: Any = None
    for _ in range(10):
        page, offset = client.scroll(name, limit=7, offset=offset, with_payload=["number"])
        assert all(set(record.payload or {}) == {"number"} for record in page)
        assert all(record.vector is None for record in page)
        seen += [record.id for record in page]
        if offset is None:
            break
    assert seen == list(range(1, 26))


def test_query_options_shape_the_answer(client: QdrantClient, name: str) -> None:
    """limit, offset, threshold, payload and vector selection, search parameters."""
    create(client, name)
    fill(client, name)
    query = [1.0, 10.0, 0.0, 0.0]
    everything = client.query_points(name, query=query, limit=10).points
    assert [hit.id for hit in everything] == list(range(10, 0, -1))
    assert everything[0].payload == {"number": 10, "even": True}
    assert everything[0].score == pytest.approx(1.0)
    page = client.query_points(name, query=query, limit=3, offset=2, with_payload=False).points
    assert [hit.id for hit in page] == [8, 7, 6]
    assert all(hit.payload is None and hit.vector is None for hit in page)
    close = client.query_points(name, query=query, score_threshold=everything[3].score).points
    assert [hit.id for hit in close] == [10, 9, 8, 7]
    params = models.SearchParams(hnsw_ef=128, exact=True)
    (best,) = client.query_points(
        name, query=query, limit=1, search_params=params, with_vectors=True
    ).points
    assert best.vector == pytest.approx([x / 101**0.5 for x in query])


def test_query_by_id_leaves_that_point_out(client: QdrantClient, name: str) -> None:
    """A stored point stands for its vector."""
    create(client, name)
    fill(client, name)
    found = client.query_points(name, query=10, limit=3).points
    assert [hit.id for hit in found] == [9, 8, 7]
    assert "77" in refused(404, client.query_points, name, query=77)


def test_query_without_a_vector_lists_points(client: QdrantClient, name: str) -> None:
    """No query: points by id, score 0."""
    create(client, name)
    fill(client, name)
    found = client.query_points(name, limit=3).points
    assert [(hit.id, hit.score) for hit in found] == [(1, 0.0), (2, 0.0), (3, 0.0)]


def test_query_batch_answers_in_order(client: QdrantClient, name: str) -> None:
    """Each request of a batch has its own filter and limit."""
    create(client, name)
    fill(client, name)
    even = models.Filter(
        must=[models.FieldCondition(key="even", match=models.MatchValue(value=True))]
    )
    first, second = client.query_batch_points(
        name,
        requests=[
            models.QueryRequest(query=[1.0, 10.0, 0, 0], limit=2),
            models.QueryRequest(query=[1.0, 1.0, 0, 0], limit=2, filter=even, with_payload=True),
        ],
    )
    assert [hit.id for hit in first.points] == [10, 9]
    assert [hit.id for hit in second.points] == [2, 4]
    assert second.points[0].payload == {"number": 2, "even": True}


def test_aliases_stand_for_collections_and_switch(client: QdrantClient, name: str) -> None:
    """All actions of one request are applied together."""
    create(client, name)
    fill(client, name, 3)
    other, alias = f"{name}_other", f"{name}_alias"
    create(client, other)
    client.update_collection_aliases(
        [
            models.CreateAliasOperation(
                create_alias=models.CreateAlias(collection_name=name, alias_name=alias)
            )
        ]
    )
    assert client.count(alias).count == 3
    client.update_collection_aliases(
        [
            models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)),
            models.CreateAliasOperation(
                create_alias=models.CreateAlias(collection_name=other, alias_name=alias)
            ),
        ]
    )
    assert client.count(alias).count == 0
    of_other = client.get_collection_aliases(other).aliases
    assert [(a.alias_name, a.collection_name) for a in of_other] == [(alias, other)]
    assert alias in [a.alias_name for a in client.get_aliases().aliases]
    client.delete_collection(other)
    assert alias not in [a.alias_name for a in client.get_aliases().aliases]


def test_payload_indexes_are_described_and_deleted(client: QdrantClient, name: str) -> None:
    """Every type is accepted; its parameters come back as they were given."""
    create(client, name)
    fill(client, name)
    schemas: dict[str, Any] = {
        "number": models.PayloadSchemaType.INTEGER,
        "even": models.PayloadSchemaType.BOOL,
        "word": models.PayloadSchemaType.KEYWORD,
        "price": models.PayloadSchemaType.FLOAT,
        "when": models.PayloadSchemaType.DATETIME,
        "uuid": models.PayloadSchemaType.UUID,
        "key": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    }
    for field, schema in schemas.items():
        client.create_payload_index(name, field_name=field, field_schema=schema, wait=True)
    described = client.get_collection(name).payload_schema
    assert {field: d.data_type.value for field, d in described.items()} == {
        "number": "integer",
        "even": "bool",
        "word": "keyword",
        "price": "float",
        "when": "datetime",
        "uuid": "uuid",
        "key": "keyword",
    }
    assert described["number"].points == 10
    assert described["key"].params == schemas["key"]
    client.delete_payload_index(name, field_name="number")
    assert "number" not in client.get_collection(name).payload_schema
