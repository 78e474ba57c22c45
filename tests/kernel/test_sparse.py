"""Does the inverted index answer what the oracle answers, and refuse arrays of others?"""

from typing import Any

import numpy as np
import pytest

from ruvector.index.sparse import ARRAYS, SparseIndex
from ruvector.kernel import (
    mask_count,
    mask_from_rows,
    oracle,
    sparse_counts,
    sparse_scan,
)

Rows = tuple[Any, Any, Any]


def rows_of(seed: int, n: int, terms: int, most: int, *, signed: bool = False) -> Rows:
    """Return n random sparse rows: some empty; low terms are in most of them."""
    rng = np.random.default_rng(seed)
    offsets, indices = [0], []
    for _ in range(n):
        size = int(rng.integers(0, most + 1))
        drawn = np.unique((terms * rng.random(size) ** 3).astype(np.uint32))
        indices.append(drawn)
        offsets.append(offsets[-1] + len(drawn))
    entries = np.concatenate([np.empty(0, np.uint32), *indices])
    values = rng.normal(size=len(entries)) if signed else rng.random(len(entries))
    return np.array(offsets, np.uint64), entries, values.astype(np.float32)


def query_of(seed: int, terms: int, size: int, *, signed: bool = False) -> tuple[Any, Any]:
    """Return a random query; one of its terms is in no row."""
    rng = np.random.default_rng(seed)
    chosen = np.unique((terms * rng.random(size) ** 2).astype(np.uint32))
    chosen = np.append(chosen, np.uint32(2**32 - 1))
    weights = rng.normal(size=len(chosen)) if signed else rng.random(len(chosen))
    return chosen, weights.astype(np.float32)


def same(found: tuple[Any, Any], expected: tuple[Any, Any]) -> None:
    """Require equal rows and scores; rows of nearly equal scores may change places."""
    assert len(found[0]) == len(expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-5, atol=1e-5)
    scores = dict(zip(expected[0].tolist(), expected[1].tolist(), strict=True))
    for row, score in zip(found[0].tolist(), found[1].tolist(), strict=True):
        near = scores.get(row, expected[1][-1] if len(expected[1]) else None)
        assert near == pytest.approx(score, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("n", [0, 1, 9, 200])
def test_scan_and_index_find_what_the_oracle_finds(n: int, signed: bool) -> None:
    rows = rows_of(n, n, 60, 20, signed=signed)
    index = SparseIndex.build(*rows)
    for seed in range(12):
        terms, weights = query_of(seed, 60, 1 + 3 * seed, signed=signed)
        chosen = np.flatnonzero(np.random.default_rng(seed).random(n) < 0.5).astype(np.uint32)
        for allowed in (None, mask_from_rows(chosen, n)):
            count = n if allowed is None else mask_count(allowed, n)
            for k in (0, 1, 5, n + 3):
                expected = oracle.sparse_scan(*rows, terms, weights, k, allowed)
                same(sparse_scan(*rows, terms, weights, k, allowed), expected)
                same(index.search(terms, weights, k, allowed, count), expected)
            expected_counts = oracle.sparse_counts(*rows, terms, allowed).tolist()
            assert sparse_counts(*rows, terms, allowed).tolist() == expected_counts
            assert index.counts(terms, allowed).tolist() == expected_counts


@pytest.mark.parametrize("signed", [False, True])
def test_rows_of_several_blocks_are_found(signed: bool) -> None:
    n = oracle.SPARSE_BLOCK + 1500
    rng = np.random.default_rng(1)
    # One term is in every row, one in every third, and each row has one of 500 others.
    others = rng.integers(2, 502, n).astype(np.uint32)
    third = np.arange(n) % 3 == 0
    lengths = 2 + third
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint64)
    parts = [[0, 1, term] if has else [0, term] for has, term in zip(third, others, strict=True)]
    entries = np.array([term for part in parts for term in part], np.uint32)
    values = (rng.normal(size=len(entries)) if signed else rng.random(len(entries))).astype("f4")
    rows = offsets, entries, values
    index = SparseIndex.build(*rows)
    assert index.arrays()["dense"].sum() == 4
    for terms in ([0], [1, 7], [0, 1, 2, 3, 400], [0, 7], [600]):
        query = np.array(terms, np.uint32)
        weights = np.linspace(1, 0.1, len(terms)).astype(np.float32)
        expected = sparse_scan(*rows, query, weights, 10)
        found = index.search(query, weights, 10, None, n)
        assert found[0].tolist() == expected[0].tolist()
        assert found[1].tolist() == expected[1].tolist()
        assert index.counts(query, None).tolist() == sparse_counts(*rows, query).tolist()


