"""What names a point? An unsigned 64-bit integer, a UUID, or any other string.

Inside, an id is its *key*: one tag byte and 8 bytes big-endian, or one tag byte and 16 bytes, so
that keys sort as Qdrant lists points: integers first, then UUIDs. Any other string is the UUIDv5 of
its text in a namespace of ours; whoever stores the key keeps the text beside it.
"""

import re
import uuid
from operator import index
from typing import TypeAlias

from ruvector.errors import BadInput

PointId: TypeAlias = int | str

INTEGER_TAG = 0
NAMESPACE = uuid.UUID("6a1c8d1e-5d0b-5f7e-9d1b-6f2f3b0f7c11")  # random, fixed for ever
_SHOWN_BITS = 128
MAX_STRING_BYTES = 4096  # longer strings are contents, not names
_HYPHENED = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_is_uuid = re.compile(
    rf"[0-9a-fA-F]{{32}}|{_HYPHENED}|\{{{_HYPHENED}\}}|urn:uuid:{_HYPHENED}"
).fullmatch


def id_key(value: PointId | uuid.UUID) -> bytes:
    """Return the sortable key of an id. BadInput for anything that is not one."""
    if type(value) is int:
        if 0 <= value < 2**64:
            return b"\0" + value.to_bytes(8, "big")
        raise BadInput(f"point id {shown(value)} is outside 0 .. 2^64 - 1")
    if isinstance(value, str):
        parsed = parse_uuid(value)
        if parsed is not None:
            return b"\1" + parsed
        if not value:
            raise BadInput("a point id must not be an empty string")
        if len(value.encode("utf-8", "surrogatepass")) > MAX_STRING_BYTES:
            raise BadInput(f"point id of {len(value)} characters; at most {MAX_STRING_BYTES} bytes")
        try:
            return b"\1" + uuid.uuid5(NAMESPACE, value).bytes
        except UnicodeEncodeError as error:
            raise BadInput("a point id must be valid Unicode text") from error
    if isinstance(value, uuid.UUID):
        return b"\1" + value.bytes
    if not isinstance(value, bool):
        try:
            return id_key(index(value))  # numpy integers
        except TypeError:
            pass
    raise BadInput(f"point id {value!r} is neither an unsigned integer nor a string")


def id_from_key(key: bytes) -> PointId:
    """Return the integer or the hyphened UUID that a key stands for."""
    if key[0] == INTEGER_TAG:
        return int.from_bytes(key[1:], "big")
    text = key[1:].hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def original_text(value: PointId | uuid.UUID, key: bytes) -> str | None:
    """Return the text that must be kept beside the key, or None where the key tells it all."""
    if isinstance(value, str) and value != id_from_key(key):
        return value
    return None


def parse_uuid(text: str) -> bytes | None:
    """Return the 16 bytes of a UUID in any of its four spellings, or None."""
    if not _is_uuid(text):
        return None
    return bytes.fromhex(text.removeprefix("urn:uuid:").strip("{}").replace("-", ""))


def shown(value: object) -> object:
    """Return a value as a message may show it: Python refuses to print the largest integers."""
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return f"of {value.bit_length()} bits"
    return value


def wire_id(value: PointId) -> PointId:
    """Return the id as a plain Qdrant client may see it: an integer or a hyphened UUID."""
    if isinstance(value, int):
        return value
    return id_from_key(id_key(value))


def parse_wire_id(value: PointId) -> PointId:
    """Return an id from a plain Qdrant client unchanged; BadInput unless integer or UUID."""
    if isinstance(value, str) and parse_uuid(value) is None:
        raise BadInput(
            f"value {value} is not a valid point ID, "
            "valid values are either an unsigned integer or a UUID"
        )
    if isinstance(value, int) and not 0 <= value < 2**64:
        raise BadInput(
            f"value {shown(value)} is not a valid point ID, "
            "valid values are either an unsigned integer or a UUID"
        )
    return value
