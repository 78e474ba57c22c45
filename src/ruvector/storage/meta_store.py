"""Where are the collections' configurations and the aliases kept?

A small LMDB environment in `<root>/meta/` with the tables collections, aliases and settings. It is
written rarely; each commit is atomic, fsynced and counted by `generation`.

Invariants: the environment is complete before the first collection folder exists; so a missing or
empty one beside such folders is damage, and nothing beside it is garbage (Milvus #24544 lost all
collections that way).
Threads: any; commits exclude each other by a lock.
It does not know what the values mean.
"""

import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import lmdb

from ruvector.errors import BadInput, ShardPoisoned, StorageDamaged, StorageFull, StorageLocked
from ruvector.storage.checksums import seal, seed_of, unseal
from ruvector.storage.environment import NO_SPACE, is_fresh, open_environment
from ruvector.storage.shard_store import SIDE_FILE, STORE_FOLDER
from ruvector.storage.side_file import SideFile
from ruvector.storage.transaction import KEY_LIMIT_BYTES

Table = Literal["collections", "aliases", "settings"]
META_TABLES = ("collections", "aliases", "settings")
META_FOLDER = "meta"
# Shards lie at most this deep below the root: collections/<name>/shards/<number>/store.
SHARD_DEPTH_LIMIT = 5

_RECORD_TABLE = "commit"
_RECORD_KEY = b"commit"
# generation, rows of collections, aliases, settings
_record = struct.Struct("<4Q")
_seeds = {table: seed_of(f"meta.{table}") for table in (*META_TABLES, _RECORD_TABLE)}


