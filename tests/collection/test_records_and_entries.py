"""Do a point's record and a log entry come back, and is damage told from data?"""

from typing import Any

import msgspec
import numpy as np
import pytest

from ruvector.collection.entries import (
    Entry,
    Payloads,
    Put,
    Remove,
    Schema,
    VectorColumn,
    decode_entry,
    encode_entry,
)
from ruvector.collection.records import decode_record, encode_record, expiry_of, payload_of
from ruvector.errors import StorageDamaged
from ruvector.model.ids import id_key, original_text

UUID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"


@pytest.mark.parametrize("expiry", [0, 1, 2**62])
@pytest.mark.parametrize("payload", [None, b'{"a":1}', b'{"\xc3\xbc":[null]}'])
@pytest.mark.parametrize("point_id", [0, 2**64 - 1, UUID, UUID.upper(), "1", "x" * 4096, "ü\0"])
def test_record_comes_back(point_id: int | str, payload: bytes | None, expiry: int) -> None:
    key = id_key(point_id)
    encoded = encode_record(2**63, key, original_text(point_id, key), payload, expiry)
    record = decode_record(encoded)
    assert (record.id, record.version, record.key) == (point_id, 2**63, key)
    assert record.payload == (payload or b"") == payload_of(encoded)
    assert record.expiry == expiry == expiry_of(encoded)


@pytest.mark.parametrize("expiry", [0, 5])
@pytest.mark.parametrize("point_id", [7, UUID, "text of an id"])
def test_record_cut_anywhere_before_its_payload_is_damaged(
    point_id: int | str, expiry: int
) -> None:
    key = id_key(point_id)
    whole = encode_record(5, key, original_text(point_id, key), None, expiry)
    for length in range(len(whole)):
        with pytest.raises(StorageDamaged, match=f"record of {length} bytes"):
            decode_record(whole[:length])


@pytest.mark.parametrize("size", [0, 1, 8, 16, 255])
def test_record_with_a_key_of_no_id_is_damaged(size: int) -> None:
    with pytest.raises(StorageDamaged):
        decode_record(bytes(8) + bytes([size]) + bytes(400))


def test_record_whose_text_is_no_utf8_is_damaged() -> None:
    whole = bytearray(encode_record(5, id_key("ab"), "ab", None))
    whole[-1] = 0xFF
    with pytest.raises(StorageDamaged):
        decode_record(bytes(whole))


def column(name: str, rows: Any, positions: Any = None) -> VectorColumn:
    """Return the column of these vectors."""
    array = np.array(rows, dtype=np.float32)
    where = None if positions is None else memoryview(np.array(positions, np.uint32)).cast("B")  # type: ignore[arg-type]
    return VectorColumn(name, array.dtype.str, array.shape[1], array.data.cast("B"), where)


DEAD = memoryview(np.array([3, 2**32 - 2], dtype=np.uint32)).cast("B")  # type: ignore[arg-type]
ENTRIES: list[Entry] = [
    Put(7, [id_key(1), id_key("x")], {1: "x"}, [None, b"{}"], [column("a", [[1, 2]], [1])], DEAD),
    Put(0, [], {}, None, [], memoryview(b"")),
    Remove([id_key(1)], DEAD),
    Payloads(DEAD, [id_key(1), id_key(2)], [b'{"a":1}', None]),
    Schema("a.b", {"type": "integer", "range": True}),
    Schema("a", None),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry).__name__)
def test_entry_comes_back(entry: Entry) -> None:
    assert plain(decode_entry(encode_entry(entry))) == plain(entry)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry).__name__)
def test_entry_cut_anywhere_is_damaged(entry: Entry) -> None:
    whole = encode_entry(entry)
    for length in range(len(whole)):
        with pytest.raises(StorageDamaged, match=f"log entry of {length} bytes"):
            decode_entry(whole[:length])


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry).__name__)
def test_entry_with_any_flipped_bit_is_read_or_damaged_and_nothing_else(entry: Entry) -> None:
    whole = encode_entry(entry)
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit >> 3] ^= 1 << (bit & 7)
        try:
            decode_entry(bytes(changed))
        except StorageDamaged:
            continue


def plain(value: Any) -> Any:
    """Return an entry as values that compare."""
    if isinstance(value, msgspec.Struct):
        fields = (getattr(value, name) for name in value.__struct_fields__)
        return [type(value).__name__, *map(plain, fields)]
    if isinstance(value, list):
        return [plain(item) for item in value]
    return bytes(value) if isinstance(value, memoryview) else value
