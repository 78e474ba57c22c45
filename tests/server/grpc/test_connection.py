"""Is a connection of gRPC held to its limits, and the server there for the others?"""

import contextlib
import random
import socket
import threading
import time

import grpc
import pytest
from tests.server.grpc.raw_client import RawClient, framed
from tests.server.grpc_harness import GrpcThread
from tests.server.server_harness import FakeEngine

from ruvector.kernel.deadlines import DeadlinePassed, check_deadline
from ruvector.model import requests as r
from ruvector.model.proto.schema import message_class
from ruvector.model.results import QueryResult
from ruvector.server.configuration import Service, Settings
from ruvector.server.grpc import connection, server, stream

COUNT, QUERY = b"/qdrant.Points/Count", b"/qdrant.Points/Query"
ASKED = message_class("CountPoints")(collection_name="docs").SerializeToString()
HEALTH = b"/grpc.health.v1.Health/Check"


class Served:
    """A server and those who talk to it."""

    def __init__(self, **service) -> None:
        self.engine = FakeEngine()
        settings = Settings(service=Service(grpc_port=0, **service))
        self.thread = GrpcThread(settings, self.engine)
        self.clients = []

    def client(self, **options):
        """Return a new connection."""
        self.clients.append(RawClient(self.thread.port, **options))
        return self.clients[-1]

    def events(self):
        """Return what was counted besides answers."""
        return self.thread.observer.metrics.counts().events

    def is_well(self):
        """Say whether it answers somebody else."""
        answer = self.client().call(HEALTH, b"")
        return answer[b"grpc-status"] == b"0"

    def close(self):
        for client in self.clients:
            client.close()
        self.thread.close()


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.01)
    opened = []

    def start(**service):
        opened.append(Served(**service))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def served(serve):
    return serve()


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", b"none came"),
        (framed(ASKED)[:-1], b"cut off"),
        (framed(ASKED)[:3], b"cut off"),
        (framed(ASKED) * 2, b"one message"),
        (b"\7" + framed(ASKED)[1:], b"begins with 7"),
        (framed(ASKED, 1), b"UNIMPLEMENTED: grpc-encoding 'identity'"),
    ],
)
def test_body_that_is_not_one_message_is_refused(served, body, words):
    client = served.client()
    number = client.begin(COUNT)
    client.send(number, body)
    answer = client.answer(number)
    status = 12 if words.startswith(b"UNIMPLEMENTED") else 3
    assert answer[b"grpc-status"] == b"%d" % status
    assert words.removeprefix(b"UNIMPLEMENTED: ") in answer[b"grpc-message"]
    assert client.call(COUNT, ASKED)[b"grpc-status"] == b"0"


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"method": b"GET"}, b"405"), ({"content_type": b"application/json"}, b"415")],
)
def test_what_is_no_call_has_an_answer_of_http(served, fields, status):
    client = served.client()
    assert client.call(COUNT, ASKED, **fields)[b":status"] == status
    assert client.call(COUNT, ASKED)[b"grpc-status"] == b"0"
    assert len(served.engine.requests) == 1


def test_unknown_procedure_is_unimplemented(served):
    answer = served.client().call(b"/qdrant.Points/Nothing", b"")
    assert answer[b"grpc-status"] == b"12"


def test_wrong_time_is_refused(served):
    client = served.client()
    number = client.begin(COUNT, (b"grpc-timeout", b"5s"))
    client.send(number, framed(ASKED))
    assert client.answer(number)[b"grpc-status"] == b"3"


def test_large_metadata_end_their_call_and_huge_ones_their_connection(served):
    client = served.client()
    number = client.begin(COUNT, *((b"a%d" % i, b"x" * 3000) for i in range(6)))
    assert client.answer(number)[b"grpc-status"] == b"8"
    assert client.call(COUNT, ASKED)[b"grpc-status"] == b"0"
    client.begin(COUNT, *((b"a%d" % i, b"x" * 3000) for i in range(30)))
    client.hear_the_end()
    assert served.is_well()


