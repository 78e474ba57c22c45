"""What does a search leave behind? Rows with their scores, best first.

The currency of a query's stages: rows stay rows until the last stage, where the winners become
hits.
"""

from typing import Any, NamedTuple

import numpy as np

from ruvector.collection.segment import Rows
from ruvector.model.points import Vectors


class Ranked(NamedTuple):
    """Rows and scores, best first; `values` are those a stage ordered by, if it did."""

    rows: Rows
    scores: Vectors
    values: list[Any] | None = None

    def cut(self, offset: int, limit: int) -> "Ranked":
        """Return `limit` rows from the offset on."""
        chosen = slice(offset, offset + limit)
        values = None if self.values is None else self.values[chosen]
        return Ranked(self.rows[chosen], self.scores[chosen], values)

    def keep(self, wanted: Any) -> "Ranked":
        """Return the rows at which the boolean array is set."""
        values = self.values
        if values is not None:
            values = [value for value, kept in zip(values, wanted, strict=True) if kept]
        return Ranked(self.rows[wanted], self.scores[wanted], values)

    def without(self, rows: frozenset[int]) -> "Ranked":
        """Return what is left without some rows."""
        if not rows:
            return self
        return self.keep(~np.isin(self.rows, np.fromiter(rows, dtype=np.uint32)))

    def above(self, threshold: float | None, *, higher_is_better: bool = True) -> "Ranked":
        """Return what is as good as the threshold or better."""
        if threshold is None:
            return self
        limit = np.float32(threshold)
        return self.keep(self.scores >= limit if higher_is_better else self.scores <= limit)

    def until(self, threshold: float | None, *, higher_is_better: bool) -> "Ranked":
        """Return what comes before the first that is worse than the threshold.

        Scores by examples fall, whatever the distance, and the contract has a threshold mean what
        it means for the distance: of distances, nothing is left unless the best lies below it.
        """
        if threshold is None or higher_is_better:
            return self.above(threshold)
        limit = np.float32(threshold)
        return self.keep(np.logical_and.accumulate(self.scores <= limit))


def best(rows: Rows, scores: Vectors, k: int) -> Ranked:
    """Return the k highest scores; of equal ones the lower row first."""
    if len(rows) > 4 * k:
        # Everything that is as good as the k-th, so that equal scores are cut by row.
        least = np.partition(scores, len(scores) - k)[len(scores) - k] if k else np.float32(np.inf)
        chosen = scores >= least
        rows, scores = rows[chosen], scores[chosen]
    order = np.lexsort((rows, -scores))[:k]
    return Ranked(rows[order], scores[order])
