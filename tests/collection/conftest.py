"""What do tests of a collection share? An embedded database in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ruvector
from ruvector.client.client import RuvectorClient


class Database:
    """A client that can be closed and opened again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.client = ruvector.open(path)

    def reopen(self) -> RuvectorClient:
        """Close the database, open it again, and return the new client."""
        self.client.close()
        self.client = ruvector.open(self.path)
        return self.client


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Return an empty database."""
    database = Database(tmp_path / "database")
    yield database
    database.client.close()


def everything(client: RuvectorClient, name: str = "c") -> dict[Any, Any]:
    """Return every point of a collection: id to (payload, vectors as lists)."""
    found = {}
    for record in client.scroll_all(name, with_vectors=True):
        vectors = record.vector if isinstance(record.vector, dict) else {"": record.vector}
        found[record.id] = (record.payload, {n: v.tolist() for n, v in vectors.items()})
    return found
