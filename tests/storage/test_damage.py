"""Damage is noticed, named and never served; it never kills the process."""

import json
import random
import shutil
from pathlib import Path

import lmdb
import numpy as np
import pytest
from tests.storage.storage_samples import key_of, run_child, write_points

from ruvector.errors import StorageDamaged, StorageLocked
from ruvector.storage import (
    Damage,
    SegmentFile,
    ShardStore,
    remove_garbage,
    verify_shard,
    write_segment,
)
from ruvector.storage.environment import MAP_SIZE_BYTES

pytestmark = pytest.mark.crash


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a closed shard of 300 points, 30 log entries and one segment."""
    store = ShardStore.open(tmp_path / "shard", create=True)
    for start in range(0, 300, 10):
        write_points(store, range(start, start + 10))
    file = store.segments_path / "a.segment"
    crc = write_segment(file, {"x": np.arange(1000, dtype=np.uint32)}, {})
    named = [{"file": "a.segment", "size_bytes": file.stat().st_size, "crc": crc}]
    store.commit(
        lambda t: t.put_manifest("segments", json.dumps(named).encode()), lambda _: None
    ).result()
    store.close()
    return tmp_path / "shard"


def _damages(path: Path) -> list[Damage]:
    return list(verify_shard(path))


def _edit(path: Path, table: bytes, key: bytes, value: bytes | None) -> None:
    """Change one row behind the store's back."""
    handle = lmdb.open(str(path / "store"), map_size=MAP_SIZE_BYTES, max_dbs=4)
    with handle.begin(write=True, db=handle.open_db(table)) as transaction:
        if value is None:
            assert transaction.delete(key)
        else:
            assert transaction.put(key, value)
    handle.close()


def _stored(path: Path, table: bytes, key: bytes) -> bytes:
    handle = lmdb.open(str(path / "store"), map_size=MAP_SIZE_BYTES, max_dbs=4)
    with handle.begin(db=handle.open_db(table)) as transaction:
        value = transaction.get(key)
    handle.close()
    assert value is not None
    return value


def test_a_sound_shard_has_no_damage(path: Path) -> None:
    assert _damages(path) == []


@pytest.mark.parametrize("sequence", [1, 15, 30])
def test_a_hole_in_the_log_is_damage(path: Path, sequence: int) -> None:
    _edit(path, b"log", sequence.to_bytes(8, "big"), None)
    with pytest.raises(StorageDamaged, match="rows"):
        ShardStore.open(path)
    assert _damages(path)


def test_a_hole_that_keeps_the_count_is_damage(path: Path) -> None:
    value = _stored(path, b"log", (15).to_bytes(8, "big"))
    _edit(path, b"log", (15).to_bytes(8, "big"), None)
    _edit(path, b"log", (31).to_bytes(8, "big"), value)
    with pytest.raises(StorageDamaged, match="log"):
        ShardStore.open(path)


def test_a_moved_hole_is_found_when_the_log_is_read(path: Path) -> None:
    value = _stored(path, b"log", (15).to_bytes(8, "big"))
    _edit(path, b"log", (15).to_bytes(8, "big"), None)
    _edit(path, b"log", (15).to_bytes(8, "big") + b"x", value)
    store = ShardStore.open(path)
    with store.read() as reader, pytest.raises(StorageDamaged, match="entry 15"):
        list(reader.log_after(0))
    store.close()


@pytest.mark.parametrize("table", ["ids", "points", "manifest"])
def test_a_missing_row_is_damage(path: Path, table: str) -> None:
    key = {"ids": key_of(7), "points": (7).to_bytes(4, "big"), "manifest": b"segments"}[table]
    _edit(path, table.encode(), key, None)
    with pytest.raises(StorageDamaged, match="rows"):
        ShardStore.open(path)


def test_a_value_under_another_key_or_table_is_damage(path: Path) -> None:
    record = _stored(path, b"points", (8).to_bytes(4, "big"))
    _edit(path, b"points", (7).to_bytes(4, "big"), record)
    _edit(path, b"ids", key_of(7), _stored(path, b"ids", key_of(8)))
    store = ShardStore.open(path)
    with store.read() as reader:
        with pytest.raises(StorageDamaged, match="table points"):
            reader.points([7])
        with pytest.raises(StorageDamaged, match="table points"):
            list(reader.all_points())
        with pytest.raises(StorageDamaged, match="table ids"):
            reader.rows_of([key_of(7)])
        assert reader.points([8]) == [b"record 8"]
    store.close()
    assert {damage.file.name for damage in _damages(path)} == {"data.mdb"}


def test_an_id_without_its_point_is_found_by_verify(path: Path) -> None:
    store = ShardStore.open(path)
    store.commit(lambda t: t.delete_points([5]), lambda _: None).result()
    store.commit(lambda t: t.put_ids([(b"second", 6)]), lambda _: None).result()
    store.close()
    text = " ".join(damage.what for damage in _damages(path))
    assert "row 5, which has no record" in text
    assert "row 6 belongs to two ids" in text


def test_an_environment_older_than_the_side_file_is_damage(path: Path) -> None:
    older = path.parent / "older"
    shutil.copytree(path / "store", older)
    store = ShardStore.open(path)
    write_points(store, range(3))
    store.close()
    shutil.rmtree(path / "store")
    shutil.copytree(older, path / "store")
    with pytest.raises(StorageDamaged, match="commit 33 was made"):
        ShardStore.open(path)


