"""Do the masks of the grid leave what they promise, and is a wrong hit seen?"""

import numpy as np
import pytest

import filter_queries
import filters
from masks import CORRELATIONS, Cells, mask
from ruvector.bench.vectors import clustered, dataset
from ruvector.kernel import mask_count


@pytest.fixture(scope="module")
def found():
    return dataset("small", clustered(1008, 16, clusters=30), 8)


@pytest.fixture(scope="module")
def cells(found):
    return Cells(found.vectors, 20)


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_a_mask_leaves_exactly_its_share(found, cells, correlation):
    for share, rows in ((0.0001, 1), (0.01, 10), (0.5, 500)):
        assert mask_count(mask(cells, found.queries[0], correlation, share), 1000) == rows


def test_rows_of_positive_masks_are_nearer_than_those_of_negative_ones(found, cells):
    for query in found.queries:
        near, any_rows, far = (
            float((found.vectors[bits_of(cells, query, how)] @ query).mean())
            for how in ("positive", "independent", "negative")
        )
        assert near > any_rows > far


def bits_of(cells, query, how):
    return np.unpackbits(mask(cells, query, how, 0.1), bitorder="little")[:1000].astype(bool)


def test_the_grid_is_right_on_tiny_data(found, cells):
    grid = filters.measure_index(found, cells, 64, 1)
    assert len(grid) == 21
    assert all(cell.recall == 1.0 for cell in grid)  # 1,000 rows are scanned
    assert [cell.expected_hits for cell in grid[:3]] == [1, 3, 10]
    assert not any("hits" in cell.verdict or "recall" in cell.verdict for cell in grid)


def test_filters_of_the_database_leave_the_rows_that_are_judged(found, cells, tmp_path):
    grid = filter_queries.measure(tmp_path, found, cells, 64, filters.judge)
    assert len(grid) == 27
    assert all(cell.recall == 1.0 and cell.fewest_hits == cell.expected_hits for cell in grid)


def judged(found, cells, answer):
    masks = [mask(cells, query, "independent", 0.5) for query in found.queries]
    allowed = [np.flatnonzero(np.unpackbits(one, bitorder="little")) for one in masks]
    by_query = dict(zip(map(bytes, found.queries), allowed, strict=True))
    return filters.judge(
        "planted",
        found,
        masks,
        lambda query: answer(query, by_query[bytes(query)]),
        lambda _query: [],
        lambda _query: [],
    )


def test_wrong_and_missing_hits_are_seen(found, cells):
    def right(query, rows):
        return rows[np.argsort(-(found.vectors[rows] @ query))[:10]]

    assert judged(found, cells, right).recall == 1.0
    short = judged(found, cells, lambda query, rows: right(query, rows)[:9])
    assert short.recall == pytest.approx(0.9)
    assert {"recall", "hits"} <= set(short.verdict.split(", "))
    worst = judged(found, cells, lambda query, rows: right(query, rows)[::-1][:1].repeat(10))
    assert (worst.recall, worst.fewest_hits) == (pytest.approx(0.1), 1)
    with pytest.raises(AssertionError, match="hits that the filter excludes"):
        judged(found, cells, lambda _query, rows: np.setdiff1d(np.arange(1000), rows)[:10])
