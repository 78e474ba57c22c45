"""Is the server well, in gRPC's own words? `grpc.health.v1.Health`, for balancers and platforms.

`Check` answers once, for the server ("") and for each of its services. `Watch` answers at once and
again when that changes, which it does once: when the server begins to stop. At most MAX_WATCHERS at
a time. Nobody needs a key. For the loop's thread only.
"""

from collections.abc import Callable
from typing import Any

from ruvector.errors import NotFound, RuvectorError
from ruvector.model.proto.rpcs import RPCS
from ruvector.model.proto.schema import message_class
from ruvector.server.grpc.framing import Message, framed
from ruvector.server.grpc.simple import Asked, read
from ruvector.server.grpc.statuses import Status
from ruvector.server.grpc.stream import Stream

PACKAGE = "grpc.health.v1"
MAX_WATCHERS = 100  # each keeps a connection's stream and a few kilobytes
SERVICES = frozenset(("", "qdrant.Qdrant", *RPCS))


class Health:
    """What is said of the server, and who waits to hear that it stops."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.watchers: set[Watcher] = set()
        self.asked = message_class(f"{PACKAGE}.HealthCheckRequest")
        self._answered = message_class(f"{PACKAGE}.HealthCheckResponse")

    def openers(self) -> dict[str, Callable[[Stream], None]]:
        """Return what lets calls of the service in."""
        return {
            f"/{PACKAGE}.Health/Check": self._open_check,
            f"/{PACKAGE}.Health/Watch": self._open_watch,
        }

    def stop(self) -> None:
        """Say that the server stops, and end the calls of all watchers."""
        self.is_stopping = True
        watchers, self.watchers = self.watchers, set()
        for watcher in watchers:
            watcher.stop()

    def said(self, word: str) -> bytes:
        """Return a message that says a word, framed."""
        return framed(self._answer(word).SerializeToString())

    def _answer(self, word: str) -> Any:
        return self._answered(status=getattr(self._answered, word))

    def _open_check(self, stream: Stream) -> None:
        stream.handler = Asked(stream, self.asked, self._check, is_single=True)

    def _open_watch(self, stream: Stream) -> None:
        stream.handler = Watcher(self, stream)

    def _check(self, question: Any) -> Any:
        if question.service not in SERVICES:
            raise NotFound("there is no such service")
        return self._answer("NOT_SERVING" if self.is_stopping else "SERVING")


class Watcher:
    """The handler of one call of `Watch`."""

    def __init__(self, health: Health, stream: Stream) -> None:
        self._health = health
        self._stream = stream

    def message(self, message: Message) -> None:
        """Answer how a service is, and wait; RESOURCE_EXHAUSTED where too many do."""
        health = self._health
        is_known = read(health.asked, message, self._stream).service in SERVICES
        if self in health.watchers:
            return
        if len(health.watchers) >= MAX_WATCHERS:
            text = f"{MAX_WATCHERS} calls watch the health, the most there may be; ask with Check"
            self._stream.end(Status.RESOURCE_EXHAUSTED, text)
            return
        self._stream.is_patient = True
        self._stream.send(health.said("SERVING" if is_known else "SERVICE_UNKNOWN"))
        if health.is_stopping:
            self.stop()
        else:
            health.watchers.add(self)

    def stop(self) -> None:
        """Say that the server stops."""
        self._stream.send(self._health.said("NOT_SERVING"))
        self._stream.end(Status.OK)

    def ended(self) -> None:
        """Nothing follows the question."""

    def refuse(self, error: RuvectorError) -> None:
        """End with an error."""
        self._health.watchers.discard(self)
        self._stream.end(Status[error.grpc_code], error.message)

    def left(self) -> None:
        """Forget it."""
        self._health.watchers.discard(self)
