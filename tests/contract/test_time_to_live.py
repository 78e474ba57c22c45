"""A point is gone the moment it expires, for every read and every write, embedded and over REST."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.contract.timed import Clock, Timed, embedded, served

from ruvector.client.client import RuvectorClient
from ruvector.collection import maintenance
from ruvector.errors import NotFound, RuvectorError
from ruvector.model.wire.encode import encode_json

DIM = 8
POINTS = 60
TTL = 10.0
MORTAL = [number for number in range(POINTS) if number % 3 == 0]
REST = [number for number in range(POINTS) if number % 3]
VECTORS = np.random.default_rng(5).normal(size=(POINTS, DIM)).astype(np.float32)
VECTORS_SETTINGS = {"": {"dimensions": DIM, "distance": "cosine"}}
INDEXES = {
    "color": "keyword",
    "number": "integer",
    "place": "geo",
    "text": {"type": "text", "scoring": True},
}


@pytest.fixture(params=["embedded", "rest"], scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[Timed]:
    """Return a database of each kind in turn; tests use names of their own."""
    opened = embedded(":memory:", Clock()) if request.param == "embedded" else served(Clock())
    with opened as timed:
        yield timed


@pytest.fixture
def timed(shared: Timed) -> Timed:
    """Return a database without collections, at the start of its time."""
    for name in shared.client.list_collections():
        shared.client.delete_collection(name)
    shared.clock.at(0)
    return shared


def payload(number: int) -> dict[str, Any]:
    """Return the payload of a point."""
    words = ("one", "two", "three", "four", "five")
    return {
        "number": number,
        "color": ("red", "green", "blue")[number % 7 % 3],
        "place": {"lon": number / 2, "lat": number / 3},
        "text": " ".join(words[: 1 + number % 5] * (1 + number % 2)),
        "plain": number % 4,
    }


def filled(
    timed: Timed, name: str, numbers: list[int], ttls: Any = None, *, is_indexed: bool = True
) -> None:
    """Create a collection of points with these numbers and lifetimes."""
    timed.client.create_collection(
        name,
        vectors=VECTORS_SETTINGS,
        sparse_vectors={"words": {"modifier": "idf"}},
        optimizers={"indexing_threshold": 1},
    )
    for field, schema in INDEXES.items() if is_indexed else ():
        timed.client.create_payload_index(name, field, schema)
    points = [
        {
            "id": number,
            "vector": {
                "": VECTORS[number],
                "words": {"indices": [number % 5, 5 + number % 3], "values": [1.0, number + 1]},
            },
            "payload": payload(number),
        }
        for number in numbers
    ]
    timed.client.upsert(name, points=points, ttl_seconds=ttls)


QUERY = VECTORS[1].tolist()
SPARSE = {"indices": [1, 3, 6], "values": [1.0, 0.5, 2.0]}
FILTER = {"color": "red"}
READS: dict[str, Callable[[RuvectorClient, str], Any]] = {
    "retrieve": lambda c, n: c.retrieve(n, list(range(POINTS)), with_vectors=True),
    "scroll": lambda c, n: c.scroll(n, limit=17),
    "pages": lambda c, n: list(c.iterate(n, page_size=7)),
    "scroll in order": lambda c, n: c.scroll(n, order_by="number", limit=100),
    "count": lambda c, n: c.count(n),
    "count by filter": lambda c, n: c.count(n, FILTER),
    "filter without index": lambda c, n: c.scroll(n, filter={"plain": 1}, limit=100),
    "negated": lambda c, n: c.count(n, {"must_not": [{"key": "color", "match": {"value": "red"}}]}),
    "ids": lambda c, n: c.count(n, {"must": [{"has_id": list(range(20))}]}),
    "vector": lambda c, n: c.count(n, {"must": [{"has_vector": "words"}]}),
    "place": lambda c, n: c.count(
        n, {"place": {"geo_radius": {"center": {"lon": 5, "lat": 5}, "radius": 2e6}}}
    ),
    "search": lambda c, n: c.search(n, QUERY, limit=100),
    "search few": lambda c, n: c.search(n, QUERY, limit=5),
    "exact": lambda c, n: c.search(n, QUERY, limit=100, params={"exact": True}),
    "filtered": lambda c, n: c.search(n, QUERY, limit=100, filter={"number": {"gte": 20}}),
    "batch": lambda c, n: c.search_batch(n, VECTORS[:3], limit=50),
    "sparse": lambda c, n: c.query(n, SPARSE, using="words", limit=100),
    "all": lambda c, n: c.query(n, limit=100),
    "recommend": lambda c, n: c.query(
        n, {"recommend": {"positive": [1, 2], "strategy": "best_score"}}, limit=100
    ),
    "discover": lambda c, n: c.query(
        n, {"discover": {"target": 1, "context": [{"positive": 2, "negative": 4}]}}, limit=100
    ),
    "context": lambda c, n: c.query(n, {"context": [{"positive": 2, "negative": 4}]}, limit=100),
    "ordered": lambda c, n: c.query(n, {"order_by": "number"}, limit=100),
    "text": lambda c, n: c.query(n, {"text": "two four five"}, using="text", limit=100),
    "mmr": lambda c, n: c.query(n, {"nearest": QUERY, "mmr": {"diversity": 0.5}}, limit=30),
    "fused": lambda c, n: c.query(
        n,
        {"fusion": "rrf"},
        prefetch=[{"query": QUERY, "limit": 40}, {"query": SPARSE, "using": "words", "limit": 40}],
        limit=100,
    ),
    "formula": lambda c, n: c.query(
        n,
        {"formula": {"sum": ["$score", "number"]}},
        prefetch={"query": QUERY, "limit": 100},
        limit=100,
    ),
    "groups": lambda c, n: c.query_groups(n, QUERY, "color", limit=5, group_size=50),
    "facet": lambda c, n: c.facet(n, "color"),
    "facet of some": lambda c, n: c.facet(n, "color", filter={"number": {"lt": 50}}),
    "figures": lambda c, n: c.facet(n, "color", aggregate=["number"]),
    "matrix": lambda c, n: c.distance_matrix(n, sample=100, limit=3),
    "points": lambda c, n: c.get_collection(n).points_count,
}


def answers(timed: Timed, name: str) -> dict[str, Any]:
    """Return the answer of every kind of read, without the versions of points."""
    return {kind: answer(timed, name, kind) for kind in READS}


def answer(timed: Timed, name: str, kind: str) -> Any:
    """Return the answer of one kind of read, as JSON has it."""
    text = encode_json(READS[kind](timed.client, name))
    return msgspec.json.decode(re.sub(rb'"version":\d+', b'"version":0', text))


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Assert that all answers are equal, and name the kind of read that differs."""
    for kind, wanted in expected.items():
        assert found[kind] == wanted, kind


