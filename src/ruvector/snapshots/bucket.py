"""How are snapshots kept in a bucket of S3, or of anything that speaks it?

The names are those of the local folder, as keys. A snapshot is made in the local `tmp/`, sent in
parts of PART_BYTES, several at a time, and its checksum after it: what a listing shows is complete.
A part or a read that breaks off is sent or read again, at most ATTEMPTS times. A process that dies
in between leaves parts that no listing shows; a rule of the bucket removes them.

Needs the extra `s3` (obstore). Threads: any.
"""

import contextlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from ruvector.errors import BadInput, NotFound, Unavailable
from ruvector.model.names import check_name
from ruvector.model.snapshots import SnapshotDescription
from ruvector.snapshots.folder import (
    CHECKSUM_SUFFIX,
    COVERAGE,
    COVERAGE_SUFFIX,
    LOG,
    PIECE_SUFFIX,
    SUFFIX,
    TEMPORARY,
    Group,
    SnapshotFolder,
    Upload,
)
from ruvector.snapshots.settings import S3Settings

PART_BYTES = 16 << 20  # S3 takes 10,000 parts: snapshots of up to 160 GB
PARTS_AT_ONCE = 4  # so that 64 MiB are in memory at most
PIECE_BYTES = 4 << 20
ATTEMPTS = 5
TIMEOUT_SECONDS = 60
MOST_LISTED = 10_000


