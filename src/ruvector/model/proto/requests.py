"""How do request Structs and request messages become each other? One row for each.

A row of `REQUESTS` names the message of a request, and what is told differently: a selector of
points stands in two fields of the Struct, vectors of an upsert become columns. Everything else is
`plain`'s rule. Errors are those of the JSON door: MalformedRequest for what cannot be read.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from ruvector.errors import BadInput, InvalidRequest, MalformedRequest
from ruvector.model import requests as r
from ruvector.model.points import PointsBlock
from ruvector.model.proto import setting_shapes  # noqa: F401 - it and `shapes` fill SHAPES
from ruvector.model.proto.plain import SHAPES, Read, Record, Union, shape_of
from ruvector.model.proto.plain import Write as WriteField
from ruvector.model.proto.points import read_points, write_points
from ruvector.model.proto.schema import message_class

Fields = dict[str, Any]
Adapt = Callable[[Fields], None]
_NAMES: Final = {
    "collection_name": "collection",
    "with_vectors": "with_vector",
    "read_consistency": "consistency",
    "shard_key_selector": "shard_key",
    "vectors_config": "vectors",
    "sparse_vectors_config": "sparse_vectors",
    "dense_config": "dense",
    "sparse_config": "sparse",
    **dict.fromkeys(
        ("search_points", "query_points", "recommend_points", "discover_points"), "searches"
    ),
}


class Row(NamedTuple):
    """A request's message; what is done to its fields after reading and before writing; names."""

    message: str
    after_reading: Adapt | None = None
    before_writing: Adapt | None = None
    names: Mapping[str, str] = {}


def read_request(request: type, message: Any) -> Any:
    """Return the request that a message is."""
    fields = shape_of(REQUESTS[request].message).read(message)
    if fields.get("collection") == "":
        raise InvalidRequest.of("collection_name", '""', "must not be empty")
    return _converted(request, fields)


def write_request(request: r.Request[Any]) -> Any:
    """Return the message that a request is."""
    name = REQUESTS[type(request)].message
    message = message_class(name)()
    shape_of(name).write(message, request, "")
    return message


def _converted(request: type, fields: Fields) -> Any:
    try:
        return msgspec.convert(fields, request)
    except msgspec.ValidationError as error:
        raise MalformedRequest(str(error)) from error


# After reading: from the fields of the message to those of the Struct


def _selected(fields: Fields) -> None:
    """Put the points of a selector where the Struct has them."""
    selector = fields.pop("points_selector", None)
    if selector is not None:
        fields.update(selector)


def _search_vector(fields: Fields) -> None:
    values = fields.pop("vector", [])
    indices = fields.pop("sparse_indices", None)
    name = fields.pop("vector_name", "")
    if indices is not None:
        values = {"indices": indices, "values": values}
    fields["vector"] = {"name": name, "vector": values}


def _examples(fields: Fields) -> None:
    for kind in ("positive", "negative"):
        vectors = fields.pop(f"{kind}_vectors", None)
        if vectors:
            fields[kind] = [*fields.get(kind, ()), *vectors]


def _schema(fields: Fields) -> None:
    kind, params = fields.pop("field_type", None), fields.pop("field_index_params", None)
    if kind is not None and params is not None and params["type"] != kind:
        raise BadInput(
            f"field_type is {kind}, but field_index_params are those of {params['type']}"
        )
    fields["field_schema"] = kind if params is None else params


# Before writing: the way back


def _select(fields: Fields) -> None:
    points, conditions = fields.pop("points", None), fields.pop("filter", None)
    if points is not None and conditions is not None:
        raise BadInput("points and filter are both given; gRPC takes one of them")
    if points is not None:
        fields["points_selector"] = {"points": points}
    elif conditions is not None:
        fields["points_selector"] = {"filter": conditions}


def _write_schema(fields: Fields) -> None:
    schema = fields.pop("field_schema", None)
    if isinstance(schema, str):
        fields["field_type"] = schema
    elif schema is not None:
        fields["field_index_params"] = schema


