"""Are large JSON texts split and checked as the oracle does, and as the decoder would?"""

import json
import random

import msgspec
import numpy as np
import pytest

from ruvector.kernel import (
    check_json_rows,
    oracle_json,
    parse_float_rows,
    scan_json,
    split_json,
    split_points,
)

HUGE = 2**40
CONTAINERS = [
    b"[]",
    b" [ ] ",
    b"{}",
    b"[1]",
    b"[1,2 , 3]",
    b'["a,]",[1,[2]],{"x":[3]},null ]',
    b'{"a":1}',
    b'{ "a" : 1 , "b":[1,2,{"c":"}"}] }\n',
    b'{"a\\"]":"\\\\","b":{}}',
    b'["' + b"x" * 70 + b'",' + b"[1.5,2.5]," * 20 + b"0]",
    b'{"' + b"k" * 40 + b'":"' + b'\\"' * 33 + b'","b":' + b"[" * 9 + b"]" * 9 + b"}",
]
NO_CONTAINERS = [
    b"",
    b" ",
    b"1",
    b"x",
    b'"[]"',
    b"[",
    b"{",
    b"[1",
    b"[1,",
    b"[1,]",
    b"[,1]",
    b"[1 2]",
    b"[1]]",
    b"[1]x",
    b"[1}",
    b"{1:2}",
    b'{"a"}',
    b'{"a":}',
    b'{"a":1,}',
    b'{"a" 1}',
    b'{"a',
    b'["a]',
    b'["\\"]',
]
VALUES = [
    b"{}",
    b"[]",
    b' {"a" : [1, -2.5e3, true, false, null, "x"]} ',
    b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00"',
    b"-0",
    b"0.0e99999999999999999999",
    b"1e-400",
    b"1e308",
    b"0." + b"0" * 400 + b"1e400",
    b"1" * 309 + b".5",
    b"9" * 4300,
    b"[" * 512 + b"]" * 512,
    '"\u00e9\U0001f600\x7f"'.encode(),
]
NO_VALUES = [
    b"",
    b" ",
    b"nul",
    b"nulll",
    b"truefalse",
    b"NaN",
    b"Infinity",
    b"-",
    b"01",
    b"+1",
    b".5",
    b"1.",
    b"1.e5",
    b"1e",
    b"1e+",
    b"1e309",
    b"-1e309",
    b"0.001e400",
    b"1" * 310 + b".5",
    b"9" * 4301,
    b"[1,]",
    b"[1 2]",
    b"[1}",
    b"[1]]",
    b"[1",
    b'{"a":1,}',
    b"{a:1}",
    b'{"a"}',
    b'{"a":1 "b":2}',
    b"{1:2}",
    b'"',
    b'"\x1f"',
    b'"\t"',
    b'"\\x"',
    b'"\\',
    b'"\\u00g0"',
    b'"\\u00',
    b'"\\ud800"',
    b'"\\ud800x"',
    b'"\\udc00"',
    b'"\\ud800\\u0041"',
    b'{"\\ud800":1}',
    b"[" * 513 + b"]" * 513,
]


def whole(text: bytes) -> np.ndarray:
    """Return the place of all of a text."""
    return np.array([[0, len(text)]], np.int64)


@pytest.mark.parametrize("text", CONTAINERS)
@pytest.mark.parametrize("piece_bytes", [0, 6, 1000])
def test_pieces_are_those_of_the_oracle(text: bytes, piece_bytes: int) -> None:
    for around in (b"", b"[7]"):
        start = len(around)
        given = around + text
        found = split_json(given, start, len(given), piece_bytes, HUGE)
        expected = oracle_json.split_json(given, start, len(given), piece_bytes, HUGE)
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("text", NO_CONTAINERS)
def test_text_that_is_no_container_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="position"):
        split_json(text, 0, len(text), 0, HUGE)
    with pytest.raises((ValueError, KeyError)):
        oracle_json.split_json(text, 0, len(text), 0, HUGE)


def test_too_many_members_and_wrong_ranges_are_refused() -> None:
    assert len(split_json(b"[1,2]", 0, 5, 0, 2)) == 2
    with pytest.raises(ValueError, match="more than 1 members"):
        split_json(b"[1,2]", 0, 5, 0, 1)
    for start, stop in ((0, 6), (4, 3)):
        with pytest.raises(ValueError, match="outside"):
            split_json(b"[1,2]", start, stop, 0, 9)