class SnapshotBucket(SnapshotFolder):
    """The snapshots of one data folder in a bucket; `root` holds what is being made."""

    def __init__(self, root: Path, settings: S3Settings, temporary: str = TEMPORARY) -> None:
        super().__init__(root, temporary)
        try:
            import obstore
            from obstore.exceptions import BaseError, NotFoundError
            from obstore.store import S3Store
        except ImportError as error:
            raise BadInput(
                "snapshots in S3 need obstore, which is not installed: pip install ruvector[s3]"
            ) from error
        given = {
            "region": settings.region,
            "access_key_id": settings.access_key,
            "secret_access_key": settings.secret_key,
            "endpoint": settings.endpoint_url,
        }
        self._api: Any = obstore
        # Some of its errors are Python's own.
        self._failure, self._missing = (BaseError, OSError), (NotFoundError, FileNotFoundError)
        self._store = S3Store(
            settings.bucket,
            config={name: value for name, value in given.items() if value},  # type: ignore[arg-type]
            client_options={
                "allow_http": (settings.endpoint_url or "").startswith("http://"),
                "timeout": timedelta(seconds=TIMEOUT_SECONDS),
            },
            retry_config={"max_retries": ATTEMPTS},
        )

    def new_name(self, group: Group, stem: str) -> str:
        """Return a name that no snapshot in the bucket has."""
        while True:
            name = super().new_name(group, stem)
            try:
                self.describe(group, name)
            except NotFound:
                return name

    def keep(self, staged: Path, group: Group, name: str, checksum: str) -> SnapshotDescription:
        """Send a temporary file; it is gone afterwards, whatever happens."""
        key = _key(group, name)
        try:
            with self._speaking():
                self._api.put(
                    self._store,
                    key,
                    staged,
                    use_multipart=True,
                    chunk_size=PART_BYTES,
                    max_concurrency=PARTS_AT_ONCE,
                )
                self._api.put(self._store, key + CHECKSUM_SUFFIX, checksum.encode())
        finally:
            staged.unlink(missing_ok=True)
            self.give_up(group, name)
        return self.describe(group, name)

    def list(self, group: Group) -> list[SnapshotDescription]:
        """Return the snapshots of a group, the oldest first; the first MOST_LISTED of them."""
        prefix, found = _key(group, ""), []
        with self._speaking():
            for chunk in self._api.list(self._store, prefix):
                found += [meta for meta in chunk if "/" not in meta["path"][len(prefix) :]]
                if len(found) > 2 * MOST_LISTED:
                    break
            sealed = {meta["path"] for meta in found}
            kept = sorted(
                (meta["last_modified"], meta["path"])
                for meta in found
                if meta["path"].endswith(SUFFIX) and meta["path"] + CHECKSUM_SUFFIX in sealed
            )
        return [self.describe(group, path.rpartition("/")[2]) for _, path in kept]

    def exists(self, group: Group) -> bool:
        """Say whether there is a snapshot of this group."""
        return bool(self.list(group))

    def describe(self, group: Group, name: str) -> SnapshotDescription:
        """Return what is known of a snapshot; NotFound."""
        check_name(name, "snapshot name")
        key = _key(group, name)
        with self._speaking(name):
            meta = self._api.head(self._store, key)
            checksum = bytes(self._api.get(self._store, key + CHECKSUM_SUFFIX).bytes())
        return SnapshotDescription(
            name=name,
            creation_time=meta["last_modified"].strftime("%Y-%m-%dT%H:%M:%S"),
            size=meta["size"],
            checksum=checksum.decode(),
        )

    def content(self, group: Group, name: str) -> Iterator[bytes]:
        """Yield a snapshot in pieces; what breaks off goes on where it was."""
        key, size = _key(group, name), self.describe(group, name).size
        return self._pieces(key, size)

    def local(self, group: Group, name: str) -> Path:
        """Return a temporary copy of a snapshot, for a restore."""
        return self._fetched(self.content(group, name), self.describe(group, name).size)

    def remove(self, group: Group, name: str) -> None:
        """Delete a snapshot; NotFound."""
        key = _key(group, self.describe(group, name).name)
        with self._speaking(name):
            self._api.delete(self._store, [key + CHECKSUM_SUFFIX])  # then no listing shows it
            self._api.delete(self._store, [key])

    # Archived logs: a piece is written here first, and gone from here once the bucket has it.

    def piece_names(self, group: Group, log: str) -> Sequence[str]:
        """Return the names of all pieces of a log, sent or not."""
        prefix = _key((*group, LOG, log), "")
        names = set(super().piece_names(group, log))
        with self._speaking():
            for chunk in self._api.list(self._store, prefix):
                names.update(meta["path"][len(prefix) :] for meta in chunk)
        return sorted(names)

    def local_piece(self, group: Group, log: str, name: str) -> Path:
        """Return a file of this machine that holds a piece, fetched if need be."""
        copy = self.temporary()
        with contextlib.suppress(FileNotFoundError):  # sent, maybe just now
            copy.hardlink_to(super().local_piece(group, log, name))
            return copy
        key = _key((*group, LOG, log), name)
        with self._speaking(name):
            size = self._api.head(self._store, key)["size"]
        return self._fetched(self._pieces(key, size), size)

    def ship_pieces(self) -> None:
        """Send the pieces that are here to the bucket, the oldest first."""
        for path in self._local_pieces():
            key = path.relative_to(self.root).as_posix()
            with self._speaking():
                self._api.put(self._store, key, path)
            path.unlink(missing_ok=True)

    def remove_pieces(self, before: float, logs: Collection[str]) -> None:
        """Remove pieces of these logs that were sent before a time, in seconds since 1970."""
        with self._speaking():
            old = [
                meta["path"]
                for chunk in self._api.list(self._store, "collections/")
                for meta in chunk
                if meta["path"].endswith(PIECE_SUFFIX)
                and meta["path"].split("/")[-2] in logs
                and meta["last_modified"].timestamp() < before
            ]
            if old:
                self._api.delete(self._store, old)

    def keep_coverage(self, name: str, content: bytes) -> None:
        """Send how far the archived logs of a database reach; it replaces the last."""
        with self._speaking():
            self._api.put(self._store, _key((COVERAGE,), name), content)

    def coverages(self) -> Sequence[tuple[str, bytes]]:
        """Return name and content of what each database says."""
        with self._speaking():
            keys = sorted(
                meta["path"]
                for chunk in self._api.list(self._store, _key((COVERAGE,), ""))
                for meta in chunk
                if meta["path"].endswith(COVERAGE_SUFFIX)
            )
            return [
                (key.rpartition("/")[2], bytes(self._api.get(self._store, key).bytes()))
                for key in keys
            ]

    def _fetched(self, pieces: Iterator[bytes], size: int) -> Path:
        """Return a temporary file with these bytes."""
        self.need_room(size)
        copy = Upload(self.temporary())
        try:
            for piece in pieces:
                copy.write(piece)
        except BaseException:
            copy.remove()
            raise
        copy.close()
        return copy.path

    def _pieces(self, key: str, size: int) -> Iterator[bytes]:
        offset = failures = 0
        while offset < size:
            end = min(offset + PIECE_BYTES, size)
            try:
                piece = bytes(self._api.get_range(self._store, key, start=offset, end=end))
            except self._missing as error:
                raise NotFound(f"Snapshot {key.rpartition('/')[2]} not found") from error
            except self._failure as error:
                failures += 1
                if failures == ATTEMPTS:
                    raise _unreachable(error) from error
                continue
            offset += len(piece)
            yield piece

    @contextmanager
    def _speaking(self, name: str = "") -> Iterator[None]:
        try:
            yield
        except self._missing as error:
            raise NotFound(f"Snapshot {name} not found") from error
        except self._failure as error:
            raise _unreachable(error) from error


def _key(group: Group, name: str) -> str:
    return "/".join((*group, name))


def _unreachable(error: Exception) -> Unavailable:
    # The error's own text may name keys, paths and addresses.
    return Unavailable(f"the bucket of snapshots does not answer ({type(error).__name__})")
