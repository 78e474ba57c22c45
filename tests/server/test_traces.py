"""Is a request one span, with one for each stage, and is nothing noted when nobody asked?"""

import http.server
import sys
import threading

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.server.server_harness import Caller, call_application

from ruvector.errors import BadInput
from ruvector.server.asgi import Application
from ruvector.server.configuration import Settings, Tracing, settle
from ruvector.server.traces import Traces

COUNT = ("POST", "/collections/docs/points/count", b"{}")
STAGES = ["receive", "wait", "decode", "execute", "encode", "send"]
PARENT = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


@pytest.fixture
def traced(engine):
    """A server whose spans go to the exporter that is returned with it."""
    application = Application(engine, Settings())
    exporter = InMemorySpanExporter()
    application.observer.traces = Traces(Tracing(), SimpleSpanProcessor(exporter))
    yield Caller(application, call_application), exporter
    application.pool.close()
    application.observer.close()


def test_request_is_a_span_with_one_for_each_stage(traced):
    server, exporter = traced
    assert server(*COUNT, headers=[("x-request-id", "me-1")]).status == 200
    *stages, root = exporter.get_finished_spans()
    assert (root.name, root.parent, root.status.is_ok) == ("Count", None, True)
    assert dict(root.attributes) == {
        "ruvector.request_id": "me-1",
        "db.collection.name": "docs",
        "http.request.method": "POST",
        "http.route": "/collections/{collection}/points/count",
        "http.response.status_code": 200,
    }
    assert [span.name for span in stages] == STAGES
    assert all(span.parent.span_id == root.context.span_id for span in stages)
    moments = [root.start_time, *[span.end_time for span in stages]]
    assert moments == sorted(moments)
    assert [span.start_time for span in stages] == moments[:-1]
    assert moments[-1] <= root.end_time


def test_quick_searches_have_their_stages(traced, engine):
    server, exporter = traced
    engine.quick = True
    assert server("POST", "/collections/docs/points/query", b'{"query":[1]}').status == 200
    assert [span.name for span in exporter.get_finished_spans()] == [
        *("receive", "decode", "execute", "encode", "send"),
        "QueryPoints",
    ]


def test_span_of_the_caller_is_the_parent(traced):
    server, exporter = traced
    server(*COUNT, headers=[PARENT])
    root = exporter.get_finished_spans()[-1]
    assert f"{root.context.trace_id:032x}" == PARENT[1].split("-")[1]
    assert f"{root.parent.span_id:016x}" == PARENT[1].split("-")[2]


def test_refusals_are_spans_with_an_error(traced):
    server, exporter = traced
    server("POST", "/collections/docs/points/count", b"{")
    root = exporter.get_finished_spans()[-1]
    assert not root.status.is_ok
    assert root.attributes["http.response.status_code"] == 400


def test_secrets_and_content_are_in_no_span(traced):
    server, exporter = traced
    body = {"filter": {"must": [{"key": "canary", "match": {"value": "canary"}}]}}
    server("POST", "/collections/docs/points/count?canary=1", body, [("api-key", "canary")])
    assert "canary" not in "".join(span.to_json() for span in exporter.get_finished_spans())


def test_nothing_is_noted_without_tracing(server, engine):
    seen = []
    engine.quick = True
    server.application.observer.answered_rest, told = (
        lambda exchange, answer: seen.append(exchange.stages) or told(exchange, answer),
        server.application.observer.answered_rest,
    )
    server("POST", "/collections/docs/points/query", b'{"query":[1]}')
    assert seen == [None] and server.application.observer.traces is None


def test_spans_reach_a_collector(engine, tmp_path):
    received = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        endpoint = f"http://127.0.0.1:{collector.server_port}/v1/traces"
        settings, _ = settle({"tracing": {"enabled": True, "endpoint": endpoint}}, {}, {})
        application = Application(engine, settings)
        Caller(application, call_application)(*COUNT)
        application.pool.close()
        application.observer.close()  # sends what is waiting
        collector.shutdown()
        thread.join()
    resource = received[0].resource_spans[0]
    names = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert names["service.name"] == "ruvector"
    assert {span.name for span in resource.scope_spans[0].spans} == {*STAGES, "Count"}


def test_missing_extra_is_named(engine, monkeypatch):
    for name in list(sys.modules):
        if name.startswith("opentelemetry.sdk"):
            monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BadInput, match=r"ruvector\[otel\]"):
        Application(engine, Settings(tracing=Tracing(enabled=True)))


@pytest.mark.parametrize(
    ("name", "value"), [("SAMPLE_RATIO", "1.5"), ("SAMPLE_RATIO", "nan"), ("ENDPOINT", "file:x")]
)
def test_settings_are_checked(name, value):
    with pytest.raises(BadInput, match=rf"tracing\.{name.lower()}"):
        settle({}, {f"RUVECTOR__TRACING__{name}": value}, {})
