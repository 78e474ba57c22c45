"""Do attacks get what PROMISES say they get? Those that no other file of tests is about.

One server over a real engine in a folder, seen from outside: what it answers, and what changes.
"""

import itertools
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.security.callers import CALLERS, KEY, NEEDS, READ_ONLY, SERVICE
from tests.security.callers import allowed as is_allowed
from tests.security.test_matrix import published_name
from tests.server.server_harness import Caller, FakeEngine, call_application

import ruvector
from ruvector.engine import Engine
from ruvector.errors import BadInput, RuvectorError
from ruvector.security.tokens import sign
from ruvector.server.asgi import Application
from ruvector.server.configuration import Service, Settings, Storage, settle
from ruvector.server.run import check_door

SCRIPT = Path(__file__).parents[1] / "server" / "fake_server.py"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - compared with, not bound to
SPELLINGS = [
    lambda path: path,
    lambda path: "/" + path,
    lambda path: path + "/",
    lambda path: path.replace("/", "//"),
    lambda path: path.replace("/", "/./"),
    lambda path: "/healthz/.." + path,
    lambda path: "/healthz/%2e%2e" + path,
    lambda path: "/healthz%2f.." + path,
    lambda path: "/docs/.." + path,
    lambda path: path + "/..",
    lambda path: path + "/.",
    lambda path: path + "/%2e%2e",
    lambda path: path + "%2f",
    lambda path: path + "%00",
    lambda path: path + "%20",
    lambda path: path + ";a=b",
    lambda path: path.replace("docs", "docs;a=b"),
    lambda path: path.replace("docs", "docs%2f..%2fother"),
    lambda path: path.replace("docs", "DOCS"),
    lambda path: path.replace("docs", "%64ocs"),
    lambda path: path.replace("docs", "%2564ocs"),
    lambda path: path.replace("docs", "docs%00"),
    lambda path: path.replace("docs", "docs#"),
    lambda path: path.upper(),
    lambda path: path.replace("c", "%63", 1),
    lambda path: path.replace("/", "%2f"),
    lambda path: path.replace("/", "\\"),
    lambda path: "http://elsewhere" + path,
    lambda path: path + "?api-key=" + KEY,
    lambda path: path.replace("collections", "collections/docs/../../collections"),
]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get")


class Recording(FakeEngine):
    """Remembers who was let in to what."""

    def execute(self, request, caller):
        self.requests.append((request, caller))
        raise BadInput("it was let in")

    def __getattr__(self, name):
        raise BadInput("it was let in")  # to what is not a request: parts of files


@pytest.fixture(scope="module")
def recorded():
    engine = Recording()
    application = Application(engine, Settings(service=SERVICE))
    yield Caller(application, call_application)
    application.pool.close()


def paths_of(server):
    for route in server.application.router.routes:
        path = route.path.replace("{collection}", "docs").replace("{shard}", "0")
        yield route, path.replace("{id}", "1").replace("{", "").replace("}", "")


@pytest.mark.parametrize("who", ["nobody", "r on the collection", "other collection"])
def test_no_spelling_and_no_method_gets_more(recorded, who):
    """Whatever is let in is what the page allows to the caller, on the collection docs."""
    credential, grants = CALLERS[who]
    headers = [] if credential is None else [("api-key", credential)]
    headers += [("x-http-method-override", "GET"), ("x-original-url", "/healthz")]
    engine = recorded.application._engine
    engine.requests.clear()
    for route, path in paths_of(recorded):
        for spell in SPELLINGS:
            answer = recorded(route.method, spell(path), b"{}", headers)
            assert answer.status < 500, (route.method, spell(path))
            if grants is None and NEEDS[published_name(route)] is not None:
                assert answer.status in (401, 404), (route.method, spell(path), answer.status)
        for method in METHODS:
            assert recorded(method, path, b"{}", headers).status < 500
    for request, caller in engine.requests:
        needs, about = NEEDS[type(request).__name__], getattr(request, "collection", None)
        granted = (
            caller.grants if about is None else {"docs": caller.grants.get(about, frozenset())}
        )
        assert is_allowed(needs, granted), request
    let_in = {type(request).__name__ for request, _ in engine.requests}
    assert ("Count" in let_in) == (who == "r on the collection")
    assert ("ListCollections" in let_in) == (who != "nobody")


def test_headers_that_name_another_path_or_method_mean_nothing(recorded):
    headers = [("api-key", READ_ONLY)]
    for name in ("x-http-method-override", "x-http-method", "x-method-override"):
        answer = recorded("DELETE", "/collections/docs", b"", [*headers, (name, "GET")])
        assert answer.status == 403
    for name in ("x-original-url", "x-rewrite-url", "x-forwarded-prefix", "forwarded"):
        answer = recorded("DELETE", "/collections/docs", b"", [*headers, (name, "/healthz")])
        assert answer.status == 403


