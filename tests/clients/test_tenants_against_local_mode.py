"""Does Qdrant's recipe for many tenants give its answers? `m=0`, `payload_m=16`, `is_tenant`."""

from collections.abc import Iterator

import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from tests.clients.local_twin import Twins

import ruvector

POINTS, DIM = 4500, 16
LARGE = 4100  # points of the tenant that has a graph of its own
CHANGED = 40


@pytest.fixture(scope="module", params=["growing", "sealed"])
def twins(request: pytest.FixtureRequest, client: QdrantClient) -> Iterator[Twins]:
    """Return both databases with the same points; some have changed their tenant since."""
    twins = Twins(client, "tenants")
    name = "tenants"
    sealed = request.param == "sealed"
    twins.create(
        name,
        vectors_config=models.VectorParams(size=DIM, distance=models.Distance.COSINE),
        hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=1 if sealed else 100_000),
    )
    twins.remote.create_payload_index(
        name, "tenant", models.KeywordIndexParams(type="keyword", is_tenant=True)
    )
    vectors = np.random.default_rng(4).normal(size=(POINTS, DIM)).astype(np.float32)
    twins.both(
        "upload_collection",
        name,
        vectors=vectors,
        ids=range(POINTS),
        payload=[{"tenant": "large" if n < LARGE else f"t{n % 3}"} for n in range(POINTS)],
        wait=True,
    )
    if sealed:
        with ruvector.RuvectorClient(url=request.getfixturevalue("server").url) as ours:
            ours.wait_for_index(name, 60)
        assert client.get_collection(name).indexed_vectors_count == LARGE
    twins.both("set_payload", name, {"tenant": "t1"}, points=list(range(CHANGED)))
    twins.both("delete", name, points_selector=list(range(100, 140)))
    yield twins
    twins.close()


@pytest.mark.parametrize("tenant", ["large", "t0", "t1", "none"])
def test_tenant_finds_what_local_mode_finds(twins: Twins, tenant: str) -> None:
    own = models.Filter(
        must=[models.FieldCondition(key="tenant", match=models.MatchValue(value=tenant))]
    )
    queries = np.random.default_rng(8).normal(size=(15, DIM)).astype(np.float32)
    for query in queries:
        twins.query(
            "tenants",
            query.tolist(),
            query_filter=own,
            limit=10,
            search_params=models.SearchParams(hnsw_ef=512),  # approximate, and yet all of them
            with_payload=True,
        )
        twins.query("tenants", query.tolist(), limit=10)
    twins.query("tenants", 7, query_filter=own, limit=5, with_payload=True)
