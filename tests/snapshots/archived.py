"""Databases whose log is archived and whose clock a test sets."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from ruvector.client.client import RuvectorClient
from ruvector.client.transport import EmbeddedTransport
from ruvector.engine import Engine
from ruvector.errors import RuvectorError
from ruvector.model.datetimes import utc_text
from ruvector.snapshots.settings import SnapshotSettings

START = 1_700_000_000_000
DIM = 4
IDS = 12
SETTINGS = SnapshotSettings(archive_log=True, archive_log_seconds=3600)


class Database:
    """A database whose clock the test sets, with its log archived; `open` starts it again."""

    def __init__(self, path: Path, settings: SnapshotSettings = SETTINGS) -> None:
        self.path, self.settings, self.now = path, settings, START
        self.open()

    def open(self) -> None:
        """Start, or start again."""
        self.engine = Engine.open(self.path, snapshots=self.settings, clock=lambda: self.now)
        self.client = RuvectorClient.__new__(RuvectorClient)
        self.client._transport = EmbeddedTransport(self.engine, str(self.path))

    def crash(self) -> None:
        """End as a killed process does, as far as the archive can tell: nothing more is copied."""
        archiver = self.engine.snapshots.archiver
        assert archiver is not None
        archiver.step = lambda **_: None  # type: ignore[method-assign]
        self.engine.close()

    def collection(self, name: str) -> Any:
        """Return a collection as the engine has it."""
        return self.engine._catalog.get(name)

    def log(self, name: str = "docs") -> Path:
        """Return the folder of the pieces of a collection's log."""
        identity = self.collection(name).kept_log.identity
        return self.engine.snapshots.folder.root / "collections" / name / "log" / identity.id


class Moment(NamedTuple):
    """What was there after an operation."""

    time: int
    operation: int
    state: Any


def state_of(database: Database, name: str) -> Any:
    """Return everything that can be seen of a collection's points, fields and settings."""
    info = database.client.get_collection(name)
    points = {
        point.id: (point.payload, _plain(point.vector))
        for point in database.client.iterate(name, with_vectors=True)
    }
    config = database.collection(name).config
    return points, sorted(info.payload_schema), config


def _plain(vector: Any) -> Any:
    if isinstance(vector, dict):
        return {name: _plain(value) for name, value in vector.items()}
    return np.asarray(vector).tolist()


def filled(database: Database, count: int = 8) -> tuple[str, list[Moment]]:
    """Make a collection, a snapshot of it, and then one point a second; return what was when."""
    database.client.create_collection("docs", dimensions=DIM)
    made = database.client.create_snapshot("docs")
    assert made is not None
    return made.name, added(database, range(count))


def added(database: Database, numbers: range, name: str = "docs") -> list[Moment]:
    found = []
    for number in numbers:
        database.now += 1000
        database.client.upsert(name, ids=[number], vectors=[[number + 1.0] * DIM])
        operation = database.collection(name).shard.applied
        found.append(Moment(database.now, operation, number + 1))
    return found


def refused(database: Database, location: str, until: Any, match: str, **given: Any) -> None:
    """Expect a refusal that leaves everything as it was."""
    folders = database.path / "collections"
    before = sorted(folders.iterdir()), database.client.list_collections()
    count = database.client.count("docs")
    with pytest.raises(RuvectorError, match=match) as caught:
        database.client.recover_snapshot("docs", location, until=until, **given)
    assert caught.value.http_status < 500
    assert str(database.path) not in caught.value.message
    assert (sorted(folders.iterdir()), database.client.list_collections()) == before
    assert database.client.count("docs") == count


def pieces(database: Database) -> list[Path]:
    return sorted(database.log().iterdir())


def in_pieces(database: Database, sizes: tuple[int, ...] = (3, 3, 3)) -> tuple[str, list[Moment]]:
    """Return a snapshot's name and moments after it, kept in pieces of these sizes."""
    snapshot, moments = filled(database, 0)
    for size in sizes:
        moments += added(database, range(len(moments), len(moments) + size))
        database.collection("docs").archive_log()
    return snapshot, moments


def location(database: Database, snapshot: str) -> str:
    root = database.engine.snapshots.folder.root
    return f"file://{root}/collections/docs/{snapshot}"


def at(time: int) -> str:
    return utc_text(time / 1000)
