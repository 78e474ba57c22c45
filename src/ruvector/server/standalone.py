"""What does a single node answer about clusters? That it is one; and 405 to all that needs more.

The shard-local forms of reads are accepted for the only shard.
"""

from collections.abc import Mapping
from typing import Any

from ruvector.errors import StandaloneMode
from ruvector.model import requests as r
from ruvector.model.operations import OPERATION_OF, Operation
from ruvector.model.shard_keys import check_shard
from ruvector.model.wire import decode_request
from ruvector.server import answers
from ruvector.server.answers import Answer
from ruvector.server.exchange import Exchange
from ruvector.server.router import Access, Route

STATUS = "/cluster"
NEEDS_CLUSTER: tuple[tuple[str, str, Access], ...] = (
    ("GET", "/cluster/telemetry", Access.READ),
    ("POST", "/cluster/recover", Access.MANAGE),
    ("DELETE", "/cluster/peer/{peer_id}", Access.MANAGE),
    ("GET", "/cluster/metadata/keys", Access.READ),
    ("GET", "/cluster/metadata/keys/{key}", Access.READ),
    ("PUT", "/cluster/metadata/keys/{key}", Access.MANAGE),
    ("DELETE", "/cluster/metadata/keys/{key}", Access.MANAGE),
    ("POST", "/collections/{collection}/cluster", Access.MANAGE),
    ("PUT", "/collections/{collection}/shards", Access.MANAGE),
    ("POST", "/collections/{collection}/shards/delete", Access.MANAGE),
)
_SHARD = "/collections/{collection}/shards/{shard}"
SHARD_LOCAL: tuple[tuple[str, type], ...] = (
    (f"{_SHARD}/points", r.Retrieve),
    (f"{_SHARD}/points/scroll", r.Scroll),
    (f"{_SHARD}/points/count", r.Count),
)


def cluster_routes() -> list[Route]:
    """Return the routes about clusters."""
    return [
        Route("GET", STATUS, Access.READ, "Cluster", _status),
        *(
            Route(method, path, access, "Cluster", _refuse)
            for method, path, access in NEEDS_CLUSTER
        ),
    ]


def decode_shard_local(
    operation: Operation, path: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> r.Request[Any]:
    """Return the request for the whole collection that the request for its only shard means."""
    check_shard(path["shard"])
    return decode_request(operation, {"collection": path["collection"]}, query, body)


def shard_local_operations() -> list[tuple[str, Operation]]:
    """Return the paths of shard-local reads, and the operations that they are forms of."""
    return [(path, OPERATION_OF[request]) for path, request in SHARD_LOCAL]


async def _status(exchange: Exchange) -> Answer:
    return answers.success({"status": "disabled"}, exchange.started)


async def _refuse(_: Exchange) -> Answer:
    raise StandaloneMode("Qdrant is running in standalone mode")
