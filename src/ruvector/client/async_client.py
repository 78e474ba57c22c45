"""What awaits? The asynchronous twin of every method of `RuvectorClient`.

A call runs the synchronous method in one of THREADS threads of the client; further calls wait for
a free one. A cancelled call no longer waits, but what runs already runs to its end: a write may
still happen. The threads start with the first call. See docs/decisions/client-async-twin.md.
"""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from ruvector.client.client import RuvectorClient
from ruvector.client.search_calls import PAGE_SIZE, Filter
from ruvector.client.transport import DEFAULT_TIMEOUT_SECONDS
from ruvector.client.twins import as_async
from ruvector.errors import BadInput
from ruvector.model.points import Record

if TYPE_CHECKING:
    from types import TracebackType

    from ruvector.client.collection import AsyncCollection

THREADS = 32  # as many as the REST transport keeps connections

P = ParamSpec("P")
R = TypeVar("R")


class AsyncRuvectorClient:
    """A database for programs that await: a server at `url`, or the folder `path`.

    The arguments are those of `RuvectorClient`. Opening a folder happens in the constructor,
    before any event loop is needed. Use it with ``async with``, or await `close`.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        path: str | Path | None = None,
        read_only: bool = False,
        snapshots: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        timeout_seconds: float | None = DEFAULT_TIMEOUT_SECONDS,
        grpc_url: str | None = None,
        ca_cert: str | Path | None = None,
        client_cert: str | Path | None = None,
        client_key: str | Path | None = None,
    ) -> None:
        self._client = RuvectorClient(
            url,
            path=path,
            read_only=read_only,
            snapshots=snapshots,
            api_key=api_key,
            timeout_seconds=timeout_seconds,
            grpc_url=grpc_url,
            ca_cert=ca_cert,
            client_cert=client_cert,
            client_key=client_key,
        )
        self._threads = ThreadPoolExecutor(THREADS, "ruvector-client")
        self._closed = False

    create_collection = as_async(RuvectorClient.create_collection)
    update_collection = as_async(RuvectorClient.update_collection)
    create_vector = as_async(RuvectorClient.create_vector)
    delete_vector = as_async(RuvectorClient.delete_vector)
    delete_collection = as_async(RuvectorClient.delete_collection)
    collection_exists = as_async(RuvectorClient.collection_exists)
    get_collection = as_async(RuvectorClient.get_collection)
    get_memory = as_async(RuvectorClient.get_memory)
    get_optimizations = as_async(RuvectorClient.get_optimizations)
    list_collections = as_async(RuvectorClient.list_collections)
    wait_for_index = as_async(RuvectorClient.wait_for_index)
    create_alias = as_async(RuvectorClient.create_alias)
    delete_alias = as_async(RuvectorClient.delete_alias)
    rename_alias = as_async(RuvectorClient.rename_alias)
    change_aliases = as_async(RuvectorClient.change_aliases)
    list_aliases = as_async(RuvectorClient.list_aliases)
    get_issues = as_async(RuvectorClient.get_issues)
    clear_issues = as_async(RuvectorClient.clear_issues)
    get_quotas = as_async(RuvectorClient.get_quotas)
    update_quotas = as_async(RuvectorClient.update_quotas)
    create_payload_index = as_async(RuvectorClient.create_payload_index)
    delete_payload_index = as_async(RuvectorClient.delete_payload_index)
    upsert = as_async(RuvectorClient.upsert)
    update_vectors = as_async(RuvectorClient.update_vectors)
    delete = as_async(RuvectorClient.delete)
    delete_vectors = as_async(RuvectorClient.delete_vectors)
    set_payload = as_async(RuvectorClient.set_payload)
    overwrite_payload = as_async(RuvectorClient.overwrite_payload)
    delete_payload = as_async(RuvectorClient.delete_payload)
    clear_payload = as_async(RuvectorClient.clear_payload)
    batch_update = as_async(RuvectorClient.batch_update)
    search = as_async(RuvectorClient.search)
    search_batch = as_async(RuvectorClient.search_batch)
    query = as_async(RuvectorClient.query)
    query_groups = as_async(RuvectorClient.query_groups)
    facet = as_async(RuvectorClient.facet)
    distance_matrix = as_async(RuvectorClient.distance_matrix)
    retrieve = as_async(RuvectorClient.retrieve)
    scroll = as_async(RuvectorClient.scroll)
    scroll_all = as_async(RuvectorClient.scroll_all)
    count = as_async(RuvectorClient.count)
    create_snapshot = as_async(RuvectorClient.create_snapshot)
    list_snapshots = as_async(RuvectorClient.list_snapshots)
    delete_snapshot = as_async(RuvectorClient.delete_snapshot)
    download_snapshot = as_async(RuvectorClient.download_snapshot)
    recover_snapshot = as_async(RuvectorClient.recover_snapshot)
    upload_snapshot = as_async(RuvectorClient.upload_snapshot)
    create_shard_snapshot = as_async(RuvectorClient.create_shard_snapshot)
    list_shard_snapshots = as_async(RuvectorClient.list_shard_snapshots)
    delete_shard_snapshot = as_async(RuvectorClient.delete_shard_snapshot)
    download_shard_snapshot = as_async(RuvectorClient.download_shard_snapshot)
    recover_shard_snapshot = as_async(RuvectorClient.recover_shard_snapshot)
    upload_shard_snapshot = as_async(RuvectorClient.upload_shard_snapshot)
    create_full_snapshot = as_async(RuvectorClient.create_full_snapshot)
    list_full_snapshots = as_async(RuvectorClient.list_full_snapshots)
    delete_full_snapshot = as_async(RuvectorClient.delete_full_snapshot)
    download_full_snapshot = as_async(RuvectorClient.download_full_snapshot)
    recover_full_snapshot = as_async(RuvectorClient.recover_full_snapshot)
    upload_full_snapshot = as_async(RuvectorClient.upload_full_snapshot)

    async def iterate(
        self,
        name: str,
        filter: Filter | None = None,
        *,
        page_size: int = PAGE_SIZE,
        with_payload: Any = True,
        with_vectors: Any = False,
    ) -> AsyncIterator[Record]:
        """Yield every point that matches, in the order of their ids, reading a page at a time."""
        pages = self._client._pages(name, filter, page_size, with_payload, with_vectors)
        while (page := await self._run(next, pages, None)) is not None:
            for record in page:
                yield record

    def collection(self, name: str) -> "AsyncCollection":
        """Return the same methods with the collection's name bound."""
        from ruvector.client.collection import AsyncCollection

        return AsyncCollection(self, name)

    async def close(self) -> None:
        """Wait for running calls, then release connections, files and threads."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._closed = True
        self._threads.shutdown(wait=True)
        self._client.close()

    async def _run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self._closed:
            raise BadInput("the client is closed; make a new one")
        context = contextvars.copy_context()
        call = partial(context.run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncRuvectorClient({self._client._transport.address!r})"
