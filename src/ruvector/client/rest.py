"""How do requests reach a server? Over kept-alive HTTP connections of urllib3.

Limits: at most CONNECTIONS at once (further threads wait for one); a read is tried ATTEMPTS times
when the connection fails, because repeating it changes nothing; a write is sent once, because the
failure does not tell whether it happened. Redirects are not followed.
"""

import base64
import re
import ssl
import time
from math import ceil
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import numpy as np

from ruvector.client.answers import decode_result, error_of
from ruvector.client.transport import SYSTEMS_TRUST, Trust
from ruvector.errors import BadInput, ConnectionFailed, TimedOut
from ruvector.model import requests as r
from ruvector.model.ids import id_key
from ruvector.model.names import check_name
from ruvector.model.operations import OPERATION_OF, Kind
from ruvector.model.query_vectors import parse_vector_input
from ruvector.model.wire import encode_request

R = TypeVar("R")
CONNECTIONS = 32  # as many as the asynchronous client has threads
ATTEMPTS = 3
PAUSE_SECONDS = 0.1  # before the second attempt, twice that before the third
WAIT_STEP_SECONDS = 20  # waiting for an index goes in steps, each below the idle limits of proxies
SNAPSHOT_SECONDS = 3600  # a terabyte copied at 300 MB/s
COPIES = (  # whole collections, before they are answered
    r.CreateSnapshot,
    r.CreateShardSnapshot,
    r.CreateFullSnapshot,
    r.RecoverSnapshot,
    r.RecoverShardSnapshot,
    r.RecoverFullSnapshot,
)
_SHA256 = re.compile("(?:^|[ ,])sha-256=:([A-Za-z0-9+/]{43}=):")
ACCEPTED = 202  # it happens later: there is no result
REST_BATCH_POINTS = 10_000
REST_BATCH_BYTES = 8 * 2**20  # a quarter of what a server accepts, since sizes are estimated


