"""Do restarts and merges cost recall? (I3)

A collection is restarted again and again with a tenth of its points replaced in between; after each
restart the graph's answers are compared with the exact ones.
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.crash.figures import bounded, report

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.collection import maintenance

pytestmark = pytest.mark.crash
POINTS, DIM, QUERIES, K = 3000, 32, 150, 10
LARGEST_LOSS = 0.005


def _recall(client: RuvectorClient, queries: NDArray[np.float32]) -> float:
    exact = client.search_batch("churned", queries, K, params={"exact": True})
    graph = client.search_batch("churned", queries, K, params={"hnsw_ef": 100})
    pairs = zip(exact, graph, strict=True)
    found = sum(len({h.id for h in one} & {h.id for h in two}) for one, two in pairs)
    return found / (K * len(queries))


def test_restarts_with_churn_keep_recall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(maintenance, "SCAN_ROWS", 200)
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(POINTS, DIM)).astype(np.float32)
    queries = generator.normal(size=(QUERIES, DIM)).astype(np.float32)
    client = ruvector.open(tmp_path / "database")
    client.create_collection("churned", DIM, optimizers={"indexing_threshold": 64})
    client.upsert("churned", ids=range(POINTS), vectors=vectors)
    client.wait_for_index("churned", 60)
    first = lowest = _recall(client, queries)
    for _ in range(bounded(10, 100)):
        chosen = generator.choice(POINTS, POINTS // 10, replace=False)
        new = generator.normal(size=(len(chosen), DIM)).astype(np.float32)
        client.delete("churned", chosen[: len(chosen) // 3].tolist())
        client.upsert("churned", ids=chosen.tolist(), vectors=new)
        client.wait_for_index("churned", 60)
        client.close()
        client = ruvector.open(tmp_path / "database")
        assert client.count("churned") == POINTS
        assert client.get_collection("churned").indexed_vectors_count > POINTS // 2
        lowest = min(lowest, _recall(client, queries))
    client.close()
    report("recall after restarts", capsys, first=round(first, 4), lowest=round(lowest, 4))
    assert lowest >= first - LARGEST_LOSS
