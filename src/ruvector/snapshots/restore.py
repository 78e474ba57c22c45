"""How does a snapshot become collections again, all of it or nothing?

The files are unpacked into folders that no collection has, checked against the manifest, opened
with every page, value and segment checked, and then named in one commit of the catalog, which is
also what replaces collections of the same names. A crash before the commit leaves folders that the
next start removes; one after it leaves the old folders, which go the same way.
"""

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ruvector.collection.catalog import Catalog, Incoming
from ruvector.collection.collection import Collection
from ruvector.collection.kept_log import forget_log
from ruvector.errors import (
    BadInput,
    ChecksumMismatch,
    RuvectorError,
    ShardPoisoned,
    StorageDamaged,
    StorageFull,
)
from ruvector.model.configs import CollectionConfig
from ruvector.snapshots.archive import SnapshotArchive
from ruvector.snapshots.folder import SPARE_BYTES
from ruvector.snapshots.tar import digest_of
from ruvector.snapshots.until import Gone, Moment, bring_to
from ruvector.storage import files
from ruvector.storage.environment import NO_SPACE
from ruvector.storage.shard_store import ShardStore
from ruvector.storage.verify import problems_of

_log = logging.getLogger("ruvector.snapshots")


class Unpacked(NamedTuple):
    """A collection that nobody sees yet, and the log that was applied to it, "" for none."""

    incoming: Incoming
    log: str


def restore_collection(
    catalog: Catalog,
    path: Path,
    name: str,
    checksum: str | None,
    *,
    is_shard: bool = False,
    moment: Moment | None = None,
) -> None:
    """Make a collection what the snapshot in a file says, or what it was at a later moment.

    `is_shard`: the collection must exist, with the same vectors, and keeps its settings.
    Errors: BadInput and ChecksumMismatch where the file is not a sound snapshot; StorageFull. Then
    the collection is as it was.
    """
    name = catalog.resolve(name)
    config = catalog.get(name).config if is_shard else None
    _check_digest(path, checksum)
    with SnapshotArchive(path) as archive:
        number = _number_of(archive, name)
        stored = archive.manifest.collections[number].config
        if config is not None and not _same_shape(config, stored):
            raise BadInput(
                f"the shard in the snapshot has other vectors than collection {name}; "
                "recover the collection instead of its shard"
            )
        _need_room(catalog, archive.size_bytes)
        incoming = [_unpacked(catalog, archive, number, name, config or stored, moment).incoming]
    _adopt(catalog, incoming, {})


def restore_all(
    catalog: Catalog, path: Path, checksum: str | None, moment: Moment | None = None
) -> None:
    """Make every collection and alias of a snapshot of the whole storage what it says there.

    With a moment, each collection what it was then; one that had been deleted by then is left out,
    and so are its aliases. Errors: as of `restore_collection`, with the collection's name.
    """
    if moment is not None and moment.until.operation is not None:
        raise BadInput(
            f"operation {moment.until.operation} is one of a single collection's log; name a time, "
            'or "latest"'
        )
    _check_digest(path, checksum)
    incoming: list[Incoming] = []
    logs: set[str] = set()
    gone: set[str] = set()
    with SnapshotArchive(path) as archive:
        if archive.manifest.kind != "storage":
            raise BadInput(
                f"this is the snapshot of a {archive.manifest.kind}, not of the whole storage; "
                "recover it under the name of a collection"
            )
        _need_room(catalog, archive.size_bytes)
        try:
            for number, each in enumerate(archive.manifest.collections):
                try:
                    done = _unpacked(catalog, archive, number, each.name, each.config, moment)
                except Gone as error:
                    _log.warning("%s", error.message)
                    gone.add(each.name)
                    continue
                except BadInput as error:
                    raise BadInput(f"collection {each.name}: {error.message}") from error
                incoming.append(done.incoming)
                logs.add(done.log)
        except BaseException:
            _drop(incoming)
            raise
        aliases = {a: name for a, name in archive.manifest.aliases.items() if name not in gone}
    if moment is not None and moment.until.time is not None:
        for name in moment.claims.beside(logs, moment.until.time):
            _log.warning("collection %s is in no snapshot of that moment, and was let be", name)
    _adopt(catalog, incoming, aliases)


