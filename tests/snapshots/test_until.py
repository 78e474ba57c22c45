"""Is a collection that is restored to a moment what it was then, whatever happened since?"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.contract.timed import Clock, served
from tests.snapshots.archived import (
    DIM,
    IDS,
    SETTINGS,
    START,
    Database,
    Moment,
    added,
    at,
    filled,
    location,
    refused,
    state_of,
)

from ruvector.errors import BadInput, InvalidRequest
from ruvector.model import requests as r
from ruvector.model.datetimes import utc_text
from ruvector.model.points import PointsBlock, VectorBlock


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "database")
    yield found
    found.engine.close()


class Run:
    """A run of random operations on one collection that notes the state after each."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.random = random.Random(seed)
        self.moments: list[Moment] = []
        self.extra: set[str] = set()
        client = database.client
        client.create_collection(
            "docs", vectors={"a": {"size": DIM, "distance": "Dot"}}, optimizers=_OPTIMIZERS
        )

    def vector(self) -> list[float]:
        return [float(self.random.randint(-9, 9)) for _ in range(DIM)]

    def points(self) -> list[dict[str, Any]]:
        found = []
        for number in self.random.sample(range(IDS), self.random.randint(1, 5)):
            names = ["a", *self.extra] if self.random.random() < 0.7 else ["a"]
            point: dict[str, Any] = {
                "id": number if number % 3 else f"text {number}",
                "vector": {name: self.vector() for name in names},
                "payload": {"n": self.random.randint(0, 5), "tag": self.random.choice("ab")},
            }
            if self.random.random() < 0.3:
                point["ttl_seconds"] = self.random.randint(1, 60)
            found.append(point)
        return found

    def step(self) -> None:
        """Do something, and note what is there then."""
        choice, client = self.random.random(), self.database.client
        a_filter = {"tag": self.random.choice("ab")}
        if choice < 0.4:
            client.upsert("docs", self.points())
        elif choice < 0.5:
            client.delete("docs", filter={"n": self.random.randint(0, 5)})
        elif choice < 0.6:
            client.set_payload("docs", {"n": self.random.randint(0, 5)}, filter=a_filter)
        elif choice < 0.65:
            client.delete_payload("docs", ["tag"], filter={"n": self.random.randint(0, 5)})
        elif choice < 0.7:
            client.delete_vectors("docs", ["a"], filter=a_filter)
        elif choice < 0.76:
            field = self.random.choice(["n", "tag"])
            schema = "integer" if field == "n" else "keyword"
            if self.random.random() < 0.7:
                client.create_payload_index("docs", field, schema)
            else:
                client.delete_payload_index("docs", field)
        elif choice < 0.82:
            name = self.random.choice("bc")
            if name in self.extra:
                client.delete_vector("docs", name)
                self.extra.discard(name)
            else:
                client.create_vector("docs", name, dense={"size": DIM, "distance": "Dot"})
                self.extra.add(name)
        elif choice < 0.86:
            client.update_collection("docs", metadata={"run": self.random.randint(0, 99)})
        elif choice < 0.92:
            deletes = r.DeletePoints(collection="docs", points=[self.random.randrange(IDS)])
            client._transport.execute(r.BatchUpdate(collection="docs", operations=[deletes] * 3))
        elif choice < 0.96:
            client.wait_for_index("docs")  # seals, merges: the log is truncated
        else:
            self.database.engine.close()
            self.database.open()
        self.note()
        self.database.now += self.random.choice([1, 10, 2000])

    def note(self) -> None:
        collection = self.database.collection("docs")
        state = state_of(self.database, "docs")
        self.moments.append(Moment(self.database.now, collection.shard.applied, state))


_OPTIMIZERS = {"indexing_threshold": 1, "deleted_threshold": 0.1}


