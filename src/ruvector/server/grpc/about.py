"""How is the server itself, over gRPC? Who it is, whether it is well. Nobody needs a key for it.

`grpc.health.v1.Health/Check` answers for the server ("") and for each of its services; `Watch`
would hold a thread for each watcher, and is not served.
"""

from typing import Any

import grpc
from google.protobuf.message import DecodeError

from ruvector.model.proto.rpcs import RPCS
from ruvector.model.proto.schema import message_class
from ruvector.server import identity
from ruvector.server.grpc.calls import Calls
from ruvector.server.grpc.reflection import reflection_handlers

HEALTH = "grpc.health.v1"


def about_handlers(calls: Calls) -> list[Any]:
    """Return the services that are about the server."""
    return [
        _service("qdrant.Qdrant", "HealthCheck", _identity),
        _service(f"{HEALTH}.Health", "Check", _health(calls)),
        *reflection_handlers(),
    ]


def _service(name: str, method: str, answer: Any) -> Any:
    handlers = {method: grpc.unary_unary_rpc_method_handler(answer)}
    return grpc.method_handlers_generic_handler(name, handlers)


def _identity(_body: bytes, _context: Any) -> bytes:
    reply = message_class("HealthCheckReply")(
        title=identity.QDRANT_TITLE, version=identity.QDRANT_VERSION, commit=identity.COMMIT
    )
    return reply.SerializeToString()  # type: ignore[no-any-return]


def _health(calls: Calls) -> Any:
    asked = message_class(f"{HEALTH}.HealthCheckRequest")
    answered = message_class(f"{HEALTH}.HealthCheckResponse")
    services = {"", "qdrant.Qdrant", *RPCS}

    def check(body: bytes, context: Any) -> bytes:
        try:
            service = asked.FromString(body).service
        except DecodeError:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "this is no HealthCheckRequest")
        if service not in services:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
        state = answered.NOT_SERVING if calls.stopping else answered.SERVING
        return answered(status=state).SerializeToString()  # type: ignore[no-any-return]

    return check