PARTS = ("..", ".", "a", "etc", "CON", "\0", "~", "%2e%2e", "..\\", "...")
NAMES = sorted(
    {
        *(joint.join(pair) for pair in itertools.product(PARTS, PARTS) for joint in ("/", "\\")),
        *(f"{depth}etc/passwd" for depth in ("../" * 3, "..\\" * 3, "/", "//", "file:///")),
        *("..", ".", "a\0", "a\nb", "a" * 256, "é" * 128, "a:b", "a*", "a?", 'a"', "a|b", "<a>"),
        *("\x7f", "\x1f", "a\x00b", "\r\n", "C:\\x", "\\\\host\\share", "a/b", "/", "\\"),
    }
)


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory):
    """A server over a real engine in a folder that has neighbours."""
    around = tmp_path_factory.mktemp("around")
    (around / "neighbour").write_text("canary")
    engine = Engine.open(around / "storage")
    settings = Settings(
        service=Service(api_key=KEY), storage=Storage(storage_path=str(around / "storage"))
    )
    application = Application(engine, settings)
    caller = Caller(application, call_application)

    def server(method, target, body=b""):
        return caller(method, target, body, [("api-key", KEY)])

    server.around = around
    assert server("POST", "/collections", {"name": "docs", "dimensions": 2}).status == 200
    yield server
    application.pool.close()
    engine.close()


def state_of(around):
    """Return names and sizes of everything in a folder, but for files that grow as they like."""
    return sorted(
        (str(path.relative_to(around)), path.stat().st_size if path.is_file() else 0)
        for path in around.rglob("*")
        if path.suffix not in (".mdb", ".lock") and "store" not in path.name
    )


def quoted(name):
    return "".join(f"%{byte:02x}" for byte in name.encode())


def test_no_name_leads_out_of_the_folder(on_disk):
    before = state_of(on_disk.around)
    vector = {"vectors": {"size": 2, "distance": "Dot"}}
    for name in NAMES:
        path = quoted(name)
        alias = {"create_alias": {"collection_name": "docs", "alias_name": name}}
        renamed = {"rename_alias": {"old_alias_name": "docs", "new_alias_name": name}}
        to_name = {"create_alias": {"collection_name": name, "alias_name": "b"}}
        for answer in (
            on_disk("PUT", f"/collections/{path}", vector),
            on_disk("POST", "/collections", {"name": name, "dimensions": 2}),
            on_disk("POST", "/collections/aliases", {"actions": [alias]}),
            on_disk("POST", "/collections/aliases", {"actions": [renamed]}),
            on_disk("POST", "/collections/aliases", {"actions": [to_name]}),
            on_disk("PUT", f"/collections/docs/vectors/{path}", {"dense": vector["vectors"]}),
            on_disk("GET", f"/collections/{path}"),
            on_disk("POST", f"/collections/{path}/snapshots"),
            on_disk("GET", f"/collections/docs/snapshots/{path}"),
            on_disk("DELETE", f"/collections/docs/snapshots/{path}"),
            on_disk("GET", f"/snapshots/{path}"),
            on_disk("DELETE", f"/snapshots/{path}"),
            on_disk("GET", f"/docs/{path}"),
        ):
            assert 400 <= answer.status < 500, (name, answer.status, answer.body[:200])
            assert b"canary" not in answer.body
            assert str(on_disk.around).encode() not in answer.body
    assert state_of(on_disk.around) == before
    assert len(NAMES) >= 200


HOSTS = {"127.0.0.1": True, "localhost": True, "::1": True, EVERY_ADDRESS: False, "db": False}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("insecure", [False, True])
@pytest.mark.parametrize("rbac", [False, True])
@pytest.mark.parametrize("key", [None, "", " ", "tiny", "k" * 32])
@pytest.mark.parametrize("name", ["api_key", "alt_api_key", "read_only_api_key"])
def test_start_is_safe_or_refused(host, insecure, rbac, key, name):
    is_key = bool(key and key.strip())
    signs = is_key and name == "api_key" and len(key) >= 32
    expected = (not rbac or signs) and (HOSTS[host] or insecure or is_key)
    try:
        file = {"service": {"host": host, name: key, "jwt_rbac": rbac}}
        check_door(settle(file, {}, {})[0], insecure)
        started = True
    except RuvectorError as error:
        started = False
        assert not is_key or key not in error.message
    assert started == expected


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    """A server with keys as a process: its port, pid, and a function that ends it."""
    environment = {
        **os.environ,
        "WAIT_FOR": str(tmp_path_factory.mktemp("attacks")),
        "RUVECTOR__SERVICE__API_KEY": KEY,
        "RUVECTOR__SERVICE__READ_ONLY_API_KEY": READ_ONLY,
    }
    child = subprocess.Popen(
        [sys.executable, str(SCRIPT), "0"], stdout=subprocess.PIPE, text=True, env=environment
    )
    port = next(int(line.rpartition(":")[2]) for line in child.stdout if "  REST" in line)
    yield port, child.pid
    child.terminate()
    child.communicate(timeout=20)


