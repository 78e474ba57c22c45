"""What if the name is always the same? A client's methods with the name of one collection bound.

Every method of `RuvectorClient` whose first argument is `name` is here, without it; a test
compares.
"""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from ruvector.client.client import RuvectorClient
from ruvector.client.search_calls import PAGE_SIZE, Filter
from ruvector.client.twins import as_async_bound, bound
from ruvector.model.points import Record

if TYPE_CHECKING:
    from ruvector.client.async_client import AsyncRuvectorClient


class Collection:
    """One collection, or alias, of a client. It need not exist yet."""

    def __init__(self, client: RuvectorClient, name: str) -> None:
        self.client = client
        self.name = name

    create_collection = bound(RuvectorClient.create_collection)
    update_collection = bound(RuvectorClient.update_collection)
    create_vector = bound(RuvectorClient.create_vector)
    delete_vector = bound(RuvectorClient.delete_vector)
    delete_collection = bound(RuvectorClient.delete_collection)
    collection_exists = bound(RuvectorClient.collection_exists)
    get_collection = bound(RuvectorClient.get_collection)
    get_memory = bound(RuvectorClient.get_memory)
    get_optimizations = bound(RuvectorClient.get_optimizations)
    wait_for_index = bound(RuvectorClient.wait_for_index)
    create_alias = bound(RuvectorClient.create_alias)
    list_aliases = bound(RuvectorClient.list_aliases)
    create_payload_index = bound(RuvectorClient.create_payload_index)
    delete_payload_index = bound(RuvectorClient.delete_payload_index)
    upsert = bound(RuvectorClient.upsert)
    update_vectors = bound(RuvectorClient.update_vectors)
    delete = bound(RuvectorClient.delete)
    delete_vectors = bound(RuvectorClient.delete_vectors)
    set_payload = bound(RuvectorClient.set_payload)
    overwrite_payload = bound(RuvectorClient.overwrite_payload)
    delete_payload = bound(RuvectorClient.delete_payload)
    clear_payload = bound(RuvectorClient.clear_payload)
    batch_update = bound(RuvectorClient.batch_update)
    search = bound(RuvectorClient.search)
    search_batch = bound(RuvectorClient.search_batch)
    query = bound(RuvectorClient.query)
    query_groups = bound(RuvectorClient.query_groups)
    facet = bound(RuvectorClient.facet)
    distance_matrix = bound(RuvectorClient.distance_matrix)
    retrieve = bound(RuvectorClient.retrieve)
    scroll = bound(RuvectorClient.scroll)
    scroll_all = bound(RuvectorClient.scroll_all)
    iterate = bound(RuvectorClient.iterate)
    count = bound(RuvectorClient.count)
    create_snapshot = bound(RuvectorClient.create_snapshot)
    list_snapshots = bound(RuvectorClient.list_snapshots)
    delete_snapshot = bound(RuvectorClient.delete_snapshot)
    download_snapshot = bound(RuvectorClient.download_snapshot)
    recover_snapshot = bound(RuvectorClient.recover_snapshot)
    upload_snapshot = bound(RuvectorClient.upload_snapshot)
    create_shard_snapshot = bound(RuvectorClient.create_shard_snapshot)
    list_shard_snapshots = bound(RuvectorClient.list_shard_snapshots)
    delete_shard_snapshot = bound(RuvectorClient.delete_shard_snapshot)
    download_shard_snapshot = bound(RuvectorClient.download_shard_snapshot)
    recover_shard_snapshot = bound(RuvectorClient.recover_shard_snapshot)
    upload_shard_snapshot = bound(RuvectorClient.upload_shard_snapshot)

    def __iter__(self) -> Iterator[Record]:
        return self.iterate()

    def __repr__(self) -> str:
        return f"Collection({self.name!r} of {self.client!r})"

    def _repr_html_(self) -> str:
        from ruvector.client.display import collection_html

        return collection_html(self.client, self.name)


