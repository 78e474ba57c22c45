"""What does a shard keep, and when is a write safe?

One LMDB environment in `<path>/store/` (tables log, ids, points, manifest; docs/formats/store.md)
and the segment files that its manifest names in `<path>/segments/`.

Invariants:
- a future resolves only after its writes were fsynced, and `applied` ran before it resolves;
- the log is dense from `checkpoint + 1` to `last_sequence`, every commit records its row counts,
  and
  an environment that disagrees with that, or is older than the side file, is refused;
- a failed commit is never retried: anything but a clean lack of space poisons the store, which then
  reads on and acknowledges nothing.
Threads: `read` and `commit` may be called from any; `prepare` and `applied` run in the committer
thread.
It knows rows, keys and bytes; not what a point, a log entry or a segment means.
"""

import errno
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import lmdb

from ruvector.errors import (
    BadInput,
    RuvectorError,
    ShardPoisoned,
    StorageDamaged,
    StorageFull,
    StorageLocked,
)
from ruvector.storage import files
from ruvector.storage.committer import Committer, Request
from ruvector.storage.environment import NO_SPACE, Environment, is_fresh, open_environment
from ruvector.storage.pins import Pins
from ruvector.storage.side_file import SideFile
from ruvector.storage.space import FREE_SPACE_MARK_BYTES, Space
from ruvector.storage.transaction import (
    TABLES,
    CommitRecord,
    FrozenReader,
    Reader,
    WriteTransaction,
    put_commit_record,
)

T = TypeVar("T")
R = TypeVar("R")

STORE_FOLDER = "store"
SEGMENTS_FOLDER = "segments"
SIDE_FILE = "last_commit"
RESERVE_FILE = "reserve"
# A killed reader pinned 39 MiB of pages in 2,000 commits; the check reads the reader table.
READER_CHECK_SECONDS = 10.0

# What LMDB answers to a request that asks for something impossible and leaves the disk alone.
_REQUEST_ERRORS = (lmdb.BadValsizeError, lmdb.TxnFullError, lmdb.InvalidParameterError)


