"""How does a shard get its memory back? Segments from files, rows from the tables, the rest from
the log.

The tables are as new as the log, so only vectors need replaying: every entry after the checkpoint
that brought rows is appended to the growing segment again. Nothing is decided here, and no graph is
rebuilt.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from pyroaring import BitMap

from ruvector.collection.effects import Effect
from ruvector.collection.entries import (
    Entry,
    Payloads,
    Put,
    Remove,
    Schema,
    decode_entry,
)
from ruvector.collection.entry_columns import decode_column
from ruvector.collection.expiries import Expiries
from ruvector.collection.growing import GrowingSegment
from ruvector.collection.records import decode_record, expiry_of
from ruvector.collection.sealed import open_segments
from ruvector.errors import StorageDamaged
from ruvector.index.payload import PayloadIndexes
from ruvector.index.payload.bitmaps import bitmap_of, rows_of
from ruvector.index.payload.schemas import is_cold
from ruvector.storage.garbage import SEGMENTS_KEY, remove_garbage
from ruvector.storage.transaction import Reader

if TYPE_CHECKING:
    from ruvector.collection.shard import Shard

_BATCH = 4096
_TRIES = 10  # of a reader while another process replaces files
SCHEMA_PREFIX = "schema:"
_decode_json = msgspec.json.Decoder(dict).decode


def recover(shard: "Shard") -> None:
    """Set the shard's memory to what its store holds.

    Cost: about 1 µs a point, and reading the segment files and the log's tail.
    """
    store = shard.store
    if store.read_only:
        _latest(shard, _recover_from).__exit__(None, None, None)
        return
    remove_garbage(store)
    with store.read() as reader:
        _recover_from(shard, reader)


def follow(shard: "Shard") -> Reader:
    """Catch up with the process that writes, and return the snapshot that memory then shows.

    Call with the shard's lock: a snapshot that is taken later may be newer than memory again.
    """
    return _latest(shard, _catch_up)


def _latest(shard: "Shard", read: Callable[["Shard", Reader], None]) -> Reader:
    """Return the snapshot that was read into memory, to be closed by the caller."""
    for _ in range(_TRIES):
        reader = shard.store.read()
        try:
            read(shard, reader)
        except StorageDamaged:
            # The process that writes may have replaced a file after its name was read.
            is_old = _manifest(shard) != reader.manifest(SEGMENTS_KEY)
            reader.__exit__(None, None, None)
            if not is_old:
                raise
        except BaseException:
            reader.__exit__(None, None, None)
            raise
        else:
            return reader
    raise StorageDamaged(f"{shard.store.path} changed {_TRIES} times while it was read; try again")


def _catch_up(shard: "Shard", reader: Reader) -> None:
    """Apply the log's tail, or recover after a seal."""
    if reader.last_sequence == shard.applied:
        return
    if reader.checkpoint <= shard.applied and reader.manifest(SEGMENTS_KEY) == shard.manifest:
        entries = [(n, decode_entry(data)) for n, data in reader.log_after(shard.applied)]
        is_told_all = not any(_changes_indexes(e) for _, e in entries)
        if not is_told_all:
            shard.indexes.drop_spare()
        if is_told_all or not shard.indexes:
            for sequence, entry in entries:
                shard.apply_one(effect_of(sequence, entry))
            return
    _recover_from(shard, reader)


def _changes_indexes(entry: Entry) -> bool:
    """Say whether indexes would need payloads that are gone: those that were replaced."""
    return isinstance(entry, Payloads)


def effect_of(sequence: int, entry: Entry) -> Effect:
    """Return what a log entry changes in memory."""
    effect = Effect(sequence)
    if isinstance(entry, Put):
        effect.first_row, effect.count = entry.first_row, len(entry.keys)
        effect.keys = entry.keys
        effect.columns = {column.name: decode_column(column) for column in entry.vectors}
        effect.payloads = entry.payloads
        if entry.expiries is not None:
            effect.expiries = np.frombuffer(entry.expiries, dtype=np.int64)
        effect.dead = np.frombuffer(entry.dead, dtype=np.uint32)
    elif isinstance(entry, Remove):
        effect.dead = np.frombuffer(entry.dead, dtype=np.uint32)
    elif isinstance(entry, Schema):
        effect.schema = (entry.field, entry.schema)
    return effect


def _manifest(shard: "Shard") -> bytes | None:
    with shard.store.read() as reader:
        return reader.manifest(SEGMENTS_KEY)


def _recover_from(shard: "Shard", reader: Reader) -> None:
    store = shard.store
    live, expiries, largest = _rows_of(reader)
    indexes = PayloadIndexes()
    for key in reader.manifest_keys():
        if key.startswith(SCHEMA_PREFIX):
            schema = msgspec.json.decode(reader.manifest(key) or b"")
            register = indexes.declare if is_cold(schema) else indexes.create
            register(key.removeprefix(SCHEMA_PREFIX), schema)
    if indexes:
        add_payloads(indexes, reader, live)
    sealed, next_row = open_segments(store, reader, shard.spaces, live)
    growing = GrowingSegment(shard.spaces)
    for sequence, data in reader.log_after(reader.checkpoint):
        effect = effect_of(sequence, decode_entry(data))
        growing.log_bytes += len(data)
        if effect.count:
            next_row = max(next_row, effect.first_row + effect.count)
            growing.append(effect.first_row, effect.count, effect.columns, 0)
    rows = growing.segment.rows
    growing.kill(rows[~np.isin(rows, rows_of(live))])
    with shard.lock:
        shard.sealed, shard.frozen, shard.growing = sealed, (), growing
        shard.live, shard.indexes, shard.expiries = live, indexes, expiries
        shard.next_row = max(next_row, int(live.max()) + 1 if live else 0)
        shard.manifest = reader.manifest(SEGMENTS_KEY)
        shard.applied = reader.last_sequence
        shard.largest_payload = largest


def _rows_of(reader: Reader) -> tuple[BitMap, Expiries, int]:
    """Return the rows of all points, when they expire, and the bytes of the largest record."""
    mortal: list[int] = []
    moments: list[int] = []
    largest = 0

    def rows() -> Iterator[int]:
        nonlocal largest
        for row, data in reader.all_points():
            largest = max(largest, len(data))
            expiry = expiry_of(data)
            if expiry:
                mortal.append(row)
                moments.append(expiry)
            yield row

    live = bitmap_of(np.fromiter(rows(), dtype=np.uint32))
    expiries = Expiries()
    expiries.add(np.array(mortal, dtype=np.uint32), np.array(moments, dtype=np.int64))
    return live, expiries, largest


def add_payloads(indexes: PayloadIndexes, reader: Reader, live: BitMap) -> None:
    """Add the payloads of all live rows to indexes that are empty."""
    rows: list[int] = []
    payloads = []
    for row, data in reader.all_points():
        if row not in live:
            continue
        payload = decode_record(data).payload
        if payload:
            rows.append(row)
            payloads.append(_decode_json(payload))
        if len(rows) == _BATCH:
            indexes.add_many(np.array(rows, dtype=np.uint32), payloads)
            rows, payloads = [], []
    if rows:
        indexes.add_many(np.array(rows, dtype=np.uint32), payloads)