class AsyncCollection:
    """One collection, or alias, of an asynchronous client."""

    def __init__(self, client: "AsyncRuvectorClient", name: str) -> None:
        self.client = client
        self.name = name

    create_collection = as_async_bound(RuvectorClient.create_collection)
    update_collection = as_async_bound(RuvectorClient.update_collection)
    create_vector = as_async_bound(RuvectorClient.create_vector)
    delete_vector = as_async_bound(RuvectorClient.delete_vector)
    delete_collection = as_async_bound(RuvectorClient.delete_collection)
    collection_exists = as_async_bound(RuvectorClient.collection_exists)
    get_collection = as_async_bound(RuvectorClient.get_collection)
    get_memory = as_async_bound(RuvectorClient.get_memory)
    get_optimizations = as_async_bound(RuvectorClient.get_optimizations)
    wait_for_index = as_async_bound(RuvectorClient.wait_for_index)
    create_alias = as_async_bound(RuvectorClient.create_alias)
    list_aliases = as_async_bound(RuvectorClient.list_aliases)
    create_payload_index = as_async_bound(RuvectorClient.create_payload_index)
    delete_payload_index = as_async_bound(RuvectorClient.delete_payload_index)
    upsert = as_async_bound(RuvectorClient.upsert)
    update_vectors = as_async_bound(RuvectorClient.update_vectors)
    delete = as_async_bound(RuvectorClient.delete)
    delete_vectors = as_async_bound(RuvectorClient.delete_vectors)
    set_payload = as_async_bound(RuvectorClient.set_payload)
    overwrite_payload = as_async_bound(RuvectorClient.overwrite_payload)
    delete_payload = as_async_bound(RuvectorClient.delete_payload)
    clear_payload = as_async_bound(RuvectorClient.clear_payload)
    batch_update = as_async_bound(RuvectorClient.batch_update)
    search = as_async_bound(RuvectorClient.search)
    search_batch = as_async_bound(RuvectorClient.search_batch)
    query = as_async_bound(RuvectorClient.query)
    query_groups = as_async_bound(RuvectorClient.query_groups)
    facet = as_async_bound(RuvectorClient.facet)
    distance_matrix = as_async_bound(RuvectorClient.distance_matrix)
    retrieve = as_async_bound(RuvectorClient.retrieve)
    scroll = as_async_bound(RuvectorClient.scroll)
    scroll_all = as_async_bound(RuvectorClient.scroll_all)
    count = as_async_bound(RuvectorClient.count)
    create_snapshot = as_async_bound(RuvectorClient.create_snapshot)
    list_snapshots = as_async_bound(RuvectorClient.list_snapshots)
    delete_snapshot = as_async_bound(RuvectorClient.delete_snapshot)
    download_snapshot = as_async_bound(RuvectorClient.download_snapshot)
    recover_snapshot = as_async_bound(RuvectorClient.recover_snapshot)
    upload_snapshot = as_async_bound(RuvectorClient.upload_snapshot)
    create_shard_snapshot = as_async_bound(RuvectorClient.create_shard_snapshot)
    list_shard_snapshots = as_async_bound(RuvectorClient.list_shard_snapshots)
    delete_shard_snapshot = as_async_bound(RuvectorClient.delete_shard_snapshot)
    download_shard_snapshot = as_async_bound(RuvectorClient.download_shard_snapshot)
    recover_shard_snapshot = as_async_bound(RuvectorClient.recover_shard_snapshot)
    upload_shard_snapshot = as_async_bound(RuvectorClient.upload_shard_snapshot)

    def iterate(
        self,
        filter: Filter | None = None,
        *,
        page_size: int = PAGE_SIZE,
        with_payload: Any = True,
        with_vectors: Any = False,
    ) -> AsyncIterator[Record]:
        """Yield every point that matches, in the order of their ids, reading a page at a time."""
        return self.client.iterate(
            self.name,
            filter,
            page_size=page_size,
            with_payload=with_payload,
            with_vectors=with_vectors,
        )

    def __aiter__(self) -> AsyncIterator[Record]:
        return self.iterate()

    def __repr__(self) -> str:
        return f"AsyncCollection({self.name!r} of {self.client!r})"
