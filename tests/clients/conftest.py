"""How do the tests of other people's clients reach the server? As any user would: over HTTP."""

import warnings
from collections.abc import Iterator
from itertools import count

import pytest
from qdrant_client import QdrantClient
from tests.clients.local_twin import COMPARED
from tests.conftest import Server

_numbers = count(1)


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[QdrantClient]:
    """Return the official client, unchanged; it must accept our version without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = QdrantClient(url=server.url, timeout=30)
    yield client
    client.close()


@pytest.fixture
def name(client: QdrantClient) -> Iterator[str]:
    """Return a collection name that no other test uses; the collection is deleted afterwards."""
    chosen = f"test_{next(_numbers)}"
    yield chosen
    client.delete_collection(chosen)


@pytest.fixture(scope="session", autouse=True)
def report() -> Iterator[None]:
    """Print how much was compared; seen with `pytest -s`."""
    yield
    print("\ncomparisons with local mode:", dict(sorted(COMPARED.items())))
