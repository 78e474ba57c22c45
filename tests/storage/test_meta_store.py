"""Collections' configurations and aliases, and who may write."""

import os
import shutil
import socket
from pathlib import Path

import pytest
from tests.storage.storage_samples import run_child

from ruvector.errors import BadInput, StorageDamaged, StorageLocked
from ruvector.storage import DatabaseLock, MetaStore, ShardStore


def test_changes_are_there_after_reopening(tmp_path: Path) -> None:
    meta = MetaStore.open(tmp_path, create=True)
    assert meta.generation == 0
    meta.commit([("collections", "b", b"2"), ("collections", "a", b"1"), ("aliases", "x", b"a")])
    meta.commit([("collections", "b", None), ("settings", "s", b"")])
    with pytest.raises(BadInput):
        meta.commit([("collections", "c", b"3"), ("nonsense", "x", b"")])
    meta.close()
    meta = MetaStore.open(tmp_path, read_only=True)
    assert meta.items("collections") == {"a": b"1"}
    assert meta.items("aliases") == {"x": b"a"}
    assert meta.items("settings") == {"s": b""}
    assert meta.generation == 2
    with pytest.raises(StorageLocked):
        meta.commit([])
    meta.close()


@pytest.mark.crash
def test_a_missing_or_empty_meta_store_beside_shards_is_damage(tmp_path: Path) -> None:
    MetaStore.open(tmp_path, create=True).close()
    shard = tmp_path / "collections" / "c" / "shards" / "0"
    ShardStore.open(shard, create=True).close()
    # A collection whose creation was cut short: the caller's leftover, not damage.
    MetaStore.open(tmp_path, create=True).close()
    shutil.rmtree(tmp_path / "meta")
    for create in (True, False):
        with pytest.raises(StorageDamaged, match="nothing was removed"):
            MetaStore.open(tmp_path, create=create)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "data.mdb").touch()
    with pytest.raises(StorageDamaged, match="nothing was removed"):
        MetaStore.open(tmp_path, create=True)
    assert (shard / "store" / "data.mdb").exists()


@pytest.mark.crash
def test_every_flip_in_a_value_or_a_rollback_of_the_meta_store_is_noticed(tmp_path: Path) -> None:
    meta = MetaStore.open(tmp_path, create=True)
    meta.commit([("collections", "a", b"the configuration")])
    meta.close()
    shutil.copytree(tmp_path / "meta", tmp_path / "older")
    database = tmp_path / "meta" / "data.mdb"
    content = database.read_bytes()
    position = content.rindex(b"the configuration")
    database.write_bytes(content[:position] + b"T" + content[position + 1 :])
    meta = MetaStore.open(tmp_path)
    with pytest.raises(StorageDamaged, match=r"meta\.collections"):
        meta.items("collections")
    meta.close()
    database.write_bytes(content)
    meta = MetaStore.open(tmp_path)
    meta.commit([("collections", "b", b"")])
    meta.close()
    shutil.copy(tmp_path / "older" / "data.mdb", database)
    with pytest.raises(StorageDamaged, match="damaged"):
        MetaStore.open(tmp_path)


def test_a_missing_meta_store_is_not_opened_without_create(tmp_path: Path) -> None:
    with pytest.raises(StorageDamaged, match="no database file"):
        MetaStore.open(tmp_path)


def test_the_lock_names_its_holder_and_the_way_out(tmp_path: Path) -> None:
    with DatabaseLock.acquire(tmp_path):
        with pytest.raises(StorageLocked, match=rf"process {os.getpid()} \(this one\)"):
            DatabaseLock.acquire(tmp_path)
        child = run_child(
            "import sys; from pathlib import Path; from ruvector.storage import DatabaseLock;"
            "DatabaseLock.acquire(Path(sys.argv[1]))",
            tmp_path,
        )
        expected = f"process {os.getpid()} on host {socket.gethostname()} since "
        assert expected in child.stderr
        assert "read_only=True or stop that process" in child.stderr
    DatabaseLock.acquire(tmp_path).release()


@pytest.mark.crash
def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    child = run_child(
        "import os, sys; from pathlib import Path; from ruvector.storage import DatabaseLock;"
        "lock = DatabaseLock.acquire(Path(sys.argv[1])); os.kill(os.getpid(), 9)",
        tmp_path,
    )
    assert child.returncode == -9
    DatabaseLock.acquire(tmp_path).release()


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = DatabaseLock.acquire(tmp_path)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    try:
        lock.release()
        DatabaseLock.acquire(tmp_path).release()
    finally:
        # The child reads the end of the pipe and goes.
        os.close(writing)
        os.close(reading)
        os.waitpid(child, 0)


def test_a_half_written_first_meta_store_does_not_block_a_start(tmp_path: Path) -> None:
    MetaStore.open(tmp_path / "other", create=True).close()
    first_page = (tmp_path / "other" / "meta" / "data.mdb").read_bytes()[:4096]
    database = tmp_path / "root" / "meta" / "data.mdb"
    database.parent.mkdir(parents=True)
    database.write_bytes(first_page)
    store = MetaStore.open(tmp_path / "root", create=True)
    store.commit([("settings", "key", b"value")])
    store.close()
    # Beside a shard it is damage, and stays as it is.
    ShardStore.open(tmp_path / "root" / "collections" / "one", create=True).close()
    database.write_bytes(first_page)
    with pytest.raises(StorageDamaged):
        MetaStore.open(tmp_path / "root", create=True)
    assert database.read_bytes() == first_page
