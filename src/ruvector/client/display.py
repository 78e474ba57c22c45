"""How do clients and collections look in a notebook? Small tables; every text is escaped."""

from typing import TYPE_CHECKING, Any

from ruvector.errors import RuvectorError
from ruvector.model.display import table_html

if TYPE_CHECKING:
    from ruvector.client.client import RuvectorClient

MAX_COLLECTIONS_SHOWN = 50  # each costs one request


def client_html(client: "RuvectorClient") -> str:
    """Return a table of the client's collections."""
    try:
        names = client.list_collections()
    except RuvectorError as error:
        return table_html(repr(client), ["error"], [[error.message]])
    rows = [_row(client, name) for name in names[:MAX_COLLECTIONS_SHOWN]]
    if len(names) > MAX_COLLECTIONS_SHOWN:
        rows.append([f"... and {len(names) - MAX_COLLECTIONS_SHOWN} more", "", "", ""])
    return table_html(repr(client), ["collection", "status", "points", "indexed vectors"], rows)


def collection_html(client: "RuvectorClient", name: str) -> str:
    """Return a table of one collection's name, status and counts."""
    return table_html(
        "Collection", ["collection", "status", "points", "indexed vectors"], [_row(client, name)]
    )


def _row(client: "RuvectorClient", name: str) -> list[Any]:
    try:
        found = client.get_collection(name)
    except RuvectorError as error:
        return [name, error.message, "", ""]
    return [name, found.status, found.points_count, found.indexed_vectors_count]
