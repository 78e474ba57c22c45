"""What is one shard's state, and how do writes change it?

The shard is a log plus a state machine. The store commits entries; `_apply` turns each one into
memory: segments, payload indexes, the set of live rows. A reader takes a `View`: a snapshot of the
store and the memory that belongs to exactly that snapshot.

Invariants: memory shows entry n only after the store has committed it, and every acknowledged
entry; segments and the set of live rows are replaced, never changed, so a View stays what it was.
Threads: `lock` guards the attributes that `_publish` sets; the committer thread alone calls
`_prepare_*` and `_apply`; reads may come from any thread.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from pyroaring import BitMap

from ruvector.collection.effects import Effect, Pending
from ruvector.collection.expiries import Expiries
from ruvector.collection.filling import Filling
from ruvector.collection.growing import GrowingSegment
from ruvector.collection.pinned_ids import PinnedIds
from ruvector.collection.prepare import Preparation
from ruvector.collection.recover import follow, recover
from ruvector.collection.segment import Rows, Segment
from ruvector.collection.slices import IdHashes
from ruvector.collection.spaces import Space
from ruvector.collection.unindexed import UnindexedFields
from ruvector.collection.view import View
from ruvector.errors import NotFound, RuvectorError, Unavailable
from ruvector.index.payload import PayloadIndexes
from ruvector.index.payload.bitmaps import rows_of
from ruvector.kernel.timing import note
from ruvector.model.filters import Filter
from ruvector.model.lifetimes import Clock, wall_clock
from ruvector.storage.shard_store import ShardStore
from ruvector.storage.transaction import WriteTransaction

_decode_json = msgspec.json.Decoder(dict[str, Any]).decode
# A View waits for the application of a commit it can already see; longer means that it failed.
APPLY_SECONDS = 60.0
CLOSE_SECONDS = 30.0  # then reads that still run are cut off
_CLOSED = "the collection was closed or deleted"
_REPLANS = 3  # then the lock is kept while payloads are scanned, and writes wait

Change = Callable[[Preparation], Effect]


class Shard:
    """One shard: `open` it, `write`, take a `view`, `close` it."""

    def __init__(
        self, store: ShardStore, spaces: Mapping[str, Space], clock: Clock = wall_clock
    ) -> None:
        self.store = store
        self.clock = clock
        self.spaces = spaces
        self.lock = threading.RLock()
        self._advanced = threading.Condition(self.lock)
        self.growing = GrowingSegment(spaces)
        self.frozen: tuple[GrowingSegment, ...] = ()
        self.sealed: tuple[Segment, ...] = ()
        self.live = BitMap()
        self.expiries = Expiries()
        self.indexes = PayloadIndexes()
        self.id_hashes = IdHashes()
        self.pinned_ids: PinnedIds | None = None
        self.applied = 0
        self.largest_payload = 0  # bytes; of any point there was since the shard was opened
        self.next_row = 0
        self.manifest: bytes | None = None  # of the segments, as a reader saw it last
        self.sealed_sequence = 0  # the last entry that the frozen segment holds
        self.sealed_row = 0  # the first row after it
        self.on_applied: Callable[[], None] = lambda: None
        # Set where the log is kept elsewhere: called before entries leave it, up to a sequence.
        self.before_truncation: Callable[[int], object] = lambda _: None
        self.keeps_times = False  # whether entries say when they were decided
        self.time = 0  # of the last entry; owned by the committer thread
        self._views = 0
        self._closed = False
        self._pending = Pending()
        self.filling = Filling(self)
        self.unindexed = UnindexedFields()

    @classmethod
    def open(
        cls,
        path: Path,
        spaces: Mapping[str, Space],
        *,
        create: bool = False,
        read_only: bool = False,
        clock: Clock = wall_clock,
    ) -> "Shard":
        """Open the shard in a folder: map its segments and replay its log."""
        store = ShardStore.open(path, create=create, read_only=read_only)
        try:
            shard = cls(store, spaces, clock)
            recover(shard)
        except BaseException:
            store.close()
            raise
        return shard

    def close(self) -> None:
        """Refuse new reads, let running ones end, finish waiting writes, close the files."""
        with self.lock:
            self._closed = True
            self._advanced.wait_for(lambda: self._views == 0, CLOSE_SECONDS)
        self.store.close()

    def conform(self, spaces: Mapping[str, Space]) -> None:
        """Have exactly these spaces from now on: rows have no vector of a new one."""
        with self.lock:
            if dict(spaces) == dict(self.spaces):
                return
            old = self.spaces
            kept = {n: s for n, s in spaces.items() if n in old and old[n].key == s.key}
            self.spaces = spaces
            self.sealed = tuple(segment.of(kept).of(spaces) for segment in self.sealed)
            for growing in (*self.frozen, self.growing):
                growing.conform(spaces)

    def pin_ids(self, wanted: bool) -> None:
        """Have ids and their rows in memory of the process, or no longer. Cost: 1 us an id."""
        with self.lock:
            if wanted == (self.pinned_ids is not None):
                return
            pinned = self.pinned_ids = PinnedIds() if wanted else None
            view = self.take_view()
        with view:
            if pinned is not None:
                pinned.fill(view.reader.ids_from(None))

    def release(self) -> None:
        """Note that a View was closed."""
        with self.lock:
            self._views -= 1
            if self._closed and self._views == 0:
                self._advanced.notify_all()

    # Reading

    def view(
        self, filter: Filter | None = None, look: Callable[[View], None] | None = None
    ) -> View:
        """Return the state as of now with the rows that match, to be closed with `with` soon.

        `look` is called with the lock held, where payload indexes belong to the view's state; it
        may be called again with another view.
        """
        for attempt in range(_REPLANS + 1):
            with self.lock:
                view = self.take_view()
                if filter is None and look is None:
                    note("plan")
                    return view
                try:
                    keep_lock = attempt == _REPLANS
                    view.plan(filter, keep_lock=keep_lock)
                    note("plan")
                    if look is not None:
                        look(view)
                except BaseException:
                    view.__exit__(None, None, None)
                    raise
                if keep_lock or self.applied == view.sequence or not self.indexes:
                    return view
            view.__exit__(None, None, None)
        raise AssertionError("the last plan keeps the lock")

    def take_view(self) -> View:
        """Return a View whose store and memory agree. Call with `lock`."""
        while True:
            if self._closed:
                raise NotFound(_CLOSED)
            if self.store.read_only:
                reader = follow(self)
                self._views += 1
                return View(self, reader)
            reader = self.store.read()
            if reader.last_sequence == self.applied or self.store.poisoned is not None:
                self._views += 1
                return View(self, reader)
            reader.__exit__(None, None, None)
            if not self._advanced.wait(APPLY_SECONDS):
                raise Unavailable(f"{self.store.path} did not apply its last write; restart")

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Return all segments that hold rows, in no order. Call with `lock`."""
        growing = [g.segment for g in (*self.frozen, self.growing) if len(g.segment)]
        return (*self.sealed, *growing)

    def lapsed(self) -> BitMap:
        """Return the rows of points that have expired and are not deleted yet. Call with `lock`.

        Nobody may see them; the bitmap is not to be changed.
        """
        return self.expiries.lapsed(self.clock, self.live)

    # Writing

    def write(self, changes: Sequence[Change], *, frees_space: bool = False) -> "Future[list[int]]":
        """Commit changes as one transaction; the future gives their sequences once durable."""
        try:
            return self.store.commit(
                lambda transaction: self._prepare(transaction, changes),
                self._apply,
                frees_space=frees_space,
            )
        except RuvectorError as error:
            if self._closed:
                raise NotFound(_CLOSED) from error
            raise

    def _prepare(self, transaction: WriteTransaction, changes: Sequence[Change]) -> list[Effect]:
        self._pending.begin(transaction.last_sequence)
        before = len(self._pending.effects)
        with self.lock:
            lapsed = self.lapsed()
        time = self.next_time() if self.keeps_times else 0
        preparation = Preparation(
            transaction,
            self._pending,
            self.spaces,
            resolve=lambda filter: self._resolve(filter, transaction),
            matching=lambda filter, rows: self._matching(filter, rows, transaction),
            vector_at=self.vector_at,
            take_rows=self._take_rows,
            keeps_payloads=bool(self.indexes or self.indexes.schemas())
            or self._schema_is_pending(),
            lapsed=lapsed,
            time=time,
            count=len(changes),
        )
        effects = []
        try:
            for change in changes:
                effect = change(preparation)
                self._pending.add(effect)
                effects.append(effect)
        except BaseException:
            self._pending.rollback(before)
            raise
        return effects

    def next_time(self, at_least: int = 0) -> int:
        """Return the time of the next entry, never before that of another. In the committer."""
        self.time = max(self.time, self.clock(), at_least)
        return self.time

    def _schema_is_pending(self) -> bool:
        return any(effect.schema is not None for effect in self._pending.effects)

    def _take_rows(self, count: int) -> int:
        first = self.next_row
        self.next_row += count
        return first

    def _resolve(self, filter: Filter, transaction: WriteTransaction) -> Rows:
        """Return the rows that match in the transaction: memory's answer, corrected by pending.

        The committer thread alone changes memory, so what was planned holds while it runs.
        """
        with self.lock:
            view = View(self, transaction, self._pending)
            view.plan(filter, keep_lock=False)
        rows = view.rows or BitMap()
        touched = self._pending.touched()
        if touched:
            rows = (rows - BitMap(touched)) | view.matching(filter, sorted(touched))
        return rows_of(rows)

    def _matching(
        self, filter: Filter, rows: Sequence[int], transaction: WriteTransaction
    ) -> BitMap:
        """Return those of some rows that match in the transaction."""
        with self.lock:
            view = View(self, transaction, self._pending)
        return view.matching(filter, rows)

    def vector_at(self, name: str, row: int) -> Any:
        """Return the stored vector of a row that memory has, or None."""
        with self.lock:
            segments = self.segments
        for segment in segments:
            position = segment.find(row)
            if position is not None:
                return segment.vector(name, position)
        return None

    def _apply(self, effects: list[Effect]) -> list[int]:
        with self.lock:
            for effect in effects:
                self.apply_one(effect)
            self._pending.applied(self.applied)
            self._advanced.notify_all()
        self.on_applied()
        return [effect.sequence for effect in effects]

    def apply_one(self, effect: Effect) -> None:
        """Change memory as one log entry says. Call with `lock`."""
        if effect.count:
            self.growing.append(effect.first_row, effect.count, effect.columns, effect.log_bytes)
        else:
            self.growing.log_bytes += effect.log_bytes
        if effect.count or len(effect.dead):
            self._replace_rows(effect)
        if effect.count and self.pinned_ids is not None:
            self.pinned_ids.note(effect.keys, effect.first_row, self.live)
        if len(effect.changed):
            self._replace_payloads(effect)
        if effect.schema is not None:
            self._change_schema(*effect.schema)
        self.largest_payload = max(self.largest_payload, effect.largest_payload)
        self.filling.note(effect)
        self.applied = effect.sequence

    def _change_schema(self, field: str, schema: str | dict[str, Any] | None) -> None:
        if schema is None:
            self.indexes.drop(field)
        else:
            self.indexes.declare(field, schema)
            self.unindexed.clear(field)

    def _replace_rows(self, effect: Effect) -> None:
        live = self.live.copy()
        live.add_range(effect.first_row, effect.first_row + effect.count)
        if len(effect.dead):
            live -= BitMap(effect.dead)
            self.sealed = tuple(segment.without(effect.dead) for segment in self.sealed)
            for growing in (*self.frozen, self.growing):
                growing.kill(effect.dead)
        self.live = live
        if effect.expiries is not None:
            rows = np.arange(effect.first_row, effect.first_row + effect.count, dtype=np.uint32)
            self.expiries.add(rows, effect.expiries)
        if len(effect.dead) and self.expiries:
            self.expiries.discard(effect.dead, live)
        if self.indexes:
            # A reader of another process's log does not know them: `live` masks those rows.
            for row, payload in zip(effect.dead.tolist(), effect.dead_payloads, strict=False):
                self.indexes.discard(row, _decode(payload))
            if effect.payloads is not None:
                rows = np.arange(effect.first_row, effect.first_row + effect.count, dtype=np.uint32)
                self.indexes.add_many(rows, [_decode(payload) for payload in effect.payloads])

    def _replace_payloads(self, effect: Effect) -> None:
        if not self.indexes:
            return
        for row, old, new in zip(
            effect.changed.tolist(), effect.old_payloads, effect.new_payloads, strict=True
        ):
            self.indexes.discard(row, _decode(old))
            self.indexes.add(row, _decode(new))


def _decode(payload: bytes | None) -> dict[str, Any]:
    return _decode_json(payload) if payload else {}
