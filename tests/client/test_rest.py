"""How the REST transport behaves when servers and networks misbehave."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from ruvector import errors as e
from ruvector.client.answers import ERROR_CLASSES, error_of
from ruvector.client.client import RuvectorClient
from ruvector.client.rest import ATTEMPTS


class Script:
    """What the server answers, in order, and what it was asked. `None` closes the connection."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes] | None] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.port = 0
        self.release = threading.Event()

    def result(self, value: Any) -> None:
        """Answer the next request with this result."""
        self.answers.append((200, json.dumps({"result": value, "status": "ok"}).encode()))

    def client(self, **settings: Any) -> RuvectorClient:
        """Return a client of this server."""
        return RuvectorClient(url=f"http://127.0.0.1:{self.port}", **settings)


@pytest.fixture
def script() -> Iterator[Script]:
    """Return a server on a free port, to be told what to answer."""
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.requests.append((self.command, self.path, headers, body))
            if not script.answers:
                script.release.wait(30)
                self.close_connection = True
                return
            chosen = script.answers.pop(0)
            if chosen is None:
                self.close_connection = True
                return
            self.send_response(chosen[0])
            self.send_header("content-length", str(len(chosen[1])))
            self.end_headers()
            self.wfile.write(chosen[1])

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield script
    script.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_headers_ask_for_original_ids_and_carry_the_key(script: Script) -> None:
    script.result({"collections": [{"name": "a"}]})
    with script.client(api_key="secret") as client:
        assert client.list_collections() == ["a"]
    method, path, headers, _ = script.requests[0]
    assert (method, path) == ("GET", "/collections")
    assert headers["ruvector-ids"] == "original"
    assert headers["api-key"] == "secret"


def test_path_of_the_url_stands_before_every_path(script: Script) -> None:
    script.result({"exists": True})
    with RuvectorClient(url=f"http://127.0.0.1:{script.port}/database/") as client:
        assert client.collection_exists("a/..")
    assert script.requests[0][1] == "/database/collections/a%2F../exists"


def test_dots_reach_the_server_which_judges_names(script: Script) -> None:
    script.answers.append((422, b'{"status":{"error":"Validation error in JSON body: no"}}'))
    with script.client() as client, pytest.raises(e.InvalidRequest):
        client.get_collection("..")
    assert script.requests[0][1] == "/collections/.."


def test_vectors_of_answers_are_float32_arrays(script: Script) -> None:
    point = {"id": "a", "version": 1, "score": 0.5, "payload": {"x": [1]}, "vector": [0.1, 2]}
    script.result({"points": [point, {**point, "vector": {"t": [3]}}, {**point, "vector": None}]})
    with script.client() as client:
        one, two, three = client.search("c", np.ones(2, dtype=np.float32), with_vectors=True)
    assert one.vector.dtype == np.float32
    assert one.vector.tolist() == [np.float32(0.1), 2]
    assert two.vector["t"].tolist() == [3]
    assert three.vector is None
    assert one.payload == {"x": [1]}


def test_unknown_fields_of_a_newer_server_are_passed_over(script: Script) -> None:
    script.result({"count": 3, "approximate": False})
    with script.client() as client:
        assert client.count("c") == 3


def test_read_is_repeated_when_the_connection_breaks(script: Script) -> None:
    script.answers.append(None)
    script.result({"count": 3})
    with script.client() as client:
        assert client.count("c") == 3
    assert len(script.requests) == 2


def test_read_is_given_up_after_its_attempts(script: Script) -> None:
    script.answers.extend([None] * 10)
    with script.client() as client, pytest.raises(e.ConnectionFailed) as failure:
        client.count("c")
    assert len(script.requests) == ATTEMPTS
    assert f"127.0.0.1:{script.port}" in failure.value.message


def test_write_is_sent_once(script: Script) -> None:
    script.answers.extend([None] * 10)
    with script.client() as client, pytest.raises(e.ConnectionFailed):
        client.upsert("c", ids=[1], vectors=[[1.0]])
    assert len(script.requests) == 1


