"""Whose word counts how much? Several rankings fused into one, by ranks or by scores.

Source: Cormack, Clarke and Büttcher 2009 for reciprocal ranks; constants and weights as in WIRE.md,
section 2. Rows of equal score stay in the order in which the sources name them first. Pure.
"""

from collections.abc import Sequence

import numpy as np

from ruvector.collection.segment import Rows
from ruvector.model.points import Vectors
from ruvector.model.queries import Fusion, Rrf
from ruvector.query.ranked import Ranked


def fuse(sources: Sequence[Ranked], query: Fusion, k: int) -> Ranked:
    """Return the best k of the rows that any source found; scores of one row are summed."""
    if isinstance(query, Rrf):
        weights = query.weights or (1.0,) * len(sources)
        parts = [
            reciprocal_ranks(len(source.rows), query.k, weight)
            for source, weight in zip(sources, weights, strict=True)
        ]
    else:
        parts = [normalized(source.scores) for source in sources]
    rows = np.concatenate([_NO_ROWS, *(source.rows for source in sources)])
    scores = np.concatenate([np.empty(0), *parts])
    distinct, first, places = np.unique(rows, return_index=True, return_inverse=True)
    totals = np.bincount(places, weights=scores, minlength=len(distinct))
    order = np.lexsort((first, -totals))[:k]
    return Ranked(distinct[order], totals[order].astype(np.float32))


def reciprocal_ranks(
    count: int, k: int, weight: float
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return 1 / (position / weight + k - 1) for positions from 1 on; 0 for a weight of 0."""
    if weight <= 0:
        return np.zeros(count)
    return 1.0 / (np.arange(1, count + 1) / weight + k - 1)


def normalized(scores: Vectors) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return where each score lies between three deviations below the mean and three above."""
    wide = scores.astype(np.float64)
    deviation = wide.std(ddof=1) if len(wide) > 1 else 0.0
    if not deviation > 0:
        return np.full(len(wide), 0.5)
    placed: np.ndarray[tuple[int], np.dtype[np.float64]] = (
        wide - (wide.mean() - 3 * deviation)
    ) / (6 * deviation)
    return placed


_NO_ROWS: Rows = np.empty(0, dtype=np.uint32)
