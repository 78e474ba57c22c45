"""How is the server itself, over gRPC? Who it is, whether it is well. Nobody needs a key for it."""

from typing import Any

import grpc

from ruvector.model.proto.schema import message_class
from ruvector.server import identity
from ruvector.server.grpc.calls import Calls


def about_handlers(_: Calls) -> list[Any]:
    """Return the services that are about the server."""
    return [
        _service("qdrant.Qdrant", {"HealthCheck": grpc.unary_unary_rpc_method_handler(_identity)}),
    ]


def _service(name: str, handlers: dict[str, Any]) -> Any:
    return grpc.method_handlers_generic_handler(name, handlers)


def _identity(_body: bytes, _context: Any) -> bytes:
    reply = message_class("HealthCheckReply")(
        title=identity.QDRANT_TITLE, version=identity.QDRANT_VERSION, commit=identity.COMMIT
    )
    return reply.SerializeToString()  # type: ignore[no-any-return]
