"""How do answers become results again? The way back of `results`, for a client.

A message cannot tell an empty payload from one that was not asked for; the request tells.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
import numpy as np

from ruvector.kernel import shortest_floats
from ruvector.model import requests as r
from ruvector.model import results as out
from ruvector.model.configs import HnswConfig, OptimizersConfig, WalConfig
from ruvector.model.datetimes import utc_text
from ruvector.model.points import Hit, Record, encode_json_object, parse_payload_selector
from ruvector.model.proto.plain import shape_of
from ruvector.model.proto.values import read_id, read_values
from ruvector.model.proto.vectors import read_vectors
from ruvector.model.query_vectors import SparseVector
from ruvector.model.snapshots import SnapshotDescription

Read = Callable[[Any, Any], Any]
_EMPTY: Final = msgspec.Raw(b"{}")


def read_answer(request: r.Request[Any], message: Any) -> Any:
    """Return the result of a request that an answer holds."""
    return _READS[type(request)](request, message)


class Points:
    """How the points of one answer are read: whether payloads were asked for."""

    def __init__(self, request: Any, *, default_payload: bool = False) -> None:
        chosen = getattr(request, "with_payload", None)
        self._with_payload = parse_payload_selector(chosen, default_payload).enabled

    def hits(self, points: Any) -> list[Hit]:
        """Return the hits of ScoredPoints."""
        scores = shortest_floats(np.array([point.score for point in points], dtype=np.float32))
        return [
            Hit(version=point.version, score=score, **self._fields(point))
            for point, score in zip(points, scores, strict=True)
        ]

    def records(self, points: Any) -> list[Record]:
        """Return the records of RetrievedPoints."""
        return [Record(**self._fields(point)) for point in points]

    def _fields(self, point: Any) -> dict[str, Any]:
        payload = _EMPTY if self._with_payload else None
        if point.payload:
            payload = msgspec.Raw(encode_json_object(read_values(point.payload), "payload"))
        vector = _arrays(read_vectors(point.vectors)) if point.HasField("vectors") else None
        order_value = None
        if point.HasField("order_value"):
            order_value = getattr(point.order_value, point.order_value.WhichOneof("variant"))
        return {
            "id": read_id(point.id),
            "payload_json": payload,
            "vector": vector,
            "order_value": order_value,
        }


def _arrays(vector: Any) -> Any:
    """Return vectors as the embedded database does: arrays, Structs of the sparse ones."""
    if isinstance(vector, dict):
        if set(vector) == {"indices", "values"} and isinstance(vector["values"], np.ndarray):
            return SparseVector(vector["indices"], vector["values"])
        if not vector:  # sparse, without a number
            return {}
        return {name: _arrays(part) for name, part in vector.items()}
    return np.stack(vector) if isinstance(vector, list) else vector


def _found(request: Any, message: Any) -> list[Hit]:
    return Points(request).hits(message.result)


def _batches(request: Any, message: Any) -> list[list[Hit]]:
    pairs = zip(request.searches, message.result, strict=True)
    return [Points(search).hits(answer.result) for search, answer in pairs]


def _queries(request: Any, message: Any) -> list[out.QueryResult]:
    return [out.QueryResult(hits) for hits in _batches(request, message)]


def _page(request: r.Scroll, message: Any) -> out.ScrollResult:
    points = Points(request, default_payload=True).records(message.result)
    after = read_id(message.next_page_offset) if message.HasField("next_page_offset") else None
    return out.ScrollResult(points, after)


def _groups(request: Any, message: Any) -> out.GroupsResult:
    points, lookups = Points(request), Points(None, default_payload=True)
    return out.GroupsResult(
        [
            out.PointGroup(
                id=getattr(group.id, group.id.WhichOneof("kind")),
                hits=points.hits(group.hits),
                lookup=lookups.records([group.lookup])[0] if group.HasField("lookup") else None,
            )
            for group in message.result.groups
        ]
    )


def _facet(_: Any, message: Any) -> out.FacetResult:
    return out.FacetResult(
        [
            out.FacetHit(value=getattr(hit.value, hit.value.WhichOneof("variant")), count=hit.count)
            for hit in message.hits
        ]
    )


def _pairs(_: Any, message: Any) -> out.MatrixPairsResult:
    pairs = message.result.pairs
    scores = shortest_floats(np.array([pair.score for pair in pairs], dtype=np.float32))
    return out.MatrixPairsResult(
        [
            out.MatrixPair(read_id(pair.a), read_id(pair.b), score)
            for pair, score in zip(pairs, scores, strict=True)
        ]
    )


def _offsets(_: Any, message: Any) -> out.MatrixOffsetsResult:
    found = message.result
    return out.MatrixOffsetsResult(
        offsets_row=list(found.offsets_row),
        offsets_col=list(found.offsets_col),
        scores=shortest_floats(np.array(found.scores, dtype=np.float32)),
        ids=[read_id(point_id) for point_id in found.ids],
    )


# What a message leaves out and JSON has as null.
_ABSENT: Final = {
    name: {key: None for key, value in msgspec.to_builtins(kind()).items() if value is None}
    for name, kind in (
        ("hnsw_config", HnswConfig),
        ("optimizer_config", OptimizersConfig),
        ("wal_config", WalConfig),
    )
}


def _info(_: Any, message: Any) -> out.CollectionInfo:
    fields = shape_of("CollectionInfo").read(message.result)
    status = fields["optimizer_status"]
    fields["optimizer_status"] = "ok" if status["ok"] else {"error": status["error"]}
    fields.setdefault("payload_schema", {})
    config = fields["config"]
    for part, defaults in _ABSENT.items():
        config[part] = {**defaults, **config.get(part, {})}
    config.setdefault("quantization_config", None)
    for index in fields["payload_schema"].values():
        index.setdefault("points", 0)
    if "created_at" in fields:
        fields["created_at"] = utc_text(fields["created_at"].timestamp())
    return msgspec.convert(fields, out.CollectionInfo)


def _flag(_: Any, message: Any) -> bool:
    return bool(message.result)


def _fields_of(defaults: dict[str, Any], request: Any, message: Any) -> Any:
    """Return a result whose fields are the answer's."""
    fields = {**defaults, **shape_of(message.DESCRIPTOR.name).read(message)}
    return msgspec.convert(fields, request.result)