def test_message_is_refused_by_its_prefix_and_its_sender_told_to_stop(serve):
    served = serve(max_request_size_mb=1)
    client = served.client()
    number = client.begin(COUNT)
    client.send(number, b"\0\x7f\0\0\0" + bytes(1000), end_stream=False)
    assert client.answer(number)[b"grpc-status"] == b"8"
    assert client.closed == {number: 0}
    assert served.engine.requests == []


def test_other_protocols_and_noise_end_their_connection_alone(served):
    chance = random.Random(1)
    for number in range(100):
        client = served.client()
        with contextlib.suppress(ConnectionError):  # it may be ended before all is sent
            if number % 2:
                client.socket.sendall(chance.randbytes(chance.randrange(1, 200)))
                continue
            for _ in range(5):  # frames with wrong contents
                body = chance.randbytes(chance.randrange(20))
                head = len(body).to_bytes(3) + chance.randbytes(2)
                client.socket.sendall(head + (2 * chance.randrange(4) + 1).to_bytes(4) + body)
    for client in served.clients:
        client.close()
    plain = served.client()
    assert plain.call(HEALTH, b"")[b"grpc-status"] == b"0"
    plain.socket.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    plain.hear_the_end()
    assert served.is_well()


def test_flood_of_resets_ends_the_connection(served):
    client = served.client()
    with contextlib.suppress(ConnectionError):
        for _ in range(3000):
            number = client.begin(COUNT)
            client.http.reset_stream(number)
            client.push()
        client.hear_the_end()
    assert served.is_well()


def test_pings_are_answered_however_many(served):
    """Callers that look after their connections are not sent away."""
    client = served.client()
    for number in range(1, 101):
        client.http.ping(number.to_bytes(8))
        client.push()
        while client.pongs < number:
            client.hear()
    assert client.call(COUNT, ASKED)[b"grpc-status"] == b"0"


def test_connection_without_first_words_is_closed(monkeypatch, served):
    monkeypatch.setattr(connection, "FIRST_WORDS_SECONDS", 0.01)
    with socket.create_connection(("127.0.0.1", served.thread.port), timeout=20) as door:
        while door.recv(1000):
            pass
    assert served.events()["slow_heads"] == 1


def test_message_that_does_not_come_is_refused(monkeypatch, served):
    monkeypatch.setattr(stream, "PATIENCE_SECONDS", 0.01)
    client = served.client()
    number = client.begin(COUNT)
    client.send(number, framed(ASKED)[:-1], end_stream=False)
    answer = client.answer(number)
    assert answer[b"grpc-status"] == b"4"
    assert b"came too slowly" in answer[b"grpc-message"]


def test_answer_that_is_not_read_ends_its_connection(monkeypatch, served):
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(connection, "BYTES_PER_SECOND", 2**40)
    served.engine.ids = list(range(100_000))
    client = served.client(settings={4: 1000})
    number = client.begin(QUERY)
    client.http.send_data(number, framed(ASKED), end_stream=True)
    text = client.http.data_to_send()
    client.socket.sendall(text)
    until(lambda: served.events().get("slow_readers"))
    until(lambda: served.thread.server.unread_bytes == 0)
    assert served.is_well()


def test_too_many_connections_are_refused(serve):
    served = serve(max_connections=2)
    first, second = served.client(), served.client()
    assert first.call(COUNT, ASKED)[b"grpc-status"] == b"0"
    assert second.call(COUNT, ASKED)[b"grpc-status"] == b"0"
    served.client().hear_the_end()
    assert served.events()["refused_connections"] == 1
    first.close()
    until(lambda: len(served.thread.server.connections) == 1)
    assert served.is_well()


