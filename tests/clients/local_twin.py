"""Does the server answer as the client's local mode does? The same calls to both, compared."""

from collections import Counter
from typing import Any

import grpc
import numpy as np
import pytest
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse

TOLERANCE = 1e-4  # relative; differences of large sums lose digits, so also of the largest / 50
REFUSED = {  # the codes of gRPC that refuse, and the statuses that they stand for
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
}
COMPARED: Counter[str] = Counter()
"""Comparisons so far, by feature."""


class Twins:
    """A server and local mode that hold the same collections."""

    def __init__(self, remote: QdrantClient, feature: str) -> None:
        self.remote, self.local = remote, QdrantClient(":memory:")
        self.is_grpc: bool = remote._client._prefer_grpc  # type: ignore[attr-defined]
        self.feature = feature
        self.names: list[str] = []

    def both(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Call a method that changes something on both."""
        for client in (self.local, self.remote):
            getattr(client, method)(*args, **kwargs)

    def create(self, name: str, **settings: Any) -> None:
        """Create a collection on both; it goes with `close`."""
        self.both("create_collection", name, **settings)
        self.names.append(name)

    def close(self) -> None:
        """Delete what was created."""
        for name in self.names:
            self.remote.delete_collection(name)
        self.local.close()

    def answers(self, method: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Return what server and local mode answer, counted as one comparison."""
        COMPARED[self.feature] += 1
        return (
            getattr(self.remote, method)(*args, **kwargs),
            getattr(self.local, method)(*args, **kwargs),
        )

    def query(self, *args: Any, **kwargs: Any) -> list[Any]:
        """Compare the hits of query_points, and return those of the server."""
        ours, theirs = self.answers("query_points", *args, **kwargs)
        if self.is_grpc:  # its messages cannot tell an empty payload from none
            for hit in theirs.points:
                hit.payload = hit.payload or None
        same_hits(ours.points, theirs.points)
        return list(ours.points)

    def refused(self, method: str, *args: Any, status: int = 0, **kwargs: Any) -> str:
        """Require that both refuse, the server with a 4xx; return its message."""
        COMPARED[self.feature + ": refusals"] += 1
        with pytest.raises((ValueError, TypeError, NotImplementedError)):
            getattr(self.local, method)(*args, **kwargs)
        with pytest.raises((UnexpectedResponse, grpc.RpcError)) as refusal:
            getattr(self.remote, method)(*args, **kwargs)
        error: Any = refusal.value
        if isinstance(error, grpc.RpcError):
            assert REFUSED[error.code()] == (status or REFUSED[error.code()]), error
            return str(error.details())
        found = error.status_code
        assert found == status if status else 400 <= found < 500, error
        return str(error.content.decode())


def same_hits(ours: list[Any], theirs: list[Any]) -> None:
    """Require the same points in the same order; points of equal scores may change places."""
    assert len(ours) == len(theirs), (shown(ours), shown(theirs))
    scores = [hit.score for hit in theirs]
    margin = TOLERANCE * max([abs(score) for score in scores] + [0.1]) / 50
    message = f"{shown(ours)} != {shown(theirs)}"

    def same(one: Any, other: Any) -> bool:
        return bool(one == pytest.approx(other, rel=TOLERANCE, abs=margin))

    assert same([hit.score for hit in ours], scores), message
    by_id = {(hit.id, hit.order_value): hit for hit in theirs}
    for place, hit in enumerate(ours):
        twin = by_id.get((hit.id, hit.order_value))
        if hit.id != theirs[place].id:
            others = (scores[0], scores[-1]) if twin is None else (twin.score,)
            assert any(same(hit.score, other) for other in others), message
        if twin is not None:
            assert hit.payload == twin.payload
            same_vectors(hit.vector, twin.vector)


def same_vectors(ours: Any, theirs: Any) -> None:
    """Require equal vectors, by name or bare."""
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for name, vector in ours.items():
            same_vectors(vector, theirs[name])
    elif hasattr(ours, "indices"):
        assert ours.indices == theirs.indices
        assert np.allclose(ours.values, theirs.values, atol=1e-6)
    elif ours is not None or theirs is not None:
        assert np.allclose(ours, theirs, atol=1e-6)


def shown(hits: list[Any]) -> str:
    """Return ids and scores for a message."""
    return ", ".join(f"{hit.id}: {hit.score:.6g}" for hit in hits)