@pytest.mark.parametrize("seed", range(4))
def test_a_restore_to_any_moment_of_a_run_is_what_was_there_then(tmp_path: Path, seed: int) -> None:
    database = Database(tmp_path / "database")
    run = Run(database, seed)
    run.step()
    first = database.client.create_snapshot("docs")
    for _ in range(40):
        run.step()
    second = database.client.create_snapshot("docs")
    since_second = len(run.moments) - 1
    for _ in range(20):
        run.step()
    assert first is not None
    assert second is not None
    root = database.engine.snapshots.folder.root / "collections" / "docs"
    for position, moment in enumerate(run.moments):
        for snapshot, start in ((first, 0), (second, since_second)):
            if position < start or (snapshot is first and run.random.random() < 0.6):
                continue
            by_time = run.random.random() < 0.7
            database.now = moment.time
            until = utc_text(moment.time / 1000) if by_time else moment.operation
            location = f"file://{root / snapshot.name}"
            database.client.recover_snapshot("copy", location, until=until)
            assert database.collection("copy").shard.applied == moment.operation
            points, schema, config = state_of(database, "copy")
            assert (points, schema) == moment.state[:2], (position, until)
            if by_time:  # a change of settings after the last operation has a number of its own
                assert config == moment.state[2]
            hits = database.client.search("copy", [1.0] * DIM, using="a", limit=IDS)
            assert len(hits) == sum("a" in vectors for _, vectors in points.values())
    database.engine.close()


def test_a_moment_lies_between_two_operations_or_at_one(database: Database) -> None:
    snapshot, moments = filled(database)
    for moment in moments:
        for time, count in ((moment.time - 1, moment.state - 1), (moment.time, moment.state)):
            database.client.recover_snapshot("copy", location(database, snapshot), until=at(time))
            assert database.client.count("copy") == count
    assert database.client.count("docs") == 8
    for until, count in ((0, 0), (3, 3), ("8", 8), ("latest", 8), (at(START), 0)):
        database.client.recover_snapshot("copy", location(database, snapshot), until=until)
        assert database.client.count("copy") == count


@pytest.mark.parametrize(
    ("until", "match"),
    [
        (at(START - 1), "after 2023-11-14T22:13:19.999000Z; restore an earlier one"),
        (at(START + 100_000), "has not come yet"),
        (9, "ends at operation 8, before 9"),
        ("yesterday", "must be a time"),
        (-1, "must be a time"),
        (True, "must be a time"),
        (1.5, "must be a time"),
        ("9" * 40, "must be a time"),
        ("", "must be a time"),
        ("1969-12-31T23:59:59Z", "must be a time"),
    ],
)
def test_a_moment_that_cannot_be_reached_is_refused(
    database: Database, until: Any, match: str
) -> None:
    snapshot, _ = filled(database)
    refused(database, snapshot, until, match)


def test_a_server_restores_to_a_moment(tmp_path: Path) -> None:
    clock = Clock()
    with served(clock, SETTINGS) as timed:
        client = timed.client
        client.create_collection("docs", dimensions=DIM)
        made = client.create_snapshot("docs")
        assert made is not None
        file = client.download_snapshot("docs", made.name, tmp_path / "docs.snapshot")
        for number in range(4):
            clock.now += 1000
            client.upsert("docs", ids=[number], vectors=[[1.0] * DIM])
        client.upload_snapshot("copy", file, until=at(clock.now - 2000))
        assert client.count("copy") == 2
        client.upload_snapshot("copy", file, until=3, checksum=made.checksum)
        assert client.count("copy") == 3
        with pytest.raises(InvalidRequest, match="must be a time"):
            client.upload_snapshot("copy", file, until="soon")
        with pytest.raises(BadInput, match="ends at operation 4, before 5"):
            client.recover_snapshot("docs", made.name, until=5)
        client.recover_snapshot("docs", made.name, until=at(clock.now - 3000))
        assert client.count("docs") == 1


