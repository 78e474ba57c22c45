"""How are JSON values, ids and moments written as messages? The leaves that messages share."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np

from ruvector.errors import BadInput, MalformedRequest
from ruvector.model.datetimes import microseconds_of, parse_datetime
from ruvector.model.ids import PointId, shown
from ruvector.model.reading import describe

INTEGERS: Final = range(-(2**63), 2**63)
_EPOCH: Final = datetime(1970, 1, 1)
_MICROSECONDS: Final = 1_000_000

# Values


def read_value(message: Any) -> Any:
    """Return the JSON value of a Value; one that holds nothing is null."""
    kind = message.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    value = getattr(message, kind)
    if kind == "struct_value":
        return read_values(value.fields)
    if kind == "list_value":
        return [read_value(item) for item in value.values]
    return value


def read_values(entries: Any) -> dict[str, Any]:
    """Return the JSON object of a map of Values."""
    return {key: read_value(value) for key, value in entries.items()}


def write_value(message: Any, value: Any, path: str = "value") -> None:
    """Set a Value: whole numbers of 64 bits stay whole, larger ones become double."""
    kind = type(value)
    if kind is str:  # most values are texts and numbers: a table would cost a call for each
        message.string_value = value
    elif kind is int and value in INTEGERS:
        message.integer_value = value
    else:
        write = _WRITERS.get(kind)
        if write is None:
            raise MalformedRequest(f"{path}: {describe(value)} is no JSON value")
        write(message, value)


def write_values(entries: Any, values: Mapping[str, Any]) -> None:
    """Fill a map of Values from a JSON object."""
    for key, value in values.items():
        write_value(entries[key], value)


def _write_flag(message: Any, value: bool) -> None:
    message.bool_value = value


def _write_number(message: Any, value: float) -> None:
    message.double_value = value


def _write_null(message: Any, _: None) -> None:
    message.null_value = 0


def _write_object(message: Any, value: Mapping[str, Any]) -> None:
    message.struct_value.SetInParent()
    write_values(message.struct_value.fields, value)


def _write_list(message: Any, value: list[Any]) -> None:
    message.list_value.SetInParent()
    items = message.list_value.values
    for item in value:
        write_value(items.add(), item)


_WRITERS: Final[dict[type, Callable[[Any, Any], None]]] = {
    bool: _write_flag,
    int: _write_number,  # of more than 64 bits
    float: _write_number,
    type(None): _write_null,
    dict: _write_object,
    list: _write_list,
    tuple: _write_list,
}

# Ids


def read_id(message: Any) -> PointId:
    """Return the id of a PointId."""
    kind = message.WhichOneof("point_id_options")
    if kind is None:
        raise MalformedRequest("PointId: one of num, uuid must be set")
    return getattr(message, kind)  # type: ignore[no-any-return]


def write_id(message: Any, value: Any, path: str = "id") -> None:
    """Set a PointId: a number, or any text."""
    if isinstance(value, str | UUID):
        message.uuid = str(value)
        return
    try:
        message.num = int(value) if isinstance(value, np.integer) else value
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(
            f"{path}: point id {shown(value)} is neither an unsigned integer nor a string"
        ) from error


# Moments


def read_moment(message: Any) -> datetime:
    """Return the moment of a Timestamp, to the microsecond; BadInput beyond the year 9999."""
    try:
        return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
    except OverflowError as error:
        raise BadInput(
            f"timestamp: {message.seconds} seconds is outside of the years 1 to 9999"
        ) from error


def write_moment(message: Any, value: Any, path: str = "timestamp") -> None:
    """Set a Timestamp from a date or its text."""
    moment = microseconds_of(value) if isinstance(value, date) else None
    if isinstance(value, str):
        moment = parse_datetime(value)
    if moment is None:
        raise MalformedRequest(
            f"{path}: expected a datetime like 2024-01-31T12:00:00Z, got {describe(value)}"
        )
    message.seconds, rest = divmod(moment, _MICROSECONDS)
    message.nanos = rest * 1000
