"""Is every byte of this shard what was written?

Reads the pages of the environment, every value, the log's density, the pairs of ids and points, and
every segment that the manifest names. `ruvector verify` prints what it yields.

Threads: one; beside a writer in another process the page walk is left out, because the pages
change. It repairs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lmdb

from ruvector.errors import StorageDamaged
from ruvector.storage.environment import has_live_writer
from ruvector.storage.garbage import segments_of
from ruvector.storage.page_check import check_pages
from ruvector.storage.segment_file import SegmentFile
from ruvector.storage.shard_store import SEGMENTS_FOLDER, STORE_FOLDER, ShardStore
from ruvector.storage.transaction import Reader


@dataclass(frozen=True, slots=True)
class Damage:
    """One finding: the file, and what is wrong with it."""

    file: Path
    what: str


def verify_shard(path: Path) -> Iterator[Damage]:
    """Yield everything that is wrong with the shard in `path`; nothing when it is sound.

    The shard must not be open in this process (StorageLocked). After damage to pages the values are
    not read: they cannot be reached safely. Cost: one pass over all bytes.
    """
    database = path / STORE_FOLDER / "data.mdb"
    if not has_live_writer(path / STORE_FOLDER):
        broken = False
        for problem in check_pages(database):
            broken = True
            yield Damage(database, problem)
        if broken:
            return
    try:
        store = ShardStore.open(path, read_only=True)
    except StorageDamaged as error:
        yield Damage(database, error.message)
        return
    try:
        with store.read() as reader:
            for what in problems_of(reader):
                yield Damage(database, what)
            yield from _segments(path, reader)
    finally:
        store.close()


def problems_of(reader: Reader) -> Iterator[str]:
    """Yield what is wrong with the values of an open store; one pass over all of them."""
    checks = (_check_manifest, _check_log, _check_pairs)
    for check in checks:
        try:
            yield from check(reader)
        except (StorageDamaged, lmdb.Error) as error:
            yield str(error)


def _check_manifest(reader: Reader) -> Iterator[str]:
    for key in reader.manifest_keys():
        reader.manifest(key)
    yield from ()


def _check_log(reader: Reader) -> Iterator[str]:
    record = reader.commit_record()
    read = sum(1 for _ in reader.log_after(record.checkpoint))
    if read != record.rows[0]:
        yield f"the log holds {read} entries, {record.rows[0]} were committed"


def _check_pairs(reader: Reader) -> Iterator[str]:
    owners: dict[int, bytes] = {}
    for key, row in reader.ids_from(None):
        other = owners.setdefault(row, key)
        if other != key:
            yield f"row {row} belongs to two ids, {other.hex()} and {key.hex()}"
    stored = {row for row, _ in reader.all_points()}
    for row in sorted(owners.keys() - stored):
        yield f"id {owners[row].hex()} points to row {row}, which has no record"
    for row in sorted(stored - owners.keys()):
        yield f"row {row} has a record, but no id points to it"


def _segments(path: Path, reader: Reader) -> Iterator[Damage]:
    try:
        segments = segments_of(reader)
    except StorageDamaged as error:
        yield Damage(path / STORE_FOLDER / "data.mdb", error.message)
        return
    for segment in segments:
        file = path / SEGMENTS_FOLDER / str(segment["file"])
        try:
            opened = SegmentFile.open(file)
        except StorageDamaged as error:
            yield Damage(file, error.message)
            continue
        for name, found in (("size_bytes", opened.size_bytes), ("crc", opened.crc)):
            if segment.get(name) != found:
                yield Damage(
                    file, f"has {name} {found}, the manifest says {segment.get(name)}: another file"
                )
        opened.close()
