"""Does a process that reads beside the one that writes see every acknowledged write, at once?

The reader runs in a process of its own and answers one line for each line that it is sent, so that
each check comes after a write was acknowledged and before the next one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.collection.conftest import Database

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.errors import NotFound, StorageLocked

DEADLINE_SECONDS = 60
READER = """
import json, sys
import ruvector
from ruvector.errors import RuvectorError
with ruvector.open(sys.argv[1], read_only=True) as client:
    print("ready", flush=True)
    for line in sys.stdin:
        method, arguments, fields = json.loads(line)
        try:
            found = getattr(client, method)(*arguments, **fields)
            if method in ("search", "scroll_all", "retrieve"):
                found = [[hit.id, hit.payload] for hit in found]
            elif method == "get_collection":
                found = [found.points_count, sorted(found.payload_schema)]
        except RuvectorError as error:
            found = f"{type(error).__name__}: {error.message}"
        print(json.dumps(found), flush=True)
"""


class Reader:
    """A read-only client in another process."""

    def __init__(self, path: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", READER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.answer() == "ready\n"

    def answer(self) -> str:
        """Return the next line of the process."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def ask(self, method: str, *arguments: Any, **fields: Any) -> Any:
        """Return what the method of the other process's client returns, or its error's text."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([method, arguments, fields]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.answer())


@pytest.fixture
def client(database: Database) -> RuvectorClient:
    """Return the client that writes, with a collection of six points."""
    client = database.client
    client.create_collection(
        "c", dimensions=2, distance="dot", optimizers={"indexing_threshold": 1}
    )
    client.upsert("c", ids=range(6), vectors=[[i, 1] for i in range(6)])
    return client


@pytest.fixture
def reader(client: RuvectorClient, database: Database) -> Iterator[Reader]:
    """Return a reader of the same folder."""
    reader = Reader(database.path)
    yield reader
    assert reader.process.stdin is not None
    reader.process.stdin.close()
    assert reader.process.wait(DEADLINE_SECONDS) == 0


def same(reader: Reader, client: RuvectorClient) -> None:
    """Assert that both processes give the same answers."""
    expected = [[hit.id, hit.payload] for hit in client.search("c", [1, 0], 10)]
    assert reader.ask("search", "c", [1, 0], 10) == expected
    assert reader.ask("count", "c") == client.count("c")
    for filter in ({"n": 1}, {"must_not": [{"key": "n", "match": {"value": 1}}]}):
        assert reader.ask("count", "c", filter) == client.count("c", filter)
        points = [[record.id, record.payload] for record in client.scroll_all("c", filter)]
        assert reader.ask("scroll_all", "c", filter) == points


@pytest.mark.parametrize("is_indexed", [False, True], ids=["not indexed", "indexed"])
def test_reader_sees_each_write_once_it_is_acknowledged(
    client: RuvectorClient, reader: Reader, is_indexed: bool
) -> None:
    same(reader, client)
    if is_indexed:
        client.create_payload_index("c", "n", "integer")
        assert reader.ask("get_collection", "c") == [6, ["n"]]
    client.upsert("c", ids=[7, 8, 0], vectors=[[7, 1], [8, 1], [9, 1]], payloads=[{"n": 1}] * 3)
    same(reader, client)
    client.set_payload("c", {"n": 1}, [1, 2])
    same(reader, client)
    client.set_payload("c", {"n": 2}, filter={"n": 1})
    same(reader, client)
    client.overwrite_payload("c", {"n": 1}, [3])
    client.clear_payload("c", [8])
    same(reader, client)
    client.delete("c", filter={"n": 2})
    same(reader, client)
    client.update_vectors("c", ids=[4], vectors=[[50, 1]])
    same(reader, client)
    client.delete_payload_index("c", "n")
    same(reader, client)
    assert reader.ask("get_collection", "c")[1] == []


def test_reader_sees_the_same_through_seals_merges_and_graphs(
    client: RuvectorClient, reader: Reader
) -> None:
    client.create_payload_index("c", "n", "integer")
    generator = np.random.default_rng(5)
    for turn in range(3):
        ids = range(1000 * turn, 1000 * turn + 1000)
        vectors = generator.normal(size=(1000, 2)).astype(np.float32)
        client.upsert("c", ids=ids, vectors=vectors, payloads=[{"n": i % 2} for i in ids])
        same(reader, client)
        client.wait_for_index("c", DEADLINE_SECONDS)
        same(reader, client)
        client.delete("c", ids=range(1000 * turn, 1000 * turn + 100))
        same(reader, client)
        client.wait_for_index("c", DEADLINE_SECONDS)
        client.set_payload("c", {"n": 1}, [1000 * turn + 500])
        same(reader, client)


def test_reader_is_never_stuck_behind_a_writer_that_goes_on(
    client: RuvectorClient, database: Database
) -> None:
    loop = (
        "import sys, ruvector\n"
        "with ruvector.open(sys.argv[1], read_only=True) as client:\n"
        "    counts = [client.count('c') for _ in range(3000)]\n"
        "print(counts == sorted(counts), counts[0], counts[-1])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", loop, str(database.path)], stdout=subprocess.PIPE, text=True
    )
    written = 6
    while process.poll() is None:
        client.upsert("c", ids=[written], vectors=[[1, written]])
        written += 1
        assert written < 50_000, "the reader is stuck"
    assert process.stdout is not None
    is_sorted, first, last = process.stdout.read().split()
    assert is_sorted == "True"
    assert 6 <= int(first) <= int(last) <= written


def test_reader_follows_collections_and_aliases(client: RuvectorClient, reader: Reader) -> None:
    client.create_alias("c", "current")
    assert reader.ask("list_aliases") == {"current": "c"}
    client.create_collection("d", dimensions=2)
    client.upsert("d", ids=[1], vectors=[[1, 1]])
    assert reader.ask("list_collections") == ["c", "d"]
    assert reader.ask("count", "d") == 1
    client.create_alias("d", "current")
    assert reader.ask("count", "current") == 1
    client.rename_alias("current", "newest")
    assert reader.ask("list_aliases") == {"newest": "d"}
    assert reader.ask("collection_exists", "current") is False
    client.delete_collection("d")
    assert reader.ask("list_aliases") == {}
    assert reader.ask("count", "newest").startswith("NotFound")
    assert reader.ask("count", "d").startswith("NotFound")
    client.create_collection("d", dimensions=3)
    assert reader.ask("count", "d") == 0
    client.upsert("d", ids=[5], vectors=[[1, 1, 1]])
    assert reader.ask("search", "d", [1, 1, 1]) == [[5, {}]]


def test_reader_cannot_write(client: RuvectorClient, reader: Reader) -> None:
    calls: list[tuple[str, list[Any], dict[str, Any]]] = [
        ("upsert", ["c", [{"id": 1, "vector": [1, 1]}]], {}),
        ("delete", ["c", [1]], {}),
        ("set_payload", ["c", {"a": 1}, [1]], {}),
        ("create_payload_index", ["c", "n", "integer"], {}),
        ("create_collection", ["d", 2], {}),
        ("update_collection", ["c"], {"metadata": {"a": 1}}),
        ("delete_collection", ["c"], {}),
        ("create_alias", ["c", "e"], {}),
    ]
    for method, arguments, fields in calls:
        answer = reader.ask(method, *arguments, **fields)
        assert answer.startswith("StorageLocked"), (method, answer)
        assert "read_only" in answer
    assert client.count("c") == 6
    assert client.list_collections() == ["c"]


def test_second_writer_is_refused_and_told_who_holds_the_folder(
    client: RuvectorClient, database: Database
) -> None:
    with pytest.raises(StorageLocked):
        ruvector.open(database.path)
    second = (
        "import sys, ruvector\n"
        "from ruvector.errors import StorageLocked\n"
        "try:\n"
        "    ruvector.open(sys.argv[1])\n"
        "except StorageLocked as error:\n"
        "    print(error.message)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", second, str(database.path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE_SECONDS,
    )

    assert str(os.getpid()) in result.stdout
    assert str(database.path) in result.stdout
    assert client.count("c") == 6


def test_reader_of_no_database_is_told_and_creates_none(tmp_path: Any) -> None:
    with pytest.raises(NotFound, match="holds no database"):
        ruvector.open(tmp_path / "missing", read_only=True)
    assert list(tmp_path.iterdir()) == []
