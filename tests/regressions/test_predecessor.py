"""The failures of the system before this one: none of them may ever come back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.collection.sealed import files_of
from ruvector.errors import BadInput, InvalidRequest, NotFound, RuvectorError
from ruvector.index.graph import Graph
from ruvector.storage.verify import verify_shard

POINTS = 3000
DISTANCES = ["cosine", "dot", "euclid", "manhattan"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the folder of a database."""
    return tmp_path / "database"


def filled(path: Path, vectors: NDArray[np.float32], **settings: Any) -> RuvectorClient:
    """Return a client of a database with the collection "c" of these vectors, in a graph."""
    client = ruvector.open(path)
    settings = {"optimizers": {"indexing_threshold": 1}, "hnsw": {"m": 6}, **settings}
    client.create_collection("c", dimensions=vectors.shape[1], **settings)
    payloads = [{"rare": i >= len(vectors) - 10} for i in range(len(vectors))]
    client.upsert("c", ids=range(len(vectors)), vectors=vectors, payloads=payloads)
    client.wait_for_index("c", 60)
    return client


@pytest.fixture(scope="module")
def line() -> NDArray[np.float32]:
    """Return points on a line: number i lies at (i, 0)."""
    return np.stack([np.arange(POINTS), np.zeros(POINTS)], axis=1).astype(np.float32)


@pytest.mark.parametrize("is_indexed", [False, True], ids=["not indexed", "indexed"])
def test_filter_finds_all_that_match_however_far_they_lie(
    path: Path, line: NDArray[np.float32], is_indexed: bool
) -> None:
    with filled(path, line, distance="euclid") as client:
        if is_indexed:
            client.create_payload_index("c", "rare", "bool")
        hits = client.search("c", [0, 0], 10, filter={"rare": True})
        assert [hit.id for hit in hits] == list(range(POINTS - 10, POINTS))


def test_overwritten_vector_is_found_no_more(path: Path, line: NDArray[np.float32]) -> None:
    with filled(path, line, distance="euclid") as client:
        client.upsert("c", ids=[100], vectors=[[-500, 0]])
        assert client.search("c", [100, 0], 1)[0].id != 100
        assert client.search("c", [-500, 0], 1)[0].id == 100
        assert client.count("c") == POINTS
        client.wait_for_index("c", 60)
        assert client.search("c", [100, 0], 1)[0].id != 100


def test_deleting_the_nearest_leaves_as_many_results_as_were_asked(
    path: Path, line: NDArray[np.float32]
) -> None:
    with filled(path, line, distance="euclid") as client:
        nearest = [hit.id for hit in client.search("c", [1500.2, 0], 5)]
        client.delete("c", nearest)
        hits = [hit.id for hit in client.search("c", [1500.2, 0], 10)]
        assert len(hits) == 10
        assert not set(hits) & set(nearest)


