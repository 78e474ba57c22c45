"""Does the gRPC server answer as the REST server does? What is of gRPC alone, over real sockets."""

import threading

import grpc
import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client import grpc as messages

from ruvector.model.proto.schema import message_class
from ruvector.server.grpc.calls import COMPRESSED_BYTES, is_worth_compressing
from ruvector.server.grpc.health import MAX_WATCHERS
from ruvector.server.grpc.reflection import MAX_STREAMS


@pytest.fixture(scope="session")
def client(grpc_server):
    """Return the official client over gRPC."""
    with_grpc = QdrantClient(url=grpc_server.url, grpc_port=grpc_server.grpc_port, prefer_grpc=True)
    yield with_grpc
    with_grpc.close()


@pytest.fixture(scope="session")
def channel(grpc_server):
    """Return a channel to the server that knows no messages."""
    with grpc.insecure_channel(grpc_server.grpc_url) as open_channel:
        yield open_channel


def test_round_trip(client):
    assert client.info().version == "1.19.0"
    client.create_collection("calls", vectors_config=models.VectorParams(size=2, distance="Dot"))
    payload = {"whole": 3, "number": 3.0, "list": [None, True, {"a": "b"}], "large": 2**62}
    points = [
        models.PointStruct(id=1, vector=[1.0, 0.0], payload=payload),
        models.PointStruct(id="5c56c793-69f3-4fbf-87e6-c4bf54c28c26", vector=[0.0, 1.0]),
    ]
    assert client.upsert("calls", points, wait=True).status == "completed"
    found = client.query_points("calls", [1.0, 0.5], with_vectors=True).points
    assert [(hit.id, hit.score) for hit in found] == [(1, 1.0), (points[1].id, 0.5)]
    assert found[0].payload == payload
    assert type(found[0].payload["whole"]) is int
    assert type(found[0].payload["number"]) is float
    assert found[0].vector == [1.0, 0.0]
    assert client.count("calls").count == 2
    assert client.delete_collection("calls")


def test_answers_tell_how_many_words_models_have_read(client):
    client.create_collection(
        "usage", vectors_config={}, sparse_vectors_config={"text": models.SparseVectorParams()}
    )
    words = messages.Document(text="Quick foxes and lazy dogs", model="qdrant/bm25")
    named = messages.NamedVectors(vectors={"text": messages.Vector(document=words)})
    points = [
        messages.PointStruct(id=messages.PointId(num=i), vectors=messages.Vectors(vectors=named))
        for i in range(3)
    ]

    def tokens(answer):
        return {name: used.tokens for name, used in answer.usage.inference.models.items()}

    written = client.grpc_points.Upsert(
        messages.UpsertPoints(collection_name="usage", points=points, wait=True)
    )
    assert tokens(written) == {"qdrant/bm25": 12}  # "and" is a stop word
    query = messages.Query(nearest=messages.VectorInput(document=words))
    asked = messages.QueryPoints(collection_name="usage", query=query, using="text")
    assert tokens(client.grpc_points.Query(asked)) == {"qdrant/bm25": 4}
    batch = messages.QueryBatchPoints(collection_name="usage", query_points=[asked, asked])
    assert tokens(client.grpc_points.QueryBatch(batch)) == {"qdrant/bm25": 8}
    listed = client.grpc_points.Query(messages.QueryPoints(collection_name="usage"))
    assert not listed.HasField("usage")
    assert client.delete_collection("usage")


def test_health_is_told_without_a_key(channel):
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        response_deserializer=message_class("grpc.health.v1.HealthCheckResponse").FromString,
    )
    asked = message_class("grpc.health.v1.HealthCheckRequest")
    for service in ("", "qdrant.Points"):
        assert check(asked(service=service).SerializeToString()).status == 1
    with pytest.raises(grpc.RpcError) as refused:
        check(asked(service="nobody").SerializeToString())
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def watch_of(channel):
    """Return a function that watches a service and yields words."""
    asked = message_class("grpc.health.v1.HealthCheckRequest")
    answered = message_class("grpc.health.v1.HealthCheckResponse")
    call = channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        response_deserializer=lambda body: answered.ServingStatus.Name(
            answered.FromString(body).status
        ),
    )
    return lambda service="": call(asked(service=service).SerializeToString(), timeout=60)


