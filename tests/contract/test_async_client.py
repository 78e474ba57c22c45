"""The asynchronous client answers as its twin does, embedded and against a server."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ruvector import AsyncRuvectorClient
from ruvector.client.async_client import THREADS
from ruvector.errors import BadInput, NotFound

Scenario = Callable[[AsyncRuvectorClient], Coroutine[Any, Any, None]]


@pytest.fixture(params=["embedded", "rest"])
def perform(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Scenario], None]:
    """Return a function that runs a coroutine function with an asynchronous client of each kind."""
    if request.param == "embedded":
        arguments: dict[str, Any] = {"path": tmp_path / "database"}
    else:
        arguments = {"url": request.getfixturevalue("server").url}

    def run(scenario: Scenario) -> None:
        async def within() -> None:
            async with AsyncRuvectorClient(**arguments) as client:
                await client.delete_collection("awaited")
                await scenario(client)
                await client.delete_collection("awaited")

        asyncio.run(within())

    return run


def test_twin_writes_searches_and_iterates(
    perform: Callable[[Scenario], None], array: NDArray[np.float32]
) -> None:
    async def scenario(client: AsyncRuvectorClient) -> None:
        await client.create_collection("awaited", dimensions=8)
        await client.upsert("awaited", ids=range(40), vectors=array)
        docs = client.collection("awaited")
        results = await asyncio.gather(*(docs.search(query, limit=1) for query in array))
        assert [hits[0].id for hits in results] == list(range(40))
        assert [record.id async for record in docs.iterate(page_size=7)] == list(range(40))
        assert [record.id async for record in docs] == list(range(40))
        assert await docs.count() == 40

    perform(scenario)


def test_twin_raises_the_same_errors(perform: Callable[[Scenario], None]) -> None:
    async def scenario(client: AsyncRuvectorClient) -> None:
        with pytest.raises(NotFound):
            await client.count("awaited")

    perform(scenario)


def test_closed_twin_says_so(perform: Callable[[Scenario], None]) -> None:
    async def scenario(client: AsyncRuvectorClient) -> None:
        other = AsyncRuvectorClient(path=":memory:")
        await other.close()
        await other.close()
        with pytest.raises(BadInput, match="closed"):
            await other.list_collections()

    perform(scenario)


def test_calls_of_the_twin_overlap(perform: Callable[[Scenario], None]) -> None:
    async def scenario(client: AsyncRuvectorClient) -> None:
        together = threading.Barrier(THREADS, timeout=30)
        await asyncio.gather(*(client._run(together.wait) for _ in range(THREADS)))

    perform(scenario)
