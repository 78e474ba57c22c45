"""How many points have each value of a field? Counts from an index, with figures beside them.

Counts are exact in every case: they are cardinalities of the index's bitmaps. They are taken while
the shard's lock is held, because the index's bitmaps change with the next write.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ruvector.collection.collection import Collection
from ruvector.collection.segment import Rows
from ruvector.collection.view import View
from ruvector.errors import BadInput, InvalidRequest
from ruvector.index.payload.bitmaps import rows_of
from ruvector.index.payload.kinds import MatchIndex, UuidIndex
from ruvector.kernel.timing import note
from ruvector.model.filters import parse_filter
from ruvector.model.ids import id_from_key, id_key, parse_uuid
from ruvector.model.paths import parse_path
from ruvector.model.queries import check_limit
from ruvector.model.requests import Facet
from ruvector.model.results import Aggregate, FacetHit, FacetResult
from ruvector.model.shard_keys import refuse_shard_key
from ruvector.query.ordering import columns_of

MAX_SPELLINGS = 2**32  # every value of an index: a UUID may be written in several ways
AGGREGATES_MAX = 16  # fields of one facet: each is a pass over the field's numbers


class _Taken(NamedTuple):
    """What was read from the indexes: the frequent values, their rows, and numbers by field."""

    counts: list[tuple[Any, int]]
    rows: list[Rows]
    numbers: dict[str, tuple[NDArray[np.float64], Rows]]


def facet(collection: Collection, request: Facet) -> FacetResult:
    """Return the most frequent values among the points that match, and how many have each."""
    refuse_shard_key(request.shard_key)
    parse_path(request.key)
    limit = check_limit(request.limit)
    fields = tuple(dict.fromkeys(request.aggregate or ()))
    if len(fields) > AGGREGATES_MAX:
        rule = f"must have at most {AGGREGATES_MAX}"
        raise InvalidRequest.of("aggregate", f"of {len(fields)} fields", rule)
    taken: list[_Taken] = []

    def look(view: View) -> None:
        allowed = view.live if view.rows is None else view.rows
        taken.append(_take(view, request.key, allowed, limit, fields))
        note("count")

    with collection.view(parse_filter(request.filter), look):
        pass
    counts, rows, numbers = taken[-1]
    if not fields:
        return FacetResult([FacetHit(value=value, count=count) for value, count in counts])
    return FacetResult(
        [
            FacetHit(value=value, count=count, aggregates=_aggregates(held, numbers))
            for (value, count), held in zip(counts, rows, strict=True)
        ]
    )


def _take(view: View, key: str, allowed: BitMap, limit: int, fields: Sequence[str]) -> _Taken:
    index = view.field_index(key)
    if not isinstance(index, MatchIndex) or not index.matches:
        raise BadInput(
            f"No appropriate index for faceting: `{key}`. Please create one to facet on this "
            "field: keyword, integer (with lookup), uuid or bool"
        )
    among = None if allowed is view.live and not view.indexes_hold_dead else allowed
    if isinstance(index, UuidIndex):
        spellings = _by_uuid(index.facet(among, MAX_SPELLINGS))
        counts = heapq.nsmallest(limit, spellings.items(), key=lambda pair: (-pair[1], pair[0]))
    else:
        counts = index.facet(among, limit)
    numbers = {field: _numbers(view, field) for field in fields}
    rows = [_rows_with(index, value, allowed) for value, _ in counts] if fields else []
    return _Taken(counts, rows, numbers)


def _by_uuid(found: Iterable[tuple[Any, int]]) -> dict[Any, int]:
    """Return counts with one spelling for each UUID; other strings are no values of the index."""
    counts: Counter[Any] = Counter()
    for text, count in found:
        if parse_uuid(text) is not None:
            counts[id_from_key(id_key(text))] += count
    return counts


def _rows_with(index: MatchIndex, value: Any, allowed: BitMap) -> Rows:
    if isinstance(index, UuidIndex):
        texts = (text for text, _ in index.facet(allowed, MAX_SPELLINGS))
        spellings = [text for text in texts if _is_uuid(text, value)]
        held = BitMap.union(BitMap(), *map(index.with_value, spellings))
    else:
        held = index.with_value(value)
    return rows_of(held & allowed)


def _is_uuid(text: str, canonical: str) -> bool:
    return parse_uuid(text) is not None and id_from_key(id_key(text)) == canonical


def _numbers(view: View, field: str) -> tuple[NDArray[np.float64], Rows]:
    pairs = [column.pairs() for column in columns_of(view, field, "aggregate")]
    return (
        np.concatenate([values.astype(np.float64) for values, _ in pairs]),
        np.concatenate([rows for _, rows in pairs]),
    )


def _aggregates(
    held: Rows, numbers: dict[str, tuple[NDArray[np.float64], Rows]]
) -> dict[str, Aggregate]:
    """Return the figures of each field in which some of these rows have numbers."""
    found = {}
    for field, (values, rows) in numbers.items():
        last = max(int(held.max(initial=0)), int(rows.max(initial=0)))
        mask = np.zeros(last + 1, dtype=np.bool_)
        mask[held] = True
        chosen = values[mask[rows]]
        if len(chosen):
            total = float(chosen.sum())
            found[field] = Aggregate(
                count=len(chosen),
                sum=total,
                average=total / len(chosen),
                minimum=float(chosen.min()),
                maximum=float(chosen.max()),
            )
    return found
