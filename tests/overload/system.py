"""A server of REST and gRPC in this process, what it holds, and a load that keeps its data."""

import asyncio
import contextlib
import gc
import random
import socket
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import uvicorn

from ruvector.client.client import RuvectorClient
from ruvector.engine import Engine
from ruvector.errors import RuvectorError
from ruvector.server.asgi import Application
from ruvector.server.configuration import Service, Settings
from ruvector.server.connection import Connection
from ruvector.server.grpc.server import GrpcServer
from ruvector.server.run import bind

DIM, POINTS, THREADS = 16, 400, 4
ONE_AT_A_TIME = threading.Lock()


# Threads of pools begin when they are first needed, and are as many as the pool's limit at most.
POOLS = ("ruvector-request-",)


class Held(NamedTuple):
    """What this process holds: open files, threads of Python and of the system without those of
    pools, tasks of the server's loop, readers of the tables, views and pins of shards.
    """

    files: int
    threads: int
    system_threads: int
    tasks: int
    readers: int
    views: int
    pinned: int


class System:
    """A server of REST and gRPC in this process."""

    def __init__(self, path: Path) -> None:
        settings = Settings(service=Service(max_queue_secs=60.0))  # however slow the machine is
        self.engine = Engine.open(path)
        self._application = Application(self.engine, settings)
        self._door = bind("127.0.0.1", 0)
        config = uvicorn.Config(self._application, lifespan="off", log_config=None, http=Connection)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._door]}, daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.001)
        self._grpc = GrpcServer(settings, None, [bind("127.0.0.1", 0)])
        application = self._application
        self._on_loop(
            self._grpc.start(self.engine, application.observer, application.pool, application.turns)
        )
        self.port = self._door.getsockname()[1]
        self.grpc_url = f"127.0.0.1:{self._grpc.port}"
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """End everything."""
        self._on_loop(self._grpc.stop(5))
        self._server.should_exit = True
        self._thread.join()
        self._application.pool.close()
        self.engine.close()
        self._door.close()

    def held(self) -> Held:
        """Return what is held now."""
        gc.collect()
        pooled = sum(thread.name.startswith(POOLS) for thread in threading.enumerate())
        shards = [c.shard for c in self.engine._catalog.open_collections.values()]
        return Held(
            files=len(list(Path("/proc/self/fd").iterdir())),
            threads=threading.active_count() - pooled,
            system_threads=len(list(Path("/proc/self/task").iterdir())) - pooled,
            tasks=self._tasks(),
            readers=sum(readers_of(shard) for shard in shards),
            views=sum(shard._views for shard in shards),
            pinned=sum(
                shard.store.pins._open + shard.store.pins._counts.total() for shard in shards
            ),
        )

    def _tasks(self) -> int:
        async def count() -> int:
            return len(asyncio.all_tasks()) - 1

        return self._on_loop(count())

    def _on_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        loop = self._server.servers[0].get_loop()
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)


def readers_of(shard: Any) -> int:
    """Return how many read transactions on a shard's tables are open."""
    lines = shard.store._environment.handle.readers().splitlines()
    return sum(not line.rstrip().endswith("-") for line in lines[1:] if line.strip())


def fill(client: RuvectorClient) -> None:
    """Make the data that stay as they are."""
    client.create_collection("steady", dimensions=DIM, optimizers={"indexing_threshold": 1})
    client.create_payload_index("steady", "n", "integer")
    client.upsert("steady", points_of(range(POINTS)))
    client.wait_for_index("steady")


def points_of(numbers: Any) -> list[dict[str, Any]]:
    """Return the points of some numbers; always the same ones."""
    return [
        {"id": n, "vector": np.random.default_rng(n).random(DIM).tolist(), "payload": {"n": n}}
        for n in numbers
    ]


def mixed(system: System, client: RuvectorClient, seed: int, folder: Path) -> None:
    """Do one of everything, some of it wrong; the points are the same afterwards."""
    chance = random.Random(seed)
    query = np.random.default_rng(seed).random(DIM).tolist()
    for _ in range(10):
        client.search("steady", query, limit=5, filter={"n": {"lt": chance.randrange(POINTS)}})
        client.query("steady", prefetch=[{"query": query, "limit": 20}], query={"fusion": "rrf"})
        client.retrieve("steady", [chance.randrange(POINTS)], with_vectors=True)
    client.scroll("steady", limit=50)
    client.count("steady", {"n": {"gte": 10}})
    client.facet("steady", "n")
    client.upsert("steady", points_of(chance.sample(range(POINTS), 5)))
    client.set_payload("steady", {"n": 3}, [3])
    for wrong in (lambda: client.search("gone", query), lambda: client.search("steady", [1.0])):
        with contextlib.suppress(RuvectorError):
            wrong()
    name = f"short lived {seed}"
    client.create_collection(name, dimensions=2)
    client.upsert(name, ids=[1], vectors=[[1.0, 2.0]])
    with ONE_AT_A_TIME:  # more than two at once are refused
        snapshot = client.create_snapshot(name)
        assert snapshot is not None
        file = client.download_snapshot(name, snapshot.name, folder / f"{seed}.snapshot")
        client.upload_snapshot(name, file)
    client.delete_snapshot(name, snapshot.name)
    client.delete_collection(name)
    file.unlink()
    leave_early(system.port)


def leave_early(port: int) -> None:
    """Leave in the middle of a body, before an answer, and after half a head."""
    body = b'{"query": [0.5], "limit": 3}'
    head = b"POST /collections/steady/points/query HTTP/1.1\r\nhost: localhost\r\n"
    for sent in (
        head + b"content-length: 1000\r\n\r\n" + body,
        head + b"content-length: %d\r\n\r\n" % len(body) + body,
        head,
    ):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(sent)


def load(system: System, folder: Path, seed: int) -> None:
    """Have several clients do it at once, over REST and over gRPC."""
    with (
        RuvectorClient(url=system.url) as rest,
        RuvectorClient(url=system.url, grpc_url=system.grpc_url) as grpc,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        seeds = range(seed, seed + THREADS)
        list(pool.map(lambda s: mixed(system, (rest, grpc)[s % 2], s, folder), seeds))
        rest.wait_for_index("steady")
