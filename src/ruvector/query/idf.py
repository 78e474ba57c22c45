"""How rare is each index of a sparse query among the points that have the vector?

With the modifier `idf` a query's values are multiplied by ln((n - df + 0.5) / (df + 0.5) + 1), n
points with the vector, df of them with the index. They are counted when the query is asked, over
all living points or, with `params.idf` {"corpus": filter}, over those that match.
"""

from typing import Any

import msgspec
import numpy as np
from pyroaring import BitMap

from ruvector.collection.spaces import Space
from ruvector.collection.sparse import SparseSpace, idf_weights
from ruvector.collection.view import View
from ruvector.errors import BadInput
from ruvector.index.payload.bitmaps import rows_of
from ruvector.model.filters import Filter, parse_filter
from ruvector.model.requests import SearchParams


def corpus_of(space: Space, params: SearchParams) -> Filter | None:
    """Return the filter of `params.idf`, None for all points; BadInput where it has no meaning."""
    idf = params.idf
    if idf is None:
        return None
    if not isinstance(space, SparseSpace) or not space.idf:
        raise BadInput(
            f"params.idf needs a sparse vector with the modifier idf, not {space.name!r}"
        )
    if idf == "global":
        return None
    if not isinstance(idf, dict) or set(idf) != {"corpus"}:
        raise BadInput('params.idf must be "global" or {"corpus": filter}')
    return parse_filter(idf["corpus"])


def weighted(view: View, space: Space, query: Any, corpus: BitMap | None) -> Any:
    """Return the query with its values multiplied, where the space has the modifier."""
    if not isinstance(space, SparseSpace) or not space.idf:
        return query
    rows = None if corpus is None else rows_of(corpus)
    points, counts = 0, np.zeros(len(query.indices), dtype=np.uint64)
    for segment in view.segments:
        mask, count = segment.chosen(space, rows)
        if count:
            points += count
            column: Any = segment.vectors[space.name]
            index = segment.graphs.get(space.name)
            counts += space.counts(column, index, query.indices, mask)
    return msgspec.structs.replace(query, values=query.values * idf_weights(counts, points))
