"""Is REST encrypted as the settings say, and are changed certificates taken without a drop?"""

import contextlib
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest
import trustme
from tests.server.grpc_harness import GrpcThread
from tests.server.server_harness import FakeEngine

from ruvector.client.client import RuvectorClient
from ruvector.errors import BadInput, ConnectionFailed
from ruvector.server.configuration import Service, Settings, Tls, settle
from ruvector.server.tls import Certificates, certificates_of

SCRIPT = Path(__file__).with_name("fake_server.py")
GET = b"GET /collections HTTP/1.1\r\nhost: localhost\r\n\r\n"
LOADERS = 4


class Files:
    """Certificates of one authority in a folder, replaced as a careful program does it."""

    def __init__(self, folder):
        self.folder = folder
        self.paths = {name: folder / f"{name}.pem" for name in ("cert", "key", "ca_cert")}
        self.renew()

    def renew(self, *names):
        """Have another authority sign another certificate."""
        self.authority = trustme.CA()
        leaf = self.authority.issue_cert(*(names or ("localhost", "127.0.0.1")))
        self.put("ca_cert", self.authority.cert_pem.bytes())
        self.put("key", leaf.private_key_pem.bytes())
        self.put("cert", b"".join(part.bytes() for part in leaf.cert_chain_pems))

    def put(self, name, text):
        temporary = self.folder / "new"
        temporary.write_bytes(text)
        temporary.replace(self.paths[name])

    def context(self, authority=None, **minimum):
        """Return a client's context that trusts the authority that there is now."""
        context = ssl.create_default_context()
        (authority or self.authority).configure_trust(context)
        return context

    @property
    def environment(self):
        named = {f"RUVECTOR__TLS__{name.upper()}": str(path) for name, path in self.paths.items()}
        return {**named, "RUVECTOR__SERVICE__ENABLE_TLS": "true", "RUVECTOR__TLS__CERT_TTL": "0"}

    @property
    def tls(self):
        return Tls(**{name: str(path) for name, path in self.paths.items()}, cert_ttl=0)


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture
def start(files, tmp_path):
    processes = []

    def begin(**environment):
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "0"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **files.environment, **environment, "WAIT_FOR": str(tmp_path)},
        )
        processes.append(process)
        for line in process.stdout:
            if line.startswith("  REST"):
                assert "https://" in line
                return int(line.rpartition(":")[2])
        raise AssertionError("it did not start")

    yield begin
    for process in processes:
        process.terminate()
        process.communicate(timeout=20)


def connect(port, context, name="localhost"):
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    return context.wrap_socket(plain, server_hostname=name)


def ask(connection, path=b"/collections"):
    """Send a request; return its answer, or what came of it."""
    connection.sendall(GET.replace(b"/collections", path))
    found = b""
    while part := connection.recv(65536):
        found += part
        head, end, body = found.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if end and length and len(body) == int(length[1]):
            break
    return found


def test_requests_are_encrypted_and_certificates_verified(start, files):
    port = start()
    with connect(port, files.context()) as connection:
        assert ask(connection).startswith(b"HTTP/1.1 200")
        assert connection.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(port, files.context(trustme.CA()))
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        assert b"200" not in ask(plain)


def closed(connection):
    """Return whether the server closes a connection, and sends no more than a TLS alert."""
    connection.settimeout(20)
    try:
        return len(connection.recv(65536)) < 100 and connection.recv(65536) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n"])
def test_a_handshake_that_does_not_end_is_cut_off(start, files, sent):
    port = start(HANDSHAKE_SECONDS="0.3")
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(sent)
        assert closed(plain)
    with connect(port, files.context()) as connection:
        text = ask(connection, b"/metrics")
        assert b"ruvector_failed_handshakes_total 1\n" in text


def test_handshakes_count_as_connections(start, files):
    port = start(HANDSHAKE_SECONDS="2", RUVECTOR__SERVICE__MAX_CONNECTIONS="3")
    kept = connect(port, files.context())
    assert ask(kept).startswith(b"HTTP/1.1 200")
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    assert ask(kept).startswith(b"HTTP/1.1 200")  # the others are there by now
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(port, files.context())
    assert ask(kept).startswith(b"HTTP/1.1 200")
    for plain in waiting:
        assert closed(plain)
        plain.close()
    with connect(port, files.context()) as connection:
        text = ask(connection, b"/metrics")
        assert b"ruvector_refused_connections_total 1\n" in text
        assert b"ruvector_failed_handshakes_total 2\n" in text
    kept.close()


