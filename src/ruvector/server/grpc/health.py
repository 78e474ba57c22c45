"""Is the server well, in gRPC's own words? `grpc.health.v1.Health`, for balancers and platforms.

`Check` answers once, for the server ("") and for each of its services. `Watch` answers at once and
again when that changes, which it does once: when the server begins to stop. A watcher holds no
thread: its call is put aside (grpcio's `experimental_non_blocking`, which its own health package
uses) and told by the thread that stops the server. At most MAX_WATCHERS at a time.
Nobody needs a key. Safe on any thread.
"""

import threading
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from ruvector.model.proto.rpcs import RPCS
from ruvector.model.proto.schema import message_class

PACKAGE = "grpc.health.v1"
MAX_WATCHERS = 100  # each keeps a connection's stream and a few kilobytes
SERVICES = frozenset(("", "qdrant.Qdrant", *RPCS))

Send = Callable[[bytes | None], None]


class Health:
    """What is said of the server, and who waits to hear that it stops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # of the next two fields
        self._is_stopping = False
        self._watchers: set[Send] = set()
        self._places = threading.BoundedSemaphore(MAX_WATCHERS)
        self._asked = message_class(f"{PACKAGE}.HealthCheckRequest")
        self._answered = message_class(f"{PACKAGE}.HealthCheckResponse")

    def handler(self) -> Any:
        """Return the service."""

        def watch(body: bytes, context: Any, send: Send) -> None:
            self.watch(body, context, send)

        watch.experimental_non_blocking = True  # type: ignore[attr-defined]
        return grpc.method_handlers_generic_handler(
            f"{PACKAGE}.Health",
            {
                "Check": grpc.unary_unary_rpc_method_handler(self.check),
                "Watch": grpc.unary_stream_rpc_method_handler(watch),
            },
        )

    def check(self, body: bytes, context: Any) -> bytes:
        """Answer how a service is; NOT_FOUND for one that is not known."""
        if self._service(body, context) not in SERVICES:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
        return self._said("NOT_SERVING" if self._is_stopping else "SERVING")

    def watch(self, body: bytes, context: Any, send: Send) -> None:
        """Answer how a service is, and put the call aside; RESOURCE_EXHAUSTED for too many."""
        is_known = self._service(body, context) in SERVICES
        if not self._places.acquire(blocking=False):
            context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{MAX_WATCHERS} calls watch the health, the most there may be; ask with Check",
            )
        if not context.add_callback(lambda: self._forget(send)):
            self._forget(send)  # the caller has left
            return
        send(self._said("SERVING" if is_known else "SERVICE_UNKNOWN"))
        with self._lock:
            is_stopping = self._is_stopping
            if not is_stopping:
                self._watchers.add(send)
        if is_stopping:
            self._end(send)
        elif not context.is_active():
            with self._lock:  # it was forgotten before it was remembered
                self._watchers.discard(send)

    def stop(self) -> None:
        """Say that the server stops, and end the calls of all watchers. Waits for their sockets."""
        with self._lock:
            self._is_stopping = True
            watchers, self._watchers = self._watchers, set()
        for send in watchers:
            self._end(send)

    def _end(self, send: Send) -> None:
        send(self._said("NOT_SERVING"))
        send(None)

    def _forget(self, send: Send) -> None:
        with self._lock:
            self._watchers.discard(send)
        self._places.release()

    def _service(self, body: bytes, context: Any) -> str:
        try:
            return self._asked.FromString(body).service  # type: ignore[no-any-return]
        except DecodeError:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "this is no HealthCheckRequest")
            raise

    def _said(self, word: str) -> bytes:
        status = getattr(self._answered, word)
        return self._answered(status=status).SerializeToString()  # type: ignore[no-any-return]
