"""Which requests have a shorter form of our own? Creating a collection, deleting one point."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ruvector.errors import InvalidRequest, MalformedRequest
from ruvector.kernel import scan_json
from ruvector.model import requests as r
from ruvector.model.limits import MAX_DECODED_CONTAINERS, MAX_JSON_DEPTH
from ruvector.model.operations import OPERATION_OF
from ruvector.model.wire import decode_request
from ruvector.model.wire.pieces import decode_plain

DISTANCES = {
    "cosine": "Cosine",
    "dot": "Dot",
    "euclid": "Euclid",
    "euclidean": "Euclid",
    "manhattan": "Manhattan",
}
OF_THE_VECTOR = ("on_disk", "datatype")
_create = OPERATION_OF[r.CreateCollection]


def create_collection(
    _: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> r.Request[Any]:
    """Return the request of POST /collections {"name", "dimensions", "distance", ...}.

    Everything else in the body is a field of the longer form.
    """
    try:
        scan_json(body, MAX_JSON_DEPTH, MAX_DECODED_CONTAINERS)
    except ValueError as error:
        raise MalformedRequest(str(error)) from error
    fields = decode_plain(body)
    if not isinstance(fields, dict):
        raise MalformedRequest("Expected `object`")
    if "name" not in fields:
        raise MalformedRequest("missing field `name`")
    name = fields.pop("name")
    if not isinstance(name, str):
        raise MalformedRequest("name must be a string")
    if "dimensions" in fields:
        fields["vectors"] = _vectors(fields)
    elif "vectors" not in fields:
        raise MalformedRequest("missing field `dimensions`")
    return decode_request(_create, {"collection": name}, query, msgspec.json.encode(fields))


def _vectors(fields: dict[str, Any]) -> dict[str, Any]:
    if "vectors" in fields:
        raise MalformedRequest("give dimensions or vectors, not both")
    distance = fields.pop("distance", "cosine")
    known = DISTANCES.get(distance.lower()) if isinstance(distance, str) else None
    if known is None:
        raise InvalidRequest.of(
            "distance", repr(distance), "must be cosine, dot, euclid or manhattan"
        )
    vectors = {"size": fields.pop("dimensions"), "distance": known}
    for name in OF_THE_VECTOR:
        if name in fields:
            vectors[name] = fields.pop(name)
    return vectors


def delete_point(path: Mapping[str, str], query: Mapping[str, str], _: bytes) -> r.Request[Any]:
    """Return the request of DELETE /collections/{collection}/points/{id}."""
    get = OPERATION_OF[r.GetPoint]
    point: Any = decode_request(get, path, {}, b"")
    delete = OPERATION_OF[r.DeletePoints]
    request = decode_request(delete, {"collection": path["collection"]}, query, b"{}")
    return msgspec.structs.replace(request, points=[point.id])
