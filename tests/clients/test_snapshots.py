"""Do the snapshot methods of the official client work unchanged?"""

import hashlib
import json
import random
import urllib.error
import urllib.request
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse
from tests.conftest import Server

from ruvector.snapshots.folder import form_of


@pytest.fixture
def two(client: QdrantClient, name: str) -> str:
    """Return the name of a new collection of two points."""
    params = models.VectorParams(size=2, distance=models.Distance.DOT)
    client.create_collection(name, vectors_config=params)
    points = [models.PointStruct(id=n, vector=[n, 1], payload={"n": n}) for n in (1, 2)]
    client.upsert(name, points, wait=True)
    return name


def test_of_a_collection(client: QdrantClient, two: str, server: Server) -> None:
    made = client.create_snapshot(two)
    assert made is not None
    assert made.name.startswith(f"{two}-")
    assert made.name.endswith(".snapshot")
    assert made.creation_time
    assert client.list_snapshots(two) == [made]
    url = f"{server.url}/collections/{two}/snapshots/{made.name}"
    with urllib.request.urlopen(url) as answer:
        content = answer.read()
        assert answer.headers["content-type"] == "application/octet-stream"
        assert made.name in answer.headers["content-disposition"]
    assert len(content) == made.size
    assert hashlib.sha256(content).hexdigest() == made.checksum
    client.delete(two, [1], wait=True)
    kept = server.path / "snapshots" / "collections" / two / made.name
    priority = models.SnapshotPriority.SNAPSHOT
    assert client.recover_snapshot(
        two, f"file://{kept}", checksum=made.checksum, priority=priority, wait=True
    )
    assert client.count(two).count == 2
    client.delete(two, [1], wait=True)
    uploaded = client.http.snapshots_api.recover_from_uploaded_snapshot(
        two, wait=True, priority=models.SnapshotPriority.NO_SYNC, snapshot=BytesIO(content)
    )
    assert uploaded.result is True
    assert client.count(two).count == 2
    assert client.delete_snapshot(two, made.name)
    assert client.list_snapshots(two) == []


def test_of_a_shard(client: QdrantClient, two: str, server: Server) -> None:
    made = client.create_shard_snapshot(two, 0)
    assert made is not None
    assert client.list_shard_snapshots(two, 0) == [made]
    client.delete(two, [1], wait=True)
    kept = server.path / "snapshots" / "collections" / two / "shards" / "0" / made.name
    assert client.recover_shard_snapshot(two, 0, f"file://{kept}", wait=True)
    assert client.count(two).count == 2
    with urllib.request.urlopen(f"{server.url}/collections/{two}/shards/0/snapshot") as answer:
        assert len(answer.read()) == int(answer.headers["content-length"])
    assert not list((server.path / "snapshots" / "tmp").iterdir())
    assert client.delete_shard_snapshot(two, 0, made.name)


def test_of_everything(client: QdrantClient, two: str) -> None:
    made = client.create_full_snapshot()
    assert made is not None
    assert made in client.list_full_snapshots()
    assert client.delete_full_snapshot(made.name)
    assert made not in client.list_full_snapshots()