def _one_kind(fields: Fields) -> None:
    if fields.get("dense") is not None and fields.get("sparse") is not None:
        raise BadInput("exactly one of dense and sparse must be given for a new vector")


# Lists and objects that a request must have; a message cannot tell empty ones from absent ones.
_EMPTY: Final[Fields] = {
    **dict.fromkeys(("searches", "operations", "ids", "keys", "vector", "actions"), ()),
    "points": PointsBlock([], {}),
    "payload": {},
}


def _waiting(fields: Fields) -> None:
    """Leave out what these messages have no field for: their calls always wait."""
    fields.pop("wait", None)


_SELECTING = (_selected, _select)
_IN_POINTS = {"points": "points_selector"}
_VECTORS = {"vectors": "vector"}

REQUESTS: Final[dict[type, Row]] = {
    r.ListCollections: Row("ListCollectionsRequest"),
    r.GetCollection: Row("GetCollectionInfoRequest"),
    r.CollectionExists: Row("CollectionExistsRequest"),
    r.CreateCollection: Row("CreateCollection"),
    r.UpdateCollection: Row("UpdateCollection"),
    r.DeleteCollection: Row("DeleteCollection"),
    r.ChangeAliases: Row("ChangeAliases"),
    r.ListAliases: Row("ListAliasesRequest"),
    r.ListCollectionAliases: Row("ListCollectionAliasesRequest"),
    r.GetCollectionCluster: Row("CollectionClusterInfoRequest"),
    r.ListShardKeys: Row("ListShardKeysRequest"),
    r.Upsert: Row("UpsertPoints"),
    r.UpdateVectors: Row("UpdatePointVectors"),
    r.DeletePoints: Row("DeletePoints", *_SELECTING, _IN_POINTS),
    r.DeleteVectors: Row("DeletePointVectors", *_SELECTING, _VECTORS),
    r.SetPayload: Row("SetPayloadPoints", *_SELECTING),
    r.OverwritePayload: Row("SetPayloadPoints", *_SELECTING),
    r.DeletePayload: Row("DeletePayloadPoints", *_SELECTING),
    r.ClearPayload: Row("ClearPayloadPoints", *_SELECTING, _IN_POINTS),
    r.BatchUpdate: Row("UpdateBatchPoints"),
    r.CreateVector: Row("CreateVectorNameRequest", None, _one_kind),
    r.DeleteVector: Row("DeleteVectorNameRequest"),
    r.CreateFieldIndex: Row("CreateFieldIndexCollection", _schema, _write_schema),
    r.DeleteFieldIndex: Row("DeleteFieldIndexCollection"),
    r.Retrieve: Row("GetPoints"),
    r.Scroll: Row("ScrollPoints"),
    r.Count: Row("CountPoints"),
    r.QueryPoints: Row("QueryPoints"),
    r.QueryBatch: Row("QueryBatchPoints"),
    r.QueryGroups: Row("QueryPointGroups"),
    r.Facet: Row("FacetCounts"),
    r.MatrixPairs: Row("SearchMatrixPoints"),
    r.MatrixOffsets: Row("SearchMatrixPoints"),
    r.Search: Row("SearchPoints", _search_vector),
    r.SearchBatch: Row("SearchBatchPoints"),
    r.SearchGroups: Row("SearchPointGroups", _search_vector),
    r.Recommend: Row("RecommendPoints", _examples),
    r.RecommendBatch: Row("RecommendBatchPoints"),
    r.RecommendGroups: Row("RecommendPointGroups", _examples),
    r.Discover: Row("DiscoverPoints"),
    r.CreateSnapshot: Row("CreateSnapshotRequest", None, _waiting),
    r.ListSnapshots: Row("ListSnapshotsRequest"),
    r.DeleteSnapshot: Row("DeleteSnapshotRequest", None, _waiting),
    r.CreateFullSnapshot: Row("CreateFullSnapshotRequest", None, _waiting),
    r.ListFullSnapshots: Row("ListFullSnapshotsRequest"),
    r.DeleteFullSnapshot: Row("DeleteFullSnapshotRequest", None, _waiting),
    r.DiscoverBatch: Row("DiscoverBatchPoints"),
}
# The changes of a batch: the union's arm to the request it is.
CHANGES: Final[dict[str, tuple[type, Row]]] = {
    "upsert": (r.Upsert, Row("PointsUpdateOperation.PointStructList")),
    "delete_points": (
        r.DeletePoints,
        Row("PointsUpdateOperation.DeletePoints", *_SELECTING, _IN_POINTS),
    ),
    "set_payload": (r.SetPayload, Row("PointsUpdateOperation.SetPayload", *_SELECTING)),
    "overwrite_payload": (
        r.OverwritePayload,
        Row("PointsUpdateOperation.OverwritePayload", *_SELECTING),
    ),
    "delete_payload": (r.DeletePayload, Row("PointsUpdateOperation.DeletePayload", *_SELECTING)),
    "clear_payload": (
        r.ClearPayload,
        Row("PointsUpdateOperation.ClearPayload", *_SELECTING, _IN_POINTS),
    ),
    "update_vectors": (r.UpdateVectors, Row("PointsUpdateOperation.UpdateVectors")),
    "delete_vectors": (
        r.DeleteVectors,
        Row("PointsUpdateOperation.DeleteVectors", *_SELECTING, _VECTORS),
    ),
}
_OLDER_CHANGES: Final = {  # whose arms are selectors
    "delete_deprecated": r.DeletePoints,
    "clear_payload_deprecated": r.ClearPayload,
}
_ARMS: Final = {request: arm for arm, (request, _) in CHANGES.items()}


