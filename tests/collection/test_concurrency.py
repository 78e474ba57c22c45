"""Is every answer that of one moment, whatever other threads do meanwhile?"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tests.collection.conftest import Database

from ruvector.client.client import RuvectorClient
from ruvector.errors import BadInput, NotFound, RuvectorError

IDS = 60
K = 20
ROUNDS = 25
FILTER = {"must": [{"key": "even", "match": {"value": True}}]}


def write_points(client: RuvectorClient, ids: list[int], number: int) -> None:
    """Overwrite points so that vector, payload and number of the round belong together."""
    vectors = np.array([[i + 1, number + 1] for i in ids], dtype=np.float32)
    payloads = [{"id": i, "number": number, "even": (i + number) % 2 == 0} for i in ids]
    client.upsert("c", ids=ids, vectors=vectors, payloads=payloads)


@pytest.mark.parametrize("is_indexed", [False, True], ids=["not indexed", "indexed"])
def test_searches_beside_writers_see_whole_points_and_as_many_as_there_are(
    database: Database, is_indexed: bool
) -> None:
    client = database.client
    client.create_collection("c", dimensions=2, distance="dot")
    if is_indexed:
        client.create_payload_index("c", "even", "bool")
    write_points(client, list(range(IDS)), 0)
    stop = threading.Event()

    def write(writer: int) -> None:
        generator = np.random.default_rng(writer)
        mine = list(range(20 * writer, 20 * writer + 20))
        try:
            for number in range(1, ROUNDS):
                chosen = sorted(generator.choice(mine, 7, replace=False).tolist())
                # Deletes and inserts in one transaction: never fewer than all points.
                points = [
                    {
                        "id": i,
                        "vector": [i + 1, number + 1],
                        "payload": {"id": i, "number": number, "even": (i + number) % 2 == 0},
                    }
                    for i in chosen
                ]
                client.batch_update(
                    "c", [{"delete": {"ids": chosen}}, {"upsert": {"points": points}}]
                )
        finally:
            stop.set()

    def search() -> int:
        searches = 0
        while not stop.is_set() or not searches:
            hits = client.search("c", [1, 1], K, with_vectors=True)
            check(hits, K)
            even = client.search("c", [1, 1], IDS, filter=FILTER, with_vectors=True)
            check(even, len(even))
            assert all((hit.payload or {})["even"] for hit in even)
            assert client.count("c") == IDS
            records, following = client.scroll("c", limit=IDS, with_vectors=True)
            assert [record.id for record in records] == list(range(IDS))
            assert following is None
            searches += 1
        return searches

    with ThreadPoolExecutor(6) as pool:
        searches = [pool.submit(search) for _ in range(3)]
        writes = [pool.submit(write, writer) for writer in range(3)]
        for written in writes:
            written.result()
        for searched in searches:
            assert searched.result()
    assert client.count("c", FILTER) == len(client.scroll_all("c", FILTER))


def check(hits: list[Any], count: int) -> None:
    """Assert that these are this many points, each with its own vector, payload and score."""
    assert len(hits) == count
    assert len({hit.id for hit in hits}) == count
    for hit in hits:
        assert hit.payload["id"] == hit.id
        assert hit.vector.tolist() == [hit.id + 1, hit.payload["number"] + 1]
        assert hit.score == hit.id + hit.payload["number"] + 2
        assert hit.payload["even"] == ((hit.id + hit.payload["number"]) % 2 == 0)


def test_filter_counts_hold_while_payloads_flip(database: Database) -> None:
    """Each write flips a pair, so that every moment has exactly half of the points on."""
    client = database.client
    client.create_collection("c", dimensions=2, distance="dot")
    client.create_payload_index("c", "on", "bool")
    for i in range(IDS):
        client.upsert("c", [{"id": i, "vector": [1, i], "payload": {"on": i % 2 == 0}}])
    on = {"must": [{"key": "on", "match": {"value": True}}]}
    stop = threading.Event()

    def flip(start: int) -> None:
        try:
            for turn in range(1, 2 * ROUNDS):
                pair = start + 2 * (turn % 10)
                value = bool(turn // 10 % 2)
                client.batch_update(
                    "c",
                    [
                        {"set_payload": {"payload": {"on": value}, "ids": [pair]}},
                        {"set_payload": {"payload": {"on": not value}, "ids": [pair + 1]}},
                    ],
                )
        finally:
            stop.set()

    def read() -> None:
        while not stop.is_set():
            assert client.count("c", on) == IDS // 2
            hits = client.search("c", [1, 1], IDS, filter=on)
            assert len(hits) == IDS // 2
            assert all((hit.payload or {})["on"] for hit in hits)

    with ThreadPoolExecutor(5) as pool:
        futures = [pool.submit(read) for _ in range(3)]
        futures += [pool.submit(flip, start) for start in (0, 20)]
        for future in futures:
            future.result()
    assert client.count("c", on) == IDS // 2


def test_collection_that_is_deleted_under_load_is_not_found_and_nothing_else(
    database: Database,
) -> None:
    client = database.client
    stop = threading.Event()

    def repeat(call: Callable[[], object]) -> set[type]:
        met: set[type] = set()
        while not stop.is_set():
            try:
                call()
            except RuvectorError as error:
                met.add(type(error))
                stop.wait(0.001)  # lets the thread that creates and deletes have its turn
        return met

    calls: list[Callable[[], object]] = [
        lambda: client.search("c", [1, 1], filter={"a": 1}),
        lambda: client.scroll("c"),
        lambda: client.upsert("c", [{"id": 1, "vector": [1, 1], "payload": {"a": 1}}]),
        lambda: client.set_payload("c", {"a": 2}, filter={"a": 1}),
        lambda: client.get_collection("c"),
    ]
    with ThreadPoolExecutor(len(calls)) as pool:
        loads = [pool.submit(repeat, call) for call in calls]
        try:
            for _ in range(12):
                client.create_collection("c", dimensions=2)
                client.upsert("c", ids=[1, 2], vectors=[[1, 2], [3, 4]])
                assert client.delete_collection("c")
        finally:
            stop.set()
        for load in loads:
            assert load.result() <= {NotFound}
    assert client.list_collections() == []


def test_write_to_a_collection_that_was_closed_meanwhile_is_not_found(database: Database) -> None:
    client = database.client
    client.create_collection("c", dimensions=2)
    engine = client._transport._engine  # type: ignore[attr-defined]
    collection = engine._catalog.get("c")
    client.delete_collection("c")
    with pytest.raises(NotFound, match="closed or deleted"):
        collection.write([lambda preparation: preparation.delete([1], None)])
    with pytest.raises(NotFound, match="closed or deleted"):
        collection.view()


def test_closing_under_load_ends_every_call_and_keeps_what_was_acknowledged(
    database: Database,
) -> None:
    client = database.client
    client.create_collection("c", dimensions=2)
    acknowledged: list[int] = []
    started = threading.Barrier(4)

    def write(writer: int) -> None:
        for number in range(10_000):
            try:
                client.upsert("c", ids=[number * 3 + writer], vectors=[[1, number]])
            except (NotFound, BadInput):
                return
            acknowledged.append(number * 3 + writer)
            if number == 5:
                started.wait()

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, writer) for writer in range(3)]
        started.wait()
        client.close()
        for writer in writers:
            writer.result()
    with pytest.raises(BadInput, match="closed"):
        client.count("c")
    found = {record.id for record in database.reopen().scroll_all("c")}
    assert set(acknowledged) <= found
    assert len(found) <= len(acknowledged) + 3
