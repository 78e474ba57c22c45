"""How does a state become one file, while writes go on?

The tables of every collection are copied first, each within its read transaction, and only then the
segment files, which never change and stay while they are held. So writers wait for nothing, and
LMDB keeps old pages only for as long as the tables take.

Memory: one piece of 1 MiB. Room: the snapshot and, until it is complete, the tables once more.
"""

import contextlib
import os
import time
from pathlib import Path

from ruvector.collection.moment import CollectionMoment, Moment
from ruvector.errors import StorageFull, Unavailable
from ruvector.model.version import own_version
from ruvector.snapshots.archive import (
    FORMAT,
    MANIFEST,
    TABLES,
    Manifest,
    SnapshotCollection,
    SnapshotFile,
    encode_manifest,
)
from ruvector.snapshots.folder import SnapshotFolder
from ruvector.snapshots.tar import ArchiveWriter
from ruvector.storage.environment import NO_SPACE
from ruvector.storage.files import drop_from_cache
from ruvector.storage.shard_store import SEGMENTS_FOLDER


def write_snapshot(folder: SnapshotFolder, kind: str, moment: Moment) -> tuple[Path, str]:
    """Write the state as a synced temporary file; return it and its SHA-256.

    Errors: StorageFull; Unavailable where a collection was deleted or replaced meanwhile. Then
    nothing is left.
    """
    staged = folder.temporary()
    tables = [staged.with_name(f"{staged.name}.{n}") for n in range(len(moment.collections))]
    try:
        folder.need_room(_size_of(moment))
        for path, collection in zip(tables, moment.collections, strict=True):
            collection.shard.copy_tables(path)
        checksum = _write(staged, kind, moment, tables)
    except FileNotFoundError as error:
        staged.unlink(missing_ok=True)
        raise Unavailable(
            "a collection was deleted or restored while its snapshot was made; try again"
        ) from error
    except OSError as error:
        staged.unlink(missing_ok=True)
        if error.errno in NO_SPACE:
            raise StorageFull(f"no space for a snapshot in {folder.root}") from error
        raise
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    finally:
        for path in tables:
            path.unlink(missing_ok=True)
    return staged, checksum


def _write(staged: Path, kind: str, moment: Moment, tables: list[Path]) -> str:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(staged, flags, 0o644)
    try:
        writer = ArchiveWriter(descriptor)
        listed: list[SnapshotFile] = []
        for number, (collection, path) in enumerate(zip(moment.collections, tables, strict=True)):
            _add(writer, listed, f"{number}/{TABLES}", path)
            path.unlink()
            for name in collection.shard.files:
                source = collection.shard.segments_path / name
                _add(writer, listed, f"{number}/{SEGMENTS_FOLDER}/{name}", source)
        writer.add_bytes(MANIFEST, encode_manifest(_manifest(kind, moment, listed)))
        checksum = writer.finish()
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    drop_from_cache(staged)  # it is not read soon, and what searches read should stay
    return checksum


def _add(writer: ArchiveWriter, listed: list[SnapshotFile], name: str, path: Path) -> None:
    listed.append(SnapshotFile(name, *writer.add_file(name, path)))


def _manifest(kind: str, moment: Moment, listed: list[SnapshotFile]) -> Manifest:
    return Manifest(
        format=FORMAT,
        kind=kind,
        version=own_version(),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        collections=[
            SnapshotCollection(
                name=each.name,
                config=each.config,
                sequence=each.shard.sequence,
                points=each.shard.points,
            )
            for each in moment.collections
        ],
        aliases=moment.aliases,
        files=listed,
    )


def _size_of(moment: Moment) -> int:
    """Return how much room a snapshot needs, tables counted twice."""
    return sum(map(_size_of_collection, moment.collections))


def _size_of_collection(collection: CollectionMoment) -> int:
    size = 2 * collection.shard.tables_bytes
    for name in collection.shard.files:
        with contextlib.suppress(FileNotFoundError):  # deleted: copying it says so
            size += (collection.shard.segments_path / name).stat().st_size
    return size
