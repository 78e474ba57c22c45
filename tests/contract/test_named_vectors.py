"""Points with several vectors, and vectors kept as float16 or uint8."""

from typing import Any

import numpy as np
import pytest

from ruvector.client.client import RuvectorClient
from ruvector.client.collection import Collection
from ruvector.errors import BadInput

VECTORS = {
    "title": {"dimensions": 3, "distance": "cosine"},
    "body": {"size": 2, "distance": "Euclid"},
}


@pytest.fixture
def pages(client: RuvectorClient, name: str) -> Collection:
    """Return a collection of three points: the second has no title, the third no body."""
    client.create_collection(name, vectors=VECTORS)
    client.upsert(
        name,
        points=[
            {"id": 1, "vector": {"title": [1, 0, 0], "body": [0, 0]}},
            {"id": 2, "vector": {"body": [3, 4]}},
            {"id": 3, "vector": {"title": np.array([0.0, 1.0, 0.0], dtype=np.float32)}},
        ],
    )
    return client.collection(name)


def test_each_name_has_its_own_parameters(pages: Collection) -> None:
    vectors = pages.get_collection().config["params"]["vectors"]
    assert vectors["title"] == {"size": 3, "distance": "Cosine"}
    assert vectors["body"] == {"size": 2, "distance": "Euclid"}


def test_search_uses_the_named_vector_and_only_points_that_have_it(pages: Collection) -> None:
    assert [hit.id for hit in pages.search([1, 0, 0], using="title")] == [1, 3]
    hits = pages.search([3, 4], using="body")
    assert [(hit.id, hit.score) for hit in hits] == [(2, 0.0), (1, 5.0)]


def test_vectors_come_back_by_name(pages: Collection) -> None:
    one, two, three = pages.retrieve([1, 2, 3], with_vectors=True)
    assert set(one.vector) == {"title", "body"}
    assert set(two.vector) == {"body"}
    assert set(three.vector) == {"title"}
    assert two.vector["body"].dtype == np.float32
    assert two.vector["body"].tolist() == [3, 4]
    (one,) = pages.retrieve([1], with_vectors=["title"])
    assert set(one.vector) == {"title"}


def test_columns_by_name_are_written(pages: Collection) -> None:
    pages.upsert(
        ids=[10, 11],
        vectors={
            "title": np.eye(3, dtype=np.float32)[1:],
            "body": np.array([[6, 8], [9, 12]], dtype=np.float32),
        },
    )
    assert pages.search([9, 12], limit=1, using="body")[0].id == 11
    assert pages.search([0, 0, 1], limit=1, using="title")[0].id == 11


def test_update_vectors_leaves_the_other_names(pages: Collection) -> None:
    pages.set_payload({"kept": 1}, [1])
    pages.update_vectors([{"id": 1, "vector": {"body": [7, 7]}}])
    (one,) = pages.retrieve([1], with_vectors=True)
    assert one.vector["body"].tolist() == [7, 7]
    assert one.vector["title"].tolist() == [1, 0, 0]
    assert one.payload == {"kept": 1}
    assert pages.search([7, 7], limit=1, using="body")[0].id == 1


def test_delete_vectors_leaves_the_point(pages: Collection) -> None:
    pages.delete_vectors("body", [1, 2])
    assert pages.search([3, 4], using="body") == []
    assert [hit.id for hit in pages.search([1, 0, 0], using="title")] == [1, 3]
    assert pages.count() == 3
    pages.delete_vectors(["title"], filter={"must": [{"has_id": [3]}]})
    assert [hit.id for hit in pages.search([1, 0, 0], using="title")] == [1]


def test_upsert_replaces_all_vectors_of_a_point(pages: Collection) -> None:
    pages.upsert([{"id": 1, "vector": {"title": [0, 0, 1]}}])
    (one,) = pages.retrieve([1], with_vectors=True)
    assert set(one.vector) == {"title"}
    assert [hit.id for hit in pages.search([0, 0], using="body")] == [2]


