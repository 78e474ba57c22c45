"""Do answers tell what their requests read, wrote and computed, where the server reports it?"""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient
from qdrant_client import grpc as messages
from tests.conftest import Server

DIM = 32
POINTS = 500
INDEXED = 3000  # of another collection, with a graph
PAYLOAD = {"color": "red", "text": "x" * 100}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that reports."""
    folder = tmp_path_factory.mktemp("usage")
    settings = folder / "settings.toml"
    settings.write_text("service.hardware_reporting = true\n")
    server = Server(folder / "database", ("--config", str(settings)))
    yield server
    server.stop()


def ask(server: Server, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Return what an answer tells of the hardware."""
    request = urllib.request.Request(
        server.url + path,
        None if body is None else json.dumps(body).encode(),
        {"content-type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read()).get("usage", {}).get("hardware")


def vectors(count: int) -> list[list[float]]:
    """Return vectors of unit length."""
    rows = np.random.default_rng(1).standard_normal((count, DIM)).astype(np.float32)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).tolist()


@pytest.fixture(scope="module")
def docs(server: Server) -> dict[str, Any]:
    """Return what loading a collection used."""
    ask(server, "PUT", "/collections/docs", {"vectors": {"size": DIM, "distance": "Dot"}})
    rows = enumerate(vectors(POINTS))
    points = [{"id": i, "vector": row, "payload": PAYLOAD} for i, row in rows]
    used = ask(server, "PUT", "/collections/docs/points?wait=true", {"points": points})
    index = {"field_name": "color", "field_schema": "keyword"}
    ask(server, "PUT", "/collections/docs/index?wait=true", index)
    return used


def test_write_tells_what_it_stored(server: Server, docs: dict[str, Any]) -> None:
    assert docs["vector_io_write"] == POINTS * DIM * 4
    text = len(json.dumps(PAYLOAD, separators=(",", ":")))
    assert POINTS * text < docs["payload_io_write"] < POINTS * (text + 60)
    assert docs["vector_io_read"] == docs["payload_index_io_write"] == 0
    assert docs["cpu"] > 0
    body = {"payload": {"color": "blue"}, "points": [1, 2]}
    changed = ask(server, "POST", "/collections/docs/points/payload?wait=true", body)
    assert changed["vector_io_write"] == 0
    assert changed["payload_index_io_write"] > 4 * 100  # two old payloads, two new ones
    assert changed["payload_io_read"] > 2 * 100


def test_scan_reads_every_vector_and_the_payloads_of_its_hits(server: Server, docs: Any) -> None:
    body = {"query": vectors(1)[0], "limit": 10, "params": {"exact": True}, "with_payload": True}
    used = ask(server, "POST", "/collections/docs/points/query", body)
    assert used["vector_io_read"] == POINTS * DIM * 4
    assert 10 * 100 < used["payload_io_read"] < 10 * 220
    assert used["payload_io_write"] == used["vector_io_write"] == used["payload_index_io_read"] == 0
    returned = ask(server, "POST", "/collections/docs/points/query", {**body, "with_vector": True})
    assert returned["vector_io_read"] == (POINTS + 10) * DIM * 4


def test_filter_reads_its_index(server: Server, docs: Any) -> None:
    body = {"filter": {"must": [{"key": "color", "match": {"value": "red"}}]}}
    counted = ask(server, "POST", "/collections/docs/points/count", body)
    assert counted["payload_index_io_read"] > 0
    assert counted["vector_io_read"] == 0
    unindexed = {"filter": {"must": [{"key": "text", "match": {"value": "y"}}]}}
    read = ask(server, "POST", "/collections/docs/points/count", unindexed)
    assert read["payload_io_read"] > POINTS * 100


@pytest.mark.parametrize("quantization", [None, {"scalar": {"type": "int8"}}], ids=str)
def test_walk_reads_less_than_a_scan(server: Server, quantization: Any) -> None:
    settings: dict[str, Any] = {
        "vectors": {"size": DIM, "distance": "Dot"},
        "optimizers_config": {"indexing_threshold": 1, "prevent_unoptimized": True},
        "hnsw_config": {"full_scan_threshold": 0},
        "quantization_config": quantization,
    }
    name = "/collections/walked" if quantization is None else "/collections/coded"
    ask(server, "PUT", name, settings)
    points = [{"id": i, "vector": v} for i, v in enumerate(vectors(INDEXED))]
    ask(server, "PUT", name + "/points?wait=true", {"points": points})
    body = {"query": points[7]["vector"], "limit": 1, "params": {"hnsw_ef": 16}}
    used = ask(server, "POST", name + "/points/query", body)
    assert 0 < used["vector_io_read"] < INDEXED * DIM * 4 / 2


def test_sparse_and_multi_vectors_are_counted(server: Server) -> None:
    several = {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}}
    settings = {"vectors": {"several": several}, "sparse_vectors": {"few": {}}}
    ask(server, "PUT", "/collections/kinds", settings)
    few = {"indices": [1, 2], "values": [1, 2]}
    points = [{"id": i, "vector": {"several": [[1, 2], [3, 4]], "few": few}} for i in range(9)]
    ask(server, "PUT", "/collections/kinds/points?wait=true", {"points": points})
    path = "/collections/kinds/points/query"
    sparse = ask(server, "POST", path, {"query": few, "using": "few"})
    assert sparse["vector_io_read"] == 9 * 2 * 8
    multi = ask(server, "POST", path, {"query": [[1, 2]], "using": "several"})
    assert multi["vector_io_read"] == 9 * 2 * 2 * 4


def test_grpc_tells_the_same(server: Server, docs: Any) -> None:
    client = QdrantClient(url=server.url, grpc_port=server.grpc_port, prefer_grpc=True)
    query = messages.Query(
        nearest=messages.VectorInput(dense=messages.DenseVector(data=vectors(1)[0]))
    )
    answer = client.grpc_points.Query(
        messages.QueryPoints(
            collection_name="docs", query=query, params=messages.SearchParams(exact=True)
        )
    )
    assert answer.usage.hardware.vector_io_read == POINTS * DIM * 4
    assert answer.usage.hardware.cpu > 0
    client.close()


def test_nothing_is_told_unless_it_is_asked_for(tmp_path: Any) -> None:
    server = Server(tmp_path / "d")
    try:
        settings = {"vectors": {"size": 2, "distance": "Dot"}}
        assert ask(server, "PUT", "/collections/c", settings) is None
        assert ask(server, "POST", "/collections/c/points/query", {"query": [1, 2]}) is None
    finally:
        server.stop()
