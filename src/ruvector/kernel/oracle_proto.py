"""What should the kernel answer about points as messages? The same, on top of decoded JSON.

Slow and obvious on purpose, like `oracle`; nothing in the product calls this module.
"""

import json
import struct
from collections.abc import Sequence
from typing import Any

WHOLE = range(-(2**63), 2**63)


def encode_points(
    field: int,
    ids: Sequence[int | str],
    payloads: Sequence[bytes | None],
    scores: Sequence[float] | None,
    versions: Sequence[int] | None,
    rest: Sequence[bytes] | None,
    most_levels: int,
) -> bytes:
    """Return the points one by one."""
    out = b""
    for i, point_id in enumerate(ids):
        text = payloads[i]
        payload = {} if text is None else json.loads(text)
        if text is not None and levels_of(payload) > most_levels:
            raise ValueError(f"point {i}: it is nested deeper than gRPC's readers follow")
        is_number = isinstance(point_id, int)
        body = _part(1, b"\x08" + varint(point_id) if is_number else _part(2, point_id.encode()))  # type: ignore[arg-type, union-attr]
        try:
            body += _entries(2, payload)
        except OverflowError as error:
            words = "it has an integer that no number of gRPC can hold"
            raise ValueError(f"point {i}: {words}") from error
        if scores is not None and versions is not None:
            body += b"\x1d" + struct.pack("<f", scores[i]) + b"\x28" + varint(versions[i])
        out += _part(field, body + (b"" if rest is None else rest[i]))
    return out


def levels_of(value: Any) -> int:
    """Return how many messages within each other a value takes."""
    if isinstance(value, dict):
        return 3 + max(map(levels_of, value.values()), default=0)
    if isinstance(value, list):
        return 2 + max(map(levels_of, value), default=0)
    return 0


def varint(number: int) -> bytes:
    """Return 7 bits a byte, the lowest first."""
    if number < 0x80:
        return bytes((number,))
    return bytes((number & 0x7F | 0x80,)) + varint(number >> 7)


def _part(field: int, body: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(body)) + body


def _entries(field: int, values: dict[str, Any]) -> bytes:
    return b"".join(
        _part(field, _part(1, key.encode()) + _part(2, _value(value)))
        for key, value in values.items()
    )


def _value(value: Any) -> bytes:
    match value:
        case None:
            return b"\x08\x00"
        case bool():
            return b"\x28" + bytes((value,))
        case int() if value in WHOLE:
            return b"\x18" + varint(value % 2**64)
        case int() | float():
            return b"\x11" + struct.pack("<d", float(value))
        case str():
            return _part(4, value.encode())
        case list():
            return _part(7, b"".join(_part(1, _value(item)) for item in value))
    return _part(6, _entries(1, value))


def split_message(text: bytes, begin: int, end: int, most: int) -> list[tuple[int, ...]]:
    """Return the pieces field by field."""
    pieces: list[tuple[int, ...]] = []
    start = at = begin
    while at < end and (found := _field_at(text, at, end)):
        number, content, stop, is_bytes = found
        if is_bytes and stop - content > most:
            pieces += [(0, start, start, at)] * (at > start) + [(number, at, content, stop)]
            start = stop
        elif stop - start > most:
            pieces += [(0, start, start, at)] * (at > start)
            start = at
        at = stop
    return pieces + [(0, start, start, end)] * (end > start)


def _field_at(text: bytes, at: int, end: int) -> tuple[int, int, int, bool] | None:
    """Return number, content and end of a field, and whether it is of bytes; None for none."""
    try:
        tag, at = _varint_at(text, at, end)
        number, kind = tag >> 3, tag & 7
        if not number or tag >> 32:
            return None
        size = {0: 0, 1: 8, 5: 4}.get(kind, -1)
        if kind in (0, 2):
            value, at = _varint_at(text, at, end)
            size = value if kind == 2 else 0
    except IndexError:
        return None
    if size < 0 or size > end - at:
        return None
    return number, at, at + size, kind == 2


def _varint_at(text: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        if at >= end:
            raise IndexError
        byte = text[at]
        at += 1
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value & 2**64 - 1, at
    raise IndexError
