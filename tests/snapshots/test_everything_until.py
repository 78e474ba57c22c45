"""Is everything brought to one moment, and does an archive tell of idle and deleted collections?"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.snapshots.archived import DIM, SETTINGS, Database, added, at

from ruvector.errors import BadInput, RuvectorError, Unavailable
from ruvector.snapshots import archiver
from ruvector.snapshots.coverage import (
    Coverage,
    Covered,
    coverage_bytes,
    read_coverage,
)
from ruvector.snapshots.folder import SnapshotFolder


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(
        tmp_path / "database", msgspec.structs.replace(SETTINGS, path=tmp_path / "kept")
    )
    yield found
    found.engine.close()


def made_full(database: Database, names: str = "abc") -> str:
    """Make collections, an alias of the first, and a snapshot of everything."""
    for name in names:
        database.client.create_collection(name, dimensions=DIM)
    database.client.create_alias(names[0], "first")
    added(database, range(2), names[0])
    made = database.client.create_full_snapshot()
    assert made is not None
    return made.name


def archive(database: Database) -> None:
    archiver = database.engine.snapshots.archiver
    assert archiver is not None
    archiver.step()


def counts(database: Database) -> dict[str, int]:
    client = database.client
    return {name: client.count(name) for name in client.list_collections()}


def elsewhere(database: Database, tmp_path: Path, name: str = "other") -> Database:
    other = Database(tmp_path / name, database.settings)
    other.now = database.now + 10**6
    return other


def test_all_collections_are_what_they_were_at_one_time(database: Database, tmp_path: Path) -> None:
    snapshot = made_full(database)
    expected: dict[int, dict[str, int]] = {database.now: counts(database)}
    for number in range(2, 8):
        added(database, range(number, number + 1), "abc"[number % 3])
        expected[database.now] = counts(database)
    database.client.delete_alias("first")
    database.now += 1000
    archive(database)
    for first, state in expected.items():
        for moment in (first, first + 999):
            database.client.recover_full_snapshot(snapshot, until=at(moment))
            assert counts(database) == state
            assert database.client.count("first") == state["a"]
    other = elsewhere(database, tmp_path)
    other.client.recover_full_snapshot(snapshot, until="latest")
    assert counts(other) == expected[max(expected)]
    fourth = sorted(expected)[3]
    other.client.recover_full_snapshot(snapshot, until=at(fourth))
    assert counts(other) == expected[fourth]
    other.engine.close()


def test_all_or_nothing_with_the_collection_that_is_to_blame(database: Database) -> None:
    snapshot = made_full(database)
    added(database, range(2, 5), "b")
    before = counts(database)
    later = at(database.now + 10**6)
    with pytest.raises(BadInput, match=r"collection a: .* has not come yet"):
        database.client.recover_full_snapshot(snapshot, until=later)
    with pytest.raises(BadInput, match="operation 3 is one of a single collection's log"):
        database.client.recover_full_snapshot(snapshot, until="3")
    archive(database)
    for path in database.log("b").iterdir():
        path.unlink()
    added(database, range(5, 6), "b")
    with pytest.raises(BadInput, match="collection b: operations 1 to 3 are missing"):
        database.client.recover_full_snapshot(snapshot, until="latest")
    assert counts(database) == before | {"b": 4}
    folders = list((database.path / "collections").iterdir())
    assert len(folders) == 3


def test_a_snapshot_without_an_archived_log_takes_no_moment(tmp_path: Path) -> None:
    plain = msgspec.structs.replace(SETTINGS, archive_log=False)
    database = Database(tmp_path / "plain", plain)
    snapshot = made_full(database)
    with pytest.raises(BadInput, match=r"collection a: the log .* was not archived"):
        database.client.recover_full_snapshot(snapshot, until="latest")
    database.engine.close()


def test_idle_collections_are_told_of_to_another_server(database: Database, tmp_path: Path) -> None:
    """A server that is lost after hours without a write: its archive knows that there was none."""
    snapshot = made_full(database)
    database.now += 10**7
    archive(database)
    told = at(database.now - 1)
    database.now += 10**7
    database.crash()
    other = elsewhere(database, tmp_path)
    other.client.recover_full_snapshot(snapshot, until=told)
    assert counts(other) == {"a": 2, "b": 0, "c": 0}
    with pytest.raises(BadInput, match=f"collection a: .*until {told}, not until"):
        other.client.recover_full_snapshot(snapshot, until=at(database.now))
    other.engine.close()


def _inside(database: Database, snapshot: str) -> str:
    return f"file://{database.engine.snapshots.folder.root}/full/{snapshot}"


def test_what_had_been_deleted_is_left_out_with_its_aliases(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = made_full(database)
    archive(database)
    added(database, range(2, 3), "a")
    there = at(database.now)
    database.now += 1
    database.client.delete_collection("a")
    database.client.create_collection("late", dimensions=DIM)
    database.now += 5000
    archive(database)
    gone = at(database.now)
    database.now += 5000
    archive(database)
    database.crash()
    other = elsewhere(database, tmp_path)
    other.client.recover_full_snapshot(snapshot, until=gone)
    assert counts(other) == {"b": 0, "c": 0}
    assert other.client.list_aliases() == {}
    assert "collection a had been deleted by" in caplog.text
    assert "collection late is in no snapshot of that moment" in caplog.text
    other.client.recover_full_snapshot(snapshot, until=there)
    assert counts(other) == {"a": 3, "b": 0, "c": 0}
    with pytest.raises(BadInput, match=r"collection a had been deleted by .*latest"):
        other.client.recover_snapshot("a", _inside(database, snapshot), until=gone)
    other.engine.close()


def test_what_was_restored_meanwhile_is_not_taken_for_deleted(database: Database) -> None:
    snapshot = made_full(database)
    archive(database)
    database.client.recover_snapshot("a", _inside(database, snapshot))
    database.now += 1000
    archive(database)
    database.now += 1000
    with pytest.raises(BadInput, match=r"collection a: .* tells what happened until"):
        database.client.recover_full_snapshot(snapshot, until=at(database.now - 1))
    assert counts(database)["a"] == 2


def test_a_collection_of_the_same_name_is_another_one(database: Database) -> None:
    snapshot = made_full(database)
    archive(database)
    old = database.log("a")
    database.client.delete_collection("a")
    database.now += 1000
    database.client.create_collection("a", dimensions=DIM)
    added(database, range(10, 15), "a")
    archive(database)
    assert database.log("a") != old
    database.client.recover_full_snapshot(snapshot, until="latest")
    assert counts(database)["a"] == 2


def test_a_name_that_is_taken_again_is_no_alias(database: Database) -> None:
    """An alias of the snapshot whose name a collection has meanwhile refuses the whole."""
    snapshot = made_full(database)
    database.client.delete_alias("first")
    database.client.create_collection("first", dimensions=DIM)
    before = counts(database)
    with pytest.raises(RuvectorError, match="first would be a collection and an alias"):
        database.client.recover_full_snapshot(snapshot, until="latest")
    assert counts(database) == before


def test_times_go_on_after_what_was_told_although_the_clock_was_set_back(
    database: Database,
) -> None:
    """Else an operation would come into a time of which it was said that nothing happened."""
    snapshot = made_full(database)
    database.now += 10**6
    archive(database)
    told = database.now - 1
    database.crash()
    database.now -= 10**6
    database.open()
    added(database, range(5, 8), "b")
    archive(database)
    database.now += 10**7
    database.client.recover_full_snapshot(snapshot, until=at(told))
    assert counts(database)["b"] == 0


def test_claims_are_no_pieces(database: Database, tmp_path: Path) -> None:
    """Pieces that are missing at the end are noticed, although the archive says how far it was."""
    snapshot = made_full(database)
    added(database, range(2, 5), "b")
    archive(database)
    database.now += 1000
    archive(database)
    told = at(database.now - 1)
    for path in database.log("b").iterdir():
        path.unlink()
    database.crash()
    other = elsewhere(database, tmp_path)
    with pytest.raises(BadInput, match=r"collection b: .* ends at operation 0"):
        other.client.recover_full_snapshot(snapshot, until=told)
    other.engine.close()


@pytest.mark.parametrize("kind", ["flipped", "cut", "empty", "format"])
def test_a_damaged_coverage_is_refused_by_name(database: Database, kind: str) -> None:
    snapshot = made_full(database)
    archive(database)
    (path,) = (database.path.parent / "kept" / "coverage").iterdir()
    content = path.read_bytes()
    if kind == "format":
        content = coverage_bytes(Coverage(format=2))
    path.write_bytes(
        {
            "flipped": content.replace(b'"last":0', b'"last":1', 1),
            "cut": content[:-1],
            "empty": b"",
        }.get(kind, content)
    )
    with pytest.raises(BadInput, match=f"coverage/{path.name}"):
        database.client.recover_full_snapshot(snapshot, until="latest")
    archive(database)  # the database writes its own anew
    database.client.recover_full_snapshot(snapshot, until="latest")


def test_a_damaged_coverage_at_the_start_is_logged_and_written_anew(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    made_full(database)
    database.engine.close()
    (path,) = (database.path.parent / "kept" / "coverage").iterdir()
    path.write_bytes(b"")
    database.open()
    assert "is not known any more" in caplog.text
    archive(database)
    logs = read_coverage(path.name, path.read_bytes()).logs
    assert {claim.collection for claim in logs.values()} == {"a", "b", "c"}


def test_a_failing_archive_is_told_until_it_succeeds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_full(database)
    now = [2e9]
    monkeypatch.setattr(archiver.time, "time", lambda: now[0])
    state = lambda: database.engine.snapshots.archive_state  # noqa: E731
    archive(database)
    assert state() == (2e9, {}, None)

    def full(self: Any, group: Any, *_: Any) -> None:
        if group[1] == "b":
            raise OSError(28, "No space left on device")

    added(database, range(2), "b")
    monkeypatch.setattr(SnapshotFolder, "keep_piece", full)
    for _ in range(2):
        now[0] += 1
        archive(database)
    assert state() == (2e9, {"b": 2e9 + 1}, None)
    monkeypatch.undo()
    monkeypatch.setattr(archiver.time, "time", lambda: now[0])

    def unreachable(*_: Any) -> None:
        raise Unavailable("the bucket of snapshots does not answer")

    monkeypatch.setattr(SnapshotFolder, "ship_pieces", unreachable)
    for _ in range(2):
        now[0] += 1
        archive(database)
    assert state() == (2e9, {}, 2e9 + 3)
    monkeypatch.undo()
    before = time.time()
    archive(database)
    assert state()[1:] == ({}, None) and state().kept >= before


def test_a_log_that_failed_is_told_of_as_far_as_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_full(database)
    archive(database)
    (path,) = (database.path.parent / "kept" / "coverage").iterdir()

    def told() -> dict[str, Covered]:
        logs = read_coverage(path.name, path.read_bytes()).logs
        return {claim.collection: claim for claim in logs.values()}

    before = told()
    added(database, range(2), "b")
    monkeypatch.setattr(SnapshotFolder, "keep_piece", lambda *_: (_ for _ in ()).throw(OSError(5)))
    archive(database)
    after = told()
    assert after["b"] == before["b"]
    assert after["a"].until > before["a"].until
