"""A vector database in Python: embedded, or a client of a server that speaks Qdrant's API.

    import ruvector

    with ruvector.open("./data") as client:
        client.create_collection("docs", dimensions=3)
        client.upsert("docs", ids=[1, 2], vectors=[[1, 0, 0], [0, 1, 0]])
        client.search("docs", [1, 0, 0], limit=1)[0].id

Importing this package imports nothing else: each name is loaded when it is first used, so that a
program which only searches over REST never pays for the engine, and none of them pays for extras.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ruvector import errors as errors
    from ruvector.client.async_client import AsyncRuvectorClient as AsyncRuvectorClient
    from ruvector.client.client import RuvectorClient as RuvectorClient
    from ruvector.client.client import open as open
    from ruvector.client.collection import AsyncCollection as AsyncCollection
    from ruvector.client.collection import Collection as Collection
    from ruvector.index.vector_index import VectorIndex as VectorIndex
    from ruvector.model.points import Hit as Hit
    from ruvector.model.points import Record as Record

    __version__: str

_HOMES = {
    "AsyncCollection": "ruvector.client.collection",
    "AsyncRuvectorClient": "ruvector.client.async_client",
    "Collection": "ruvector.client.collection",
    "Hit": "ruvector.model.points",
    "Record": "ruvector.model.points",
    "RuvectorClient": "ruvector.client.client",
    "VectorIndex": "ruvector.index.vector_index",
    "open": "ruvector.client.client",
}

__all__ = [
    "AsyncCollection",
    "AsyncRuvectorClient",
    "Collection",
    "Hit",
    "Record",
    "RuvectorClient",
    "VectorIndex",
    "__version__",
    "errors",
    "open",
]


def __getattr__(name: str) -> Any:
    """Load a public name on its first use and keep it (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version  # 70 ms that only this name needs

        value: Any = version("ruvector")
    elif name == "errors":
        value = import_module("ruvector.errors")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'ruvector' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
