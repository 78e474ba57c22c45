"""How is a point kept beside its vectors? One record a row: version, expiry, id, payload.

    version  uint64 LE   sequence of the write that last changed the point
    id size  uint8       9 for an integer, 17 for a UUID; plus 128 where an expiry follows
    expiry   uint64 LE   from when on the point is gone, in milliseconds since 1970; only if it is
    id       bytes       the id's key (model.ids)
    text     uint16 LE   length of the id's original text, 0 where the key tells it all
             bytes       UTF-8
    payload  bytes       JSON text to the end, empty for none

Records are pure bytes to the store, which adds the checksum. Format page: docs/formats/store.md.
"""

import struct
from typing import NamedTuple, cast

from ruvector.errors import StorageDamaged
from ruvector.kernel import read_hits
from ruvector.model.ids import PointId, id_from_key

_HEAD = struct.Struct("<QB")
_TEXT = struct.Struct("<H")
_EXPIRY = struct.Struct("<Q")
_EXPIRES = 0x80
_KEY_SIZES = (9, 17)
_NO_TEXT = _TEXT.pack(0)


class PointRecord(NamedTuple):
    """A decoded record. `payload` is JSON text, b"" for none; `expiry` in milliseconds since 1970,
    0 for never.
    """

    version: int
    key: bytes
    text: str | None
    payload: bytes
    expiry: int = 0

    @property
    def id(self) -> PointId:
        """Return the id as it was given."""
        return id_from_key(self.key) if self.text is None else self.text


def encode_record(
    version: int, key: bytes, text: str | None, payload: bytes | None, expiry: int = 0
) -> bytes:
    """Return the bytes of a record."""
    if expiry:
        head = _HEAD.pack(version, len(key) | _EXPIRES) + _EXPIRY.pack(expiry) + key
    else:
        head = _HEAD.pack(version, len(key)) + key
    if text is None:
        return head + _NO_TEXT + (payload or b"")
    encoded = text.encode()
    return head + _TEXT.pack(len(encoded)) + encoded + (payload or b"")


def decode_hits(records: list[bytes]) -> list[tuple[PointId, int, bytes]]:
    """Return (id, version, payload) of each record: the short way for the hits of a search."""
    hits = read_hits(records)
    if None not in hits:
        return cast("list[tuple[PointId, int, bytes]]", hits)
    pairs = zip(hits, records, strict=True)
    return [_decode_hit(data) if hit is None else hit for hit, data in pairs]


def _decode_hit(data: bytes) -> tuple[PointId, int, bytes]:
    record = decode_record(data)
    return record.id, record.version, record.payload


def payload_of(data: bytes) -> bytes:
    """Return the payload of a record's bytes, which a reader has checked: the short way."""
    size = data[8]
    end = 9 + size if size < _EXPIRES else 17 + size - _EXPIRES
    return data[end + 2 + (data[end] | data[end + 1] << 8) :]


def expiry_of(data: bytes) -> int:
    """Return the expiry of a record's bytes, which a reader has checked; 0 for never."""
    return 0 if data[8] < _EXPIRES else int(_EXPIRY.unpack_from(data, 9)[0])


def decode_record(data: bytes) -> PointRecord:
    """Return the record of these bytes; StorageDamaged where they are not one."""
    try:
        version, size = _HEAD.unpack_from(data)
        first, expiry = 9, 0
        if size >= _EXPIRES:
            first, size = 17, size - _EXPIRES
            (expiry,) = _EXPIRY.unpack_from(data, 9)
        start = first + size
        (length,) = _TEXT.unpack_from(data, start)
        end = start + 2 + length
        if size not in _KEY_SIZES or end > len(data):
            raise ValueError("a size is wrong")
        text = bytes(data[start + 2 : end]).decode() if length else None
        return PointRecord(version, bytes(data[first:start]), text, bytes(data[end:]), expiry)
    except (struct.error, ValueError) as error:
        raise StorageDamaged(f"a point's record of {len(data)} bytes cannot be read") from error
