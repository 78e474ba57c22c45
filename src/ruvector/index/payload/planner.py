"""Which live rows fulfil a filter, with as few payloads read as possible?

Every part of a filter is answered with two bitmaps: rows that certainly fulfil it and rows that
possibly do. An index gives the same bitmap twice; a condition without an index gives none and all.
Clauses combine both sides (and, or, not swaps them), and in the end only the payloads of the rows
in between are read and tried. The result never depends on which indexes exist.

Bitmaps of indexes are shared: nothing here changes one in place that it did not make.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, Protocol

from pyroaring import BitMap

from ruvector.index.payload.binding import Fields
from ruvector.index.payload.bitmaps import Bounds, at_least, bitmap_bytes
from ruvector.kernel import meters
from ruvector.model.filter_fields import Steps, array_steps, field_names
from ruvector.model.filters import (
    Check,
    Condition,
    FieldCondition,
    Filter,
    HasId,
    HasVector,
    IsEmpty,
    IsNull,
    MinShould,
    Nested,
    Slice,
    ValuesCount,
    compile_filter,
)
from ruvector.model.paths import parse_path


class RowSource(Protocol):
    """What a shard tells of its rows beyond the indexes."""

    def live_rows(self) -> BitMap:
        """Return the rows that are not deleted; not to be changed."""
        ...

    def rows_of_ids(self, ids: Sequence[int | str]) -> BitMap:
        """Return the rows of those ids that exist."""
        ...

    def rows_with_vector(self, name: str) -> BitMap:
        """Return the rows that have the vector; BadInput for an unknown name."""
        ...

    def rows_in_slice(self, total: int, index: int) -> BitMap:
        """Return the rows whose ids fall into a slice of the id space."""
        ...

    def payloads(self, rows: BitMap, names: frozenset[str]) -> Iterable[tuple[int, dict[str, Any]]]:
        """Return each row with its payload's fields of these names, or with more of them."""
        ...

    def index_instead(self, conditions: Sequence[FieldCondition], number: int) -> bool:
        """Hear that `number` payloads must be read for want of indexes that answer these.

        Return whether indexes were made, so that planning again will find them.
        """
        ...


def plan(filter: Filter, fields: Fields, source: RowSource) -> BitMap:
    """Return exactly the live rows that fulfil the filter, as a bitmap of the caller's own."""
    return _Plan(fields, source).run(filter)


