"""Are snapshots in a bucket what they are in a folder? Against a server of S3 on this machine."""

import http.server
import socketserver
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.client.transport import EmbeddedTransport
from ruvector.engine import Engine
from ruvector.errors import NotFound, Unavailable
from ruvector.model import requests as r
from ruvector.snapshots import bucket as bucket_module
from ruvector.snapshots.settings import S3Settings, SnapshotSettings

pytest.importorskip("obstore")
moto_server = pytest.importorskip("moto.server")
BUCKET = "backups"


class Proxy(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Hands requests on, notes them, and breaks off the ones that `broken` says."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = target
        self.seen: list[tuple[str, str]] = []
        self.to_break: list[str] = []  # what stands in method and path of requests to break off


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def handle_one_request(self) -> None:
        """Hand a request on, or close the connection in the middle."""
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        line = f"{self.command} {self.path}"
        self.server.seen.append((self.command, self.path))
        for pattern in self.server.to_break:
            if all(part in line for part in pattern.split()):
                self.server.to_break.remove(pattern)
                self.close_connection = True
                return
        headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
        if not any(name.lower() == "content-type" for name in headers):
            headers["content-type"] = "application/xml"  # urllib would say that it is a form
        request = urllib.request.Request(
            self.server.target + self.path, body or None, headers, method=self.command
        )
        try:
            answer: Any = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error
        content = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        length = answer.headers.get("content-length") if self.command == "HEAD" else len(content)
        self.send_header("content-length", str(length or 0))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    """Return a proxy before a server of S3 with one bucket."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    proxy = Proxy(f"http://{host}:{port}")
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    urllib.request.urlopen(urllib.request.Request(f"{proxy.target}/{BUCKET}", method="PUT"))
    yield proxy
    proxy.shutdown()
    server.stop()


@pytest.fixture
def client(proxy: Proxy, tmp_path: Path) -> Iterator[RuvectorClient]:
    """Return a client of a database whose snapshots are in the bucket."""
    proxy.seen.clear()
    s3 = S3Settings(
        bucket=BUCKET,
        region="us-east-1",
        access_key="key",
        secret_key="secret",  # noqa: S106 - any will do
        endpoint_url=f"http://127.0.0.1:{proxy.server_address[1]}",
    )
    engine = Engine.open(tmp_path / "data", snapshots=SnapshotSettings(s3=s3))
    client = ruvector.RuvectorClient.__new__(ruvector.RuvectorClient)
    client._transport = EmbeddedTransport(engine, "here")
    client.create_collection("docs", dimensions=64)
    points = [{"id": n, "vector": [float(n % 7 + 1)] * 64} for n in range(400)]
    client.upsert("docs", points)
    yield client
    assert not list((tmp_path / "data" / "snapshots" / "tmp").iterdir())
    client.close()


def test_a_snapshot_in_a_bucket_is_listed_restored_downloaded_and_deleted(
    client: RuvectorClient, proxy: Proxy, tmp_path: Path
) -> None:
    snapshot = client.create_snapshot("docs")
    assert snapshot is not None
    assert client.list_snapshots("docs") == [snapshot]
    client.delete("docs", list(range(300)))
    assert client.recover_snapshot("docs", snapshot.name, checksum=snapshot.checksum)
    assert client.count("docs") == 400
    file = client.download_snapshot("docs", snapshot.name, tmp_path / "copy")
    assert client.upload_snapshot("other", file, checksum=snapshot.checksum)
    assert not list((tmp_path / "data" / "snapshots").rglob("*.snapshot"))
    full = client.create_full_snapshot()
    assert full is not None
    assert client.list_full_snapshots() == [full]
    client.delete_full_snapshot(full.name)
    client.delete_snapshot("docs", snapshot.name)
    assert client.list_snapshots("docs") == []
    for call in (client.delete_snapshot, client.recover_snapshot):
        with pytest.raises(NotFound, match=snapshot.name):
            call("docs", snapshot.name)


def test_what_breaks_off_is_sent_and_read_again_from_where_it_was(
    client: RuvectorClient, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = bytes(range(256)) * 4096
    client.upsert("docs", [{"id": 1, "vector": [1.0] * 64, "payload": {"t": noise.hex() * 7}}])
    monkeypatch.setattr(bucket_module, "PART_BYTES", 5 << 20)
    monkeypatch.setattr(bucket_module, "PARTS_AT_ONCE", 1)
    monkeypatch.setattr(bucket_module, "PIECE_BYTES", 1 << 20)
    proxy.to_break += ["PUT partNumber=2", "PUT partNumber=2"]
    snapshot = client.create_snapshot("docs")
    assert snapshot is not None
    assert not proxy.to_break
    parts = [path for method, path in proxy.seen if method == "PUT" and "partNumber=" in path]
    assert sum("partNumber=1&" in path or path.endswith("partNumber=1") for path in parts) == 1
    assert sum("partNumber=2" in path for path in parts) == 3
    proxy.seen.clear()
    proxy.to_break += [f"GET {snapshot.name}"] * 3
    client.delete("docs", list(range(300)))
    assert client.recover_snapshot("docs", snapshot.name, checksum=snapshot.checksum)
    assert not proxy.to_break
    assert client.count("docs") == 400
    client.delete_snapshot("docs", snapshot.name)


def test_a_bucket_that_does_not_answer_leaves_nothing(
    client: RuvectorClient, proxy: Proxy, tmp_path: Path
) -> None:
    engine = client._transport._engine
    settings = S3Settings(bucket="none", region="x", access_key="k", secret_key="s",  # noqa: S106
                          endpoint_url=proxy.target)  # fmt: skip
    engine.snapshots.folder = bucket_module.SnapshotBucket(tmp_path / "data/snapshots", settings)
    with pytest.raises((Unavailable, NotFound)):
        engine.execute(r.CreateSnapshot(collection="docs"))
    assert client.count("docs") == 400


def test_an_archived_log_goes_through_the_bucket_to_another_server(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = S3Settings(bucket=BUCKET, region="us-east-1", access_key="key", secret_key="secret",  # noqa: S106
                    endpoint_url=proxy.target)  # fmt: skip
    settings = SnapshotSettings(s3=s3, archive_log=True, archive_log_seconds=3600)
    first = Engine.open(tmp_path / "first", snapshots=settings)
    client = ruvector.RuvectorClient.__new__(ruvector.RuvectorClient)
    client._transport = EmbeddedTransport(first, "here")
    client.create_collection("logged", dimensions=2)
    snapshot = client.create_snapshot("logged")
    assert snapshot is not None
    archiver = first.snapshots.archiver
    assert archiver is not None
    for number in range(3):
        client.upsert("logged", ids=[number], vectors=[[1.0, number]])
        archiver.step()
    spool = tmp_path / "first" / "snapshots" / "collections"
    assert not list(spool.rglob("*.log"))
    with monkeypatch.context() as planted:  # the bucket does not answer: the log waits here
        planted.setattr(first.snapshots.folder._api, "put", _fails)
        client.upsert("logged", ids=[3], vectors=[[1.0, 3.0]])
        archiver.step()
        assert len(list(spool.rglob("*.log"))) == 1
        client.recover_snapshot("copy", _only(snapshot.name, client), until=4)
        assert client.count("copy") == 4
    second = Engine.open(tmp_path / "second", snapshots=SnapshotSettings(s3=s3))
    for until, count in ((2, 2), ("latest", 3)):
        recover = r.RecoverSnapshot(collection="logged", location=snapshot.name, until=until)
        second.execute(recover)
        assert second.execute(r.Count(collection="logged")).count == count
    first.close()
    assert not list(spool.rglob("*.log"))
    second.execute(r.RecoverSnapshot(collection="logged", location=snapshot.name, until=4))
    assert second.execute(r.Count(collection="logged")).count == 4
    second.close()


def _fails(*_: Any, **__: Any) -> None:
    raise OSError("planted")


def _only(name: str, client: RuvectorClient) -> str:
    """Return where a snapshot of `logged` is, for a collection of another name."""
    folder = client._transport._engine.snapshots.folder
    path = folder.root / "logged.snapshot"
    path.write_bytes(b"".join(folder.content(("collections", "logged"), name)))
    return f"file://{path}"
