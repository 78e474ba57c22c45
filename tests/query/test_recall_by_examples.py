"""Do queries by examples find the best points where walks choose the candidates?

Above SCAN_ROWS candidates are not all scored; `exact` scores them, in the same run. A hit counts
where its score is as good as the worst of the exact answer.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.query import example_walks, leaves

DIM = 16
POINTS = 21_000
QUERIES = 12
EXACT = {"exact": True}


@pytest.fixture(scope="module", params=["cosine", "euclid"])
def name(request: pytest.FixtureRequest, client: RuvectorClient) -> str:
    """Return the name of a collection of clustered vectors in one graph."""
    assert POINTS > leaves.SCAN_ROWS
    random = np.random.default_rng(17)
    centres = random.normal(size=(120, DIM))
    vectors = centres[random.integers(0, 120, POINTS)] + 0.5 * random.normal(size=(POINTS, DIM))
    name = str(request.param)
    client.create_collection(name, DIM, distance=name)
    client.upsert(name, ids=range(POINTS), vectors=vectors.astype(np.float32))
    client.wait_for_index(name, 300)
    return name


@pytest.fixture(scope="module")
def client() -> Iterator[RuvectorClient]:
    """Return a client of a throw-away database."""
    with ruvector.open(":memory:") as client:
        yield client


def recommend(strategy: str, positive: int, negative: int) -> Callable[[list[int]], Any]:
    """Return a recommendation by so many examples."""
    return lambda ids: {
        "recommend": {
            "positive": ids[:positive],
            "negative": ids[positive : positive + negative],
            "strategy": strategy,
        }
    }


def pairs(ids: list[int], count: int) -> list[dict[str, int]]:
    """Return a context of so many pairs."""
    return [{"positive": ids[2 * i], "negative": ids[2 * i + 1]} for i in range(count)]


def feedback(ids: list[int]) -> Any:
    """Return a search for what is like the one example and unlike the other."""
    rated = [{"example": ids[1], "score": 0.9}, {"example": ids[2], "score": 0.2}]
    naive = {"naive": {"a": 1.0, "b": 1.0, "c": 1.0}}
    return {"relevance_feedback": {"target": ids[0], "feedback": rated, "strategy": naive}}


QUERIES_BY_EXAMPLES: dict[str, Callable[[list[int]], Any]] = {
    "best score": recommend("best_score", 2, 1),
    "best score of many": recommend("best_score", 4, 3),
    "best score without positive": recommend("best_score", 0, 2),
    "sum": recommend("sum_scores", 2, 1),
    "sum of many": recommend("sum_scores", 4, 3),
    "sum without positive": recommend("sum_scores", 0, 2),
    "discover": lambda ids: {"discover": {"target": ids[7], "context": pairs(ids, 1)}},
    "discover in three": lambda ids: {"discover": {"target": ids[7], "context": pairs(ids, 3)}},
    "context": lambda ids: {"context": pairs(ids, 1)},
    "context of three": lambda ids: {"context": pairs(ids, 3)},
    "feedback": feedback,
}


def recall(client: RuvectorClient, name: str, make: Callable[[list[int]], Any]) -> float:
    """Return the share of hits that are as good as the exact ones."""
    random = np.random.default_rng(5)
    found = []
    for _ in range(QUERIES):
        query = make(random.integers(0, POINTS, 8).tolist())
        hits = client.query(name, query, limit=10)
        least = client.query(name, query, limit=10, params=EXACT)[-1].score
        assert len(hits) == 10
        found += [hit.score >= least - 1e-6 for hit in hits]
    return float(np.mean(found))


@pytest.mark.parametrize("kind", QUERIES_BY_EXAMPLES)
def test_walks_find_95_of_100_of_the_best(client: RuvectorClient, name: str, kind: str) -> None:
    assert recall(client, name, QUERIES_BY_EXAMPLES[kind]) >= 0.95


def test_candidates_are_walked_for_and_not_all_scored(
    client: RuvectorClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked: list[Any] = []

    def note(*arguments: Any) -> Any:
        walked.append(example_walks.walked(*arguments))
        return walked[-1]

    monkeypatch.setattr(leaves, "walked", note)
    client.query(name, recommend("sum_scores", 2, 1)([1, 2, 3]), limit=10)
    client.query(name, recommend("best_score", 2, 1)([1, 2, 3]), limit=10, params=EXACT)
    client.query(name, recommend("best_score", 2, 1)([1, 2, 3]), limit=10)
    assert [len(rows) < POINTS // 4 for rows, _ in walked] == [True, True]
