"""How long may a connection take to agree on its encryption, and who counts it meanwhile?

uvicorn leaves handshakes to the loop, which gives each 60 seconds and counts none. Here a
connection comes in without encryption, is counted from then on, together with those that are open,
and is handed back to the loop for a handshake of HANDSHAKE_SECONDS at most. Not a byte is read
before that, so what comes with the last message of a handshake goes the loop's way. Runs on the
loop's thread.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Collection
from typing import Any, Protocol

HANDSHAKE_SECONDS = 10.0  # two round trips; a slow one is an attack


class Counted(Protocol):
    """The protocol of an encrypted connection: of REST or of gRPC."""

    @property
    def connections(self) -> Collection[Any]:
        """Return those of its kind that are open."""

    def most_connections(self) -> float:
        """Return how many may be open."""

    def count(self, event: str) -> None:
        """Count an event of `metrics_text.EVENTS`."""


class Handshakes:
    """The handshakes of one server that are under way; `make` makes each connection's protocol."""

    def __init__(self, context: ssl.SSLContext, make: Callable[..., Any]) -> None:
        self.context = context
        self.open: set[asyncio.Task[None]] = set()
        self._make = make

    def protocol(self, **options: Any) -> "Handshake":
        """Return what is asked for when a connection comes; `options` are those of `make`."""
        return Handshake(self, self._make(**options))


class Handshake(asyncio.Protocol):
    """One connection until it is encrypted."""

    def __init__(self, handshakes: Handshakes, protocol: Counted) -> None:
        self._handshakes = handshakes
        self._protocol: Any = protocol

    def connection_made(self, transport: Any) -> None:
        """Begin the handshake, or refuse where there are too many connections."""
        protocol, under_way = self._protocol, self._handshakes.open
        if len(under_way) + len(protocol.connections) >= protocol.most_connections():
            protocol.count("refused_connections")
            transport.abort()  # nobody can read an answer yet
            return
        connection = transport.get_extra_info("socket").dup()
        transport.abort()  # its own file alone: the connection goes on in the other
        task = asyncio.get_running_loop().create_task(self._shake(connection))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    async def _shake(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._protocol,
                connection,
                ssl=self._handshakes.context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except (OSError, ssl.SSLError):
            self._protocol.count("failed_handshakes")
            connection.close()
        except BaseException:
            connection.close()
            raise
