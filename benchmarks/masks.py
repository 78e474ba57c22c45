"""Which rows does a filter leave? Masks at every selectivity, with and against the query.

Independent: random rows. Positive: rows of the k-means cells nearest to the query, as when a user
filters by the topic asked for. Negative: rows of the farthest cells, as when looking for the
opposite. All of them hold exactly the number of rows that the selectivity asks for.
"""

import numpy as np
from numpy.typing import NDArray

from ruvector.bench.vectors import SEED
from ruvector.kernel import Float32Array, MaskArray, Metric, exact_search

CORRELATIONS = ("independent", "positive", "negative")
SELECTIVITIES = (0.001, 0.003, 0.01, 0.03, 0.10, 0.20, 0.50)
CELLS = 256
ITERATIONS = 6
TRAINING_ROWS = 20_000


class Cells:
    """k-means cells over the rows: the centre of each, and the cell of each row."""

    def __init__(self, vectors: Float32Array, cells: int = CELLS) -> None:
        generator = np.random.default_rng(SEED)
        chosen = generator.permutation(len(vectors))
        sample = vectors[np.sort(chosen[:TRAINING_ROWS])]
        self.centres = vectors[chosen[: min(cells, len(vectors))]].copy()
        for _ in range(ITERATIONS):
            nearest = self._nearest(sample)
            for cell in range(len(self.centres)):
                members = sample[nearest == cell]
                if len(members):
                    self.centres[cell] = members.mean(0)
        self.of_row = self._nearest(vectors)
        # Rows in random order, so that a part of a cell is a random part.
        self.rows = [
            generator.permutation(np.flatnonzero(self.of_row == cell))
            for cell in range(len(self.centres))
        ]

    def _nearest(self, vectors: Float32Array) -> NDArray[np.intp]:
        rows, _ = exact_search(vectors, self.centres, Metric.EUCLID, 1, None, threads=0)
        return rows[:, 0].astype(np.intp)

    def order(self, query: Float32Array) -> NDArray[np.intp]:
        """Return the cells from the nearest to the farthest."""
        return np.argsort(np.linalg.norm(self.centres - query, axis=1))


def mask(cells: Cells, query: Float32Array, correlation: str, selectivity: float) -> MaskArray:
    """Return the allowed rows as a packed mask in little bit order."""
    count = len(cells.of_row)
    wanted = max(1, round(selectivity * count))
    if correlation == "independent":
        seed = (SEED, int(query.view(np.uint32).sum(dtype=np.uint64)))
        chosen = np.random.default_rng(seed).permutation(count)[:wanted]
    else:
        order = cells.order(query)
        if correlation == "negative":
            order = order[::-1]
        chosen = np.concatenate([cells.rows[cell] for cell in order])[:wanted]
    bits = np.zeros(count, bool)
    bits[chosen] = True
    return np.packbits(bits, bitorder="little")
