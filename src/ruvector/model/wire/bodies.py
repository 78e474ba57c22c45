"""Which fields does the body of each request have?

Body types are derived from the requests: every field that is neither in the path nor in the query
string. Untagged unions that may hold vectors are kept as raw JSON for the kernel; other names that
old clients use (ALIASES) are read as well.
"""

from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET

from ruvector.errors import MalformedRequest
from ruvector.model import requests as r
from ruvector.model.operations import OPERATION_OF, Operation

ALIASES = {
    "with_vectors": "with_vector",
    "top": "limit",
    "vectors": "vector",
    "quantization": "quantization_config",
    "optimizer_config": "optimizers_config",
    "field_type": "field_schema",
    "shards_number": "shard_number",
}
ALIASED: dict[type, tuple[str, ...]] = {
    r.Scroll: ("with_vectors",),
    r.Retrieve: ("with_vectors",),
    r.QueryPoints: ("with_vectors", "top"),
    r.Search: ("with_vectors", "top"),
    r.QueryGroups: ("with_vectors",),
    r.SearchGroups: ("with_vectors", "top"),
    r.Recommend: ("with_vectors", "top"),
    r.RecommendGroups: ("with_vectors", "top"),
    r.Discover: ("with_vectors", "top"),
    r.DeleteVectors: ("vectors",),
    r.CreateCollection: ("quantization", "optimizer_config", "shards_number"),
    r.UpdateCollection: ("quantization", "optimizer_config"),
    r.CreateFieldIndex: ("field_type",),
}
RAW_FIELDS = {
    (r.QueryPoints, "query"),
    (r.QueryGroups, "query"),
    (r.Search, "vector"),
    (r.SearchGroups, "vector"),
}
# What a batch of each kind holds.
SEARCHES: dict[type, type] = {
    r.QueryBatch: r.QueryPoints,
    r.SearchBatch: r.Search,
    r.RecommendBatch: r.Recommend,
    r.DiscoverBatch: r.Discover,
}


@cache
def body_fields(operation: Operation) -> tuple[str, ...]:
    """Return the request's fields that travel in the body."""
    elsewhere = set(operation.query_fields)
    return tuple(
        name
        for name in operation.request.__struct_fields__
        if name not in elsewhere and "{" + name + "}" not in operation.path
    )


@cache
def body_type(request: type) -> type[msgspec.Struct]:
    """Return the Struct that the body of this request decodes to; unknown fields are refused."""
    operation = OPERATION_OF[request]
    declared = {field.name: field for field in msgspec.structs.fields(operation.request)}
    fields: list[Any] = []
    for name in body_fields(operation):
        kind: Any = declared[name].type
        if (request, name) in RAW_FIELDS:
            kind = msgspec.Raw
        elif name == "searches":
            kind = list[body_type(SEARCHES[request])]  # type: ignore[misc]
        required = declared[name].required and name not in map(
            ALIASES.get, ALIASED.get(request, ())
        )
        fields.append((name, kind) if required else (name, kind, UNSET))
        if not required:
            fields[-1] = (name, kind | msgspec.UnsetType, UNSET)
    for alias in ALIASED.get(request, ()):
        kind = declared[ALIASES[alias]].type
        fields.append((alias, kind | msgspec.UnsetType, UNSET))
    return msgspec.defstruct(
        request.__name__ + "Body", fields, kw_only=True, forbid_unknown_fields=True
    )


def request_fields(request: type, body: msgspec.Struct) -> dict[str, Any]:
    """Return the fields that were given, by the request's names for them.

    MalformedRequest where one was given by both of its names.
    """
    aliases = ALIASED.get(request, ())
    fields: dict[str, Any] = {}
    for given in body.__struct_fields__:
        value = getattr(body, given)
        if value is UNSET:
            continue
        name = ALIASES[given] if given in aliases else given
        if name in fields:
            raise MalformedRequest(f"duplicate field `{name}`: {given} is another name of it")
        fields[name] = value
    return fields