@pytest.mark.parametrize("is_built", [False, True], ids=["growing", "built"])
def test_expired_points_are_invisible_to_every_read(
    timed: Timed, monkeypatch: pytest.MonkeyPatch, is_built: bool
) -> None:
    monkeypatch.setattr(maintenance, "SCAN_ROWS", 10)
    everything = list(range(POINTS))
    filled(timed, "mortal", everything, [None if number % 3 else TTL for number in everything])
    filled(timed, "all", everything)
    filled(timed, "rest", REST)
    if is_built:
        for name in ("mortal", "all", "rest"):
            timed.client.wait_for_index(name, 30)
        assert timed.client.get_collection("mortal").indexed_vectors_count
    assert_same(answers(timed, "mortal"), answers(timed, "all"))
    timed.clock.at(TTL - 0.001)
    assert_same(answers(timed, "mortal"), answers(timed, "all"))
    timed.clock.at(TTL)
    rest = answers(timed, "rest")
    assert_same(answers(timed, "mortal"), rest)
    assert timed.sweep("mortal") == len(MORTAL)
    assert timed.sweep("mortal") == 0
    assert_same(answers(timed, "mortal"), rest)


def test_lifetime_of_a_collection_holds_for_points_without_their_own(timed: Timed) -> None:
    client = timed.client
    client.create_collection("docs", dimensions=DIM, ttl_seconds=5)
    assert client.get_collection("docs").config["ttl_seconds"] == 5
    client.upsert("docs", ids=[1, 2], vectors=VECTORS[:2], ttl_seconds=[None, 20])
    client.update_collection("docs", ttl_seconds=50)
    client.upsert("docs", ids=[3], vectors=VECTORS[:1])
    client.update_collection("docs", metadata={"a": 1})
    assert client.get_collection("docs").config["ttl_seconds"] == 50
    client.update_collection("docs", ttl_seconds="Disabled")
    assert "ttl_seconds" not in client.get_collection("docs").config
    client.upsert("docs", ids=[4], vectors=VECTORS[:1])
    for seconds, left in ((4.999, [1, 2, 3, 4]), (5, [2, 3, 4]), (20, [3, 4]), (50, [4])):
        timed.clock.at(seconds)
        assert [record.id for record in client.scroll("docs")[0]] == left


def test_lifetime_of_the_point_that_counts_is_taken(timed: Timed) -> None:
    timed.client.create_collection("docs", dimensions=DIM)
    ttls = [None, 1, 5, None, 1]
    timed.client.upsert("docs", ids=[1, 1, 2, 2, 3], vectors=VECTORS[:5], ttl_seconds=ttls)
    timed.clock.at(1)
    assert [record.id for record in timed.client.scroll("docs")[0]] == [2]
    timed.clock.at(10)
    assert [record.id for record in timed.client.scroll("docs")[0]] == [2]


def test_each_write_gives_a_new_lifetime_and_changes_keep_it(timed: Timed) -> None:
    client = timed.client
    client.create_collection("docs", vectors={n: {"dimensions": DIM} for n in ("a", "b")})
    row = {"a": VECTORS[:1], "b": VECTORS[1:2]}
    for number in range(5):
        client.upsert("docs", ids=[number], vectors=row, ttl_seconds=10)
    timed.clock.at(5)
    client.upsert("docs", ids=[0], vectors=row, ttl_seconds=10)
    client.upsert("docs", ids=[1], vectors=row)
    client.update_vectors("docs", ids=[2], vectors={"a": VECTORS[5:6]})
    client.delete_vectors("docs", "b", [3])
    client.set_payload("docs", {"x": 1}, [4])
    timed.clock.at(9.999)
    assert client.count("docs") == 5
    timed.clock.at(10)
    assert [record.id for record in client.scroll("docs")[0]] == [0, 1]
    timed.clock.at(15)
    timed.sweep("docs")
    assert [record.id for record in client.scroll("docs")[0]] == [1]


