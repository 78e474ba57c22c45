"""Do sealing, merging and indexing change how things are kept, and nothing else?"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.collection.conftest import Database

from ruvector.client.client import RuvectorClient
from ruvector.collection import compaction
from ruvector.collection.sealed import FileEntry, files_of
from ruvector.errors import ServiceError
from ruvector.index.graph import Graph
from ruvector.model.results import CollectionInfo

POINTS = 3000
DIM = 8
DEADLINE_SECONDS = 60
SMALL = {"indexing_threshold": 10**6, "vacuum_min_vector_number": 100}


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    """Return vectors float32 [3000, 8]."""
    return np.random.default_rng(3).normal(size=(POINTS, DIM)).astype(np.float32)


def fill(client: RuvectorClient, vectors: NDArray[np.float32], **settings: Any) -> None:
    """Create the collection "c" of all vectors, with a payload index."""
    settings = {"hnsw": {"m": 6, "ef_construct": 60}, "optimizers": SMALL, **settings}
    client.create_collection("c", dimensions=DIM, distance="euclid", **settings)
    client.create_payload_index("c", "third", "integer")
    payloads = [{"third": i % 3} for i in range(len(vectors))]
    client.upsert("c", ids=range(len(vectors)), vectors=vectors, payloads=payloads)


def files(client: RuvectorClient) -> list[FileEntry]:
    """Return the manifest of "c", after checking that exactly its files exist."""
    shard = client._transport._engine._catalog.get("c").shard  # type: ignore[attr-defined]
    with shard.store.read() as reader:
        entries = files_of(reader)
    present = sorted(path.name for path in Path(shard.store.segments_path).iterdir())
    assert present == sorted(entry.file for entry in entries)
    return entries


def kinds(client: RuvectorClient) -> list[str]:
    """Return the kinds of files of "c"."""
    return sorted(entry.kind for entry in files(client))


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once background work has made this true."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "background work did not get there"
        pause.wait(0.02)


def truth(vectors: NDArray[np.float32], query: NDArray[np.float32], ids: Any) -> list[int]:
    """Return the ten ids nearest to a query."""
    chosen = np.array(sorted(ids))
    distances = np.linalg.norm(vectors[chosen] - query, axis=1)
    return [int(i) for i in chosen[np.argsort(distances, kind="stable")[:10]]]


def check(client: RuvectorClient, vectors: NDArray[np.float32], ids: Any) -> None:
    """Assert that answers are those of exactly these points, near to the truth or exact."""
    ids = set(ids)
    assert client.count("c") == len(ids)
    third = {i for i in ids if i % 3 == 1}
    assert client.count("c", {"third": 1}) == len(third)
    hits, recall = 0, 0
    for number in range(10):
        query = vectors[number * 7] + np.float32(0.05)
        expected = truth(vectors, query, ids)
        exact = client.search("c", query, 10, params={"exact": True})
        assert [hit.id for hit in exact] == expected
        found = [hit.id for hit in client.search("c", query, 10)]
        assert len(set(found)) == 10
        assert set(found) <= ids
        recall += len(set(found) & set(expected))
        hits += 10
        only = [hit.id for hit in client.search("c", query, 10, filter={"third": 1})]
        assert only == truth(vectors, query, third)
    assert recall >= 0.95 * hits


def description(client: RuvectorClient) -> CollectionInfo:
    """Return what is known of "c"."""
    return client.get_collection("c")


def test_answers_stay_the_same_through_every_step_and_restart(
    database: Database, vectors: NDArray[np.float32]
) -> None:
    client = database.client
    fill(client, vectors[:2000])
    check(client, vectors, range(2000))
    client = database.reopen()
    check(client, vectors, range(2000))
    assert files(client) == []

    client.wait_for_index("c", DEADLINE_SECONDS)  # sealed
    assert kinds(client) == ["vectors"]
    check(client, vectors, range(2000))
    client = database.reopen()
    check(client, vectors, range(2000))

    payloads = [{"third": i % 3} for i in range(1500, POINTS)]
    client.upsert("c", ids=range(1500, POINTS), vectors=vectors[1500:], payloads=payloads)
    check(client, vectors, range(POINTS))
    client = database.reopen()
    assert description(client).segments_count == 2
    check(client, vectors, range(POINTS))

    client.update_collection("c", optimizers={"indexing_threshold": 1})
    client.wait_for_index("c", DEADLINE_SECONDS)  # merged and indexed
    assert kinds(client) == ["graph", "vectors"]
    described = description(client)
    assert (described.status, described.segments_count) == ("green", 1)
    assert described.indexed_vectors_count == described.points_count == POINTS
    assert described.payload_schema["third"].points == POINTS
    check(client, vectors, range(POINTS))
    client = database.reopen()
    assert description(client).indexed_vectors_count == POINTS
    check(client, vectors, range(POINTS))

    client.delete("c", ids=range(500, 1000))
    left = [*range(500), *range(1000, POINTS)]
    check(client, vectors, left)
    client = database.reopen()
    check(client, vectors, left)
    client.wait_for_index("c", DEADLINE_SECONDS)
    check(client, vectors, left)
    assert description(client).payload_schema["third"].points == len(left)
    check(database.reopen(), vectors, left)


def test_deleted_rows_vanish_from_the_files(
    database: Database, vectors: NDArray[np.float32]
) -> None:
    client = database.client
    fill(client, vectors[:1000])
    client.wait_for_index("c", DEADLINE_SECONDS)
    (whole,) = files(client)
    client.delete("c", ids=range(100, 1000))
    client.wait_for_index("c", DEADLINE_SECONDS)
    (small,) = files(client)
    assert small.file != whole.file
    assert small.size_bytes < whole.size_bytes / 3
    check(client, vectors, range(100))
    client.delete("c", filter={})
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert files(client) == []
    assert client.count("c") == client.count("c", {"third": 1}) == 0
    assert client.search("c", vectors[0], 3) == []
    client = database.reopen()
    client.upsert("c", ids=[7], vectors=vectors[7:8])
    assert [hit.id for hit in client.search("c", vectors[0], 3)] == [7]


def test_enough_deleted_rows_are_swept_without_being_asked(
    database: Database, vectors: NDArray[np.float32]
) -> None:
    client = database.client
    fill(client, vectors[:1000], optimizers={**SMALL, "deleted_threshold": 0.3})
    client.wait_for_index("c", DEADLINE_SECONDS)
    (before,) = files(client)
    client.delete("c", ids=range(299))
    assert description(client).status == "green"
    client.delete("c", ids=[299])
    wait_for(lambda: description(client).status == "green")
    assert files(client) != [before]
    check(client, vectors, range(300, 1000))


def test_index_is_built_in_the_background_once_it_is_worth_one(
    database: Database, vectors: NDArray[np.float32]
) -> None:
    client = database.client
    fill(client, vectors, optimizers={"indexing_threshold": 1})
    assert description(client).status in ("yellow", "green")
    wait_for(lambda: description(client).status == "green")
    assert kinds(client) == ["graph", "vectors"]
    check(client, vectors, range(POINTS))


def test_indexing_threshold_of_zero_never_builds_a_graph(
    database: Database, vectors: NDArray[np.float32]
) -> None:
    client = database.client
    fill(client, vectors, optimizers={"indexing_threshold": 0})
    assert description(client).status == "green"
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert kinds(client) == ["vectors"]
    assert description(client).indexed_vectors_count == 0


def test_changed_graph_settings_rebuild_the_graph_and_others_do_not(
    database: Database, vectors: NDArray[np.float32]
) -> None:
    client = database.client
    fill(client, vectors, optimizers={"indexing_threshold": 1})
    client.wait_for_index("c", DEADLINE_SECONDS)
    before = {entry.kind: entry for entry in files(client)}
    assert before["graph"].settings == (6, 60)
    client.update_collection("c", hnsw={"m": 6, "full_scan_threshold": 1})
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert {entry.kind: entry for entry in files(client)} == before
    client.update_collection("c", vectors={"": {"hnsw": {"m": 4}}})
    client.wait_for_index("c", DEADLINE_SECONDS)
    after = {entry.kind: entry for entry in files(client)}
    assert after["graph"].settings == (4, 60)
    assert after["vectors"] == before["vectors"]
    check(client, vectors, range(POINTS))
    client = database.reopen()
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert {entry.kind: entry for entry in files(client)} == after


def test_step_that_fails_is_reported_and_its_data_stay_searchable_until_it_succeeds(
    database: Database, vectors: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Graph:
        raise MemoryError("no memory for a graph")

    client = database.client
    fill(client, vectors, optimizers={"indexing_threshold": 1})
    with monkeypatch.context() as broken:
        broken.setattr(Graph, "build", fail)
        with pytest.raises(ServiceError, match="no memory for a graph"):
            client.wait_for_index("c", DEADLINE_SECONDS)
        described = description(client)
        assert described.status == "red"
        assert "no memory for a graph" in described.optimizer_status["error"]
        check(client, vectors, range(POINTS))
        client.upsert("c", ids=[0], vectors=vectors[:1], payloads=[{"third": 0}])
        check(client, vectors, range(POINTS))
    wait_for(lambda: description(client).status == "green")
    assert description(client).optimizer_status == "ok"
    assert "graph" in kinds(client)
    check(client, vectors, range(POINTS))


def test_closing_while_a_graph_is_built_gives_the_build_up(
    database: Database, vectors: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = threading.Event()

    def endless(*_: Any, cancel: threading.Event, **__: Any) -> Graph:
        started.set()
        assert cancel.wait(DEADLINE_SECONDS)
        raise RuntimeError("cancelled")

    client = database.client
    fill(client, vectors, optimizers={"indexing_threshold": 1})
    with monkeypatch.context() as slow:
        slow.setattr(Graph, "build", endless)
        assert started.wait(DEADLINE_SECONDS)
        assert description(client).status == "yellow"
        check(client, vectors, range(POINTS))
        client.close()
    check(database.reopen(), vectors, range(POINTS))


def test_rows_that_die_while_a_step_runs_are_dead_after_it(
    database: Database, vectors: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = database.client
    fill(client, vectors, optimizers={"indexing_threshold": 1})
    build = Graph.build

    def build_late(*arguments: Any, **settings: Any) -> Graph:
        client.delete("c", ids=range(0, POINTS, 2))
        client.upsert("c", ids=[1], vectors=vectors[1:2], payloads=[{"third": 1}])
        monkeypatch.setattr(Graph, "build", build)
        return build(*arguments, **settings)

    monkeypatch.setattr(Graph, "build", build_late)
    client.wait_for_index("c", DEADLINE_SECONDS)
    check(client, vectors, range(1, POINTS, 2))
    check(database.reopen(), vectors, range(1, POINTS, 2))


def test_rows_that_die_just_before_a_step_is_shown_are_dead_after_it(
    database: Database, vectors: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = database.client
    fill(client, vectors[:1000])
    open_segment = compaction.open_segment

    def open_then_delete(*arguments: Any) -> Any:
        monkeypatch.setattr(compaction, "open_segment", open_segment)
        segment = open_segment(*arguments)
        client.delete("c", ids=range(0, 1000, 2))
        return segment

    monkeypatch.setattr(compaction, "open_segment", open_then_delete)
    client.update_collection("c", optimizers={"deleted_threshold": 1.0})
    client.wait_for_index("c", DEADLINE_SECONDS)
    check(client, vectors, range(1, 1000, 2))
    check(database.reopen(), vectors, range(1, 1000, 2))
