"""How is a large body decoded without stopping every other thread?

A decoder holds the interpreter for as long as one call of it takes: 20 ms and more for 32 MiB.
Large texts are therefore split by the kernel, which runs beside other threads, and decoded in
pieces of PIECE_BYTES, 0.2 to 2 ms each. One long string is the exception: it is one call.
Any thread. What comes back is what one decoder would have returned.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.errors import MalformedRequest
from ruvector.kernel import split_json

PIECE_BYTES = 256 * 1024
MAX_FIELDS = 10_000  # members of one object that are looked at one by one
_MOST_PIECES = 2**40  # runs of pieces are bounded by the text itself
_ARRAY, _OBJECT = b"[", b"{"
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


def decode_plain(text: bytes) -> Any:
    """Return the value of a JSON text as plain Python objects; MalformedRequest."""
    if len(text) <= PIECE_BYTES:
        return _decode(text)
    opening = _OPENING.match(text)[1]  # type: ignore[index]
    if opening == _ARRAY:
        return _decode_array(text)
    if opening == _OBJECT:
        return _decode_object(text)
    return _decode(text)


def convert_plain(fields: Mapping[str, Any], kind: Any) -> Any:
    """Return decoded fields as a Struct; MalformedRequest as its decoder would raise it."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise MalformedRequest(str(error)) from error


def _decode_array(text: bytes) -> list[Any]:
    items: list[Any] = []
    for start, end, value in split(text, 0, len(text), PIECE_BYTES, _MOST_PIECES).tolist():
        if value >= 0:
            items.append(decode_plain(text[value:end]))
        else:
            items += _decode(b"[%b]" % text[start:end])
    return items


def _decode_object(text: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for start, end, value in split(text, 0, len(text), PIECE_BYTES, _MOST_PIECES).tolist():
        if value >= 0:
            fields[_key(text[start:value])] = decode_plain(text[value:end])
        else:
            fields.update(_decode(b"{%b}" % text[start:end]))
    return fields


def _key(text: bytes) -> str:
    """Return the name in a member's text up to its value: a JSON string, spaces, a colon."""
    key = _decode(text.rstrip()[:-1])
    return key if isinstance(key, str) else str(key)


def _decode(text: bytes) -> Any:
    try:
        return _any.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise MalformedRequest(str(error)) from error
