"""What may stand in a query string? One row for each name: how it is read, how it is documented.

A field whose name is a keyword of Python carries an underscore at its end in requests, and none on
the wire.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from ruvector.errors import InvalidRequest, MalformedRequest
from ruvector.model.reports import OPTIMIZATION_PARTS
from ruvector.model.snapshots import PRIORITIES

JsonObject = dict[str, Any]
MAX_DIGITS = 10  # of a number: int() of thousands of digits raises
MOST = 10 ** (MAX_DIGITS - 1) - 1


class QueryField(msgspec.Struct, frozen=True):
    """How the text of a field becomes its value, and its schema in the OpenAPI document."""

    read: Callable[[str, str], Any]
    schema: JsonObject


def read_query_field(name: str, text: str) -> Any:
    """Return the value of a field. MalformedRequest or InvalidRequest where it is not one."""
    return QUERY_FIELDS[name].read(wire_name(name), text)


def wire_name(name: str) -> str:
    """Return what a request's field is called on the wire."""
    return name.rstrip("_")


def _flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise MalformedRequest(f"query parameter {name} is {text!r}; it must be true or false")
    return text == "true"


def _whole(least: int, unit: str = "a whole number") -> Callable[[str, str], int]:
    def read(name: str, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < MAX_DIGITS):
            raise MalformedRequest(f"query parameter {name} is {text!r}; it must be {unit}")
        if int(text) < least:
            raise InvalidRequest.of(name, text, f"must be {least} or larger")
        return int(text)

    return read


def _numbers(least: int) -> JsonObject:
    return {"type": "integer", "minimum": least, "maximum": MOST}


def _ordering(name: str, text: str) -> str:
    if text not in _ORDERINGS:
        raise MalformedRequest(
            f"query parameter {name} is {text!r}; it must be weak, medium or strong"
        )
    return text


def _consistency(name: str, text: str) -> str:
    is_count = text.isascii() and text.isdigit() and len(text) < MAX_DIGITS and int(text) > 0
    if text not in _CONSISTENCIES and not is_count:
        raise MalformedRequest(
            f"query parameter {name} is {text!r}; it must be a number, majority, quorum or all"
        )
    return text


def _text(_: str, text: str) -> str:
    return text


def _list(_: str, text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_ORDERINGS = ("weak", "medium", "strong")
_CONSISTENCIES = ("majority", "quorum", "all")

QUERY_FIELDS: dict[str, QueryField] = {
    "wait": QueryField(_flag, {"type": "boolean", "default": False}),
    "ordering": QueryField(_ordering, {"enum": list(_ORDERINGS)}),
    "timeout": QueryField(_whole(1, "whole seconds"), _numbers(1)),
    "consistency": QueryField(
        _consistency,
        {"anyOf": [_numbers(1), {"enum": list(_CONSISTENCIES)}]},
    ),
    "with_": QueryField(
        _list,
        {
            "type": "string",
            "description": f"{', '.join(OPTIMIZATION_PARTS)}, by commas",
            "pattern": "^(({0})(,({0}))*)?$".format("|".join(OPTIMIZATION_PARTS)),
        },
    ),
    "priority": QueryField(_text, {"enum": list(PRIORITIES)}),
    "checksum": QueryField(_text, {"type": "string"}),
    "until": QueryField(
        _text,
        {"type": "string", "description": "a time, an operation's number, or latest; an extension"},
    ),
    "anonymize": QueryField(_flag, {"type": "boolean", "default": False}),
    "per_collection": QueryField(_flag, {"type": "boolean", "default": False}),
    "details_level": QueryField(_whole(0), {**_numbers(0), "default": 0}),
    "completed_limit": QueryField(_whole(0), _numbers(0)),
}
