"""Which ids may a plain Qdrant client send and see? Integers and UUIDs; ours also sees original
strings.

The one place where ids of the wire are checked and converted. Requests with `ruvector-ids:
original` do not come here.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw

from ruvector.model import requests as r
from ruvector.model.ids import PointId, parse_wire_id, wire_id
from ruvector.model.points import Hit, Record
from ruvector.model.results import (
    GroupsResult,
    MatrixOffsetsResult,
    MatrixPair,
    MatrixPairsResult,
    PointGroup,
    QueryResult,
    ScrollResult,
)

HEADER = b"ruvector-ids"
ORIGINAL = b"original"
MAX_ID = 2**64 - 1
_BEGINS_ID = b'"-0123456789'
# Fields of a query and of its prefetches that hold vectors, or ids that stand for them.
_EXAMPLES = frozenset(("query", "nearest", "positive", "negative", "target", "example"))
_WITHOUT_IDS = ("formula", "text")  # a text query's own `query` is text
_anything = msgspec.json.Decoder()


def check_request(request: r.Request[Any]) -> None:
    """Raise BadInput where a request names a point by anything but an integer or a UUID."""
    if isinstance(request, r.QueryPoints | r.QueryGroups):
        _check_query(request.query)
        if request.prefetch is not None:
            _check_examples([request.prefetch])
    elif isinstance(request, r.BatchUpdate):
        for change in request.operations:
            check_request(change)
    elif getattr(request, "searches", None) is not None:
        for search in request.searches:  # type: ignore[attr-defined]
            check_request(search)
    elif isinstance(request, r.Recommend | r.RecommendGroups):
        _check_examples([{"positive": request.positive, "negative": request.negative}])
    elif isinstance(request, r.Discover):
        _check_examples([{"target": request.target, "context": request.context}])
    elif isinstance(request, r.GetPoint):
        parse_wire_id(request.id)
    elif isinstance(request, r.Retrieve):
        _check_ids(request.ids)
    elif isinstance(request, r.Scroll):
        if request.offset is not None:
            parse_wire_id(request.offset)
    elif isinstance(request, r.Upsert | r.UpdateVectors):
        _check_ids(request.points.ids)
    elif getattr(request, "points", None) is not None:
        _check_ids(request.points)  # type: ignore[attr-defined]
    for name in ("filter", "update_filter"):
        conditions = getattr(request, name, None)
        if conditions:
            _check_filter(conditions)


def convert_result(result: Any) -> Any:
    """Return the result with every id as a plain client may see it; unchanged where all are."""
    if isinstance(result, QueryResult):
        points = _convert(result.points)
        return result if points is result.points else QueryResult(points)
    if isinstance(result, GroupsResult):
        return GroupsResult([_group(group) for group in result.groups])
    if isinstance(result, MatrixPairsResult):
        return MatrixPairsResult(
            [MatrixPair(_plain(pair.a), _plain(pair.b), pair.score) for pair in result.pairs]
        )
    if isinstance(result, MatrixOffsetsResult):
        return msgspec.structs.replace(result, ids=list(map(_plain, result.ids)))
    if isinstance(result, list):
        if result and isinstance(result[0], Hit | Record):
            return _convert(result)
        if result and isinstance(result[0], QueryResult | list):
            return [convert_result(part) for part in result]
        return result
    if isinstance(result, Record):
        return _convert([result])[0]
    if isinstance(result, ScrollResult):
        after = result.next_page_offset
        if isinstance(after, str):
            after = wire_id(after)
        return ScrollResult(_convert(result.points), after)
    return result


def _plain(value: PointId) -> PointId:
    return wire_id(value) if type(value) is str else value


def _group(group: PointGroup) -> PointGroup:
    lookup = None if group.lookup is None else _convert([group.lookup])[0]
    return PointGroup(id=group.id, hits=_convert(group.hits), lookup=lookup)


def _convert(points: list[Any]) -> list[Any]:
    if str not in {type(point.id) for point in points}:
        return points
    return [
        msgspec.structs.replace(point, id=wire_id(point.id)) if type(point.id) is str else point
        for point in points
    ]


def _check_ids(ids: Iterable[Any]) -> None:
    for value in ids:
        if type(value) is not int or not 0 <= value <= MAX_ID:
            parse_wire_id(value)


def _check_query(query: Any) -> None:
    """Check the ids in a query's text; the numbers of vectors are left unread."""
    if not isinstance(query, Raw):
        return
    text = bytes(query).lstrip()
    if not text or (text[0] not in _BEGINS_ID and text[:1] != b"{"):
        return
    try:
        value = _anything.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return  # the engine says what is wrong with it
    if isinstance(value, str | int):
        parse_wire_id(value)
    else:
        _check_examples([value])


def _check_examples(waiting: list[Any]) -> None:
    """Check the ids that stand for vectors, and those of filters; a loop, as for filters."""
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            if part and isinstance(part[0], dict | list):
                waiting.extend(part)
            continue
        if not isinstance(part, dict):
            continue
        for name, value in part.items():
            if name in _EXAMPLES:
                _check_ids(
                    one
                    for one in (value if isinstance(value, list) else [value])
                    if isinstance(one, str)
                )
            elif name == "filter":
                _check_filter(value)
            if name not in _WITHOUT_IDS and isinstance(value, dict | list):
                waiting.append(value)


def _check_filter(conditions: Any) -> None:
    """Check the ids of every has_id, wherever it stands; a loop, as others choose the depth."""
    waiting = [conditions]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(item for item in part if isinstance(item, dict | list))
        elif isinstance(part, dict):
            ids = part.get("has_id")
            if isinstance(ids, list):
                _check_ids(value for value in ids if isinstance(value, int | str))
            waiting.extend(item for item in part.values() if isinstance(item, dict | list))