def test_rare_terms_spare_the_frequent_ones() -> None:
    """Where a rare heavy term decides, lists of frequent light terms need not be read."""
    n = 4000
    offsets = np.arange(0, 2 * n + 1, 2, dtype=np.uint64)
    entries = np.array([[0, 1 + row % 100] for row in range(n)], np.uint32).reshape(-1)
    values = np.random.default_rng(2).random(2 * n).astype(np.float32)
    index = SparseIndex.build(offsets, entries, values)
    terms, weights = np.array([0, 5, 6], np.uint32), np.array([0.01, 9, 8], np.float32)
    expected = oracle.sparse_scan(offsets, entries, values, terms, weights, 10)
    same(index.search(terms, weights, 10, None, n), expected)


def test_scores_that_cancel_out_are_still_found() -> None:
    rows = (
        np.array([0, 2, 3, 4], np.uint64),
        np.array([1, 2, 1, 9], np.uint32),
        np.array([1, 1, 0, 5], np.float32),
    )
    terms, weights = np.array([1, 2], np.uint32), np.array([1, -1], np.float32)
    for found in (
        sparse_scan(*rows, terms, weights, 5),
        SparseIndex.build(*rows).search(terms, weights, 5, None, 3),
    ):
        assert found[0].tolist() == [0, 1]
        assert found[1].tolist() == [0, 0]


def test_float16_values_are_read() -> None:
    offsets, entries, values = rows_of(3, 50, 40, 10)
    halves = values.astype(np.float16)
    terms, weights = query_of(1, 40, 10)
    expected = oracle.sparse_scan(offsets, entries, halves, terms, weights, 8)
    same(sparse_scan(offsets, entries, halves, terms, weights, 8), expected)
    index = SparseIndex.build(offsets, entries, halves)
    same(index.search(terms, weights, 8, None, 50), expected)


@pytest.mark.parametrize("signed", [False, True])
def test_the_index_holds_every_entry_of_the_rows(signed: bool) -> None:
    offsets, entries, values = rows_of(4, 150, 30, 12, signed=signed)
    owners = np.repeat(np.arange(150), np.diff(offsets).astype(int))
    expected = sorted(zip(entries.tolist(), owners.tolist(), values.tolist(), strict=True))
    arrays = SparseIndex.build(offsets, entries, values).arrays()
    found = sorted(oracle.sparse_postings(arrays, 150))
    assert [entry[:2] for entry in found] == [entry[:2] for entry in expected]
    assert any(step for *_, step in found)
    assert any(not step for *_, step in found)
    for (*_, value, step), (*_, original) in zip(found, expected, strict=True):
        assert abs(value - original) <= step / 2 + 1e-6


@pytest.mark.parametrize(
    ("offsets", "entries"),
    [([0, 2], [1]), ([1, 1], [1]), ([0, 2, 1], [1]), ([0, 1], [])],
)
def test_offsets_that_do_not_span_the_entries_are_refused(offsets: Any, entries: Any) -> None:
    rows = np.array(offsets, np.uint64), np.array(entries, np.uint32)
    values = np.ones(len(entries), np.float32)
    one = np.array([1], np.uint32)
    with pytest.raises(ValueError, match="offsets"):
        sparse_scan(*rows, values, one, one.astype(np.float32), 1)


def test_terms_that_do_not_ascend_are_refused() -> None:
    rows = np.array([0, 2], np.uint64), np.array([5, 5], np.uint32), np.ones(2, np.float32)
    with pytest.raises(ValueError, match="ascend"):
        SparseIndex.build(*rows)
    with pytest.raises(ValueError, match="ascend"):
        sparse_scan(*rows, rows[1], rows[2], 1)


def test_altered_arrays_are_refused_or_harmless() -> None:
    """Every byte of every array changed once: an error, or answers without a crash."""
    n = 120
    rows = rows_of(5, n, 25, 8)
    arrays = SparseIndex.build(*rows).arrays()
    terms, weights = query_of(2, 25, 9)
    refused = 0
    for name in ARRAYS:
        for position in range(arrays[name].nbytes):
            altered = arrays[name].copy()
            altered.reshape(-1).view(np.uint8)[position] ^= 0x91
            try:
                index = SparseIndex(*rows, {**arrays, name: altered})
            except ValueError:
                refused += 1
                continue
            found = index.search(terms, weights, 10, None, n)[0]
            assert (found < n).all()
            index.counts(terms, mask_from_rows(found, n))
    assert refused > 100


def test_arrays_that_are_missing_or_of_another_length_are_refused() -> None:
    rows = rows_of(6, 30, 20, 5)
    arrays = SparseIndex.build(*rows).arrays()
    for name in ARRAYS:
        with pytest.raises(ValueError, match=name):
            SparseIndex(*rows, {key: value for key, value in arrays.items() if key != name})
        with pytest.raises(ValueError, match="sparse index"):
            SparseIndex(*rows, {**arrays, name: arrays[name][:-1]})
    with pytest.raises(ValueError, match="another number of rows"):
        SparseIndex(*rows_of(6, 0, 20, 5), arrays)