def test_a_request_that_comes_with_the_end_of_the_handshake_is_answered(start, files):
    port = start()
    for _ in range(20):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = files.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    incoming.write(plain.recv(65536))
            tls.write(GET)
            plain.sendall(outgoing.read())  # the last message of the handshake and the request
            found = b""
            while b"\r\n\r\n" not in found and (part := plain.recv(65536)):
                incoming.write(part)
                with contextlib.suppress(ssl.SSLWantReadError):
                    found += tls.read(65536)
            assert found.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("version", "taken"),
    [("TLSv1", False), ("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_are_refused(start, files, version, taken):
    port, context = start(), files.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    if taken:
        with connect(port, context) as connection:
            assert ask(connection).startswith(b"HTTP/1.1 200")
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connect(port, context)


def test_client_certificates_are_required_where_asked_for(start, files):
    port = start(RUVECTOR__SERVICE__VERIFY_HTTPS_CLIENT_CERTIFICATE="true")
    for authority, taken in ((None, False), (trustme.CA(), False), (files.authority, True)):
        context = files.context()
        if authority is not None:
            authority.issue_cert("client").configure_cert(context)
        try:
            with connect(port, context) as connection:
                answer = ask(connection)  # TLS 1.3 tells of a refusal with the first read
        except (ssl.SSLError, ConnectionError):
            answer = b""
        assert answer.startswith(b"HTTP/1.1 200") == taken


def test_authority_of_clients_is_changed_with_the_rest(start, files):
    port = start(RUVECTOR__SERVICE__VERIFY_HTTPS_CLIENT_CERTIFICATE="true")
    old = files.authority.issue_cert("client")
    files.renew()
    for client, taken in ((old, False), (files.authority.issue_cert("client"), True)):
        context = files.context()
        client.configure_cert(context)
        try:
            with connect(port, context) as connection:
                answer = ask(connection)
        except (ssl.SSLError, ConnectionError):
            answer = b""
        assert answer.startswith(b"HTTP/1.1 200") == taken


@pytest.mark.parametrize("name", ["localhost", None])
def test_changed_certificates_are_taken(start, files, name):
    port, old = start(), files.context()
    old.check_hostname = name is not None
    with connect(port, old, name) as kept:
        assert ask(kept).startswith(b"HTTP/1.1 200")
        files.renew()
        new = files.context()
        new.check_hostname = name is not None
        with connect(port, new, name) as connection:
            assert ask(connection).startswith(b"HTTP/1.1 200")
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(port, old, name)
        assert ask(kept).startswith(b"HTTP/1.1 200")


def test_rotation_under_load_drops_nothing(start, files):
    """Ten rotations, while threads make new connections and use kept ones."""
    port = start()
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    rotating, answers, seen = threading.Event(), [], set()
    rotating.set()

    def load():
        with connect(port, trusting) as kept:
            while rotating.is_set():
                with connect(port, trusting) as fresh:
                    seen.add(fresh.getpeercert(binary_form=True))
                    answers.append(ask(fresh)[:12])
                answers.append(ask(kept)[:12])

    failures = []

    def guarded():
        try:
            load()
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(LOADERS)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        before, known = len(answers), len(seen)
        files.renew()
        while not failures and (len(answers) < before + 2 * LOADERS or len(seen) == known):
            rotating.wait(0.001)
    rotating.clear()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(answers) == {b"HTTP/1.1 200"}
    assert len(seen) >= 10


def test_files_that_do_not_fit_change_nothing(files, caplog):
    certificates = Certificates(files.tls, verifies=True)
    first = certificates.current()
    other = trustme.CA().issue_cert("localhost")
    good = files.paths["key"].read_bytes()
    for name, text in (
        ("key", other.private_key_pem.bytes()),
        ("key", b""),
        ("key", good),
        ("ca_cert", b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"),
        ("ca_cert", trustme.CA().cert_pem.bytes()),
    ):
        caplog.clear()
        files.put(name, text)
        now = certificates.current()
        assert now.certificate == first.certificate
        again = certificates.current()
        assert again is now
        kept = now is first
        assert len([each for each in caplog.records if each.levelname == "ERROR"]) == kept
        first = now
        assert "PRIVATE" not in caplog.text
    files.paths["cert"].unlink()
    assert certificates.current() is first
    files.renew()
    assert certificates.current().certificate == files.paths["cert"].read_bytes()


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("cert", None, "tls.cert"),
        ("key", None, "tls.key"),
        ("ca_cert", None, "tls.ca_cert"),
        ("cert", b"", "tls.cert"),
        ("cert", b"x" * (2**20 + 1), "larger than"),
        ("key", b"canary", "tls.key"),
        ("ca_cert", b"canary", "tls.ca_cert"),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_start(files, name, text, named):
    if text is None:
        files.paths[name].unlink()
    else:
        files.put(name, text)
    service = Service(enable_tls=True, verify_https_client_certificate=True)
    with pytest.raises(BadInput) as caught:
        certificates_of(Settings(service=service, tls=files.tls))
    assert named in caught.value.message
    assert str(files.folder) in caught.value.message
    assert "canary" not in caught.value.message


def test_without_tls_no_file_is_read():
    assert certificates_of(settle({}, {}, {})[0]) is None


def test_our_client_verifies_and_shows_certificates(start, files, tmp_path):
    port = start(RUVECTOR__SERVICE__VERIFY_HTTPS_CLIENT_CERTIFICATE="true")
    url, ca_cert = f"https://localhost:{port}", str(files.paths["ca_cert"])
    leaf = files.authority.issue_cert("client")
    own, alone, key = tmp_path / "own.pem", tmp_path / "alone.pem", tmp_path / "own-key.pem"
    own.write_bytes(leaf.private_key_and_cert_chain_pem.bytes())
    alone.write_bytes(leaf.cert_chain_pems[0].bytes())
    key.write_bytes(leaf.private_key_pem.bytes())
    for options in ({"client_cert": own}, {"client_cert": alone, "client_key": key}):
        with RuvectorClient(url=url, ca_cert=ca_cert, **options) as client:
            assert client.list_collections() == []
    for options in ({"ca_cert": ca_cert}, {"client_cert": own}):
        with RuvectorClient(url=url, **options) as client, pytest.raises(ConnectionFailed):
            client.create_collection("docs", dimensions=2)
    files.renew("elsewhere.example")
    client = RuvectorClient(url=url, ca_cert=ca_cert, client_cert=own)
    with client, pytest.raises(ConnectionFailed, match="certificate is not valid for 'localhost'"):
        client.create_collection("docs", dimensions=2)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"url": "http://localhost", "ca_cert": "ca.pem"}, "https"),
        ({"url": "https://localhost", "ca_cert": "missing.pem"}, "missing.pem"),
        ({"url": "https://localhost", "client_key": "key.pem"}, "client_cert"),
        ({"path": ":memory:", "client_cert": "own.pem"}, "client_cert"),
    ],
)
def test_what_the_client_cannot_use_is_refused(options, named):
    with pytest.raises(BadInput, match=named):
        RuvectorClient(**options)


