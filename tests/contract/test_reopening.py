"""What does an embedded database know after it was closed? Everything."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ruvector
from ruvector.errors import RuvectorError, StorageLocked


def test_reopened_database_has_everything(
    tmp_path: Path, array: NDArray[np.float32], payloads: list[dict[str, Any]]
) -> None:
    path = tmp_path / "database"
    with ruvector.open(path) as client:
        client.create_collection("docs", dimensions=8, metadata={"a": 1})
        client.upsert("docs", ids=range(40), vectors=array, payloads=payloads)
        client.upsert("docs", ids=["a string"], vectors=-array[:1])
        client.create_payload_index("docs", "color", "keyword")
        client.create_alias("docs", "live")
        client.delete("docs", [3, 4])
        client.set_payload("docs", {"color": "black"}, [5])
        hits = client.search("docs", array[0], limit=10)
        described = client.get_collection("docs")
    for _ in range(2):
        with ruvector.open(path) as client:
            assert client.list_collections() == ["docs"]
            assert client.list_aliases() == {"live": "docs"}
            assert client.count("live") == 39
            assert [hit.id for hit in client.search("docs", array[0], limit=10)] == [
                hit.id for hit in hits
            ]
            assert client.retrieve("docs", [5])[0].payload == {**payloads[5], "color": "black"}
            assert [record.id for record in client.retrieve("docs", ["a string"])] == ["a string"]
            assert client.count("docs", {"color": "black"}) == 1
            found = client.get_collection("docs")
            assert found.config == described.config
            assert found.payload_schema == described.payload_schema


def test_memory_database_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ruvector.open(":memory:") as client:
        client.create_collection("docs", dimensions=2)
        client.upsert("docs", ids=[1], vectors=[[1, 0]])
        assert client.count("docs") == 1
    assert list(tmp_path.iterdir()) == []
    with ruvector.open(":memory:") as client:
        assert client.list_collections() == []


def test_second_writer_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "database"
    with ruvector.open(path), pytest.raises(StorageLocked) as refusal:
        ruvector.open(path)
    assert str(path) in refusal.value.message
    with ruvector.open(path) as client:
        assert client.list_collections() == []


def test_closing_twice_does_nothing_and_a_closed_client_says_so(tmp_path: Path) -> None:
    client = ruvector.open(tmp_path / "database")
    client.close()
    client.close()
    with pytest.raises(RuvectorError):
        client.list_collections()


def test_reader_sees_what_was_written_and_may_not_write(tmp_path: Path) -> None:
    path = tmp_path / "database"
    with ruvector.open(path) as client:
        client.create_collection("docs", dimensions=2)
        client.upsert("docs", ids=[1, 2], vectors=[[1, 0], [0, 1]])
    with ruvector.open(path, read_only=True) as reader:
        assert [hit.id for hit in reader.search("docs", [1, 0])] == [1, 2]
        for write in (
            lambda: reader.upsert("docs", ids=[3], vectors=[[1, 1]]),
            lambda: reader.delete("docs", [1]),
            lambda: reader.create_collection("more", dimensions=2),
            lambda: reader.delete_collection("docs"),
            lambda: reader.create_alias("docs", "alias"),
        ):
            with pytest.raises(RuvectorError, match="read"):
                write()
        assert reader.count("docs") == 2