def _result_of(request: Any, message: Any) -> Any:
    """Return a result that the answer has in `result`."""
    fields = shape_of(message.result.DESCRIPTOR.name).read(message.result)
    return msgspec.convert({"operation_id": None, **fields}, request.result)


def _snapshot(_: Any, message: Any) -> SnapshotDescription:
    return _described(message.snapshot_description)


def _snapshots(_: Any, message: Any) -> list[SnapshotDescription]:
    return [_described(each) for each in message.snapshot_descriptions]


def _described(message: Any) -> SnapshotDescription:
    fields = {"creation_time": None, **shape_of("SnapshotDescription").read(message)}
    if fields["creation_time"] is not None:
        fields["creation_time"] = fields["creation_time"].strftime("%Y-%m-%dT%H:%M:%S")
    return msgspec.convert(fields, SnapshotDescription)


def _updates(_: Any, message: Any) -> list[out.UpdateResult]:
    read = shape_of("UpdateResult").read
    return [
        msgspec.convert({"operation_id": None, **read(each)}, out.UpdateResult)
        for each in message.result
    ]


_READS: Final[dict[type, Read]] = {
    r.ListCollections: partial(_fields_of, {"collections": []}),
    r.GetCollection: _info,
    **dict.fromkeys(
        (r.CreateCollection, r.UpdateCollection, r.DeleteCollection, r.ChangeAliases), _flag
    ),
    **dict.fromkeys((r.ListAliases, r.ListCollectionAliases), partial(_fields_of, {"aliases": []})),
    r.GetCollectionCluster: partial(_fields_of, {"local_shards": []}),
    r.ListShardKeys: partial(_fields_of, {}),
    **dict.fromkeys(
        (
            *(r.Upsert, r.UpdateVectors, r.DeletePoints, r.DeleteVectors, r.SetPayload),
            *(r.OverwritePayload, r.DeletePayload, r.ClearPayload, r.CreateVector),
            *(r.DeleteVector, r.CreateFieldIndex, r.DeleteFieldIndex),
            *(r.Count, r.CollectionExists),
        ),
        _result_of,
    ),
    r.BatchUpdate: _updates,
    r.Retrieve: lambda request, message: Points(request, default_payload=True).records(
        message.result
    ),
    r.Scroll: _page,
    r.QueryPoints: lambda request, message: out.QueryResult(_found(request, message)),
    **dict.fromkeys((r.Search, r.Recommend, r.Discover), _found),
    r.QueryBatch: _queries,
    **dict.fromkeys((r.SearchBatch, r.RecommendBatch, r.DiscoverBatch), _batches),
    **dict.fromkeys((r.QueryGroups, r.SearchGroups, r.RecommendGroups), _groups),
    r.Facet: _facet,
    **dict.fromkeys((r.CreateSnapshot, r.CreateFullSnapshot), _snapshot),
    **dict.fromkeys((r.ListSnapshots, r.ListFullSnapshots), _snapshots),
    **dict.fromkeys((r.DeleteSnapshot, r.DeleteFullSnapshot), lambda _request, _message: True),
    r.MatrixPairs: _pairs,
    r.MatrixOffsets: _offsets,
}
