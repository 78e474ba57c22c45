"""How well does each point fit a text query? BM25 scores of a text index, taken with the view.

The statistics are those of all points with words in the field, whatever the filter leaves.
"""

import numpy as np
from pyroaring import BitMap

from ruvector.collection.segment import Rows
from ruvector.collection.view import View
from ruvector.errors import BadInput
from ruvector.index.payload.bitmaps import rows_of
from ruvector.index.payload.text import TextIndex
from ruvector.model.points import Vectors
from ruvector.model.queries import TextQuery
from ruvector.query.ranked import Ranked, best

Scores = tuple[Rows, Vectors]
"""Rows that hold a word of the query, ascending, and their scores."""


def take_scores(view: View, query: TextQuery, field: str | None) -> Scores:
    """Return the scores of all rows. Call while the lock of the view's shard is held."""
    if field is None:
        raise BadInput("a text query needs `using` to name the payload field to search")
    index = view.field_index(field)
    if not isinstance(index, TextIndex) or index.ranking is None:
        raise BadInput(
            f"a text query needs a text index with `scoring` on `{field[:100]}`: create one with "
            '{"type": "text", "scoring": true}'
        )
    words = index.rules.analyzer.query(query.text)
    return index.ranking.scores(words, query.k, query.b, without=rows_of(view.lapsed))


def rank_texts(scores: Scores, allowed: BitMap, threshold: float | None, k: int) -> Ranked:
    """Return the best k rows that are allowed and score above the threshold."""
    rows, values = scores
    chosen = np.isin(rows, rows_of(allowed), assume_unique=True, kind="sort")
    if threshold is not None:
        chosen &= values > np.float32(threshold)
    return best(rows[chosen], values[chosen], k)
