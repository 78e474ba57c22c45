"""Does our LangChain store pass LangChain's own suite? And do what the suite does not ask."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import VectorStore
from langchain_qdrant import QdrantVectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests
from qdrant_client import QdrantClient

import ruvector
from ruvector.errors import RuvectorError
from ruvector.langchain import RuvectorVectorStore

EMBEDDING = DeterministicFakeEmbedding(size=8)
TEXTS = ["a red apple", "a green apple", "a blue car"]
METADATA = [{"n": n, "tags": text.split()[1:]} for n, text in enumerate(TEXTS)]


class TestStandardSuite(VectorStoreIntegrationTests):
    """LangChain's integration suite; nothing of it is left out."""

    @pytest.fixture(params=[":memory:", "folder"])
    def vectorstore(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
        """Return an empty store."""
        path = tmp_path if request.param == "folder" else request.param
        with RuvectorVectorStore(self.get_embeddings(), path=path) as store:
            yield store


@pytest.fixture(params=["cosine", "dot", "euclid", "manhattan"])
def store(request: pytest.FixtureRequest) -> Iterator[RuvectorVectorStore]:
    """Return a store of three documents, for each distance."""
    with RuvectorVectorStore.from_texts(
        TEXTS, EMBEDDING, METADATA, ids=["a", "b", "c"], distance=request.param
    ) as store:
        yield store


def test_nearest_is_first_and_most_relevant(store: RuvectorVectorStore) -> None:
    """Relevance is between 0 and 1 for every distance, best first, and found by vector too."""
    found = store.similarity_search_with_relevance_scores("a blue car", k=3)
    assert found[0][0] == Document("a blue car", id="c", metadata=METADATA[2])
    relevances = [relevance for _, relevance in found]
    assert relevances == sorted(relevances, reverse=True)
    assert all(0 <= relevance <= 1.000001 for relevance in relevances)
    vector = EMBEDDING.embed_query("a red apple")
    assert store.similarity_search_by_vector(vector, k=1)[0].id == "a"


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"tags": "apple"}, {"a", "b"}),
        ({"n": {"gte": 1}, "tags": "apple"}, {"b"}),
        ({"must_not": [{"key": "metadata.n", "match": {"value": 0}}]}, {"b", "c"}),
        ({}, {"a", "b", "c"}),
    ],
)
def test_filters_name_metadata(
    store: RuvectorVectorStore, filter: dict[str, Any], expected: set[str]
) -> None:
    """Shorthand and Qdrant's filters, in every kind of search."""
    assert {one.id for one in store.similarity_search("car", k=3, filter=filter)} == expected
    diverse = store.max_marginal_relevance_search("car", k=3, filter=filter)
    assert {one.id for one in diverse} == expected
    retriever = store.as_retriever(search_kwargs={"k": 3, "filter": filter})
    assert {one.id for one in retriever.invoke("car")} == expected


def test_diversity_is_asked_of_the_database() -> None:
    """With lambda 1 the twins are found, with 0 only one of them."""
    with RuvectorVectorStore(EMBEDDING) as store:
        store.add_texts(["twin", "twin", "other"], ids=["1", "2", "3"])
        near = store.max_marginal_relevance_search("twin", k=2, lambda_mult=1)
        apart = store.max_marginal_relevance_search("twin", k=2, lambda_mult=0)
    assert {one.id for one in near} == {"1", "2"}
    assert "3" in {one.id for one in apart}


def test_documents_outlive_the_process(tmp_path: Path) -> None:
    """A folder that is opened again has them."""
    with RuvectorVectorStore.from_texts(TEXTS, EMBEDDING, path=tmp_path) as store:
        (first, *_) = store.similarity_search("a red apple", k=1)
    with RuvectorVectorStore(EMBEDDING, path=tmp_path) as again:
        assert again.get_by_ids([first.id or ""]) == [first]
        assert again.delete()
        assert again.similarity_search("a red apple") == []


def test_either_store_reads_what_the_other_wrote(server_url: str, client: QdrantClient) -> None:
    """Our store over a server and langchain-qdrant have one form of payload."""
    with ruvector.RuvectorClient(url=server_url) as ours:
        store = RuvectorVectorStore(EMBEDDING, client=ours, collection="shared")
        store.add_texts(["from ruvector"], [{"n": 1}])
        theirs = QdrantVectorStore(client, "shared", EMBEDDING)
        theirs.add_texts(["from qdrant"], [{"n": 2}])
        assert theirs.similarity_search("from ruvector", k=1)[0].metadata["n"] == 1
        assert store.similarity_search("from qdrant", k=1)[0].metadata == {"n": 2}
    client.delete_collection("shared")


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda store: store.add_texts(["x"], ids=["1", "2"]), "2 ids came with 1 texts"),
        (lambda store: store.add_texts(["x"], [{}, {}]), "2 metadatas came with 1 texts"),
        (lambda store: store.similarity_search("x", fetch_k=3), "fetch_k"),
        (lambda store: store.similarity_search("x", filter=callable), "filter is builtin"),
        (lambda store: store.similarity_search("x", k=0), "limit"),
        (lambda _: RuvectorVectorStore(EMBEDDING, distance="hamming"), "hamming"),
        (lambda store: store.similarity_search_by_vector([1.0]), "8"),
    ],
)
def test_mistakes_are_named(call: Callable[[RuvectorVectorStore], Any], word: str) -> None:
    """Nothing is ignored in silence."""
    with (
        RuvectorVectorStore.from_texts(TEXTS, EMBEDDING) as store,
        pytest.raises(RuvectorError, match=word),
    ):
        call(store)
