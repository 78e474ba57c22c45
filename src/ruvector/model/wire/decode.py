"""What does this HTTP request ask for? Path, query string and body into one request Struct.

Everything that is wrong with the text is a MalformedRequest (400) that names the place; values
outside their range are judged where the request is executed, so that embedded callers hear the
same.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec

from ruvector.errors import MalformedRequest
from ruvector.kernel import scan_json
from ruvector.model import requests as r
from ruvector.model.ids import PointId
from ruvector.model.limits import (
    MAX_BATCH_SEARCHES,
    MAX_BATCH_UPDATES,
    MAX_DECODED_CONTAINERS,
    MAX_JSON_CONTAINERS,
    MAX_JSON_DEPTH,
)
from ruvector.model.operations import Operation
from ruvector.model.wire.bodies import RAW_FIELDS, SEARCHES, body_type, request_fields
from ruvector.model.wire.columns import decode_options, decode_point_vectors, decode_points
from ruvector.model.wire.lifting import NAMES, lift_vector
from ruvector.model.wire.pieces import (
    PIECE_BYTES,
    convert_plain,
    decode_plain,
    fields_of,
    is_object,
    split,
)
from ruvector.model.wire.query_fields import read_query_field, wire_name

MAX_ID_DIGITS = 20  # those of 2^64 - 1; int() of thousands of digits raises
MAX_SHORT_BYTES = 256
MAX_SHORT_BODIES = 256  # that are remembered: 64 KiB
_UNCHANGING = frozenset({bool, int, float, str, type(None), msgspec.Raw, r.SearchParams})
_short_bodies: dict[tuple[type, bytes], dict[str, Any]] = {}


def decode_request(
    operation: Operation, path: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> r.Request[Any]:
    """Return the request. MalformedRequest or InvalidRequest where it cannot be read."""
    fields: dict[str, Any] = {name: _path_value(name, text) for name, text in path.items()}
    for name in operation.query_fields if query else ():
        if (key := wire_name(name)) in query:
            fields[name] = read_query_field(name, query[key])
    if operation.route.startswith(("GET ", "DELETE ")):
        return operation.request(**fields)
    fields.update(_body_fields(operation.request, body))
    return _build(operation.request, fields)  # type: ignore[no-any-return]


def _body_fields(request: type, body: bytes) -> dict[str, Any]:
    if not body or body.isspace():
        body = b"{}"
    lifted = lift_vector(request, body)
    if lifted is not None:
        vector, rest = lifted
        fields = _short_fields(request, rest)
        name = NAMES[request]
        value = fields.get(name)
        if isinstance(value, msgspec.Raw) and bytes(value) == b"null":
            fields[name] = vector
            return fields
    return _plain_fields(request, body)


def _short_fields(request: type, body: bytes) -> dict[str, Any]:
    """Return the fields of a body without its vector: most searches differ in nothing else."""
    known = _short_bodies.get((request, body))
    if known is not None:
        return dict(known)
    fields = _plain_fields(request, body)
    if len(body) <= MAX_SHORT_BYTES and _UNCHANGING.issuperset(map(type, fields.values())):
        if len(_short_bodies) >= MAX_SHORT_BODIES:
            _short_bodies.clear()
        _short_bodies[request, body] = dict(fields)
    return fields


def _plain_fields(request: type, body: bytes) -> dict[str, Any]:
    special = SPECIAL.get(request)
    try:
        most = MAX_JSON_CONTAINERS if special is not None else MAX_DECODED_CONTAINERS
        scan_json(body, MAX_JSON_DEPTH, most)
    except ValueError as error:
        raise MalformedRequest(str(error)) from error
    if special is not None:
        return special(body)
    if len(body) > PIECE_BYTES:
        return request_fields(request, _decode_large(request, body))
    return request_fields(request, decode_json(body, body_type(request)))


def _decode_large(request: type, body: bytes) -> msgspec.Struct:
    fields: dict[str, Any] = {}
    for name, (start, stop) in fields_of(body).items():
        if (request, name) in RAW_FIELDS:
            fields[name] = msgspec.Raw(body[start:stop])
        else:
            fields[name] = decode_plain(body, start, stop)
    return convert_plain(fields, body_type(request))  # type: ignore[no-any-return]


def _build(request: type, fields: dict[str, Any]) -> Any:
    try:
        return request(**fields)
    except TypeError as error:
        missing = str(error).rpartition("argument ")[2]
        raise MalformedRequest(f"missing field {missing}") from error


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode_json(text: bytes | msgspec.Raw, kind: Any) -> Any:
    """Return the value of a JSON text; MalformedRequest where it is not of this type."""
    try:
        return _decoder(kind).decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise MalformedRequest(str(error)) from error


def _path_value(name: str, text: str) -> PointId:
    if name == "id" and text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS:
        return int(text)
    return text


def _decode_upsert(body: bytes) -> dict[str, Any]:
    return {"points": decode_points(body), **decode_options(body)}


def _decode_update_vectors(body: bytes) -> dict[str, Any]:
    return {"points": decode_point_vectors(body), **decode_options(body)}


BATCH_CHANGES: dict[str, type] = {
    "upsert": r.Upsert,
    "delete": r.DeletePoints,
    "set_payload": r.SetPayload,
    "overwrite_payload": r.OverwritePayload,
    "delete_payload": r.DeletePayload,
    "clear_payload": r.ClearPayload,
    "update_vectors": r.UpdateVectors,
    "delete_vectors": r.DeleteVectors,
}


def _decode_batch(body: bytes) -> dict[str, Any]:
    operations = _items(body, "operations", MAX_BATCH_UPDATES)
    return {"operations": [_decode_change(change, i) for i, change in enumerate(operations)]}


def _decode_searches(inner: type) -> Callable[[bytes], dict[str, Any]]:
    def decode(body: bytes) -> dict[str, Any]:
        searches = []
        for position, text in enumerate(_items(body, "searches", MAX_BATCH_SEARCHES)):
            try:
                fields = _body_fields(inner, text)
                searches.append(_build(inner, {"collection": "", **fields}))
            except MalformedRequest as error:
                raise MalformedRequest(f"searches[{position}]: {error.message}") from error
        return {"searches": searches}

    return decode


def _items(body: bytes, name: str, most: int) -> list[bytes]:
    """Return the texts of the items of a body's only field, an array."""
    fields = fields_of(body)
    if unknown := sorted(fields.keys() - {name}):
        raise MalformedRequest(f"Object contains unknown field `{unknown[0][:100]}`")
    if name not in fields:
        raise MalformedRequest(f"Object missing required field `{name}`")
    start, stop = fields[name]
    if is_object(body, start, stop):
        raise MalformedRequest(f"Expected `array`, got `object` - at `$.{name}`")
    return [body[first:end] for first, end, _ in split(body, start, stop, 0, most).tolist()]


def _decode_change(text: bytes, position: int) -> r.Request[Any]:
    change = fields_of(text)
    if len(change) != 1 or (name := next(iter(change))) not in BATCH_CHANGES:
        raise MalformedRequest(
            f"operations[{position}] must have exactly one of {', '.join(BATCH_CHANGES)}"
        )
    request = BATCH_CHANGES[name]
    fields = _body_fields(request, text[slice(*change[name])])
    return _build(request, {"collection": "", **fields})  # type: ignore[no-any-return]


SPECIAL: dict[type, Callable[[bytes], dict[str, Any]]] = {
    r.Upsert: _decode_upsert,
    r.UpdateVectors: _decode_update_vectors,
    r.BatchUpdate: _decode_batch,
    **{batch: _decode_searches(search) for batch, search in SEARCHES.items()},
}