def test_points_are_those_of_the_oracle() -> None:
    points = [
        {"id": 0, "vector": [1, 2], "payload": {"a": "]}"}},
        {"payload": None, "id": 2**64 - 1, "vector": {"a": [1], "b": [2]}},
        {"id": 2**64, "vectors": [3]},
        {"id": "x", "vectors": [4], "vector": [5]},
        {"id": -1, "vector": [4], "vectors": [5]},
        {"id": 1.5},
        {"ttl_seconds": 60, "id": 1, "payload": {}},
    ]
    text = json.dumps(points).encode()
    ids, places = split_points(text, 0, len(text), HUGE)
    expected_ids, expected_places = oracle_json.split_points(text, 0, len(text), HUGE)
    assert ids.tolist() == expected_ids.tolist()
    assert places.tolist() == expected_places.tolist()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{}", "expected an array"),
        (b"[1]", r"points\[0\]: expected an object|position"),
        (b'[{"id":1},[]]', r"points\[1\]: expected an object"),
        (b'[{"id":1},{"vector":[1]}]', r"points\[1\]: missing field `id`"),
        (b'[{"id":1,"colour":2}]', r"points\[0\]: unknown field `colour`"),
        (b'[{"id":1,}]', r"points\[0\]: .*position"),
        (b'[{"id":1}', "position"),
        (b'[{"id":1},{"id":2},{"id":3}]', "more than 2"),
    ],
)
def test_wrong_points_are_named(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        split_points(text, 0, len(text), 2)


@pytest.mark.parametrize("text", VALUES, ids=range(len(VALUES)))
def test_value_that_decodes_passes_with_its_depth(text: bytes) -> None:
    msgspec.json.decode(text)
    assert check_json_rows(text, whole(text)).tolist() == (
        [512] if len(text) == 1024 else oracle_json.check_json_rows(text, whole(text)).tolist()
    )


@pytest.mark.parametrize("text", NO_VALUES, ids=range(len(NO_VALUES)))
def test_value_that_would_not_decode_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="row 0: "):
        check_json_rows(text, whole(text))
    if not text.startswith(b"[["):  # deeper than we allow, not wrong
        with pytest.raises((ValueError, msgspec.DecodeError)):
            msgspec.json.decode(text)


def test_whatever_passes_can_be_decoded() -> None:
    """Damage texts at random: the check may be stricter than the decoder, never looser."""
    generator = random.Random(7)
    alphabet = b'[]{}",:\\u0123456789eE+-. tfnaldD8\x00\x1f\x7f'
    passed = 0
    for _ in range(20_000):
        text = bytearray(generator.choice([v for v in VALUES if len(v) < 100]))
        for _ in range(generator.randint(0, 2)):
            text[generator.randrange(len(text))] = generator.choice(alphabet)
        given = bytes(text)
        try:
            given.decode()  # scan_json's part
            check_json_rows(given, whole(given))
        except ValueError:
            continue
        passed += 1
        msgspec.json.decode(given)
    assert passed > 5_000


def test_rows_are_named_and_places_must_lie_inside() -> None:
    text = b"1 x [2]"
    places = np.array([[0, 1], [4, 7], [2, 3]], np.int64)
    with pytest.raises(ValueError, match="row 2: expected a value"):
        check_json_rows(text, places)
    assert check_json_rows(text, places[:2]).tolist() == [0, 1]
    for place in ([0, 8], [-1, 2], [3, 2]):
        with pytest.raises(ValueError, match="outside"):
            check_json_rows(text, np.array([place], np.int64))
    with pytest.raises(ValueError, match="int64"):
        check_json_rows(text, np.zeros((1, 3), np.int64))


@pytest.mark.parametrize(
    ("text", "position"),
    [
        (b'"\xff"', 1),
        (b'"\xc0\x80"', 1),
        (b'"\xed\xa0\x80"', 1),
        (b'"\xf4\x90\x80\x80"', 1),
        (b'"\xe2\x82"', 1),
        (b'"' + b"a" * 100 + "\u00e9".encode() + b'\x80"', 103),
        (b'"\xe2', 0),
    ],
)
def test_text_that_is_not_utf8_is_refused(text: bytes, position: int) -> None:
    with pytest.raises(ValueError, match=f"position {position}$"):
        scan_json(text, 9, 9)
    with pytest.raises(UnicodeDecodeError):
        text.decode()


def test_every_character_is_utf8() -> None:
    text = "".join(map(chr, [*range(32, 0xD800), *range(0xE000, 0x110000, 97)]))
    scan_json(json.dumps(text, ensure_ascii=False).encode(), 9, 9)


def test_rows_of_numbers_are_parsed_together() -> None:
    text = b" [1,2] [3, 4.5] [-1,0]"
    places = np.array([[1, 6], [7, 15], [16, 22]], np.int64)
    rows = parse_float_rows(text, places, 2)
    assert rows.tolist() == oracle_json.parse_float_rows(text, places, 2).tolist()
    assert parse_float_rows(text, places[:0], 3).shape == (0, 3)
    assert parse_float_rows(b"[]", whole(b"[]"), 0).shape == (1, 0)


@pytest.mark.parametrize(
    ("text", "dim", "reason"),
    [
        (b"[1,2][1,2,3]", 2, "row 1: expected 2 numbers, found 3"),
        (b"[1,2][x]", 1, r"row 0: expected 1 numbers, found 2"),
        (b"[1,2][x,1]", 2, r"row 1: .*position 1"),
        (b"[1,2][1]", 2, "row 1: expected 2 numbers, found 1"),
        (b"[1,2][1]", 1 << 40, "row 0: expected 1099511627776 numbers, found 2"),
    ],
)
def test_a_wrong_row_is_named_with_both_lengths(text: bytes, dim: int, reason: str) -> None:
    places = np.array([[0, 5], [5, len(text)]], np.int64)
    with pytest.raises(ValueError, match=reason):
        parse_float_rows(text, places, dim)
