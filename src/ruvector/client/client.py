"""What does a user hold? A client of one database, embedded or remote.

A client may be used from several threads at once. Every method builds one request of
`ruvector.model.requests` and hands it to the transport.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ruvector.client.collection_calls import CollectionCalls
from ruvector.client.group_calls import GroupCalls
from ruvector.client.point_calls import PointCalls
from ruvector.client.search_calls import SearchCalls
from ruvector.client.service_calls import ServiceCalls
from ruvector.client.snapshot_calls import SnapshotCalls
from ruvector.client.transport import DEFAULT_TIMEOUT_SECONDS, Trust, connect

if TYPE_CHECKING:
    from types import TracebackType

    from ruvector.client.collection import Collection


class RuvectorClient(
    CollectionCalls, PointCalls, SearchCalls, GroupCalls, ServiceCalls, SnapshotCalls
):
    """A database: a server at `url`, or the folder `path` (":memory:" for a throw-away one).

    `grpc_url` ("localhost:6334") sends over gRPC what it has words for; the rest needs `url`, too.
    `snapshots`: settings of an embedded database, see `open`.
    `api_key` goes to the server with every request; `timeout_seconds` is how long one request may
    take before TimedOut (None: for ever). With https the server's certificate is verified, by the
    system's authorities or those in the file `ca_cert`; `client_cert` and `client_key` are files
    with the client's own. Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        path: str | Path | None = None,
        read_only: bool = False,
        snapshots: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        timeout_seconds: float | None = DEFAULT_TIMEOUT_SECONDS,
        grpc_url: str | None = None,
        ca_cert: str | Path | None = None,
        client_cert: str | Path | None = None,
        client_key: str | Path | None = None,
    ) -> None:
        trust = Trust(ca_cert, client_cert, client_key)
        self._transport = connect(
            url, path, read_only, api_key, timeout_seconds, grpc_url, trust, snapshots
        )

    def collection(self, name: str) -> "Collection":
        """Return the same methods with the name bound: ``docs.search(q, limit=10)``."""
        from ruvector.client.collection import Collection

        return Collection(self, name)

    def close(self) -> None:
        """Release connections, files and threads; a second call does nothing."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.address!r})"

    def _repr_html_(self) -> str:
        from ruvector.client.display import client_html

        return client_html(self)


def open(
    path: str | Path, *, read_only: bool = False, snapshots: Mapping[str, Any] | None = None
) -> RuvectorClient:
    """Open an embedded database.

    `path` is its folder, made if need be; ":memory:" is a throw-away database. One process at a
    time may write a folder; others open it with `read_only`. StorageLocked names the process that
    holds it. `snapshots`: where they are kept, when they are made by themselves, and whether the
    log is archived beside them, as in ``{"schedule": "every 6h", "archive_log": True}``; see
    docs/guide/backup.md.

    >>> with open(":memory:") as client:
    ...     client.create_collection("docs", dimensions=2)
    ...     written = client.upsert(
    ...         "docs",
    ...         points=[
    ...             {"id": "first", "vector": [1, 0], "payload": {"type": "doc"}},
    ...             {"id": "second", "vector": [0.8, 0.6], "payload": {"type": "note"}},
    ...         ],
    ...     )
    ...     [(hit.id, round(hit.score, 3)) for hit in client.search("docs", [1, 0])]
    ...     client.collection("docs").count({"type": "note"})
    True
    [('first', 1.0), ('second', 0.8)]
    1
    """
    return RuvectorClient(path=path, read_only=read_only, snapshots=snapshots)
