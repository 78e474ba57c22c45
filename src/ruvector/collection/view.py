"""What does one read see? A snapshot of the store and the memory that belongs to exactly it.

Everything a View holds is immutable, so any number of reads go on while writes are applied. The
payload indexes are the exception: they change in place under the shard's lock, so the filter is
planned under it, in the same hold that takes the View. While payloads are scanned for conditions
without an index the lock is let go; the shard then takes a new View if the indexes changed in the
meantime.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec
import numpy as np
from pyroaring import BitMap

from ruvector.collection.records import PointRecord, decode_record, payload_of
from ruvector.collection.segment import Found, SearchPlan, Segment, merge_found
from ruvector.collection.slices import slice_of
from ruvector.collection.spaces import Space, find_space
from ruvector.collection.unindexed import wanted_index
from ruvector.index.payload.bitmaps import bitmap_of, rows_of
from ruvector.index.payload.fields import FieldIndex
from ruvector.kernel import join_payloads, meters
from ruvector.kernel.deadlines import check_deadline
from ruvector.model.filters import FieldCondition, Filter, matches
from ruvector.model.ids import PointId, id_key
from ruvector.model.payload_parts import payload_reader, payloads_reader
from ruvector.storage.transaction import Reader

if TYPE_CHECKING:
    from ruvector.collection.effects import Pending
    from ruvector.collection.shard import Shard

_decode_json = msgspec.json.Decoder(dict[str, Any]).decode
_SCAN_BATCH = 1024  # rows whose records are read in one call
_JOINED_BYTES_MAX = 1 << 20  # decoded in one call, which holds the interpreter: 1 ms
SIDE_ROWS_MIN = 10_000  # fewer payloads are read in 30 ms


class View:
    """The state of a shard at one moment. Call the constructor with the shard's lock held."""

    def __init__(self, shard: "Shard", reader: Reader, pending: "Pending | None" = None) -> None:
        self._shard = shard
        self._pending = pending  # changes that the reader shows and memory does not, if any
        self.reader = reader
        self.segments: tuple[Segment, ...] = shard.segments
        self.live: BitMap = shard.live
        self.lapsed = shard.lapsed()
        if self.lapsed:
            lapsed = rows_of(self.lapsed)
            self.segments = tuple(segment.without(lapsed) for segment in self.segments)
            self.live = self.live - self.lapsed
        self.spaces: Mapping[str, Space] = shard.spaces
        self.sequence = shard.applied
        self.rows: BitMap | None = None  # those that match the filter, None without one
        self._keeps_lock = False
        self._made_side = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.reader.__exit__(kind, error, trace)
        self._shard.release()

    # Points

    @property
    def vector_bytes(self) -> int:
        """Return the bytes of the vectors of all points, as they are stored."""
        return sum(
            segment.size_bytes(space)
            for segment in self.segments
            for name, space in self.spaces.items()
            if name in segment.vectors
        )

    def records(self, rows: Sequence[int]) -> list[PointRecord]:
        """Return the records of rows, in their order."""
        return [decode_record(data) for data in self.reader.points(rows) if data is not None]

    def rows_of(self, ids: Sequence[PointId]) -> list[int | None]:
        """Return the row of each id, None where there is no such point."""
        rows: list[int | None] = []
        for start in range(0, len(ids), _SCAN_BATCH):  # freeing a million keys takes a while
            keys = [id_key(point_id) for point_id in ids[start : start + _SCAN_BATCH]]
            rows += self._rows_of_keys(keys)
        if self.lapsed:
            return [None if row is None or row in self.lapsed else row for row in rows]
        return rows

    def _rows_of_keys(self, keys: list[bytes]) -> list[int | None]:
        pinned = self._shard.pinned_ids
        if pinned is None or self._pending is not None:  # which memory does not know yet
            return self.reader.rows_of(keys)
        rows = pinned.rows_of(keys, self.live)
        open_keys = [key for key, row in zip(keys, rows, strict=True) if row is None]
        if not open_keys:
            return rows
        told = iter(self.reader.rows_of(open_keys))
        return [next(told) if row is None else row for row in rows]

    def vector(self, name: str, row: int) -> Any:
        """Return the stored vector of a row, or None."""
        effect = None if self._pending is None else self._pending.find(row)
        if effect is not None:
            return effect.vector_of(self.spaces[name].key, row)
        for segment in self.segments:
            position = segment.find(row)
            if position is not None:
                return segment.vector(name, position)
        return None

    def vectors(self, row: int, names: Sequence[str]) -> dict[str, Any]:
        """Return the vectors of a row as users see them, by name, as far as it has them."""
        found = {name: self.vector(name, row) for name in names}
        if meters.is_on and (meter := meters.current()) is not None:
            meter.read_vectors(sum(map(_bytes_of, found.values())))
        return {n: self.spaces[n].shown(v) for n, v in found.items() if v is not None}

    def stored(self, name: str, rows: Sequence[int]) -> list[Any]:
        """Return the stored vectors of rows that all have one."""
        found = [vector for row in rows if (vector := self.vector(name, row)) is not None]
        assert len(found) == len(rows)  # noqa: S101 - the caller chose rows with the vector
        return found

    # Search

    def nearest(
        self,
        space: Space,
        query: Any,
        k: int,
        plan: SearchPlan,
    ) -> Found:
        """Return the best k rows and scores over all segments, best first."""
        only = plan.indexed_only
        parts = [
            segment.search(space, query, k, plan)
            for segment in self.segments
            if only is None or not segment.is_left_out(space.name, only)
        ]
        return merge_found(parts, k, space.higher_is_better)

    # Filters (RowSource of the planner)

    def plan(self, filter: Filter | None, *, keep_lock: bool) -> None:
        """Set `rows` to exactly the rows that match. Call with the lock held."""
        self._keeps_lock = keep_lock
        self.rows = None if filter is None else self.match(filter)

    def match(self, filter: Filter) -> BitMap:
        """Return exactly the rows that match, a bitmap of the caller's own; with the lock held."""
        indexes = self._shard.indexes
        unfilled = [index.field for index in indexes.unfilled(filter)]
        if unfilled and self._may_fill():
            with self._without_lock():
                self._shard.filling.fill_declared(unfilled)
        return self._shard.indexes.plan(filter, self)

    @property
    def indexes_hold_dead(self) -> bool:
        """Say whether indexes may hold rows that are dead: another process writes, or some have
        expired.
        """
        return self._shard.store.read_only or bool(self.lapsed)

    def field_index(self, key: str) -> FieldIndex | None:
        """Return the index of a payload field, or None. Use it while the lock is held."""
        indexes = self._shard.indexes
        if not indexes.is_filled(key) and self._may_fill():
            with self._without_lock():
                self._shard.filling.fill_declared((key,))
        return self._shard.indexes.get(key)

    def matching(self, filter: Filter, rows: Sequence[int]) -> BitMap:
        """Return those of these rows that exist and match, by looking at each."""
        found = BitMap()
        filter = self._shard.indexes.bind(filter)
        for row, data in zip(rows, self.reader.points(rows), strict=True):
            if data is None:
                continue
            record = decode_record(data)
            if record.expiry and record.expiry <= self._shard.clock():
                continue
            payload = _decode_json(record.payload) if record.payload else {}
            if matches(filter, payload, _Point(self, record.key, row)):
                found.add(row)
        return found

    def live_rows(self) -> BitMap:
        """Return the rows of all points; not to be changed."""
        return self.live

    def rows_of_ids(self, ids: Sequence[PointId]) -> BitMap:
        """Return the rows of those ids that exist."""
        return BitMap([row for row in self.rows_of(ids) if row is not None])

    def rows_with_vector(self, name: str) -> BitMap:
        """Return the rows of points with a vector of this name; BadInput for an unknown one."""
        find_space(self.spaces, name)
        rows = BitMap()
        for segment in self.segments:
            bits = np.unpackbits(segment.masks[name], count=len(segment), bitorder="little")
            rows |= bitmap_of(segment.rows[bits.view(bool)])
        return rows

    def rows_in_slice(self, total: int, index: int) -> BitMap:
        """Return the rows whose ids fall into a slice of the id space."""
        with self._without_lock():
            hashes = self._shard.id_hashes
            return hashes.rows_in_slice(self.live, total, index, self._keys)

    def _keys(self, rows: list[int]) -> list[bytes | None]:
        return [data and decode_record(data).key for data in self.reader.points(rows)]

    def payloads(self, rows: BitMap, names: frozenset[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (row, payload) of rows; the shard's lock is free meanwhile, unless it is kept."""
        array = rows_of(rows)
        for start in range(0, len(array), _SCAN_BATCH):
            check_deadline()
            batch = array[start : start + _SCAN_BATCH].tolist()
            with self._without_lock():
                records = self.reader.points(batch)
                held = [data for data in records if data is not None]
                if len(held) < len(batch):
                    pairs = zip(batch, records, strict=True)
                    batch = [row for row, data in pairs if data is not None]
                payloads = _payloads(held, names)
            yield from zip(batch, payloads, strict=True)

    def index_instead(self, conditions: Sequence[FieldCondition], number: int) -> bool:
        """Note the fields that are read for want of an index; make side indexes if that pays."""
        unindexed, due = self._shard.unindexed, []
        for condition in conditions:
            schema = wanted_index(condition)
            if schema is not None:
                total = unindexed.note(condition.key, schema, number)
                if total >= max(SIDE_ROWS_MIN, len(self.live) // 2):
                    due.append((condition.key, "keyword" if schema == "text" else schema))
        if not due or self._made_side or not self._may_fill():
            return False
        self._made_side = True  # what is not answered now will not be by another try
        with self._without_lock():
            made = [self._shard.filling.fill_side(field, kind) for field, kind in due]
        return any(made)

    def _may_fill(self) -> bool:
        """Return whether indexes may be filled now: not by who holds up all others meanwhile."""
        return not self._keeps_lock and self._pending is None

    @contextmanager
    def _without_lock(self) -> Iterator[None]:
        """Let the shard's lock go for what needs only the snapshot, unless it is to be kept."""
        if self._keeps_lock:
            yield
            return
        self._shard.lock.release()
        try:
            yield
        finally:
            self._shard.lock.acquire()


def _payloads(records: list[bytes], names: frozenset[str]) -> list[dict[str, Any]]:
    if sum(map(len, records)) <= _JOINED_BYTES_MAX:
        return payloads_reader(names)(join_payloads(records))
    read = payload_reader(names)
    return [read(payload_of(data)) for data in records]


def _bytes_of(vector: Any) -> int:
    """Return the bytes of a stored vector, 0 for none."""
    if isinstance(vector, np.ndarray):
        return vector.nbytes
    return 0 if vector is None else int(vector.indices.nbytes + vector.values.nbytes)


class _Point:
    """What a filter may ask of a point beside its payload."""

    __slots__ = ("_key", "_row", "_view")

    def __init__(self, view: View, key: bytes, row: int) -> None:
        self._view, self._key, self._row = view, key, row

    def has_id(self, ids: tuple[PointId, ...]) -> bool:
        return any(id_key(point_id) == self._key for point_id in ids)

    def has_vector(self, name: str) -> bool:
        return self._view.vector(name, self._row) is not None

    def in_slice(self, total: int, index: int) -> bool:
        return slice_of(self._key, total) == index
