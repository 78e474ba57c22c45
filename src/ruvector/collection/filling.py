"""How is a payload index filled while reads and writes go on?

From the payloads of a snapshot, without the shard's lock. What was written meanwhile is then caught
up with: the rows that changed since the snapshot are looked up in it and in a newer one, and
exchanged. That is repeated until few are left, which is done under the lock, together with putting
the index in its place.

One thread fills at a time; others that want an index wait for it and look again. Never called by
the committer thread, which alone moves the shard forward.
"""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from pyroaring import BitMap

from ruvector.collection.records import payload_of
from ruvector.index.payload import FieldIndex, create_field_index
from ruvector.index.payload.bitmaps import add_rows, rows_of
from ruvector.index.payload.indexes import SIDE_BYTES_MAX
from ruvector.kernel.deadlines import working_for
from ruvector.model.paths import parse_path
from ruvector.model.payload_parts import ReadPayload, payload_reader

if TYPE_CHECKING:
    from ruvector.collection.effects import Effect
    from ruvector.collection.shard import Shard
    from ruvector.collection.view import View

BATCH: Final = 16_384
"""Rows whose payloads are read in one go: large, so that a value's rows are added together."""

LOCKED_ROWS_MAX: Final = 256
"""Rows that are exchanged under the lock: 2 ms."""

ROUNDS_MAX: Final = 8
"""Rounds of catching up before the rest is done under the lock, however much it is."""


class Filling:
    """The filling of one shard's indexes."""

    def __init__(self, shard: "Shard") -> None:
        self._shard = shard
        self._one = threading.Lock()
        self._changed: BitMap | None = None  # rows written since the snapshot, while one is used

    def note(self, effect: "Effect") -> None:
        """Remember which rows an entry changes. Call with the shard's lock."""
        if self._changed is not None:
            self._changed.add_range(effect.first_row, effect.first_row + effect.count)
            for rows in (effect.dead, effect.changed):
                add_rows(self._changed, np.asarray(rows))

    def fill_declared(self, fields: Sequence[str]) -> None:
        """Fill the declared indexes of these fields. Call without the shard's lock."""
        shard = self._shard
        with self._one, working_for(None):  # all who wait for it would begin anew
            for field in fields:
                with shard.lock:
                    schema = shard.indexes.schemas().get(field)
                    if schema is None or shard.indexes.is_filled(field):
                        continue
                self._fill(create_field_index(field, schema), is_side=False)

    def fill_side(self, field: str, kind: str) -> bool:
        """Make a side index; False where it would be too large. Call without the lock."""
        with self._one, working_for(None):
            with self._shard.lock:
                if self._shard.indexes.has_side(field, kind):
                    return True
            return self._fill(create_field_index(field, kind), is_side=True)

    def _fill(self, index: FieldIndex, *, is_side: bool) -> bool:
        shard = self._shard
        read = payload_reader(frozenset((str(parse_path(index.field).steps[0]),)))
        with shard.lock:
            view = shard.take_view()
            if shard.store.read_only:
                # Its indexes follow another process's log, which does not tell old payloads.
                with view:
                    return _add_all(index, view, read, is_side) and self._adopt(index, is_side)
            self._changed = BitMap()
        try:
            if not _add_all(index, view, read, is_side):
                return False
            for attempt in range(ROUNDS_MAX + 1):
                with shard.lock:
                    newer = shard.take_view()
                    changed, self._changed = self._changed, BitMap()
                    is_last = len(changed) <= LOCKED_ROWS_MAX or attempt == ROUNDS_MAX
                    if is_last:
                        with newer:
                            _exchange(index, changed, view, newer, read)
                            return self._adopt(index, is_side)
                try:
                    _exchange(index, changed, view, newer, read)
                except BaseException:
                    newer.__exit__(None, None, None)
                    raise
                view.__exit__(None, None, None)
                view = newer
            raise AssertionError("the last round returns")
        finally:
            with shard.lock:
                self._changed = None
            view.__exit__(None, None, None)

    def _adopt(self, index: FieldIndex, is_side: bool) -> bool:
        if is_side:
            return self._shard.indexes.adopt_side(index)
        self._shard.indexes.adopt(index)
        return True


def _add_all(index: FieldIndex, view: "View", read: ReadPayload, is_side: bool) -> bool:
    """Add all points of a snapshot; False where a side index grows too large."""
    rows = rows_of(view.live)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        records = view.reader.points(batch.tolist())
        index.add_many(batch, [read(payload_of(data)) for data in records if data is not None])
        is_checked = start // BATCH % 8 == 7
        if is_side and is_checked and index.memory_bytes > SIDE_BYTES_MAX:
            return False
    return True


def _exchange(
    index: FieldIndex, changed: BitMap, old: "View", new: "View", read: ReadPayload
) -> None:
    """Take changed rows out as the older snapshot has them, and in as the newer one does."""
    rows = rows_of(changed).tolist()
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        pairs = zip(batch, old.reader.points(batch), new.reader.points(batch), strict=True)
        for row, before, after in pairs:
            if before is not None and row in old.live:
                index.discard(row, read(payload_of(before)))
            if after is not None and row in new.live:
                index.add(row, read(payload_of(after)))
