"""Searching: order, scores, thresholds, offsets, selectors, parameters, by vector and by point."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ruvector.client.client import RuvectorClient
from ruvector.client.collection import Collection

Array = NDArray[np.float32]


def exact_scores(distance: str, array: Array, query: Array) -> NDArray[np.float64]:
    """Return the score of every vector, computed plainly: float64 [n]."""
    rows, wanted = array.astype(np.float64), query.astype(np.float64)
    if distance == "cosine":
        return rows @ wanted / (np.linalg.norm(rows, axis=1) * np.linalg.norm(wanted))
    if distance == "dot":
        return rows @ wanted
    if distance == "euclid":
        return np.linalg.norm(rows - wanted, axis=1)
    return np.abs(rows - wanted).sum(axis=1)


@pytest.mark.parametrize("distance", ["cosine", "dot", "euclid", "manhattan"])
def test_hits_are_the_nearest_best_first_with_their_scores(
    client: RuvectorClient, name: str, array: Array, distance: str
) -> None:
    client.create_collection(name, dimensions=8, distance=distance)
    client.upsert(name, ids=range(40), vectors=array)
    query = np.linspace(-1, 1, 8, dtype=np.float32)
    scores = exact_scores(distance, array, query)
    order = np.argsort(scores if distance in ("euclid", "manhattan") else -scores)
    hits = client.search(name, query, limit=7)
    assert [hit.id for hit in hits] == order[:7].tolist()
    assert [hit.score for hit in hits] == pytest.approx(scores[order[:7]].tolist(), rel=1e-4)
    assert all(isinstance(hit.score, float) for hit in hits)


@pytest.mark.parametrize("distance", ["cosine", "euclid"])
def test_threshold_cuts_the_worse_side(
    client: RuvectorClient, name: str, array: Array, distance: str
) -> None:
    client.create_collection(name, dimensions=8, distance=distance)
    client.upsert(name, ids=range(40), vectors=array)
    everything = client.search(name, array[0], limit=40)
    threshold = (everything[9].score + everything[10].score) / 2
    kept = client.search(name, array[0], limit=40, score_threshold=threshold)
    assert [hit.id for hit in kept] == [hit.id for hit in everything[:10]]


def test_offset_skips_the_first_hits(docs: Collection, array: Array) -> None:
    everything = [hit.id for hit in docs.search(array[0], limit=40)]
    assert len(everything) == 40
    assert [hit.id for hit in docs.search(array[0], limit=5, offset=10)] == everything[10:15]
    assert docs.search(array[0], limit=5, offset=40) == []
    assert len(docs.search(array[0], limit=100)) == 40


def test_list_tuple_and_array_queries_are_the_same(docs: Collection, array: Array) -> None:
    expected = [hit.id for hit in docs.search(array[2])]
    for query in (array[2].tolist(), tuple(array[2].tolist()), array[2].astype(np.float64)):
        assert [hit.id for hit in docs.search(query)] == expected


def test_search_by_id_leaves_the_point_out(docs: Collection, array: Array) -> None:
    by_vector = [hit.id for hit in docs.search(array[6], limit=6)]
    assert by_vector[0] == 6
    assert [hit.id for hit in docs.search(query_id=6, limit=5)] == by_vector[1:]
    assert [hit.id for hit in docs.query(6, limit=5)] == by_vector[1:]
    assert [hit.id for hit in docs.query({"nearest": 6}, limit=5)] == by_vector[1:]


def test_query_takes_a_vector_or_nothing(docs: Collection, array: Array) -> None:
    expected = [hit.id for hit in docs.search(array[6], limit=5)]
    assert [hit.id for hit in docs.query(array[6], limit=5)] == expected
    assert [hit.id for hit in docs.query({"nearest": array[6].tolist()}, limit=5)] == expected
    assert [hit.id for hit in docs.query(limit=3)] == [0, 1, 2]


def test_search_by_a_string_id(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=2)
    client.upsert(name, ids=["one", "two", 3], vectors=[[1, 0], [1, 0.1], [0, 1]])
    assert [hit.id for hit in client.search(name, query_id="one")] == ["two", 3]


def test_selectors_choose_payload_and_vector(
    docs: Collection, array: Array, payloads: list[dict[str, Any]]
) -> None:
    hit = docs.search(array[1], limit=1)[0]
    assert (hit.id, hit.payload, hit.vector) == (1, payloads[1], None)
    hit = docs.search(array[1], limit=1, with_payload=False, with_vectors=True)[0]
    assert hit.payload is None
    assert isinstance(hit.vector, np.ndarray)
    assert hit.vector.dtype == np.float32
    hit = docs.search(array[1], limit=1, with_payload=["color"])[0]
    assert hit.payload == {"color": "green"}


@pytest.mark.parametrize(
    "params",
    [{"hnsw_ef": 64}, {"hnsw_ef": 1}, {"exact": True}, {"hnsw_ef": 128, "exact": False}],
)
def test_parameters_of_search_keep_the_best_hit(
    docs: Collection, array: Array, params: dict[str, Any]
) -> None:
    docs.wait_for_index(timeout_seconds=60)
    assert docs.search(array[8], limit=1, params=params)[0].id == 8


def test_exact_search_equals_the_plain_computation(docs: Collection, array: Array) -> None:
    docs.wait_for_index(timeout_seconds=60)
    expected = np.argsort(-exact_scores("cosine", array, array[8]))[:10].tolist()
    hits = docs.search(array[8], limit=10, params={"exact": True})
    assert [hit.id for hit in hits] == expected


def test_indexed_only_finds_what_is_indexed(docs: Collection, array: Array) -> None:
    docs.wait_for_index(timeout_seconds=60)
    hits = docs.search(array[8], limit=3, params={"indexed_only": True})
    assert hits[0].id == 8


def test_deleting_the_nearest_five_still_gives_k(docs: Collection, array: Array) -> None:
    docs.wait_for_index(timeout_seconds=60)
    before = [hit.id for hit in docs.search(array[0], limit=15)]
    docs.delete(before[:5])
    assert [hit.id for hit in docs.search(array[0], limit=10)] == before[5:]


def test_batch_of_searches_answers_in_order(docs: Collection, array: Array) -> None:
    results = docs.search_batch(array[:3], limit=2)
    assert [[hit.id for hit in hits] for hits in results] == [
        [hit.id for hit in docs.search(query, limit=2)] for query in array[:3]
    ]
    own = docs.search_batch(
        [{"query_vector": array[0], "limit": 1}, {"query_id": 0, "filter": {"color": "red"}}],
        limit=4,
        with_payload=False,
    )
    assert [len(hits) for hits in own] == [1, 4]
    assert own[0][0].id == 0
    assert own[0][0].payload is None
    assert all(hit.id % 3 == 0 for hit in own[1])


def test_write_is_searchable_at_once(docs: Collection, array: Array) -> None:
    for number in range(5):
        docs.upsert(ids=[1000 + number], vectors=-array[number : number + 1])
        assert docs.search(-array[number], limit=1)[0].id == 1000 + number
        docs.delete(1000 + number)
        assert docs.search(-array[number], limit=1)[0].id != 1000 + number
