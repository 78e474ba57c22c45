"""Which candidates are both relevant and unlike each other? Maximal marginal relevance.

Source: Carbonell and Goldstein 1998. Each step takes the candidate with the best
(1 - diversity) x relevance - diversity x likeness to the chosen; the scores of the answer are those
of the search. Equal candidates are taken as Qdrant's engine takes them: the last one, of an order
in which a chosen one's place is filled by the last.
"""

import numpy as np

from ruvector.collection.spaces import Space
from ruvector.collection.view import View
from ruvector.model.points import Vectors
from ruvector.model.queries import Mmr
from ruvector.model.query_vectors import VectorInput
from ruvector.query.ranked import Ranked


def diversify(
    view: View, space: Space, target: VectorInput, mmr: Mmr, found: Ranked, k: int
) -> Ranked:
    """Return k of the candidates found, in the order in which they are chosen.

    Cost: one call of the kernel over the candidates for each that is chosen.
    """
    if not len(found.rows):
        return found
    vectors = view.stored(space.name, found.rows.tolist())
    column = space.column(vectors)
    everything = np.arange(len(vectors), dtype=np.uint32)

    def alike(vector: VectorInput) -> Vectors:
        return space.similarities(column, space.query(vector), everything)

    def like(chosen: int) -> Vectors:
        """Return how like each candidate is to a chosen one; each asks where sides differ."""
        if space.is_symmetric:
            return alike(space.given(vectors[chosen]))
        one = np.array([chosen], dtype=np.uint32)
        queries = [space.query(space.given(vector)) for vector in vectors]
        return np.concatenate([space.similarities(column, query, one) for query in queries])

    relevance = alike(target)
    share = np.float32(1.0 - mmr.diversity)
    pending = list(range(len(vectors)))
    likeness = np.full(len(vectors), -np.inf, dtype=np.float32)
    chosen = [_take(pending, relevance)]
    while len(chosen) < k and pending:
        np.maximum(likeness, like(chosen[-1]), out=likeness)
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
