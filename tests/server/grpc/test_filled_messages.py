"""Is no message too strange? Those of every procedure, with any field set to anything it takes."""

import random

import grpc
import pytest
from tests.server.grpc.test_bad_input import ALLOWED, PROCEDURES

from ruvector.model.proto.schema import message_class as m

LEVELS = 6
CALLS = 1200
WHOLE = (0, 1, 2, 4, 7, -1, 2**31 - 1, 2**32 - 1, 2**63 - 1)
REAL = (0.0, 1.0, -1.5, 1e30, float("nan"), float("inf"))
TEXTS = ("", "a", "filled", "*", "2020-01-01", "550e8400-e29b-41d4-a716-446655440000", "x" * 70)


def scalar(field, chance):
    """Return something that a field may be set to; not everything fits it."""
    if field.enum_type is not None:
        return chance.choice((0, 1, 2, 3, 99))
    if field.type == field.TYPE_BYTES:
        return b"\xff"
    kinds = {
        field.CPPTYPE_STRING: TEXTS,
        field.CPPTYPE_BOOL: (True, False),
        field.CPPTYPE_FLOAT: REAL,
        field.CPPTYPE_DOUBLE: REAL,
    }
    return chance.choice(kinds.get(field.cpp_type, WHOLE))


def fill(message, chance, level=0):
    """Set about a third of a message's fields."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() < 0.55 + 0.05 * level:
            continue
        try:
            fill_field(message, field, chance, level)
        except (TypeError, ValueError):
            continue  # it does not fit


def fill_field(message, field, chance, level):
    kind = field.message_type
    if kind is None and not field.is_repeated:
        setattr(message, field.name, scalar(field, chance))
        return
    target = getattr(message, field.name)
    if kind is None:
        target.extend(scalar(field, chance) for _ in range(chance.randrange(1, 4)))
    elif level == LEVELS:
        return
    elif kind.GetOptions().map_entry:
        value = kind.fields_by_name["value"]
        key = chance.choice(TEXTS)
        if value.message_type is None:
            target[key] = scalar(value, chance)
        else:
            fill(target[key], chance, level + 1)
    elif field.is_repeated:
        for _ in range(chance.randrange(1, 4)):
            fill(target.add(), chance, level + 1)
    else:
        target.SetInParent()
        fill(target, chance, level + 1)


@pytest.mark.parametrize("seed", [11, 12])
def test_filled_message_never_fails_the_server(grpc_server, seed):
    chance = random.Random(seed)
    create = m("CreateCollection")(collection_name="filled")
    create.vectors_config.params.size, create.vectors_config.params.distance = 4, 3
    kinds = [each for path, each in PROCEDURES.items() if "napshot" not in path]
    wrong = []
    with grpc.insecure_channel(grpc_server.grpc_url) as channel:
        for number in range(CALLS):
            if number % 100 == 0:  # messages delete it, too
                call(channel, "/qdrant.Collections/Create", create)
            procedure = chance.choice(kinds)
            message = procedure.asked()
            fill(message, chance)
            if hasattr(message, "collection_name") and chance.random() < 0.8:
                message.collection_name = "filled"
            code, text = call(channel, procedure.path, message)
            if code not in ALLOWED:
                wrong.append((procedure.path, code, text, message))
        for each in ("filled", *TEXTS[1:]):
            call(channel, "/qdrant.Collections/Delete", m("DeleteCollection")(collection_name=each))
    assert wrong == []


def call(channel, path, message):
    """Return the code of a call and its text."""
    try:
        channel.unary_unary(path)(message.SerializeToString(), timeout=60)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""
