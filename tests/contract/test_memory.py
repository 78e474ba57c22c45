"""Do `on_disk` and `memory` change where bytes live, at once and after a restart?"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyroaring import BitMap

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.collection import pinned_ids
from ruvector.errors import InvalidRequest, RuvectorError
from ruvector.model.memory import MemoryReport, VectorMemory
from ruvector.storage.files import drop_from_cache
from ruvector.storage.transaction import Reader

DIM = 256
POINTS = 2100
LEFT = 1 / 8  # of the bytes: pages are read and dropped in groups
NOW = {"indexing_threshold": 1}
CODES = {"turbo": {"bits": "bits4", "memory": "pinned"}}


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    """Return 2,100 vectors of 256 dimensions."""
    return np.random.default_rng(3).standard_normal((POINTS, DIM)).astype(np.float32)


def fill(client: RuvectorClient, name: str, rows: NDArray[np.float32], **settings: Any) -> None:
    client.create_collection(name, DIM, optimizers=NOW, **settings)
    client.upsert(name, ids=range(len(rows)), vectors=rows)
    client.wait_for_index(name, 120)


def only_vector(report: MemoryReport) -> VectorMemory:
    (vector,) = report.vectors
    return vector


def test_report_names_every_part_and_its_sum(
    client: RuvectorClient, name: str, rows: NDArray[np.float32]
) -> None:
    fill(client, name, rows, quantization=CODES)
    client.set_payload(name, {"color": "red"}, [1, 2, 3])
    client.create_payload_index(name, "color", "keyword")
    report = client.get_memory(name)
    vector = only_vector(report)
    assert vector.name == ""
    assert vector.storage.disk_bytes == rows.nbytes
    assert vector.storage.ram_bytes == 0
    assert rows.nbytes * 0.9 < vector.storage.cached_bytes <= rows.nbytes
    assert vector.storage.expected_cache_bytes == rows.nbytes
    assert vector.index.disk_bytes >= POINTS * 32 * 4
    assert vector.quantized
    assert vector.quantized.ram_bytes == vector.quantized.disk_bytes >= POINTS * DIM // 2
    assert vector.quantized.cached_bytes == 0
    assert [index.name for index in report.payload_index] == ["color"]
    assert report.payload.disk_bytes > 0
    assert report.other.id_tracker.disk_bytes > 0
    assert report.sparse_vectors == []
    parts = [vector.storage, vector.index, vector.quantized, report.payload]
    parts += [report.payload_index[0].usage, report.other.id_tracker]
    for field in ("disk_bytes", "ram_bytes", "cached_bytes", "expected_cache_bytes"):
        assert getattr(report.total, field) == sum(getattr(part, field) for part in parts)


def test_growing_rows_are_memory_of_the_process(
    client: RuvectorClient, name: str, rows: NDArray[np.float32]
) -> None:
    client.create_collection(name, DIM)
    client.upsert(name, ids=range(100), vectors=rows[:100])
    vector = only_vector(client.get_memory(name))
    assert vector.storage.ram_bytes == 100 * DIM * 4
    assert vector.storage.disk_bytes == 0
    assert not vector.quantized


def test_cold_vectors_leave_memory_and_codes_stay(tmp_path: Path, rows: Any) -> None:
    with ruvector.open(tmp_path / "d") as client:
        fill(client, "c", rows, on_disk=True, quantization=CODES)
        hits = [hit.id for hit in client.search("c", rows[5], limit=10)]
    with ruvector.open(tmp_path / "d") as client:
        vector = only_vector(client.get_memory("c"))
        assert vector.storage.disk_bytes == rows.nbytes
        assert vector.storage.expected_cache_bytes == 0
        if not _keeps_all_pages(tmp_path):
            assert vector.storage.cached_bytes <= LEFT * rows.nbytes
        assert vector.quantized
        assert vector.quantized.ram_bytes == vector.quantized.disk_bytes
        assert [hit.id for hit in client.search("c", rows[5], limit=10)] == hits


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"hnsw": {"memory": "pinned"}}, "index"),
        ({"quantization": {"turbo": {"bits": "bits4", "always_ram": True}}}, "quantized"),
    ],
    ids=["hnsw", "quantization"],
)
def test_what_is_pinned_later_moves_into_memory_at_once(
    client: RuvectorClient, name: str, rows: Any, change: dict[str, Any], part: str
) -> None:
    fill(client, name, rows, quantization={"turbo": {}}, hnsw={"memory": "cached"})
    before = getattr(only_vector(client.get_memory(name)), part)
    assert before.ram_bytes == 0
    client.update_collection(name, **change)
    client.wait_for_index(name, 120)
    after = getattr(only_vector(client.get_memory(name)), part)
    assert after.ram_bytes == after.disk_bytes == before.disk_bytes
    assert len(client.search(name, rows[0], limit=10)) == 10


def test_a_graph_is_pinned_unless_it_is_asked_to_be_elsewhere(
    client: RuvectorClient, name: str, rows: Any
) -> None:
    fill(client, name, rows)
    index = only_vector(client.get_memory(name)).index
    assert index.ram_bytes == index.disk_bytes > 0
    client.update_collection(name, hnsw={"on_disk": True})
    client.wait_for_index(name, 120)
    assert only_vector(client.get_memory(name)).index.ram_bytes == 0


def test_vectors_become_cold_on_a_live_collection(tmp_path: Path, rows: Any) -> None:
    with ruvector.open(tmp_path / "d") as client:
        fill(client, "c", rows)
        assert only_vector(client.get_memory("c")).storage.cached_bytes > 0
        client.update_collection("c", vectors={"": {"memory": "cold"}})
        client.wait_for_index("c", 120)
        vector = only_vector(client.get_memory("c"))
        assert vector.storage.expected_cache_bytes == 0
        if not _keeps_all_pages(tmp_path):
            assert vector.storage.cached_bytes <= LEFT * rows.nbytes
        assert client.get_collection("c").config["params"]["vectors"]["memory"] == "cold"


LARGE_TEXT = "x" * 20_000
TEXTS = 100


@pytest.mark.parametrize(
    ("settings", "is_cached"),
    [
        ({}, False),
        ({"on_disk_payload": False}, True),
        ({"payload": {"memory": "cached"}}, True),
        ({"payload": {"memory": "cold"}, "on_disk_payload": False}, False),
        ({"id_tracker": {"memory": "cached"}}, False),
    ],
    ids=str,
)
def test_payloads_that_are_to_be_cached_are_in_memory_once_they_can_be_asked_for(
    tmp_path: Path, settings: dict[str, Any], is_cached: bool
) -> None:
    with ruvector.open(tmp_path / "d") as client:
        client.create_collection("c", 2, **settings)
        texts = [{"text": LARGE_TEXT}] * TEXTS
        client.upsert("c", ids=range(TEXTS), vectors=[[1, 0]] * TEXTS, payloads=texts)
        client.wait_for_index("c", 60)
    (tables,) = (tmp_path / "d" / "collections").glob("*/store/data.mdb")
    drop_from_cache(tables)
    with ruvector.open(tmp_path / "d") as client:
        found = client.get_memory("c").payload
        assert found.disk_bytes > TEXTS * len(LARGE_TEXT)
        assert found.expected_cache_bytes == (found.disk_bytes if is_cached else 0)
        assert not is_cached or found.cached_bytes > found.disk_bytes * 0.9


def test_ids_are_looked_at_when_they_are_to_be_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits: list[int] = []
    visit = Reader.visit_ids
    monkeypatch.setattr(Reader, "visit_ids", lambda self: visits.append(visit(self) or 1))
    with ruvector.open(tmp_path / "d") as client:
        client.create_collection("c", 2, id_tracker={"memory": "cached"})
        client.upsert("c", ids=range(5), vectors=[[1, 0]] * 5)
    with ruvector.open(tmp_path / "d") as client:
        assert client.count("c") == 5
        assert client.get_memory("c").other.id_tracker.expected_cache_bytes > 0
        assert len(visits) == 1
        client.update_collection("c", id_tracker={"memory": "cold"})
        client.update_collection("c", id_tracker={"memory": "cached"})
        assert len(visits) == 2


def test_placement_of_payloads_and_ids_is_the_same_over_every_transport(
    client: RuvectorClient, name: str
) -> None:
    client.create_collection(name, 2, payload={"memory": "cold"}, id_tracker={"memory": "cached"})
    params = client.get_collection(name).config["params"]
    assert (params["payload"], params["id_tracker"]) == ({"memory": "cold"}, {"memory": "cached"})
    client.update_collection(name, payload={"memory": "cached"}, on_disk_payload=False)
    params = client.get_collection(name).config["params"]
    assert (params["payload"], params["on_disk_payload"]) == ({"memory": "cached"}, False)
    with pytest.raises(InvalidRequest, match=r"payload\.memory"):
        client.update_collection(name, payload={"memory": "pinned"})
    client.update_collection(name, id_tracker={"memory": "pinned"})
    assert client.get_collection(name).config["params"]["id_tracker"] == {"memory": "pinned"}


def test_pinned_ids_are_memory_of_the_process(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, 2)
    client.upsert(name, ids=range(1000), vectors=[[1, 0]] * 1000)
    before = client.get_memory(name).other.id_tracker.ram_bytes
    client.update_collection(name, id_tracker={"memory": "pinned"})
    after = client.get_memory(name).other.id_tracker.ram_bytes
    assert before + 60 * 1000 < after < before + 200 * 1000
    client.upsert(name, ids=range(1000, 2000), vectors=[[1, 0]] * 1000)
    assert client.get_memory(name).other.id_tracker.ram_bytes > after + 60 * 1000
    client.update_collection(name, id_tracker={"memory": "cold"})
    assert client.get_memory(name).other.id_tracker.ram_bytes < after


def test_pinned_ids_answer_without_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    rows_of = Reader.rows_of

    def noted(self: Reader, keys: Any) -> Any:
        asked.extend(keys)
        return rows_of(self, keys)

    ids = [*range(20), *(f"text {i}" for i in range(20))]
    with ruvector.open(tmp_path / "d") as client:
        client.create_collection("c", 2, id_tracker={"memory": "pinned"})
        client.upsert("c", ids=ids[:30], vectors=[[1, 0]] * 30)
    with ruvector.open(tmp_path / "d") as client:
        client.upsert("c", ids=ids[25:], vectors=[[0, 1]] * 15)  # five of them anew
        client.delete("c", [3])
        monkeypatch.setattr(Reader, "rows_of", noted)
        found = client.retrieve("c", [one for one in ids if one != 3], with_vectors=True)
        assert [record.id for record in found] == [one for one in ids if one != 3]
        assert [record.vector.tolist() for record in found[-15:]] == [[0, 1]] * 15
        assert client.query("c", 0, limit=1)[0].id != 0
        assert asked == []
        assert client.retrieve("c", [3, 99]) == []
        assert len(asked) == 2
        client.update_collection("c", id_tracker={"memory": "cold"})
        assert len(client.retrieve("c", ids)) == 39
        assert len(asked) == 42


def test_pinned_ids_tell_each_view_its_own_rows(tmp_path: Path) -> None:
    with ruvector.open(tmp_path / "d") as client:
        client.create_collection("c", 2, id_tracker={"memory": "pinned"})
        client.upsert("c", ids=[1, 2], vectors=[[1, 0]] * 2)
        collection = client._transport._engine._catalog.get("c")  # type: ignore[attr-defined]
        with collection.view() as before:
            client.upsert("c", ids=[1, 3], vectors=[[0, 1]] * 2)
            client.delete("c", [2])
            with collection.view() as after:
                assert before.rows_of([1, 2, 3]) == [0, 1, None]
                assert after.rows_of([1, 2, 3]) == [2, None, 3]


def test_entries_of_dead_rows_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned_ids, "SPARE", 10)
    pinned = pinned_ids.PinnedIds()
    for number in range(200):
        pinned.note([b"%d" % number], number, BitMap([number]))
    assert len(pinned._rows) <= 2 + 10 + 1
    assert pinned.rows_of([b"199", b"198"], BitMap([199])) == [199, None]


def test_dense_vectors_cannot_be_pinned(client: RuvectorClient, name: str) -> None:
    with pytest.raises(InvalidRequest, match="memory"):
        client.create_collection(name, vectors={"a": {"dimensions": 4, "memory": "pinned"}})
    client.create_collection(name, 4)
    with pytest.raises(InvalidRequest, match="memory"):
        client.update_collection(name, vectors={"": {"memory": "pinned"}})
    with pytest.raises(RuvectorError, match="warm"):
        client.update_collection(name, hnsw={"memory": "warm"})


def _keeps_all_pages(folder: Path) -> bool:
    """Say whether the folder's file system is memory itself, where nothing can be dropped."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    inside = [m for m in mounts if folder.resolve().is_relative_to(m[1])]
    return bool(inside) and max(inside, key=lambda m: len(m[1]))[2] in ("tmpfs", "ramfs")
