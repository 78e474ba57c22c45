"""Do limits, counters and logs hold over gRPC as they do over REST?"""

import threading
import time

import grpc
import pytest
from tests.server.grpc_harness import GrpcThread
from tests.server.server_harness import FakeEngine

from ruvector.kernel.deadlines import DeadlinePassed, check_deadline
from ruvector.model import requests as r
from ruvector.model.proto.schema import message_class
from ruvector.server.configuration import Service, Settings
from ruvector.server.metrics import GRPC

COUNT = "/qdrant.Points/Count"


class Served:
    """A gRPC server over the small engine, and calls to it."""

    def __init__(self, **service):
        settings = Settings(service=Service(grpc_port=0, **service))
        self.engine = FakeEngine()
        self.server = GrpcThread(settings, self.engine)
        self.observer = self.server.observer
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.server.port}")

    def count(self, **options):
        """Begin to count the points of a collection; return the call."""
        message = message_class("CountPoints")(collection_name="docs").SerializeToString()
        return self.channel.unary_unary(COUNT).future(message, timeout=20, **options)

    def close(self):
        self.channel.close()
        self.server.close()


@pytest.fixture
def served():
    opened = []

    def start(**service):
        opened.append(Served(**service))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_calls_are_counted_under_their_own_name(served):
    server = served()
    server.count(metadata=(("x-request-id", "me-1"),)).result()
    server.engine.answers[r.Count] = ZeroDivisionError()
    assert server.count().code() is grpc.StatusCode.INTERNAL
    deadline = time.monotonic() + 10
    while sum(server.observer.metrics.counts().operations.values()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    counts = server.observer.metrics.counts()
    assert {key: each.count for key, each in counts.responses[GRPC].items()} == {
        ("", COUNT, 0): 1,
        ("", COUNT, 13): 1,
    }
    assert set(counts.responses_of_collections[GRPC]) == {"docs"}
    assert server.observer.slow.slowest(10, "") == []


def test_work_for_a_caller_that_left_is_stopped(served):
    server, begun, stopped = served(), threading.Event(), threading.Event()

    def look_for_ever(_):
        end = time.monotonic() + 10  # bounded, for whoever plants the bug
        begun.set()
        try:
            while time.monotonic() < end:
                check_deadline()
        except DeadlinePassed:
            stopped.set()
            raise

    server.engine.answers[r.Count] = look_for_ever
    call = server.count()
    assert begun.wait(10)
    call.cancel()
    assert stopped.wait(5)


def test_call_that_waited_too_long_is_refused(served):
    server, go = served(max_workers=1, max_queue_secs=0.01), threading.Event()
    server.engine.answers[r.Count] = lambda _: go.wait(10) and r.Count.result(3)
    calls = [server.count() for _ in range(2)]
    deadline = time.monotonic() + 10
    while not server.engine.requests:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(0.05)  # longer than a call may wait
    go.set()
    codes = [call.code() for call in calls]
    assert sorted(code.name for code in codes) == ["OK", "UNAVAILABLE"]


def test_no_call_is_taken_while_stopping(served):
    server = served()
    server.server.call(server.server.server.refuse)
    assert server.count().code() is grpc.StatusCode.UNAVAILABLE
    assert server.engine.requests == []
