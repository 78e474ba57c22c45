"""Which points does a search return, in which order, and what of each?"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.errors import BadInput, InvalidRequest, NotFound
from ruvector.model.limits import MAX_LIMIT

DISTANCES = ["cosine", "dot", "euclid", "manhattan"]
DIM = 5
POINTS = 60


@pytest.fixture(scope="module")
def client() -> Iterator[RuvectorClient]:
    """Return a client of a throw-away database."""
    with ruvector.open(":memory:") as client:
        yield client


@pytest.fixture(scope="module")
def array() -> Any:
    """Return vectors float32 [60, 5]."""
    return np.random.default_rng(9).normal(size=(POINTS, DIM)).astype(np.float32)


@pytest.fixture(scope="module", params=DISTANCES)
def name(request: pytest.FixtureRequest, client: RuvectorClient, array: Any) -> str:
    """Return the name of a collection for each distance; every fifth point lacks vector "b"."""
    name = str(request.param)
    kind = {"dimensions": DIM, "distance": name}
    client.create_collection(name, vectors={"a": kind, "b": kind})
    points: list[dict[str, Any]] = [
        {"id": i, "vector": {"a": v, "b": -v}, "payload": {"n": i}} for i, v in enumerate(array)
    ]
    for point in points[::5]:
        del point["vector"]["b"]
    client.upsert(name, points)
    return name


def scores(distance: str, array: Any, query: Any) -> Any:
    """Return the score of each vector, in float64."""
    rows, query = array.astype(np.float64), np.asarray(query, dtype=np.float64)
    if distance == "dot":
        return rows @ query
    if distance == "cosine":
        return rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
    difference = rows - query
    if distance == "euclid":
        return np.linalg.norm(difference, axis=1)
    return np.abs(difference).sum(axis=1)


def order(distance: str, values: Any) -> list[int]:
    """Return positions, best first."""
    sign = -1 if distance in ("dot", "cosine") else 1
    return [int(i) for i in np.argsort(sign * values, kind="stable")]


def test_search_is_exact_and_in_order(client: RuvectorClient, name: str, array: Any) -> None:
    for query in array[:5] + np.float32(0.3):
        values = scores(name, array, query)
        hits = client.search(name, query, 20, using="a")
        assert [hit.id for hit in hits] == order(name, values)[:20]
        assert np.allclose([hit.score for hit in hits], values[[hit.id for hit in hits]], atol=1e-5)


def test_points_without_the_vector_are_not_found(
    client: RuvectorClient, name: str, array: Any
) -> None:
    hits = client.search(name, array[0], POINTS, using="b")
    expected = [i for i in order(name, scores(name, -array, array[0])) if i % 5]
    assert [hit.id for hit in hits] == expected


def test_limit_and_offset_cut_one_long_answer(
    client: RuvectorClient, name: str, array: Any
) -> None:
    whole = [hit.id for hit in client.search(name, array[3], POINTS, using="a")]
    assert len(whole) == POINTS
    for limit, offset in ((1, 0), (7, 3), (10, POINTS - 4), (5, POINTS), (5, 10 * POINTS)):
        hits = client.search(name, array[3], limit, offset=offset, using="a")
        assert [hit.id for hit in hits] == whole[offset : offset + limit]
    assert len(client.search(name, array[3], MAX_LIMIT, using="a")) == POINTS


def test_search_for_a_stored_point_leaves_it_out(
    client: RuvectorClient, name: str, array: Any
) -> None:
    hits = client.search(name, query_id=7, limit=POINTS, using="a")
    expected = [i for i in order(name, scores(name, array, array[7])) if i != 7]
    assert [hit.id for hit in hits] == expected
    assert len(client.search(name, query_id=7, limit=9, using="a")) == 9
    ten = client.search(name, query_id=7, limit=10, offset=5, using="a")
    assert [hit.id for hit in ten] == expected[5:15]
    only_itself = {"must": [{"has_id": [7]}]}
    assert client.search(name, query_id=7, using="a", filter=only_itself) == []


def test_stored_point_without_that_vector_cannot_be_searched_for(
    client: RuvectorClient, name: str
) -> None:
    with pytest.raises(NotFound, match="'b'"):
        client.search(name, query_id=5, using="b")
    with pytest.raises(NotFound, match="999"):
        client.search(name, query_id=999, using="a")


def test_filter_and_threshold_and_offset_go_together(
    client: RuvectorClient, name: str, array: Any
) -> None:
    values = scores(name, array, array[1])
    ranked = [i for i in order(name, values) if i < 30]
    threshold = float(np.float32(values[ranked[12]]))
    hits = client.search(
        name,
        array[1],
        POINTS,
        using="a",
        offset=4,
        filter={"n": {"lt": 30}},
        score_threshold=threshold + (-1e-4 if name in ("dot", "cosine") else 1e-4),
    )
    assert [hit.id for hit in hits] == ranked[4:13]


def test_infinite_threshold_keeps_all_or_none(client: RuvectorClient, name: str) -> None:
    query = [1.0] * DIM
    low = client.search(name, query, 5, using="a", score_threshold=-float("inf"))
    high = client.search(name, query, 5, using="a", score_threshold=10**400)
    is_similarity = name in ("dot", "cosine")
    assert (len(low), len(high)) == ((5, 0) if is_similarity else (0, 5))


def test_k_is_answered_whatever_the_filter_leaves(client: RuvectorClient, name: str) -> None:
    query = [1.0] * DIM
    for left in (0, 1, 2, POINTS - 1, POINTS):
        hits = client.search(name, query, POINTS, using="a", filter={"n": {"lt": left}})
        assert sorted(hit.id for hit in hits) == list(range(left))


@pytest.mark.parametrize(
    ("wanted", "payload"),
    [
        (True, {"a": {"b": [1, 2], "c": 3}, "d": None, "x.y": 4}),
        (False, None),
        (["a.c", "missing"], {"a": {"c": 3}}),
        (["a.b[0]"], {"a": {"b": []}}),  # of an array, only [] names elements
        (["a.b[]"], {"a": {"b": [1, 2]}}),
        (["a.c.e"], {"a": {"c": 3}}),  # no object: nothing below could be left out
        ({"exclude": ["a.b[]", "a.c.e"]}, {"a": {"b": [], "c": 3}, "d": None, "x.y": 4}),
        (["d"], {"d": None}),
        (['"x.y"'], {"x.y": 4}),
        ({"exclude": ["a.b", "d"]}, {"a": {"c": 3}, "x.y": 4}),
        ({"include": []}, {}),
        ({"exclude": []}, {"a": {"b": [1, 2], "c": 3}, "d": None, "x.y": 4}),
    ],
    ids=str,
)
def test_payload_is_shown_as_far_as_it_is_wanted(
    client: RuvectorClient, wanted: Any, payload: Any
) -> None:
    if not client.collection_exists("shown"):
        client.create_collection("shown", dimensions=1)
        stored = {"a": {"b": [1, 2], "c": 3}, "d": None, "x.y": 4}
        client.upsert("shown", ids=[1], vectors=[[1]], payloads=[stored])
    assert client.search("shown", [1], with_payload=wanted)[0].payload == payload
    assert client.retrieve("shown", [1], with_payload=wanted)[0].payload == payload
    assert client.scroll("shown", with_payload=wanted)[0][0].payload == payload


def test_vectors_are_shown_as_far_as_they_are_wanted(client: RuvectorClient, array: Any) -> None:
    name = "vectors shown"
    kind = {"dimensions": DIM, "distance": "dot"}
    client.create_collection(name, vectors={"a": kind, "b": kind})
    client.upsert(name, [{"id": 1, "vector": {"a": array[1], "b": -array[1]}}])
    client.upsert(name, [{"id": 5, "vector": {"a": array[5]}}])
    (full, partial) = client.retrieve(name, [1, 5], with_vectors=True)
    assert np.array_equal(full.vector["a"], array[1])
    assert np.array_equal(full.vector["b"], -array[1])
    assert set(partial.vector) == {"a"}
    (only,) = client.retrieve(name, [1], with_vectors=["b"])
    assert set(only.vector) == {"b"}
    assert client.retrieve(name, [1])[0].vector is None


# Pages

IDS: list[Any] = [0, 1, 2**64 - 1, "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "text", "1"]


@pytest.fixture(scope="module")
def mixed(client: RuvectorClient) -> str:
    """Return the name of a collection with ids of every kind."""
    client.create_collection("mixed", dimensions=1, distance="dot")
    payloads = [{"n": i} for i in range(len(IDS))]
    client.upsert("mixed", ids=IDS, vectors=[[i] for i in range(len(IDS))], payloads=payloads)
    return "mixed"


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7])
@pytest.mark.parametrize("filter", [None, {"n": {"gte": 0}}], ids=["all", "filtered"])
def test_pages_hold_every_point_once_in_one_order(
    client: RuvectorClient, mixed: str, size: int, filter: Any
) -> None:
    found: list[Any] = []
    offset = None
    while True:
        page, offset = client.scroll(mixed, limit=size, offset=offset, filter=filter)
        assert 0 < len(page) <= size
        found += [record.id for record in page]
        if offset is None:
            break
    assert found[:3] == [0, 1, 2**64 - 1]
    assert sorted(map(str, found)) == sorted(map(str, IDS))
    assert found == [record.id for record in client.scroll_all(mixed)]
    assert [hit.id for hit in client.query(mixed, None, 10)] == found
    assert [hit.id for hit in client.query(mixed, None, 2, offset=3)] == found[3:5]


def test_page_begins_at_its_offset_whether_or_not_the_point_exists(
    client: RuvectorClient, mixed: str
) -> None:
    assert [record.id for record in client.scroll(mixed, limit=2, offset=1)[0]] == [1, 2**64 - 1]
    assert [record.id for record in client.scroll(mixed, limit=1, offset=2)[0]] == [2**64 - 1]
    last = "ffffffff-ffff-ffff-ffff-ffffffffffff"
    assert client.scroll(mixed, offset=last) == ([], None)


def test_points_are_retrieved_in_the_order_asked_each_once(
    client: RuvectorClient, mixed: str
) -> None:
    asked = ["text", 99, 2**64 - 1, "text", "1", 1]
    found = [record.id for record in client.retrieve(mixed, asked)]
    assert found == ["text", 2**64 - 1, "1", 1]


def test_count_is_of_points_that_match(client: RuvectorClient, mixed: str) -> None:
    assert client.count(mixed) == 6
    assert client.count(mixed, {"n": {"lt": 2}}) == 2
    assert client.count(mixed, {"must": [{"has_id": [1, "1", "nobody"]}]}) == 2
    assert client.count(mixed, {"n": 99}) == 0


def test_empty_collection_answers_everything_with_nothing(client: RuvectorClient) -> None:
    client.create_collection("empty", dimensions=1)
    assert client.search("empty", [1]) == []
    assert client.search("empty", [1], filter={"a": 1}) == []
    assert client.scroll("empty") == ([], None)
    assert client.count("empty") == 0
    assert client.query("empty") == []
    assert client.retrieve("empty", [1]) == []
    with pytest.raises(BadInput, match="expected dim: 1, got 2"):
        client.search("empty", [1, 2])


def test_collection_without_vectors_keeps_payloads(client: RuvectorClient) -> None:
    client.create_collection("bare", vectors={})
    client.batch_update(
        "bare", [{"upsert": {"points": [{"id": 1, "vector": {}, "payload": {"a": 1}}]}}]
    )
    assert client.count("bare", {"a": 1}) == 1
    with pytest.raises(BadInput, match="vector name"):
        client.search("bare", [1])
    client.wait_for_index("bare", 60)
    assert client.count("bare") == 1


@pytest.mark.parametrize("value", [0, -1, MAX_LIMIT + 1, 10**30])
def test_limit_out_of_range_is_invalid(client: RuvectorClient, mixed: str, value: int) -> None:
    for call in (
        lambda: client.search(mixed, [1], value),
        lambda: client.scroll(mixed, limit=value),
    ):
        with pytest.raises(InvalidRequest, match="limit"):
            call()


@pytest.mark.parametrize(
    ("datatype", "distance", "given", "kept"),
    [
        ("float32", "dot", [0.1, 1e18], [np.float32(0.1), np.float32(1e18)]),
        ("float16", "dot", [0.1, 1e18], [np.float16(0.1), np.float16(65504)]),
        ("uint8", "dot", [3.9, 300], [3, 255]),
        ("uint8", "euclid", [-5, 7], [0, 7]),
        ("float32", "cosine", [3, 4], [np.float32(0.6), np.float32(0.8)]),
        ("float32", "cosine", [3e38, 0], [1, 0]),
        ("float32", "cosine", [1e-30, 0], [1, 0]),
        ("uint8", "cosine", [3, 4], [np.float32(0.6), np.float32(0.8)]),
    ],
)
def test_vector_comes_back_as_its_type_keeps_it(
    client: RuvectorClient, datatype: str, distance: str, given: Any, kept: Any
) -> None:
    client.delete_collection("typed")
    client.create_collection("typed", dimensions=2, distance=distance, datatype=datatype)
    client.upsert("typed", ids=[1], vectors=[given])
    (record,) = client.retrieve("typed", [1], with_vectors=True)
    assert record.vector.tolist() == [float(number) for number in kept]
    client.wait_for_index("typed", 60)
    (record,) = client.retrieve("typed", [1], with_vectors=True)
    assert record.vector.tolist() == [float(number) for number in kept]
    (hit,) = client.search("typed", given)
    assert np.isfinite(hit.score)
