"""What may be read from a shard's tables, and what may be written to them in one transaction?

`Reader` is one LMDB read transaction: a snapshot that later commits do not change.
`WriteTransaction` is the same with puts; it sees its own writes and those of the requests before it
in the same group.

Invariants: whatever leaves here has had its checksum checked; sequence numbers in the log are
dense, from `checkpoint + 1` to `last_sequence`; an open Reader pins every page freed since it
began, so it is used for one read and closed.
Threads: each object belongs to the thread that got it.
Layout of the tables: docs/formats/store.md.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import TracebackType
from typing import Self

import lmdb

from ruvector.errors import BadInput, StorageDamaged
from ruvector.kernel import crc32c, meters, open_values
from ruvector.storage.checksums import RESIDUE, damaged_value, seal, seed_of, unseal
from ruvector.storage.environment import Environment

TABLES = ("log", "ids", "points", "manifest")
COMMIT_KEY = b"\x00commit"
# LMDB's limit on keys; ids that may be longer are hashed by their owner.
KEY_LIMIT_BYTES = 511

_LOG, _IDS, _POINTS, _MANIFEST = (seed_of(table) for table in TABLES)
_COMMIT = crc32c(COMMIT_KEY, _MANIFEST)
_sequence_key = struct.Struct(">Q").pack
_row = struct.Struct(">I")
_row_key = _row.pack
_commit_record = struct.Struct("<7Q")


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """What the last commit left behind: the counts must agree with the tables."""

    number: int
    checkpoint: int
    last_sequence: int
    rows: tuple[int, int, int, int]

    def pack(self) -> bytes:
        """Return the record as it is stored in the manifest."""
        return _commit_record.pack(self.number, self.checkpoint, self.last_sequence, *self.rows)

    @classmethod
    def unpack(cls, stored: bytes) -> "CommitRecord":
        """Return the record that `stored` holds."""
        number, checkpoint, last_sequence, *rows = _commit_record.unpack(stored)
        return cls(number, checkpoint, last_sequence, (rows[0], rows[1], rows[2], rows[3]))


class Reader:
    """A snapshot of one shard's tables; close it with `with`."""

    def __init__(self, environment: Environment, transaction: "lmdb.Transaction[bytes]") -> None:
        self._environment = environment
        self._tables = environment.tables
        self._transaction = transaction

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._transaction.abort()

    @property
    def last_sequence(self) -> int:
        """The sequence of the last operation this snapshot holds."""
        stored = self._transaction.get(COMMIT_KEY, db=self._tables["manifest"])
        if stored is None or crc32c(stored, _COMMIT) != RESIDUE:
            return self.commit_record().last_sequence
        return int.from_bytes(stored[16:24], "little")

    @property
    def points_bytes(self) -> int:
        """Return the bytes of the pages that hold ids and payloads of points."""
        table = self._transaction.stat(self._tables["points"])
        pages = table["branch_pages"] + table["leaf_pages"] + table["overflow_pages"]
        return int(pages * table["psize"])

    @property
    def checkpoint(self) -> int:
        """The sequence up to which log entries are gone."""
        return self.commit_record().checkpoint

    def commit_record(self) -> CommitRecord:
        """Return the record of the last commit; StorageDamaged when there is none."""
        stored = self._transaction.get(COMMIT_KEY, db=self._tables["manifest"])
        if stored is None:
            raise StorageDamaged(
                f"{self._environment.path} has no commit record; restore it from a snapshot"
            )
        return CommitRecord.unpack(unseal(_MANIFEST, "manifest", COMMIT_KEY, stored))

    def rows_of(self, id_keys: Sequence[bytes]) -> list[int | None]:
        """Return the row of each id key, in their order; None where there is no such id."""
        get = self._transaction.get
        table = self._tables["ids"]
        rows: list[int | None] = []
        for key in id_keys:
            stored = get(key, db=table)
            if stored is None:
                rows.append(None)
                continue
            if crc32c(stored, crc32c(key, _IDS)) != RESIDUE:
                raise damaged_value("ids", key)
            rows.append(int.from_bytes(stored[:4], "big"))
        return rows

    def points(self, rows: Sequence[int]) -> list[bytes | None]:
        """Return the record of each row, in their order; None where there is no such row."""
        keys = [_row_key(row) for row in rows]
        found = self._transaction.cursor(self._tables["points"]).getmulti(keys)
        try:
            records = open_values(found, _POINTS, RESIDUE)
        except ValueError as error:
            wrong = next(
                key for key, stored in found if crc32c(stored, crc32c(key, _POINTS)) != RESIDUE
            )
            raise damaged_value("points", wrong) from error
        if meters.is_on and (meter := meters.current()) is not None:
            meter.payload_read += sum(map(len, records))
        if len(records) == len(keys):
            return list(records)
        by_key = {key: record for (key, _), record in zip(found, records, strict=True)}
        return [by_key.get(key) for key in keys]

    def ids_from(
        self, start: bytes | None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, int]]:
        """Yield (id key, row) in key order from `start` on, inclusive; backwards if `reverse`.

        `start=None` begins at the first key, or at the last one if `reverse`.
        """
        cursor = self._transaction.cursor(self._tables["ids"])
        found = _seek(cursor, start, reverse)
        if not found:
            return
        pairs = cursor.iterprev() if reverse else cursor.iternext()
        for key, stored in pairs:
            yield key, _row.unpack(unseal(_IDS, "ids", key, stored))[0]

    def visit_ids(self) -> None:
        """Look at every page of the table of ids. Cost: 0.1 us an id, and the disk."""
        for _ in self._transaction.cursor(self._tables["ids"]).iternext(values=False):
            pass

    def all_points(self) -> Iterator[tuple[int, bytes]]:
        """Yield every (row, record), by row."""
        cursor = self._transaction.cursor(self._tables["points"])
        for key, stored in cursor.iternext():
            record = unseal(_POINTS, "points", key, stored)
            yield int.from_bytes(key, "big"), record

    def log_after(self, sequence: int) -> Iterator[tuple[int, bytes]]:
        """Yield (sequence, entry) of every operation after `sequence`, in order.

        Errors: StorageDamaged when one is missing, and when `sequence` lies before the checkpoint,
        so that the entries asked for are gone by design: the reader must start from the segments
        again.
        """
        record = self.commit_record()
        if sequence < record.checkpoint:
            raise StorageDamaged(
                f"log entries after {sequence} were asked for, those up to the checkpoint "
                f"{record.checkpoint} are gone; open the shard again to start from its segments"
            )
        cursor = self._transaction.cursor(self._tables["log"])
        expected = sequence + 1
        if cursor.set_range(_sequence_key(expected)):
            for key, stored in cursor.iternext():
                if key != _sequence_key(expected):
                    break
                yield expected, unseal(_LOG, "log", key, stored)
                expected += 1
        if expected <= record.last_sequence:
            raise StorageDamaged(
                f"log entry {expected} of {self._environment.path} is missing, the last one is "
                f"{record.last_sequence}; restore the shard from a snapshot or another replica"
            )

    def manifest(self, key: str) -> bytes | None:
        """Return the manifest's value under `key`, or None."""
        name = key.encode()
        stored = self._transaction.get(name, db=self._tables["manifest"])
        return None if stored is None else unseal(_MANIFEST, "manifest", name, stored)

    def manifest_keys(self) -> list[str]:
        """Return the manifest's keys in order, without the store's own."""
        cursor = self._transaction.cursor(self._tables["manifest"])
        return [key.decode() for key in cursor.iternext(values=False) if key != COMMIT_KEY]

    def count(self, table: str) -> int:
        """Return the number of rows in `table`: log, ids, points or manifest."""
        entries = self._transaction.stat(self._tables[table])["entries"]
        return entries - 1 if table == "manifest" else entries

    def stored_rows(self) -> tuple[int, int, int, int]:
        """Return LMDB's own row counts of log, ids, points and manifest."""
        stat, tables = self._transaction.stat, self._tables
        log, ids, points, manifest = (stat(tables[table])["entries"] for table in TABLES)
        return log, ids, points, manifest

    def table_bytes(self) -> dict[str, int]:
        """Return the bytes of the pages of each table."""
        sizes = {}
        for table in TABLES:
            stat = self._transaction.stat(self._tables[table])
            pages = stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
            sizes[table] = stat["psize"] * pages
        return sizes

    def copy(self, descriptor: int) -> None:
        """Write this snapshot to an open file, as an LMDB environment without free pages.

        Errors: OSError, as of any file that cannot be written.
        """
        handle = self._environment.handle
        try:
            handle.copyfd(descriptor, compact=True, txn=self._transaction)
        except lmdb.Error as error:
            raise OSError(error.code, f"the tables cannot be copied: {error}") from error

    def log_ends(self) -> tuple[int, int] | None:
        """Return the first and last sequence in the log, or None when it is empty."""
        cursor = self._transaction.cursor(self._tables["log"])
        if not cursor.first():
            return None
        first = int.from_bytes(cursor.key(), "big")
        cursor.last()
        return first, int.from_bytes(cursor.key(), "big")


