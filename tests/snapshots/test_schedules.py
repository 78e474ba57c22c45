"""Are snapshots made when they are due, and is only kept what should be?"""

from datetime import UTC, datetime, timedelta

import pytest

from ruvector.engine import Engine
from ruvector.errors import BadInput
from ruvector.model import requests as r
from ruvector.snapshots.scheduler import Scheduler
from ruvector.snapshots.service import SCHEDULED
from ruvector.snapshots.settings import SnapshotSettings
from ruvector.snapshots.timetable import Timetable


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        ("every 30m", "2026-01-01 00:00", "2026-01-01 00:30"),
        ("every 6h", "2026-01-01 05:59:59", "2026-01-01 06:00"),
        ("Every 1d", "2026-01-01 13:00", "2026-01-02 00:00"),
        ("0 3 * * *", "2026-01-01 03:00", "2026-01-02 03:00"),
        ("0 3 * * *", "2026-01-01 02:59:59", "2026-01-01 03:00"),
        ("*/15 * * * *", "2026-12-31 23:46", "2027-01-01 00:00"),
        ("5-10/5,50 8,20 * * *", "2026-01-01 08:11", "2026-01-01 08:50"),
        ("0 0 29 2 *", "2026-01-01 00:00", "2028-02-29 00:00"),
        ("0 0 * * 0", "2026-11-25 00:00", "2026-11-29 00:00"),
        ("0 0 * * 7", "2026-11-25 00:00", "2026-11-29 00:00"),
        ("0 0 * * 1-5", "2026-11-27 12:00", "2026-11-30 00:00"),
        ("0 0 1 * 0", "2026-11-25 00:00", "2026-11-29 00:00"),
        ("0 0 1 * 0", "2026-11-29 12:00", "2026-12-01 00:00"),
        ("30 1 1 1 *", "2026-01-01 01:30", "2027-01-01 01:30"),
        ("7/20 * * * *", "2026-01-01 00:28", "2026-01-01 00:47"),
    ],
)
def test_the_next_moment(schedule: str, now: str, due: str) -> None:
    assert Timetable(schedule).next_after(at(now)) == at(due)


@pytest.mark.parametrize(
    "schedule",
    [
        "", "daily", "every", "every 0m", "every 5s", "every -1h", "0 3 * *", "0 3 * * * *",
        "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
        "*/0 * * * *", "a * * * *", "1, * * * *", "0 0 30 2 *", "0 0 31 4,6 *",
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(BadInput, match=r"snapshots\.schedule"):
        Timetable(schedule)


def test_the_scheduler_works_at_each_moment_once_and_goes_on_after_a_failure() -> None:
    now, done = at("2026-01-01 00:10"), []

    def work() -> None:
        done.append(now)
        if len(done) == 1:
            raise BadInput("planted")
        if len(done) == 2:
            raise ValueError("planted")

    scheduler = Scheduler(Timetable("every 1h"), work, lambda: now)
    for _ in range(60 * 4):
        assert 0 <= scheduler.step() <= 60
        now += timedelta(minutes=1)
    assert done == [at(f"2026-01-01 0{hour}:00") for hour in (1, 2, 3, 4)]
    now += timedelta(days=3)  # the machine slept: once, not 72 times
    scheduler.step()
    scheduler.step()
    assert len(done) == 5


def test_only_scheduled_snapshots_beyond_those_to_keep_are_deleted(tmp_path) -> None:
    settings = SnapshotSettings(schedule="every 1d", collections=("a", "gone", "x"), keep=2)
    engine = Engine.open(tmp_path / "data", snapshots=settings)
    try:
        for name in ("a", "b"):
            vectors = {"size": 2, "distance": "Dot"}
            engine.execute(r.CreateCollection(collection=name, vectors=vectors))
        alias = {"create_alias": {"alias_name": "x", "collection_name": "b"}}
        engine.execute(r.ChangeAliases(actions=[alias]))
        by_hand = engine.execute(r.CreateSnapshot(collection="a"))
        for _ in range(4):
            engine.snapshots.make_scheduled()  # one of its collections does not exist
        listed = [each.name for each in engine.execute(r.ListSnapshots(collection="a"))]
        assert by_hand.name in listed
        assert sum(name.startswith(SCHEDULED) for name in listed) == 2
        assert len(listed) == 3
        assert len(engine.execute(r.ListSnapshots(collection="b"))) == 2
        assert engine.execute(r.ListFullSnapshots()) == []
    finally:
        engine.close()


@pytest.mark.parametrize("name", ["a", "n" * 250, "é" * 120])
def test_scheduled_snapshots_of_other_databases_stay(tmp_path, name: str) -> None:
    """A folder may be shared; each database deletes what its own schedule made."""
    for collections in ((name,), ()):
        shared = tmp_path / f"shared {len(collections)}"
        listing = r.ListSnapshots(collection=name) if collections else r.ListFullSnapshots()
        made = []
        for keep, folder in ((3, "one"), (1, "two")):
            settings = SnapshotSettings(
                path=shared, schedule="every 1d", collections=collections, keep=keep
            )
            engine = Engine.open(tmp_path / f"{folder} {len(collections)}", snapshots=settings)
            vectors = {"size": 2, "distance": "Dot"}
            engine.execute(r.CreateCollection(collection=name, vectors=vectors))
            for _ in range(4):
                engine.snapshots.make_scheduled()
            made.append([each.name for each in engine.execute(listing)])
            engine.close()
        assert [len(names) for names in made] == [3, 4]
        assert set(made[0]) < set(made[1])


def test_without_collections_everything_is_kept(tmp_path) -> None:
    settings = SnapshotSettings(schedule="0 3 * * *", keep=1)
    engine = Engine.open(tmp_path / "data", snapshots=settings)
    try:
        engine.snapshots.make_scheduled()
        engine.snapshots.make_scheduled()
        assert len(engine.execute(r.ListFullSnapshots())) == 1
    finally:
        engine.close()
