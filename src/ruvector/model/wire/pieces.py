"""How is a large body decoded without stopping every other thread?

A decoder holds the interpreter for as long as one call of it takes: 20 ms and more for 32 MiB.
Large texts are therefore split by the kernel, which runs beside other threads, and decoded in
pieces of PIECE_BYTES, 0.2 to 2 ms each. One long string is the exception: it is one call.
Any thread. What comes back is what one decoder would have returned.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.errors import MalformedRequest
from ruvector.kernel import split_json
from ruvector.model.ids import PointId

PIECE_BYTES = 256 * 1024
PIECE_ITEMS = 10_000  # of a list that is looked through: 0.3 ms
MAX_FIELDS = 10_000  # members of one object that are looked at one by one
_MOST_PIECES = 2**40  # runs of pieces are bounded by the text itself
_ARRAY, _OBJECT = b"[", b"{"
_TYPES_OF_IDS = frozenset((int, str))
_OPENING = re.compile(rb"[ \t\r\n]*(.?)", re.DOTALL)  # always matches; copies nothing
_any = msgspec.json.Decoder()


def split(text: bytes, start: int, stop: int, piece_bytes: int, most: int) -> NDArray[np.int64]:
    """Return kernel.split_json's pieces; MalformedRequest where the text is no container."""
    try:
        return split_json(text, start, stop, piece_bytes, most)
    except ValueError as error:
        raise MalformedRequest(str(error)) from error


def fields_of(text: bytes, start: int = 0, stop: int | None = None) -> dict[str, tuple[int, int]]:
    """Return where each member of an object has its value; the last one of equal names counts."""
    stop = len(text) if stop is None else stop
    if not is_object(text, start, stop):
        raise MalformedRequest("Expected `object`")
    pieces = split(text, start, stop, 0, MAX_FIELDS).tolist()
    return {_key(text[first:value]): (value, end) for first, end, value in pieces}


def is_object(text: bytes, start: int, stop: int) -> bool:
    """Say whether the first character that is no space opens an object."""
    return _OPENING.match(text, start, stop)[1] == _OBJECT  # type: ignore[index]


def decode_plain(text: bytes, start: int = 0, stop: int | None = None) -> Any:
    """Return the value of a JSON text as plain Python objects; MalformedRequest.

    No large part of the text is copied: 15 ms for 20 MB.
    """
    stop = len(text) if stop is None else stop
    if stop - start > PIECE_BYTES:
        opening = _OPENING.match(text, start, stop)[1]  # type: ignore[index]
        if opening == _ARRAY:
            return _decode_array(text, start, stop)
        if opening == _OBJECT:
            return _decode_object(text, start, stop)
    return _decode(memoryview(text)[start:stop])


def convert_plain(fields: Mapping[str, Any], kind: type[msgspec.Struct]) -> Any:
    """Return decoded fields as a Struct; MalformedRequest as its decoder would raise it."""
    ids = {name: fields[name] for name in _id_lists(kind) if _are_ids(fields.get(name))}
    struct = _convert({**fields, **dict.fromkeys(ids, ())}, kind)
    for name, value in ids.items():
        setattr(struct, name, value)
    return struct


def convert_ids(value: Any) -> list[PointId]:
    """Return a decoded list of ids; MalformedRequest as its decoder would raise it.

    It is what it becomes already: to convert a million of them is one call of 10 ms.
    """
    return value if _are_ids(value) else _convert(value, list[PointId])  # type: ignore[no-any-return]


def _convert(value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise MalformedRequest(str(error)) from error


@cache
def _id_lists(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the names of the fields that hold ids."""
    return tuple(
        field.name
        for field in msgspec.structs.fields(kind)
        if list[PointId] in (field.type, *get_args(field.type))
    )


def _are_ids(value: Any) -> bool:
    return type(value) is list and all(
        _TYPES_OF_IDS.issuperset(map(type, value[start : start + PIECE_ITEMS]))
        for start in range(0, len(value), PIECE_ITEMS)
    )


def _decode_array(text: bytes, start: int, stop: int) -> list[Any]:
    items: list[Any] = []
    for first, end, value in split(text, start, stop, PIECE_BYTES, _MOST_PIECES).tolist():
        if value >= 0:
            items.append(decode_plain(text, value, end))
        else:
            items += _decode(b"[%b]" % text[first:end])
    return items


def _decode_object(text: bytes, start: int, stop: int) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for first, end, value in split(text, start, stop, PIECE_BYTES, _MOST_PIECES).tolist():
        if value >= 0:
            fields[_key(text[first:value])] = decode_plain(text, value, end)
        else:
            fields.update(_decode(b"{%b}" % text[first:end]))
    return fields


def _key(text: bytes) -> str:
    """Return the name in a member's text up to its value: a JSON string, spaces, a colon."""
    key = _decode(text.rstrip()[:-1])
    return key if isinstance(key, str) else str(key)


def _decode(text: bytes | memoryview) -> Any:
    try:
        return _any.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise MalformedRequest(str(error)) from error
