"""How does LangChain use an embedded database? As a `VectorStore` over our client.

    from ruvector.langchain import RuvectorVectorStore

    store = RuvectorVectorStore(embedding, path="./data")

Needs `pip install ruvector[langchain]`; nothing else of the package imports this module. A document
is a point: its id, its embedding, and the payload ``{"page_content": ..., "metadata": {...}}``,
which is what langchain-qdrant writes to a server, so that either reads what the other wrote.
The asynchronous methods are LangChain's own: the same ones in a thread.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from ruvector.client.client import RuvectorClient
from ruvector.errors import BadInput
from ruvector.model.points import Hit, Record

Filter = Mapping[str, Any]

CLAUSES = frozenset({"must", "should", "must_not", "min_should"})

# LangChain wants 0 for unrelated and 1 for equal, whatever the collection compares with.
RELEVANCE: dict[str, Callable[[float], float]] = {
    "cosine": lambda similarity: (1 + similarity) / 2,
    "dot": lambda similarity: 1 / (1 + math.exp(-similarity)),
    "euclid": lambda distance: 1 / (1 + distance),
    "manhattan": lambda distance: 1 / (1 + distance),
}


class RuvectorVectorStore(VectorStore):
    """Documents in a collection, found by the embeddings of their texts.

    The database is the folder `path` (":memory:" for a throw-away one), or any `client`, of a
    server too. The collection is made by the first write, with the length of its embeddings;
    `distance` is cosine, dot, euclid or manhattan. A client that the store opened is closed by
    `close`, or at the end of a `with` block.

    `filter` of the searches names fields of the metadata (``{"source": "web"}``,
    ``{"year": {"gte": 2020}}``), or is a Qdrant filter whose keys begin with ``metadata.``.
    """

    def __init__(
        self,
        embedding: Embeddings,
        *,
        path: str | Path = ":memory:",
        client: RuvectorClient | None = None,
        collection: str = "langchain",
        distance: str = "cosine",
    ) -> None:
        if distance not in RELEVANCE:
            raise BadInput(f"distance is {distance!r}; it is one of {', '.join(RELEVANCE)}")
        self._embedding = embedding
        self._opened = RuvectorClient(path=path) if client is None else None
        self._client = client or self._opened or RuvectorClient(path=path)
        self._name = collection
        self._distance = distance

    @property
    def embeddings(self) -> Embeddings:
        """Return what turns texts into vectors."""
        return self._embedding

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Write texts with their metadata, durable on return; those whose ids exist are replaced.

        Texts without an id get a random one. Returns the ids in the order of the texts.
        """
        refuse_unknown(kwargs)
        texts = list(texts)
        chosen = [given or str(uuid4()) for given in ids or [None] * len(texts)]
        metadatas = metadatas or [{}] * len(texts)
        for what, values in (("ids", chosen), ("metadatas", metadatas)):
            if len(values) != len(texts):
                raise BadInput(f"{len(values)} {what} came with {len(texts)} texts; give one each")
        if not texts:
            return []
        vectors = self._embedding.embed_documents(texts)
        self._client.create_collection(self._name, len(vectors[0]), self._distance, exist_ok=True)
        payloads = [
            {"page_content": text, "metadata": metadata}
            for text, metadata in zip(texts, metadatas, strict=True)
        ]
        self._client.upsert(self._name, ids=chosen, vectors=vectors, payloads=payloads)
        return chosen

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """Delete documents, or with None all of them; ids that do not exist are passed over."""
        refuse_unknown(kwargs)
        if ids is None:
            self._client.delete_collection(self._name)
        elif ids and self._is_there():
            self._client.delete(self._name, list(ids))
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the documents with these ids; those that do not exist are left out."""
        if not ids or not self._is_there():
            return []
        return [document_of(record) for record in self._client.retrieve(self._name, list(ids))]

    def similarity_search(
        self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """Return the k documents nearest to a text."""
        return [
            document
            for document, _ in self.similarity_search_with_score(query, k, filter, **kwargs)
        ]

    def similarity_search_with_score(
        self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Return the k documents nearest to a text, with similarity (or distance)."""
        vector = self._embedding.embed_query(query)
        return self.similarity_search_with_score_by_vector(vector, k, filter, **kwargs)

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """Return the k documents nearest to a vector."""
        found = self.similarity_search_with_score_by_vector(embedding, k, filter, **kwargs)
        return [document for document, _ in found]

    def similarity_search_with_score_by_vector(
        self, embedding: list[float], k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Return the k documents nearest to a vector, with similarity (or distance)."""
        refuse_unknown(kwargs)
        return [(document_of(hit), hit.score) for hit in self._query(embedding, k, filter)]

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """Return k of the `fetch_k` nearest documents, near the text and unlike each other."""
        vector = self._embedding.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(
            vector, k, fetch_k, lambda_mult, filter, **kwargs
        )

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """Return k of the `fetch_k` documents nearest to a vector, unlike each other.

        `lambda_mult`: 1 for relevance alone, 0 for diversity alone.
        """
        refuse_unknown(kwargs)
        balance = {"diversity": 1 - lambda_mult, "candidates_limit": fetch_k}
        query = {"nearest": embedding, "mmr": balance}
        return [document_of(hit) for hit in self._query(query, k, filter)]

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Return a store with these texts in it; `kwargs` are those of the class."""
        store = cls(embedding, **kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def close(self) -> None:
        """Close the database, if the store opened it."""
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return RELEVANCE[self._distance]

    def _is_there(self) -> bool:
        return self._client.collection_exists(self._name)

    def _query(self, query: Any, k: int, filter: Filter | None) -> list[Hit]:
        if not self._is_there():
            return []
        return self._client.query(self._name, query, k, filter=on_metadata(filter))


def on_metadata(filter: Filter | None) -> Filter | None:
    """Return a filter on the payload: shorthand names fields of the metadata."""
    if filter is not None and not isinstance(filter, Mapping):
        raise BadInput(f"filter is {type(filter).__name__}; it is a dict, not a function")
    if not filter or filter.keys() <= CLAUSES:
        return filter
    return {f"metadata.{field}": wanted for field, wanted in filter.items()}


def document_of(point: Record | Hit) -> Document:
    """Return the document that a point holds."""
    payload = point.payload or {}
    metadata = payload.get("metadata") or {}
    return Document(payload.get("page_content", ""), id=str(point.id), metadata=metadata)


def refuse_unknown(settings: dict[str, Any]) -> None:
    """Refuse what other stores know and this one would ignore."""
    if settings:
        names = ", ".join(sorted(settings))
        raise BadInput(f"{names}: not known here; a search takes query, k and filter")
