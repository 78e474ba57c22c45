"""Is a client that reads slowly, comes in crowds, or leaves kept from hurting the others?"""

import asyncio
import socket
import threading
import time

import pytest
import uvicorn
from uvicorn.server import ServerState

from ruvector.kernel.deadlines import DeadlinePassed, check_deadline
from ruvector.model import requests as r
from ruvector.server import connection as connection_room
from ruvector.server import protocol
from ruvector.server.asgi import Application
from ruvector.server.configuration import Service, Settings

LARGE = 8 << 20  # more than all buffers between server and client


def ask(path=b"/collections/docs/points/count", body=b"{}"):
    return b"POST %b HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (
        path, len(body), body,
    )  # fmt: skip


class Served:
    """An application over the real protocol, for one coroutine of a test."""

    def __init__(self, engine, **service):
        self.application = Application(engine, Settings(service=Service(**service)))

    def run(self, test):
        async def main():
            config = uvicorn.Config(
                self.application, http=connection_room.Connection, lifespan="off"
            )
            config.load()
            config.loaded_app = self.application
            state = ServerState()
            self.application.connections = state.connections
            server = await asyncio.get_running_loop().create_server(
                lambda: connection_room.Connection(config, state, {}), "127.0.0.1", 0
            )
            try:
                async with asyncio.timeout(20):
                    return await test(server.sockets[0].getsockname())
            finally:
                server.close()

        return asyncio.run(main())

    def events(self):
        return self.application.metrics.counts().events


@pytest.fixture
def served(engine):
    opened = []

    def start(**service):
        opened.append(Served(engine, **service))
        return opened[-1]

    yield start
    for each in opened:
        each.application.pool.close()


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


def test_answer_that_nobody_reads_is_cut_off(served, engine, monkeypatch):
    monkeypatch.setattr(protocol, "READ_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(protocol, "READ_BYTES_PER_SECOND", 1 << 30)
    engine.answers[r.Count] = "x" * LARGE
    server = served()

    async def test(address):
        loop = asyncio.get_running_loop()
        with socket.create_connection(address) as client:
            client.setblocking(False)
            await loop.sock_sendall(client, ask())
            await until(lambda: server.events().get("slow_readers"))
            await until(lambda: not server.application.connections)
        assert server.application.unread_bytes == 0

    server.run(test)


def test_answer_that_is_read_slowly_but_steadily_arrives(served, engine, monkeypatch):
    monkeypatch.setattr(protocol, "READ_BYTES_PER_SECOND", 64 << 20)
    engine.answers[r.Count] = "x" * LARGE
    server = served()

    async def test(address):
        reader, writer = await asyncio.open_connection(*address, limit=1 << 16)
        writer.write(ask().replace(b"host:", b"connection: close\r\nhost:"))
        size, seen = 0, 0
        while part := await reader.read(1 << 16):
            size += len(part)
            seen = max(seen, server.application.unread_bytes)
        writer.close()
        assert size > LARGE
        assert seen > 0 and server.application.unread_bytes == 0
        assert "slow_readers" not in server.events()

    server.run(test)


def test_connections_beyond_the_limit_are_refused(served):
    server = served(max_connections=2)

    async def test(address):
        held = [await asyncio.open_connection(*address) for _ in range(2)]
        for reader, writer in held:
            writer.write(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        reader, writer = await asyncio.open_connection(*address)
        text = await reader.read()
        assert text.startswith(b"HTTP/1.1 503 ") and b"retry-after: 1" in text
        assert b"2 connections" in text
        writer.close()
        held[0][1].close()
        await until(lambda: len(server.application.connections) < 2)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        for _, each in (*held, (reader, writer)):
            each.close()

    server.run(test)
    assert server.events() == {"refused_connections": 1}


def test_work_for_a_client_that_left_is_stopped(served, engine):
    server, begun, stopped = served(max_workers=1), threading.Event(), []

    def look_for_ever(_):
        end = time.monotonic() + 5
        begun.set()
        try:
            while time.monotonic() < end:  # bounded, for whoever plants the bug
                check_deadline()
        except DeadlinePassed:
            stopped.append(1)
            raise

    engine.answers[r.Count] = look_for_ever

    async def test(address):
        writers = [(await asyncio.open_connection(*address))[1] for _ in range(3)]
        for writer in writers:  # one is looking, the others wait for their turn
            writer.write(ask())
        await until(lambda: server.application.pool.reads.pending == 3 and begun.is_set())
        for writer in writers:
            writer.close()
        await until(lambda: server.application.pool.reads.pending == 0)
        await until(lambda: not server.application.in_flight)

    server.run(test)
    assert len(stopped) == len(engine.requests) >= 1  # whoever had begun was stopped
    assert server.events() == {"abandoned": 3}


def test_writes_in_the_queue_of_a_client_that_left_are_not_begun(served, engine):
    server, begun, go = served(max_workers=1), threading.Event(), threading.Event()
    engine.answers[r.Upsert] = lambda _: begun.set() or go.wait(20)

    async def test(address):
        writers = [(await asyncio.open_connection(*address))[1] for _ in range(2)]
        for writer in writers:
            writer.write(
                ask(b"/collections/docs/points", b'{"points":[]}').replace(b"POST", b"PUT", 1)
            )
        await until(lambda: server.application.pool.writes.pending == 2 and begun.is_set())
        for writer in writers:
            writer.close()
        await until(lambda: server.events().get("abandoned") == 2)
        go.set()
        await until(lambda: not server.application.in_flight)

    server.run(test)
    assert len(engine.requests) == 1
