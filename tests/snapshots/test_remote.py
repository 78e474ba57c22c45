"""Is a snapshot restored from a URL, and nothing harmed by whoever answers there?"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import trustme

from ruvector.engine import Engine
from ruvector.errors import (
    BadInput,
    ChecksumMismatch,
    Forbidden,
    RuvectorError,
    StorageFull,
    TimedOut,
    Unavailable,
)
from ruvector.model import requests as r
from ruvector.model.points import PointsBlock, VectorBlock
from ruvector.snapshots.folder import RECEIVED_AT_ONCE, SnapshotFolder
from ruvector.snapshots.remote import REDIRECTS, Downloads, Limits, remote_of
from ruvector.snapshots.settings import SnapshotSettings

SIGNATURE = "not-to-be-told"
Answer = Callable[[socket.socket, bytes], None]


class Sender:
    """Answers every connection on the loopback address as a test wants it."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self._answer, self._context = answer, context
        self._door = socket.create_server(("127.0.0.1", 0))
        self.heads: list[bytes] = []
        scheme = "http" if context is None else "https"
        self.port = self._door.getsockname()[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}/a.snapshot?sig={SIGNATURE}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            connected = plain
            if self._context is not None:
                connected = self._context.wrap_socket(plain, server_side=True)
            with connected:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connected.recv(4096)
                self.heads.append(head)
                self._answer(connected, head)
        except OSError:
            pass  # the other side has seen enough

    def close(self) -> None:
        self._door.close()


@pytest.fixture
def sender() -> Iterator[Callable[..., Sender]]:
    opened = []

    def start(answer: Answer, context: ssl.SSLContext | None = None) -> Sender:
        opened.append(Sender(answer, context))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine.open(":memory:", snapshots=SnapshotSettings(from_urls=True))
    engine.execute(r.CreateCollection(collection="docs", vectors={"size": 2, "distance": "Dot"}))
    put(engine, 1)
    yield engine
    engine.close()


@pytest.fixture
def content(engine: Engine) -> bytes:
    """The snapshot of one point; there are two afterwards."""
    made = engine.execute(r.CreateSnapshot(collection="docs"))
    request = r.DownloadSnapshot(collection="docs", snapshot_name=made.name)
    content = b"".join(engine.read_snapshot(request).pieces)
    put(engine, 2)
    return content


def put(engine: Engine, number: int) -> None:
    block = PointsBlock([number], {"": VectorBlock(np.ones((1, 2), np.float32))}, None)
    engine.execute(r.Upsert(collection="docs", points=block))


def whole(body: bytes, length: int | None = None) -> Answer:
    size = len(body) if length is None else length
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
    return lambda connected, _: connected.sendall(head + body)


def to(location: str) -> Answer:
    text = f"HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
    return lambda connected, _: connected.sendall(text.encode())


def endless(head: bytes, part: bytes, pause: float = 0.0) -> Answer:
    def answer(connected: socket.socket, _: bytes) -> None:
        connected.sendall(head)
        while True:
            connected.sendall(part)
            time.sleep(pause)

    return answer


def recover(engine: Engine, url: str, **given: object) -> None:
    engine.execute(r.RecoverSnapshot(collection="docs", location=url, **given))


def count(engine: Engine) -> int:
    return engine.execute(r.Count(collection="docs")).count


def refused(
    engine: Engine, url: str, kind: type[RuvectorError], match: str, **given: object
) -> None:
    """A restore is refused, tells no secret, and leaves everything as it was."""
    with pytest.raises(kind, match=match) as caught:
        recover(engine, url, **given)
    assert SIGNATURE not in str(caught.value)
    assert caught.value.http_status < 500 or caught.value.http_status in (503, 507)
    assert count(engine) == 2
    working = engine.snapshots.folder.working
    assert not working.is_dir() or not list(working.iterdir())


def with_limits(engine: Engine, **limits: float) -> None:
    engine.snapshots._downloads = Downloads(engine.snapshots.folder, Limits(**limits))


def test_a_url_is_restored_also_behind_redirects(engine, content, sender) -> None:
    last = sender(whole(content))
    url = last.url
    for _ in range(REDIRECTS):
        url = sender(to(url)).url
    recover(engine, url, api_key=SIGNATURE)
    assert count(engine) == 1
    assert (
        SIGNATURE.encode() not in last.heads[0].partition(b"\r\n")[2]
    )  # it is for the first alone


def test_the_key_goes_to_the_host_that_was_named(engine, content, sender) -> None:
    def answer(connected: socket.socket, head: bytes) -> None:
        reply = whole(content) if b"/moved" in head else to("/moved")
        reply(connected, head)

    asked = sender(answer)
    recover(engine, asked.url, api_key="key-1")
    assert count(engine) == 1
    assert [b"api-key: key-1\r\n" in head for head in asked.heads] == [True, True]


def test_it_is_off_unless_it_is_set(content, sender) -> None:
    asked = sender(whole(content))
    engine = Engine.open(":memory:")
    with pytest.raises(Forbidden, match="enable_snapshot_url_recovery"):
        recover(engine, asked.url)
    assert not asked.heads
    engine.close()


def test_a_wrong_checksum(engine, content, sender) -> None:
    refused(engine, sender(whole(content)).url, ChecksumMismatch, "expected", checksum="0" * 64)


def test_a_body_that_is_cut_off(engine, content, sender) -> None:
    refused(engine, sender(whole(content[:-700], len(content))).url, Unavailable, "127.0.0.1")
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b" % (
        len(content), content[:-700],
    )  # fmt: skip
    cut = sender(lambda connected, _: connected.sendall(chunked))
    refused(engine, cut.url, Unavailable, "127.0.0.1")
    unsized = sender(lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + content[:-700]))
    refused(engine, unsized.url, BadInput, "snapshot")


