"""How do results become answers, and answers results? One row for each kind of result.

Hits and records are written by the kernel, because there are many of them; the rest follows
`plain`. Parts of messages may stand one after the other, so the points' bytes come first.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from time import perf_counter
from typing import Any, Final

import msgspec

from ruvector import kernel
from ruvector.errors import BadInput
from ruvector.model import requests as r
from ruvector.model.points import Hit, Record
from ruvector.model.proto.plain import shape_of
from ruvector.model.proto.schema import message_class
from ruvector.model.proto.values import write_id
from ruvector.model.proto.vectors import write_vectors
from ruvector.model.results import GroupsResult

Fill = Callable[[Any, Any], None]
# Readers of protobuf follow 100 levels; six are those of groups around a payload.
_MOST_LEVELS: Final = 100 - 6
PIECE_POINTS: Final = 1000  # that are encoded in one call
_FIRST, _SECOND, _THIRD = 1, 2, 3  # numbers of fields that hold points


def encode_answer(request: type, message: Any, result: Any, started: float) -> bytes:
    """Return the bytes of an answer to such a request that took since `started`.

    `message`: one of its class that holds no result yet. BadInput where a payload cannot be said.
    """
    points = POINTS.get(request)
    if points is None:
        ANSWERS[request](message, result)
        message.time = perf_counter() - started
        return message.SerializeToString()  # type: ignore[no-any-return]
    field, found = points
    text = encode_points(field, found(result))
    after = getattr(result, "next_page_offset", None)
    if after is not None:
        write_id(message.next_page_offset, after)
    message.time = perf_counter() - started
    return text + message.SerializeToString()  # type: ignore[no-any-return]


def encode_points(field: int, points: Sequence[Any]) -> bytes:
    """Return hits as ScoredPoints, records as RetrievedPoints: the field of this number."""
    if len(points) <= PIECE_POINTS:
        return _encode_piece(field, points)
    pieces = range(0, len(points), PIECE_POINTS)
    return b"".join(_encode_piece(field, points[i : i + PIECE_POINTS]) for i in pieces)


def _encode_piece(field: int, points: Sequence[Any]) -> bytes:
    scores = versions = None
    if points and type(points[0]) is Hit:
        scores = [point.score for point in points]
        versions = [point.version for point in points]
    rest = [_rest_of(point, scores is not None) for point in points]
    try:
        return kernel.encode_points(
            field,
            [point.id for point in points],
            [point.payload_json for point in points],
            scores,
            versions,
            rest if any(rest) else None,
            _MOST_LEVELS,
        )
    except ValueError as error:
        place, _, reason = str(error).partition(": ")
        position = int(place.removeprefix("point "))
        raise BadInput(
            f"the payload of point {points[position].id} cannot be read over gRPC: {reason}; "
            "read it over REST, or leave it out with with_payload"
        ) from error


def _rest_of(point: Hit | Record, is_scored: bool) -> bytes:
    """Return what most points do not have: their vectors and the value they are ordered by."""
    if point.vector is None and point.order_value is None:
        return b""
    message = message_class("ScoredPoint" if is_scored else "RetrievedPoint")()
    if point.vector is not None:
        write_vectors(message.vectors, point.vector)
    value = point.order_value
    if isinstance(value, float):
        message.order_value.float = value
    elif value is not None:
        message.order_value.int = value
    return message.SerializeToString()  # type: ignore[no-any-return]


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
        target.MergeFromString(encode_points(_SECOND, group.hits))
        if group.lookup is not None:
            target.MergeFromString(encode_points(_THIRD, [group.lookup]))


def _write_batches(message: Any, result: list[Any]) -> None:
    for answer in result:
        found = encode_points(_FIRST, getattr(answer, "points", answer))
        message.result.add().MergeFromString(found)


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


def _itself(points: list[Any]) -> list[Any]:
    return points


# Answers that are points: the number of their field, and where the result has them.
POINTS: Final[dict[type, tuple[int, Callable[[Any], Sequence[Any]]]]] = {
    r.QueryPoints: (_FIRST, attrgetter("points")),
    r.Scroll: (_SECOND, attrgetter("points")),
    **dict.fromkeys((r.Retrieve, r.Search, r.Recommend, r.Discover), (_FIRST, _itself)),
}
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
