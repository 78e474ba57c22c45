"""Where does the contract hold? In an embedded database and, word for word, against a server."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.conftest import Server

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.client.collection import Collection

DIMENSIONS = 8
POINTS = 40
_numbers = count(1)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuvectorClient]:
    """Return a client of a database in this process."""
    with ruvector.open(tmp_path_factory.mktemp("embedded") / "database") as client:
        yield client


@pytest.fixture(scope="session")
def rest(server: Server) -> Iterator[RuvectorClient]:
    """Return a client of the server."""
    with RuvectorClient(url=server.url) as client:
        yield client


@pytest.fixture(scope="session")
def grpc(server: Server) -> Iterator[RuvectorClient]:
    """Return a client of the server's gRPC port; what gRPC has no words for goes over REST."""
    with RuvectorClient(url=server.url, grpc_url=server.grpc_url) as client:
        yield client


@pytest.fixture(params=["embedded", "rest", "grpc"])
def client(request: pytest.FixtureRequest) -> RuvectorClient:
    """Return a client of each kind in turn; both are shared: tests use names of their own."""
    chosen: RuvectorClient = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def new_name(client: RuvectorClient) -> Iterator[Callable[[], str]]:
    """Return a function that makes names; what was created under them is deleted afterwards."""
    made: list[str] = []

    def make() -> str:
        made.append(f"contract_{next(_numbers)}")
        return made[-1]

    yield make
    for name in made:
        client.delete_collection(name)


@pytest.fixture
def name(new_name: Callable[[], str]) -> str:
    """Return the name of a collection that does not exist yet."""
    return new_name()


@pytest.fixture
def array() -> NDArray[np.float32]:
    """Return 40 vectors of 8 dimensions: float32 [40, 8], not of unit length."""
    return np.random.default_rng(11).normal(size=(POINTS, DIMENSIONS)).astype(np.float32)


@pytest.fixture
def payloads() -> list[dict[str, Any]]:
    """Return a payload for each of the vectors."""
    return [
        {
            "number": number,
            "even": number % 2 == 0,
            "color": ("red", "green", "blue")[number % 3],
            "nested": {"half": number / 2},
            "tags": [f"t{number % 4}", f"u{number % 5}"],
        }
        for number in range(POINTS)
    ]


@pytest.fixture
def docs(
    client: RuvectorClient,
    name: str,
    array: NDArray[np.float32],
    payloads: list[dict[str, Any]],
) -> Collection:
    """Return a collection of the 40 points with the ids 0 .. 39, compared by cosine."""
    client.create_collection(name, dimensions=DIMENSIONS)
    client.upsert(name, ids=range(POINTS), vectors=array, payloads=payloads)
    return client.collection(name)