class _Request(Record):
    """The fields of a request, adapted by its row."""

    def __init__(self, request: type, row: Row) -> None:
        super().__init__(row.message, {**_NAMES, **row.names}, _POINTS.get(row.message))
        self._row = row
        required = {each.name for each in msgspec.structs.fields(request) if each.required}
        self._empty = {name: _EMPTY[name] for name in required.intersection(_EMPTY)}
        in_batch = row.message.startswith("PointsUpdateOperation.")
        self._elsewhere = r.Write.__struct_fields__ if in_batch else ()

    def read(self, message: Any) -> Fields:
        """Return the fields of the Struct."""
        fields = {**self._empty, **super().read(message)}
        if fields.get("timeout") == 0:
            raise InvalidRequest.of("timeout", 0, "must be 1 or larger")
        if self._row.after_reading is not None:
            self._row.after_reading(fields)
        return fields

    def write(self, message: Any, value: Any, path: str) -> None:
        """Set the message from the Struct."""
        fields = {
            name: plain
            for name in value.__struct_fields__
            if name not in self._elsewhere and (plain := getattr(value, name)) is not None
        }
        if self._row.before_writing is not None:
            self._row.before_writing(fields)
        super().write(message, fields, path)


class _Change(Union):
    """One change of a batch, as its request; the collection is the batch's."""

    def read(self, message: Any) -> Any:
        """Return the request."""
        ((arm, fields),) = super().read(message).items()
        request = _OLDER_CHANGES.get(arm) or CHANGES[arm][0]
        return _converted(request, {"collection": "", **fields})

    def write(self, message: Any, value: Any, path: str) -> None:
        """Set the arm of the request."""
        super().write(message, {_ARMS[type(value)]: value}, path)


def _points(*, with_payloads: bool) -> dict[str, tuple[Read, WriteField]]:
    def write(message: Any, value: Any, _: str) -> None:
        write_points(value, message.points)

    return {"points": (partial(read_points, with_payloads=with_payloads), write)}


_POINTS: Final = {
    "UpsertPoints": _points(with_payloads=True),
    "PointsUpdateOperation.PointStructList": _points(with_payloads=True),
    "UpdatePointVectors": _points(with_payloads=False),
    "PointsUpdateOperation.UpdateVectors": _points(with_payloads=False),
}
SHAPES["PointsUpdateOperation"] = _Change
SHAPES.update(
    (row.message, lambda _, request=request, row=row: _Request(request, row))  # type: ignore[misc]
    for request, row in (*REQUESTS.items(), *CHANGES.values())
)
