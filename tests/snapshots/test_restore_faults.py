"""Is a restore whole or nothing also where the disk fails around its commit?"""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.collection.collection import Collection
from ruvector.errors import ShardPoisoned
from ruvector.storage import files


@pytest.fixture
def client(tmp_path: Path) -> Iterator[RuvectorClient]:
    with ruvector.open(tmp_path / "data") as opened:
        opened.create_collection("docs", dimensions=2)
        opened.upsert("docs", ids=[1], vectors=[[1.0, 0.0]])
        yield opened


def failing(code: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(code, "the disk fails")

    return fail


class Broken:
    """A side file that cannot be written."""

    write = failing(errno.EIO)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("where", [(Collection, "close"), (files, "remove_folder")])
def test_trouble_with_what_was_replaced_harms_nothing(
    client: RuvectorClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Any, code: int
) -> None:
    """The restore was durable already; taken for a failure, its folder would have been removed."""
    made = client.create_snapshot("docs")
    assert made is not None
    client.upsert("docs", ids=[2], vectors=[[0.0, 1.0]])
    with monkeypatch.context() as patched:
        patched.setattr(*where, failing(code))
        assert client.recover_snapshot("docs", made.name) is True
    assert client.count("docs") == 1
    client.upsert("docs", ids=[3], vectors=[[0.0, 1.0]])
    with monkeypatch.context() as patched:
        patched.setattr(*where, failing(code))
        client.create_collection("gone", dimensions=2)
        assert client.delete_collection("gone") is True
    folder = tmp_path / "data"
    client.close()
    with ruvector.open(folder) as again:
        assert again.list_collections() == ["docs"]
        assert sorted(point.id for point in again.iterate("docs")) == [1, 3]
        assert len(list((folder / "collections").iterdir())) == 1


@pytest.mark.parametrize("is_restore", [True, False])
def test_what_may_be_gone_at_the_next_start_accepts_no_writes(
    client: RuvectorClient, monkeypatch: pytest.MonkeyPatch, is_restore: bool
) -> None:
    """Else a write would be acknowledged that the collection of the next start does not have."""
    made = client.create_snapshot("docs")
    assert made is not None
    client.create_collection("other", dimensions=2)
    with monkeypatch.context() as patched:
        meta = client._transport._engine._catalog._meta
        patched.setattr(meta, "_side_file", Broken())  # the last step of a commit
        with pytest.raises(ShardPoisoned):
            if is_restore:
                client.recover_snapshot("docs", made.name)
            else:
                client.delete_collection("docs")
    with pytest.raises(ShardPoisoned):
        client.upsert("docs", ids=[9], vectors=[[0.0, 1.0]])
    assert client.count("docs") == 1
    client.upsert("other", ids=[1], vectors=[[0.0, 1.0]])