def _check_digest(path: Path, checksum: str | None) -> None:
    if checksum is not None and (found := digest_of(path)) != checksum:
        raise ChecksumMismatch(f"expected {checksum}, the snapshot has {found}")


def _number_of(archive: SnapshotArchive, name: str) -> int:
    """Return which collection of the snapshot is meant: the only one, or that of the name."""
    if archive.manifest.kind != "storage":
        return 0
    names = [collection.name for collection in archive.manifest.collections]
    if name not in names:
        raise BadInput(f"the snapshot of the whole storage has no collection {name}")
    return names.index(name)


def _same_shape(one: CollectionConfig, other: CollectionConfig) -> bool:
    return _shape(one) == _shape(other)


def _shape(config: CollectionConfig) -> object:
    dense = {
        name: (params.size, params.distance, params.datatype, params.is_multi)
        for name, params in config.params.vectors.items()
    }
    return dense, set(config.params.sparse_vectors or ()), config.name_numbers


def _need_room(catalog: Catalog, size_bytes: int) -> None:
    status = os.statvfs(catalog.root)
    free = status.f_bavail * status.f_frsize
    if free < size_bytes + SPARE_BYTES:
        raise StorageFull(
            f"the snapshot takes {size_bytes >> 20} MiB beside what is there, {free >> 20} MiB are "
            f"free and {SPARE_BYTES >> 20} must stay so; free disk space"
        )


def _unpacked(
    catalog: Catalog,
    archive: SnapshotArchive,
    number: int,
    name: str,
    config: CollectionConfig,
    moment: Moment | None = None,
) -> Unpacked:
    """Return a collection of the snapshot, opened in a folder of its own."""
    folder, log = catalog.reserve_folder(), ""
    try:
        archive.unpack(number, folder)
        _check_values(folder)
        collection = Collection.open(folder, config, clock=catalog.clock, is_copy=True)
        try:
            if moment is not None:
                origin = archive.manifest.collections[number].name
                log = bring_to(catalog, moment, collection, origin)
            forget_log(collection.shard)
            collection.begin(None)
        except BaseException:
            collection.close()
            raise
        return Unpacked(Incoming(name, folder, collection), log)
    except BaseException as error:
        files.remove_folder(folder)
        if isinstance(error, StorageDamaged):
            text = error.message.replace(str(folder), "the snapshot").partition(";")[0]
            raise BadInput(f"the snapshot is damaged: {text}") from error
        if isinstance(error, RuvectorError) or not isinstance(error, Exception):
            raise
        if isinstance(error, OSError):
            if error.errno in NO_SPACE:
                raise StorageFull("no space to restore the snapshot; free disk space") from error
            raise
        # Content that passes every checksum can still be written by an enemy.
        raise BadInput(f"the snapshot cannot be read: {type(error).__name__}") from error


def _check_values(folder: Path) -> None:
    """Read all pages and values; StorageDamaged where they do not hold together."""
    store = ShardStore.open(folder)
    try:
        with store.read() as reader:
            problem = next(problems_of(reader), None)
    finally:
        store.close()
    if problem is not None:
        raise StorageDamaged(problem)


def _adopt(catalog: Catalog, incoming: Sequence[Incoming], aliases: dict[str, str]) -> None:
    try:
        catalog.adopt(incoming, aliases)
    except BaseException as error:
        # A commit that failed otherwise may have named the folders: the next start knows.
        _drop(incoming, keep_files=isinstance(error, ShardPoisoned))
        raise


def _drop(incoming: Sequence[Incoming], *, keep_files: bool = False) -> None:
    for each in incoming:
        with contextlib.suppress(RuvectorError):
            each.collection.close()
        if not keep_files:
            files.remove_folder(each.path)
