"""Does the Python client make the whole tour? Over REST and gRPC, and its asynchronous twin."""

import asyncio
import copy
from collections.abc import Iterator
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient
from tests.clients import tour
from tests.clients.comparing import differences, same
from tests.conftest import Server

# Calls that this client no longer has, and those of other languages still have.
NOT_IN_PYTHON = frozenset({"older_searches"})


class Awaited:
    """An asynchronous client whose methods are called, and awaited on one event loop."""

    def __init__(self, client: AsyncQdrantClient) -> None:
        self._client, self._loop = client, asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        return lambda *args, **kwargs: self._loop.run_until_complete(method(*args, **kwargs))


@pytest.fixture(params=["rest", "grpc", "async rest", "async grpc"])
def connected(request: pytest.FixtureRequest, server: Server) -> Iterator[Any]:
    """Return the client of one kind, connected to the session's server."""
    over = {
        "url": server.url,
        "grpc_port": server.grpc_port,
        "prefer_grpc": request.param.endswith("grpc"),
        "timeout": 30,
    }
    asynchronous = request.param.startswith("async")
    client = Awaited(AsyncQdrantClient(**over)) if asynchronous else QdrantClient(**over)
    yield client
    for name in (tour.COLLECTION, tour.SECOND):
        client.delete_collection(name)
    client.close()


def test_python_client_makes_the_tour(connected: Any) -> None:
    """Every step answers what is expected."""
    assert differences(tour.make_tour(connected), NOT_IN_PYTHON) == []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_local_mode_answers_the_same() -> None:
    """What is expected of us is what the client's own engine does, where it has it."""
    local = QdrantClient(":memory:")
    has_none = NOT_IN_PYTHON | {"create_indexes", "one_unnamed_vector", "errors"}
    has_none |= {"delete_collections"}
    steps = [made for made in tour.STEPS if made.__name__ not in has_none]
    answers = {made.__name__: made(local) for made in steps}
    assert differences(answers, has_none) == []


def test_a_wrong_tour_is_noticed() -> None:
    """A step left out, one too many, and any wrong answer are named."""
    right = copy.deepcopy(tour.EXPECTED) | {"retrieve": tour.POINTS}
    assert differences(right) == []
    for name in right:
        assert differences({key: value for key, value in right.items() if key != name})
        assert differences(right | {name: None})
    assert differences(right | {"invented": 1})
    assert differences(right, frozenset(["count"])) == ["count: was to be left out"]


@pytest.mark.parametrize(
    ("expected", "answered"),
    [
        (True, 1),
        (1, 1.5),
        (1, True),
        ("1", 1),
        (0.5, 0.51),
        ([1], [1, 2]),
        ({"a": 1}, {}),
        (0.5, None),
    ],
)
def test_different_answers_differ(expected: Any, answered: Any) -> None:
    """Booleans, types, lengths and keys count."""
    assert not same(expected, answered)
