"""Is a collection, restored from a snapshot, what it was when the snapshot was made?"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ruvector.client.client import RuvectorClient
from ruvector.client.collection import Collection
from ruvector.errors import (
    AlreadyExists,
    BadInput,
    ChecksumMismatch,
    Forbidden,
    InvalidRequest,
    NotFound,
)

NAMES = ("..", ".", "a/b", "..\\x", "a\0b", "x" * 300, "%2e%2e", "no.snapshot", "writer.lock")


@pytest.fixture(autouse=True)
def kept(client: RuvectorClient) -> Iterator[None]:
    """Delete the snapshots of the whole storage that a test made."""
    before = {each.name for each in client.list_full_snapshots()}
    yield
    for each in client.list_full_snapshots():
        if each.name not in before:
            client.delete_full_snapshot(each.name)


def everything(docs: Collection) -> dict[Any, Any]:
    """Return all points of a collection."""
    return {r.id: (list(r.vector), r.payload) for r in docs.iterate(with_vectors=True)}


def made(docs: Collection) -> str:
    """Make a snapshot and return its name."""
    snapshot = docs.create_snapshot()
    assert snapshot is not None
    return snapshot.name


def test_restored_in_place_a_collection_is_what_it_was(docs: Collection) -> None:
    docs.create_payload_index("number", "integer")
    docs.wait_for_index()
    docs.upsert([{"id": "late", "vector": [1.0] * 8, "payload": {"number": 99}}])
    docs.delete([3, 4])
    before = everything(docs)
    name = made(docs)
    docs.upsert([{"id": 1, "vector": [2.0] * 8, "payload": {"number": -1}}])
    docs.delete(filter={"even": True})
    docs.delete_payload_index("number")
    assert docs.recover_snapshot(name) is True
    assert everything(docs) == before
    assert docs.count({"number": {"gte": 30}}) == 11
    assert list(docs.get_collection().payload_schema) == ["number"]
    assert docs.search([1.0] * 8, limit=1)[0].id == "late"
    docs.upsert([{"id": 3, "vector": [1.0] * 8}])
    assert docs.count() == len(before) + 1


def test_a_snapshot_creates_a_collection_under_another_name(
    client: RuvectorClient, docs: Collection, new_name: Callable[[], str], tmp_path: Path
) -> None:
    other = client.collection(new_name())
    file = docs.download_snapshot(made(docs), tmp_path / "docs.snapshot")
    assert other.upload_snapshot(file) is True
    assert everything(other) == everything(docs)
    assert file.exists()
    other.delete([1])
    assert docs.count() == 40


def test_a_snapshot_is_listed_with_size_and_checksum_until_it_is_deleted(
    docs: Collection, tmp_path: Path
) -> None:
    first, second = made(docs), made(docs)
    listed = docs.list_snapshots()
    assert [each.name for each in listed] == [first, second]
    file = docs.download_snapshot(second, tmp_path / "second")
    content = file.read_bytes()
    assert listed[1].size == len(content)
    assert listed[1].checksum == hashlib.sha256(content).hexdigest()
    assert docs.delete_snapshot(first) is True
    assert [each.name for each in docs.list_snapshots()] == [second]
    with pytest.raises(NotFound, match=first):
        docs.delete_snapshot(first)
    with pytest.raises(NotFound, match=first):
        docs.download_snapshot(first, tmp_path / "first")
    assert not (tmp_path / "first").exists()
    with pytest.raises(AlreadyExists, match="second"):
        docs.download_snapshot(second, file)


def test_snapshots_of_a_deleted_collection_stay(client: RuvectorClient, docs: Collection) -> None:
    before, name = everything(docs), made(docs)
    client.delete_collection(docs.name)
    assert [each.name for each in docs.list_snapshots()] == [name]
    docs.recover_snapshot(name)
    assert everything(docs) == before


def test_an_alias_means_its_collection(
    client: RuvectorClient, docs: Collection, new_name: Callable[[], str]
) -> None:
    alias = client.collection(new_name())
    docs.create_alias(alias.name)
    name = made(alias)
    assert [each.name for each in docs.list_snapshots()] == [name]
    docs.delete([1, 2])
    alias.recover_snapshot(name)
    assert docs.count() == alias.count() == 40
    assert client.list_aliases()[alias.name] == docs.name


def test_without_waiting_it_happens_by_itself(docs: Collection) -> None:
    assert docs.create_snapshot(wait=False) is None
    name = _until(lambda: [each.name for each in docs.list_snapshots()])[0]
    docs.delete([1, 2])
    assert docs.recover_snapshot(name, wait=False) is None
    _until(lambda: docs.count() == 40)
    assert docs.delete_snapshot(name, wait=False) is None
    _until(lambda: not docs.list_snapshots())


def test_the_checksum_is_compared_when_it_is_given(docs: Collection) -> None:
    name = made(docs)
    right = docs.list_snapshots()[0].checksum
    docs.delete([1])
    for wrong, error in (("0" * 64, ChecksumMismatch), ("12", BadInput), ("z" * 64, BadInput)):
        with pytest.raises(error):
            docs.recover_snapshot(name, checksum=wrong)
    assert docs.count() == 39
    docs.recover_snapshot(name, checksum=right, priority="replica")
    assert docs.count() == 40
    with pytest.raises(InvalidRequest, match="priority"):
        docs.recover_snapshot(name, priority="mine")


def test_a_shard_is_restored_and_settings_stay(
    client: RuvectorClient, docs: Collection, new_name: Callable[[], str], tmp_path: Path
) -> None:
    snapshot = docs.create_shard_snapshot()
    assert snapshot is not None
    assert [each.name for each in docs.list_shard_snapshots()] == [snapshot.name]
    assert not docs.list_snapshots()
    docs.delete([1, 2, 3])
    docs.update_collection(metadata={"kept": True})
    docs.recover_shard_snapshot(snapshot.name)
    assert docs.count() == 40
    assert docs.get_collection().config["metadata"] == {"kept": True}
    file = docs.download_shard_snapshot(tmp_path / "now")
    docs.download_shard_snapshot(tmp_path / "kept", snapshot.name)
    docs.delete([1])
    docs.upload_shard_snapshot(file)
    assert docs.count() == 40
    docs.delete_shard_snapshot(snapshot.name)
    with pytest.raises(NotFound):
        docs.create_shard_snapshot(1)
    other = client.collection(new_name())
    with pytest.raises(NotFound):
        other.upload_shard_snapshot(file)
    other.create_collection(dimensions=4)
    with pytest.raises(BadInput, match="other vectors"):
        other.upload_shard_snapshot(file)
    assert other.count() == 0


def test_everything_is_restored_at_once(
    client: RuvectorClient, docs: Collection, new_name: Callable[[], str], tmp_path: Path
) -> None:
    alias, second = new_name(), client.collection(new_name())
    second.create_collection(dimensions=2)
    second.upsert([{"id": 7, "vector": [1, 0]}])
    docs.create_alias(alias)
    before = everything(docs)
    snapshot = client.create_full_snapshot()
    assert snapshot is not None
    assert snapshot.name in [each.name for each in client.list_full_snapshots()]
    docs.delete([1, 2])
    client.delete_collection(second.name)
    client.delete_alias(alias)
    assert client.recover_full_snapshot(snapshot.name) is True
    assert everything(docs) == before
    assert second.count() == 1
    assert client.list_aliases()[alias] == docs.name
    docs.delete([5])
    file = client.download_full_snapshot(snapshot.name, tmp_path / "full")
    assert client.upload_full_snapshot(file, checksum=snapshot.checksum) is True
    assert everything(docs) == before
    third = client.collection(new_name())
    with pytest.raises(BadInput, match="no collection"):
        third.recover_snapshot(_url(client, snapshot.name))


@pytest.mark.parametrize("wrong", NAMES)
def test_a_name_is_never_a_path(docs: Collection, wrong: str, tmp_path: Path) -> None:
    for call in (docs.delete_snapshot, docs.recover_snapshot, docs.client.delete_full_snapshot):
        with pytest.raises((NotFound, InvalidRequest, BadInput)):
            call(wrong)
    with pytest.raises((NotFound, InvalidRequest, BadInput)):
        docs.download_snapshot(wrong, tmp_path / "out")
    assert docs.count() == 40


def test_locations_elsewhere_are_refused(docs: Collection) -> None:
    for location in (
        "file:///etc/passwd",
        "file://host/etc/passwd",
        "file:etc",
        "file://",
        "file:///%2e%2e/x",
        "gopher://a/b",
        "ftp://a/b.snapshot",
        "",
    ):
        with pytest.raises((BadInput, NotFound, InvalidRequest)) as refused:
            docs.recover_snapshot(location)
        assert "/etc" not in str(refused.value)
    for location in ("http://127.0.0.1/a.snapshot", "https://example.com/a.snapshot"):
        with pytest.raises(Forbidden, match="off"):
            docs.recover_snapshot(location)
    assert docs.count() == 40


def test_what_does_not_exist_is_not_found(client: RuvectorClient) -> None:
    for call in (client.create_snapshot, client.list_snapshots, client.create_shard_snapshot):
        with pytest.raises(NotFound, match="nobody"):
            call("nobody")


def _url(client: RuvectorClient, name: str) -> str:
    """Return a location of a full snapshot for a collection; both transports know one folder."""
    engine = getattr(client._transport, "_engine", None)
    if engine is None:
        pytest.skip("the folder of a server is not known to its clients")
    return f"file://{engine.snapshots.folder.root}/full/{name}"


def _until(condition: Callable[[], Any]) -> Any:
    """Return what a condition becomes; background work takes milliseconds."""
    import time

    deadline = time.monotonic() + 30
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found
