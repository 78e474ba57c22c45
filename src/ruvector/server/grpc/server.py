"""How does the gRPC server start and stop? A port, the services, a pool of threads.

Start: the port is taken before the database is opened, so that a taken one is refused in one line.
Stop: new calls are refused with UNAVAILABLE, those in flight end (at most the time given).
"""

import threading
from typing import Any

import grpc

from ruvector.errors import BadInput
from ruvector.model.proto.rpcs import RPCS, procedures
from ruvector.server.configuration import MEBIBYTE, Settings, has_key
from ruvector.server.grpc.about import about_handlers
from ruvector.server.grpc.calls import Calls
from ruvector.server.grpc.gate import Gate
from ruvector.server.grpc.health import Health
from ruvector.server.grpc.turns import Turns
from ruvector.server.observer import Observer
from ruvector.server.pool import MAX_WAITING, default_threads
from ruvector.server.rest import Engine
from ruvector.server.tls import Certificates

MAX_METADATA_BYTES = 16 * 1024


class EarlyRefusal(grpc.ServerInterceptor):  # type: ignore[misc]
    """Answers calls that may not come in before their message is read: as if it were a stream."""

    calls: Calls | None = None

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Return the handler of a call."""
        assert self.calls is not None  # noqa: S101 - the server starts afterwards
        refuse = self.calls.refusal(details.method, details.invocation_metadata)
        if refuse is not None:
            return grpc.stream_unary_rpc_method_handler(refuse)
        return continuation(details)


class GrpcServer:
    """The services over one engine, once it is there."""

    def __init__(self, settings: Settings, certificates: Certificates | None) -> None:
        service = settings.service
        threads = service.max_workers or default_threads()
        self._service = service
        self._calls: Calls | None = None
        self._health = Health()
        self._pool = Turns(threads, "ruvector-grpc")
        self._early = EarlyRefusal()
        self._server = grpc.server(
            self._pool,
            # Costs a tenth of a call, and refuses nobody where there are no keys.
            interceptors=(self._early,) if has_key(service) else (),
            maximum_concurrent_rpcs=threads + MAX_WAITING,
            options=(
                ("grpc.so_reuseport", 0),  # two servers on one port would share its calls
                ("grpc.max_receive_message_length", service.max_request_size_mb * MEBIBYTE),
                ("grpc.default_compression_level", 1),  # for callers that take it; see calls.py
                ("grpc.max_send_message_length", -1),
                ("grpc.max_metadata_size", MAX_METADATA_BYTES),
            ),
        )
        host = f"[{service.host}]" if ":" in service.host else service.host
        try:
            address = f"{host}:{service.grpc_port}"
            if certificates is None:
                self.port = self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_secure_port(address, credentials_of(certificates))
        except RuntimeError as error:
            raise BadInput(
                f"port {service.grpc_port} on {service.host} cannot be used for gRPC, probably "
                "because another program has it; stop it or choose another with --grpc-port"
            ) from error

    def start(self, engine: Engine, observer: Observer) -> None:
        """Begin to answer; `observer` hears of every call."""
        gate = Gate(self._service, engine, observer.attempts)
        self._calls = calls = Calls(engine, gate, observer, self._service)
        self._early.calls = calls
        self._server.add_generic_rpc_handlers(
            (
                *(
                    grpc.method_handlers_generic_handler(service, _handlers(calls, service))
                    for service in RPCS
                ),
                *about_handlers(self._health),
            )
        )
        self._server.start()

    def refuse(self) -> None:
        """Turn new calls away, and tell those who watch the health."""
        if self._calls is not None and not self._calls.stopping:
            self._calls.stopping = True
            threading.Thread(target=self._health.stop, name="ruvector-health", daemon=True).start()

    def stop(self, grace_seconds: float) -> threading.Event:
        """Begin to stop; the event says when all calls have ended."""
        self.refuse()
        stopped: threading.Event = self._server.stop(grace_seconds)
        return stopped


def _handlers(calls: Calls, service: str) -> dict[str, Any]:
    return {
        name: grpc.unary_unary_rpc_method_handler(calls.handler(procedure))
        for name, procedure in procedures(service)
    }


def credentials_of(certificates: Certificates) -> Any:
    """Return the credentials of a listener: each connection is given the current certificates."""

    def current() -> Any:
        material = certificates.current()
        pairs = [(material.key, material.certificate)]
        return grpc.ssl_server_certificate_configuration(pairs, material.authorities)

    return grpc.dynamic_ssl_server_credentials(
        current(), current, require_client_authentication=certificates.verifies
    )
