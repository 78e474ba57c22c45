"""Sparse vectors, multi-vectors, and names on a live collection, over every transport."""

from typing import Any

import numpy as np
import pytest

from ruvector.client.client import RuvectorClient
from ruvector.client.collection import Collection
from ruvector.errors import BadInput, RuvectorError
from ruvector.model.query_vectors import SparseVector
from ruvector.model.text.bm25 import read_bm25

SEVERAL = {"multivector_config": {"comparator": "max_sim"}}


@pytest.fixture
def docs(client: RuvectorClient, name: str) -> Collection:
    """Return a collection of three points with a sparse and a multi-vector."""
    client.create_collection(
        name,
        vectors={"many": {"dimensions": 2, "distance": "dot", **SEVERAL}},
        sparse_vectors={"few": {}, "rare": {"modifier": "idf"}},
    )
    few = [{5: 1.0, 2: 3.0}, {5: 2.0}, {9: 1.0}]
    many = [[[1, 0], [0, 1]], [[2, 0]], [[0, 3]]]
    client.upsert(
        name,
        points=[
            {"id": i, "vector": {"few": sparse(a), "rare": sparse(a), "many": b}}
            for i, (a, b) in enumerate(zip(few, many, strict=True), 1)
        ],
    )
    return client.collection(name)


def sparse(values: dict[int, float]) -> dict[str, Any]:
    """Return a sparse vector as users write it."""
    return {"indices": list(values), "values": list(values.values())}


def found(hits: Any) -> list[tuple[Any, float]]:
    """Return ids and scores."""
    return [(hit.id, round(hit.score, 4)) for hit in hits]


@pytest.mark.parametrize("indexed", [False, True])
def test_only_points_that_share_an_index_are_found(docs: Collection, indexed: bool) -> None:
    if indexed:
        docs.wait_for_index(30)
    assert found(docs.search(sparse({5: 1, 2: 1}), using="few")) == [(1, 4.0), (2, 2.0)]
    assert found(docs.search(sparse({5: -1}), using="few")) == [(1, -1.0), (2, -2.0)]
    assert found(docs.search(sparse({7: 1}), using="few")) == []
    assert found(docs.search(sparse({}), using="few")) == []


def test_rare_indices_weigh_more(docs: Collection) -> None:
    query = sparse({5: 1, 9: 1})
    weight = {5: np.log((3 - 2 + 0.5) / 2.5 + 1), 9: np.log((3 - 1 + 0.5) / 1.5 + 1)}
    hits = docs.search(query, using="rare")
    assert [hit.id for hit in hits] == [3, 2, 1]
    expected = [weight[9], 2 * weight[5], weight[5]]
    assert [hit.score for hit in hits] == pytest.approx(expected, rel=1e-5)
    docs.delete([2])  # counted when it is asked
    assert found(docs.search(sparse({5: 1}), using="rare")) == [(1, round(np.log(2), 4))]


def test_sparse_vectors_come_back_in_the_order_of_indices(docs: Collection) -> None:
    (record,) = docs.retrieve([1], with_vectors=["few"])
    vector = record.vector["few"]
    assert isinstance(vector, SparseVector)
    assert vector.indices.tolist() == [2, 5]
    assert vector.values.tolist() == [3.0, 1.0]
    docs.upsert([record])  # and can be written again
    assert found(docs.search(sparse({2: 1}), using="few")) == [(1, 3.0)]


@pytest.mark.parametrize("indexed", [False, True])
def test_each_row_of_a_query_takes_the_nearest_row(docs: Collection, indexed: bool) -> None:
    if indexed:
        docs.wait_for_index(30)
    query = [[1, 0], [0, 1]]
    assert found(docs.search(query, using="many")) == [(3, 3.0), (1, 2.0), (2, 2.0)]
    assert found(docs.search([[1, 0]], 2, using="many")) == [(2, 2.0), (1, 1.0)]
    assert found(docs.search(np.array([[0, 1]], np.float32), 1, using="many")) == [(3, 3.0)]
    (record,) = docs.retrieve([1], with_vectors=["many"])
    assert record.vector["many"].tolist() == [[1, 0], [0, 1]]


def test_columns_of_sparse_and_multi_vectors_are_written(docs: Collection) -> None:
    columns = {
        "few": [SparseVector(np.array([1, 8], np.uint32), np.ones(2, np.float32))] * 2,
        "many": np.ones((2, 3, 2), dtype=np.float32),
    }
    docs.upsert(ids=[10, 11], vectors=columns)
    assert found(docs.search(sparse({8: 2}), using="few")) == [(10, 2.0), (11, 2.0)]
    (record,) = docs.retrieve([11], with_vectors=["many"])
    assert record.vector["many"].tolist() == [[1, 1]] * 3


