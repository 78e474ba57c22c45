"""Which filters do people write? Ranges, AND, OR and topics, through the embedded database.

Each selectivity has a range on one indexed number, two ranges joined by AND, two by OR, and a list
of topics (k-means cells): those nearest to the query, and those farthest from it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ruvector
from masks import SELECTIVITIES, Cells
from ruvector.bench.vectors import SEED, Dataset
from ruvector.kernel import MaskArray

COLLECTION = "bench"
K = 10
BATCH = 5000
SPREAD = 1_000_000
TOPIC_SHARES = (0.01, 0.10, 0.50)


def measure(
    folder: Path, found: Dataset, cells: Cells, beam: int, judge: Callable[..., Any]
) -> list[Any]:
    """Return a place of the grid for each filter."""
    generator = np.random.default_rng(SEED)
    numbers = generator.integers(SPREAD, size=(2, len(found.vectors)))
    with ruvector.open(folder / "data") as client:
        fill(client, found.vectors, numbers, cells)
        return [
            judge(how, found, masks, *searches(client, beam, asked))
            for how, asked, masks in cases(found, numbers, cells)
        ]


def fill(client: Any, vectors: NDArray[np.float32], numbers: Any, cells: Cells) -> None:
    """Store the points with their numbers and topics, and index all three."""
    client.create_collection(COLLECTION, dimensions=vectors.shape[1], distance="cosine")
    for field in ("number", "other", "topic"):
        client.create_payload_index(COLLECTION, field, "integer")
    columns = zip(numbers[0].tolist(), numbers[1].tolist(), cells.of_row.tolist(), strict=True)
    payloads = [{"number": one, "other": two, "topic": topic} for one, two, topic in columns]
    ids = np.arange(len(vectors), dtype=np.uint64)
    for first in range(0, len(ids), BATCH):
        rows = slice(first, first + BATCH)
        client.upsert(COLLECTION, ids=ids[rows], vectors=vectors[rows], payloads=payloads[rows])
    client.wait_for_index(COLLECTION)


def cases(
    found: Dataset, numbers: Any, cells: Cells
) -> list[tuple[str, dict[bytes, Any], list[MaskArray]]]:
    """Return name, the filter of each query, and what it leaves for each query."""
    listed: list[tuple[str, dict[bytes, Any], list[MaskArray]]] = []
    for share in SELECTIVITIES:
        for how, asked, bits in plain(share, numbers):
            every = dict.fromkeys(map(bytes, found.queries), asked)
            listed.append((how, every, [packed(bits)] * len(found.queries)))
    sizes = np.bincount(cells.of_row, minlength=len(cells.centres))
    for share in TOPIC_SHARES:
        for how, step in (("topics positive", 1), ("topics negative", -1)):
            by_query, masks = {}, []
            for query in found.queries:
                order = cells.order(query)[::step]
                kept = np.searchsorted(np.cumsum(sizes[order]), share * len(cells.of_row)) + 1
                chosen = order[:kept]
                by_query[bytes(query)] = has("topic", "match", {"any": chosen.tolist()})
                masks.append(packed(np.isin(cells.of_row, chosen)))
            listed.append((how, by_query, masks))
    return listed


def plain(share: float, numbers: Any) -> list[tuple[str, dict[str, Any], NDArray[np.bool_]]]:
    """Return the filters that do not depend on the query, with the rows they leave."""
    number, other = numbers
    limit, root, half = (round(part * SPREAD) for part in (share, share**0.5, share / 2))
    both = {"must": [*below("number", root)["must"], *below("other", root)["must"]]}
    either = {"should": [*below("number", half)["must"], *below("other", half)["must"]]}
    return [
        ("range", below("number", limit), number < limit),
        ("and", both, (number < root) & (other < root)),
        ("or", either, (number < half) | (other < half)),
    ]


def below(field: str, limit: int) -> dict[str, Any]:
    """Return the filter for smaller numbers."""
    return has(field, "range", {"lt": limit})


def has(field: str, kind: str, condition: dict[str, Any]) -> dict[str, Any]:
    """Return a filter of one condition."""
    return {"must": [{"key": field, kind: condition}]}


def packed(bits: NDArray[np.bool_]) -> MaskArray:
    """Return a mask in little bit order."""
    return np.packbits(bits, bitorder="little")


def searches(
    client: Any, beam: int, asked: dict[bytes, Any]
) -> Sequence[Callable[[Any], list[Any]]]:
    """Return the filtered search, the free one, and the exact scan of the matches."""

    def answer(query: Any, filter: Any, **params: Any) -> list[Any]:
        hits = client.search(
            COLLECTION,
            query_vector=query,
            limit=K,
            filter=filter,
            params=params,
            with_payload=False,
        )
        return [hit.id for hit in hits]

    return (
        lambda query: answer(query, asked[bytes(query)], hnsw_ef=beam),
        lambda query: answer(query, None, hnsw_ef=beam),
        lambda query: answer(query, asked[bytes(query)], exact=True),
    )
