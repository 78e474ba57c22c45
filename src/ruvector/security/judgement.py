"""May this caller make this request, and what of the answer may they see?

Called by the engine, so that no transport can forget it. What a request names besides its own
collection (lookups at any depth) is judged when it is resolved: see `readable`.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from ruvector.model import requests as r
from ruvector.model.operations import NEEDS_OF
from ruvector.model.permissions import Permission
from ruvector.security.callers import Caller

T = TypeVar("T")
# Listing -> the field with the list, and the field of an entry that names its collection.
LISTS: dict[type, tuple[str, str]] = {
    r.ListCollections: ("collections", "name"),
    r.ListAliases: ("aliases", "collection_name"),
    r.GetIssues: ("issues", "related_collection"),
}


def check_request(caller: Caller, request: r.Request[Any], aliases: Mapping[str, str]) -> None:
    """Raise Forbidden unless the caller may make this request."""
    name = getattr(request, "collection", None)
    caller.admit(*NEEDS_OF[type(request)], name, aliases)
    if isinstance(request, r.BatchUpdate):
        parts = {NEEDS_OF[type(each)][0] for each in request.operations}
        for permission in parts:
            caller.check(permission, request.collection, aliases)


def readable(
    caller: Caller, collections: Callable[[str], T], aliases: Mapping[str, str]
) -> Callable[[str], T]:
    """Return `collections` (name -> collection) for what the caller may read."""

    def collection_of(name: str) -> T:
        caller.check(Permission.READ, name, aliases)
        return collections(name)

    return collection_of


def shown_to(
    caller: Caller, request: r.Request[Any], result: Any, aliases: Mapping[str, str]
) -> Any:
    """Return the result of a listing with what the caller may read."""
    found = LISTS.get(type(request))
    if found is None:
        return result
    field, name = found
    entries = [
        each
        for each in getattr(result, field)
        if caller.may(Permission.READ, getattr(each, name), aliases)
        or caller.may(Permission.READ, getattr(each, "alias_name", ""), aliases)
    ]
    return msgspec.structs.replace(result, **{field: entries})