def test_silent_server_times_out_and_is_asked_once(script: Script) -> None:
    with script.client(timeout_seconds=0.2) as client, pytest.raises(e.TimedOut) as failure:
        client.count("c")
    assert "0.2 seconds" in failure.value.message
    assert len(script.requests) == 1


def test_unreachable_server_is_named_with_the_way_out() -> None:
    with (
        RuvectorClient(url="http://127.0.0.1:1") as client,
        pytest.raises(e.ConnectionFailed) as failure,
    ):
        client.upsert("c", ids=[1], vectors=[[1.0]])
    assert "http://127.0.0.1:1" in failure.value.message
    assert "ruvector serve" in failure.value.message


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"{}", b'{"result": {"count": "x"}}', b""])
def test_answer_that_is_not_ours_is_a_failed_connection(script: Script, body: bytes) -> None:
    script.answers.append((200, body))
    with script.client() as client, pytest.raises(e.ConnectionFailed):
        client.count("c")


def test_waiting_for_an_index_goes_on_after_a_step(script: Script) -> None:
    script.answers.append((408, b'{"status":{"error":"Timeout: not yet"}}'))
    script.result(True)
    with script.client() as client:
        assert client.wait_for_index("c") is True
    assert [path for _, path, _, _ in script.requests] == [
        "/collections/c/index/wait?timeout=20"
    ] * 2


def test_waiting_for_an_index_ends_when_the_server_is_silent(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ruvector.client.rest.WAIT_STEP_SECONDS", 0.2)
    with script.client(timeout_seconds=0.2) as client, pytest.raises(e.TimedOut):
        client.wait_for_index("c")
    assert 1 <= len(script.requests) <= ATTEMPTS


def test_waiting_for_an_index_ends_with_its_time(script: Script) -> None:
    script.answers.append((408, b'{"status":{"error":"Timeout: not yet"}}'))
    with script.client() as client, pytest.raises(e.TimedOut):
        client.wait_for_index("c", timeout_seconds=0)
    assert script.requests[0][1] == "/collections/c/index/wait?timeout=1"


@pytest.mark.parametrize("known", ERROR_CLASSES)
def test_each_error_comes_back_as_its_class_without_the_prefix(
    known: type[e.RuvectorError],
) -> None:
    text = f"{known.prefix}limit is 5; the largest allowed is 4"
    for body in (json.dumps({"status": {"error": text}, "time": 0.0}).encode(), text.encode()):
        error = error_of(known.http_status, body, "http://x")
        assert type(error) is known
        assert error.message == "limit is 5; the largest allowed is 4"


def test_every_class_with_a_status_of_its_own_is_known() -> None:
    statuses = {known.http_status for known in ERROR_CLASSES}
    pending = list(e.RuvectorError.__subclasses__())
    while pending:
        cls = pending.pop()
        pending.extend(cls.__subclasses__())
        assert cls.http_status in statuses, cls


def test_status_that_nobody_knows_is_a_service_error() -> None:
    error = error_of(502, b"<html>Bad gateway</html>", "http://x")
    assert type(error) is e.ServiceError
    assert "502" in error.message


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"url": "http://a", "path": "b"},
        {"url": "ftp://a"},
        {"url": "http://"},
        {"path": ":memory:", "grpc_url": "a:6334"},
        {"grpc_url": "ftp://a"},
        {"path": ":memory:", "api_key": "x"},
        {"url": "http://a", "read_only": True},
        {"url": "http://a", "snapshots": {}},
        {"grpc_url": "a:6334", "snapshots": {"archive_log": True}},
        {"url": "http://a", "timeout_seconds": 0},
    ],
)
def test_contradicting_arguments_of_a_client_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(e.BadInput):
        RuvectorClient(**arguments)


def test_closed_client_says_so(script: Script) -> None:
    client = script.client()
    client.close()
    client.close()
    with pytest.raises(e.ConnectionFailed):
        client.count("c")