def test_many_large_messages_at_once_are_refused(monkeypatch, serve):
    monkeypatch.setattr(server, "BODIES_IN_FLIGHT", 0.5)
    served = serve(max_request_size_mb=1)
    client = served.client()
    message = bytes(400_000)
    numbers = [client.begin(COUNT) for _ in range(2)]
    for number in numbers:
        client.send(number, framed(message)[:-1], end_stream=False)
    assert client.answer(numbers[1])[b"grpc-status"] == b"14"
    client.send(numbers[0], b"\0")
    assert client.answer(numbers[0])[b"grpc-status"] == b"3"  # zeros are no message
    until(lambda: served.thread.server.received_bytes == 0)


@pytest.mark.parametrize("how", ["reset", "gone", "late"])
def test_work_ends_with_its_caller(served, how):
    begun, stopped = threading.Event(), threading.Event()

    def look_for_ever(_):
        end = time.monotonic() + 10  # bounded, for whoever plants the bug
        begun.set()
        try:
            while time.monotonic() < end:
                check_deadline()
        except DeadlinePassed:
            stopped.set()
            raise

    served.engine.answers[r.Count] = look_for_ever
    client = served.client()
    number = client.begin(COUNT, *(((b"grpc-timeout", b"1S"),) if how == "late" else ()))
    client.send(number, framed(ASKED))
    assert begun.wait(10)
    if how == "reset":
        client.http.reset_stream(number)
        client.push()
    elif how == "gone":
        client.close()
    else:
        assert client.answer(number)[b"grpc-status"] == b"4"
    assert stopped.wait(5)
    until(lambda: served.thread.server.in_flight == 0)
    assert served.events().get("abandoned", 0) == (how != "late")


def test_quick_searches_are_answered_by_the_loop_and_others_are_not(served):
    threads = []

    def answer(_):
        threads.append(threading.current_thread().name)
        return QueryResult([])

    served.engine.answers[r.QueryPoints] = answer
    message = message_class("QueryPoints")(collection_name="docs")
    message.query.nearest.dense.data.extend([1, 2])
    client = served.client()
    for is_quick in (True, False):
        served.engine.quick = is_quick
        assert client.call(QUERY, message.SerializeToString())[b"grpc-status"] == b"0"
    served.engine.quick = True
    message.filter.must.add().field.key = "a"
    assert client.call(QUERY, message.SerializeToString())[b"grpc-status"] == b"0"
    assert ["request" in name for name in threads] == [False, True, True]


def test_crowd_of_quick_searches_waits_for_its_turns_or_is_refused(monkeypatch, serve):
    served = serve(max_queue_secs=0.01)
    served.engine.quick = True
    served.engine.answers[r.QueryPoints] = lambda _: time.sleep(0.006) or QueryResult([])
    message = message_class("QueryPoints")(collection_name="docs")
    message.query.nearest.dense.data.extend([1, 2])
    with grpc.insecure_channel(f"127.0.0.1:{served.thread.port}") as channel:
        ask = channel.unary_unary(QUERY.decode())
        calls = [ask.future(message.SerializeToString(), timeout=20) for _ in range(60)]
        codes = [call.code().name for call in calls]
    assert set(codes) == {"OK", "UNAVAILABLE"}
    assert codes.count("OK") == len(served.engine.requests)


def test_calls_beyond_those_at_a_time_wait_on_their_side(monkeypatch, serve):
    monkeypatch.setitem(connection._SETTINGS, 3, 3)
    served, go = serve(), threading.Event()
    served.engine.answers[r.Count] = lambda _: go.wait(10) and r.Count.result(3)
    with grpc.insecure_channel(f"127.0.0.1:{served.thread.port}") as channel:
        ask = channel.unary_unary(COUNT.decode())
        calls = [ask.future(ASKED, timeout=20) for _ in range(10)]
        until(lambda: len(served.engine.requests) == 3)
        go.set()
        assert {call.code().name for call in calls} == {"OK"}