def test_float16_vectors_are_rounded(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=3, distance="dot", datatype="float16")
    vector = np.array([1 / 3, 1000.1, -2e-5], dtype=np.float32)
    client.upsert(name, ids=[1], vectors=vector[None])
    (record,) = client.retrieve(name, 1, with_vectors=True)
    assert record.vector.dtype == np.float32
    np.testing.assert_allclose(record.vector, vector.astype(np.float16).astype(np.float32))
    assert client.get_collection(name).config["params"]["vectors"]["datatype"] == "float16"


def test_uint8_vectors_are_cut_to_bytes(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=4, distance="euclid", datatype="uint8")
    client.upsert(name, ids=[1, 2], vectors=[[0, 1.9, 255, 300], [-5, 10, 20, 30]])
    one, two = client.retrieve(name, [1, 2], with_vectors=True)
    assert one.vector.tolist() == [0, 1, 255, 255]
    assert two.vector.tolist() == [0, 10, 20, 30]
    assert client.search(name, [0, 10, 20, 30], limit=1)[0].id == 2


@pytest.mark.parametrize("distance", ["cosine", "dot", "euclid", "manhattan"])
def test_turbo4_vectors_read_and_score_the_same_before_and_after_sealing(
    client: RuvectorClient, name: str, distance: str
) -> None:
    given = np.random.default_rng(4).normal(size=(700, 33)).astype(np.float32)
    kind = {"dimensions": 33, "distance": distance, "datatype": "turbo4"}
    client.create_collection(name, vectors={"v": kind}, optimizers={"indexing_threshold": 1})
    client.upsert(name, ids=range(700), vectors={"v": given})

    def read() -> tuple[Any, Any]:
        records = client.retrieve(name, range(700), with_vectors=True)
        hits = client.search(name, given[3], using="v", params={"exact": True})
        return np.stack([record.vector["v"] for record in records]), hits

    vectors, hits = read()
    cosines = np.einsum("ij,ij->i", given, vectors)
    cosines /= np.linalg.norm(given, axis=1) * np.linalg.norm(vectors, axis=1)
    assert cosines.min() > 0.97
    client.wait_for_index(name, 60)
    again, same = read()
    np.testing.assert_array_equal(vectors, again)
    assert [(hit.id, hit.score) for hit in same] == [(hit.id, hit.score) for hit in hits]
    if distance != "dot":
        assert hits[0].id == 3
    walked = client.search(name, given[3], using="v", limit=10, params={"hnsw_ef": 300})
    assert len({hit.id for hit in walked} & {hit.id for hit in hits}) >= 9
    filtered = client.search(name, given[3], using="v", filter={"must": {"has_id": [1, 2, 5]}})
    assert {hit.id for hit in filtered} == {1, 2, 5}
    (report,) = client.get_memory(name).vectors
    assert report.storage.disk_bytes == 700 * (17 + 2 * 4)
    recommended = client.query(name, {"recommend": {"positive": [3, 4]}}, using="v", limit=5)
    assert not {hit.id for hit in recommended} & {3, 4}


def test_turbo4_is_refused_for_several_rows_a_point(client: RuvectorClient, name: str) -> None:
    kind = {"size": 4, "distance": "Dot", "datatype": "turbo4"}
    kind["multivector_config"] = {"comparator": "max_sim"}  # type: ignore[assignment]
    with pytest.raises(BadInput, match="datatype is 'turbo4'"):
        client.create_collection(name, vectors={"v": kind})


def test_float64_and_float16_input_is_converted(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=2, distance="dot")
    for number, dtype in enumerate((np.float16, np.float32, np.float64, np.int64, np.uint8)):
        client.upsert(name, ids=[number], vectors=np.array([[1, number]], dtype=dtype))
    records = client.scroll_all(name, with_vectors=True)
    assert [record.vector.tolist() for record in records] == [[1, n] for n in range(5)]


def test_strided_input_is_written_right(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=3, distance="dot")
    wide = np.arange(24, dtype=np.float32).reshape(4, 6)
    client.upsert(name, ids=range(4), vectors=wide[:, ::2])
    records = client.scroll_all(name, with_vectors=True)
    assert [record.vector.tolist() for record in records] == wide[:, ::2].tolist()
