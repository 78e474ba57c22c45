"""Is a collection of many tenants set up as Qdrant's users do: no graph, one for each tenant?"""

import numpy as np
import pytest
from numpy.typing import NDArray

from ruvector.client.client import RuvectorClient
from ruvector.errors import InvalidRequest

LARGE, SMALL, DIM = 4000, 300, 8  # points of a tenant with a graph of its own, and without
NOW = {"indexing_threshold": 1}
TENANT = {"type": "keyword", "is_tenant": True}

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def vectors() -> Array:
    """Return vectors float32 [4300, 8]."""
    return np.random.default_rng(9).normal(size=(LARGE + SMALL, DIM)).astype(np.float32)


def test_tenants_are_searched_fast_and_apart(
    client: RuvectorClient, name: str, vectors: Array
) -> None:
    client.create_collection(name, DIM, "euclid", hnsw={"m": 0, "payload_m": 16}, optimizers=NOW)
    client.create_payload_index(name, "tenant", TENANT)
    payloads = [{"tenant": "large" if n < LARGE else "small"} for n in range(len(vectors))]
    client.upsert(name, ids=range(len(vectors)), vectors=vectors, payloads=payloads)
    client.wait_for_index(name, 60)
    about = client.get_collection(name)
    assert about.config["hnsw_config"]["m"] == 0
    assert about.config["hnsw_config"]["payload_m"] == 16
    assert about.payload_schema["tenant"].params == TENANT
    assert (about.status, about.indexed_vectors_count) == ("green", LARGE)
    for tenant, ids in (("large", range(LARGE)), ("small", range(LARGE, len(vectors)))):
        found = 0
        for query in vectors[ids[:5]] + np.float32(0.1):
            hits = client.search(name, query, 10, filter={"tenant": tenant})
            exact = np.argsort(np.linalg.norm(vectors[ids] - query, axis=1))[:10] + ids[0]
            assert {hit.id for hit in hits} <= set(ids)
            found += len({hit.id for hit in hits} & set(exact.tolist()))
        assert found >= 49
    everywhere = client.search(name, vectors[LARGE], 1)  # without a filter: all are compared
    assert everywhere[0].id == LARGE


def test_graph_comes_and_goes_with_its_setting(
    client: RuvectorClient, name: str, vectors: Array
) -> None:
    client.create_collection(name, DIM, "euclid", hnsw={"m": 0}, optimizers=NOW)
    client.upsert(name, ids=range(len(vectors)), vectors=vectors)
    client.wait_for_index(name, 60)
    query = vectors[3] + np.float32(0.1)
    exact = np.argsort(np.linalg.norm(vectors - query, axis=1))[:10].tolist()
    for m, count in ((0, 0), (8, len(vectors)), (0, 0)):
        client.update_collection(name, hnsw={"m": m})
        client.wait_for_index(name, 60)
        about = client.get_collection(name)
        assert (about.status, about.indexed_vectors_count) == ("green", count)
        assert about.config["hnsw_config"]["m"] == m
        hits = [hit.id for hit in client.search(name, query, 10)]
        assert hits == exact if not m else len(set(hits) & set(exact)) >= 9


@pytest.mark.parametrize("name_of_setting", ["m", "payload_m"])
def test_graph_of_one_link_is_refused(
    client: RuvectorClient, name: str, name_of_setting: str
) -> None:
    with pytest.raises(InvalidRequest, match=f"hnsw_config.{name_of_setting}.*0 for no graph"):
        client.create_collection(name, DIM, hnsw={name_of_setting: 1})
    assert not client.collection_exists(name)
