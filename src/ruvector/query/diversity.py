"""Which candidates are both relevant and unlike each other? Maximal marginal relevance.

Source: Carbonell and Goldstein 1998. Each step takes the candidate with the best
(1 - diversity) x relevance - diversity x likeness to the chosen; the scores of the answer are those
of the search. Equal candidates are taken as Qdrant's engine takes them: the last one, of an order
in which a chosen one's place is filled by the last.
"""

import numpy as np

from ruvector.collection.vectors import VectorSpace
from ruvector.collection.view import View
from ruvector.kernel import Metric, score_rows
from ruvector.model.points import Vectors
from ruvector.model.queries import Mmr
from ruvector.model.query_vectors import VectorInput
from ruvector.query.ranked import Ranked
from ruvector.query.targets import query_of


def diversify(
    view: View, space: VectorSpace, target: VectorInput, mmr: Mmr, found: Ranked, k: int
) -> Ranked:
    """Return k of the candidates found, in the order in which they are chosen.

    Cost: one call of the kernel over the candidates for each that is chosen.
    """
    if not len(found.rows):
        return found
    vectors = view.stacked(space.name, found.rows.tolist())
    everything = np.arange(len(vectors), dtype=np.uint32)

    def alike(vector: Vectors) -> Vectors:
        scores = score_rows(vector, vectors, everything, space.metric)
        if space.metric is Metric.EUCLID:
            return -scores * scores
        return -scores if space.metric is Metric.MANHATTAN else scores

    relevance = alike(query_of(space, target)[0])
    share = np.float32(1.0 - mmr.diversity)
    pending = list(range(len(vectors)))
    likeness = np.full(len(vectors), -np.inf, dtype=np.float32)
    chosen = [_take(pending, relevance)]
    while len(chosen) < k and pending:
        np.maximum(likeness, alike(vectors[chosen[-1]]), out=likeness)
        chosen.append(_take(pending, share * relevance - (np.float32(1) - share) * likeness))
    order = np.array(chosen)
    return Ranked(found.rows[order], found.scores[order])


def _take(pending: list[int], scores: Vectors) -> int:
    """Take the best of the pending candidates out of them."""
    values = scores[pending]
    position = len(values) - 1 - int(np.argmax(values[::-1]))
    taken = pending[position]
    pending[position] = pending[-1]
    pending.pop()
    return taken
