"""Is the archive of a log without holes, and are holes and damage refused by name?"""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.snapshots.archived import (
    DIM,
    SETTINGS,
    Database,
    added,
    at,
    filled,
    in_pieces,
    location,
    pieces,
    refused,
)

from ruvector.collection.kept_log import KeptLog
from ruvector.errors import BadInput, RuvectorError
from ruvector.snapshots.archiver import LogArchiver
from ruvector.snapshots.settings import SnapshotSettings
from ruvector.storage import files


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "database")
    yield found
    found.engine.close()


def test_a_missing_piece_is_a_hole_and_refused_by_name(database: Database) -> None:
    snapshot, moments = in_pieces(database)
    first, middle, last = pieces(database)
    middle.unlink()
    for until in ("latest", moments[3].operation, moments[-1].operation, at(moments[4].time)):
        refused(database, snapshot, until, f"operations 4 to 6 are missing.*{last.name}")
    database.client.recover_snapshot("copy", location(database, snapshot), until=3)
    assert database.client.count("copy") == 3
    known = at(moments[2].time)  # nothing else can have come by then, says the first piece
    refused(database, snapshot, known, "operations 4 to 6 are missing")
    database.client.recover_snapshot(
        "copy", location(database, snapshot), until=at(moments[2].time - 1)
    )
    assert database.client.count("copy") == 2
    first.unlink()
    refused(database, snapshot, 1, "operations 1 to 6 are missing")


def test_what_the_archive_does_not_tell_is_refused(database: Database) -> None:
    snapshot, moments = in_pieces(database)
    until = database.collection("docs").archive_log()
    gone = pieces(database)[-1]
    database.client.recover_snapshot("docs", snapshot, until="latest")  # another log begins
    database.now += 1000
    refused(database, snapshot, at(until + 1), "tells what happened until.*latest")
    gone.unlink()
    refused(database, snapshot, moments[-1].operation, "ends at operation 6, before 9")
    refused(database, snapshot, at(moments[-1].time), "ends at operation 6 and tells what happened")
    database.client.recover_snapshot("docs", snapshot, until=at(moments[5].time - 1))
    assert database.client.count("docs") == 5


