"""What does a write change in memory once it is durable?

An `Effect` is made while a write is prepared and applied after its commit. In between, later writes
of the same group must see it although memory does not show it yet: that is what `Pending` answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ruvector.collection.growing import Columns
from ruvector.collection.segment import Rows
from ruvector.model.lifetimes import Moments

JsonObject = dict[str, Any]


@dataclass(slots=True)
class Effect:
    """One log entry's change of memory. Rows of `dead` are ascending."""

    sequence: int
    first_row: int = 0
    count: int = 0
    columns: Columns = field(default_factory=dict)
    keys: Sequence[bytes] = ()  # of the new rows' ids
    payloads: list[bytes | None] | None = None  # of the new rows
    expiries: Moments | None = None  # of the new rows, 0 for never
    log_bytes: int = 0
    dead: Rows = field(default_factory=lambda: np.empty(0, dtype=np.uint32))
    dead_payloads: list[bytes] = field(default_factory=list)  # of `dead`, where fields are indexed
    changed: Rows = field(default_factory=lambda: np.empty(0, dtype=np.uint32))
    old_payloads: list[bytes] = field(default_factory=list)
    new_payloads: list[bytes | None] = field(default_factory=list)
    schema: tuple[str, str | JsonObject | None] | None = None

    @property
    def largest_payload(self) -> int:
        """Return the bytes of the largest payload that was written."""
        return max(map(len, filter(None, [*(self.payloads or ()), *self.new_payloads])), default=0)

    def vector_of(self, key: str, row: int) -> Any:
        """Return the vector of one of the new rows, or None; `key`: of its space."""
        vectors, positions = self.columns.get(key, (None, None))
        if vectors is None:
            return None
        position = row - self.first_row
        if positions is None:
            return vectors[position]
        found = int(np.searchsorted(positions, position))
        if found < len(positions) and positions[found] == position:
            return vectors[found]
        return None


class Pending:
    """Effects that are prepared but not applied. Owned by the committer thread."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []

    def begin(self, last_sequence: int) -> None:
        """Forget effects of a group whose commit failed: their numbers are given out again."""
        self.effects = [e for e in self.effects if e.sequence <= last_sequence]

    def add(self, effect: Effect) -> None:
        """Remember an effect until it is applied."""
        self.effects.append(effect)

    def applied(self, sequence: int) -> None:
        """Forget effects up to this sequence: memory shows them."""
        self.effects = [e for e in self.effects if e.sequence > sequence]

    def rollback(self, count: int) -> None:
        """Forget what one request added beyond the first `count` effects."""
        del self.effects[count:]

    def find(self, row: int) -> Effect | None:
        """Return the effect that brought this row, or None where memory has it."""
        for effect in self.effects:
            if effect.first_row <= row < effect.first_row + effect.count:
                return effect
        return None

    def touched(self) -> set[int]:
        """Return rows whose membership in any answer memory does not know."""
        rows: set[int] = set()
        for effect in self.effects:
            rows.update(range(effect.first_row, effect.first_row + effect.count))
            rows.update(effect.dead.tolist())
            rows.update(effect.changed.tolist())
        return rows
