"""How do requests reach a server over gRPC? Over one HTTP/2 channel of grpcio, by any threads.

What gRPC has no words for (waiting for an index, reports, orders of hits) goes over REST where a
`url` was given, too, and is refused by name where not. A read is tried ATTEMPTS times when the
connection fails, a write is sent once, as over REST.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ruvector.client.answers import ERROR_CLASSES
from ruvector.client.rest import (
    ATTEMPTS,
    PAUSE_SECONDS,
    REST_BATCH_BYTES,
    REST_BATCH_POINTS,
    RestTransport,
    check_sendable,
    verification,
)
from ruvector.client.transport import SYSTEMS_TRUST, Trust
from ruvector.errors import (
    BadInput,
    BodyTooLarge,
    ConnectionFailed,
    MalformedRequest,
    RuvectorError,
    ServiceError,
    TimedOut,
)
from ruvector.model import requests as r
from ruvector.model.filters import parse_filter
from ruvector.model.operations import OPERATION_OF, Kind
from ruvector.model.points import parse_payload_selector, parse_vector_selector
from ruvector.model.quantization import DISABLED, parse_quantization
from ruvector.model.queries import parse_query
from ruvector.model.vector_params import parse_vectors

R = TypeVar("R")
DEFAULT_PORT = 6334
_ALWAYS_WAIT = frozenset(
    (r.CreateSnapshot, r.DeleteSnapshot, r.CreateFullSnapshot, r.DeleteFullSnapshot)
)
_NOT_IN_MESSAGES = {
    "sort_by": "an order of hits",
    "aggregate": "figures of facets",
    "ttl_seconds": "a time to live",
}


class GrpcTransport:
    """Calls a server's gRPC port. Safe to use from several threads."""

    batch_points = REST_BATCH_POINTS
    batch_bytes = REST_BATCH_BYTES

    def __init__(
        self,
        url: str,
        api_key: str | None,
        timeout_seconds: float | None,
        trust: Trust = SYSTEMS_TRUST,
        rest: RestTransport | None = None,
    ) -> None:
        try:
            import grpc

            from ruvector.model.proto import answers, requests, rpcs
        except ModuleNotFoundError as error:
            raise BadInput(
                f"gRPC needs {error.name}, which is not installed: pip install ruvector[grpc]"
            ) from error
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https", "grpc") or not parts.hostname:
            raise BadInput(f"grpc_url is {url!r}; it must be like localhost:6334")
        if timeout_seconds is not None and not timeout_seconds > 0:
            raise BadInput(f"timeout_seconds is {timeout_seconds}; it must be above 0, or None")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.address = f"{host}:{parts.port or DEFAULT_PORT}"
        self._timeout_seconds = timeout_seconds
        self._rest = rest
        self._failure = grpc.RpcError
        self._codes = grpc.StatusCode
        self._write, self._read = requests.write_request, answers.read_answer
        self._metadata = [("ruvector-ids", "original")]
        if api_key is not None:
            self._metadata.append(("api-key", api_key))
        options = (
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
        )
        if parts.scheme == "https":
            self._channel = grpc.secure_channel(self.address, _credentials(trust), options)
        else:
            verification("http", trust)
            self._channel = grpc.insecure_channel(self.address, options)
        self._calls = {
            each.request: self._channel.unary_unary(
                each.path, _serialized, each.answered.FromString
            )
            for service in rpcs.RPCS
            for _, each in rpcs.procedures(service)
            if each.request is not None
        }

    def execute(self, request: r.Request[R]) -> R:
        """Return the result that the server sent."""
        check_sendable(request)
        lacking = self._lacking(request)
        if lacking is not None:
            return self._over_rest(lacking).execute(request)
        answer = self._send(request, self._message(request))
        result: R = self._read(request, answer)
        return result

    def download(self, request: r.Request[Any], path: Path) -> Path:
        """Write the snapshot that a request names to a new file, over REST."""
        return self._over_rest(type(request).__name__).download(request, path)

    def upload(self, request: r.Request[R]) -> R:
        """Return the result of a request with a file of this machine, over REST."""
        return self._over_rest(type(request).__name__).upload(request)

    def close(self) -> None:
        """Close every connection."""
        self._channel.close()
        if self._rest is not None:
            self._rest.close()

    def _over_rest(self, lacking: str) -> RestTransport:
        if self._rest is None:
            raise BadInput(f"gRPC has no words for {lacking}; give the client the REST url=, too")
        return self._rest

    def _lacking(self, request: Any) -> str | None:
        """Return what of a request no message can say."""
        if type(request) not in self._calls:
            return type(request).__name__
        if type(request) in _ALWAYS_WAIT and not request.wait:
            return "a snapshot that is not waited for"
        searches, operations = (getattr(request, n, None) for n in ("searches", "operations"))
        for part in (request, *(searches or ()), *(operations or ())):
            for name, words in _NOT_IN_MESSAGES.items():
                if getattr(part, name, None) is not None:
                    return words
            if getattr(getattr(part, "points", None), "ttls", None) is not None:
                return _NOT_IN_MESSAGES["ttl_seconds"]
        return None

    def _message(self, request: r.Request[Any]) -> Any:
        try:
            return self._write(request)
        except MalformedRequest:
            _explain(request)
            raise

    def _send(self, request: r.Request[Any], message: Any) -> Any:
        call = self._calls[type(request)]
        attempts = ATTEMPTS if OPERATION_OF[type(request)].kind is Kind.READ else 1
        for attempt in range(1, attempts + 1):
            try:
                return call(message, timeout=self._timeout_seconds, metadata=self._metadata)
            except ValueError as error:
                raise ConnectionFailed(f"the client of {self.address} is closed") from error
            except self._failure as failure:
                met = self._error_of(failure)
                if attempt == attempts or not isinstance(met, ConnectionFailed):
                    raise met from failure
                time.sleep(PAUSE_SECONDS * attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _error_of(self, failure: Any) -> RuvectorError:
        code, text = failure.code(), failure.details() or ""
        known = [each for each in ERROR_CLASSES if each.grpc_code == code.name]
        for each in sorted(known, key=lambda each: len(each.grpc_text()), reverse=True):
            if each.grpc_text() and text.startswith(each.grpc_text()):
                return each(text.removeprefix(each.grpc_text()))
        if code is self._codes.DEADLINE_EXCEEDED:
            return TimedOut(
                f"{self.address} did not answer within {self._timeout_seconds} seconds; "
                "a write may still have happened; timeout_seconds= of the client allows more"
            )
        if code in (self._codes.UNAVAILABLE, self._codes.CANCELLED):
            return ConnectionFailed(
                f"cannot reach {self.address}: {text}; check grpc_url, and that a server runs "
                "there (start one with: ruvector serve)"
            )
        if code is self._codes.RESOURCE_EXHAUSTED:
            return BodyTooLarge(text)
        if known:
            return known[0](text)
        return ServiceError(f"{self.address} answered {code.name}: {text}")


def _serialized(message: Any) -> bytes:
    return message.SerializeToString()  # type: ignore[no-any-return]


def _explain(request: Any) -> None:
    """Raise what the model says of a request that no message can say, if it says anything."""
    for name, parse in _PARSED.items():
        parse(getattr(request, name, None))
    for part in (request, *(getattr(request, "searches", None) or ())):
        for name in ("filter", "update_filter"):
            parse_filter(getattr(part, name, None), path=name)
        if isinstance(part, r.QueryPoints | r.QueryGroups):
            parse_query(part.query)


_PARSED: dict[str, Callable[[Any], Any]] = {
    "with_payload": lambda source: parse_payload_selector(source, default=False),
    "with_vector": parse_vector_selector,
    "vectors": parse_vectors,
    "quantization_config": lambda source: (
        None
        if source is None or source == DISABLED
        else parse_quantization(source, "quantization_config")
    ),
}


def _credentials(trust: Trust) -> Any:
    import grpc

    verification("https", trust)
    ca_cert, client_cert, client_key = (
        None if path is None else Path(path).read_bytes() for path in trust
    )
    return grpc.ssl_channel_credentials(ca_cert, client_key, client_cert)
