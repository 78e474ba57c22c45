"""Do the limits of strict mode hold, embedded and over REST alike?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ruvector.client.client import RuvectorClient
from ruvector.collection.rates import RateLimiter
from ruvector.errors import (
    Forbidden,
    InvalidRequest,
    MalformedRequest,
    RateLimited,
    StorageFull,
)
from ruvector.model import requests as r
from ruvector.storage import machine

Call = Callable[[RuvectorClient, str], Any]
ONES = [1.0, 1.0]
RED = {"must": [{"key": "color", "match": {"value": "red"}}]}
LONG = {"must": [{"key": "color", "match": {"any": ["a", "b", "c"]}}]}


def limited(client: RuvectorClient, name: str, **limits: Any) -> None:
    """Create a collection of four points, then set its limits."""
    client._transport.execute(
        r.CreateCollection(collection=name, vectors={"size": 2, "distance": "Dot"})
    )
    vectors = np.eye(4, 2, dtype=np.float32)
    client.upsert(name, ids=range(4), vectors=vectors, payloads=[{"color": "red"}] * 4)
    client.create_payload_index(name, "n", "integer")
    client._transport.execute(
        r.UpdateCollection(collection=name, strict_mode_config={"enabled": True, **limits})
    )


def upsert(client: RuvectorClient, name: str) -> None:
    """Write two points."""
    client.upsert(name, ids=[8, 9], vectors=np.ones((2, 2), dtype=np.float32))


REFUSED: list[tuple[dict[str, Any], Call]] = [
    ({"max_query_limit": 3}, lambda c, n: c.search(n, ONES, limit=4)),
    ({"max_query_limit": 3}, lambda c, n: c.scroll(n, limit=4)),
    (
        {"max_query_limit": 3},
        lambda c, n: c.query(n, {"fusion": "rrf"}, 2, prefetch={"query": ONES, "limit": 9}),
    ),
    ({"search_max_hnsw_ef": 8}, lambda c, n: c.search(n, ONES, params={"hnsw_ef": 9})),
    ({"search_allow_exact": False}, lambda c, n: c.search(n, ONES, params={"exact": True})),
    ({"max_timeout": 2}, lambda c, n: c._transport.execute(r.Scroll(collection=n, timeout=3))),
    (
        {"search_max_oversampling": 2.0},
        lambda c, n: c.search(n, ONES, params={"quantization": {"oversampling": 3.0}}),
    ),
    ({"search_max_batchsize": 1}, lambda c, n: c.search_batch(n, [ONES, ONES])),
    ({"upsert_max_batchsize": 1}, upsert),
    ({"max_points_count": 4}, upsert),
    ({"max_collection_vector_size_bytes": 32}, upsert),
    ({"max_collection_payload_size_bytes": 1}, upsert),
    ({"filter_max_conditions": 0}, lambda c, n: c.count(n, RED)),
    ({"condition_max_size": 2}, lambda c, n: c.count(n, LONG)),
    ({"unindexed_filtering_retrieve": False}, lambda c, n: c.count(n, RED)),
    ({"unindexed_filtering_update": False}, lambda c, n: c.delete(n, filter=RED)),
    ({"max_payload_index_count": 1}, lambda c, n: c.create_payload_index(n, "m", "integer")),
]


@pytest.mark.parametrize(
    ("limits", "call"), REFUSED, ids=[f"{i} {next(iter(x[0]))}" for i, x in enumerate(REFUSED)]
)
def test_what_goes_beyond_a_limit_is_refused(
    client: RuvectorClient, name: str, limits: dict[str, Any], call: Call
) -> None:
    limited(client, name, **limits)
    with pytest.raises(Forbidden, match="Help: "):
        call(client, name)
    disabled = {"enabled": False}
    client._transport.execute(r.UpdateCollection(collection=name, strict_mode_config=disabled))
    call(client, name)


def test_longer_vectors_than_the_limits_are_refused(client: RuvectorClient, name: str) -> None:
    limits = {"sparse_config": {"s": {"max_length": 2}}, "multivector_config": {}}
    limits["multivector_config"] = {"m": {"max_vectors": 1}}
    multi = {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}}
    client._transport.execute(
        r.CreateCollection(
            collection=name,
            vectors={"m": multi},
            sparse_vectors={"s": {}},
            strict_mode_config={"enabled": True, **limits},
        )
    )
    config = client.get_collection(name).config["strict_mode_config"]
    assert config == {"enabled": True, **limits}
    fit = {"s": {"indices": [1, 5], "values": ONES}, "m": [ONES]}
    client.upsert(name, [{"id": 1, "vector": fit}])
    long = {"indices": [1, 5, 7], "values": [1.0, 1.0, 1.0]}
    for vector, limit in ({"s": long}, "max_length is 2"), ({"m": [ONES, ONES]}, "max_vectors"):
        with pytest.raises(Forbidden, match=limit):
            client.upsert(name, [{"id": 2, "vector": vector}])
        with pytest.raises(Forbidden, match=limit):
            client.update_vectors(name, [{"id": 1, "vector": vector}])
    assert client.count(name) == 1


def test_beyond_the_share_of_memory_only_deletes_are_taken(
    client: RuvectorClient, name: str, monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    if "embedded" not in request.node.name:
        pytest.skip("the memory of another process cannot be chosen")
    monkeypatch.setattr(machine, "memory_percent", lambda: 60)
    limited(client, name, max_resident_memory_percent=60)
    with pytest.raises(StorageFull, match="max_resident_memory_percent"):
        upsert(client, name)
    client.delete(name, [1])
    monkeypatch.setattr(machine, "memory_percent", lambda: 59)
    upsert(client, name)
    assert client.count(name) == 5


def test_what_stays_within_every_limit_is_answered(client: RuvectorClient, name: str) -> None:
    limited(
        client,
        name,
        max_query_limit=10,
        search_max_hnsw_ef=64,
        upsert_max_batchsize=2,
        max_points_count=9,
        filter_max_conditions=1,
        unindexed_filtering_retrieve=False,
        read_rate_limit=1000,
    )
    upsert(client, name)
    assert len(client.search(name, ONES, limit=10, params={"hnsw_ef": 64})) == 6
    assert client.count(name, {"n": {"gte": 3}}) == 0


def test_limits_are_echoed_as_given_and_merged(client: RuvectorClient, name: str) -> None:
    limited(client, name, max_query_limit=10)
    client._transport.execute(
        r.UpdateCollection(collection=name, strict_mode_config={"read_rate_limit": 5})
    )
    assert client.get_collection(name).config["strict_mode_config"] == {
        "enabled": True,
        "max_query_limit": 10,
        "read_rate_limit": 5,
    }


def test_readers_beyond_the_rate_are_told_to_wait(client: RuvectorClient, name: str) -> None:
    limited(client, name, read_rate_limit=2)
    client.count(name)
    client.count(name)
    with pytest.raises(RateLimited, match="Retry in"):
        client.count(name)


def test_writers_beyond_the_rate_are_told_to_wait(client: RuvectorClient, name: str) -> None:
    limited(client, name, write_rate_limit=2)
    upsert(client, name)
    client.delete(name, [8])
    with pytest.raises(RateLimited, match="Retry in"):
        client.delete(name, [9])


def test_a_rate_is_taken_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("ruvector.collection.rates.time.monotonic", lambda: now[0])
    limiter = RateLimiter()
    limiter.take(60, 60, "reading")
    with pytest.raises(RateLimited) as refusal:
        limiter.take(60, 3, "reading")
    assert refusal.value.retry_after_seconds == pytest.approx(3)
    now[0] = 3.0
    limiter.take(60, 3, "reading")
    with pytest.raises(RateLimited, match="smaller batches"):
        limiter.take(60, 61, "reading")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_query_limit": 0}, InvalidRequest),
        ({"max_points_count": -1}, InvalidRequest),
        ({"read_rate_limit": 0}, InvalidRequest),
        ({"max_lines": 5}, MalformedRequest),
        ({"sparse_config": {"a": {"max_length": 0}}}, InvalidRequest),
        ({"multivector_config": {"a": {"max_tokens": 1}}}, MalformedRequest),
        ({"max_resident_memory_percent": 101}, InvalidRequest),
    ],
)
def test_wrong_limits_are_refused(
    client: RuvectorClient, name: str, limits: dict[str, Any], expected: type[Exception]
) -> None:
    client.create_collection(name, dimensions=2)
    with pytest.raises(expected):
        client._transport.execute(r.UpdateCollection(collection=name, strict_mode_config=limits))
