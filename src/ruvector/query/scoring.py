"""How good is a candidate by examples? Recommend, discover, context and feedback scores.

Everything is arithmetic over arrays: `similarity(vector)` gives one number for each candidate, in
one call of the kernel, and examples are taken one after the other, so that memory is that of a few
arrays whatever the number of examples. Scores are similarities: more is better, whatever the metric
(Euclid counts as its negative square). Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ruvector.model.points import Vectors
from ruvector.model.queries import Context, Discover, Feedback, Pair, Query, Recommend
from ruvector.model.query_vectors import VectorInput

Similarity = Callable[[VectorInput], Vectors]
EPSILON = np.float32(1.1920929e-7)  # of float32: how far apart two similarities count as equal


def score_by_examples(query: Any, similarity: Similarity, count: int) -> Vectors:
    """Return the score of each of `count` candidates: float32 [count]."""
    score = _SCORERS[type(query)]
    scores: Vectors = score(query, similarity, count)
    return scores


def linear_weights(query: Query) -> list[tuple[VectorInput, float]] | None:
    """Return the weight of each example's similarity in the score, None where it is no sum."""
    if isinstance(query, Feedback):
        return list(_feedback_weights(query))
    if isinstance(query, Recommend) and query.strategy == "sum_scores":
        return [(v, 1.0) for v in query.positive] + [(v, -1.0) for v in query.negative]
    return None


def best_unseen(query: Query, limits: Sequence[float]) -> float:
    """Return what a row can score at best that is as alike to each guide as its limit at most.

    The guides: of a recommendation the positive examples, of a discovery the target, of a context
    the positive ones, which say nothing.
    """
    if isinstance(query, Context):
        return 0.0
    bound = float(_scaled(np.array([max(limits)], dtype=np.float32))[0])
    return bound + len(query.pairs) if isinstance(query, Discover) else bound


def fast_sigmoid(values: Vectors) -> Vectors:
    """Return x / (1 + |x|), which keeps the order and lies between -1 and 1."""
    with np.errstate(invalid="ignore"):
        squeezed = np.asarray(values / (1 + np.abs(values)), dtype=np.float32)
    squeezed[np.isinf(values)] = values[np.isinf(values)]
    return squeezed


def _scaled(values: Vectors) -> Vectors:
    scaled: Vectors = np.float32(0.5) * (fast_sigmoid(values) + np.float32(1))
    return scaled


def _recommend(query: Recommend, similarity: Similarity, count: int) -> Vectors:
    if query.strategy == "sum_scores":
        total = np.zeros(count, dtype=np.float32)
        for vector in query.positive:
            total += similarity(vector)
        for vector in query.negative:
            total -= similarity(vector)
        return total
    best = _best(query.positive, similarity, count)
    worst = _best(query.negative, similarity, count)
    return np.where(best > worst, _scaled(best), -_scaled(worst))


def _best(vectors: Sequence[VectorInput], similarity: Similarity, count: int) -> Vectors:
    best = np.full(count, -np.inf, dtype=np.float32)
    for vector in vectors:
        np.maximum(best, similarity(vector), out=best)
    return best


def _discover(query: Discover, similarity: Similarity, count: int) -> Vectors:
    ranks = np.zeros(count, dtype=np.float32)
    for difference in _differences(query.pairs, similarity):
        ranks += np.sign(difference)
    ranks += _scaled(similarity(query.target))
    return ranks


def _context(query: Context, similarity: Similarity, count: int) -> Vectors:
    total = np.zeros(count, dtype=np.float32)
    for difference in _differences(query.pairs, similarity):
        total += fast_sigmoid(np.minimum(difference - EPSILON, np.float32(0)))
    return total


def _differences(pairs: tuple[Pair, ...], similarity: Similarity) -> Any:
    return (similarity(pair.positive) - similarity(pair.negative) for pair in pairs)


def _feedback(query: Feedback, similarity: Similarity, count: int) -> Vectors:
    total = np.zeros(count, dtype=np.float64)
    for vector, weight in _feedback_weights(query):
        total += weight * similarity(vector)
    with np.errstate(over="ignore"):
        return total.astype(np.float32)


def _feedback_weights(query: Feedback) -> Iterator[tuple[VectorInput, float]]:
    """Yield a weight for each vector: the sum over ordered pairs of items is linear in them."""
    yield query.target, query.a
    ratings = np.array([item.score for item in query.items])
    for item in query.items:
        higher = np.maximum(item.score - ratings, 0.0)
        lower = np.maximum(ratings - item.score, 0.0)
        yield item.example, query.c * (_powers(higher, query.b) - _powers(lower, query.b))


def _powers(confidences: Any, exponent: float) -> float:
    """Return the sum of the powers of the confidences above zero."""
    with np.errstate(over="ignore"):
        return float((confidences[confidences > 0] ** exponent).sum())


_SCORERS: dict[type, Callable[[Any, Similarity, int], Vectors]] = {
    Recommend: _recommend,
    Discover: _discover,
    Context: _context,
    Feedback: _feedback,
}
