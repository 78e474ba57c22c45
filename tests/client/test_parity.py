"""Does every operation have a method, and every method its twins?"""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from ruvector.client.async_client import AsyncRuvectorClient
from ruvector.client.client import RuvectorClient
from ruvector.client.collection import AsyncCollection, Collection
from ruvector.model import requests as r
from ruvector.model.operations import OPERATIONS

METHOD_OF: dict[type, str] = {
    r.ListCollections: "list_collections",
    r.GetCollection: "get_collection",
    r.GetMemory: "get_memory",
    r.GetOptimizations: "get_optimizations",
    r.CollectionExists: "collection_exists",
    r.CreateCollection: "create_collection",
    r.UpdateCollection: "update_collection",
    r.DeleteCollection: "delete_collection",
    r.ChangeAliases: "change_aliases",
    r.ListAliases: "list_aliases",
    r.ListCollectionAliases: "list_aliases",
    r.WaitForIndex: "wait_for_index",
    r.GetIssues: "get_issues",
    r.ClearIssues: "clear_issues",
    r.GetQuotas: "get_quotas",
    r.UpdateQuotas: "update_quotas",
    r.Upsert: "upsert",
    r.UpdateVectors: "update_vectors",
    r.DeletePoints: "delete",
    r.DeleteVectors: "delete_vectors",
    r.SetPayload: "set_payload",
    r.OverwritePayload: "overwrite_payload",
    r.DeletePayload: "delete_payload",
    r.ClearPayload: "clear_payload",
    r.BatchUpdate: "batch_update",
    r.CreateVector: "create_vector",
    r.DeleteVector: "delete_vector",
    r.CreateFieldIndex: "create_payload_index",
    r.DeleteFieldIndex: "delete_payload_index",
    r.Retrieve: "retrieve",
    r.Scroll: "scroll",
    r.Count: "count",
    r.QueryPoints: "search",
    r.QueryBatch: "search_batch",
    r.QueryGroups: "query_groups",
    r.Facet: "facet",
    r.MatrixOffsets: "distance_matrix",
    r.CreateSnapshot: "create_snapshot",
    r.ListSnapshots: "list_snapshots",
    r.DeleteSnapshot: "delete_snapshot",
    r.DownloadSnapshot: "download_snapshot",
    r.RecoverSnapshot: "recover_snapshot",
    r.UploadSnapshot: "upload_snapshot",
    r.CreateShardSnapshot: "create_shard_snapshot",
    r.ListShardSnapshots: "list_shard_snapshots",
    r.DeleteShardSnapshot: "delete_shard_snapshot",
    r.DownloadShardSnapshot: "download_shard_snapshot",
    r.StreamShardSnapshot: "download_shard_snapshot",
    r.RecoverShardSnapshot: "recover_shard_snapshot",
    r.UploadShardSnapshot: "upload_shard_snapshot",
    r.CreateFullSnapshot: "create_full_snapshot",
    r.ListFullSnapshots: "list_full_snapshots",
    r.DeleteFullSnapshot: "delete_full_snapshot",
    r.DownloadFullSnapshot: "download_full_snapshot",
    r.RecoverFullSnapshot: "recover_full_snapshot",
    r.UploadFullSnapshot: "upload_full_snapshot",
}
# Operations without a method, and why.
WITHOUT_METHOD: dict[type, str] = {
    r.GetPoint: "retrieve does it; a path cannot tell the id 1 from the id '1'",
    r.GetCollectionCluster: "a client that is embedded has no cluster",
    r.ListShardKeys: "custom sharding needs a cluster",
    r.CleanUpShard: "nothing moves between shards on one node",
    r.Search: "the older form of QueryPoints",
    r.SearchBatch: "the older form of QueryBatch",
    r.SearchGroups: "the older form of QueryGroups",
    r.Recommend: "the older form of QueryPoints",
    r.RecommendBatch: "the older form of QueryBatch",
    r.RecommendGroups: "the older form of QueryGroups",
    r.Discover: "the older form of QueryPoints",
    r.DiscoverBatch: "the older form of QueryBatch",
    r.MatrixPairs: "the pairs of MatrixOffsets, written out",
}


def methods_of(cls: type) -> dict[str, Callable[..., Any]]:
    """Return the public methods of a class."""
    return {
        name: member
        for name, member in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }


SYNCHRONOUS = methods_of(RuvectorClient)
BY_NAME = {
    name: method
    for name, method in SYNCHRONOUS.items()
    if list(inspect.signature(method).parameters)[1:2] == ["name"] and name != "collection"
}


def test_every_operation_has_a_method() -> None:
    for operation in OPERATIONS:
        if operation.request not in WITHOUT_METHOD:
            assert METHOD_OF[operation.request] in SYNCHRONOUS, operation.name


def test_asynchronous_client_has_every_method_and_no_other() -> None:
    assert set(methods_of(AsyncRuvectorClient)) == set(SYNCHRONOUS)


@pytest.mark.parametrize("name", sorted(SYNCHRONOUS))
def test_asynchronous_method_has_the_same_signature(name: str) -> None:
    twin, original = methods_of(AsyncRuvectorClient)[name], SYNCHRONOUS[name]
    parameters = inspect.signature(original).parameters
    assert list(inspect.signature(twin).parameters.values()) == list(parameters.values())
    assert inspect.getdoc(twin)
    if name == "iterate":
        assert inspect.isasyncgenfunction(twin)
    elif name != "collection":
        assert inspect.iscoroutinefunction(twin)
        if name != "close":
            assert inspect.getdoc(twin) == inspect.getdoc(original)


def test_clients_are_constructed_alike() -> None:
    assert inspect.signature(AsyncRuvectorClient) == inspect.signature(RuvectorClient)


@pytest.mark.parametrize("cls", [Collection, AsyncCollection])
def test_collection_has_every_method_that_takes_a_name(cls: type) -> None:
    assert set(methods_of(cls)) == set(BY_NAME)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_method_of_a_collection_has_the_same_signature_without_the_name(name: str) -> None:
    itself, _, *others = inspect.signature(BY_NAME[name]).parameters.values()
    for cls in (Collection, AsyncCollection):
        method = methods_of(cls)[name]
        assert list(inspect.signature(method).parameters.values()) == [itself, *others]
        assert inspect.getdoc(method) == inspect.getdoc(BY_NAME[name])
    if name != "iterate":
        assert inspect.iscoroutinefunction(methods_of(AsyncCollection)[name])
