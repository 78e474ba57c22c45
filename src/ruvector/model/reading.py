"""How is a JSON value without a declared type read? Strictly, and every refusal names the place.

Shared by the readers of filters, queries and formulas. A null means that the field is absent, as
clients send it. Wrong types and unknown fields are MalformedRequest (400), values out of range
InvalidRequest (422). Pure.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ruvector.errors import InvalidRequest, MalformedRequest
from ruvector.model.ids import shown

_SHOWN_CHARACTERS = 60


def object_of(source: Any, path: str, allowed: Sequence[str]) -> dict[str, Any]:
    """Return the fields that are not null; refuse what is not an object or not known."""
    if not isinstance(source, Mapping):
        raise wrong_type(path, "an object", source)
    for name in source:
        if name not in allowed:
            raise MalformedRequest(
                f"{path}: unknown field `{short(name)}`, expected one of {quoted(allowed)}"
            )
    return {name: value for name, value in source.items() if value is not None}


def required(given: Mapping[str, Any], path: str, *names: str) -> None:
    """Refuse an object without these fields."""
    for name in names:
        if name not in given:
            raise MalformedRequest(f"{path}: missing field `{name}`")


def list_of(source: Any, path: str, most: int) -> list[Any]:
    """Return the elements of a list, none for null; refuse more than `most`."""
    if source is None:
        return []
    if not isinstance(source, list | tuple):
        raise wrong_type(path, "a list", source)
    if len(source) > most:
        raise InvalidRequest.of(path, f"of {len(source)} elements", f"must have at most {most}")
    return list(source)


def number_of(source: Any, path: str) -> float:
    """Return a finite number as a float."""
    if isinstance(source, bool) or not isinstance(source, int | float):
        raise wrong_type(path, "a number", source)
    try:
        number = float(source)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidRequest.of(path, shown(source), "must be a finite number")
    return number


def whole_of(source: Any, path: str, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`."""
    if isinstance(source, bool) or not isinstance(source, int):
        raise wrong_type(path, "a whole number", source)
    if not low <= source <= high:
        raise InvalidRequest.of(path, shown(source), f"must be from {low} to {high}")
    return source


def text_of(source: Any, path: str) -> str:
    """Return a string."""
    if not isinstance(source, str):
        raise wrong_type(path, "a string", source)
    return source


def choice_of(source: Any, path: str, choices: Sequence[str]) -> str:
    """Return one of the words."""
    if source not in choices:
        raise MalformedRequest(
            f"{path}: unknown variant {describe(source)}, expected one of {quoted(choices)}"
        )
    return str(source)


def wrong_type(path: str, expected: str, value: Any) -> MalformedRequest:
    """Return the error for a value of another type than expected."""
    return MalformedRequest(f"{path}: expected {expected}, got {describe(value)}")


def describe(value: Any) -> str:
    """Return a short text for a message; containers are not printed, they may be huge or deep."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"the string `{short(value)}`"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= 128):
        return f"the number {value}"
    return f"a value of type {type(value).__name__}"


def short(text: object) -> str:
    """Return the beginning of a text that others wrote."""
    return text[:_SHOWN_CHARACTERS] if isinstance(text, str) else type(text).__name__


def quoted(names: Sequence[str]) -> str:
    """Return names for a message."""
    return ", ".join(f"`{name}`" for name in names)
