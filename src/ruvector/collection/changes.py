"""How does a write request become a change? Everything that can be checked early is checked here.

`change_of` runs in the caller's thread; the change it returns runs in the committer's.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from ruvector.collection.collection import Collection
from ruvector.collection.points import ALL_CHANGE, Changeable, PreparedPoints, prepare_points
from ruvector.collection.shard import Change
from ruvector.collection.strict import check_lengths
from ruvector.errors import BadInput
from ruvector.index.payload import create_field_index
from ruvector.model import requests as r
from ruvector.model.filters import Filter, parse_filter
from ruvector.model.ids import PointId, id_key
from ruvector.model.lifetimes import expiries_of
from ruvector.model.limits import MAX_IDS
from ruvector.model.paths import Path, delete_at, parse_path, set_at
from ruvector.model.paths import merge as merge_into
from ruvector.model.points import encode_payload
from ruvector.model.reading import choice_of
from ruvector.model.shard_keys import refuse_shard_key

JsonObject = dict[str, Any]
Selected = tuple[list[PointId] | None, Filter | None]


def change_of(collection: Collection, request: r.Request[Any]) -> Change:
    """Return the change that a write request asks for; BadInput if it cannot be made."""
    return _CHANGES[type(request)](collection, request)


def _upsert(collection: Collection, request: r.Upsert) -> Change:
    rule = _changeable(request.update_mode, request.update_filter)
    is_first = rule.mode == "insert_only"
    given = request.points
    expiries = expiries_of(given.ttls, collection.config.ttl, len(given), collection.shard.clock)
    points = prepare_points(given, collection.shard.spaces, first=is_first, expiries=expiries)
    check_lengths(collection, points)
    _refuse_repeated(request, points)
    return lambda preparation: preparation.upsert(points, rule)


def _update_vectors(collection: Collection, request: r.UpdateVectors) -> Change:
    rule = _changeable(None, request.update_filter)
    points = prepare_points(request.points, collection.shard.spaces, partial=True)
    check_lengths(collection, points)
    _refuse_repeated(request, points)
    return lambda preparation: preparation.update_vectors(points, rule)


def _changeable(mode: Any, filter: Any) -> Changeable:
    if mode is not None:
        choice_of(mode, "update_mode", ("upsert", "insert_only", "update_only"))
    if mode in (None, "upsert") and filter is None:
        return ALL_CHANGE
    return Changeable(mode or "upsert", parse_filter(filter, path="update_filter"))


def _refuse_repeated(request: r.Upsert | r.UpdateVectors, points: PreparedPoints) -> None:
    """Refuse an id that is given twice where the second would depend on what the first did."""
    if request.update_filter is not None and len(points.keys) < len(request.points):
        raise BadInput("with update_filter a batch must name each point once; split it in two")


def _delete_points(_: Collection, request: r.DeletePoints) -> Change:
    ids, filter = _selected(request)
    return lambda preparation: preparation.delete(ids, filter)


def _delete_vectors(collection: Collection, request: r.DeleteVectors) -> Change:
    names = list(dict.fromkeys(request.vector))
    if not names:
        raise BadInput("vector must name at least one vector to delete")
    for name in names:
        collection.space(name)
    ids, filter = _selected(request)
    return lambda preparation: preparation.delete_vectors(names, ids, filter)


def _set_payload(_: Collection, request: r.SetPayload) -> Change:
    return _merge_payload(request, request.key)


def _overwrite_payload(_: Collection, request: r.OverwritePayload) -> Change:
    if request.key is not None:
        return _merge_payload(request, request.key)
    new = _as_stored(request.payload)
    return _payload_change(request, lambda _: new, missing_is_error=True)


def _merge_payload(request: r.SetPayload | r.OverwritePayload, key: str | None) -> Change:
    new = _as_stored(request.payload)
    path = None if key is None else parse_path(key)

    def merge(payload: JsonObject) -> JsonObject:
        if path is None:
            merge_into(payload, new)
        else:
            set_at(payload, path, new)
        return payload

    return _payload_change(request, merge, missing_is_error=True)


def _delete_payload(_: Collection, request: r.DeletePayload) -> Change:
    paths: list[Path] = [parse_path(key) for key in request.keys]

    def delete(payload: JsonObject) -> JsonObject:
        for path in paths:
            delete_at(payload, path)
        return payload

    return _payload_change(request, delete, missing_is_error=True)


def _clear_payload(_: Collection, request: r.ClearPayload) -> Change:
    return _payload_change(request, lambda _: {}, missing_is_error=False)


def _payload_change(
    request: Any, change: Callable[[JsonObject], JsonObject], *, missing_is_error: bool
) -> Change:
    ids, filter = _selected(request)
    return lambda preparation: preparation.change_payload(
        change, ids, filter, missing_is_error=missing_is_error
    )


def _create_field_index(_: Collection, request: r.CreateFieldIndex) -> Change:
    if request.field_schema is None:
        raise BadInput(
            f"field_schema of {request.field_name} is missing: name a type, "
            "as in keyword or integer"
        )
    create_field_index(request.field_name, request.field_schema)
    return lambda preparation: preparation.change_schema(request.field_name, request.field_schema)


def _delete_field_index(_: Collection, request: r.DeleteFieldIndex) -> Change:
    parse_path(request.field_name)
    return lambda preparation: preparation.change_schema(request.field_name, None)


def _selected(request: Any) -> Selected:
    refuse_shard_key(request.shard_key)
    ids, filter = request.points, parse_filter(request.filter)
    if (ids is None) == (filter is None):
        raise BadInput("exactly one of points and filter must be given")
    if ids is not None:
        if len(ids) > MAX_IDS:
            raise BadInput(f"{len(ids)} ids; at most {MAX_IDS} in one request")
        for point_id in ids:
            id_key(point_id)
    return ids, filter


def _as_stored(payload: Any) -> JsonObject:
    """Return a copy of what JSON keeps of a payload; BadInput where it cannot be kept."""
    text = encode_payload(payload)
    return {} if text is None else msgspec.json.decode(text)


_CHANGES: dict[type, Callable[[Collection, Any], Change]] = {
    r.Upsert: _upsert,
    r.UpdateVectors: _update_vectors,
    r.DeletePoints: _delete_points,
    r.DeleteVectors: _delete_vectors,
    r.SetPayload: _set_payload,
    r.OverwritePayload: _overwrite_payload,
    r.DeletePayload: _delete_payload,
    r.ClearPayload: _clear_payload,
    r.CreateFieldIndex: _create_field_index,
    r.DeleteFieldIndex: _delete_field_index,
}
BRINGS_VECTORS = (r.Upsert, r.UpdateVectors)
FREES_SPACE = (r.DeletePoints, r.DeleteFieldIndex)