def test_not_waiting_is_accepted(client: QdrantClient, two: str, server: Server) -> None:
    request = urllib.request.Request(
        f"{server.url}/collections/{two}/snapshots?wait=false", method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 202
        assert b'"status":"accepted"' in answer.read()


def test_refusals_are_those_of_the_contract(client: QdrantClient, two: str, tmp_path: Path) -> None:
    made = client.create_snapshot(two)
    assert made is not None
    with pytest.raises(UnexpectedResponse, match="Checksum mismatch") as refused:
        client.recover_snapshot(two, made.name, checksum="0" * 64, wait=True)
    assert refused.value.status_code == 400
    with pytest.raises(UnexpectedResponse) as refused:
        client.recover_snapshot(two, "http://127.0.0.1:1/x.snapshot", wait=True)
    assert refused.value.status_code == 403
    with pytest.raises(UnexpectedResponse) as refused:
        client.delete_snapshot(two, "none.snapshot")
    assert refused.value.status_code == 404
    with pytest.raises(UnexpectedResponse) as refused:
        client.http.snapshots_api.recover_from_uploaded_snapshot(
            two, wait=True, snapshot=BytesIO(b"no snapshot at all" * 1000)
        )
    assert refused.value.status_code == 400
    assert client.count(two).count == 2


def test_a_snapshot_travels_in_bounded_memory(server: Server, tmp_path: Path) -> None:
    """48 MiB go in, and come out; the server's largest size grows by less than 24."""
    file = tmp_path / "large"
    content = random.Random(2).randbytes(1 << 20) * 48
    file.write_bytes(content)
    before = peak_bytes(server)
    form = form_of(file)
    request = urllib.request.Request(
        f"{server.url}/collections/travelling/snapshots/upload",
        data=form.pieces,
        headers={
            "content-type": f"multipart/form-data; boundary={form.boundary}",
            "content-length": str(form.size),
        },
        method="POST",
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 400
    kept = server.path / "snapshots" / "collections" / "travelling"
    kept.mkdir(parents=True)
    (kept / "large.snapshot").write_bytes(content)
    digest, url = hashlib.sha256(), f"{server.url}/collections/travelling/snapshots/large.snapshot"
    with urllib.request.urlopen(url) as answer:
        while piece := answer.read(1 << 16):
            digest.update(piece)
    assert digest.digest() == hashlib.sha256(content).digest()
    (kept / "large.snapshot").unlink()
    assert peak_bytes(server) - before < 24 << 20


def peak_bytes(server: Server) -> int:
    """Return the largest size that the server's memory had so far."""
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        pytest.skip("no /proc here")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_of_another_server_by_url(
    client: QdrantClient,
    two: str,
    server: Server,
    start_server: Callable[..., Server],
    tmp_path: Path,
) -> None:
    key = "k" * 32
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"service: {{api_key: {key}, enable_snapshot_url_recovery: true}}\n")
    fetching = start_server(tmp_path / "storage", "--config", str(settings))
    with pytest.warns(UserWarning, match="insecure"):
        other = QdrantClient(url=fetching.url, api_key=key, timeout=30)
    made = client.create_snapshot(two)
    assert made is not None
    url = f"{server.url}/collections/{two}/snapshots/{made.name}"
    assert other.recover_snapshot("copy", url, checksum=made.checksum, wait=True)
    assert other.retrieve("copy", [1, 2], with_vectors=True) == client.retrieve(
        two, [1, 2], with_vectors=True
    )
    copied = other.create_snapshot("copy")
    assert copied is not None
    back = f"{fetching.url}/collections/copy/snapshots/{copied.name}"
    for given, status, message in (
        ({"api_key": key}, 400, "Checksum mismatch"),
        ({}, 400, "status 401"),
    ):
        with pytest.raises(UnexpectedResponse) as refused:
            other.recover_snapshot("again", back, checksum="0" * 64, wait=True, **given)
        assert refused.value.status_code == status
        assert message in refused.value.content.decode()
    assert not other.collection_exists("again")
    assert other.recover_snapshot("again", back, api_key=key, wait=True)
    assert other.count("again").count == 2
    other.delete("copy", [1], wait=True)
    assert other.recover_shard_snapshot("copy", 0, url, wait=True)
    assert other.count("copy").count == 2
    full = client.create_full_snapshot()
    assert full is not None
    answer = _put(
        f"{fetching.url}/snapshots/recover",
        {"location": f"{server.url}/snapshots/{full.name}"},
        key,
    )
    assert answer["result"] is True
    assert other.count(two).count == 2
    with pytest.raises(UnexpectedResponse) as refused:
        client.recover_snapshot(two, url, wait=True)
    assert refused.value.status_code == 403
    assert client.delete_full_snapshot(full.name)
    other.close()
    assert key not in fetching.output()
    assert fetching.stop() == 0


def _put(url: str, body: dict[str, str], key: str) -> dict[str, object]:
    headers = {"api-key": key, "content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="PUT")
    with urllib.request.urlopen(request) as answer:
        return dict(json.load(answer))
