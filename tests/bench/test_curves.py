"""Is recall what an exact search says, and is a wrong answer seen?"""

from typing import ClassVar

import numpy as np
import pytest

from ruvector.bench import tables
from ruvector.bench.curves import Setting, at_recall, measure
from ruvector.bench.peers import PEERS, Peer
from ruvector.bench.vectors import clustered, dataset, recall_of, true_neighbours
from ruvector.errors import BadInput


class Exact(Peer):
    """A peer that looks at everything and so is never wrong."""

    package = module = "numpy"
    settings = "exact"
    metrics: ClassVar = {"cosine": None}

    def build(self, vectors, threads):
        self.index = vectors

    def search(self, beam, k):
        return lambda query: np.argsort(-(self.index @ query), kind="stable")[:k]


class Wrong(Exact):
    """Half of its answers are rows that nobody asked for, the first ones twice."""

    def search(self, beam, k):
        right = super().search(beam, k)
        return lambda query: np.concatenate([right(query)[: k // 2]] * 2)


class Failing(Exact):
    """It breaks while searching."""

    def search(self, beam, k):
        raise RuntimeError("no\nluck")


class Absent(Exact):
    """Nobody has installed it."""

    module = "a_module_that_is_not_there"


@pytest.fixture
def small():
    return dataset("small", clustered(330, 16, clusters=20), 30)


KINDS = {
    "exact": Exact,
    "wrong": Wrong,
    "failing": Failing,
    "absent": Absent,
    "ruvector": PEERS["ruvector"],
}


def test_recall_is_that_of_an_exact_search(small):
    truth = true_neighbours(small.vectors, small.queries, 10)
    shares = []
    found = measure(
        KINDS,
        small,
        truth,
        threads=1,
        rounds=2,
        beams=(10, 20),
        progress=lambda _text, share: shares.append(share),
    )
    by_name = {curve.name: curve for curve in found}
    assert [point.recall for point in by_name["exact"].points] == [1.0]  # 20 would show nothing
    assert [point.recall for point in by_name["wrong"].points] == [0.5, 0.5]
    assert by_name["failing"].missing == "failed: RuntimeError: no luck"
    assert by_name["absent"].missing.startswith("not installed")
    assert by_name["ruvector"].points[0].recall == 1.0  # so few rows are scanned
    assert by_name["ruvector"].bytes_per_vector >= 16 * 4
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    text = tables.curves(found)
    assert "failing: failed" in text
    assert "absent: not installed" in text


def test_a_distance_that_a_peer_does_not_know_is_said():
    assert PEERS["hnswlib"].missing("manhattan") == "does not know the distance manhattan"


def test_true_neighbours_agree_with_numpy(small):
    truth = true_neighbours(small.vectors, small.queries, 5)
    expected = np.argsort(-(small.queries @ small.vectors.T), axis=1, kind="stable")[:, :5]
    assert recall_of(truth, expected) == 1.0
    distances = np.abs(small.queries[:, None] - small.vectors[None]).sum(2)
    truth = true_neighbours(small.vectors, small.queries, 5, "manhattan")
    assert recall_of(truth, np.argsort(distances, axis=1, kind="stable")[:, :5]) == 1.0


def test_recall_counts_an_id_once_and_every_query():
    truth = np.array([[1, 2], [3, 4]])
    assert recall_of([[1, 1], [4, 3]], truth) == 0.75
    assert recall_of([[9, 9], []], truth) == 0.0
    with pytest.raises(ValueError, match="1 answers for 2 queries"):
        recall_of([[1, 2]], truth)


def points(*pairs):
    return [Setting(10, recall, qps, 1.0, 1.0) for recall, qps in pairs]


def test_speed_between_two_settings_is_interpolated():
    curve = points((0.90, 1000.0), (0.98, 250.0))
    assert at_recall(curve, 0.94) == pytest.approx(500.0)
    assert at_recall(curve, 0.98) == 250.0


def test_speed_is_never_guessed_outside_of_what_was_measured():
    curve = points((0.90, 1000.0), (0.98, 250.0))
    assert at_recall(curve, 0.80) == 1000.0
    assert at_recall(curve, 0.99) is None
    assert at_recall([], 0.5) is None


def test_a_setting_that_is_slower_and_less_accurate_does_not_count():
    curve = points((0.90, 1000.0), (0.92, 100.0), (0.98, 250.0))
    assert at_recall(curve, 0.94) == pytest.approx(500.0)


def test_queries_are_not_among_the_vectors(small):
    both = np.concatenate([small.vectors, small.queries])
    assert len(np.unique(both, axis=0)) == 330
    assert np.allclose(np.linalg.norm(both, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("vectors", "queries", "named"),
    [
        (np.zeros(5), 1, "shape [5]"),
        (np.zeros((5, 2)), 5, "more than 5 rows"),
        (np.full((5, 2), np.nan), 1, "NaN"),
    ],
)
def test_vectors_that_cannot_be_measured_are_refused(vectors, queries, named):
    with pytest.raises(BadInput) as refusal:
        dataset("these", vectors, queries)
    assert named in refusal.value.message
