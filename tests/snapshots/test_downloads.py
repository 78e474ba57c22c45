"""Is a downloaded snapshot the one that was listed, embedded and over REST?"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.timed import Clock, Timed, embedded, served

from ruvector.errors import ChecksumMismatch
from ruvector.server import transfers


@pytest.fixture(params=["embedded", "rest"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Timed]:
    opened = (
        embedded(tmp_path / "data", Clock()) if request.param == "embedded" else served(Clock())
    )
    with opened as database:
        database.client.create_collection("docs", dimensions=2)
        database.client.upsert("docs", ids=[1, 2], vectors=[[1.0, 0.0], [0.0, 1.0]])
        yield database


@pytest.mark.parametrize("place", [0, 600, -1])
def test_a_snapshot_that_changed_since_it_was_listed_is_not_kept(
    database: Timed, tmp_path: Path, place: int
) -> None:
    client = database.client
    snapshot = client.create_snapshot("docs")
    assert snapshot is not None
    stored = database.engine.snapshots.folder.path(("collections", "docs"), snapshot.name)
    content = bytearray(stored.read_bytes())
    content[place] ^= 1
    stored.write_bytes(content)
    with pytest.raises(ChecksumMismatch, match=str(snapshot.checksum)):
        client.download_snapshot("docs", snapshot.name, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    content[place] ^= 1
    stored.write_bytes(content)
    assert (
        client.download_snapshot("docs", snapshot.name, tmp_path / "copy").read_bytes() == content
    )


def test_a_snapshot_made_for_the_download_is_checked_too(database: Timed, tmp_path: Path) -> None:
    file = database.client.download_shard_snapshot("docs", tmp_path / "made")
    assert database.client.upload_snapshot("copy", file)
    assert database.client.count("copy") == 2


def test_a_server_that_tells_no_checksum_is_believed_by_the_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "_digest_of", lambda _: ())
    with served(Clock()) as database:
        database.client.create_collection("docs", dimensions=2)
        snapshot = database.client.create_snapshot("docs")
        assert snapshot is not None
        file = database.client.download_snapshot("docs", snapshot.name, tmp_path / "copy")
        assert file.stat().st_size == snapshot.size