class RestTransport:
    """Calls a server's REST port. Safe to use from several threads."""

    batch_points = REST_BATCH_POINTS
    batch_bytes = REST_BATCH_BYTES

    def __init__(
        self,
        url: str,
        api_key: str | None,
        timeout_seconds: float | None,
        trust: Trust = SYSTEMS_TRUST,
    ) -> None:
        import urllib3

        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"url is {url!r}; it must be like http://localhost:6333")
        if timeout_seconds is not None and not timeout_seconds > 0:
            raise BadInput(f"timeout_seconds is {timeout_seconds}; it must be above 0, or None")
        self.address = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._prefix = parts.path.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._failure = urllib3.exceptions.HTTPError
        self._no_answer = urllib3.exceptions.ReadTimeoutError
        self._pool = urllib3.connection_from_url(
            self.address, maxsize=CONNECTIONS, block=True, **verification(parts.scheme, trust)
        )
        self._headers = {"content-type": "application/json", "ruvector-ids": "original"}
        if api_key is not None:
            self._headers["api-key"] = api_key

    def execute(self, request: r.Request[R]) -> R:
        """Return the result that the server sent."""
        if isinstance(request, COPIES):
            return self._execute(request, SNAPSHOT_SECONDS)  # type: ignore[no-any-return]
        if isinstance(request, r.WaitForIndex):
            result: R = self._wait(request)
        else:
            result = self._execute(request)
        return result

    def download(self, request: r.Request[Any], path: Path) -> Path:
        """Write the snapshot that the server sends to a new file, piece by piece."""
        from ruvector.snapshots.folder import PIECE_BYTES, write_new

        method, target, _ = encode_request(request)
        answer = self._open(method, target, None, self._headers)
        try:
            if answer.status >= 300:
                raise error_of(answer.status, answer.data, self.address)
            size = int(answer.headers.get("content-length", -1))
            checksum = _checksum_of(answer.headers.get("repr-digest", ""))
            return write_new(path, answer.stream(PIECE_BYTES), size, checksum)
        except self._failure as error:
            raise ConnectionFailed(
                f"the download from {self.address} broke off: {error}"
            ) from error
        finally:
            answer.release_conn()

    def upload(self, request: r.Request[R]) -> R:
        """Send the file at the request's `source` as a form, piece by piece."""
        from ruvector.snapshots.folder import form_of

        method, target, _ = encode_request(request)
        form = form_of(Path(request.source))  # type: ignore[attr-defined]
        headers = {
            **self._headers,
            "content-type": f"multipart/form-data; boundary={form.boundary}",
            "content-length": str(form.size),
        }
        answer = self._open(method, target, form.pieces, headers)
        body = answer.data
        answer.release_conn()
        if answer.status >= 300:
            raise error_of(answer.status, body, self.address)
        if answer.status == ACCEPTED:
            return None  # type: ignore[return-value]
        return decode_result(body, request.result, self.address)  # type: ignore[no-any-return]

    def _open(self, method: str, path: str, body: Any, headers: Any) -> Any:
        """Return an answer whose body is still to be read."""
        try:
            return self._pool.urlopen(
                method,
                self._prefix + path,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=None if self._timeout_seconds is None else SNAPSHOT_SECONDS,
            )
        except self._failure as error:
            raise ConnectionFailed(
                f"cannot reach {self.address}, or the transfer broke off: {error}"
            ) from error

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def _execute(self, request: r.Request[Any], working_seconds: int = 0) -> Any:
        """Return the result; the server may work `working_seconds` before it has to answer."""
        check_sendable(request)
        method, path, body = encode_request(request)
        attempts = (
            ATTEMPTS if OPERATION_OF[type(request)].kind is Kind.READ or method == "GET" else 1
        )
        timeout = self._timeout_seconds
        if timeout is not None:
            timeout += working_seconds
        status, answer = self._send(method, self._prefix + path, body, attempts, timeout)
        if status >= 300:
            raise error_of(status, answer, self.address)
        if status == ACCEPTED:
            return None
        return decode_result(answer, request.result, self.address)

    def _send(
        self, method: str, path: str, body: bytes | None, attempts: int, timeout: float | None
    ) -> tuple[int, bytes]:
        for attempt in range(1, attempts + 1):
            try:
                # Unlike urllib3's manager, the pool leaves "." and ".." for the server to judge.
                answer = self._pool.urlopen(
                    method,
                    path,
                    body=body,
                    headers=self._headers,
                    retries=False,
                    redirect=False,
                    timeout=timeout,
                )
                return answer.status, answer.data
            except self._no_answer as error:
                raise TimedOut(
                    f"{self.address} did not answer within {timeout} seconds; "
                    "a write may still have happened; timeout_seconds= of the client allows more"
                ) from error
            except self._failure as error:
                if attempt == attempts:
                    raise ConnectionFailed(
                        f"cannot reach {self.address}: {error}; check the url, and that a server "
                        "runs there (start one with: ruvector serve)"
                    ) from error
                time.sleep(PAUSE_SECONDS * attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _wait(self, request: r.WaitForIndex) -> Any:
        """Ask again until the index is ready or the time is over; the wire counts whole seconds."""
        started = time.monotonic()
        while True:
            step = WAIT_STEP_SECONDS
            if request.timeout is not None:
                left = request.timeout - (time.monotonic() - started)
                step = min(step, max(1, ceil(left)))
            try:
                return self._execute(msgspec.structs.replace(request, timeout=step), step)
            except TimedOut as error:
                if isinstance(error.__cause__, self._no_answer):
                    raise  # the server did not say that it needs more time: it said nothing
                if request.timeout is not None and time.monotonic() - started >= request.timeout:
                    raise


def verification(scheme: str, trust: Trust) -> dict[str, Any]:
    """Return how urllib3 shall verify the server; BadInput where files are no good."""
    if scheme == "http":
        if any(trust):
            raise BadInput("ca_cert, client_cert and client_key need a url that begins with https")
        return {}
    if trust.client_key is not None and trust.client_cert is None:
        raise BadInput("client_key is given without client_cert; give both")
    try:
        context = ssl.create_default_context(cafile=trust.ca_cert)  # TLS 1.2 and up
        if trust.client_cert is not None:
            context.load_cert_chain(trust.client_cert, trust.client_key)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"ca_cert {trust.ca_cert}, client_cert {trust.client_cert} and client_key "
            f"{trust.client_key} cannot be used: {error}; they must be files in PEM that belong "
            "together"
        ) from error
    return {"ssl_context": context, "cert_reqs": "CERT_REQUIRED"}


def _checksum_of(field: str) -> str | None:
    """Return the SHA-256 that a Repr-Digest says (RFC 9530) in hexadecimal digits, or None."""
    found = _SHA256.search(field)
    return None if found is None else base64.b64decode(found[1]).hex()


def check_sendable(request: r.Request[Any]) -> None:
    """Refuse, as the model would, what neither a path nor JSON can carry as it was given."""
    collection = getattr(request, "collection", None)
    if collection is not None and (not isinstance(collection, str) or not collection):
        check_name(collection, "collection name")
    if isinstance(request, r.Upsert | r.UpdateVectors):
        _check_points(request)
    elif isinstance(request, r.BatchUpdate):
        for change in request.operations:
            if isinstance(change, r.Upsert | r.UpdateVectors):
                _check_points(change)
    elif isinstance(request, r.QueryPoints):
        _check_query(request.query)
    elif isinstance(request, r.QueryBatch):
        for search in request.searches:
            _check_query(search.query)


def _check_points(request: r.Upsert | r.UpdateVectors) -> None:
    for point_id in request.points.ids:
        id_key(point_id)
    for name, block in request.points.vectors.items():
        if isinstance(block.rows, list):
            continue  # sparse or multi-vectors: the server hears null, and says so
        finite = np.isfinite(block.rows)
        if not finite.all():
            position = int(np.argmin(finite.all(axis=1)))
            raise BadInput(
                f"vector {name!r} number {position} holds NaN or infinity; "
                "every number must be finite"
            )


def _check_query(query: Any) -> None:
    if isinstance(query, np.ndarray | list | tuple):
        parse_vector_input(query)
