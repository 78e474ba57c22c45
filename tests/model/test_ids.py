"""What may name a point, how do ids sort, and do they come back as they were given?"""

import enum
import uuid
from typing import Any

import numpy as np
import pytest

from ruvector.errors import BadInput
from ruvector.model.ids import (
    MAX_STRING_BYTES,
    id_from_key,
    id_key,
    original_text,
    parse_uuid,
    parse_wire_id,
    wire_id,
)

ID = uuid.UUID("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
CANONICAL = str(ID)


class Number(enum.IntEnum):
    SEVEN = 7


@pytest.mark.parametrize("value", [0, 1, 255, 2**32, 2**63, 2**64 - 1])
def test_integer_comes_back_from_its_key(value: int) -> None:
    assert id_from_key(id_key(value)) == value
    assert original_text(value, id_key(value)) is None


def test_keys_sort_integers_by_size_and_before_uuids() -> None:
    ids: list[Any] = [0, 1, 255, 256, 2**63, 2**64 - 1, str(uuid.UUID(int=0)), CANONICAL]
    ids.append(str(uuid.UUID(int=2**128 - 1)))
    keys = [id_key(value) for value in ids]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "spelling",
    [
        CANONICAL,
        CANONICAL.upper(),
        ID.hex,
        ID.hex.upper(),
        "{" + CANONICAL + "}",
        "urn:uuid:" + CANONICAL,
        "urn:uuid:" + CANONICAL.upper(),
    ],
)
def test_every_spelling_of_a_uuid_is_the_same_id_and_comes_back_as_given(spelling: str) -> None:
    key = id_key(spelling)
    assert key == id_key(ID) == b"\1" + ID.bytes
    assert (original_text(spelling, key) or id_from_key(key)) == spelling
    assert wire_id(spelling) == CANONICAL


@pytest.mark.parametrize(
    "text",
    [
        "0x" + "a" * 30,
        "a_" * 15 + "aa",
        " " + "a" * 31,
        "\uff11" * 32,
        "-" * 6 + "a" * 32,
        "{" + "a" * 32 + "}",
        "0x1b2c3d" + CANONICAL[8:],
        "{" + CANONICAL,
        "URN:UUID:" + CANONICAL,
        CANONICAL + "\n",
        CANONICAL.replace("-", "_"),
        ID.hex[:-1] + "g",
    ],
)
def test_text_that_only_resembles_a_uuid_is_an_id_of_its_own(text: str) -> None:
    assert parse_uuid(text) is None
    key = id_key(text)
    assert original_text(text, key) == text
    with pytest.raises(BadInput, match="not a valid point ID"):
        parse_wire_id(text)


def test_text_of_a_number_is_not_that_number() -> None:
    assert id_key("1") != id_key(1)
    assert original_text("1", id_key("1")) == "1"


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64, np.uint64])
def test_numpy_integer_is_the_integer(kind: type) -> None:
    assert id_key(kind(7)) == id_key(7)


def test_enumeration_of_integers_is_the_integer() -> None:
    assert id_key(Number.SEVEN) == id_key(7)


@pytest.mark.parametrize(
    "value",
    [
        -1,
        2**64,
        10**5000,
        -(10**5000),
        True,
        False,
        np.True_,
        1.0,
        1.5,
        np.float64(1.0),
        np.array(1.7),
        b"abc",
        bytearray(b"abc"),
        None,
        [],
        {},
        object(),
        "",
        "\ud800",
        "x" * (MAX_STRING_BYTES + 1),
        "\u00e9" * (MAX_STRING_BYTES // 2 + 1),
        np.int64(-1),
    ],
    ids=lambda value: f"{type(value).__name__} {str(value)[:8] if type(value) is not int else ''}",
)
def test_what_is_no_id_is_refused(value: Any) -> None:
    with pytest.raises(BadInput, match="point id"):
        id_key(value)


@pytest.mark.parametrize(
    "value",
    [-1, 2**64, 10**5000, "plain text", ""],
    ids=["negative", "2^64", "10^5000", "text", "empty"],
)
def test_plain_client_must_send_integers_or_uuids(value: Any) -> None:
    with pytest.raises(BadInput, match="not a valid point ID"):
        parse_wire_id(value)


def test_longest_string_is_accepted() -> None:
    text = "x" * MAX_STRING_BYTES
    assert original_text(text, id_key(text)) == text
