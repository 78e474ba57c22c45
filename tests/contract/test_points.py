"""Writing points and reading them back: upsert, retrieve, scroll, count, delete."""

from typing import Any
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from ruvector.client.client import RuvectorClient
from ruvector.client.collection import Collection

IDS: list[int | str] = [
    0,
    1,
    2**53 + 1,
    2**64 - 1,
    "1",
    "document one",
    "b8c1b2f0-6a53-4b6e-9c7e-2f1f5a1c0d11",
    "d41d8cd98f00b204e9800998ecf8427e",
    "B8C1B2F0-6A53-4B6E-9C7E-2F1F5A1C0D12",
    "🦀 and /slashes?&#",
    " ",
]


def unit(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vectors at unit length, as cosine keeps them."""
    lengths = np.linalg.norm(array, axis=-1, keepdims=True)
    return np.asarray(array / lengths, dtype=np.float32)


def test_points_come_back_as_they_were_written(
    docs: Collection, array: NDArray[np.float32], payloads: list[dict[str, Any]]
) -> None:
    found = docs.retrieve([3, 7, 999], with_vectors=True)
    assert [record.id for record in found] == [3, 7]
    assert [record.payload for record in found] == [payloads[3], payloads[7]]
    for record in found:
        assert isinstance(record.vector, np.ndarray)
        assert record.vector.dtype == np.float32
        np.testing.assert_allclose(record.vector, unit(array[record.id]), rtol=1e-5, atol=1e-6)


def test_vectors_other_than_cosine_come_back_bit_for_bit(
    client: RuvectorClient, name: str, array: NDArray[np.float32]
) -> None:
    client.create_collection(name, dimensions=8, distance="dot")
    client.upsert(name, ids=range(40), vectors=array)
    records = client.retrieve(name, range(40), with_vectors=True)
    np.testing.assert_array_equal(np.stack([record.vector for record in records]), array)


def test_points_as_dicts_and_as_columns_are_the_same(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=2, distance="dot")
    result = client.upsert(
        name,
        points=[
            {"id": 1, "vector": [1.0, 2.0], "payload": {"a": 1}},
            {"id": "two", "vector": np.array([3, 4], dtype=np.float32)},
        ],
    )
    assert result.status == "completed"
    client.upsert(name, ids=np.array([5, 6]), vectors=np.array([[5.0, 6.0], [7.0, 8.0]]))
    found = {
        record.id: (record.vector.tolist(), record.payload)
        for record in client.retrieve(name, [1, "two", 5, 6], with_vectors=True)
    }
    assert found[1] == ([1.0, 2.0], {"a": 1})
    assert found["two"][0] == [3.0, 4.0]
    assert not found["two"][1]
    assert found[6][0] == [7.0, 8.0]


def test_payload_values_survive(client: RuvectorClient, name: str) -> None:
    payload = {
        "text": 'quotes " and \\ and \u2028 and 🦀',
        "whole": 2**53 + 1,
        "number": -1.5e-7,
        "none": None,
        "truth": True,
        "list": [1, [2, {"deep": []}]],
        "": "empty key",
    }
    client.create_collection(name, dimensions=2)
    client.upsert(name, points=[{"id": 1, "vector": [1, 0], "payload": payload}])
    assert client.retrieve(name, 1)[0].payload == payload


def test_ids_of_every_kind_come_back_as_given(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=2, distance="dot")
    vectors = np.array([[number, 1] for number in range(len(IDS))], dtype=np.float32)
    client.upsert(name, ids=IDS, vectors=vectors, payloads=[{"at": n} for n in range(len(IDS))])
    assert client.count(name) == len(IDS)
    for position, point_id in enumerate(IDS):
        (record,) = client.retrieve(name, [point_id], with_vectors=True)
        assert (record.id, type(record.id)) == (point_id, type(point_id))
        assert record.payload == {"at": position}
        assert record.vector[0] == position
    assert sorted(map(repr, IDS)) == sorted(repr(r.id) for r in client.iterate(name, page_size=3))
    assert {hit.id for hit in client.search(name, [1, 0], limit=20)} == set(IDS)
    client.delete(name, ["1"])
    assert [record.id for record in client.retrieve(name, [1, "1"])] == [1]


def test_uuid_objects_and_numpy_integers_are_ids(client: RuvectorClient, name: str) -> None:
    identity = UUID("b8c1b2f0-6a53-4b6e-9c7e-2f1f5a1c0d11")
    client.create_collection(name, dimensions=2)
    client.upsert(name, ids=[identity, np.uint64(7)], vectors=[[1, 0], [0, 1]])
    found = client.retrieve(name, [identity, np.int32(7)])
    assert [record.id for record in found] == [str(identity), 7]


def test_overwriting_replaces_vector_and_payload(docs: Collection) -> None:
    before = docs.retrieve([5], with_vectors=True)[0].vector
    new = -before
    docs.upsert(points=[{"id": 5, "vector": new, "payload": {"new": True}}])
    assert docs.count() == 40
    (record,) = docs.retrieve([5], with_vectors=True)
    assert record.payload == {"new": True}
    np.testing.assert_allclose(record.vector, new, rtol=1e-5, atol=1e-6)
    assert docs.search(new, limit=1)[0].id == 5
    hits = docs.search(before, limit=40)
    assert [hit.id for hit in hits].count(5) == 1
    assert hits[-1].id == 5


def test_later_of_two_points_with_one_id_in_a_batch_stays(
    client: RuvectorClient, name: str
) -> None:
    client.create_collection(name, dimensions=2)
    client.upsert(name, ids=[1, 1], vectors=[[1, 0], [0, 1]], payloads=[{"n": 1}, {"n": 2}])
    assert client.count(name) == 1
    assert client.retrieve(name, 1)[0].payload == {"n": 2}
    assert client.search(name, [0, 1])[0].score == pytest.approx(1.0)


def test_bulk_write_in_batches_writes_every_point(
    client: RuvectorClient, name: str, array: NDArray[np.float32]
) -> None:
    client.create_collection(name, dimensions=8)
    client.upsert(name, ids=range(40), vectors=array, batch_size=7)
    assert client.count(name) == 40
    assert [record.id for record in client.scroll_all(name)] == list(range(40))


def test_scroll_pages_cover_every_point_once(docs: Collection) -> None:
    seen: list[Any] = []
    offset: Any = None
    while True:
        page, offset = docs.scroll(limit=9, offset=offset)
        seen.extend(record.id for record in page)
        if offset is None:
            break
        assert len(page) == 9
    assert seen == list(range(40))
    assert [record.id for record in docs.iterate(page_size=40)] == seen


def test_scroll_with_filter_selects_and_pages(docs: Collection) -> None:
    page, offset = docs.scroll(filter={"color": "green"}, limit=5)
    assert [record.id for record in page] == [1, 4, 7, 10, 13]
    assert offset is not None
    rest = [record.id for record in docs.iterate({"color": "green"}, page_size=4)]
    assert rest == list(range(1, 40, 3))


def test_integers_come_before_uuids_and_both_in_order(client: RuvectorClient, name: str) -> None:
    uuids = [f"{digit}0000000-0000-4000-8000-000000000000" for digit in "f19"]
    client.create_collection(name, dimensions=2)
    client.upsert(name, ids=[*uuids, 10, 9, 2**40], vectors=[[1, 0]] * 6)
    assert [record.id for record in client.iterate(name, page_size=2)] == [
        9,
        10,
        2**40,
        *sorted(uuids),
    ]


def test_count_is_exact_with_and_without_filter(docs: Collection) -> None:
    assert docs.count() == 40
    assert docs.count({"color": "red"}) == 14
    assert docs.count({"number": {"gte": 30}}) == 10
    assert docs.count({"color": "violet"}) == 0


def test_selectors_choose_what_comes_back(docs: Collection) -> None:
    (record,) = docs.retrieve([2], with_payload=["color", "nested.half"])
    assert record.payload == {"color": "blue", "nested": {"half": 1.0}}
    (record,) = docs.retrieve([2], with_payload={"exclude": ["tags", "nested", "even"]})
    assert record.payload == {"number": 2, "color": "blue"}
    (record,) = docs.retrieve([2], with_payload=False)
    assert record.payload is None
    assert record.vector is None


def test_deleted_point_is_never_returned(docs: Collection, array: NDArray[np.float32]) -> None:
    assert docs.delete([4]).status == "completed"
    assert docs.count() == 39
    assert docs.retrieve([4]) == []
    assert 4 not in {hit.id for hit in docs.search(array[4], limit=40)}
    assert 4 not in {record.id for record in docs.iterate()}
    docs.delete([4, 12345])
    assert docs.count() == 39


def test_deleting_by_filter_deletes_what_matches(docs: Collection) -> None:
    docs.delete(filter={"even": True})
    assert docs.count() == 20
    assert docs.count({"even": True}) == 0


def test_deleted_id_can_be_written_again(docs: Collection, array: NDArray[np.float32]) -> None:
    docs.delete(3)
    docs.upsert(ids=[3], vectors=array[3:4])
    assert docs.count() == 40
    assert docs.search(array[3], limit=1)[0].id == 3
    assert not docs.retrieve(3)[0].payload


def test_empty_collection_answers_every_read(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=2)
    assert client.count(name) == 0
    assert client.search(name, [1, 0]) == []
    assert client.search(name, [1, 0], filter={"a": 1}) == []
    assert client.scroll(name) == ([], None)
    assert client.retrieve(name, [1]) == []
    assert client.search_batch(name, []) == []


def test_zero_vector_is_kept_under_cosine(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=3)
    client.upsert(name, ids=[1, 2], vectors=[[0, 0, 0], [1, 0, 0]])
    assert client.retrieve(name, 1, with_vectors=True)[0].vector.tolist() == [0, 0, 0]
    hits = client.search(name, [1, 0, 0])
    assert [hit.id for hit in hits] == [2, 1]
    assert hits[1].score == 0
    assert {hit.score for hit in client.search(name, [0, 0, 0])} == {0.0}


def test_point_is_retrieved_once_however_often_it_is_asked_for(docs: Collection) -> None:
    assert [record.id for record in docs.retrieve([7, 3, 7, 999, 3, 999])] == [7, 3]
