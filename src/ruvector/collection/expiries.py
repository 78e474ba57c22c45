"""Which points of a shard have expired? The moments of those that will, and the rows that did.

What is durable never depends on the clock: a point's moment is stored with it, and it stays in the
tables and in the log's state until a sweep deletes it like any other. Whoever reads asks `lapsed`
first, and sees the state without those rows. So a point is gone at its moment exactly, whatever
the sweep does.

Invariants: a row is in `lapsed` from its moment until it is deleted; a clock that is set back
brings none back. Bitmaps that were handed out never change. Call everything with the shard's lock.
"""

from typing import Final

import numpy as np
from pyroaring import BitMap

from ruvector.collection.segment import Rows
from ruvector.index.payload.bitmaps import bitmap_of, rows_of
from ruvector.model.lifetimes import Clock, Moments

NEVER: Final = 2**63 - 1
TAIL_MIN: Final = 4096  # newer moments are compared one by one: 5 µs for so many
TAIL_SHARE: Final = 32  # they are sorted in at 1/32 of the others: 0.3 µs for each, copied
STALE_MIN: Final = 65_536  # moments of rows that were replaced take 12 bytes each until then


class Expiries:
    """Rows by the moment from which on they are gone; one owner, the shard."""

    def __init__(self) -> None:
        self._moments: Moments = np.empty(0, dtype=np.int64)  # ascending
        self._rows: Rows = np.empty(0, dtype=np.uint32)
        self._new_moments: list[Moments] = []
        self._new_rows: list[Rows] = []
        self._new = 0
        self._lapsed = BitMap()
        self.next = NEVER

    def __bool__(self) -> bool:
        return self.next != NEVER or bool(self._lapsed)

    def __len__(self) -> int:
        return len(self._moments) + self._new + len(self._lapsed)

    def add(self, rows: Rows, moments: Moments) -> None:
        """Add rows with their moments; 0 stands for a row that stays."""
        mortal = moments > 0
        rows, moments = rows[mortal], moments[mortal]
        if len(moments):
            self._new_rows.append(rows)
            self._new_moments.append(moments)
            self._new += len(moments)
            self.next = min(self.next, int(moments.min()))
            self._sort_in_if_due()

    def discard(self, dead: Rows, live: BitMap) -> None:
        """Forget rows that were deleted; `live`: those that are left."""
        if self._lapsed:
            self._lapsed = self._lapsed - bitmap_of(dead)
        if len(self._moments) + self._new > STALE_MIN + 2 * len(live):
            self._sort_in()
            held = np.isin(self._rows, rows_of(live))
            self._moments, self._rows = self._moments[held], self._rows[held]

    def lapsed(self, clock: Clock, live: BitMap) -> BitMap:
        """Return the rows of `live` whose moment has come; not to be changed."""
        if self.next != NEVER and (now := clock()) >= self.next:
            due = self._take(now) & live
            self._lapsed = self._lapsed | due
        return self._lapsed

    def _take(self, now: int) -> BitMap:
        """Take out the rows whose moment has come."""
        place = int(self._moments.searchsorted(now, side="right"))
        due = [self._rows[:place]]
        self._moments, self._rows = self._moments[place:], self._rows[place:]
        if self._new:
            moments, rows = np.concatenate(self._new_moments), np.concatenate(self._new_rows)
            is_due = moments <= now
            due.append(rows[is_due])
            moments, rows = moments[~is_due], rows[~is_due]
            self._new_moments, self._new_rows, self._new = [moments], [rows], len(moments)
        self.next = min(
            int(self._moments[0]) if len(self._moments) else NEVER,
            *(int(moments.min()) for moments in self._new_moments if len(moments)),
            NEVER,
        )
        return bitmap_of(np.concatenate(due))

    def _sort_in_if_due(self) -> None:
        if self._new > max(TAIL_MIN, len(self._moments) // TAIL_SHARE):
            self._sort_in()

    def _sort_in(self) -> None:
        moments = np.concatenate([self._moments, *self._new_moments])
        rows = np.concatenate([self._rows, *self._new_rows])
        order = np.argsort(moments, kind="stable")
        self._moments, self._rows = moments[order], rows[order]
        self._new_moments, self._new_rows, self._new = [], [], 0