def test_expired_points_do_not_exist_for_writes(timed: Timed) -> None:
    client = timed.client
    client.create_collection("docs", dimensions=DIM)
    ids = list(range(6))
    client.upsert("docs", ids=ids, vectors=VECTORS[:6], ttl_seconds=1, payloads=[{"a": 1}] * 6)
    client.upsert("docs", ids=[6], vectors=VECTORS[:1], payloads=[{"a": 1}])
    timed.clock.at(1)
    with pytest.raises(NotFound, match="0"):
        client.update_vectors("docs", ids=[0], vectors=VECTORS[:1])
    with pytest.raises(NotFound, match="0"):
        client.set_payload("docs", {"b": 1}, [0])
    client.set_payload("docs", {"b": 1}, filter={"a": 1})
    client.clear_payload("docs", [1])
    client.delete("docs", [2, 6])
    client.upsert("docs", ids=[0], vectors=VECTORS[:1], update_mode="update_only")
    assert client.count("docs") == 0
    client.upsert("docs", ids=[1], vectors=VECTORS[:1], update_mode="insert_only")
    client.upsert("docs", ids=[3], vectors=VECTORS[:1], update_filter={"a": 5}, ttl_seconds=60)
    client.upsert("docs", ids=[4], vectors=VECTORS[:1])
    assert timed.sweep("docs") == 3
    found = client.scroll("docs")[0]
    assert [(record.id, record.payload) for record in found] == [(1, {}), (3, {}), (4, {})]


def test_filled_index_does_not_bring_expired_points_back(timed: Timed) -> None:
    filled(timed, "docs", list(range(POINTS)), TTL, is_indexed=False)
    timed.clock.at(TTL)
    for field, schema in INDEXES.items():
        timed.client.create_payload_index("docs", field, schema)
    assert timed.client.facet("docs", "color") == []
    timed.sweep("docs")
    filled(timed, "again", REST)
    timed.client.upsert(
        "docs", ids=REST, vectors=VECTORS[REST], payloads=[payload(number) for number in REST]
    )
    for kind in ("facet", "figures", "text", "count by filter", "place", "ordered"):
        assert answer(timed, "docs", kind) == answer(timed, "again", kind), kind


@pytest.mark.parametrize(
    "wrong", [0, -1, -0.5, float("nan"), float("inf"), 1e300, 3_155_760_001, "10", True, [5], {}]
)
def test_lifetime_that_makes_no_sense_is_refused_by_name(timed: Timed, wrong: Any) -> None:
    client = timed.client
    with pytest.raises(RuvectorError, match="ttl_seconds"):
        client.create_collection("docs", dimensions=DIM, ttl_seconds=wrong)
    client.create_collection("docs", dimensions=DIM)
    before = client.get_collection("docs").config
    with pytest.raises(RuvectorError, match="ttl_seconds"):
        client.update_collection("docs", ttl_seconds=wrong)
    assert client.get_collection("docs").config == before
    points = [
        {"id": 1, "vector": VECTORS[0]},
        {"id": 2, "vector": VECTORS[0], "ttl_seconds": wrong},
    ]
    with pytest.raises(RuvectorError, match=r"points\[1\]\.ttl_seconds"):
        client.upsert("docs", points=points)
    if not isinstance(wrong, list):
        with pytest.raises(RuvectorError, match="ttl_seconds"):
            client.upsert("docs", ids=[1], vectors=VECTORS[:1], ttl_seconds=wrong)
    assert client.count("docs") == 0


def test_number_of_lifetimes_must_be_that_of_points(timed: Timed) -> None:
    timed.client.create_collection("docs", dimensions=DIM)
    with pytest.raises(RuvectorError, match="2 points but 3 ttl_seconds"):
        timed.client.upsert("docs", ids=[1, 2], vectors=VECTORS[:2], ttl_seconds=[1, 2, 3])


def test_lifetimes_survive_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    with embedded(tmp_path / "database", clock) as timed:
        filled(timed, "docs", list(range(POINTS)), [None if n % 3 else TTL for n in range(POINTS)])
        timed.client.wait_for_index("docs", 30)
        timed.client.upsert("docs", ids=[100], vectors=VECTORS[:1], ttl_seconds=2 * TTL)
        timed.client.set_payload("docs", {"plain": 5}, [0, 3, 100])
    clock.at(TTL)
    with embedded(tmp_path / "database", clock) as timed:
        assert timed.client.count("docs") == len(REST) + 1
        timed.sweep("docs")
        assert timed.client.count("docs") == len(REST) + 1
    clock.at(2 * TTL)
    with embedded(tmp_path / "database", clock) as timed:
        assert timed.client.count("docs") == len(REST)
