"""Does each change see those before it in its batch or group, and does a failed batch leave
nothing?
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tests.collection.conftest import Database, everything

from ruvector.client.client import RuvectorClient
from ruvector.errors import BadInput, NotFound, RuvectorError

NAMED = {"a": {"dimensions": 1, "distance": "dot"}, "b": {"dimensions": 1, "distance": "dot"}}


@pytest.fixture(params=["not indexed", "indexed"])
def client(request: pytest.FixtureRequest, database: Database) -> RuvectorClient:
    """Return a client with the collection "c" of two named vectors and three points."""
    client = database.client
    client.create_collection("c", vectors=NAMED)
    if request.param == "indexed":
        client.create_payload_index("c", "n", "integer")
        client.create_payload_index("c", "tag", "keyword")
    client.upsert("c", [point(i, {"a": i}, n=i) for i in range(3)])
    return client


def point(point_id: Any, vectors: dict[str, float], **payload: Any) -> dict[str, Any]:
    """Return a point of one-dimensional vectors."""
    return {"id": point_id, "vector": {n: [v] for n, v in vectors.items()}, "payload": payload}


def match(key: str, value: Any) -> dict[str, Any]:
    """Return the filter for one value."""
    return {"must": [{"key": key, "match": {"value": value}}]}


def upsert(*points: dict[str, Any]) -> dict[str, Any]:
    """Return an upsert of a batch."""
    return {"upsert": {"points": list(points)}}


def test_delete_by_filter_takes_points_of_the_same_batch(client: RuvectorClient) -> None:
    client.batch_update(
        "c", [upsert(point(7, {"a": 7}, n=1)), {"delete": {"filter": match("n", 1)}}]
    )
    assert list(everything(client)) == [0, 2]


def test_filter_does_not_see_what_the_batch_has_replaced(client: RuvectorClient) -> None:
    client.batch_update(
        "c", [upsert(point(1, {"a": 5}, n=50)), {"delete": {"filter": match("n", 1)}}]
    )
    assert everything(client)[1] == ({"n": 50}, {"a": [5.0]})


def test_filter_does_not_see_what_the_batch_has_deleted(client: RuvectorClient) -> None:
    client.batch_update(
        "c",
        [
            {"delete": {"ids": [1]}},
            {"set_payload": {"payload": {"tag": "x"}, "filter": {"must": [{"has_id": [0, 1]}]}}},
            upsert(point(1, {"b": 1})),
        ],
    )
    assert everything(client)[0] == ({"n": 0, "tag": "x"}, {"a": [0.0]})
    assert everything(client)[1] == ({}, {"b": [1.0]})


def test_filter_on_payloads_that_the_batch_changed(client: RuvectorClient) -> None:
    client.batch_update(
        "c",
        [
            {"set_payload": {"payload": {"tag": "new"}, "ids": [0, 2]}},
            {"overwrite_payload": {"payload": {"tag": "newer"}, "filter": match("tag", "new")}},
            {"delete_payload": {"keys": ["n"], "filter": match("n", 2)}},
            {"clear_payload": {"filter": match("n", 1)}},
        ],
    )
    payloads = {point_id: payload for point_id, (payload, _) in everything(client).items()}
    assert payloads == {0: {"tag": "newer"}, 1: {}, 2: {"tag": "newer"}}
    assert client.count("c", match("tag", "newer")) == 2
    assert client.count("c", match("n", 1)) == 0


@pytest.mark.parametrize("clause", ["must", "must_not"])
def test_filter_on_vectors_that_the_batch_brought(client: RuvectorClient, clause: str) -> None:
    client.batch_update(
        "c",
        [upsert(point(7, {"b": 7})), {"delete": {"filter": {clause: [{"has_vector": "b"}]}}}],
    )
    assert list(everything(client)) == ([0, 1, 2] if clause == "must" else [7])


def test_vectors_change_within_a_batch(client: RuvectorClient) -> None:
    client.batch_update(
        "c",
        [
            upsert(point(7, {"a": 7, "b": 70}, n=7)),
            {"update_vectors": {"points": [{"id": 7, "vector": {"a": [8]}}]}},
            {"update_vectors": {"points": [{"id": 0, "vector": {"b": [9]}}]}},
            {"delete_vectors": {"vector": ["b"], "filter": match("n", 7)}},
            {"delete_vectors": {"vector": "a", "ids": [0]}},
            {"set_payload": {"payload": {"tag": "x"}, "filter": match("n", 7)}},
        ],
    )
    assert everything(client)[7] == ({"n": 7, "tag": "x"}, {"a": [8.0]})
    assert everything(client)[0] == ({"n": 0}, {"b": [9.0]})


def test_last_of_points_with_the_same_id_counts(client: RuvectorClient) -> None:
    uuid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
    points = [point(uuid, {"a": 1}, n=1), point(5, {"a": 2}), point(uuid.upper(), {"b": 3}, n=3)]
    client.upsert("c", [*points, point(5, {"b": 6})])
    found = everything(client)
    assert found[5] == ({}, {"b": [6.0]})
    assert found[uuid.upper()] == ({"n": 3}, {"b": [3.0]})
    assert len(found) == 5
    assert client.count("c", match("n", 1)) == 1


def test_vectors_of_one_point_that_come_one_by_one_are_all_kept(client: RuvectorClient) -> None:
    changes = [(1, "a", 5), (2, "b", 6), (1, "b", 7), (1, "a", 8)]
    points = [{"id": i, "vector": {name: [value]}} for i, name, value in changes]
    client.update_vectors("c", points)
    found = everything(client)
    assert found[1] == ({"n": 1}, {"a": [8.0], "b": [7.0]})
    assert found[2] == ({"n": 2}, {"a": [2.0], "b": [6.0]})


FAILING: list[tuple[str, dict[str, Any], type[RuvectorError]]] = [
    ("missing point", {"set_payload": {"payload": {"x": 1}, "ids": [99]}}, NotFound),
    (
        "missing vector",
        {"update_vectors": {"points": [{"id": 99, "vector": {"a": [1]}}]}},
        NotFound,
    ),
    ("bad vector", {"upsert": {"points": [{"id": 8, "vector": {"a": [1, 2]}}]}}, BadInput),
    ("unknown name", {"delete_vectors": {"vector": ["zz"], "ids": [1]}}, BadInput),
    ("unknown name in filter", {"delete": {"filter": {"must": [{"has_vector": "zz"}]}}}, BadInput),
    ("payload", {"set_payload": {"payload": {"a": float("nan")}, "ids": [1]}}, BadInput),
    (
        "too deep",
        {"set_payload": {"payload": {"x": 1}, "ids": [1], "key": ".".join("abcdefgh" * 9)}},
        BadInput,
    ),
]


@pytest.mark.parametrize(
    ("operation", "expected"), [f[1:] for f in FAILING], ids=[f[0] for f in FAILING]
)
def test_failed_change_in_the_middle_leaves_nothing_of_its_batch(
    client: RuvectorClient,
    database: Database,
    operation: dict[str, Any],
    expected: type[RuvectorError],
) -> None:
    before = everything(client)
    batch = [
        upsert(point(7, {"a": 7}, n=7), point(1, {"b": 1}, n=70)),
        {"delete": {"ids": [0]}},
        {"set_payload": {"payload": {"tag": "x"}, "filter": {}}},
        operation,
        {"delete": {"filter": {}}},
    ]
    with pytest.raises(expected):
        client.batch_update("c", batch)
    assert everything(client) == before
    assert client.count("c", match("n", 7)) == 0
    client.upsert("c", [point(9, {"a": 9}, n=9)])
    after = everything(client)
    assert after == {**before, 9: ({"n": 9}, {"a": [9.0]})}
    reopened = database.reopen()
    assert everything(reopened) == after
    assert [hit.id for hit in reopened.search("c", [1.0], 9, using="a")] == [9, 2, 1, 0]


def test_writers_at_once_are_as_one_after_another(
    client: RuvectorClient, database: Database
) -> None:
    writers, rounds = 16, 6
    barrier = threading.Barrier(writers)

    def write(writer: int) -> None:
        barrier.wait()
        for turn in range(rounds):
            own = 1000 + writer
            number = turn * 100 + writer
            client.batch_update(
                "c",
                [
                    upsert(point("shared", {"a": number}, n=number)),
                    upsert(point(own, {"a": number}, n=number, kind=writer)),
                    {"delete": {"filter": match("n", number)}},
                    upsert(point(own, {"b": number}, n=-number, kind=writer)),
                ],
            )
            client.set_payload("c", {"turn": turn}, filter=match("kind", writer))
            with pytest.raises(NotFound):
                client.set_payload("c", {"turn": -1}, [own, 5])

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    last = (rounds - 1) * 100
    expected: dict[Any, Any] = {i: ({"n": i}, {"a": [float(i)]}) for i in range(3)}
    for writer in range(writers):
        payload = {"n": -(last + writer), "kind": writer, "turn": rounds - 1}
        expected[1000 + writer] = (payload, {"b": [float(last + writer)]})
    # Writer 1 deletes n = 1 and writer 2 n = 2 in their first turn, writer 0 n = 0.
    for point_id in range(3):
        del expected[point_id]
    assert everything(client) == expected
    for writer in range(writers):
        assert client.count("c", match("n", -(last + writer))) == 1
    assert everything(database.reopen()) == expected


def test_empty_batches_change_nothing(client: RuvectorClient) -> None:
    before = everything(client)
    assert client.batch_update("c", []) == []
    client.upsert("c", [])
    client.delete("c", [])
    client.delete("c", [99])
    client.delete("c", filter=match("n", 99))
    client.set_payload("c", {"x": 1}, [])
    client.delete_vectors("c", ["a"], [])
    client.delete_payload("c", [], [1])
    client.upsert("c", ids=[], vectors={"a": np.empty((0, 1), np.float32)})
    assert everything(client) == before