def test_texts_become_sparse_vectors_in_points_and_queries(docs: Collection) -> None:
    def of(text: str) -> dict[str, Any]:
        return {"text": text, "model": "qdrant/bm25"}

    texts = ["a red boat on the water", "green hills and more hills"]
    docs.upsert([{"id": 20 + i, "vector": {"rare": of(text)}} for i, text in enumerate(texts)])
    model = read_bm25(None, "options")
    (record,) = docs.retrieve([21], with_vectors=["rare"])
    vector, (indices, values) = record.vector["rare"], model.document(texts[1])
    order = np.argsort(indices)
    assert vector.indices.tolist() == np.asarray(indices)[order].tolist()
    assert vector.values.tolist() == np.asarray(values, np.float32)[order].tolist()
    assert [hit.id for hit in docs.search(of("red boats"), using="rare")] == [20]
    with pytest.raises(BadInput, match="not served"):
        docs.search({"text": "red", "model": "other"}, using="rare")


WRONG: list[tuple[str, Any, str]] = [
    ("few", {"indices": [1, 1], "values": [1, 2]}, "unique"),
    ("few", {"indices": [1, 2], "values": [1]}, "same length"),
    ("few", {"indices": [-1], "values": [1]}, "indices"),
    ("few", {"indices": [2**32], "values": [1]}, "indices"),
    ("few", {"indices": [1.5], "values": [1]}, "indices"),
    ("few", {"indices": [1]}, "values"),
    ("few", {"indices": [1], "values": [1e30]}, "longer than"),
    ("few", [1.0, 2.0], "sparse"),
    ("few", {"text": "a", "model": "some/model"}, "some/model"),
    ("many", [[1.0, 2.0], [1.0]], "one length"),
    ("many", [[1.0, 2.0, 3.0]], "expected dim: 2"),
    ("many", [[]], "vectors of one length"),
    ("many", {"indices": [1], "values": [1]}, "list of lists"),
    ("other", {"indices": [1], "values": [1]}, "other"),
]


@pytest.mark.parametrize(("name_", "vector", "named"), WRONG, ids=lambda v: str(v)[:30])
def test_wrong_vectors_are_refused_and_change_nothing(
    docs: Collection, name_: str, vector: Any, named: str
) -> None:
    before = docs.count()
    with pytest.raises(RuvectorError, match=named):
        docs.upsert([{"id": 77, "vector": {name_: vector}}])
    assert docs.count() == before


def test_queries_of_another_kind_are_refused(docs: Collection) -> None:
    with pytest.raises(BadInput, match="sparse"):
        docs.search([1.0, 2.0], using="few")
    with pytest.raises(BadInput, match="multi-vector"):
        docs.search(sparse({1: 1}), using="many")
    with pytest.raises(BadInput, match="modifier idf"):
        docs.search(sparse({1: 1}), using="few", params={"idf": "global"})


def test_a_name_comes_and_goes_on_a_live_collection(docs: Collection) -> None:
    docs.wait_for_index(30)
    docs.create_vector("title", dense={"dimensions": 2, "distance": "euclid"})
    docs.create_vector("title", dense={"dimensions": 2, "distance": "euclid"})
    assert docs.search([1, 2], using="title") == []
    with pytest.raises(BadInput, match="title already exists"):
        docs.create_vector("title", dense={"dimensions": 3, "distance": "euclid"})
    with pytest.raises(BadInput, match="few already exists"):
        docs.create_vector("few", dense={"dimensions": 3, "distance": "euclid"})
    docs.update_vectors([{"id": 2, "vector": {"title": [1, 2]}}])
    assert found(docs.search([1, 2], using="title")) == [(2, 0.0)]
    assert "title" in docs.get_collection().config["params"]["vectors"]
    docs.delete_vector("title")
    docs.delete_vector("title")
    with pytest.raises(BadInput, match="title"):
        docs.search([1, 2], using="title")
    docs.create_vector("title", sparse={"modifier": "idf"})
    assert docs.search(sparse({1: 1}), using="title") == []
    (record,) = docs.retrieve([2], with_vectors=True)
    assert set(record.vector) == {"few", "rare", "many"}


@pytest.mark.parametrize(
    "body",
    [{}, {"dense": {"size": 2, "distance": "Dot"}, "sparse": {}},
     {"sparse": {"size": 3}}, {"dense": {"size": 0, "distance": "Dot"}}],
)  # fmt: skip
def test_wrong_parameters_of_a_new_name_are_refused(docs: Collection, body: Any) -> None:
    with pytest.raises(RuvectorError):
        docs.create_vector("new", dense=body.get("dense"), sparse=body.get("sparse"))
    assert "new" not in docs.get_collection().config["params"]["vectors"]