def test_a_snapshot_after_the_moment_is_refused(database: Database) -> None:
    _, moments = filled(database)
    later = database.client.create_snapshot("docs")
    assert later is not None
    refused(database, later.name, moments[3].operation, "of operation 8, after 4")
    refused(database, later.name, at(moments[-1].time - 1), "restore an earlier one")
    database.client.wait_for_index("docs")  # the log is empty: the time is known all the same
    sealed = database.client.create_snapshot("docs")
    assert sealed is not None
    refused(database, sealed.name, at(moments[-1].time - 1), "restore an earlier one")
    database.client.recover_snapshot("docs", sealed.name, until=at(moments[-1].time))
    assert database.client.count("docs") == 8


def test_a_batch_is_in_or_out_as_a_whole(database: Database) -> None:
    snapshot, _ = filled(database, 1)
    database.now += 1000
    puts = [
        r.Upsert(
            collection="docs",
            points=PointsBlock([n], {"": VectorBlock(np.ones((1, DIM), dtype=np.float32))}),
        )
        for n in (10, 11, 12)
    ]
    database.client._transport.execute(r.BatchUpdate(collection="docs", operations=puts))
    refused(database, snapshot, 2, "operation 2 is in the middle of a batch.*operation 4")
    refused(database, snapshot, 3, "operation 3 is in the middle of a batch.*operation 4")
    for until, count in ((1, 1), (4, 4), (at(database.now - 1), 1), (at(database.now), 4)):
        database.client.recover_snapshot("copy", location(database, snapshot), until=until)
        assert database.client.count("copy") == count


def test_restored_collection_begins_a_log_of_its_own(database: Database) -> None:
    snapshot, moments = filled(database)
    old = database.collection("docs").kept_log.identity.id
    database.client.recover_snapshot("docs", snapshot, until=3)
    kept = database.collection("docs").kept_log
    assert kept.identity.id != old
    after = added(database, range(20, 24))
    made = database.client.create_snapshot("docs")
    assert made is not None
    added(database, range(24, 26))
    database.client.recover_snapshot("docs", snapshot, until=moments[5].operation)  # the old log
    assert database.client.count("docs") == 6
    database.client.recover_snapshot("docs", made.name, until=after[-1].operation + 1)
    assert database.client.count("docs") == 3 + 5
    shown = {point.id for point in database.client.iterate("docs")}
    assert shown == {0, 1, 2, 20, 21, 22, 23, 24}


def test_a_deleted_collection_is_restored_to_its_last_operation(database: Database) -> None:
    snapshot, moments = filled(database)
    database.now += 1000
    database.client.delete_collection("docs")
    database.client.recover_snapshot("docs", snapshot, until=at(moments[-1].time))
    assert database.client.count("docs") == 8


def test_expired_points_are_gone_at_their_moment_and_were_there_before(database: Database) -> None:
    client = database.client
    client.create_collection("docs", dimensions=DIM)
    snapshot = client.create_snapshot("docs")
    assert snapshot is not None
    vectors = [[1.0] * DIM]
    client.upsert("docs", ids=[1], vectors=vectors)
    client.upsert("docs", [{"id": 2, "vector": vectors[0], "ttl_seconds": 10}])
    database.now += 10_000
    assert database.collection("docs").sweeper.sweep() == 1
    database.now += 1000
    client.upsert("docs", ids=[3], vectors=vectors)
    for time, found in ((0, {1, 2}), (9_999, {1, 2}), (10_000, {1}), (11_000, {1, 3})):
        database.now = START + time
        client.recover_snapshot("copy", location(database, snapshot.name), until=at(database.now))
        assert {point.id for point in client.iterate("copy")} == found
        client.recover_snapshot("plain", location(database, snapshot.name))
        assert database.collection("plain").shard.clock() == database.now


def test_a_clock_that_is_set_back_mixes_up_nothing(database: Database) -> None:
    snapshot, moments = filled(database, 4)
    database.engine.close()
    database.now -= 3000
    database.open()
    moments += added(database, range(4, 6))
    database.now = moments[3].time + 1
    database.client.recover_snapshot(
        "copy", location(database, snapshot), until=at(moments[2].time)
    )
    assert database.client.count("copy") == 3
    database.client.recover_snapshot("copy", location(database, snapshot), until=at(database.now))
    assert database.client.count("copy") == 6
