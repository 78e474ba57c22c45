"""Does the graph notice data that int8 codes cannot tell apart?"""

import numpy as np
import pytest

from ruvector import VectorIndex
from ruvector.index.code_choice import int8_suffices
from ruvector.index.graph import Graph
from ruvector.kernel import Metric, exact_search

ROWS, DIM, K = 4000, 64, 10


def far_clusters():
    """Clusters 1e5 apart with a spread of 10: one scale for a row drowns what is inside them."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(100, DIM)) * 1e5
    rows = centres[rng.integers(100, size=ROWS)] + rng.normal(size=(ROWS, DIM)) * 10
    return rows.astype(np.float32)


def unit_rows():
    rows = np.random.default_rng(4).normal(size=(ROWS, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def recall_of(found, vectors, queries):
    true, _ = exact_search(queries, vectors, Metric.EUCLID, K)
    hits = sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), true.tolist(), strict=True))
    return hits / true.size


def test_rows_of_one_size_are_coded_and_far_clusters_are_not():
    assert int8_suffices(unit_rows(), Metric.COSINE)
    assert int8_suffices(unit_rows(), Metric.EUCLID)
    assert not int8_suffices(far_clusters(), Metric.EUCLID)


def test_equal_rows_are_no_reason_against_codes():
    assert int8_suffices(np.repeat(unit_rows()[:40], 100, axis=0), Metric.EUCLID)


def test_neighbours_inside_far_clusters_are_found():
    vectors = far_clusters()
    graph = Graph.build(vectors, Metric.EUCLID, threads=1)
    found, _ = graph.search(vectors[:200], K, 64)
    assert recall_of(found, vectors, vectors[:200]) >= 0.99
    again = Graph.from_arrays(graph.arrays(), vectors, Metric.EUCLID)
    assert np.array_equal(again.search(vectors[:200], K, 64)[0], found)


@pytest.mark.parametrize("first", [ROWS, 100])
def test_an_index_chooses_again_when_it_grows_into_a_graph(first, tmp_path):
    vectors = far_clusters()
    index = VectorIndex(DIM, "euclid")
    index.add(np.arange(first, dtype=np.uint64), vectors[:first])
    if first < ROWS:
        index.add(np.arange(first, ROWS, dtype=np.uint64), vectors[first:])
    found, _ = index.search(vectors[:200], K)
    assert recall_of(found.astype(np.uint32), vectors, vectors[:200]) >= 0.99
    index.save(tmp_path / "index")
    loaded, _ = VectorIndex.load(tmp_path / "index").search(vectors[:200], K)
    assert np.array_equal(loaded, found)
