"""Are the parts of the engine's work spans below `execute`, over REST and gRPC alike?"""

import asyncio
import runpy
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.server.grpc_harness import GrpcThread
from tests.server.server_harness import call_application

from ruvector.client.client import RuvectorClient
from ruvector.engine import Engine
from ruvector.errors import RuvectorError
from ruvector.kernel import timing
from ruvector.kernel.timing import INNER_MAX, Stages, note, noting
from ruvector.server.asgi import Application
from ruvector.server.configuration import Service, Settings, Tracing
from ruvector.server.traces import Traces

NEAREST = {"nearest": [1.0, 0.0]}
FILTER = {"must": [{"key": "n", "match": {"value": 1}}]}
LEAF = {"query": [1.0, 0.0], "limit": 2}
SEARCHES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("query", {"query": [1.0, 0.0]}, ["plan", "search", "fetch"]),
    ("query", {"query": [1.0, 0.0], "filter": FILTER}, ["plan", "search", "fetch"]),
    (
        "query",
        {"prefetch": [LEAF, {**LEAF, "filter": FILTER}], "query": {"fusion": "rrf"}},
        ["plan", "plan", "search", "search", "merge", "fetch"],
    ),
    ("query", {"query": {"recommend": {"positive": [1]}}}, ["plan", "plan", "search", "fetch"]),
    ("query/batch", {"searches": [LEAF, LEAF]}, ["plan", "search", "fetch"] * 2),
    ("scroll", {}, ["plan", "list", "fetch"]),
    ("scroll", {"order_by": "n"}, ["plan", "order", "fetch"]),
    ("count", {"filter": FILTER}, ["plan"]),
    ("search/matrix/pairs", {"sample": 2}, ["plan", "sample", "search"]),
]


class Traced:
    """A database behind both doors, whose spans an exporter in this process keeps."""

    def __init__(self) -> None:
        self.engine = Engine.open(":memory:")
        settings = Settings(service=Service(grpc_port=0))
        self.application = Application(self.engine, settings)
        self.exporter = InMemorySpanExporter()
        observer = self.application.observer
        observer.traces = Traces(Tracing(), SimpleSpanProcessor(self.exporter))
        self.grpc = GrpcThread(settings, self.engine, observer=observer)
        self.client = RuvectorClient(grpc_url=f"127.0.0.1:{self.grpc.port}")

    def close(self) -> None:
        self.client.close()
        self.grpc.close()
        self.application.pool.close()
        self.application.observer.close()
        self.engine.close()

    def call(self, method: str, target: str, body: Any) -> Any:
        return asyncio.run(call_application(self.application, method, target, body))

    def parts(self, label: str) -> list[str]:
        """Return what was done below `execute` of the only request there was, and forget it."""
        spans = self._spans(label)
        root = next(span for span in spans if span.name == label)
        below = _children(spans, root)
        (execute,) = (span for span in below if span.name == "execute")
        parts = _children(spans, execute)
        assert len(spans) == 1 + len(below) + len(parts)
        moments = [execute.start_time, *[part.end_time for part in parts], execute.end_time]
        assert moments == sorted(moments)
        assert [part.start_time for part in parts] == moments[: len(parts)]
        return [part.name for part in parts]

    def _spans(self, label: str) -> list[ReadableSpan]:
        """Return the spans; a gRPC call is told of after its caller has the answer."""
        came = threading.Event()
        for _ in range(1000):
            spans = list(self.exporter.get_finished_spans())
            if any(span.name == label for span in spans):
                break
            came.wait(0.01)
        self.exporter.clear()
        return spans


def _children(spans: list[ReadableSpan], parent: ReadableSpan) -> list[ReadableSpan]:
    own = parent.context.span_id
    return [span for span in spans if span.parent is not None and span.parent.span_id == own]


@pytest.fixture(scope="module")
def traced() -> Iterator[Traced]:
    opened = Traced()
    opened.client.create_collection("docs", dimensions=2, distance="dot")
    opened.client.create_payload_index("docs", "n", "integer")
    points = [{"id": n, "vector": [1.0, n], "payload": {"n": n}} for n in range(1, 4)]
    opened.client.upsert("docs", points)
    opened._spans("Upsert")
    yield opened
    opened.close()


