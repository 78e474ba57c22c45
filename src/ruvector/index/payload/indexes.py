"""Which payload fields of a shard are indexed?

All the indexes of one shard, owned by it and called under its lock. Rows that are deleted need no
discard: answers are masked with the live rows.

An index is *declared* before it is filled: conditions already mean what it says, but it answers
nothing until `adopt` puts the filled one in its place. An index that is to be held cold stays so
until somebody asks for its field, and becomes so again when memory is wanted.
Beside those that were asked for stand *side indexes*, which the shard makes for fields that filters
read again and again. They answer like others, are never shown, and go first: the least recently
used when they take more than SIDE_BYTES_MAX together, and those that nobody used for long.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pyroaring import BitMap

from ruvector.index.payload.binding import bind
from ruvector.index.payload.bitmaps import Rows
from ruvector.index.payload.fields import FieldIndex, Payload, Schema
from ruvector.index.payload.kinds import MatchIndex
from ruvector.index.payload.planner import RowSource, plan
from ruvector.index.payload.schemas import create_field_index, is_cold
from ruvector.model.filter_fields import Steps, field_paths
from ruvector.model.filters import Filter
from ruvector.model.paths import parse_path

SIDE_BYTES_MAX: Final = 256 * 2**20
"""Memory of the side and the cold indexes of one shard."""

SIDE_INDEXES_MAX: Final = 16
"""Each one makes a write dearer by about 1 µs a point."""

IDLE_ROWS_MAX: Final = 200_000
"""A side index that was not asked for so many added rows has cost more than it gives."""


class PayloadIndexes:
    """Field -> index, and the planner over them."""

    def __init__(self) -> None:
        self._by_field: dict[str, FieldIndex] = {}
        self._unfilled: set[str] = set()
        self._spare: dict[tuple[Steps, str], FieldIndex] = {}
        """Side indexes by path and type, and filled cold ones; the least recently used first."""
        self._idle: dict[tuple[Steps, str], int] = {}
        self._by_path: dict[Steps, list[FieldIndex]] = {}
        """The indexes that can answer."""
        self._declared: dict[Steps, list[FieldIndex]] = {}
        """Those that were asked for, filled or not: they say what conditions mean."""

    def __iter__(self) -> Iterator[FieldIndex]:
        for indexes in self._by_path.values():
            yield from indexes

    def __bool__(self) -> bool:
        return bool(self._by_path)

    def get(self, field: str) -> FieldIndex | None:
        """Return the index of a field, None if it has none, or one that is not filled."""
        return None if field in self._unfilled else self._by_field.get(field)

    def create(self, field: str, schema: Schema) -> FieldIndex | None:
        """Create an empty index and return it to be filled with `add_many`.

        An index of another schema is replaced; one of the same schema stays, and None is returned.
        """
        if not self.declare(field, schema):
            return None
        index = self._by_field[field]
        self.adopt(index)
        return index

    def declare(self, field: str, schema: Schema) -> bool:
        """Register an index that is filled later; False where one of this schema is there."""
        held = self._by_field.get(field)
        if held is not None and held.schema == schema:
            return False
        index = create_field_index(field, schema)
        self.drop(field)
        self._by_field[field] = index
        self._unfilled.add(field)
        self._set_paths()
        return True

    def adopt(self, index: FieldIndex) -> None:
        """Put a filled index in place of the declared one of its field, if it still is."""
        declared = self._by_field.get(index.field)
        if declared is None or declared.schema != index.schema:
            return
        self._by_field[index.field] = index
        self._unfilled.discard(index.field)
        if is_cold(index.schema):
            self._keep_spare(index)
        self._set_paths()

    def adopt_side(self, index: FieldIndex) -> bool:
        """Take in a filled side index; False where it is too large to be kept."""
        if index.memory_bytes > SIDE_BYTES_MAX:
            return False
        self._keep_spare(index)
        self._set_paths()
        return True

    def drop(self, field: str) -> bool:
        """Remove a field's index; return whether there was one."""
        index = self._by_field.pop(field, None)
        if index is None:
            return False
        self._unfilled.discard(field)
        self._spare = {key: spare for key, spare in self._spare.items() if spare is not index}
        self._set_paths()
        return True

    def drop_spare(self) -> None:
        """Empty all cold indexes and forget the side ones."""
        for key in list(self._spare):
            self._release(key)
        self._set_paths()

    def unfilled(self, filter: Filter | None = None) -> list[FieldIndex]:
        """Return the declared indexes that a filter could use (None: that need not stay cold)."""
        if not self._unfilled:
            return []
        if filter is None:
            return [
                self._by_field[field]
                for field in self._unfilled
                if not is_cold(self._by_field[field].schema)
            ]
        paths = field_paths(filter)
        return [
            self._by_field[field] for field in self._unfilled if parse_path(field).steps in paths
        ]

    def has_side(self, field: str, kind: str) -> bool:
        """Return whether a side index of this type is there."""
        return (parse_path(field).steps, kind) in self._spare

    def schemas(self) -> dict[str, Schema]:
        """Return each field's schema as it was given."""
        return {field: index.schema for field, index in self._by_field.items()}

    def block_fields(self) -> tuple[str, ...]:
        """Return the fields whose values may have graphs of their own: those matched by value.

        `enable_hnsw: false` in a schema leaves its field out.
        """
        return tuple(
            sorted(
                field
                for field, index in self._by_field.items()
                if isinstance(index, MatchIndex) and index.matches and _allows_graphs(index.schema)
            )
        )

    def frequent_values(self, field: str, least: int) -> Iterator[tuple[Any, BitMap]]:
        """Yield the values of a field that at least so many rows hold, with those rows.

        Nothing for a field without a filled index of values. The bitmaps are not to be changed.
        """
        index = self.get(field)
        if isinstance(index, MatchIndex):
            yield from index.frequent_values(least)

    def is_filled(self, field: str) -> bool:
        """Return whether a field's index can answer."""
        return field not in self._unfilled

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
        self._note_idle(len(rows))
        for index in self:
            index.add_many(rows, payloads)

    def discard(self, row: int, payload: Payload) -> None:
        """Remove a row that was added with this payload."""
        for index in self:
            index.discard(row, payload)

    def plan(self, filter: Filter, source: RowSource) -> BitMap:
        """Return exactly the live rows that fulfil the filter."""
        if self._spare:
            self._note_use(field_paths(filter))
        return plan(self.bind(filter), self._by_path, source)

    def bind(self, filter: Filter) -> Filter:
        """Return what a filter means, given these indexes: the words of its texts are theirs."""
        return bind(filter, self._declared)

    def _set_paths(self) -> None:
        # Emptied and filled in place: the planner may be holding them.
        self._by_path.clear()
        self._declared.clear()
        for field, index in self._by_field.items():
            steps = parse_path(field).steps
            self._declared.setdefault(steps, []).append(index)
            if field not in self._unfilled:
                self._by_path.setdefault(steps, []).append(index)
        for key, index in self._spare.items():
            held = self._by_path.setdefault(key[0], [])
            if index not in held:
                held.append(index)

    # Spare indexes

    def _keep_spare(self, index: FieldIndex) -> None:
        key = (parse_path(index.field).steps, str(index.schema))
        self._spare.pop(key, None)
        self._spare[key] = index
        self._idle[key] = 0
        sizes = {key: index.memory_bytes for key, index in self._spare.items()}
        for other in list(self._spare):
            if other == key or (
                sum(sizes.values()) <= SIDE_BYTES_MAX and len(sizes) <= SIDE_INDEXES_MAX
            ):
                break
            del sizes[other]
            self._release(other)

    def _release(self, key: tuple[Steps, str]) -> None:
        """Forget a side index, or empty a cold one."""
        index = self._spare.pop(key)
        del self._idle[key]
        if self._by_field.get(index.field) is index:
            self._by_field[index.field] = create_field_index(index.field, index.schema)
            self._unfilled.add(index.field)

    def _note_use(self, paths: set[Steps]) -> None:
        for key in [key for key in self._spare if key[0] in paths]:
            self._spare[key] = self._spare.pop(key)
            self._idle[key] = 0

    def _note_idle(self, rows: int) -> None:
        for key in list(self._spare):
            self._idle[key] += rows
            if self._idle[key] > IDLE_ROWS_MAX:
                self._release(key)
                self._set_paths()


def _allows_graphs(schema: Schema) -> bool:
    return isinstance(schema, str) or schema.get("enable_hnsw") is not False