def resident_bytes(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS"))


POINTS = b"PUT /collections/docs/points"
BODIES = {
    "JSON": (POINTS, b"content-type: application/json\r\n"),
    "gzip": (POINTS, b"content-type: application/json\r\ncontent-encoding: gzip\r\n"),
    "multipart": (
        b"POST /collections/docs/snapshots/upload",
        b"content-type: multipart/form-data; boundary=x\r\n",
    ),
}


@pytest.mark.parametrize("credential", [None, "x" * 32, READ_ONLY])
@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("chunked", [False, True])
def test_body_of_who_may_not_is_neither_awaited_nor_kept(process, credential, kind, chunked):
    """The answer is there before the body; 100 MiB of body afterwards leave nothing behind."""
    port, pid = process
    before = resident_bytes(pid)
    begin, headers = BODIES[kind]
    head = b"%b HTTP/1.1\r\nhost: localhost\r\n%b" % (begin, headers)
    head += b"" if credential is None else b"api-key: %b\r\n" % credential.encode()
    head += b"transfer-encoding: chunked\r\n" if chunked else b"content-length: 104857600\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head + b"\r\n")
        status = connection.recv(65536).split()[1]
        assert status == (b"403" if credential == READ_ONLY else b"401")
        part = b"y" * 2**20
        try:
            for _ in range(100):
                connection.sendall(b"100000\r\n%b\r\n" % part if chunked else part)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert resident_bytes(pid) - before <= 5 * 2**20


def test_nothing_that_is_read_can_become_code():
    """No pickle and no relative of it, and numpy may not use it either."""
    found = [
        f"{path.name}: {word}"
        for path in Path(ruvector.__file__).parent.rglob("*.py")
        for word in ("pickle", "marshal", "shelve", "dill", "eval(", "exec(", "allow_pickle=True")
        if re.search(rf"(?<![\w.]){re.escape(word)}", path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_secrets_are_in_no_answer_no_log_and_no_file(start_server, tmp_path):
    """Canaries through every door: keys and tokens that are right, wrong, and in odd places."""
    key, alternative, reader = (f"canary-{name}-{'x' * 32}" for name in ("one", "two", "three"))
    token = sign({"access": [{"collection": "docs", "access": "r"}]}, key.encode())
    file = tmp_path / "config.yaml"
    file.write_text(
        f"service: {{api_key: {key}, alt_api_key: {alternative}, read_only_api_key: {reader}, "
        "jwt_rbac: true, slow_query_secs: 0}\nlog_level: DEBUG\naudit: {enabled: true}\n"
    )
    server = start_server(tmp_path / "storage", "--config", str(file))
    answers = []

    def ask(method, path, body=None, credential=key, header="api-key"):
        import urllib3

        answer = urllib3.request(
            method, server.url + path, body=body, headers={header: credential}, retries=False
        )
        answers.append(repr(answer.headers).encode() + answer.data)
        return answer.status

    created = msgspec.json.encode({"vectors": {"size": 2, "distance": "Dot"}})
    assert ask("PUT", "/collections/docs", created) == 200
    for credential in (key, alternative, reader, token, key[:-1], token[:-1], "canary-wrong"):
        for header in ("api-key", "authorization", "cookie"):
            for method, path in (
                ("GET", "/collections"), ("GET", "/telemetry?details_level=9"), ("GET", "/metrics"),
                ("GET", "/nothing"), ("PUT", "/collections/a%2fb"), ("GET", "/openapi.json"),
                ("POST", "/collections/docs/points/query"), ("PATCH", "/collections"),
                ("POST", "/collections/docs/snapshots"), ("GET", "/issues"),
            ):  # fmt: skip
                given = f"Bearer {credential}" if header == "authorization" else credential
                ask(method, path, b"{]" if method == "POST" else None, given, header)
    assert ask("POST", "/collections/docs/snapshots") == 200
    assert server.stop() == 0
    secrets = [key, alternative, reader, token, token.rpartition(".")[2], "canary-"]
    texts = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    texts.pop(file)
    for path, text in texts.items():
        for secret in secrets:
            assert secret.encode() not in text, path
    assert [answer for answer in answers if b"canary" in answer] == []
