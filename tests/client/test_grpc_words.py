"""What no message of gRPC can say is refused by name, before anything is sent."""

import pytest

import ruvector
from ruvector.errors import BadInput

pytest.importorskip("grpc")
POINT = {"id": 1, "vector": [1.0, 0.0], "ttl_seconds": 5}


def test_time_to_live_is_refused_where_only_grpc_is_there() -> None:
    with ruvector.RuvectorClient(grpc_url="127.0.0.1:1", timeout_seconds=1) as client:
        for call in (
            lambda: client.create_collection("docs", dimensions=2, ttl_seconds=5),
            lambda: client.update_collection("docs", ttl_seconds="Disabled"),
            lambda: client.upsert("docs", points=[POINT]),
            lambda: client.batch_update("docs", [{"upsert": {"points": [POINT]}}]),
        ):
            with pytest.raises(BadInput, match="no words for a time to live"):
                call()
