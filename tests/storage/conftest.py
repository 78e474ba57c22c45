"""Fixtures for the tests of storage."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ruvector.storage import ShardStore


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[ShardStore]:
    """Return an open, empty shard."""
    store = ShardStore.open(tmp_path / "shard", create=True)
    yield store
    store.close()
