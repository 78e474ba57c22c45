"""How is the server itself, over gRPC? Who it is, whether it is well. Nobody needs a key for it."""

from collections.abc import Callable
from typing import Any

from ruvector.model.proto.schema import message_class
from ruvector.server import identity
from ruvector.server.grpc.health import Health
from ruvector.server.grpc.reflection import Reflection
from ruvector.server.grpc.simple import Asked
from ruvector.server.grpc.stream import Stream

IDENTITY = "/qdrant.Qdrant/HealthCheck"


def about_openers(health: Health) -> dict[str, Callable[[Stream], None]]:
    """Return what lets calls in that are about the server, by their paths."""
    return {IDENTITY: _open_identity, **health.openers(), **Reflection().openers()}


def _open_identity(stream: Stream) -> None:
    kind = message_class("HealthCheckRequest")
    stream.handler = Asked(stream, kind, _identity, is_single=True)


def _identity(_: Any) -> Any:
    return message_class("HealthCheckReply")(
        title=identity.QDRANT_TITLE, version=identity.QDRANT_VERSION, commit=identity.COMMIT
    )