@pytest.mark.parametrize(("path", "body", "parts"), SEARCHES)
def test_parts_of_a_read_over_rest(
    traced: Traced, path: str, body: dict[str, Any], parts: list[str]
) -> None:
    answer = traced.call("POST", f"/collections/docs/points/{path}", body)
    assert answer.status == 200, answer.text
    label = traced.application.router.match("POST", f"/collections/docs/points/{path}".encode())
    assert label.route is not None
    assert traced.parts(label.route.label) == parts


def test_parts_of_a_write_over_rest(traced: Traced) -> None:
    body = {"points": [{"id": 1, "vector": [1.0, 1.0], "payload": {"n": 1}}]}
    assert traced.call("PUT", "/collections/docs/points", body).status == 200
    assert traced.parts("Upsert") == ["prepare", "commit"]


CALLS: list[tuple[str, Callable[[RuvectorClient], Any], list[str]]] = [
    ("QueryPoints", lambda c: c.query("docs", [1.0, 0.0], limit=2), ["plan", "search", "fetch"]),
    ("Scroll", lambda c: c.scroll("docs", limit=2), ["plan", "list", "fetch"]),
    ("Retrieve", lambda c: c.retrieve("docs", [1]), ["plan", "fetch"]),
    ("Facet", lambda c: c.facet("docs", "n"), ["plan", "count"]),
    ("SetPayload", lambda c: c.set_payload("docs", {"n": 1}, [1]), ["prepare", "commit"]),
]


@pytest.mark.parametrize(("label", "call", "parts"), CALLS, ids=[row[0] for row in CALLS])
def test_parts_over_grpc(
    traced: Traced, label: str, call: Callable[[RuvectorClient], Any], parts: list[str]
) -> None:
    call(traced.client)
    assert traced.parts(label) == parts


def test_where_a_refused_request_ended_is_told(traced: Traced) -> None:
    body = {"query": [1.0, 0.0], "lookup_from": {"collection": "none"}, "filter": FILTER}
    body["query"] = 17  # an id of another collection
    assert traced.call("POST", "/collections/docs/points/query", body).status == 404
    assert traced.parts("QueryPoints") == ["plan", "plan"]
    with pytest.raises(RuvectorError):
        traced.client.query("none", [1.0, 0.0])
    assert traced.parts("QueryPoints") == []


def test_a_long_batch_is_told_of_in_part(traced: Traced) -> None:
    body = {"searches": [LEAF] * 40}
    assert traced.call("POST", "/collections/docs/points/query/batch", body).status == 200
    assert len(traced.parts("QueryBatch")) == INNER_MAX


def test_each_thread_notes_for_its_own_request_and_others_for_none() -> None:
    one, other = Stages(), Stages()
    both = threading.Barrier(2)

    def work() -> None:
        both.wait(10)
        note("lost")
        with noting(other):
            note("other")

    thread = threading.Thread(target=work)
    thread.start()
    with noting(one):
        both.wait(10)
        note("one")
        thread.join()
        with noting(Stages()):
            note("inside")
        note("one again")
    note("lost")
    assert [name for name, _ in one.inner] == ["one", "one again"]
    assert [name for name, _ in other.inner] == ["other"]


def test_nothing_is_noted_while_nobody_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock is asked, and no state of the thread looked at."""
    assert runpy.run_path(timing.__file__)["_is_asked"] is False
    monkeypatch.setattr(timing, "_is_asked", False)
    monkeypatch.setattr(timing, "_asked", None)
    monkeypatch.setattr(timing, "perf_counter", None)
    engine = Engine.open(":memory:")
    settings = Settings(service=Service(grpc_port=0))
    application = Application(engine, settings)
    door = GrpcThread(settings, engine, observer=application.observer)
    with RuvectorClient(grpc_url=f"127.0.0.1:{door.port}") as client:
        client.create_collection("docs", dimensions=2)
        client.upsert("docs", [{"id": 1, "vector": [1.0, 1.0]}])
        assert client.query("docs", [1.0, 1.0])
    body = {"query": [1.0, 0.0]}
    answer = asyncio.run(
        call_application(application, "POST", "/collections/docs/points/query", body)
    )
    assert answer.status == 200
    door.close()
    application.pool.close()
    engine.close()