class MetaStore:
    """The durable key-value tables of one database; `open` it, `items` and `commit`, `close` it."""

    def __init__(self, root: Path, *, read_only: bool, create: bool) -> None:
        self.root = root
        self.read_only = read_only
        self.poisoned: BaseException | None = None
        self._side_file = SideFile(root / META_FOLDER / SIDE_FILE)
        noted = self._side_file.read()
        self._environment = open_environment(
            root / META_FOLDER,
            tables=(*META_TABLES, _RECORD_TABLE),
            read_only=read_only,
            create=create,
        )
        # Guards commits; LMDB itself would make a second writer wait.
        self._lock = threading.Lock()
        try:
            self._begin(noted, create)
        except BaseException:
            self._environment.close(clean=False)
            raise

    @classmethod
    def open(cls, root: Path, *, read_only: bool = False, create: bool = False) -> "MetaStore":
        """Return the store of the database in `root`; `create` makes a missing one.

        Errors: StorageDamaged when it is damaged, or missing or empty beside collection folders;
        StorageLocked when it is open already; StorageFull.
        """
        create = create and not read_only
        try:
            if is_fresh(root / META_FOLDER):
                _refuse_orphans(root)
            return cls(root, read_only=read_only, create=create)
        except (OSError, lmdb.Error) as error:
            code = error.errno if isinstance(error, OSError) else error.code
            if code in NO_SPACE:
                raise StorageFull(f"no space to open {root}; free some, then try again") from error
            raise StorageDamaged(f"{root} cannot be opened: {error}") from error

    @property
    def generation(self) -> int:
        """How many commits there have been, by any process."""
        with self._environment.handle.begin() as transaction:
            return self._read_record(transaction)[0]

    def items(self, table: Table) -> dict[str, bytes]:
        """Return every key and value of `table`, by key."""
        with self._environment.handle.begin() as transaction:
            cursor = transaction.cursor(self._environment.tables[table])
            return {
                key.decode(): unseal(_seeds[table], f"meta.{table}", key, stored)
                for key, stored in cursor.iternext()
            }

    def commit(self, changes: Sequence[tuple[str, str, bytes | None]]) -> None:
        """Make all `changes` (table, key, value; None removes) durable, or none of them.

        Errors: BadInput; StorageFull; ShardPoisoned when it is not known whether the changes
        survive, and for every later commit until the store is opened again.
        """
        if self.read_only:
            raise StorageLocked(f"{self.root} was opened with read_only=True; open it for writing")
        for table, key, _ in changes:
            if table not in META_TABLES or not 0 < len(key.encode()) <= KEY_LIMIT_BYTES:
                raise BadInput(f"table {table!r} or key {key!r} of the meta store is not allowed")
        with self._lock:
            if self.poisoned is not None:
                raise self._poison_error()
            try:
                self._commit(changes)
            except (lmdb.Error, OSError, StorageDamaged) as error:
                self._refuse(error)

    def close(self) -> None:
        """Close the store; a second call does nothing."""
        self._side_file.close()
        self._environment.close(clean=self.poisoned is None)

    def _commit(self, changes: Sequence[tuple[str, str, bytes | None]]) -> None:
        transaction = self._environment.handle.begin(write=True)
        try:
            for table, key, value in changes:
                name, database = key.encode(), self._environment.tables[table]
                if value is None:
                    transaction.delete(name, db=database)
                else:
                    transaction.put(name, seal(_seeds[table], name, value), db=database)
            generation = self._read_record(transaction)[0] + 1
            self._write_record(transaction, generation)
            transaction.commit()
        except BaseException:
            transaction.abort()
            raise
        self._side_file.write(generation)

    def _refuse(self, error: Exception) -> None:
        if isinstance(error, lmdb.Error) and error.code in NO_SPACE:
            try:
                # LMDB survives a lack of space in data pages, not in its meta page.
                self._environment.handle.begin(write=True).abort()
            except lmdb.Error as panic:
                error = panic
            else:
                raise StorageFull(
                    f"no space to change collections in {self.root}; free some, then try again"
                ) from error
        self.poisoned = error
        raise self._poison_error()

    def _poison_error(self) -> ShardPoisoned:
        error = ShardPoisoned(
            f"{self.root / META_FOLDER} stopped accepting changes after a failed commit "
            f"({self.poisoned}); restart to read what is on disk"
        )
        error.__cause__ = self.poisoned
        return error

    def _begin(self, noted: int, create: bool) -> None:
        handle, table = self._environment.handle, self._environment.tables[_RECORD_TABLE]
        with handle.begin() as transaction:
            unborn = noted == 0 and transaction.get(_RECORD_KEY, db=table) is None
        if unborn:
            _refuse_orphans(self.root)
            if create:
                with handle.begin(write=True) as transaction:
                    self._write_record(transaction, 0)
        with handle.begin() as transaction:
            generation, *rows = self._read_record(transaction)
            stored = self._rows(transaction)
        if generation < noted or tuple(rows) != stored:
            raise StorageDamaged(
                f"{self.root / META_FOLDER} is damaged: generation {generation} with {rows} rows "
                f"in {META_TABLES}; expected at least {noted} with {stored}; "
                "restore it from a snapshot"
            )
        if not self.read_only:
            self._side_file.open_for_writing()

    def _read_record(self, transaction: "lmdb.Transaction[bytes]") -> tuple[int, ...]:
        stored = transaction.get(_RECORD_KEY, db=self._environment.tables[_RECORD_TABLE])
        if stored is None:
            raise StorageDamaged(
                f"{self.root / META_FOLDER} has no commit record; restore it from a snapshot"
            )
        return _record.unpack(unseal(_seeds[_RECORD_TABLE], "meta.commit", _RECORD_KEY, stored))

    def _write_record(self, transaction: "lmdb.Transaction[bytes]", generation: int) -> None:
        packed = _record.pack(generation, *self._rows(transaction))
        transaction.put(
            _RECORD_KEY,
            seal(_seeds[_RECORD_TABLE], _RECORD_KEY, packed),
            db=self._environment.tables[_RECORD_TABLE],
        )

    def _rows(self, transaction: "lmdb.Transaction[bytes]") -> tuple[int, ...]:
        tables = self._environment.tables
        return tuple(int(transaction.stat(tables[table])["entries"]) for table in META_TABLES)


def _refuse_orphans(root: Path) -> None:
    """Refuse a root whose meta environment is gone while shards are there."""
    pattern = STORE_FOLDER
    for _ in range(SHARD_DEPTH_LIMIT):
        orphan = next(root.glob(f"{pattern}/data.mdb"), None)
        if orphan is not None:
            raise StorageDamaged(
                f"{root / META_FOLDER} is missing or empty, but {orphan} is there; "
                f"nothing was removed; restore {META_FOLDER} from a snapshot, "
                "or move the folder away to begin anew"
            )
        pattern = f"*/{pattern}"
