"""What carries a request to a database and brings back its result?

A transport is safe to use from several threads at once. `EmbeddedTransport` calls the engine in
this process; `ruvector.client.rest.RestTransport` calls a server.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from ruvector.errors import BadInput
from ruvector.model.requests import Request

if TYPE_CHECKING:
    from ruvector.engine import Engine

R = TypeVar("R")
DEFAULT_TIMEOUT_SECONDS = (
    60.0  # a batch of 10,000 points takes 2 s on a slow disk; thirty times that
)
EMBEDDED_BATCH_POINTS = 10_000  # one log entry and one fsync each; 60 MB at 1,536 dimensions


class Trust(NamedTuple):
    """Files in PEM: whose certificates a client takes instead of the system's, and its own."""

    ca_cert: str | Path | None = None
    client_cert: str | Path | None = None
    client_key: str | Path | None = None


SYSTEMS_TRUST = Trust()


class Transport(Protocol):
    """Executes requests. `batch_points`, `batch_bytes`: how much of a bulk write goes into one."""

    @property
    def address(self) -> str:
        """Return where the database is, for people."""
        ...

    @property
    def batch_points(self) -> int:
        """Return the most points of one batch of a bulk write."""
        ...

    @property
    def batch_bytes(self) -> int | None:
        """Return the most bytes of JSON of one batch, or None where nothing is encoded."""
        ...

    def execute(self, request: Request[R]) -> R:
        """Return the result of a request, or raise the error of `ruvector.errors` it met."""
        ...

    def download(self, request: Request[Any], path: Path) -> Path:
        """Write the snapshot that a request names to a new file, and return its path."""
        ...

    def upload(self, request: Request[R]) -> R:
        """Return the result of a request whose `source` is a file of this machine."""
        ...

    def close(self) -> None:
        """Release connections, files and threads; a second call does nothing."""
        ...


class EmbeddedTransport:
    """Calls the engine in this process: no socket, no encoding, no copy of vectors."""

    batch_points = EMBEDDED_BATCH_POINTS
    batch_bytes = None

    def __init__(self, engine: "Engine", address: str) -> None:
        self._engine = engine
        self.address = address

    def execute(self, request: Request[R]) -> R:
        """Return the engine's result."""
        return self._engine.execute(request)

    def download(self, request: Request[Any], path: Path) -> Path:
        """Copy the snapshot."""
        from ruvector.snapshots.folder import write_new

        content = self._engine.read_snapshot(request)
        described = content.description
        return write_new(path, content.pieces, described.size, described.checksum)

    def upload(self, request: Request[R]) -> R:
        """Return the engine's result; it reads the file where it is."""
        return self._engine.execute(request)

    def close(self) -> None:
        """Close the engine and unlock its folder."""
        self._engine.close()


def connect(
    url: str | None,
    path: str | Path | None,
    read_only: bool,
    api_key: str | None,
    timeout_seconds: float | None,
    grpc_url: str | None,
    trust: Trust = SYSTEMS_TRUST,
    snapshots: Mapping[str, Any] | None = None,
) -> Transport:
    """Return the transport that these arguments of a client ask for."""
    if (url is None and grpc_url is None) == (path is None):
        raise BadInput(
            "either a url or a path must be given: "
            "RuvectorClient(url='http://localhost:6333') for a server, grpc_url= for its gRPC, "
            "ruvector.open('./data') for an embedded database"
        )
    if path is not None:
        if api_key is not None:
            raise BadInput(
                "api_key belongs to a server; an embedded database has no keys: leave it out"
            )
        if any(trust):
            raise BadInput("ca_cert, client_cert and client_key belong to a server; leave them out")
        from ruvector.engine import Engine
        from ruvector.snapshots.settings import settings_of

        engine = Engine.open(path, read_only=read_only, snapshots=settings_of(snapshots))
        return EmbeddedTransport(engine, str(path))
    if snapshots is not None:
        raise BadInput("snapshots belongs to an embedded database; a server has settings for them")
    if read_only:
        raise BadInput("read_only belongs to an embedded database; a server decides by the api_key")
    from ruvector.client.rest import RestTransport

    rest = None if url is None else RestTransport(url, api_key, timeout_seconds, trust)
    if grpc_url is None:
        assert rest is not None  # noqa: S101 - one of them was given
        return rest
    from ruvector.client.grpc import GrpcTransport

    return GrpcTransport(grpc_url, api_key, timeout_seconds, trust, rest)
