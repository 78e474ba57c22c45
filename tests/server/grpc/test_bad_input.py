"""Is every wrong call refused with a code of the contract? Never INTERNAL, never a crash."""

import math
import random

import grpc
import pytest

import ruvector
from ruvector.model.proto.rpcs import RPCS, procedures
from ruvector.model.proto.schema import message_class as m

PROCEDURES = {each.path: each for service in RPCS for _, each in procedures(service)}
POINTS, COLLECTIONS = "/qdrant.Points", "/qdrant.Collections"
ALLOWED = {
    *("OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "UNIMPLEMENTED"),
    *("RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "DEADLINE_EXCEEDED"),
}


@pytest.fixture(scope="module")
def send(grpc_server):
    """Return a function (path, bytes) -> (name of the code, its text); collection `bad` exists."""
    channel = grpc.insecure_channel(grpc_server.grpc_url, (("grpc.max_send_message_length", -1),))

    def call(path, body, **options):
        try:
            channel.unary_unary(path)(body, timeout=60, **options)
        except grpc.RpcError as error:
            return error.code().name, error.details()
        return "OK", ""

    params = m("VectorParams")(size=4, distance=3)
    create = m("CreateCollection")(collection_name="bad")
    create.vectors_config.params_map.map[""].CopyFrom(params)
    create.sparse_vectors_config.map["sparse"].SetInParent()
    assert call(f"{COLLECTIONS}/Create", create.SerializeToString()) == ("OK", "")
    assert call(f"{POINTS}/Upsert", upsert([1, 2, 3, 4])) == ("OK", "")
    yield call
    channel.close()


def query(**fields):
    """Return the bytes of a query for the four numbers that are there."""
    message = m("QueryPoints")(collection_name="bad")
    message.query.nearest.dense.data.extend([1, 2, 3, 4])
    for name, value in fields.items():
        part = getattr(message, name)
        if hasattr(part, "CopyFrom"):
            part.CopyFrom(value)
        else:
            setattr(message, name, value)
    return message.SerializeToString()


def upsert(numbers=(1, 2, 3, 4), **point):
    """Return the bytes of an upsert of a point."""
    message = m("UpsertPoints")(collection_name="bad", wait=True)
    one = message.points.add()
    one.id.num = 1
    one.vectors.vector.dense.data.extend(numbers)
    for name, value in point.items():
        one.payload[name].CopyFrom(value)
    return message.SerializeToString()


def conditions(**fields):
    """Return a filter with one condition on a field."""
    found = m("Filter")()
    condition = found.must.add().field
    condition.key = "a"
    for name, value in fields.items():
        getattr(condition, name).CopyFrom(value)
    return found


def nested(depth):
    """Return a filter with as many filters inside each other."""
    found = m("Filter")()
    inside = found
    for _ in range(depth):
        inside = inside.must.add().filter
    inside.must.add().is_empty.key = "a"
    return found


def deep(depth):
    """Return a payload's value of as many lists."""
    value = m("Value")()
    inside = value
    for _ in range(depth):
        inside = inside.list_value.values.add()
    inside.integer_value = 1
    return value


def with_id(path):
    """Return a message of this procedure whose id is empty."""
    message = m("GetPoints")(collection_name="bad")
    message.ids.add()
    return path, message.SerializeToString()


INVALID = "INVALID_ARGUMENT"
CASES = {
    "bytes that are no message": (f"{POINTS}/Query", b"\xff\xff\xff\xff", INVALID, "QueryPoints"),
    "a message cut off": (f"{POINTS}/Upsert", upsert()[:-3], INVALID, "UpsertPoints"),
    "an empty message": (f"{POINTS}/Upsert", b"", INVALID, "name"),
    "no name of a new collection": (f"{COLLECTIONS}/Create", b"", INVALID, "name"),
    "no such collection": (
        f"{POINTS}/Count",
        m("CountPoints")(collection_name="nobody").SerializeToString(),
        "NOT_FOUND",
        "nobody",
    ),
    "no such procedure": (f"{POINTS}/Everything", b"", "UNIMPLEMENTED", ""),
    "what needs a cluster": (f"{COLLECTIONS}/CreateShardKey", b"", "UNIMPLEMENTED", "standalone"),
    "an id that is empty": (*with_id(f"{POINTS}/Get"), INVALID, "num, uuid"),
    "an id that is no UUID": (
        f"{POINTS}/Get",
        m("GetPoints")(collection_name="bad", ids=[m("PointId")(uuid="first")]).SerializeToString(),
        INVALID,
        "first",
    ),
    "a vector of another length": (f"{POINTS}/Upsert", upsert([1, 2]), INVALID, "4"),
    "NaN in a vector": (f"{POINTS}/Upsert", upsert([1, 2, 3, math.nan]), INVALID, "finite"),
    "infinity in a query": (
        f"{POINTS}/Query",
        m("QueryPoints")(
            collection_name="bad",
            query=m("Query")(
                nearest=m("VectorInput")(dense=m("DenseVector")(data=[1, 2, 3, math.inf]))
            ),
        ).SerializeToString(),
        INVALID,
        "finite",
    ),
    "a vector's name that is not there": (
        f"{POINTS}/Query",
        query(using="other"),
        INVALID,
        "other",
    ),
    "NaN in a payload": (
        f"{POINTS}/Upsert",
        upsert(a=m("Value")(double_value=math.nan)),
        INVALID,
        "NaN",
    ),
    "a payload nested too deep": (f"{POINTS}/Upsert", upsert(a=deep(52)), INVALID, "over REST"),
    "a query of no kind": (f"{POINTS}/Query", query(query=m("Query")()), INVALID, "nearest"),
    "a limit of none": (f"{POINTS}/Query", query(limit=0), INVALID, "limit"),
    "a limit beyond all": (f"{POINTS}/Query", query(limit=2**63), INVALID, "limit"),
    "an offset beyond all": (f"{POINTS}/Query", query(offset=2**63), INVALID, "offset"),
    "no time at all": (f"{POINTS}/Query", query(timeout=0), INVALID, "timeout"),
    "a threshold that is no number": (
        f"{POINTS}/Query",
        query(score_threshold=math.nan),
        INVALID,
        "score_threshold",
    ),
    "a condition on nothing": (f"{POINTS}/Query", query(filter=conditions()), INVALID, "condition"),
    "a match of nothing": (
        f"{POINTS}/Query",
        query(filter=conditions(match=m("Match")())),
        INVALID,
        "keyword",
    ),
    "a condition of no kind": (
        f"{POINTS}/Query",
        query(filter=m("Filter")(must=[m("Condition")()])),
        INVALID,
        "has_id",
    ),
    "two ranges in one condition": (
        f"{POINTS}/Query",
        query(filter=conditions(range=m("Range")(gt=1), datetime_range=m("DatetimeRange")())),
        INVALID,
        "datetime_range",
    ),
    "a moment after the year 9999": (
        f"{POINTS}/Query",
        query(
            filter=conditions(
                datetime_range=m("DatetimeRange")(gt=m("google.protobuf.Timestamp")(seconds=2**60))
            )
        ),
        INVALID,
        "9999",
    ),
    "filters nested too deep": (f"{POINTS}/Query", query(filter=nested(49)), INVALID, ""),
    "an unknown distance": (
        f"{COLLECTIONS}/Create",
        m("CreateCollection")(
            collection_name="new",
            vectors_config=m("VectorsConfig")(params=m("VectorParams")(size=4, distance=77)),
        ).SerializeToString(),
        INVALID,
        "77 is no Distance",
    ),
    "no distance": (
        f"{COLLECTIONS}/Create",
        m("CreateCollection")(
            collection_name="new",
            vectors_config=m("VectorsConfig")(params=m("VectorParams")(size=4)),
        ).SerializeToString(),
        INVALID,
        "distance",
    ),
    "vectors of no kind": (
        f"{COLLECTIONS}/Create",
        m("CreateCollection")(
            collection_name="new", vectors_config=m("VectorsConfig")()
        ).SerializeToString(),
        INVALID,
        "params",
    ),
    "a collection that is there": (
        f"{COLLECTIONS}/Create",
        m("CreateCollection")(collection_name="bad").SerializeToString(),
        "ALREADY_EXISTS",
        "bad",
    ),
    "a field's type of nowhere": (
        f"{POINTS}/CreateFieldIndex",
        m("CreateFieldIndexCollection")(
            collection_name="bad", field_name="a", field_type=42
        ).SerializeToString(),
        INVALID,
        "42 is no FieldType",
    ),
    "a selector of nothing": (
        f"{POINTS}/Delete",
        m("DeletePoints")(collection_name="bad", points=m("PointsSelector")()).SerializeToString(),
        INVALID,
        "points, filter",
    ),
    "sparse numbers of two lengths": (
        f"{POINTS}/Query",
        query(
            using="sparse",
            query=m("Query")(
                nearest=m("VectorInput")(sparse=m("SparseVector")(indices=[1, 2], values=[1.0]))
            ),
        ),
        INVALID,
        "length",
    ),
    "a shard's key": (
        f"{POINTS}/Query",
        query(shard_key_selector=m("ShardKeySelector")(shard_keys=[m("ShardKey")(keyword="a")])),
        INVALID,
        "shard_key",
    ),
    "a change of no kind": (
        f"{POINTS}/UpdateBatch",
        m("UpdateBatchPoints")(
            collection_name="bad", operations=[m("PointsUpdateOperation")()]
        ).SerializeToString(),
        INVALID,
        "upsert",
    ),
    "a multi-vector that cannot be cut": (
        f"{POINTS}/Upsert",
        m("UpsertPoints")(
            collection_name="bad",
            points=[
                m("PointStruct")(
                    id=m("PointId")(num=1),
                    vectors=m("Vectors")(vector=m("Vector")(data=[1, 2, 3], vectors_count=2)),
                )
            ],
        ).SerializeToString(),
        INVALID,
        "vectors_count",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_call_is_refused_by_name(send, name):
    path, body, code, words = CASES[name]
    assert send(path, body)[0] == code, send(path, body)
    assert words in send(path, body)[1]


def test_number_beside_unknown_fields_is_still_the_number(send):
    """Fields that we do not know stay in a message's bytes, where vectors are read from."""
    message = m("UpsertPoints").FromString(upsert([1, 2, 3, 4]))
    dense = message.points[0].vectors.vector.dense
    dense.MergeFromString(b"\x7a\x04abcd")  # field 15
    assert send(f"{POINTS}/Upsert", message.SerializeToString()) == ("OK", "")


def within_lists(count):
    value = 1
    for _ in range(count):
        value = [value]
    return value


def reads(collection):
    """Yield each call that answers with payloads, as path and message."""
    vector = m("VectorInput")()
    vector.dense.data.append(1)
    query = m("QueryPoints")(collection_name=collection, limit=1)
    query.query.nearest.CopyFrom(vector)
    groups = m("QueryPointGroups")(collection_name=collection, group_by="g", limit=1)
    groups.query.nearest.CopyFrom(vector)
    search = m("SearchPoints")(collection_name=collection, vector=[1], limit=1)
    yield "Scroll", m("ScrollPoints")(collection_name=collection)
    yield "Get", m("GetPoints")(collection_name=collection, ids=[m("PointId")(num=1)])
    yield from (("Query", query), ("QueryGroups", groups), ("Search", search))
    batch = m("QueryBatchPoints")(collection_name=collection)
    batch.query_points.append(query)
    yield "QueryBatch", batch


@pytest.mark.parametrize(
    ("value", "words"),
    [(within_lists(60), "nested deeper"), ({"a": [10**400]}, "an integer that no number")],
    ids=["deep", "huge"],
)
def test_payload_that_grpc_cannot_say_is_refused_and_not_lost(send, grpc_server, value, words):
    with ruvector.RuvectorClient(url=grpc_server.url) as client:
        client.create_collection("deep", dimensions=1)
        payload = {"g": 1, "a": value}
        client.upsert("deep", [{"id": 1, "vector": [1.0], "payload": payload}])
        for name, message in reads("deep"):
            for part in getattr(message, "query_points", [message]):
                part.with_payload.enable = True
            code, text = send(f"{POINTS}/{name}", message.SerializeToString())
            assert (name, code, words in text, "over REST" in text) == (name, INVALID, True, True)
            for part in getattr(message, "query_points", [message]):
                part.with_payload.enable = False
            assert send(f"{POINTS}/{name}", message.SerializeToString())[0] == "OK"
        assert client.retrieve("deep", [1])[0].payload == payload
        client.delete_collection("deep")


def test_deepest_payload_that_is_answered_is_read_by_protobuf(send, grpc_server):
    with (
        ruvector.RuvectorClient(url=grpc_server.url) as client,
        ruvector.RuvectorClient(grpc_url=grpc_server.grpc_url) as reader,
    ):
        client.create_collection("deep", dimensions=1)
        payload = {"g": 1, "a": within_lists(45)}
        client.upsert("deep", [{"id": 1, "vector": [1.0], "payload": payload}])
        (group,) = reader.query_groups("deep", [1.0], "g")
        assert group.hits[0].payload == payload
        client.delete_collection("deep")


def test_random_bytes_and_damaged_messages_never_fail_the_server(send):
    chance = random.Random(5)
    samples = [body for _, body, _, _ in CASES.values()] + [upsert(), query()]
    for number in range(1500):
        path = chance.choice(list(PROCEDURES))
        if "napshot" in path:
            continue
        if number % 3 == 0:
            body = chance.randbytes(chance.randrange(60))
        else:
            damaged = bytearray(chance.choice(samples))
            for _ in range(chance.randrange(1, 4)):
                if damaged:
                    damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            body = bytes(damaged)
        code, text = send(path, body)
        assert code in ALLOWED, (path, body, text)
    assert send(f"{POINTS}/Query", query())[0] in ("OK", "NOT_FOUND")
