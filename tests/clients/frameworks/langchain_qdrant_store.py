"""Does langchain-qdrant work unchanged against the server? Its store, in each retrieval mode.

LangChain's standard suite is not run over it, because the package passes it with no server: it adds
`_id` and `_collection_name` to the metadata, and ids of the suite ("1") are none of Qdrant's.
"""

from collections.abc import Iterator
from itertools import count

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_qdrant import QdrantVectorStore, RetrievalMode, SparseEmbeddings, SparseVector
from qdrant_client import QdrantClient, models

_numbers = count(1)
TEXTS = ["a red apple", "a green apple", "a blue car", "the red car"]
METADATA = [{"n": n, "kind": text.split()[-1]} for n, text in enumerate(TEXTS)]


@pytest.fixture
def name(client: QdrantClient) -> Iterator[str]:
    """Return a name for a collection, which is deleted afterwards."""
    chosen = f"langchain_{next(_numbers)}"
    yield chosen
    client.delete_collection(chosen)


class Words(SparseEmbeddings):
    """One dimension a word: as plain as a sparse embedding can be."""

    def embed_documents(self, texts: list[str]) -> list[SparseVector]:
        """Return the vectors of texts."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> SparseVector:
        """Return the vector of a text."""
        indices = sorted({sum(map(ord, word)) for word in text.split()})
        return SparseVector(indices=indices, values=[1.0] * len(indices))


@pytest.mark.parametrize("mode", RetrievalMode)
def test_every_retrieval_mode_answers(server_url: str, name: str, mode: RetrievalMode) -> None:
    """Dense, sparse, and both fused; with a filter, with scores, and by diversity."""
    store = QdrantVectorStore.from_texts(
        TEXTS,
        None if mode is RetrievalMode.SPARSE else DeterministicFakeEmbedding(size=16),
        METADATA,
        sparse_embedding=None if mode is RetrievalMode.DENSE else Words(),
        retrieval_mode=mode,
        collection_name=name,
        url=server_url,
    )
    assert store.similarity_search("the red car", k=1)[0].page_content == "the red car"
    apples = models.Filter(
        must=[models.FieldCondition(key="metadata.kind", match=models.MatchValue(value="apple"))]
    )
    found = store.similarity_search_with_score("a red apple", k=4, filter=apples)
    assert {document.metadata["n"] for document, _ in found} == {0, 1}
    assert found[0][0].page_content == "a red apple"
    assert found[0][1] >= found[1][1]
    if mode is RetrievalMode.DENSE:
        diverse = store.max_marginal_relevance_search("a blue car", k=2, fetch_k=4)
        assert diverse[0].page_content == "a blue car"
        assert len(diverse) == 2


def test_documents_go_and_come_back(server_url: str, name: str) -> None:
    """An existing collection is opened; documents are replaced, fetched and deleted by id."""
    embedding = DeterministicFakeEmbedding(size=16)
    first = QdrantVectorStore.from_texts(TEXTS, embedding, collection_name=name, url=server_url)
    store = QdrantVectorStore.from_existing_collection(name, embedding, url=server_url)
    (added,) = store.add_documents([Document("größe 日本語", metadata={"deep": {"list": [1]}})])
    (document,) = store.get_by_ids([added])
    assert (document.page_content, document.metadata["deep"]) == ("größe 日本語", {"list": [1]})
    assert store.delete([added])
    assert first.get_by_ids([added]) == []
    retriever = store.as_retriever(search_kwargs={"k": 1})
    assert retriever.invoke("a green apple")[0].page_content == "a green apple"
