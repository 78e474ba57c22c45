"""Does llama-index-vector-stores-qdrant work unchanged against the server?"""

import uuid
from collections.abc import Iterator
from itertools import count

import pytest
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import AsyncQdrantClient, QdrantClient

_numbers = count(1)


@pytest.fixture
def name(client: QdrantClient) -> Iterator[str]:
    """Return a name for a collection, which is deleted afterwards."""
    chosen = f"llama_{next(_numbers)}"
    yield chosen
    client.delete_collection(chosen)


def node(number: int, document: str) -> TextNode:
    """Return a node of a document; its embedding points along one axis."""
    embedding = [0.0] * 4
    embedding[number] = 1.0
    return TextNode(
        id_=str(uuid.UUID(int=number)),
        text=f"text {number}",
        embedding=embedding,
        metadata={"number": number, "even": str(number % 2 == 0)},
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document)},
    )


NODES = [node(0, "first"), node(1, "first"), node(2, "second"), node(3, "second")]


def texts(found: object) -> list[str]:
    """Return the texts of a result's nodes, best first."""
    return [one.get_content() for one in found.nodes]  # type: ignore[attr-defined]


def test_nodes_are_added_queried_and_deleted(client: QdrantClient, name: str) -> None:
    """The store makes its collection; a deleted document takes its nodes along."""
    store = QdrantVectorStore(collection_name=name, client=client)
    assert store.add(NODES) == [one.node_id for one in NODES]
    query = VectorStoreQuery(query_embedding=[0.1, 0.9, 0.2, 0.3], similarity_top_k=2)
    found = store.query(query)
    assert texts(found) == ["text 1", "text 3"]
    assert found.similarities == sorted(found.similarities, reverse=True)
    assert found.nodes[0].metadata == {"number": 1, "even": "False"}
    assert len(store.get_nodes(node_ids=[NODES[2].node_id])) == 1
    store.delete("first")
    assert texts(store.query(query)) == ["text 3", "text 2"]
    store.delete_nodes([NODES[3].node_id])
    assert texts(store.query(query)) == ["text 2"]
    store.clear()
    assert not client.collection_exists(name)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("number", FilterOperator.GTE, 2)], {"text 2", "text 3"}),
        ([("even", FilterOperator.EQ, "True")], {"text 0", "text 2"}),
        ([("number", FilterOperator.NE, 1)], {"text 0", "text 2", "text 3"}),
        ([("even", FilterOperator.IN, ["False"])], {"text 1", "text 3"}),
        ([("number", FilterOperator.LT, 3), ("even", FilterOperator.EQ, "False")], {"text 1"}),
    ],
)
def test_metadata_filters_find_their_nodes(
    client: QdrantClient,
    name: str,
    filters: list[tuple[str, FilterOperator, object]],
    expected: set[str],
) -> None:
    """LlamaIndex's operators become conditions that the server answers."""
    store = QdrantVectorStore(collection_name=name, client=client)
    store.add(NODES)
    wanted = [MetadataFilter(key=k, operator=o, value=v) for k, o, v in filters]
    found = store.query(
        VectorStoreQuery(
            query_embedding=[1.0, 1.0, 1.0, 1.0],
            similarity_top_k=10,
            filters=MetadataFilters(filters=wanted, condition=FilterCondition.AND),
        )
    )
    assert set(texts(found)) == expected


def words(texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
    """Embed texts sparsely: one dimension a word."""
    indices = [sorted({sum(map(ord, word)) for word in text.split()}) for text in texts]
    return indices, [[1.0] * len(one) for one in indices]


def test_hybrid_queries_are_answered(client: QdrantClient, name: str) -> None:
    """Dense and sparse vectors in one collection, asked together."""
    store = QdrantVectorStore(
        collection_name=name,
        client=client,
        enable_hybrid=True,
        sparse_doc_fn=words,
        sparse_query_fn=words,
    )
    store.add(NODES)
    found = store.query(
        VectorStoreQuery(
            query_str="text 2",
            query_embedding=[0.0, 0.0, 1.0, 0.1],
            mode=VectorStoreQueryMode.HYBRID,
            similarity_top_k=2,
            sparse_top_k=2,
        )
    )
    assert texts(found)[0] == "text 2"


async def test_asynchronous_client_does_the_same(server_url: str, name: str) -> None:
    """async_add and aquery over the asynchronous client."""
    store = QdrantVectorStore(collection_name=name, aclient=AsyncQdrantClient(url=server_url))
    await store.async_add(NODES)
    found = await store.aquery(
        VectorStoreQuery(query_embedding=[0.0, 0.1, 0.0, 1.0], similarity_top_k=1)
    )
    assert texts(found) == ["text 3"]