class _Plan:
    """One filter's planning; remembers the exact answers for the rows that must be read."""

    def __init__(self, fields: Fields, source: RowSource) -> None:
        self.fields = fields
        self.source = source
        self.live = source.live_rows()
        self.exact: dict[int, BitMap] = {}
        self.unanswered: list[FieldCondition] = []

    def run(self, filter: Filter) -> BitMap:
        bounds = self.filter(filter)
        result: BitMap = bounds.certain & self.live
        if bounds.exact:
            return result
        open_rows = (bounds.possible & self.live) - result
        if open_rows:
            if self.unanswered and self.source.index_instead(self.unanswered, len(open_rows)):
                return _Plan(self.fields, self.source).run(filter)
            check, names = compile_filter(filter, self.leaf), field_names(filter)
            payloads = self.source.payloads(open_rows, names)
            found = [row for row, payload in payloads if check(payload, row)]
            result |= BitMap(found)
        return result

    def leaf(self, condition: Condition) -> Check | None:
        """Return the check of a condition whose rows are known: is the row among them?"""
        rows = self.exact.get(id(condition))
        return None if rows is None else lambda _payload, row: row in rows

    def bounds(self, condition: Condition) -> Bounds:
        if isinstance(condition, Filter):
            return self.filter(condition)
        if isinstance(condition, Nested):
            return Bounds(BitMap(), self.around(condition.filter, array_steps(condition.key)))
        bounds = self.known(condition)
        if bounds is None:
            if isinstance(condition, FieldCondition):
                self.unanswered.append(condition)
            return Bounds(BitMap(), self.live)
        if bounds.exact:
            self.exact[id(condition)] = bounds.certain
        return bounds

    def known(self, condition: Condition) -> Bounds | None:
        """Return the rows of a simple condition, None if only payloads can tell."""
        if isinstance(condition, HasId | HasVector | Slice):
            rows = _POINT_CONDITIONS[type(condition)](self.source, condition)
            return Bounds(rows, rows)
        if isinstance(condition, Nested | Filter):
            return None
        # What rows without the field fulfil, an index tells by the opposite.
        if isinstance(condition, IsEmpty) and condition.wanted:
            return self.complement(IsEmpty(condition.key, False))
        if isinstance(condition, IsNull) and not condition.wanted:
            return self.complement(IsNull(condition.key, True))
        return self.indexed(parse_path(condition.key).steps, condition)

    def indexed(self, steps: Steps, condition: Condition) -> Bounds | None:
        for index in self.fields.get(steps, ()):
            bounds = index.bounds(condition)
            if bounds is not None:
                if meters.is_on and (meter := meters.current()) is not None:
                    own = (bounds.certain,) if bounds.exact else bounds
                    meter.index_read += sum(map(bitmap_bytes, own))
                return bounds
        return None

    def around(self, filter: Filter, outer: Steps) -> BitMap:
        """Return the rows that can have an element which fulfils a nested filter.

        What is true of one element's value is true of one of all the elements' values; that is
        said of conditions which a value makes true, not of those which the lack of one does.
        """
        possible = self.live
        for condition in filter.must:
            if isinstance(condition, Nested):
                steps = array_steps(condition.key, outer)
                possible = possible & self.around(condition.filter, steps)
            elif isinstance(condition, FieldCondition) and not _is_of_lack(condition):
                bounds = self.indexed(outer + parse_path(condition.key).steps, condition)
                if bounds is not None:
                    possible = possible & bounds.possible
        return possible

    def complement(self, condition: Condition) -> Bounds | None:
        bounds = self.known(condition)
        return None if bounds is None else self.opposite(bounds)

    def estimate(self, condition: Condition) -> int:
        """Return about how many rows a condition leaves; all where nothing is known."""
        if isinstance(condition, HasId):
            return len(condition.ids)
        if isinstance(condition, Filter | HasVector | Slice | Nested):
            return len(self.live)
        for index in self.fields.get(parse_path(condition.key).steps, ()):
            number = index.estimate(condition)
            if number is not None:
                return number
        return len(self.live)

    def filter(self, filter: Filter) -> Bounds:
        bounds = Bounds(self.live, self.live)
        must = filter.must
        if len(must) > 1:
            must = tuple(sorted(must, key=self.estimate))
        for part in self.clauses(filter, must):
            bounds = _both(bounds, part())
            if not bounds.possible:
                # No row is left to read, so the remaining conditions need no answer.
                return Bounds(bounds.possible, bounds.possible)
        return bounds

    def clauses(
        self, filter: Filter, must: tuple[Condition, ...]
    ) -> Iterable[Callable[[], Bounds]]:
        """Return the parts that must all hold, as calls, so that an empty answer ends the work."""
        for condition in must:
            yield partial(self.bounds, condition)
        if filter.should:
            yield lambda: self.any_of(filter.should)
        if filter.must_not:
            yield lambda: self.opposite(self.any_of(filter.must_not))
        minimum = filter.min_should
        if minimum is not None:
            yield lambda: self.some_of(minimum)

    def any_of(self, conditions: tuple[Condition, ...]) -> Bounds:
        parts = [self.bounds(condition) for condition in conditions]
        certain = BitMap.union(*(part.certain for part in parts))
        if all(part.exact for part in parts):
            return Bounds(certain, certain)
        return Bounds(certain, BitMap.union(*(part.possible for part in parts)))

    def opposite(self, bounds: Bounds) -> Bounds:
        certain = self.live - bounds.possible
        return Bounds(certain, certain if bounds.exact else self.live - bounds.certain)

    def some_of(self, clause: MinShould) -> Bounds:
        if clause.min_count > len(clause.conditions):
            none = BitMap()
            return Bounds(none, none)
        parts = [self.bounds(condition) for condition in clause.conditions]
        certain = at_least(clause.min_count, [part.certain for part in parts])
        if all(part.exact for part in parts):
            return Bounds(certain, certain)
        return Bounds(certain, at_least(clause.min_count, [part.possible for part in parts]))


_POINT_CONDITIONS: Final[dict[type, Callable[[RowSource, Any], BitMap]]] = {
    HasId: lambda source, condition: source.rows_of_ids(condition.ids),
    HasVector: lambda source, condition: source.rows_with_vector(condition.name),
    Slice: lambda source, condition: source.rows_in_slice(condition.total, condition.index),
}


def _is_of_lack(condition: FieldCondition) -> bool:
    """Return whether an element without a value can fulfil a condition."""
    if isinstance(condition, IsEmpty):
        return condition.wanted
    if isinstance(condition, IsNull):
        return not condition.wanted
    return isinstance(condition, ValuesCount)


def _both(one: Bounds, other: Bounds) -> Bounds:
    possible = one.possible & other.possible
    if one.exact and other.exact:
        return Bounds(possible, possible)
    return Bounds(one.certain & other.certain, possible)
