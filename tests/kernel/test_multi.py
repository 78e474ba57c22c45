"""Does MaxSim answer what the oracle answers?"""

import itertools
from typing import Any

import numpy as np
import pytest

from ruvector.kernel import Metric, mask_from_rows, multi_scan, multi_scores, oracle


def rows_of(seed: int, n: int, dim: int, dtype: Any) -> tuple[Any, Any]:
    """Return vectors and offsets of n rows of 0 to 40 vectors."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 41, n)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint64)
    total = int(offsets[-1])
    if dtype is np.uint8:
        return rng.integers(0, 256, (total, dim), dtype=np.uint8), offsets
    return rng.normal(size=(total, dim)).astype(dtype), offsets


@pytest.mark.parametrize(
    ("metric", "dtype"), list(itertools.product(Metric, (np.float32, np.float16, np.uint8)))
)
def test_rows_and_scores_equal_the_oracle(metric: Metric, dtype: Any) -> None:
    for dim, queries in ((1, 1), (7, 3), (16, 4), (19, 5), (33, 9)):
        vectors, offsets = rows_of(dim, 40, dim, dtype)
        query = np.random.default_rng(dim).normal(size=(queries, dim)).astype(np.float32)
        allowed = mask_from_rows(np.arange(0, 40, 3, dtype=np.uint32), 40)
        for mask, k in ((None, 50), (None, 7), (allowed, 5), (allowed, 0)):
            found, scores = multi_scan(query, vectors, offsets, metric, k, mask)
            expected, expected_scores = oracle.multi_scan(query, vectors, offsets, metric, k, mask)
            np.testing.assert_allclose(scores, expected_scores, rtol=2e-4, atol=1e-3)
            again = oracle.multi_scores(query, vectors, offsets, found, metric)
            np.testing.assert_allclose(scores, again, rtol=2e-4, atol=1e-3)
            np.testing.assert_array_equal(
                multi_scores(query, vectors, offsets, found, metric), scores
            )
            assert len(found) == len(expected)


def test_rows_without_vectors_are_not_found() -> None:
    vectors, offsets = np.ones((1, 4), np.float32), np.array([0, 0, 1, 1], np.uint64)
    query = np.ones((2, 4), np.float32)
    assert multi_scan(query, vectors, offsets, Metric.DOT, 3)[0].tolist() == [1]
    with pytest.raises(ValueError, match="no vectors"):
        multi_scores(query, vectors, offsets, np.array([0], np.uint32), Metric.DOT)


@pytest.mark.parametrize("offsets", [[0, 1], [1, 2], [0, 3], [0, 2, 1, 2], []])
def test_offsets_that_do_not_span_the_vectors_are_refused(offsets: list[int]) -> None:
    vectors, query = np.ones((2, 4), np.float32), np.ones((1, 4), np.float32)
    with pytest.raises(ValueError, match="offsets"):
        multi_scan(query, vectors, np.array(offsets, np.uint64), Metric.DOT, 3)


def test_other_dimensions_rows_and_masks_are_refused() -> None:
    vectors, offsets = np.ones((2, 4), np.float32), np.array([0, 2], np.uint64)
    query = np.ones((1, 4), np.float32)
    with pytest.raises(ValueError, match="dimensions"):
        multi_scan(query[:, :3].copy(), vectors, offsets, Metric.DOT, 3)
    with pytest.raises(ValueError, match="dimensions"):
        multi_scan(query[:0], vectors, offsets, Metric.DOT, 3)
    with pytest.raises(ValueError, match="beyond"):
        multi_scores(query, vectors, offsets, np.array([1], np.uint32), Metric.DOT)
    with pytest.raises(ValueError, match="mask"):
        multi_scan(query, vectors, offsets, Metric.DOT, 3, np.empty(0, np.uint8))
