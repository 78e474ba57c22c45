"""Does the graph over the rows of multi-vectors find what comparing every point finds?"""

from typing import Any

import numpy as np
import pytest

from ruvector.collection.multi import MultiSpace, multi_space_of
from ruvector.collection.ragged import MultiColumn
from ruvector.collection.segment import SearchPlan
from ruvector.kernel import mask_count, mask_from_rows
from ruvector.model.configs import VectorParams

DIM, POINTS, K = 24, 3000, 10


@pytest.fixture(scope="module", params=["Cosine", "Euclid"])
def indexed(request: pytest.FixtureRequest) -> tuple[MultiSpace, MultiColumn, Any]:
    """Return a space, a column of points about some of 40 topics, and its graph."""
    space = multi_space_of("m", VectorParams(size=DIM, distance=request.param), "m")
    column = space.read([tokens(number) for number in range(POINTS)])
    graph = space.build(column, links_per_node=24, build_beam=80, threads=1)
    return space, column, graph


def tokens(seed: int) -> Any:
    """Return three to eight rows near to some topics."""
    topics = np.random.default_rng(0).normal(size=(40, DIM))
    rng = np.random.default_rng(seed)
    chosen = topics[rng.integers(0, 40, rng.integers(3, 9))]
    return (chosen + 0.4 * rng.normal(size=chosen.shape)).astype(np.float32)


def both(indexed: Any, query: Any, mask: Any, count: int) -> tuple[Any, Any]:
    """Return what is found through the graph, and by comparing every point."""
    space, column, graph = indexed
    plan = SearchPlan(beam=64, scan={"full_scan_rows": 100})
    asked = space.query(query)
    found = space.search(column, graph, asked, K, mask, count, plan)
    exact = space.search(column, graph, asked, K, mask, count, SearchPlan(beam=64, exact=True))
    return found, exact


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_most_of_the_best_points_are_found_and_scored_exactly(indexed: Any, share: float) -> None:
    allowed = np.flatnonzero(np.random.default_rng(1).random(POINTS) < share).astype(np.uint32)
    mask = None if share == 1 else mask_from_rows(allowed, POINTS)
    count = POINTS if mask is None else mask_count(mask, POINTS)
    hits = 0
    for seed in range(POINTS, POINTS + 30):
        query = list(tokens(seed))
        found, exact = both(indexed, indexed[0].given(np.array(query)), mask, count)
        assert len(found[0]) == K
        scores = dict(zip(exact[0].tolist(), exact[1].tolist(), strict=True))
        for row, score in zip(*(part.tolist() for part in found), strict=True):
            hits += row in scores
            assert scores.get(row, score) == score
            assert mask is None or row in allowed
    assert hits >= 0.95 * 30 * K, hits


def test_few_points_are_compared_without_the_graph(indexed: Any) -> None:
    mask = mask_from_rows(np.arange(0, 60, dtype=np.uint32), POINTS)
    found, exact = both(indexed, indexed[0].given(tokens(POINTS + 1)), mask, 60)
    assert found[0].tolist() == exact[0].tolist()
