"""Which field of this request has a type that it must not have?

Requests from JSON have the types of their fields; those that a program builds may have any. Looking
at every field costs more than a search, so that points are looked at only once something failed.
It does not look into fields of type Any, nor into blocks of points: their readers do.
"""

from functools import cache
from typing import Any, get_args, get_origin

import msgspec

from ruvector.model.points import PointsBlock


def wrong_type(request: msgspec.Struct) -> str | None:
    """Return what to say about the first field of a wrong type, or None where all are right."""
    for name, kind in _kinds(type(request)):
        value = getattr(request, name)
        if isinstance(value, dict) and not _may_be_dict(kind):
            return f"{name}: a dict stands where a Struct is expected"
        try:
            msgspec.convert(_plain(value), kind)
        except (msgspec.ValidationError, RecursionError) as error:
            return f"{name}: {error}"
    for inner in (*getattr(request, "operations", ()), *getattr(request, "searches", ())):
        found = wrong_type(inner) if isinstance(inner, msgspec.Struct) else "not a request"
        if found is not None:
            return found
    return None


@cache
def _kinds(request: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (field.name, list if field.name in ("operations", "searches") else field.type)
        for field in msgspec.structs.fields(request)
        if field.type not in (Any, PointsBlock)
    )


def _may_be_dict(kind: Any) -> bool:
    return any((get_origin(part) or part) is dict for part in (get_args(kind) or (kind,)) + (kind,))


def _plain(value: Any) -> Any:
    """Return a value in which no Struct hides its fields from `convert`, unset ones left out."""
    if isinstance(value, msgspec.Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        return {n: _plain(v) for n, v in fields.items() if v is not msgspec.UNSET}
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value