class ShardStore:
    """The durable half of one shard; `open` it, `read` and `commit`, `close` it."""

    def __init__(self, path: Path, environment: Environment, read_only: bool) -> None:
        self.path = path
        self.segments_path = path / SEGMENTS_FOLDER
        self.data_path = path / STORE_FOLDER / "data.mdb"
        self.read_only = read_only
        self.poisoned: BaseException | None = None
        self.pins = Pins(self.segments_path)
        self._environment = environment
        self._side_file = SideFile(path / SIDE_FILE)
        self._space = Space(environment, path / RESERVE_FILE)
        self._committer = Committer(self._commit_group, f"committer of {path}")
        # Owned by the committer thread after opening.
        self._record = CommitRecord(0, 0, 0, (0, 0, 0, 0))
        # What `read` hands out after a failed commit; see `_write`.
        self._frozen: lmdb.Transaction[bytes] | None = None
        self._readers_checked = time.monotonic()
        self._closed = False

    @classmethod
    def open(cls, path: Path, *, create: bool = False, read_only: bool = False) -> "ShardStore":
        """Return the store in the folder `path`; `create` makes a missing one.

        A read-only store may be opened beside a writer in another process and sees its commits.
        Errors: StorageDamaged when what is on disk is not what was committed, or when an
        environment is missing beside files that belong to it; StorageLocked when it is open
        already; StorageFull.
        Cost: `open_environment`'s, plus the same for every size of store.
        """
        create = create and not read_only
        try:
            _refuse_orphans(path)
            # Read before the environment: a writer may commit in between, which only makes it
            # newer.
            noted = SideFile(path / SIDE_FILE).read()
            if create:
                files.make_folder(path / SEGMENTS_FOLDER)
            environment = open_environment(
                path / STORE_FOLDER, tables=TABLES, read_only=read_only, create=create
            )
            store = cls(path, environment, read_only)
            try:
                store._begin(noted, create)
            except BaseException:
                environment.close(clean=False)
                raise
        except (OSError, lmdb.Error) as error:
            code = error.errno if isinstance(error, OSError) else error.code
            if code in NO_SPACE:
                raise _full(path) from error
            raise StorageDamaged(f"{path} cannot be opened: {error}") from error
        return store

    @property
    def last_sequence(self) -> int:
        """The sequence of the last committed operation, by any process."""
        if self.read_only:
            with self.read() as reader:
                return reader.last_sequence
        return self._record.last_sequence

    @property
    def checkpoint(self) -> int:
        """The sequence up to which log entries are gone."""
        if self.read_only:
            with self.read() as reader:
                return reader.checkpoint
        return self._record.checkpoint

    @property
    def waiting(self) -> int:
        """How many writes wait for their commit."""
        return self._committer.waiting

    def read(self) -> Reader:
        """Return a snapshot of the tables, to be closed with `with` soon; about 1 µs."""
        if self._closed:
            raise RuvectorError(f"{self.path} is closed; open the database again")
        if self._frozen is not None:
            return FrozenReader(self._environment, self._frozen)
        return Reader(self._environment, self._environment.handle.begin())

    def commit(
        self,
        prepare: Callable[[WriteTransaction], T],
        applied: Callable[[T], R],
        *,
        frees_space: bool = False,
    ) -> "Future[R]":
        """Queue a write and return the future of what `applied` returns.

        `prepare(transaction)` makes the writes. It may be called while earlier requests are
        prepared but not yet applied, so it reads what it depends on from the transaction, and it
        changes nothing else: when it raises, or the commit fails, nothing has happened.
        `applied(result)` runs after the fsync. `frees_space=True` marks deletes and truncations,
        which also work on a full disk.

        Errors: StorageBusy, ShardPoisoned, StorageLocked (read-only) at once; through the future
        what `prepare` raised, StorageFull when there is no room (the store goes on), ShardPoisoned
        when it is not known whether the write survives.
        """
        if self._environment.forked:
            self._environment.handle.begin()
        if self.read_only:
            raise StorageLocked(f"{self.path} was opened with read_only=True; open it for writing")
        self.refuse_poisoned()
        request = Request(prepare, applied, frees_space)
        self._committer.submit(request)
        return request.future

    def passed(self, look: Callable[[WriteTransaction], T]) -> "Future[T]":
        """Return the future of what `look` returns, resolved once all before it is committed.

        It is called between the writes that were submitted before and those after, must change
        nothing, and alone costs no write to the disk. Errors: as of `commit`.
        """
        self.refuse_poisoned()
        request = Request(look, lambda result: result, frees_space=False, writes=False)
        self._committer.submit(request)
        return request.future

    def refuse_poisoned(self) -> None:
        """Raise ShardPoisoned after a failed commit."""
        if self.poisoned is not None:
            raise self._poison_error()

    def poison(self, error: BaseException) -> None:
        """Accept no more writes: nobody knows whether this store is still the one that is named.

        Returns when what was submitted before is committed.
        """

        def refuse(_: object) -> None:
            raise error

        if self.poisoned is None and not (self.read_only or self._closed):
            request = Request(lambda _: None, refuse, frees_space=False, writes=False)
            try:
                self._committer.submit(request)
                request.future.exception()
            except RuvectorError:
                self.poisoned = error  # too much waits: it is refused from here on

    def close(self) -> None:
        """Commit what is waiting and close the store; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._environment.forked:
            return
        self._committer.close()
        self.pins.close()
        self._side_file.close()
        self._environment.close(clean=self.poisoned is None)

    def _begin(self, noted: int, create: bool) -> None:
        """Compare the environment with its own record and the side file, and get ready to write."""
        if create and self._is_unborn(noted):
            self._create_record()
        with self.read() as reader:
            self._record = _check(self.path, reader, noted)
        if not self.read_only:
            self._side_file.open_for_writing()
            self._side_file.write(self._record.number)

    def _is_unborn(self, noted: int) -> bool:
        with self.read() as reader:
            empty = reader.stored_rows() == (0, 0, 0, 0)
        return empty and noted == 0 and not any(self.segments_path.iterdir())

    def _create_record(self) -> None:
        with self._environment.handle.begin(write=True) as transaction:
            put_commit_record(self._environment, transaction, 1, 0, 0)

    # Below: the committer thread.

    def _commit_group(self, group: list[Request]) -> None:
        try:
            self._release_dead_readers()
            if self.poisoned is not None:
                raise self._poison_error()
            prepared = self._write(self._admit(group))
        except Exception as error:  # noqa: BLE001 - whatever it is, the disk's state is unknown.
            self._poison(error, group)
            return
        answers, failure = [], None
        for request in prepared:
            try:
                answers.append((request, request.applied(request.prepared)))
            except Exception as error:  # noqa: BLE001 - memory and disk differ from here on.
                failure = error
                break
        for request, answer in answers:
            request.future.set_result(answer)
        if failure is not None:
            self._poison(failure, group)

    def _release_dead_readers(self) -> None:
        """Free the slots of killed reader processes, whose snapshots pin pages."""
        now = time.monotonic()
        if now - self._readers_checked >= READER_CHECK_SECONDS:
            self._readers_checked = now
            self._environment.handle.reader_check()

    def _admit(self, group: list[Request]) -> list[Request]:
        """Return the requests there is room for; the others are told."""
        if not self._space.is_short():
            self._space.keep_reserve()
            return group
        if any(request.frees_space for request in group):
            self._space.release_reserve()
        admitted = []
        for request in group:
            if request.frees_space or not request.writes:
                admitted.append(request)
            else:
                request.future.set_exception(_full(self.path))
        return admitted

    def _write(self, group: list[Request]) -> list[Request]:
        """Prepare and commit the group; return the requests whose writes are durable."""
        if not group:
            return []
        # After a failed write of its meta page LMDB refuses readers too, and it is not known which
        # state a new reader would see: the snapshot from before is what memory shows, until the
        # restart. The same holds when the commit is durable and the side file fails.
        before = self._environment.handle.begin()
        try:
            prepared = self._write_and_commit(group)
            if any(request.writes for request in prepared):
                self._side_file.write(self._record.number)
        except BaseException:
            self._frozen = before
            raise
        before.abort()
        return prepared

    def _write_and_commit(self, group: list[Request]) -> list[Request]:
        transaction = self._environment.handle.begin(write=True)
        try:
            prepared, last_sequence, checkpoint = self._prepare_all(group, transaction)
            if not any(request.writes for request in prepared):
                transaction.abort()
                return prepared
            record = put_commit_record(
                self._environment, transaction, self._record.number + 1, checkpoint, last_sequence
            )
            transaction.commit()
        except lmdb.Error as error:
            transaction.abort()
            if not self._is_lack_of_space(error):
                raise
            self._fail_for_space([request for request in group if not request.future.done()])
            return []
        except BaseException:
            transaction.abort()
            raise
        self._record = record
        return prepared

    def _prepare_all(
        self, group: list[Request], parent: "lmdb.Transaction[bytes]"
    ) -> tuple[list[Request], int, int]:
        """Return the requests whose `prepare` went well, and the log's new ends."""
        last_sequence, checkpoint = self._record.last_sequence, self._record.checkpoint
        prepared = []
        for request in group:
            ends = self._prepare(request, parent, last_sequence, checkpoint)
            if ends is not None:
                last_sequence, checkpoint = ends
                prepared.append(request)
        return prepared, last_sequence, checkpoint

    def _prepare(
        self,
        request: Request,
        parent: "lmdb.Transaction[bytes]",
        last_sequence: int,
        checkpoint: int,
    ) -> tuple[int, int] | None:
        """Run one request in a child transaction: one that raises leaves nothing behind (4 µs)."""
        child = self._environment.handle.begin(parent=parent, write=True)
        transaction = WriteTransaction(self._environment, child, last_sequence, checkpoint)
        try:
            request.prepared = request.prepare(transaction)
            child.commit()
        except Exception as error:  # told to the caller, or poison.
            child.abort()
            if isinstance(error, lmdb.Error):
                if not isinstance(error, _REQUEST_ERRORS):
                    raise
                error = BadInput(f"the write does not fit into one transaction: {error}")
            elif isinstance(error, StorageDamaged):
                raise
            request.future.set_exception(error)
            return None
        return transaction.last_sequence, transaction.checkpoint

    def _fail_for_space(self, group: list[Request]) -> None:
        # LMDB survives a lack of space in data pages, not in its meta page: then this raises.
        self._environment.handle.begin(write=True).abort()
        self._space.recover()
        for request in group:
            request.future.set_exception(_full(self.path))

    def _is_lack_of_space(self, error: lmdb.Error) -> bool:
        """Tell a clean lack of space: LMDB calls a write that was cut short by it EIO."""
        if isinstance(error, lmdb.MapFullError) or error.code in NO_SPACE:
            return True
        return error.code == errno.EIO and self._space.is_exhausted()

    def _poison(self, error: BaseException, group: list[Request]) -> None:
        if self.poisoned is None:
            self.poisoned = error
        for request in group:
            if not request.future.done():
                request.future.set_exception(self._poison_error())

    def _poison_error(self) -> ShardPoisoned:
        error = ShardPoisoned(
            f"{self.path} stopped accepting writes after a failed commit ({self.poisoned}); "
            "reads go on; restart to read what is on disk"
        )
        error.__cause__ = self.poisoned
        return error


