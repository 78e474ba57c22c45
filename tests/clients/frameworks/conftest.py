"""Which server do the frameworks use? The one whose address test_frameworks.py gives them."""

import os
from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient


@pytest.fixture(scope="session")
def server_url() -> str:
    """Return the server's address."""
    return os.environ["FRAMEWORKS_SERVER"]


@pytest.fixture(scope="session")
def client(server_url: str) -> Iterator[QdrantClient]:
    """Return the official client."""
    client = QdrantClient(url=server_url, timeout=30)
    yield client
    client.close()
