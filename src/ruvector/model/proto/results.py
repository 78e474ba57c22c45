"""How do results become answers, and answers results? One row for each kind of result.

Hits and records are written by hand, because there are many of them; the rest follows `plain`.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from ruvector.errors import BadInput
from ruvector.model import requests as r
from ruvector.model.points import Hit, Record
from ruvector.model.proto.plain import shape_of
from ruvector.model.proto.values import write_id, write_values
from ruvector.model.proto.vectors import write_vectors
from ruvector.model.results import GroupsResult

Fill = Callable[[Any, Any], None]
# Readers of protobuf follow 100 levels; six are those of groups around a payload.
_MOST_LEVELS: Final = 100 - 6
_SHALLOW_BYTES: Final = 2 * _MOST_LEVELS // 3  # of a text that cannot be that deep
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def write_answer(request: type, message: Any, result: Any) -> None:
    """Set an answer to the result of such a request."""
    ANSWERS[request](message, result)


def write_hits(target: Any, hits: Iterable[Hit]) -> None:
    """Add ScoredPoints."""
    for hit in hits:
        point = target.add()
        _write_point(point, hit)
        point.score = hit.score
        point.version = hit.version


def write_records(target: Any, records: Iterable[Record]) -> None:
    """Add RetrievedPoints."""
    for record in records:
        _write_point(target.add(), record)


def _write_point(point: Any, source: Hit | Record) -> None:
    write_id(point.id, source.id)
    text = source.payload_json
    if text is not None:
        payload = _decode(text)
        if len(text) > _SHALLOW_BYTES and _levels(payload) > _MOST_LEVELS:
            raise BadInput(
                f"the payload of point {source.id} is nested deeper than gRPC's readers follow; "
                "read it over REST, or leave it out with with_payload"
            )
        write_values(point.payload, payload)
    if source.vector is not None:
        write_vectors(point.vectors, source.vector)
    value = source.order_value
    if value is not None:
        if isinstance(value, float):
            point.order_value.float = value
        else:
            point.order_value.int = value


def _levels(value: Any) -> int:
    """Return how many messages inside each other a value takes."""
    if isinstance(value, dict):
        return 3 + max(map(_levels, value.values()), default=0)  # Struct, entry, Value
    if isinstance(value, list):
        return 2 + max(map(_levels, value), default=0)  # ListValue, Value
    return 0


def _write_groups(message: Any, result: GroupsResult) -> None:
    message.result.SetInParent()
    for group in result.groups:
        target = message.result.groups.add()
        if isinstance(group.id, str):
            target.id.string_value = group.id
        elif group.id < 0:
            target.id.integer_value = group.id
        else:
            target.id.unsigned_value = group.id
        write_hits(target.hits, group.hits)
        if group.lookup is not None:
            _write_point(target.lookup, group.lookup)


def _write_batches(message: Any, result: list[Any]) -> None:
    for answer in result:
        write_hits(message.result.add().result, getattr(answer, "points", answer))


def _write_page(message: Any, result: Any) -> None:
    write_records(message.result, result.points)
    if result.next_page_offset is not None:
        write_id(message.next_page_offset, result.next_page_offset)


def _write_matrix(message: Any, result: Any) -> None:
    target = message.result
    target.offsets_row.extend(result.offsets_row)
    target.offsets_col.extend(result.offsets_col)
    target.scores.extend(result.scores)
    for point_id in result.ids:
        write_id(target.ids.add(), point_id)


def _write_pairs(message: Any, result: Any) -> None:
    message.result.SetInParent()
    for pair in result.pairs:
        target = message.result.pairs.add()
        write_id(target.a, pair.a)
        write_id(target.b, pair.b)
        target.score = pair.score


def _write_facet(message: Any, result: Any) -> None:
    for hit in result.hits:
        target = message.hits.add()
        target.count = hit.count
        if isinstance(hit.value, bool):
            target.value.bool_value = hit.value
        elif isinstance(hit.value, int):
            target.value.integer_value = hit.value
        else:
            target.value.string_value = hit.value


def _write_info(message: Any, result: Any) -> None:
    fields = msgspec.to_builtins(result)
    status = fields["optimizer_status"]
    fields["optimizer_status"] = {
        "ok": status == "ok",
        "error": "" if status == "ok" else status["error"],
    }
    for index in fields["payload_schema"].values():
        params = index.get("params")
        if params is not None:
            index["params"] = {"type": index["data_type"], **params}
    shape_of("CollectionInfo").write(message.result, fields, "result")


def _write_flag(message: Any, result: bool) -> None:
    message.result = result


def _write_fields(message: Any, result: Any) -> None:
    """Set an answer whose fields are the result's."""
    fields = msgspec.to_builtins(result)
    shape_of(message.DESCRIPTOR.name).write(message, fields, "result")


