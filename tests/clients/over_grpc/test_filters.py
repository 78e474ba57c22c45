"""Filters over gRPC: the tests of `test_qdrant_filters`, with indexes."""

import pytest
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from tests.clients.test_qdrant_filters import (  # noqa: F401 - they run here, too
    INDEXED,
    fill,
    oracle,
    test_filter_matches_the_same_points,
    test_filtered_query_returns_the_same_hits,
)


@pytest.fixture(scope="module")
def collection(client: QdrantClient, vectors: NDArray) -> str:  # type: ignore[type-arg]
    """Return the name of the collection on the server, with payload indexes."""
    name = "filters_over_grpc"
    fill(client, name, vectors)
    for key, schema in INDEXED.items():
        client.create_payload_index(name, key, models.PayloadSchemaType(schema), wait=True)
    return name
