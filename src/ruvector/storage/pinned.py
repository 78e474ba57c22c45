"""What does a shard look like at one moment, for whoever copies it?

A read transaction, and the segment files that its manifest names, which stay until `release`. Both
are of the same commit, so a copy of them is the state after one sequence of the log.

Threads: one `Pinned` belongs to one thread at a time.
"""

import os
from pathlib import Path

from ruvector.errors import StorageDamaged, StorageLocked
from ruvector.storage.garbage import segments_of
from ruvector.storage.shard_store import ShardStore
from ruvector.storage.transaction import Reader

_TRIES = 10  # of taking a moment while maintenance replaces files


def pin(store: ShardStore) -> "Pinned":
    """Return the state of a shard as of now, to be released soon.

    Errors: StorageLocked when it was opened read-only, because the process that writes would not
    know of the pins; ShardPoisoned.
    """
    if store.read_only:
        raise StorageLocked(
            f"{store.path} was opened with read_only=True; only a writer makes snapshots"
        )
    store.refuse_poisoned()
    for _ in range(_TRIES):
        reader = store.read()
        try:
            names = [str(segment["file"]) for segment in segments_of(reader)]
            if store.pins.hold(names):
                return Pinned(store, reader, names)
        except BaseException:
            reader.__exit__(None, None, None)
            raise
        reader.__exit__(None, None, None)  # a file was replaced in between: the next one knows
    raise StorageDamaged(f"{store.path}: a segment file that the manifest names is missing")


class Pinned:
    """A shard's state at one moment; `copy_tables` once, then `release`."""

    def __init__(self, store: ShardStore, reader: Reader, files: list[str]) -> None:
        self._store = store
        self._reader: Reader | None = reader
        self.files = files
        self.segments_path = store.segments_path
        record = reader.commit_record()
        self.sequence, self.checkpoint = record.last_sequence, record.checkpoint
        self.points = record.rows[2]
        self.tables_bytes = sum(reader.table_bytes().values())

    def copy_tables(self, path: Path) -> None:
        """Write the tables as a new LMDB file without free pages; not synced.

        Cost: about 1 ms per MiB, without the interpreter's lock.
        """
        assert self._reader is not None, "tables are copied once"  # noqa: S101
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self._reader.copy(descriptor)
        finally:
            os.close(descriptor)
            self._end_reading()

    def release(self) -> None:
        """Let go of the files and of the read transaction."""
        self._end_reading()
        self._store.pins.release(self.files)
        self.files = []

    def _end_reading(self) -> None:
        if self._reader is not None:
            self._reader.__exit__(None, None, None)
            self._reader = None
            self._store.pins.release_tables()
