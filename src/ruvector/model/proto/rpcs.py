"""Which remote procedure carries which request? One row for each of Qdrant's that is served.

Like `model.operations` for HTTP: the server's handlers, the checks of access, the labels of metrics
and the client's calls come from this table. `None` stands for what a single node does not do.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from ruvector.model import requests as r
from ruvector.model.proto.schema import message_class, pool

RPCS: Final[dict[str, dict[str, type | None]]] = {
    "qdrant.Collections": {
        "Get": r.GetCollection,
        "List": r.ListCollections,
        "Create": r.CreateCollection,
        "Update": r.UpdateCollection,
        "Delete": r.DeleteCollection,
        "UpdateAliases": r.ChangeAliases,
        "ListCollectionAliases": r.ListCollectionAliases,
        "ListAliases": r.ListAliases,
        "CollectionClusterInfo": r.GetCollectionCluster,
        "CollectionExists": r.CollectionExists,
        "UpdateCollectionClusterSetup": None,
        "CreateShardKey": None,
        "DeleteShardKey": None,
        "ListShardKeys": r.ListShardKeys,
    },
    "qdrant.Points": {
        "Upsert": r.Upsert,
        "Delete": r.DeletePoints,
        "Get": r.Retrieve,
        "UpdateVectors": r.UpdateVectors,
        "DeleteVectors": r.DeleteVectors,
        "SetPayload": r.SetPayload,
        "OverwritePayload": r.OverwritePayload,
        "DeletePayload": r.DeletePayload,
        "ClearPayload": r.ClearPayload,
        "CreateFieldIndex": r.CreateFieldIndex,
        "DeleteFieldIndex": r.DeleteFieldIndex,
        "CreateVectorName": r.CreateVector,
        "DeleteVectorName": r.DeleteVector,
        "Search": r.Search,
        "SearchBatch": r.SearchBatch,
        "SearchGroups": r.SearchGroups,
        "Scroll": r.Scroll,
        "Recommend": r.Recommend,
        "RecommendBatch": r.RecommendBatch,
        "RecommendGroups": r.RecommendGroups,
        "Discover": r.Discover,
        "DiscoverBatch": r.DiscoverBatch,
        "Count": r.Count,
        "UpdateBatch": r.BatchUpdate,
        "Query": r.QueryPoints,
        "QueryBatch": r.QueryBatch,
        "QueryGroups": r.QueryGroups,
        "Facet": r.Facet,
        "SearchMatrixPairs": r.MatrixPairs,
        "SearchMatrixOffsets": r.MatrixOffsets,
    },
    "qdrant.Snapshots": {
        "Create": r.CreateSnapshot,
        "List": r.ListSnapshots,
        "Delete": r.DeleteSnapshot,
        "CreateFull": r.CreateFullSnapshot,
        "ListFull": r.ListFullSnapshots,
        "DeleteFull": r.DeleteFullSnapshot,
    },
}


class Procedure(NamedTuple):
    """A procedure: its path, its operation's name and request, the classes of its messages."""

    path: str
    label: str
    request: type | None
    asked: Any
    answered: Any


def procedures(service: str) -> Iterator[tuple[str, Procedure]]:
    """Yield every procedure of a service by its name."""
    methods = pool().FindServiceByName(service).methods_by_name
    for name, request in RPCS[service].items():
        yield (
            name,
            Procedure(
                path=f"/{service}/{name}",
                label=name if request is None else request.__name__,
                request=request,
                asked=message_class(methods[name].input_type.name),
                answered=message_class(methods[name].output_type.name),
            ),
        )