def _write_result(message: Any, result: Any) -> None:
    """Set an answer whose field `result` has the result's fields."""
    message.result.SetInParent()
    fields = msgspec.to_builtins(result)
    shape_of(message.result.DESCRIPTOR.name).write(message.result, fields, "result")


def _write_updates(message: Any, results: list[Any]) -> None:
    write = shape_of("UpdateResult").write
    for result in results:
        write(message.result.add(), msgspec.to_builtins(result), "result")


def _write_snapshot(message: Any, result: Any) -> None:
    write = shape_of("SnapshotDescription").write
    write(message.snapshot_description, msgspec.to_builtins(result), "result")


def _write_snapshots(message: Any, results: list[Any]) -> None:
    write = shape_of("SnapshotDescription").write
    for each in results:
        write(message.snapshot_descriptions.add(), msgspec.to_builtins(each), "result")


def _write_nothing(_message: Any, _result: Any) -> None:
    """Leave an answer without a result as it is."""


def _write_found(message: Any, hits: list[Hit]) -> None:
    write_hits(message.result, hits)


ANSWERS: Final[dict[type, Fill]] = {
    r.ListCollections: _write_fields,
    r.GetCollection: _write_info,
    r.CollectionExists: _write_result,
    r.CreateCollection: _write_flag,
    r.UpdateCollection: _write_flag,
    r.DeleteCollection: _write_flag,
    r.ChangeAliases: _write_flag,
    r.ListAliases: _write_fields,
    r.ListCollectionAliases: _write_fields,
    r.GetCollectionCluster: _write_fields,
    r.ListShardKeys: _write_fields,
    **dict.fromkeys(
        (
            *(r.Upsert, r.UpdateVectors, r.DeletePoints, r.DeleteVectors, r.SetPayload),
            *(r.OverwritePayload, r.DeletePayload, r.ClearPayload, r.CreateVector),
            *(r.DeleteVector, r.CreateFieldIndex, r.DeleteFieldIndex, r.Count),
        ),
        _write_result,
    ),
    r.BatchUpdate: _write_updates,
    r.Retrieve: lambda message, result: write_records(message.result, result),
    r.Scroll: _write_page,
    r.QueryPoints: lambda message, result: write_hits(message.result, result.points),
    **dict.fromkeys((r.Search, r.Recommend, r.Discover), _write_found),
    **dict.fromkeys(
        (r.QueryBatch, r.SearchBatch, r.RecommendBatch, r.DiscoverBatch), _write_batches
    ),
    **dict.fromkeys((r.QueryGroups, r.SearchGroups, r.RecommendGroups), _write_groups),
    r.Facet: _write_facet,
    **dict.fromkeys((r.CreateSnapshot, r.CreateFullSnapshot), _write_snapshot),
    **dict.fromkeys((r.ListSnapshots, r.ListFullSnapshots), _write_snapshots),
    **dict.fromkeys((r.DeleteSnapshot, r.DeleteFullSnapshot), _write_nothing),
    r.MatrixPairs: _write_pairs,
    r.MatrixOffsets: _write_matrix,
}
