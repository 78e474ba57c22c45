"""Is a snapshot one moment, whatever happens while it is made?"""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.collection import catalog
from ruvector.engine import Engine
from ruvector.errors import StorageBusy, StorageLocked, Unavailable
from ruvector.model import requests as r
from ruvector.snapshots import create
from ruvector.snapshots.jobs import RUNNING
from ruvector.snapshots.settings import SnapshotSettings
from ruvector.storage.pinned import Pinned, pin
from ruvector.storage.shard_store import ShardStore

DIM = 8


@pytest.fixture
def client(tmp_path: Path) -> Iterator[RuvectorClient]:
    with ruvector.open(tmp_path / "database") as client:
        for name in ("a", "b"):
            client.create_collection(name, dimensions=DIM, optimizers={"indexing_threshold": 1})
            client.upsert(name, ids=range(100), vectors=numbered(range(100)))
        yield client


def numbered(numbers: Any) -> Any:
    return np.array([[n + 1.0] * DIM for n in numbers], dtype=np.float32)


def restored(client: RuvectorClient, name: str = "a") -> RuvectorClient:
    """Return a database with what the last snapshot of a collection holds."""
    folder = client._transport._engine.snapshots.folder
    path = folder.path(("collections", name), client.list_snapshots(name)[-1].name)
    other = ruvector.open(":memory:")
    other.upload_snapshot(name, path)
    return other


def between(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None], *, before: bool) -> None:
    """Have something done before or after the tables of a snapshot are copied."""
    copy = Pinned.copy_tables

    def copy_tables(self: Pinned, path: Path) -> None:
        if before:
            do()
        copy(self, path)
        if not before:
            do()

    monkeypatch.setattr(Pinned, "copy_tables", copy_tables)


@pytest.mark.parametrize("before", [True, False])
def test_writes_and_maintenance_beside_a_snapshot_are_not_in_it(
    client: RuvectorClient, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    client.wait_for_index("a")

    def disturb() -> None:
        client.upsert("a", ids=range(50, 150), vectors=numbered(range(50, 150)))
        client.delete("a", list(range(50)))
        client.wait_for_index("a")  # seals, merges, and replaces all files

    between(monkeypatch, disturb, before=before)
    client.create_snapshot("a")
    assert client.count("a") == 100
    segments = client._transport._engine._catalog.get("a").shard.store.segments_path
    kept = {path.name for path in segments.iterdir()}
    with restored(client) as other:
        found = {record.id for record in other.iterate("a")}
        assert found == set(range(100))
        assert other.search("a", [1.0] * DIM, limit=200)
    client.close()
    with ruvector.open(client._transport.address) as again:  # what was replaced is gone by now
        assert again.count("a") == 100
        assert {path.name for path in segments.iterdir()} == kept


def test_no_write_is_in_a_full_snapshot_without_those_acknowledged_before(
    client: RuvectorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers: list[threading.Thread] = []

    def write() -> None:
        for name in ("a", "b"):  # first a, and once that is acknowledged, b
            client.upsert(name, ids=[100], vectors=numbered([100]))

    def pin_later(store: ShardStore) -> Pinned:
        pinned = pin(store)
        if not writers:  # the moment of a has been taken, that of b not yet
            writers.append(threading.Thread(target=write))
            writers[0].start()
            writers[0].join(0.3)
        return pinned

    monkeypatch.setattr(catalog, "pin", pin_later)
    snapshot = client.create_full_snapshot()
    writers[0].join(30)
    assert snapshot is not None
    assert client.count("a") == client.count("b") == 101
    path = client._transport._engine.snapshots.folder.path(("full",), snapshot.name)
    with ruvector.open(":memory:") as other:
        other.upload_full_snapshot(path)
        assert other.count("b") <= other.count("a")


@pytest.mark.parametrize("gone", ["deleted", "restored"])
def test_a_collection_that_goes_meanwhile_leaves_no_snapshot(
    client: RuvectorClient, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    client.wait_for_index("a")
    name = client.create_snapshot("a").name  # type: ignore[union-attr]

    def disturb() -> None:
        monkeypatch.undo()
        if gone == "deleted":
            client.delete_collection("a")
        else:
            client.recover_snapshot("a", name)

    between(monkeypatch, disturb, before=False)
    with pytest.raises(Unavailable, match="try again"):
        client.create_snapshot("a")
    assert [each.name for each in client.list_snapshots("a")] == [name]
    folder = client._transport._engine.snapshots.folder
    assert not list((folder.root / "tmp").iterdir())


def test_closing_waits_for_the_copy_of_the_tables(
    client: RuvectorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing: list[threading.Thread] = []

    def disturb() -> None:
        thread = threading.Thread(target=lambda: client.delete_collection("a"))
        thread.start()
        closing.append(thread)
        thread.join(0.2)
        assert thread.is_alive()

    between(monkeypatch, disturb, before=True)
    client.create_snapshot("a")  # of a moment when the collection was there
    closing[0].join(30)
    assert client.list_collections() == ["b"]
    with restored(client) as other:
        assert other.count("a") == 100


def test_more_than_may_be_made_at_once_are_refused(
    client: RuvectorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, go = threading.Semaphore(0), threading.Event()
    write = create._write

    def slow(*arguments: Any) -> str:
        held.release()
        assert go.wait(30)
        return write(*arguments)

    monkeypatch.setattr(create, "_write", slow)
    makers = [threading.Thread(target=client.create_snapshot, args=("a",)) for _ in range(RUNNING)]
    for maker in makers:
        maker.start()
    for _ in makers:
        assert held.acquire(timeout=30)
    with pytest.raises(StorageBusy, match="at once"):
        client.create_snapshot("b")
    go.set()
    for maker in makers:
        maker.join()
    assert len({each.name for each in client.list_snapshots("a")}) == RUNNING


def test_a_reader_makes_no_snapshots(client: RuvectorClient) -> None:
    name = client.create_snapshot("a").name  # type: ignore[union-attr]
    path = client._transport.address
    client.close()
    with ruvector.open(path, read_only=True) as reader:
        assert [each.name for each in reader.list_snapshots("a")] == [name]
        for call in (reader.create_snapshot, reader.create_shard_snapshot):
            with pytest.raises(StorageLocked, match="read_only"):
                call("a")
        with pytest.raises(StorageLocked, match="read_only"):
            reader.recover_snapshot("a", name)


def test_databases_that_share_a_folder_leave_each_other_alone(tmp_path: Path) -> None:
    settings = SnapshotSettings(path=tmp_path / "shared")
    first = Engine.open(tmp_path / "first", snapshots=settings)
    vectors = {"size": 2, "distance": "Dot"}
    first.execute(r.CreateCollection(collection="a", vectors=vectors))
    upload = first.begin_upload(10)
    second = Engine.open(tmp_path / "second", snapshots=settings)
    second.execute(r.CreateCollection(collection="a", vectors=vectors))
    try:
        assert upload.path.exists()
        made = [engine.execute(r.CreateSnapshot(collection="a")) for engine in (first, second)]
        assert first.execute(r.ListSnapshots(collection="a")) == made
        assert second.execute(r.RecoverSnapshot(collection="a", location=made[0].name))
        full = [engine.execute(r.CreateFullSnapshot()).name for engine in (first, second)]
        assert len({re.sub(r"-\d{4}-.*", "", name) for name in full}) == 2  # at the same second
    finally:
        upload.remove()
        first.close()
        second.close()
