"""Which rows are worth scoring by examples, among many? Those that walks find, if that is enough.

Scores that are a sum of weighted similarities are one search: by the weighted sum of the examples
(cosine, dot), or by their weighted mean (Euclid, where the weights add up to more than nothing).
For the others a walk from each guide (target, positive examples) brings the rows nearest to it, and
a bound says what a row that no walk brought can score at best. Where the hits wanted are not above
it, the walks are repeated WIDER times as wide, until scoring every row is cheaper.

So answers are as approximate as walks are, and not because a hit lies far from all examples.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from pyroaring import BitMap

from ruvector.collection.segment import Rows
from ruvector.collection.spaces import Space
from ruvector.index.payload.bitmaps import bitmap_of
from ruvector.kernel import Metric
from ruvector.model.points import Vectors
from ruvector.model.queries import Context, Discover, Query, Recommend
from ruvector.model.query_vectors import VectorInput
from ruvector.query.ranked import Ranked
from ruvector.query.scoring import best_unseen, linear_weights

WALKED_PER_HIT = 8  # candidates that each walk brings for a hit wanted, the beam at least
WIDER = 8
# A sum with negative weights lies outside of the data, where walks find less: .935 of the best at a
# quarter of this width, .975 so (euclid, 4 positive and 3 negative examples, 30,000 x 32 normal).
FARTHER = 16
# A walk that brings a row costs about as much as scoring so many by one example (30,000 x 32).
ROWS_PER_WALKED = 16

Scored = tuple[Rows, Vectors]


class Walks(NamedTuple):
    """What walks and scores in one search.

    `walk`: the nearest rows of a vector; `score`: rows with the query's scores; `alike`: how alike
    a vector and one row are.
    """

    space: Space
    walk: Callable[[VectorInput, int], Ranked]
    score: Callable[[BitMap], Scored]
    alike: Callable[[VectorInput, int], float]
    compared: Callable[[VectorInput], object]


def walked(walks: Walks, query: Query, allowed: BitMap, k: int, beam: int) -> Scored | None:
    """Return candidates with their scores, the best k among them; None where all must be scored."""
    width = max(beam, WALKED_PER_HIT * k)
    weights = linear_weights(query)
    if weights is not None:
        guide = _sum_of(walks, weights)
        if guide is None:
            return None
        if any(weight < 0 for _, weight in weights):
            width *= FARTHER
        return walks.score(bitmap_of(walks.walk(guide, width).rows) & allowed)
    guides = _guides(query)
    while guides and width * len(guides) * ROWS_PER_WALKED <= len(allowed):
        found, limits = BitMap(), []
        for guide in guides:
            rows = walks.walk(guide, width).rows
            found |= bitmap_of(rows)
            limits.append(_limit(walks, guide, rows, width))
        rows, scores = walks.score(found & allowed)
        if len(scores) >= k:
            last = np.partition(scores, len(scores) - k)[len(scores) - k]
            if last >= best_unseen(query, limits):
                return rows, scores
        width *= WIDER
    return None


def _guides(query: Query) -> tuple[VectorInput, ...]:
    """Return the vectors that good answers are near to; none where good ones are far from all."""
    if isinstance(query, Recommend):
        return query.positive
    if isinstance(query, Discover):
        return (query.target,)
    return tuple(pair.positive for pair in query.pairs) if isinstance(query, Context) else ()


def _limit(walks: Walks, guide: VectorInput, rows: Rows, width: int) -> float:
    """Return how alike the guide and a row that its walk did not bring can be."""
    if len(rows) >= width:
        return walks.alike(guide, int(rows[-1]))
    return -np.inf if walks.space.kind == "graph" else 0.0  # sparse: what shares no index is at 0


def _sum_of(walks: Walks, weights: Sequence[tuple[VectorInput, float]]) -> VectorInput | None:
    """Return the vector whose nearest rows score best, None where there is none."""
    metric = getattr(walks.space, "metric", None)
    total, weight_sum = None, 0.0
    for vector, weight in weights:
        compared = walks.compared(vector)
        if not isinstance(compared, np.ndarray) or not walks.space.is_symmetric:
            return None
        part = weight * compared[0].astype(np.float64)
        total = part if total is None else total + part
        weight_sum += weight
    if total is None or metric is Metric.MANHATTAN:
        return None
    if metric is Metric.EUCLID:
        if weight_sum <= 0:
            return None
        total /= weight_sum
    largest = float(np.abs(total).max(initial=0.0))
    if not 0 < largest < np.finfo(np.float32).max:
        return None
    return np.asarray(total, dtype=np.float32)
