"""Do quantization, placement and the memory report hold for every kind of vector?"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ruvector.client.client import RuvectorClient
from ruvector.errors import BadInput

DIM = 16
ROWS = 5  # of a multi-vector
POINTS = 600  # their rows are more than are scanned without a graph
NOW = {"indexing_threshold": 1}
SEVERAL = {"multivector_config": {"comparator": "max_sim"}}


@pytest.fixture(scope="module")
def many() -> NDArray[np.float32]:
    """Return 600 multi-vectors of 5 rows."""
    return np.random.default_rng(5).standard_normal((POINTS, ROWS, DIM)).astype(np.float32)


def few(count: int) -> list[dict[str, Any]]:
    """Return sparse vectors: each has index 0, and one of its own."""
    return [{"indices": [0, 1 + i], "values": [1.0, 2.0]} for i in range(count)]


@pytest.mark.parametrize("quantization", [{"scalar": {"type": "int8"}}, {"turbo": {}}], ids=str)
def test_rows_of_multi_vectors_are_quantized_and_scores_are_exact(
    client: RuvectorClient, name: str, many: Any, quantization: dict[str, Any]
) -> None:
    vectors = {"many": {"size": DIM, "distance": "Cosine", **SEVERAL}}
    client.create_collection(name, vectors=vectors, optimizers=NOW, quantization=quantization)
    client.upsert(name, ids=range(POINTS), vectors={"many": many})
    client.wait_for_index(name, 120)
    (vector,) = client.get_memory(name).vectors
    assert vector.quantized
    assert vector.quantized.disk_bytes > 0
    assert vector.storage.disk_bytes == many.nbytes + 8 * (POINTS + 1)
    found = 0
    for query in many[:10]:
        exact = client.search(name, query, using="many", params={"exact": True})
        hits = client.search(name, query, using="many", params={"hnsw_ef": 100})
        scores = {hit.id: hit.score for hit in exact}
        assert all(hit.score == scores[hit.id] for hit in hits if hit.id in scores)
        found += len(scores.keys() & {hit.id for hit in hits})
    assert found >= 95
    client.update_collection(name, quantization="Disabled")
    client.wait_for_index(name, 120)
    (vector,) = client.get_memory(name).vectors
    assert not vector.quantized
    assert client.search(name, many[3], using="many")[0].id == 3


def test_report_has_sparse_vectors_and_names_without_vectors(
    client: RuvectorClient, name: str
) -> None:
    client.create_collection(name, sparse_vectors={"few": {"index": {"full_scan_threshold": 0}}})
    client.upsert(name, points=[{"id": i, "vector": {"few": v}} for i, v in enumerate(few(50))])
    (growing,) = client.get_memory(name).sparse_vectors
    assert growing.storage.ram_bytes > 0
    client.wait_for_index(name, 30)
    client.create_vector(name, "new", dense={"size": DIM, "distance": "Dot"})
    report = client.get_memory(name)
    (sparse,), (new,) = report.sparse_vectors, report.vectors
    assert sparse.name == "few"
    assert sparse.storage.disk_bytes == 100 * (4 + 4) + 8 * 51
    assert sparse.index.disk_bytes > 0
    assert new.storage.disk_bytes == new.storage.ram_bytes == 0
    assert report.total.disk_bytes > sparse.storage.disk_bytes + sparse.index.disk_bytes


@pytest.mark.parametrize("sealed", [False, True])
def test_changed_settings_keep_sparse_vectors(
    client: RuvectorClient, name: str, sealed: bool
) -> None:
    client.create_collection(name, sparse_vectors={"few": {"index": {"full_scan_threshold": 0}}})
    client.upsert(name, points=[{"id": i, "vector": {"few": v}} for i, v in enumerate(few(50))])
    if sealed:
        client.wait_for_index(name, 30)
    changed = {"few": {"modifier": "idf", "index": {"on_disk": True}}}
    client.update_collection(name, sparse_vectors=changed)
    client.wait_for_index(name, 30)
    hits = client.search(name, {"indices": [0, 8], "values": [1.0, 1.0]}, limit=100, using="few")
    assert len(hits) == 50
    assert hits[0].id == 7
    (sparse,) = client.get_memory(name).sparse_vectors
    assert sparse.storage.expected_cache_bytes == sparse.index.expected_cache_bytes == 0


def test_pinned_sparse_vectors_are_memory_of_the_process(client: RuvectorClient, name: str) -> None:
    index = {"full_scan_threshold": 0, "memory": "pinned"}
    client.create_collection(name, sparse_vectors={"few": {"index": index}})
    client.upsert(name, points=[{"id": i, "vector": {"few": v}} for i, v in enumerate(few(50))])
    client.wait_for_index(name, 30)
    (sparse,) = client.get_memory(name).sparse_vectors
    for part in (sparse.storage, sparse.index):
        assert part.ram_bytes == part.disk_bytes > 0
    echoed = client.get_collection(name).config["params"]["sparse_vectors"]
    assert echoed == {"few": {"index": index}}
    client.update_collection(name, sparse_vectors={"few": {"index": {"memory": "cached"}}})
    client.wait_for_index(name, 30)
    (sparse,) = client.get_memory(name).sparse_vectors
    assert sparse.storage.ram_bytes == sparse.index.ram_bytes == 0


def test_inline_storage_copies_codes_and_originals_beside_the_links(
    client: RuvectorClient, name: str
) -> None:
    vectors = np.random.default_rng(7).standard_normal((2100, 64)).astype(np.float32)
    codes = {"scalar": {"type": "int8"}}
    client.create_collection(name, 64, quantization=codes, hnsw={"m": 8}, optimizers=NOW)
    client.upsert(name, ids=range(2100), vectors=vectors)
    client.wait_for_index(name, 60)
    (before,) = client.get_memory(name).vectors
    client.update_collection(name, hnsw={"inline_storage": True})
    client.wait_for_index(name, 60)
    (after,) = client.get_memory(name).vectors
    copies = 2100 * (16 * 64 + 4 * 64)  # of 16 neighbours' codes and of the original
    assert after.index.disk_bytes - before.index.disk_bytes >= copies
    assert after.quantized
    assert after.quantized == before.quantized
    assert client.search(name, vectors[9], limit=1)[0].id == 9
    client.update_collection(name, hnsw={"inline_storage": False})
    client.wait_for_index(name, 60)
    (again,) = client.get_memory(name).vectors
    assert again.index.disk_bytes == before.index.disk_bytes


def test_new_name_that_the_quantization_cannot_take_is_refused(
    client: RuvectorClient, name: str
) -> None:
    client.create_collection(name, DIM, quantization={"binary": {}})
    with pytest.raises(BadInput, match="Manhattan"):
        client.create_vector(name, "new", dense={"size": DIM, "distance": "Manhattan"})
    assert list(client.get_collection(name).config["params"]["vectors"]) == ["size", "distance"]
