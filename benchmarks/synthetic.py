"""What do benchmarks search when no data is at hand? Clustered vectors, payloads to filter by."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
SEED = 7


def clustered(points: int, dimensions: int, clusters: int = 1000) -> Vectors:
    """Return unit vectors, float32 [points, dimensions], in clusters with a decaying spectrum.

    The spectrum 1/sqrt(i) gives them the low intrinsic dimension of embeddings; uniform noise would
    be harder than anything people search.
    """
    generator = np.random.default_rng(SEED)
    spectrum = (1 / np.sqrt(np.arange(1, dimensions + 1))).astype(np.float32)
    centres = generator.normal(size=(clusters, dimensions)).astype(np.float32) * spectrum
    vectors = generator.normal(size=(points, dimensions)).astype(np.float32)
    vectors *= 0.5 * spectrum
    vectors += centres[generator.integers(clusters, size=points)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def split(vectors: Vectors, queries: int) -> tuple[Vectors, Vectors]:
    """Return (points, queries): the last rows of a fixed shuffle are the queries."""
    order = np.random.default_rng(SEED).permutation(len(vectors))
    return vectors[order[:-queries]], vectors[order[-queries:]]


def payloads(points: int) -> list[dict[str, Any]]:
    """Return one payload a point, about 100 bytes of JSON."""
    return [
        {"number": row, "group": f"group-{row % 50}", "price": row % 1000 / 10, "text": "x" * 40}
        for row in range(points)
    ]


def nearest(points: Vectors, queries: Vectors, k: int) -> NDArray[np.int64]:
    """Return the rows of the k most similar points for each query, int64 [q, k]."""
    found = np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), 256):
        similarity = queries[start : start + 256] @ points.T
        top = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        found[start : start + 256] = top
    return found


def recall(found: list[list[int]], truth: NDArray[np.int64]) -> float:
    """Return the share of true neighbours that were found."""
    hits = sum(len(set(ids) & set(true)) for ids, true in zip(found, truth.tolist(), strict=True))
    return hits / truth.size