def _check(path: Path, reader: Reader, noted: int) -> CommitRecord:
    """Return the commit record, after comparing it with the tables and the side file."""
    record = reader.commit_record()
    ends = reader.log_ends()
    expected = None
    if record.last_sequence > record.checkpoint:
        expected = (record.checkpoint + 1, record.last_sequence)
    problem = ""
    if record.number < noted:
        problem = f"it holds commit {record.number}, but commit {noted} was made"
    elif record.rows != (rows := reader.stored_rows()):
        problem = f"tables {TABLES} hold {rows} rows, {record.rows} were committed"
    elif ends != expected or rows[0] != record.last_sequence - record.checkpoint:
        problem = f"its log holds {rows[0]} entries, from and to {ends}; expected {expected}"
    if problem:
        raise StorageDamaged(
            f"{path / STORE_FOLDER} is damaged: {problem}; "
            "restore the shard from a snapshot or another replica"
        )
    return record


def _refuse_orphans(path: Path) -> None:
    """Refuse a folder whose environment is gone while files that belong to it are there."""
    database = path / STORE_FOLDER / "data.mdb"
    if not is_fresh(path / STORE_FOLDER):
        return
    segments = path / SEGMENTS_FOLDER
    if (path / SIDE_FILE).exists() or (segments.is_dir() and any(segments.iterdir())):
        raise StorageDamaged(
            f"{database} is missing or empty beside files that belong to it; nothing was removed; "
            "restore the shard from a snapshot, or remove its folder if nothing in it is needed"
        )


def _full(path: Path) -> StorageFull:
    return StorageFull(
        f"the disk of {path} has less than {FREE_SPACE_MARK_BYTES >> 20} MiB left; "
        "delete points or free disk space, writes then resume by themselves"
    )
