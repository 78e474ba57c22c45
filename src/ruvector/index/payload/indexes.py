"""Which payload fields of a shard are indexed?

All the indexes of one shard, owned by it and called under its lock. A new index is empty: the shard
fills it with the rows it has. Rows that are deleted need no discard: answers are masked with the
live rows.
"""

from collections.abc import Iterator, Sequence

from pyroaring import BitMap

from ruvector.index.payload.binding import bind
from ruvector.index.payload.bitmaps import Rows
from ruvector.index.payload.fields import FieldIndex, Payload, Schema
from ruvector.index.payload.planner import RowSource, plan
from ruvector.index.payload.schemas import create_field_index
from ruvector.model.filters import Filter
from ruvector.model.paths import Step, parse_path


class PayloadIndexes:
    """Field -> index, and the planner over them."""

    def __init__(self) -> None:
        self._by_field: dict[str, FieldIndex] = {}
        self._by_path: dict[tuple[Step, ...], list[FieldIndex]] = {}

    def __iter__(self) -> Iterator[FieldIndex]:
        return iter(self._by_field.values())

    def get(self, field: str) -> FieldIndex | None:
        """Return the index of a field, None if it has none."""
        return self._by_field.get(field)

    def create(self, field: str, schema: Schema) -> FieldIndex | None:
        """Create an empty index and return it to be filled with `add_many`.

        An index of another schema is replaced; one of the same schema stays, and None is returned.
        """
        held = self._by_field.get(field)
        if held is not None and held.schema == schema:
            return None
        index = create_field_index(field, schema)
        self.drop(field)
        self._by_field[field] = index
        self._by_path.setdefault(parse_path(field).steps, []).append(index)
        return index

    def adopt(self, other: "PayloadIndexes") -> None:
        """Put the indexes that were built elsewhere in place of those of the same fields."""
        for index in other:
            self.drop(index.field)
            self._by_field[index.field] = index
            self._by_path.setdefault(parse_path(index.field).steps, []).append(index)

    def drop(self, field: str) -> bool:
        """Remove a field's index; return whether there was one."""
        index = self._by_field.pop(field, None)
        if index is None:
            return False
        steps = parse_path(field).steps
        self._by_path[steps].remove(index)
        if not self._by_path[steps]:
            del self._by_path[steps]
        return True

    def schemas(self) -> dict[str, Schema]:
        """Return each field's schema as it was given."""
        return {field: index.schema for field, index in self._by_field.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Return for each field the number of rows with a value of its index's type."""
        return {field: index.points for field, index in self._by_field.items()}

    @property
    def memory_bytes(self) -> int:
        """Return about how much memory all indexes take."""
        return sum(index.memory_bytes for index in self)

    def add(self, row: int, payload: Payload) -> None:
        """Add a row that is not in the indexes."""
        for index in self:
            index.add(row, payload)

    def add_many(self, rows: Rows, payloads: Sequence[Payload]) -> None:
        """Add rows that are not in the indexes."""
        for index in self:
            index.add_many(rows, payloads)

    def discard(self, row: int, payload: Payload) -> None:
        """Remove a row that was added with this payload."""
        for index in self:
            index.discard(row, payload)

    def plan(self, filter: Filter, source: RowSource) -> BitMap:
        """Return exactly the live rows that fulfil the filter."""
        return plan(self.bind(filter), self._by_path, source)

    def bind(self, filter: Filter) -> Filter:
        """Return what a filter means, given these indexes: the words of its texts are theirs."""
        return bind(filter, self._by_path)