def test_reopened_database_answers_from_the_graph_that_is_on_disk(
    path: Path, line: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled(path, line, distance="euclid") as client:
        before = [hit.id for hit in client.search("c", [7.1, 0], 20)]

    def build(*_: Any, **__: Any) -> Graph:
        raise AssertionError("a restart must not build graphs")

    monkeypatch.setattr(Graph, "build", build)
    with ruvector.open(path) as client:
        assert [hit.id for hit in client.search("c", [7.1, 0], 20)] == before
        described = client.get_collection("c")
        assert (described.points_count, described.indexed_vectors_count) == (POINTS, POINTS)
        client.wait_for_index("c", 60)
        assert client.get_collection("c").status == "green"


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_vector_that_is_not_finite_is_neither_stored_nor_searched(
    path: Path, distance: str, number: float
) -> None:
    with ruvector.open(path) as client:
        client.create_collection("c", dimensions=2, distance=distance)
        client.upsert("c", ids=[1], vectors=[[1, 1]])
        for write in (client.upsert, client.update_vectors):
            with pytest.raises(BadInput, match="NaN or infinity"):
                write("c", ids=[1], vectors=[[1, number]])
        with pytest.raises(BadInput, match="NaN or infinity"):
            client.search("c", [number, 1])
        assert client.retrieve("c", [1], with_vectors=True)[0].vector.min() > 0


@pytest.mark.parametrize("distance", DISTANCES)
def test_zero_vector_is_not_nearest_to_everything(path: Path, distance: str) -> None:
    with ruvector.open(path) as client:
        client.create_collection("c", dimensions=2, distance=distance)
        client.upsert("c", ids=[0, 1], vectors=[[0, 0], [3, 4]])
        hits = client.search("c", [3, 4])
        assert [hit.id for hit in hits] == [1, 0]
        assert hits[1].score == {"cosine": 0, "dot": 0, "euclid": 5, "manhattan": 7}[distance]
        from_zero = client.search("c", [0, 0])
        assert all(np.isfinite(hit.score) for hit in from_zero)
        assert len(from_zero) == 2


def test_beam_that_was_asked_for_is_used(path: Path) -> None:
    vectors = np.random.default_rng(2).normal(size=(POINTS, 24)).astype(np.float32)
    with filled(path, vectors, distance="euclid", hnsw={"m": 2, "ef_construct": 4}) as client:

        def recall(**params: Any) -> int:
            found = 0
            for query in vectors[:40] + np.float32(0.3):
                exact = client.search("c", query, 10, params={"exact": True})
                hits = client.search("c", query, 10, params=params)
                found += len({hit.id for hit in exact} & {hit.id for hit in hits})
            return found

        assert recall(hnsw_ef=10) < recall(hnsw_ef=1000)
        assert recall(exact=True) == 400


def test_graph_has_the_links_that_were_asked_for(path: Path, line: NDArray[np.float32]) -> None:
    with filled(path, line, distance="euclid", hnsw={"m": 5, "ef_construct": 33}) as client:
        collection = client._transport._engine._catalog.get("c")  # type: ignore[attr-defined]
        (segment,) = collection.shard.sealed
        assert segment.graphs[""].arrays()["links"].shape == (POINTS, 10)
        with collection.shard.store.read() as reader:
            assert [e.settings for e in files_of(reader) if e.kind == "graph"] == [(5, 33)]


@pytest.mark.parametrize(
    "settings",
    [
        {"quantization": {"scalar": {"type": "int4"}}},
        {"vectors": {"a": {"size": 2, "quantization_config": {"ternary": {}}}}},
        {"payload": {"memory": "pinned"}},
        {"hnsw": {"payload_m": 1}},
        {"hnsw": {"m": 1000}},
        {"optimizers": {"vacuum_min_vector_number": 1}},
    ],
    ids=str,
)
def test_setting_is_honoured_or_refused(path: Path, settings: dict[str, Any]) -> None:
    fields = settings if "vectors" in settings else {"dimensions": 2, **settings}
    with ruvector.open(path) as client:
        with pytest.raises((BadInput, InvalidRequest)):
            client.create_collection("c", **fields)
        assert client.list_collections() == []


def test_deleted_collection_never_reappears(path: Path, line: NDArray[np.float32]) -> None:
    client = filled(path, line[:100])
    client.delete_collection("c")
    assert list((path / "collections").iterdir()) == []
    client.close()
    with ruvector.open(path) as client:
        assert client.list_collections() == []
        with pytest.raises(NotFound):
            client.count("c")
        client.create_collection("c", dimensions=2)
        assert client.count("c") == 0
        assert client.search("c", [1, 0]) == []


@pytest.mark.parametrize(
    ("distance", "threshold", "expected"),
    [
        ("euclid", 2.0, [3, 2, 4, 1, 5]),
        ("manhattan", 1.0, [3, 2, 4]),
        ("euclid", 0.0, [3]),
        ("euclid", -1.0, []),
        ("dot", 12.0, [6, 5, 4]),
        ("dot", -1.0, [6, 5, 4, 3, 2, 1, 0]),
        ("cosine", 1.0, [1, 2, 3, 4, 5, 6]),
        ("cosine", 1.1, []),
    ],
)
def test_score_threshold_points_the_right_way(
    path: Path, distance: str, threshold: float, expected: list[int]
) -> None:
    with ruvector.open(path) as client:
        client.create_collection("c", dimensions=1, distance=distance)
        client.upsert("c", ids=range(7), vectors=[[i] for i in range(7)])
        hits = client.search("c", [3], 10, score_threshold=threshold)
        assert [hit.id for hit in hits] == expected


def test_acknowledged_write_is_saved_and_verified_by_reading_it(
    path: Path, line: NDArray[np.float32]
) -> None:
    client = filled(path, line[:2500], distance="euclid")
    client.close()
    (shard,) = (path / "collections").iterdir()
    assert list(verify_shard(shard)) == []
    largest = max((path / "collections").rglob("*.segment"), key=lambda file: file.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    assert [damage.file for damage in verify_shard(shard)] == [largest]


def test_number_of_found_neighbours_is_counted_and_not_asserted(
    path: Path, line: NDArray[np.float32]
) -> None:
    with filled(path, line[:100], distance="euclid") as client:
        described = client.get_collection("c")
        assert (described.points_count, described.indexed_vectors_count) == (100, 0)
        client.delete("c", range(40))
        assert client.get_collection("c").points_count == client.count("c") == 60
        assert len(client.scroll_all("c")) == 60
        with pytest.raises(RuvectorError):
            client.count("missing")
