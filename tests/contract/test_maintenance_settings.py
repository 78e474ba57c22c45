"""Do settings of maintenance hold back writes, stop the work, and say what they cannot do?"""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import UNSET
from numpy.typing import NDArray

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.errors import TimedOut
from ruvector.model.points import PointsBlock, VectorBlock
from ruvector.model.requests import Upsert

DIM = 8
POINTS = 3000  # more than are scanned without an index
SMALL = {"indexing_threshold": 1}


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    """Return 3,000 vectors of 8 dimensions."""
    return np.random.default_rng(3).standard_normal((POINTS, DIM)).astype(np.float32)


def test_write_returns_once_no_large_segment_lacks_an_index(
    client: RuvectorClient, name: str, rows: Any
) -> None:
    client.create_collection(name, DIM, optimizers={**SMALL, "prevent_unoptimized": True})
    for first in range(0, POINTS, POINTS // 2):
        ids = range(first, first + POINTS // 2)
        client.upsert(name, ids=ids, vectors=rows[first : ids.stop])
    client.upsert(name, ids=range(POINTS, 2 * POINTS), vectors=rows)
    info = client.get_collection(name)
    assert info.indexed_vectors_count == info.points_count == 2 * POINTS
    assert info.update_queue.deferred_points == 0
    assert info.config["optimizer_config"]["prevent_unoptimized"] is True


def test_write_is_not_held_back_unless_it_is_asked_for(
    client: RuvectorClient, name: str, rows: Any
) -> None:
    client.create_collection(name, DIM, optimizers=SMALL)
    client.upsert(name, ids=range(POINTS), vectors=rows)
    info = client.get_collection(name)
    assert info.indexed_vectors_count == 0  # maintenance waits for a pause first
    assert info.update_queue.deferred_points is UNSET


def test_write_held_back_too_long_says_what_became_of_it(tmp_path: Path, rows: Any) -> None:
    with ruvector.open(tmp_path / "d") as client:
        client.create_collection("c", DIM, optimizers={**SMALL, "prevent_unoptimized": True})
        engine = client._transport._engine  # type: ignore[attr-defined]
        maintenance = engine._catalog.get("c").maintenance
        goes_on = threading.Event()
        seal = maintenance._compactor.seal
        maintenance._compactor.seal = lambda: (goes_on.wait(60), seal())
        points = PointsBlock(list(range(POINTS)), {"": VectorBlock(rows)})
        after = engine.execute(Upsert(collection="c", points=points, wait=True, timeout=1))
        assert after.status == "wait_timeout"
        assert after.operation_id is not None
        assert client.count("c") == POINTS
        late = PointsBlock([POINTS], {"": VectorBlock(rows[:1])})
        with pytest.raises(TimedOut, match="prevent_unoptimized"):
            engine.execute(Upsert(collection="c", points=late, wait=False, timeout=1))
        assert client.count("c") == POINTS
        goes_on.set()
        done = engine.execute(Upsert(collection="c", points=late, wait=True, timeout=60))
        assert done.status == "completed"
        assert client.get_collection("c").indexed_vectors_count >= POINTS


def test_no_optimization_threads_is_no_index_and_no_merge(
    client: RuvectorClient, name: str, rows: Any
) -> None:
    client.create_collection(name, DIM, optimizers={**SMALL, "max_optimization_threads": 0})
    client.upsert(name, ids=range(POINTS), vectors=rows)
    client.wait_for_index(name, 60)
    info = client.get_collection(name)
    assert info.indexed_vectors_count == 0
    assert info.config["optimizer_config"]["max_optimization_threads"] == 0
    assert client.search(name, rows[7], limit=1)[0].id == 7
    client.update_collection(name, optimizers={"max_optimization_threads": "auto"})
    client.wait_for_index(name, 60)
    assert client.get_collection(name).indexed_vectors_count == POINTS


def test_moment_of_creation_is_told_and_kept(tmp_path: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    with ruvector.open(tmp_path / "d") as client:
        client.create_collection("c", DIM)
        told = client.get_collection("c").created_at
        client.update_collection("c", metadata={"a": 1})
    with ruvector.open(tmp_path / "d") as client:
        assert client.get_collection("c").created_at == told
    assert isinstance(told, str)
    assert before < datetime.fromisoformat(told) < datetime.now(UTC)


def test_every_transport_tells_the_same_moment_of_creation(
    client: RuvectorClient, name: str
) -> None:
    before = time.time() - 1
    client.create_collection(name, DIM)
    told = client.get_collection(name).created_at
    assert isinstance(told, str)
    assert before < datetime.fromisoformat(told).timestamp() < time.time() + 1


def test_key_of_the_metadata_is_taken_away_by_null(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, DIM, metadata={"a": 1, "b": {"c": None}})
    client.update_collection(name, metadata={"a": None, "d": 2, "missing": None})
    assert client.get_collection(name).config["metadata"] == {"b": {"c": None}, "d": 2}


def test_empty_graph_settings_of_a_vector_are_those_of_the_collection(
    client: RuvectorClient, name: str
) -> None:
    vector = {"size": DIM, "distance": "Cosine", "hnsw_config": {"m": 8}}
    client.create_collection(name, vectors={"a": vector})
    client.update_collection(name, vectors={"a": {"hnsw_config": {}}})
    vectors = client.get_collection(name).config["params"]["vectors"]
    assert vectors == {"a": {"size": DIM, "distance": "Cosine"}}


def test_copies_that_cannot_be_are_warned_about(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, DIM, hnsw={"inline_storage": True})
    (warning,) = client.get_collection(name).warnings
    assert "inline_storage" in warning.message
    assert "quantization_config" in warning.message
    client.update_collection(name, quantization={"scalar": {"type": "int8"}})
    assert not client.get_collection(name).warnings


def test_collection_without_an_unnamed_vector_says_what_to_choose(
    client: RuvectorClient, name: str, rows: Any
) -> None:
    vector = {"size": DIM, "distance": "Cosine"}
    client.create_collection(name, vectors={"text": vector, "image": vector})
    with pytest.raises(ruvector.errors.BadInput, match="using, such as image, text"):
        client.search(name, rows[0])
