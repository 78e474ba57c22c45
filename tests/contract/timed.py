"""A database whose clock a test sets, embedded and behind a socket."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

from ruvector.client.client import RuvectorClient
from ruvector.client.transport import EmbeddedTransport
from ruvector.engine import Engine
from ruvector.server.asgi import Application
from ruvector.server.configuration import Settings
from ruvector.server.run import bind
from ruvector.snapshots.settings import SnapshotSettings

START = 1_700_000_000_000


class Clock:
    """Milliseconds since 1970, as the test says."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        """Return the time."""
        return self.now

    def at(self, seconds: float) -> None:
        """Be so long after the start."""
        self.now = START + round(1000 * seconds)


class Timed(NamedTuple):
    """A client of a database, its clock, and the engine behind."""

    client: RuvectorClient
    clock: Clock
    engine: Engine

    def collection(self, name: str) -> Any:
        """Return a collection as the engine has it."""
        return self.engine._catalog.get(name)

    def sweep(self, name: str) -> int:
        """Delete what has expired, as the background would."""
        swept: int = self.collection(name).sweeper.sweep()
        return swept


@contextmanager
def embedded(path: Path | str, clock: Clock) -> Iterator[Timed]:
    """Open a database in this process."""
    engine = Engine.open(path, clock=clock)
    client = RuvectorClient.__new__(RuvectorClient)
    client._transport = EmbeddedTransport(engine, str(path))
    with client:
        yield Timed(client, clock, engine)


@contextmanager
def served(clock: Clock, snapshots: SnapshotSettings | None = None) -> Iterator[Timed]:
    """Serve a database from a thread of this process."""
    engine = Engine.open(":memory:", clock=clock, snapshots=snapshots)
    application = Application(engine, Settings())
    with bind("127.0.0.1", 0) as door:
        server = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.001)
        try:
            with RuvectorClient(url=f"http://127.0.0.1:{door.getsockname()[1]}") as client:
                yield Timed(client, clock, engine)
        finally:
            server.should_exit = True
            thread.join()
            application.pool.close()
            engine.close()