def test_an_endless_body_ends_where_there_is_no_room(engine, content, sender, monkeypatch) -> None:
    room = 3 << 20

    def need_room(folder: SnapshotFolder, size_bytes: int) -> None:
        taken = sum(path.stat().st_size for path in folder.working.glob("*"))
        if taken + size_bytes > room:
            raise StorageFull("full")

    monkeypatch.setattr(SnapshotFolder, "need_room", need_room)
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    refused(engine, sender(endless(head, bytes(1 << 16))).url, StorageFull, "full")
    announced = sender(whole(b"", 10**17))
    refused(engine, announced.url, StorageFull, "full")


def test_redirects_that_do_not_end_or_lead_astray(engine, content, sender) -> None:
    loop = sender(to("/a.snapshot"))
    refused(engine, loop.url, BadInput, "redirects more than")
    assert len(loop.heads) == REDIRECTS + 1
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/a", f"http://a:{SIGNATURE}@127.0.0.1/"):
        refused(engine, sender(to(target)).url, BadInput, "location")
    for status, kind in ((404, BadInput), (500, Unavailable), (206, BadInput), (304, BadInput)):
        text = f"HTTP/1.1 {status} {SIGNATURE}\r\ncontent-length: 0\r\n\r\n".encode()
        wrong = sender(lambda connected, _, text=text: connected.sendall(text))
        refused(engine, wrong.url, kind, str(status))
    refused(engine, sender(lambda c, _: c.sendall(b"nonsense\r\n\r\n")).url, Unavailable, "127")
    with socket.create_server(("127.0.0.1", 0)) as door:
        gone = f"http://127.0.0.1:{door.getsockname()[1]}/{SIGNATURE}"
    refused(engine, gone, Unavailable, "127.0.0.1")


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (HEAD + b"\r\n", b"x"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"0"),
        (HEAD, b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "size of a chunk", "header", "interim answers"],
)
def test_whoever_trickles_meets_the_deadline(engine, content, sender, head, part) -> None:
    with_limits(engine, seconds=0.4)
    started = time.monotonic()
    refused(engine, sender(endless(head, part, 0.02)).url, TimedOut, "within 0.4 s")
    assert time.monotonic() - started < 5


def test_whoever_is_silent_or_below_the_pace_is_left(engine, content, sender) -> None:
    with_limits(engine, read_seconds=0.2)
    refused(engine, sender(lambda c, _: c.recv(1)).url, TimedOut, "does not answer")
    with_limits(engine, patience_seconds=0.2)
    slow = sender(endless(HEAD + b"\r\n", b"x", 0.02))
    refused(engine, slow.url, TimedOut, "too slowly")


def test_a_server_must_prove_who_it_is(engine, content, sender, tmp_path, monkeypatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    secure = sender(whole(content), context)
    refused(engine, secure.url, Unavailable, "Cert")
    assert not secure.heads
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    plain = sender(whole(content))
    refused(engine, sender(to(plain.url), context).url, BadInput, "from https to http")
    assert not plain.heads
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("example.com").configure_cert(other)
    refused(engine, sender(whole(content), other).url, Unavailable, "Cert")
    recover(engine, secure.url)
    assert count(engine) == 1


@pytest.mark.parametrize(
    "location",
    [
        f"http://user:{SIGNATURE}@127.0.0.1/a",
        f"http://{SIGNATURE}@127.0.0.1/a",
        "http:///a",
        "http://127.0.0.1:99999/a",
        "http://127.0.0.1:x/a",
        "http://[::1/a",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/a\r\nx: y",
        "http://127.0.0.1/ü",
    ],
)
def test_urls_that_are_refused_before_anybody_is_asked(engine, content, location) -> None:
    for wait in (True, False):
        refused(engine, location, BadInput, "location|URL", wait=wait)


@pytest.mark.parametrize("key", ["", "a\r\nb: c", "ü", "a" * 5000])
def test_keys_that_cannot_be_sent(key: str) -> None:
    with pytest.raises(BadInput, match="api_key"):
        remote_of("http://127.0.0.1/a", key)


def test_downloads_count_with_uploads_and_end_with_the_database(engine, content, sender) -> None:
    uploads = [engine.begin_upload(0) for _ in range(RECEIVED_AT_ONCE)]
    with pytest.raises(Unavailable, match="the most at once"):
        recover(engine, sender(whole(content)).url)
    for upload in uploads:
        upload.remove()
        upload.remove()
    for _ in range(RECEIVED_AT_ONCE + 1):  # each gives its place back
        recover(engine, sender(whole(content)).url)
    held = sender(lambda connected, _: connected.recv(1))
    heard: list[BaseException] = []

    def wait() -> None:
        try:
            recover(engine, held.url)
        except RuvectorError as error:
            heard.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while not held.heads:
        time.sleep(0.005)
    engine.end_downloads()
    thread.join(5)
    assert [type(each) for each in heard] == [Unavailable]
    with pytest.raises(Unavailable, match="closed"):
        recover(engine, held.url)


def test_in_the_background_it_is_restored_or_logged(engine, content, sender, caplog) -> None:
    asked = sender(whole(content))
    recover(engine, asked.url, wait=False, checksum="0" * 64)
    recover(engine, asked.url, wait=False)
    deadline = time.monotonic() + 10
    while count(engine) != 1 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert count(engine) == 1
    assert "recovery from 127.0.0.1 failed: expected 000" in caplog.text
    assert SIGNATURE not in caplog.text
