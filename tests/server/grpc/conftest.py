"""What do the tests of gRPC share? One real server."""

import pytest


@pytest.fixture(scope="session")
def grpc_server(start_server, tmp_path_factory):
    """Return a running server; tests use collections of their own."""
    return start_server(tmp_path_factory.mktemp("grpc") / "storage")