def test_many_watch_the_health_without_holding_threads(channel, client):
    watch = watch_of(channel)
    watching = [watch("qdrant.Points") for _ in range(MAX_WATCHERS)]
    assert [next(each) for each in watching] == ["SERVING"] * MAX_WATCHERS
    assert client.info().version
    with pytest.raises(grpc.RpcError, match="ask with Check") as refused:
        next(watch())
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    for each in watching:
        each.cancel()
    for _ in range(1000):  # until their places are free again
        try:
            word = next(watch("nobody"))
            break
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            word = ""
    assert word == "SERVICE_UNKNOWN"


def test_who_watches_hears_that_the_server_stops(start_server, tmp_path):
    server = start_server(tmp_path / "storage")
    with grpc.insecure_channel(server.grpc_url) as channel:
        words = watch_of(channel)()
        assert next(words) == "SERVING"
        server.stop()
        assert list(words) == ["NOT_SERVING"]


def test_bytes_that_ask_for_no_health_are_refused(channel):
    for each in (channel.unary_stream, channel.unary_unary):
        path = "/grpc.health.v1.Health/" + ("Watch" if each == channel.unary_stream else "Check")
        with pytest.raises(grpc.RpcError) as refused:
            answer = each(path)(b"\xff")
            next(answer)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_tells_what_is_served(channel, version):
    package = f"grpc.reflection.{version}"
    asked = message_class(f"{package}.ServerReflectionRequest")
    ask = channel.stream_stream(
        f"/{package}.ServerReflection/ServerReflectionInfo",
        response_deserializer=message_class(f"{package}.ServerReflectionResponse").FromString,
    )
    questions = [
        asked(list_services=""),
        asked(file_containing_symbol="qdrant.Points"),
        asked(file_by_filename="filters.proto"),
        asked(file_containing_symbol="qdrant.Nothing"),
        asked(),
    ]
    services, points, filters, nothing, empty = ask(q.SerializeToString() for q in questions)
    names = {each.name for each in services.list_services_response.service}
    assert {"qdrant.Points", "qdrant.Snapshots", "grpc.health.v1.Health"} <= names
    assert len(points.file_descriptor_response.file_descriptor_proto) > 5
    assert len(filters.file_descriptor_response.file_descriptor_proto) == 2
    assert nothing.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert empty.WhichOneof("message_response") == "error_response"


def test_streams_of_reflection_are_as_many_as_allowed(channel, client):
    path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    asked = message_class("grpc.reflection.v1.ServerReflectionRequest")(list_services="")
    hold = threading.Event()

    def ask():
        yield asked.SerializeToString()
        hold.wait(20)

    held = [channel.stream_stream(path)(ask()) for _ in range(MAX_STREAMS)]
    assert all(next(stream) for stream in held)
    with pytest.raises(grpc.RpcError) as refused:
        next(channel.stream_stream(path)(ask()))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert client.info().version
    hold.set()
    for stream in held:
        stream.cancel()


@pytest.mark.parametrize("takes_gzip", [True, False])
def test_large_answers_are_compressed_for_those_who_take_it(grpc_server, takes_gzip):
    options = () if takes_gzip else (("grpc.compression_enabled_algorithms_bitset", 1),)
    name = f"compressed_{takes_gzip}"
    client = QdrantClient(
        url=grpc_server.url,
        grpc_port=grpc_server.grpc_port,
        prefer_grpc=True,
        grpc_options=dict(options),
        grpc_compression=grpc.Compression.Gzip if takes_gzip else None,
    )
    client.create_collection(name, vectors_config=models.VectorParams(size=2, distance="Dot"))
    points = [
        models.PointStruct(id=i, vector=[1.0, i], payload={"text": "word " * 100})
        for i in range(300)
    ]
    client.upsert(name, points, wait=True)
    found, _ = client.scroll(name, limit=300)
    assert [record.payload for record in found] == [points[0].payload] * 300
    client.delete_collection(name)
    client.close()


def test_vectors_are_not_worth_compressing_and_texts_are():
    vectors = np.random.default_rng(1).normal(size=COMPRESSED_BYTES).astype(np.float32).tobytes()
    assert not is_worth_compressing(vectors)
    assert is_worth_compressing(b"some words of a payload " * COMPRESSED_BYTES)
    assert not is_worth_compressing(b"some words of a payload")


def test_snapshots_are_made_listed_and_deleted(client):
    client.create_collection("kept", vectors_config=models.VectorParams(size=2, distance="Dot"))
    made = client.create_snapshot("kept")
    assert [each.name for each in client.list_snapshots("kept")] == [made.name]
    assert client.delete_snapshot("kept", made.name)
    assert client.list_snapshots("kept") == []
    client.delete_collection("kept")