class FrozenReader(Reader):
    """A snapshot that many share and none closes: what a poisoned store still shows."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the snapshot open."""


class WriteTransaction(Reader):
    """The writes of one request: all of them become durable, or none."""

    def __init__(
        self,
        environment: Environment,
        transaction: "lmdb.Transaction[bytes]",
        last_sequence: int,
        checkpoint: int,
    ) -> None:
        super().__init__(environment, transaction)
        self._last_sequence = last_sequence
        self._checkpoint = checkpoint

    @property
    def last_sequence(self) -> int:
        """The last sequence given out, by this request or one before it in the group."""
        return self._last_sequence

    @property
    def next_sequence(self) -> int:
        """The sequence that the next log entry gets."""
        return self._last_sequence + 1

    @property
    def checkpoint(self) -> int:
        """The sequence up to which log entries are gone."""
        return self._checkpoint

    def commit_record(self) -> CommitRecord:
        """Return what the record would be if this request ended here."""
        return CommitRecord(0, self._checkpoint, self._last_sequence, self.stored_rows())

    def append_log(self, entry: bytes) -> int:
        """Append `entry` to the log and return the sequence given to it."""
        sequence = self._last_sequence + 1
        key = _sequence_key(sequence)
        self._transaction.put(key, seal(_LOG, key, entry), append=True, db=self._tables["log"])
        self._last_sequence = sequence
        return sequence

    def put_ids(self, items: Iterable[tuple[bytes, int]]) -> None:
        """Store (id key, row) pairs; a key that is there already gets the new row."""
        sealed = [
            (
                key,
                (row := _row_key(row_number))
                + crc32c(row, crc32c(key, _IDS)).to_bytes(4, "little"),
            )
            for key, row_number in items
        ]
        # Neighbours in the tree after each other: random large batches are several times slower.
        sealed.sort(key=itemgetter(0))
        if sealed and not all(0 < len(key) <= KEY_LIMIT_BYTES for key, _ in sealed):
            raise BadInput(f"an id key is empty or longer than {KEY_LIMIT_BYTES} bytes; hash it")
        self._transaction.cursor(self._tables["ids"]).putmulti(sealed)

    def delete_ids(self, keys: Iterable[bytes]) -> None:
        """Remove id keys; one that is not there is passed over."""
        delete, table = self._transaction.delete, self._tables["ids"]
        for key in sorted(keys):
            delete(key, db=table)

    def put_points(self, items: Iterable[tuple[int, bytes]]) -> None:
        """Store (row, record) pairs; rising rows after the last one stored are quickest."""
        sealed = [
            (
                key := _row_key(row),
                record + crc32c(record, crc32c(key, _POINTS)).to_bytes(4, "little"),
            )
            for row, record in items
        ]
        if not sealed:
            return
        if meters.is_on and (meter := meters.current()) is not None:
            meter.payload_write += sum(len(record) for _, record in sealed)
        cursor = self._transaction.cursor(self._tables["points"])
        keys = [key for key, _ in sealed]
        rising = all(map(bytes.__lt__, keys, keys[1:]))
        append = rising and (not cursor.last() or cursor.key() < keys[0])
        cursor.putmulti(sealed, append=append)

    def delete_points(self, rows: Iterable[int]) -> None:
        """Remove the records of `rows`; one that is not there is passed over."""
        delete, table = self._transaction.delete, self._tables["points"]
        for row in sorted(rows):
            delete(_row_key(row), db=table)

    def put_manifest(self, key: str, value: bytes | None) -> None:
        """Store `value` under `key` in the manifest; None removes the key."""
        name = key.encode()
        if not 0 < len(name) <= KEY_LIMIT_BYTES or name.startswith(b"\x00"):
            raise BadInput(f"manifest key {key!r} is empty, too long or reserved")
        table = self._tables["manifest"]
        if value is None:
            self._transaction.delete(name, db=table)
        else:
            self._transaction.put(name, seal(_MANIFEST, name, value), db=table)

    def truncate_log(self, up_to: int) -> None:
        """Remove the log entries up to and including `up_to`, and make it the checkpoint."""
        if up_to > self._last_sequence:
            raise BadInput(
                f"the log ends at {self._last_sequence}; it cannot be truncated up to {up_to}"
            )
        delete, table = self._transaction.delete, self._tables["log"]
        for sequence in range(self._checkpoint + 1, up_to + 1):
            delete(_sequence_key(sequence), db=table)
        self._checkpoint = max(self._checkpoint, up_to)


def put_commit_record(
    environment: Environment,
    transaction: "lmdb.Transaction[bytes]",
    number: int,
    checkpoint: int,
    last_sequence: int,
) -> CommitRecord:
    """Store the commit record of a transaction whose other writes are complete, and return it."""
    table = environment.tables["manifest"]
    # The record counts itself, so it must be there before the rows are counted.
    transaction.put(COMMIT_KEY, b"", db=table)
    rows = Reader(environment, transaction).stored_rows()
    record = CommitRecord(number, checkpoint, last_sequence, rows)
    transaction.put(COMMIT_KEY, seal(_MANIFEST, COMMIT_KEY, record.pack()), db=table)
    return record


def _seek(cursor: "lmdb.Cursor[bytes]", start: bytes | None, reverse: bool) -> bool:
    if start is None:
        return cursor.last() if reverse else cursor.first()
    if not reverse:
        return cursor.set_range(start)
    if not cursor.set_range(start):
        return cursor.last()
    return cursor.key() == start or cursor.prev()
