"""Does the server start or refuse in clear words, and stop without losing anything?"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
from tests.server.server_harness import FakeEngine

from ruvector.errors import StorageDamaged, StorageLocked
from ruvector.server import run
from ruvector.server.configuration import Service, Settings

SCRIPT = Path(__file__).with_name("fake_server.py")


def launch(environment):
    """Return a server process, and the port that it chose and printed."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    port = 0
    for line in process.stdout:
        if line.startswith("  REST"):
            port = int(line.rpartition(":")[2])
        if "Ctrl+C" in line:
            return process, port
    raise AssertionError(process.stderr.read())


@pytest.fixture
def start(tmp_path):
    """A function that starts a server process and returns it with its port."""
    processes = []

    def begin():
        process, port = launch({"WAIT_FOR": str(tmp_path / "go")})
        processes.append(process)
        return process, port

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def get(port, path, method="GET", body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def exchange(port, *parts):
    """Send bytes, and return everything until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        found = b""
        try:
            while part := connection.recv(65536):
                found += part
        except ConnectionResetError:
            pass
        return found


def test_sigterm_lets_work_in_flight_end_and_exits_with_0(start, tmp_path):
    process, port = start()
    held = []
    thread = threading.Thread(
        target=lambda: held.append(get(port, "/collections/c/points/count", "POST", b"{}"))
    )
    thread.start()
    assert process.stdout.readline() == "counting\n"
    process.send_signal(signal.SIGTERM)
    while get(port, "/readyz")[0] == 200:
        pass
    for _ in range(20):  # longer than a tick of the loop that waits for signals
        assert get(port, "/livez")[0] == 200
        assert get(port, "/collections")[0] == 503
        time.sleep(0.02)
    assert process.poll() is None
    (tmp_path / "go").touch()
    thread.join()
    assert held[0][0] == 200
    assert msgspec.json.decode(held[0][1])["result"] == {"count": 42}
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert output == "engine closed\n"


def test_answers_on_the_wire_say_nothing_about_the_software(start):
    _, port = start()
    status, body, headers = get(port, "/collections")
    assert status == 200
    assert set(headers) == {"date", "content-type", "content-length", "x-request-id"}
    assert msgspec.json.decode(body)["status"] == "ok"


HEAD = b"POST /collections/c/points/scroll HTTP/1.1\r\nhost: localhost\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        HEAD + b"content-length: -2\r\n\r\n{}",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: gzip, chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        HEAD + b"bad header\r\n\r\n",
        HEAD + b"x: a\x00b\r\n\r\n",
        HEAD + b"x : a\r\ncontent-length: 2\r\n\r\n{}",
        HEAD + b"".join(b"x%d: 1\r\n" % n for n in range(300)) + b"\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
    ids=range(11),
)
def test_ambiguous_requests_are_a_400(start_once, request_bytes):
    answer = exchange(start_once, request_bytes)
    assert answer.startswith(b"HTTP/1.1 400"), answer[:200]
    assert answer.count(b"HTTP/1.1") == 1


@pytest.fixture(scope="module")
def start_once(tmp_path_factory):
    """The port of one server for the tests that only send bytes."""
    process, port = launch({"WAIT_FOR": str(tmp_path_factory.mktemp("run"))})
    yield port
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_head_without_end_is_a_431(start_once):
    answer = exchange(start_once, HEAD, *[b"x: " + b"y" * 10_000 + b"\r\n"] * 8)
    assert answer.startswith(b"HTTP/1.1 431"), answer[:200]


def test_large_body_is_refused_with_an_answer_its_sender_can_read(start_once):
    body = b"x" * (33 * 2**20)
    status, text, _ = get(start_once, "/collections/c/points", "PUT", body)
    assert status == 413
    assert b"33554432" in text


def test_bodies_come_in_pieces_and_connections_are_kept(start_once):
    connection = http.client.HTTPConnection("127.0.0.1", start_once, timeout=20)
    for _ in range(3):
        connection.request(
            "POST", "/collections/c/points/scroll", iter([b'{"lim', b'it":', b"2}"]),
            {"transfer-encoding": "chunked"}, encode_chunked=True,
        )  # fmt: skip
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:10]) == (200, b'{"result":')
    connection.close()


def test_pipelined_requests_are_answered_in_order(start_once):
    one = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
    two = b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    answer = exchange(start_once, one + two)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.index(b"healthz") < answer.index(b"livez")


def test_taken_port_is_one_line(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code = run.serve({"service": {"http_port": port}}, {}, open_engine=lambda _: FakeEngine())
    assert code == 1
    assert refusal(capsys).startswith(f"ruvector: port {port} on 127.0.0.1 is taken")


def test_taken_port_of_grpc_is_one_line(capfd):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        flags = {"service": {"http_port": 0, "grpc_port": port}}
        assert run.serve(flags, {}, open_engine=lambda _: FakeEngine()) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert f"port {port} on 127.0.0.1 is taken" in line
    assert "--grpc-port" in line


@pytest.mark.parametrize(
    "error",
    [
        StorageLocked("./docs is open\nin process 17"),
        StorageDamaged("meta/data.mdb is cut off"),
        PermissionError(13, "Permission denied"),
    ],
)
def test_folder_that_cannot_be_opened_is_one_line(capsys, error):
    def fail(_):
        raise error

    flags = {"service": {"http_port": 0, "grpc_port": 0}, "storage": {"storage_path": "./docs"}}
    assert run.serve(flags, {}, open_engine=fail) == 1
    assert refusal(capsys).startswith("ruvector: cannot open ./docs: ")


@pytest.mark.parametrize("key", [None, "", "  "])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])  # noqa: S104
def test_open_door_without_a_key_is_refused(capsys, host, key):
    flags = {"service": {"host": host, "http_port": 0, "api_key": key}}
    assert run.serve(flags, {}, open_engine=lambda _: FakeEngine()) == 1
    assert "--insecure" in refusal(capsys)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_loopback_needs_no_key(host):
    run.check_door(Settings(service=Service(host=host)), insecure=False)


def test_key_or_flag_opens_the_door():
    host = "192.0.2.1"
    run.check_door(Settings(service=Service(host=host, api_key="k")), insecure=False)
    run.check_door(Settings(service=Service(host=host)), insecure=True)


def test_bad_setting_is_one_line(capsys):
    assert run.serve({}, {"RUVECTOR__COLOUR": "red"}) == 1
    assert "RUVECTOR__COLOUR" in refusal(capsys)


def test_greeting_says_where_and_hides_the_key():
    text = run.greeting(Settings(service=Service(api_key="secret")), 3, 6333, 6334)
    assert "http://127.0.0.1:6333/docs" in text
    assert "3 collections" in text
    assert "gRPC         127.0.0.1:6334\n" in text
    assert "secret" not in text
    assert len(text.splitlines()) < 24


def refusal(capsys):
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err
