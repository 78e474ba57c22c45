"""Does an authority that speaks ACME give this server its certificate? Debian's pebble is one."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme

from ruvector.errors import BadInput
from ruvector.server.configuration import Acme, Service, Settings, Tls, check

acme = pytest.importorskip("ruvector.server.acme", reason="ruvector[acme] is not installed")

SCRIPT = Path(__file__).with_name("fake_server.py")
START_SECONDS = 20
needs_pebble = pytest.mark.skipif(
    shutil.which("pebble") is None, reason="pebble is not installed: apt-get install pebble"
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Pebble on loopback: settings for it."""
    folder = tmp_path_factory.mktemp("pebble")
    owner = trustme.CA()
    leaf = owner.issue_cert("localhost", "127.0.0.1")
    (folder / "cert.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    (folder / "key.pem").write_bytes(leaf.private_key_pem.bytes())
    (folder / "ca.pem").write_bytes(owner.cert_pem.bytes())
    port, http_port = free_port(), free_port()
    pebble = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{free_port()}",
        "certificate": str(folder / "cert.pem"),
        "privateKey": str(folder / "key.pem"),
        "httpPort": http_port,
        "tlsPort": free_port(),
    }
    (folder / "config.json").write_text(json.dumps({"pebble": pebble}))
    quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [shutil.which("pebble"), "-config", str(folder / "config.json")],
            stdout=log,
            stderr=log,
            env={**os.environ, **quick},
        )
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
    yield Acme(
        domains=("localhost",),
        accept_terms=True,
        directory=f"https://127.0.0.1:{port}/dir",
        http_port=http_port,
        ca_cert=str(folder / "ca.pem"),
    )
    process.terminate()
    process.wait()


def settings_of(folder, given):
    tls = Tls(cert=str(folder / "cert.pem"), key=str(folder / "key.pem"), cert_ttl=0)
    return Settings(service=Service(enable_tls=True), tls=tls, acme=given)


@needs_pebble
def test_certificate_is_got_kept_and_renewed(authority, tmp_path, monkeypatch):
    settings = settings_of(tmp_path / "tls", authority)
    renewal = acme.Renewal(settings)
    renewal.look()
    first = Path(settings.tls.cert).read_bytes()
    assert first.count(b"BEGIN CERTIFICATE") >= 2
    for name in ("key.pem", acme.ACCOUNT):
        assert (tmp_path / "tls" / name).stat().st_mode & 0o777 == 0o600
    renewal.look()
    assert Path(settings.tls.cert).read_bytes() == first
    account = (tmp_path / "tls" / acme.ACCOUNT).read_bytes()
    monkeypatch.setattr(acme, "is_due", lambda *_: True)
    renewal.look()
    assert Path(settings.tls.cert).read_bytes() != first
    assert (tmp_path / "tls" / acme.ACCOUNT).read_bytes() == account


@needs_pebble
def test_server_starts_with_the_certificate_it_got(authority, tmp_path):
    named = {
        "SERVICE__ENABLE_TLS": "true",
        "TLS__CERT": str(tmp_path / "cert.pem"),
        "TLS__KEY": str(tmp_path / "key.pem"),
        "ACME__DOMAINS": "localhost",
        "ACME__ACCEPT_TERMS": "true",
        "ACME__DIRECTORY": authority.directory,
        "ACME__HTTP_PORT": str(authority.http_port),
        "ACME__CA_CERT": authority.ca_cert,
    }
    environment = {f"RUVECTOR__{name}": value for name, value in named.items()}
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment, "WAIT_FOR": str(tmp_path)},
    )
    try:
        port = next(int(line.rpartition(":")[2]) for line in process.stdout if "  REST" in line)
        shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=20)
        assert (tmp_path / "cert.pem").read_text().startswith(shown.strip()[:200])
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", authority.http_port), timeout=5)
    finally:
        process.terminate()
        process.communicate(timeout=20)


@needs_pebble
@pytest.mark.parametrize("names", [("not-here.invalid",), ("localhost", "not-here.invalid")])
def test_authority_that_refuses_changes_nothing(authority, tmp_path, names):
    import msgspec

    settings = settings_of(tmp_path, msgspec.structs.replace(authority, domains=names))
    with pytest.raises(acme.AcmeFailed, match=r"not-here\.invalid"):
        acme.Renewal(settings).look()
    assert not Path(settings.tls.cert).exists()
    assert not Path(settings.tls.key).exists()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"directory": "https://127.0.0.1:9/dir"}, "acme.directory"),
        ({"ca_cert": "missing.pem", "directory": "https://127.0.0.1:9/dir"}, "missing.pem"),
    ],
)
def test_authority_that_is_not_there_is_named(tmp_path, given, named):
    settings = settings_of(tmp_path, Acme(domains=("localhost",), **given))
    with pytest.raises(acme.AcmeFailed, match=named):
        acme.Renewal(settings).look()


@pytest.mark.parametrize(
    ("days_ago", "days_left", "names", "due"),
    [
        (1, 89, ("localhost",), False),
        (59, 31, ("localhost",), False),
        (61, 29, ("localhost",), True),
        (90, -1, ("localhost",), True),
        (1, 89, ("localhost", "other.example"), True),
    ],
)
def test_certificate_is_due_in_its_last_third_or_for_other_names(
    tmp_path, days_ago, days_left, names, due
):
    import datetime

    settings = settings_of(tmp_path, Acme())
    now = datetime.datetime.now(datetime.UTC)
    leaf = trustme.CA().issue_cert(
        "localhost",
        not_before=now - datetime.timedelta(days=days_ago),
        not_after=now + datetime.timedelta(days=days_left),
    )
    assert acme.is_due(settings.tls, names)
    Path(settings.tls.cert).write_bytes(leaf.cert_chain_pems[0].bytes())
    assert acme.is_due(settings.tls, names) == due


def test_only_challenges_are_answered():
    import urllib3

    port = free_port()
    path = "/.well-known/acme-challenge/token"
    with acme.answering("127.0.0.1", port) as answers:
        answers[path] = b"answer"
        answers["/secret"] = b"no"

        def ask(method, target):
            return urllib3.request(method, f"http://127.0.0.1:{port}{target}", retries=False)

        assert ask("GET", path).data == b"answer"
        for target in ("/", "/secret", path + "2", "/.well-known/acme-challenge/../../secret"):
            assert ask("GET", target).status == 404
        assert ask("POST", path).status == 501
        with pytest.raises(OSError, match=f"port {port}"), acme.answering("127.0.0.1", port):
            pass


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"accept_terms": True}, "service.enable_tls"),
        ({"enable_tls": True}, "acme.accept_terms"),
        ({"enable_tls": True, "accept_terms": True, "directory": "http://a"}, "acme.directory"),
        ({"http_port": 0}, "acme.http_port"),
    ],
)
def test_settings_that_cannot_work_are_refused(given, named):
    service = Service(enable_tls=given.pop("enable_tls", False))
    with pytest.raises(BadInput, match=named):
        check(Settings(service=service, acme=Acme(domains=("a.example",), **given)))
