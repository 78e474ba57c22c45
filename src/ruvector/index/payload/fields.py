"""What does an index know of one payload field?

Every index keeps three bitmaps (rows that hold something, rows that hold a null, rows with a value
of the index's own type) and leaves the values to its kind. It answers a condition only when the
answer is exact whatever else the payloads hold; otherwise it returns None and the payloads are
looked at.

Owned by one shard and called under its lock. Rows and payloads only: no ids, no files.
A row is added once; to change its payload, discard it with the old one and add it with the new one.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from pyroaring import BitMap

from ruvector.index.payload.bitmaps import Bounds, Rows, add_rows, bitmap_bytes
from ruvector.model.filters import (
    Condition,
    Filter,
    IsEmpty,
    IsNull,
    Nested,
    holds_null,
    is_blank,
)
from ruvector.model.paths import expand, key_inside, parse_path, resolve

Payload = dict[str, Any]
Schema = str | dict[str, Any]


class FieldIndex(Protocol):
    """An index over one field, of whatever kind."""

    field: str
    schema: Schema

    @property
    def points(self) -> int:
        """Return the number of rows with a value of the index's type."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Return about how much memory the index takes."""
        ...

    def add(self, row: int, payload: Payload) -> None:
        """Add a row that is not in the index."""
        ...

    def add_many(self, rows: Rows, payloads: Sequence[Payload]) -> None:
        """Add rows that are not in the index."""
        ...

    def discard(self, row: int, payload: Payload) -> None:
        """Remove a row that was added with this payload."""
        ...

    def rows(self, condition: Condition) -> BitMap | None:
        """Return exactly the added rows that fulfil the condition, None if the index can't tell.

        The bitmap is not to be changed. Conditions that rows without the field fulfil (`is_empty`,
        "no null") are told by their opposite only, because the index never saw such rows.
        """
        ...

    def bounds(self, condition: Condition) -> Bounds | None:
        """Return rows that certainly and rows that possibly fulfil it, for what `rows` can't tell.

        None if the index knows nothing of it.
        """
        ...

    def estimate(self, condition: Condition) -> int | None:
        """Return about how many rows `bounds` leaves, cheaply; None if it would be None."""
        ...

    def meaning(self, condition: Condition, *, is_inside: bool) -> Condition:
        """Return what a condition on the field means, given this index: mostly itself.

        `is_inside`: it stands in a nested filter, and its key continues that of the array.
        """
        ...


class ValueIndex(ABC):
    """The part that all kinds share; a kind adds the values of its types and answers for them."""

    types: ClassVar[tuple[type, ...]]
    """Types whose bare values take the bulk route."""

    def __init__(self, field: str, schema: Schema) -> None:
        self.field = field
        self.schema = schema
        self._path = parse_path(field)
        self._nested: str | None = schema.get("nested") if isinstance(schema, dict) else None
        """The array whose objects are entries of their own."""
        self._inner = "" if self._nested is None else key_inside(field, self._nested)
        self._filled = BitMap()
        self._nulls = BitMap()
        self._indexed = BitMap()

    @property
    def points(self) -> int:
        """Return the number of rows with a value of the index's type."""
        return len(self._indexed)

    @property
    def memory_bytes(self) -> int:
        """Return about how much memory the index takes."""
        shared = (self._filled, self._nulls, self._indexed)
        return self._values_bytes() + sum(map(bitmap_bytes, shared))

    def add(self, row: int, payload: Payload) -> None:
        """Add a row that is not in the index."""
        found = resolve(payload, self._path)
        if not found:
            return
        if not all(map(is_blank, found)):
            self._filled.add(row)
        if any(map(holds_null, found)):
            self._nulls.add(row)
        if self._add_values(row, expand(found)):
            self._indexed.add(row)

    def add_many(self, rows: Rows, payloads: Sequence[Payload]) -> None:
        """Add rows that are not in the index; bare values of a single name go in bulk."""
        name = self._path.name
        if name is None:
            for row, payload in zip(rows.tolist(), payloads, strict=True):
                self.add(row, payload)
            return
        groups: dict[type, tuple[list[int], list[Any]]] = {kind: ([], []) for kind in self.types}
        for row, payload in zip(rows.tolist(), payloads, strict=True):
            value = payload.get(name)
            group = groups.get(value.__class__)
            if group is not None:
                group[0].append(row)
                group[1].append(value)
            elif value is not None or name in payload:
                self.add(row, payload)
        for numbers, values in groups.values():
            if values:
                bare = np.array(numbers, dtype=np.uint32)
                add_rows(self._filled, bare)
                add_rows(self._indexed, self._add_bare(bare, values))

    def discard(self, row: int, payload: Payload) -> None:
        """Remove a row that was added with this payload."""
        self._filled.discard(row)
        self._nulls.discard(row)
        self._indexed.discard(row)
        found = resolve(payload, self._path)
        if found:
            self._discard_values(row, expand(found))

    def rows(self, condition: Condition) -> BitMap | None:
        """Return exactly the added rows that fulfil the condition, None if the index can't tell."""
        if isinstance(condition, IsEmpty):
            return None if condition.wanted else self._filled
        if isinstance(condition, IsNull):
            return self._nulls if condition.wanted else None
        return self._rows_of_values(condition)

    def bounds(self, condition: Condition) -> Bounds | None:
        """Return rows that certainly and rows that possibly fulfil it, None if it can't tell."""
        rows = self.rows(condition)
        return None if rows is None else Bounds(rows, rows)

    def estimate(self, condition: Condition) -> int | None:
        """Return about how many rows `bounds` leaves, cheaply; None if it would be None."""
        if isinstance(condition, IsEmpty | IsNull):
            rows = self.rows(condition)
            return None if rows is None else len(rows)
        return self._estimate_values(condition)

    def meaning(self, condition: Condition, *, is_inside: bool) -> Condition:
        """Return what a condition on the field means, given this index: mostly itself.

        `is_empty` on a field of an array's objects is true of a point when it is of one of them.
        """
        if self._nested is None or is_inside or not isinstance(condition, IsEmpty):
            return condition
        element = Nested(self._nested, Filter(must=(IsEmpty(self._inner),)))
        return Filter(must=(element,)) if condition.wanted else Filter(must_not=(element,))

    @abstractmethod
    def _add_values(self, row: int, values: list[Any]) -> bool:
        """Add a row's values; return whether any is of the index's type."""

    @abstractmethod
    def _add_bare(self, rows: Rows, values: list[Any]) -> Rows:
        """Add rows with one value each, all of one of `types`; return those that were indexed."""

    @abstractmethod
    def _discard_values(self, row: int, values: list[Any]) -> None:
        """Remove a row's values."""

    @abstractmethod
    def _rows_of_values(self, condition: Condition) -> BitMap | None:
        """Return the rows whose values fulfil a condition, None if the index can't tell."""

    @abstractmethod
    def _estimate_values(self, condition: Condition) -> int | None:
        """Return about how many rows those are."""

    @abstractmethod
    def _values_bytes(self) -> int:
        """Return about how much memory the values take."""
