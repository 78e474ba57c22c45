"""The comparisons with local mode again, over gRPC: the same tests with another client."""

from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient
from tests.conftest import Server


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[QdrantClient]:
    """Return the official client over gRPC, in the place of the one over REST."""
    client = QdrantClient(url=server.url, grpc_port=server.grpc_port, prefer_grpc=True, timeout=30)
    yield client
    client.close()
