"""The server tests stand on a small engine without files, and calls into the application."""

import pytest
from tests.server.server_harness import Caller, FakeEngine, call_application

from ruvector.engine import Engine
from ruvector.server.asgi import Application
from ruvector.server.configuration import Service, Settings


@pytest.fixture
def engine():
    """An engine that keeps collections in a dict and answers searches with fixed hits."""
    return FakeEngine()


@pytest.fixture
def serve(engine):
    """A function that returns a Caller for a server with the given service settings."""
    opened = []

    def start(**service) -> Caller:
        application = Application(engine, Settings(service=Service(**service)))
        opened.append(application)
        return Caller(application, call_application)

    yield start
    for application in opened:
        application.pool.close()


@pytest.fixture
def server(serve):
    """A server as it is by default."""
    return serve()


@pytest.fixture
def database():
    """A server over a real engine in memory, with one collection."""
    engine = Engine.open(":memory:")
    application = Application(engine, Settings())
    server = Caller(application, call_application)
    assert server("POST", "/collections", {"name": "docs", "dimensions": 3}).status == 200
    yield server
    application.pool.close()
    engine.close()
