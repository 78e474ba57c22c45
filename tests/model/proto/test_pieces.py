"""Is a message that is read in pieces the one that protobuf reads in one call?"""

import random

import pytest
from google.protobuf.message import DecodeError

from ruvector.errors import BadInput
from ruvector.model.limits import MAX_LIST
from ruvector.model.proto import pieces, requests
from ruvector.model.proto.pieces import parse
from ruvector.model.proto.plain import shape_of
from ruvector.model.proto.schema import message_class as m

assert requests.REQUESTS  # the import fills the table of shapes


def value(chance, depth=3):
    """Return a random value of a payload."""
    message = m("Value")()
    kind = chance.randrange(6 if depth else 4)
    if kind == 0:
        message.string_value = "word" * chance.randrange(20)
    elif kind == 1:
        message.integer_value = chance.randrange(-(2**40), 2**40)
    elif kind == 2:
        message.double_value = chance.random()
    elif kind == 3:
        message.bool_value = chance.random() < 0.5
    elif kind == 4:
        message.list_value.SetInParent()
        for _ in range(chance.randrange(6)):
            message.list_value.values.add().CopyFrom(value(chance, depth - 1))
    else:
        message.struct_value.SetInParent()
        for number in range(chance.randrange(4)):
            message.struct_value.fields[f"k{number}"].CopyFrom(value(chance, depth - 1))
    return message


def upsert(chance):
    """Return random points."""
    message = m("UpsertPoints")(collection_name="docs", wait=True)
    for number in range(chance.randrange(1, 6)):
        point = message.points.add()
        point.id.num = number
        point.vectors.vector.dense.data.extend(chance.random() for _ in range(30))
        if number % 2:
            point.vectors.vectors.vectors["a"].data.extend([1.0, 2.0, 3.0])
        for key in range(chance.randrange(4)):
            point.payload[f"k{key}"].CopyFrom(value(chance))
    return message


def count(chance):
    """Return a random filter."""
    message = m("CountPoints")(collection_name="docs", exact=True)
    for clause in (message.filter.must, message.filter.should):
        for _ in range(chance.randrange(4)):
            for number in range(30):
                clause.add().has_id.has_id.add().num = number
            condition = clause.add()
            condition.field.key = "key" * chance.randrange(12)
            condition.field.match.integers.integers.extend(
                chance.choice((1, -1, 300, 2**40)) for _ in range(40)
            )
            inner = clause.add().filter.must_not.add().field
            inner.match.keywords.strings.extend(["word"] * chance.randrange(20))
    return message


@pytest.fixture(params=[1, 7, 40, 200])
def cut(request, monkeypatch):
    """Make pieces so small."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", request.param)


@pytest.mark.parametrize("make", [upsert, count])
def test_message_in_pieces_is_the_same(cut, make):
    chance = random.Random(3)
    for _ in range(40):
        message = make(chance)
        text = message.SerializeToString()
        assert parse(type(message), text) == message
        doubled = text + text  # fields come again: lists grow, the last value counts
        assert parse(type(message), doubled) == type(message).FromString(doubled)


@pytest.mark.parametrize("make", [upsert, count])
def test_damaged_message_in_pieces_is_what_protobuf_makes_of_it(cut, make):
    chance = random.Random(4)
    refused = 0
    for _ in range(300):
        message = make(chance)
        damaged = bytearray(message.SerializeToString())
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        text = bytes(damaged[: chance.randrange(1, len(damaged) + 1)])
        try:
            expected = type(message).FromString(text)
        except DecodeError:
            refused += 1
            with pytest.raises(DecodeError):
                parse(type(message), text)
        else:
            assert parse(type(message), text) == expected
    assert refused > 30


def test_entry_of_a_map_that_comes_again_takes_the_place_of_the_first(cut):
    first, second = m("UpsertPoints")(), m("UpsertPoints")()
    one, two = first.points.add().payload["a"], second.points.add().payload["a"]
    one.struct_value.fields["x"].string_value = "long" * 20
    two.struct_value.fields["y"].string_value = "long" * 20
    texts = [each.points[0].SerializeToString() for each in (first, second)]
    point = m("PointStruct")
    found = parse(point, b"".join(texts))
    assert found == point.FromString(b"".join(texts))
    assert list(found.payload["a"].struct_value.fields) == ["y"]


def test_list_of_numbers_beyond_any_limit_is_refused_before_it_is_read():
    message = m("CountPoints")()
    integers = message.filter.must.add().field.match.integers.integers
    integers.extend([7] * MAX_LIST)
    assert parse(m("CountPoints"), message.SerializeToString()) == message
    integers.append(7)
    with pytest.raises(BadInput, match="integers has more than 1048576 values"):
        parse(m("CountPoints"), message.SerializeToString())


def test_long_lists_are_told_as_short_ones_are():
    words = m("RepeatedStrings")(strings=[str(number) for number in range(40_000)])
    assert shape_of("RepeatedStrings").read(words) == list(words.strings)
    indices = m("SparseIndices")(data=range(40_000))
    assert shape_of("SparseIndices").read(indices).tolist() == list(range(40_000))


def test_filter_with_too_many_conditions_is_refused_before_it_is_read():
    message = m("Filter")()
    inner = message.must.add().filter
    for _ in range(65_535):
        inner.should.add().is_null.key = "a"
    assert len(shape_of("Filter").read(message)["must"][0]["should"]) == 65_535
    inner.should.add()
    with pytest.raises(BadInput, match="more than 65536 conditions"):
        shape_of("Filter").read(message)