@pytest.mark.parametrize("kind", ["flip", "cut", "empty", "longer", "renamed", "foreign", "no log"])
def test_a_damaged_piece_is_refused_by_name(database: Database, kind: str) -> None:
    snapshot, moments = in_pieces(database)
    first, middle, _ = pieces(database)
    content = bytearray(middle.read_bytes())
    named = middle.name
    if kind == "flip":
        content[len(content) // 2] ^= 1
    elif kind == "cut":
        del content[-40:]
    elif kind == "empty":
        content.clear()
    elif kind == "longer":
        content += b"\0"
    elif kind == "renamed":
        content = bytearray(first.read_bytes())
    elif kind == "foreign":
        database.client.create_collection("other", dimensions=DIM)
        added(database, range(6), "other")
        database.collection("other").archive_log()
        (path,) = database.log("other").iterdir()
        content = bytearray(path.read_bytes())
        named = middle.with_name(path.name).name
        middle.unlink()
        middle = middle.with_name(named)
    else:
        middle = middle.with_name("7-x.log")
        named = middle.name
    middle.write_bytes(content)
    refused(database, snapshot, "latest", named)
    refused(database, snapshot, moments[-1].operation, named)


def test_every_flipped_byte_of_a_piece_is_noticed(database: Database) -> None:
    snapshot, _ = in_pieces(database, (2,))
    (path,) = pieces(database)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        path.write_bytes(content)
        with pytest.raises(BadInput, match=path.name):
            database.client.recover_snapshot("copy", location(database, snapshot), until="latest")


def test_a_process_that_dies_while_it_archives_leaves_no_hole(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot, moments = in_pieces(database, (3,))
    moments += added(database, range(3, 6))
    real = files.write_all
    left = [2]

    def dies(descriptor: int, part: bytes) -> None:
        left[0] -= 1
        if not left[0]:
            raise SystemError("killed")  # which nobody catches on its way
        real(descriptor, part)

    monkeypatch.setattr(files, "write_all", dies)
    with pytest.raises(SystemError):
        database.collection("docs").archive_log()
    monkeypatch.undo()
    assert any(path.name.endswith(".partial") for path in database.log().iterdir())
    database.crash()
    database.open()
    moments += added(database, range(6, 8))
    for moment in moments:
        database.client.recover_snapshot(
            "copy", location(database, snapshot), until=at(moment.time)
        )
        assert database.client.count("copy") == moment.state


def test_what_a_shard_drops_is_archived_before(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot, _ = filled(database)
    monkeypatch.setattr(database.engine.snapshots.folder, "keep_piece", lambda *_: no_space())
    with pytest.raises(RuvectorError, match="no space for the archived log"):
        database.client.wait_for_index("docs", timeout_seconds=20)
    store = database.collection("docs").shard.store
    assert store.checkpoint == 0
    assert database.client.count("docs") == 8
    monkeypatch.undo()
    database.client.wait_for_index("docs")
    assert store.checkpoint == 8
    database.crash()
    database.open()
    database.client.recover_snapshot("copy", location(database, snapshot), until="latest")
    assert database.client.count("copy") == 8


def test_another_server_restores_from_the_same_folder(tmp_path: Path) -> None:
    settings = msgspec.structs.replace(SETTINGS, path=tmp_path / "shared")
    first = Database(tmp_path / "first", settings)
    snapshot, moments = filled(first)
    known = first.collection("docs").archive_log()
    added(first, range(8, 10))
    first.crash()
    for archives in (True, False):
        second = Database(
            tmp_path / f"second {archives}", msgspec.structs.replace(settings, archive_log=archives)
        )
        second.now = first.now + 10**6
        for moment in moments:
            second.client.recover_snapshot("docs", snapshot, until=at(moment.time - 1))
            assert second.client.count("docs") == moment.state - 1
        second.client.recover_snapshot("docs", snapshot, until="latest")
        assert second.client.count("docs") == 8
        refused(second, snapshot, at(known + 1), "tells what happened until")
        refused(second, snapshot, 10, "ends at operation 8, before 10")
        second.engine.close()


def test_two_databases_that_keep_one_log_are_found_out(database: Database, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(SETTINGS, path=database.path / "snapshots")
    snapshot, _ = filled(database, 2)
    database.engine.close()
    shutil.copytree(database.path, tmp_path / "copied")
    database.open()
    copied = Database(tmp_path / "copied", settings)
    copied.now = database.now
    added(database, range(2, 5))
    added(copied, range(12, 14))
    database.collection("docs").archive_log()
    copied.engine.close()
    refused(database, snapshot, "latest", "says two things of operation 3")


def test_a_log_that_was_not_kept_for_a_while_is_another_one(database: Database) -> None:
    snapshot, _ = filled(database, 3)
    database.engine.close()
    database.settings = SnapshotSettings()
    database.open()
    added(database, range(3, 5))
    without = database.client.create_snapshot("docs")
    database.engine.close()
    database.settings = SETTINGS
    database.open()
    added(database, range(5, 7))
    assert without is not None
    refused(database, without.name, "latest", "was not archived when the snapshot was made")
    refused(database, snapshot, 5, "ends at operation 3, before 5")
    database.client.wait_for_index("docs")
    assert database.collection("docs").kept_log.identity.start == 5
    database.client.recover_snapshot("docs", snapshot, until="latest")
    assert database.client.count("docs") == 3


def test_who_only_looks_without_keeping_the_log_does_not_end_it(database: Database) -> None:
    snapshot, _ = filled(database, 3)
    identity = database.collection("docs").kept_log.identity.id
    database.engine.close()
    database.settings = SnapshotSettings()
    database.open()
    database.client.wait_for_index("docs")  # truncates what had been kept
    database.client.recover_snapshot("copy", location(database, snapshot), until="latest")
    assert database.client.count("copy") == 3
    database.engine.close()
    database.settings = SETTINGS
    database.open()
    added(database, range(3, 5))
    assert database.collection("docs").kept_log.identity.id == identity
    database.client.recover_snapshot("copy", location(database, snapshot), until="latest")
    assert database.client.count("copy") == 5


def test_old_pieces_are_removed_and_what_they_held_is_refused(database: Database) -> None:
    snapshot, _ = in_pieces(database)
    os.utime(pieces(database)[0], (0, 0))
    archiver = LogArchiver(
        database.engine._catalog, database.engine.snapshots.folder, 3600, keep_days=1
    )
    archiver.step()
    assert len(pieces(database)) == 2
    refused(database, snapshot, "latest", "operations 1 to 3 are missing")


def test_old_pieces_of_other_databases_stay(database: Database, tmp_path: Path) -> None:
    """A folder may be shared by databases that keep their logs for different times."""
    settings = msgspec.structs.replace(SETTINGS, path=database.path / "snapshots")
    other = Database(tmp_path / "other", settings)
    filled(other, 2)
    other.engine.close()
    in_pieces(database)
    old = [*other_pieces(database), *pieces(database)]
    for path in old:
        os.utime(path, (0, 0))
    folder = database.engine.snapshots.folder
    LogArchiver(database.engine._catalog, folder, 3600, keep_days=1).step()
    assert [path for path in old if path.exists()] == other_pieces(database) != []


def other_pieces(database: Database) -> list[Path]:
    own = database.log()
    return sorted(path for path in own.parent.glob("*/*.log") if path.parent != own)


def test_settings_whose_entry_is_missing_are_noted_at_the_next_start(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot, _ = filled(database, 2)
    monkeypatch.setattr(KeptLog, "change_config", lambda _, __, use: use())  # dies in between
    database.client.create_vector("docs", "b", dense={"size": 2, "distance": "Dot"})
    monkeypatch.undo()
    database.crash()
    database.open()
    point = {"id": 9, "vector": {"": [1.0] * DIM, "b": [1.0, 2.0]}}
    database.client.upsert("docs", [point])
    database.client.recover_snapshot("copy", location(database, snapshot), until="latest")
    (found,) = database.client.retrieve("copy", [9], with_vectors=True)
    assert np.asarray(found.vector["b"]).tolist() == [1.0, 2.0]


def no_space() -> None:
    raise OSError(errno.ENOSPC, "planted")
