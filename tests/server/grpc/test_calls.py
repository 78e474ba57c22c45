"""Does the gRPC server answer as the REST server does? What is of gRPC alone, over real sockets."""

import pytest
from qdrant_client import QdrantClient, models


@pytest.fixture
def client(grpc_server):
    """Return the official client over gRPC."""
    with_grpc = QdrantClient(url=grpc_server.url, grpc_port=grpc_server.grpc_port, prefer_grpc=True)
    yield with_grpc
    with_grpc.close()


def test_round_trip(client):
    assert client.info().version == "1.19.0"
    client.create_collection("calls", vectors_config=models.VectorParams(size=2, distance="Dot"))
    payload = {"whole": 3, "number": 3.0, "list": [None, True, {"a": "b"}], "large": 2**62}
    points = [
        models.PointStruct(id=1, vector=[1.0, 0.0], payload=payload),
        models.PointStruct(id="5c56c793-69f3-4fbf-87e6-c4bf54c28c26", vector=[0.0, 1.0]),
    ]
    assert client.upsert("calls", points, wait=True).status == "completed"
    found = client.query_points("calls", [1.0, 0.5], with_vectors=True).points
    assert [(hit.id, hit.score) for hit in found] == [(1, 1.0), (points[1].id, 0.5)]
    assert found[0].payload == payload
    assert type(found[0].payload["whole"]) is int
    assert type(found[0].payload["number"]) is float
    assert found[0].vector == [1.0, 0.0]
    assert client.count("calls").count == 2
    assert client.delete_collection("calls")