def test_grpc_takes_changed_certificates_and_requires_those_of_clients(files):
    """Connections that are open go on; new ones get what the files hold, authorities too."""
    engine = FakeEngine()
    service = Service(grpc_port=0, enable_tls=True, verify_https_client_certificate=True)
    settings = Settings(service=service, tls=files.tls)
    server = GrpcThread(settings, engine, certificates_of(settings))
    old, client = files.authority, files.authority.issue_cert("client")
    kept = channel_to(server.port, old, client)
    assert listed(kept) == "OK"
    assert listed(channel_to(server.port, old, None)) == "UNAVAILABLE"
    assert listed(channel_to(server.port, trustme.CA(), client)) == "UNAVAILABLE"
    for _ in range(3):
        files.renew()
        new = files.authority
        assert listed(channel_to(server.port, new, new.issue_cert("client"))) == "OK"
        assert listed(channel_to(server.port, new, client)) == "UNAVAILABLE"
        assert listed(kept) == "OK"
    kept.close()
    server.close(0)


def channel_to(port, authority, client):
    """Return a channel of its own connection."""
    key = client.private_key_pem.bytes() if client else None
    chain = client.cert_chain_pems[0].bytes() if client else None
    credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes(), key, chain)
    alone = (("grpc.use_local_subchannel_pool", 1),)
    return grpc.secure_channel(f"localhost:{port}", credentials, alone)


def listed(channel):
    """Return the code of a call."""
    try:
        channel.unary_unary("/qdrant.Collections/List")(b"", timeout=20)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"
