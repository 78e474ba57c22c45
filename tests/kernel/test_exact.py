"""Does exact search answer what the oracle answers?"""

import itertools

import numpy as np
import pytest

from ruvector.kernel import (
    Metric,
    exact_search,
    mask_count,
    mask_from_rows,
    oracle,
    score_rows,
)

DTYPES = (np.float32, np.float16, np.uint8)
DIMENSIONS = (1, 3, 8, 15, 16, 17, 31, 33, 64, 100)


def make(seed: int, n: int, dim: int, dtype: type) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype is np.uint8:
        return rng.integers(0, 256, (n, dim), dtype=np.uint8)
    return rng.standard_normal((n, dim)).astype(dtype)


@pytest.mark.parametrize(("metric", "dtype"), list(itertools.product(Metric, DTYPES)))
def test_rows_and_scores_equal_the_oracle(metric: Metric, dtype: type) -> None:
    for dim in DIMENSIONS:
        vectors, queries = make(dim, 70, dim, dtype), make(dim + 1, 3, dim, np.float32)
        found, scores = exact_search(queries, vectors, metric, 70)
        expected, expected_scores = oracle.exact_search(queries, vectors, metric, 70)
        by_row = np.take_along_axis(scores, np.argsort(found, axis=1), 1)
        expected_by_row = np.take_along_axis(expected_scores, np.argsort(expected, axis=1), 1)
        if dim < oracle.SEQUENTIAL_BELOW and not (metric == 0 and dtype is np.uint8):
            assert by_row.tolist() == expected_by_row.tolist(), dim
            assert found.tolist() == expected.tolist(), dim
        else:
            scale = float(np.abs(expected_by_row).max())
            np.testing.assert_allclose(by_row, expected_by_row, rtol=1e-5, atol=scale * 1e-5)


def test_equal_scores_are_ordered_by_the_lower_row() -> None:
    vectors = np.tile(np.array([[1, 2, 3]], np.float32), (20, 1))
    for metric in Metric:
        found, _ = exact_search(vectors[:1], vectors, metric, 7)
        assert found.tolist() == [list(range(7))]


@pytest.mark.parametrize(("k", "expected"), [(0, 0), (1, 1), (5, 5), (6, 5), (1000, 5)])
def test_no_more_hits_come_back_than_there_are_rows(k: int, expected: int) -> None:
    vectors = make(0, 5, 4, np.float32)
    found, scores = exact_search(vectors[:2], vectors, Metric.EUCLID, k)
    assert found.shape == scores.shape == (2, expected)


def test_no_rows_and_no_queries_give_empty_answers() -> None:
    vectors = make(0, 5, 4, np.float32)
    assert exact_search(vectors[:1], vectors[:0], Metric.DOT, 3)[0].shape == (1, 0)
    assert exact_search(vectors[:0], vectors, Metric.DOT, 3)[0].shape == (0, 3)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 63, 64, 65, 200])
def test_only_rows_of_the_mask_are_returned(n: int) -> None:
    rng = np.random.default_rng(n)
    vectors, queries = make(n, n, 20, np.float32), make(n + 1, 2, 20, np.float32)
    for share in (0.0, 0.1, 0.5, 1.0):
        chosen = rng.random(n) < share
        mask = np.packbits(chosen, bitorder="little")
        found, _ = exact_search(queries, vectors, Metric.DOT, 9, mask)
        expected, _ = oracle.exact_search(queries, vectors, Metric.DOT, 9, mask)
        assert found.tolist() == expected.tolist()
        assert mask_count(mask, n) == oracle.mask_count(mask, n) == chosen.sum()


def test_bits_beyond_the_rows_are_passed_over() -> None:
    vectors = make(0, 5, 4, np.float32)
    mask = np.array([0xFF, 0xFF], np.uint8)
    assert exact_search(vectors[:1], vectors, Metric.DOT, 9, mask)[0].shape == (1, 5)
    assert mask_count(mask, 5) == 5


def test_a_score_that_is_no_number_comes_last() -> None:
    vectors = make(0, 6, 20, np.float32)
    vectors[2, 3] = np.nan
    for metric in Metric:
        found, scores = exact_search(vectors[:1], vectors, metric, 6)
        assert found[0, -1] == 2
        assert np.isnan(scores[0, -1])
        assert not np.isnan(scores[0, :-1]).any()


def test_a_zero_vector_scores_zero() -> None:
    zero = np.zeros((1, 20), np.float32)
    assert exact_search(zero, zero.astype(np.uint8), Metric.COSINE, 1)[1].tolist() == [[0.0]]
    assert exact_search(zero, zero, Metric.EUCLID, 1)[1].tolist() == [[0.0]]


@pytest.mark.parametrize("metric", Metric)
def test_given_rows_are_scored_like_the_oracle(metric: Metric) -> None:
    rows = np.array([4, 0, 4, 9], np.uint32)
    for dim in (3, 40):
        vectors, query = make(dim, 10, dim, np.float32), make(1, 1, dim, np.float32)[0]
        expected = oracle.score_rows(query, vectors, rows, metric)
        np.testing.assert_allclose(
            score_rows(query, vectors, rows, metric), expected, rtol=1e-5, atol=1e-5
        )
    assert score_rows(query, vectors, rows[:0], metric).shape == (0,)


def test_rows_become_a_mask() -> None:
    for n in (1, 8, 9, 100):
        rows = np.unique(np.random.default_rng(n).integers(0, n, n // 2 + 1)).astype(np.uint32)
        assert mask_from_rows(rows, n).tolist() == oracle.mask_from_rows(rows, n).tolist()
    assert mask_from_rows(np.empty(0, np.uint32), 0).shape == (0,)


def test_input_that_does_not_fit_is_refused() -> None:
    vectors = make(0, 9, 4, np.float32)
    with pytest.raises(ValueError, match="dimensions"):
        exact_search(vectors[:1, :3].copy(), vectors, Metric.DOT, 1)
    with pytest.raises(ValueError, match="mask"):
        exact_search(vectors[:1], vectors, Metric.DOT, 1, np.zeros(1, np.uint8))
    with pytest.raises(ValueError, match="metric"):
        exact_search(vectors[:1], vectors, 4, 1)
    with pytest.raises(ValueError, match="beyond"):
        score_rows(vectors[0], vectors, np.array([9], np.uint32), Metric.DOT)
    with pytest.raises(ValueError, match="beyond"):
        mask_from_rows(np.array([9], np.uint32), 9)
    with pytest.raises(ValueError, match="shorter"):
        mask_count(np.zeros(1, np.uint8), 9)
    with pytest.raises(TypeError):
        exact_search(vectors[:1], vectors.astype(np.float64), Metric.DOT, 1)
    with pytest.raises(TypeError):
        exact_search(vectors[:1], vectors[:, ::2], Metric.DOT, 1)