def test_a_missing_or_empty_environment_is_not_created_anew(path: Path) -> None:
    (path / "store" / "data.mdb").write_bytes(b"")
    for create in (True, False):
        with pytest.raises(StorageDamaged, match="nothing was removed"):
            ShardStore.open(path, create=create)
    shutil.rmtree(path / "store")
    for create in (True, False):
        with pytest.raises(StorageDamaged, match="nothing was removed"):
            ShardStore.open(path, create=create)
    (path / "last_commit").unlink()
    with pytest.raises(StorageDamaged, match="nothing was removed"):
        ShardStore.open(path, create=True)
    lmdb.open(str(path / "store"), max_dbs=4).close()
    with pytest.raises(StorageDamaged):
        ShardStore.open(path, create=True)
    assert (path / "segments" / "a.segment").exists()


def test_a_missing_shard_is_not_opened_without_create(tmp_path: Path) -> None:
    for read_only in (True, False):
        with pytest.raises(StorageDamaged, match="no database file"):
            ShardStore.open(tmp_path / "none", read_only=read_only)
    with pytest.raises(StorageDamaged, match="no database file"):
        ShardStore.open(tmp_path / "none", read_only=True, create=True)
    assert not (tmp_path / "none").exists()


def test_a_truncated_or_foreign_database_file_is_an_error_not_a_signal(path: Path) -> None:
    database = path / "store" / "data.mdb"
    content = database.read_bytes()
    for wrong in (content[:100], content[:4096], content[: len(content) // 2], b"x" * 20_000):
        database.write_bytes(wrong)
        with pytest.raises(StorageDamaged):
            ShardStore.open(path)
        with pytest.raises(StorageDamaged):
            ShardStore.open(path, read_only=True)
        assert _damages(path)[0].file == database


_READ_ALL = """
import sys
from pathlib import Path
from ruvector.errors import StorageDamaged
from ruvector.storage import ShardStore
source, database, positions = Path(sys.argv[1]), Path(sys.argv[1]) / "store/data.mdb", sys.argv[2:]
content = database.read_bytes()

def state():
    store = ShardStore.open(source)
    try:
        with store.read() as reader:
            ids = list(reader.ids_from(None))
            return (list(reader.log_after(0)), ids, list(reader.all_points()),
                    reader.rows_of([key for key, _ in expected[1]]) if expected else None,
                    reader.points([row for _, row in expected[1]]) if expected else None,
                    reader.manifest("segments"))
    finally:
        store.close()

expected = None
expected = state()
expected = state()
for position in map(int, positions):
    flipped = bytearray(content)
    flipped[position // 8] ^= 1 << position % 8
    database.write_bytes(flipped)
    print(position, flush=True)
    try:
        if state() != expected:
            sys.exit(f"silent at bit {position}")
    except StorageDamaged:
        pass
"""


def test_no_flipped_bit_is_silent_or_fatal(path: Path) -> None:
    size = (path / "store" / "data.mdb").stat().st_size
    draw = random.Random(1)
    headers = [draw.randrange(0, size, 4096) * 8 + draw.randrange(256 * 8) for _ in range(120)]
    anywhere = [draw.randrange(size * 8) for _ in range(60)]
    metas = [4096 * 8 * (number % 2) + draw.randrange(170 * 8) for number in range(60)]
    child = run_child(_READ_ALL, path, *headers, *anywhere, *metas)
    assert child.returncode == 0, (child.returncode, child.stderr, child.stdout[-20:])


def test_damage_in_the_small_files_never_stops_a_sound_shard(path: Path) -> None:
    for name in ("store/state", "store/lock.mdb", "last_commit"):
        content = (path / name).read_bytes()
        for wrong in (b"", content[:-1], b"\xff" * len(content)):
            (path / name).write_bytes(wrong)
            store = ShardStore.open(path)
            assert store.last_sequence == 30
            store.close()


def test_verify_names_a_segment_that_is_missing_altered_or_another(path: Path) -> None:
    file = path / "segments" / "a.segment"
    content = file.read_bytes()
    file.write_bytes(content[:-100] + b"x" + content[-99:])
    assert [damage.file for damage in _damages(path)] == [file]
    file.unlink()
    assert [damage.file for damage in _damages(path)] == [file]
    write_segment(file, {"x": np.arange(1000, dtype=np.uint32)[::-1]}, {})
    assert "another file" in _damages(path)[0].what


def test_garbage_is_what_the_manifest_does_not_name(path: Path) -> None:
    segments = path / "segments"
    shutil.copy(segments / "a.segment", segments / "b.segment")
    (segments / "c.segment.partial").write_bytes(b"half")
    (path / "last_commit.partial").write_bytes(b"half")
    store = ShardStore.open(path, read_only=True)
    with pytest.raises(StorageLocked):
        remove_garbage(store)
    store.close()
    store = ShardStore.open(path)
    assert remove_garbage(store) == ["b.segment", "c.segment.partial", "last_commit.partial"]
    assert remove_garbage(store) == []
    store.close()
    SegmentFile.open(segments / "a.segment").close()
    assert _damages(path) == []
