"""How is the server itself, over gRPC? Who it is, whether it is well. Nobody needs a key for it."""

from typing import Any

import grpc

from ruvector.model.proto.schema import message_class
from ruvector.server import identity
from ruvector.server.grpc.health import Health
from ruvector.server.grpc.reflection import reflection_handlers


def about_handlers(health: Health) -> list[Any]:
    """Return the services that are about the server."""
    identify = {"HealthCheck": grpc.unary_unary_rpc_method_handler(_identity)}
    return [
        grpc.method_handlers_generic_handler("qdrant.Qdrant", identify),
        health.handler(),
        *reflection_handlers(),
    ]


def _identity(_body: bytes, _context: Any) -> bytes:
    reply = message_class("HealthCheckReply")(
        title=identity.QDRANT_TITLE, version=identity.QDRANT_VERSION, commit=identity.COMMIT
    )
    return reply.SerializeToString()  # type: ignore[no-any-return]
