"""How does the gRPC server start and stop? A port, the services, connections on REST's loop.

Start: the port is taken before the database is opened, so that a taken one is refused in one line.
Stop: new calls are refused with UNAVAILABLE, those in flight end (at most the time given).
For the loop's thread, but the constructor.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ruvector.model.proto.rpcs import RPCS, procedures
from ruvector.server.body import BODIES_IN_FLIGHT
from ruvector.server.configuration import MEBIBYTE, Settings, most_grpc_connections
from ruvector.server.grpc.about import about_openers
from ruvector.server.grpc.calls import Calls
from ruvector.server.grpc.connection import Connection
from ruvector.server.grpc.gate import Gate
from ruvector.server.grpc.health import Health
from ruvector.server.grpc.statuses import Status
from ruvector.server.grpc.stream import Stream, too_many_unread
from ruvector.server.handshake import Handshakes
from ruvector.server.observer import Observer
from ruvector.server.pool import Lanes
from ruvector.server.rest import Engine
from ruvector.server.tls import HTTP_2, Certificates, listening_context
from ruvector.server.turns import Turns

LOOK_SECONDS = 5.0  # how often clocks are looked at, of which the shortest is 15 s
POLL_SECONDS = 0.02  # how often a drain looks whether it is done
UNREAD_BODIES = 8  # times the largest message: what may wait for slow readers, as over REST


class GrpcServer:
    """The services over one engine, once it is there. `doors` listen, on one port."""

    def __init__(
        self, settings: Settings, certificates: Certificates | None, doors: list[socket.socket]
    ) -> None:
        service = settings.service
        self._service = service
        self._certificates = certificates
        self._doors = doors
        self._listeners: list[asyncio.Server] = []
        self._calls: Calls | None = None
        self._health = Health()
        self._openers: dict[bytes, Callable[[Stream], None]] = {}
        self._clock: asyncio.TimerHandle | None = None
        self.port: int = doors[0].getsockname()[1]
        self.connections: set[Connection] = set()
        self.most_connections = most_grpc_connections(service)
        self.max_bytes = service.max_request_size_mb * MEBIBYTE
        self.most_received_bytes = BODIES_IN_FLIGHT * self.max_bytes
        self.received_bytes = 0
        self.unread_bytes = 0
        self.count: Callable[[str], None] = lambda _: None

    async def start(self, engine: Engine, observer: Observer, lanes: Lanes, turns: Turns) -> None:
        """Begin to answer; `observer` hears of every call."""
        self.count = observer.metrics.event
        gate = Gate(self._service, engine, observer.attempts)
        self._calls = calls = Calls(engine, gate, observer, self._service, lanes, turns)
        openers = about_openers(self._health)
        for service in RPCS:
            openers |= {each.path: calls.opener(each) for _, each in procedures(service)}
        self._openers = {path.encode(): opener for path, opener in openers.items()}
        make: Callable[[], Any] = partial(Connection, self)
        if self._certificates is not None:
            context = listening_context(self._certificates, HTTP_2)
            make = Handshakes(context, make).protocol
        loop = asyncio.get_running_loop()
        for door in self._doors:
            self._listeners.append(await loop.create_server(make, sock=door))
        self._look()

    def open(self, stream: Stream) -> None:
        """Give a new call its handler, or refuse it."""
        opener = self._openers.get(stream.path)
        if opener is None:
            stream.end(Status.UNIMPLEMENTED, "there is no such procedure")
            return
        opener(stream)
        most = UNREAD_BODIES * self.max_bytes
        if self.unread_bytes > most and stream.handler is not None:
            stream.handler.refuse(too_many_unread(self.unread_bytes, most))

    @property
    def in_flight(self) -> int:
        """Return how many calls are being answered."""
        return 0 if self._calls is None else len(self._calls.in_flight)

    def refuse(self) -> None:
        """Turn new calls away, and tell those who watch the health."""
        if self._calls is not None and not self._calls.stopping:
            self._calls.stopping = True
            self._health.stop()

    async def stop(self, grace_seconds: float) -> None:
        """Let calls in flight end, at most for the time given, and close everything."""
        self.refuse()
        for listener in self._listeners:
            listener.close()
        deadline = time.monotonic() + grace_seconds
        for connection in list(self.connections):
            connection.end()
        while self.in_flight and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        if self._calls is not None:
            self._calls.abandon_all()
        while any(each.is_unread for each in self.connections) and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        for connection in list(self.connections):
            connection.close()
        self.close()

    def close(self) -> None:
        """Let go of the port."""
        if self._clock is not None:
            self._clock.cancel()
        for door in self._doors:
            door.close()

    def _look(self) -> None:
        now, moment = time.monotonic(), time.perf_counter()
        for connection in list(self.connections):
            connection.look(now, moment)
        self._clock = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)
