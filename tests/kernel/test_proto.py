"""Points as messages: the kernel against plain Python, and against protobuf's own reader."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvector.kernel import encode_points, oracle_proto, split_message
from ruvector.model.proto.schema import message_class
from ruvector.model.proto.values import read_values

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=30
)
PAYLOADS = st.dictionaries(TEXTS, VALUES, max_size=5)
IDS = st.integers(0, 2**64 - 1) | TEXTS
POINTS = st.lists(
    st.tuples(
        IDS, st.none() | PAYLOADS, st.floats(width=32, allow_nan=False), st.integers(0, 2**63)
    ),
    max_size=4,
)


@given(POINTS, st.integers(1, 300), st.booleans(), st.booleans(), st.booleans())
def test_points_are_encoded_as_plain_python_does(
    points: Any, field: int, is_scored: bool, is_escaped: bool, has_rest: bool
) -> None:
    ids = [point[0] for point in points]
    texts = [
        None
        if point[1] is None
        else json.dumps(
            point[1], ensure_ascii=is_escaped, indent=1 if is_escaped else None
        ).encode()
        for point in points
    ]
    scores = [point[2] for point in points] if is_scored else None
    versions = [point[3] for point in points] if is_scored else None
    rest = [bytes((0x42, 2, 8, i)) for i in range(len(points))] if has_rest else None
    found = encode_points(field, ids, texts, scores, versions, rest, 94)
    assert found == oracle_proto.encode_points(field, ids, texts, scores, versions, rest, 94)


@given(PAYLOADS)
def test_protobuf_reads_what_was_written(payload: Any) -> None:
    text = encode_points(1, [7], [json.dumps(payload).encode()], [0.5], [3], None, 94)
    (point,) = message_class("QueryResponse").FromString(text).result
    expected = json.loads(json.dumps(payload), parse_int=_as_protobuf)
    assert read_values(point.payload) == expected
    assert (point.id.num, point.score, point.version) == (7, 0.5, 3)


def _as_protobuf(text: str) -> int | float:
    return int(text) if int(text) in oracle_proto.WHOLE else float(text)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16383, 16384, 2_100_000])
def test_sizes_of_every_length_are_told(size: int) -> None:
    text = json.dumps({"a": ["x" * size, '\\"' * (size // 2)]}).encode()
    columns = (["id"], [text], None, None, None, 94)
    assert encode_points(2, *columns) == oracle_proto.encode_points(2, *columns)


@pytest.mark.parametrize(
    ("payload", "levels"),
    [({}, 3), ({"a": 1}, 3), ({"a": {}}, 6), ({"a": []}, 5), ({"a": [[{"b": [1]}]]}, 12)],
)
def test_depth_is_counted_in_messages(payload: Any, levels: int) -> None:
    assert oracle_proto.levels_of(payload) == levels
    texts: Any = [json.dumps(payload).encode()]
    assert encode_points(1, [1], texts, None, None, None, levels)
    for encode in (encode_points, oracle_proto.encode_points):
        with pytest.raises(ValueError, match="point 0: it is nested deeper"):
            encode(1, [1], texts, None, None, None, levels - 1)


def test_an_integer_beyond_every_double_is_refused_by_its_point() -> None:
    texts: Any = [b"{}", b'{"a":[1%s]}' % (b"0" * 400)]
    for encode in (encode_points, oracle_proto.encode_points):
        with pytest.raises(ValueError, match="point 1: it has an integer"):
            encode(1, [1, 2], texts, None, None, None, 94)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"[]", b"1", b"{", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,', b'{"a":1,}', b"{a:1}"),
        *(b'{"a":1}x', b'{"a":[1', b'{"a":[1,]}', b'{"a":[1 2]}', b'{"a":tru}', b'{"a":1.}x'),
        *(b'{"a":"\\x"}', b'{"a":"\\u12"}', b'{"a":"\\ud800"}', b'{"a":"\\ud800\\u0041"}'),
        *(b'{"a":"\\', b'{"a":"\\udc00"}', b'{"a":-}', b'{"a":--1}', b'{"a" 1}', b"{1:2}"),
    ],
)
def test_what_is_no_object_is_refused_and_never_read_beyond(text: bytes) -> None:
    if text == b"":
        assert encode_points(1, [1], [text], None, None, None, 94) == b"\x0a\x04\x0a\x02\x08\x01"
        return
    with pytest.raises(ValueError, match="point 0: it is not valid JSON"):
        encode_points(1, [1], [text], None, None, None, 94)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        encode_points(1, [1, 2], [None], None, None, None, 94)
    with pytest.raises(ValueError, match="one length"):
        encode_points(1, [1], [None], [0.5], [1, 2], None, 94)


@pytest.mark.parametrize("wrong", [-1, 2**64, 1.5, None, b"a"])
def test_what_is_no_id_is_refused(wrong: Any) -> None:
    with pytest.raises((TypeError, OverflowError)):
        encode_points(1, [wrong], [None], None, None, None, 94)


FIELDS = st.lists(
    st.tuples(st.integers(1, 2**29 - 1), st.sampled_from([0, 1, 2, 5]), st.integers(0, 2**64 - 1)),
    max_size=12,
)


def _encoded(fields: Any) -> bytes:
    out = b""
    for number, kind, value in fields:
        out += oracle_proto.varint(number << 3 | kind)
        if kind == 0:
            out += oracle_proto.varint(value)
        elif kind == 2:
            out += oracle_proto.varint(value % 40) + b"x" * (value % 40)
        else:
            out += b"y" * (8 if kind == 1 else 4)
    return out


@given(FIELDS, st.integers(1, 60), st.binary(max_size=12), st.integers(0, 3))
def test_messages_are_cut_as_plain_python_does(
    fields: Any, most: int, noise: bytes, begin: int
) -> None:
    text = b"\x08" * begin + _encoded(fields) + noise
    found = split_message(text, begin, len(text), most)
    assert found == oracle_proto.split_message(text, begin, len(text), most)
    edges = [begin, *(piece[3] for piece in found)]
    assert [piece[1] for piece in found] == edges[:-1]
    assert edges[-1] == len(text)


def test_places_outside_of_a_message_are_refused() -> None:
    for begin, end in ((0, 3), (2, 1)):
        with pytest.raises(ValueError, match="within"):
            split_message(b"\x08\x01", begin, end, 10)
