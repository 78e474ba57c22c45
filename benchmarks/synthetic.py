"""What do benchmarks search when no vectors are at hand? Clustered ones, payloads to filter by."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.bench.vectors import SEED, clustered, recall_of, true_neighbours

__all__ = ["SEED", "Vectors", "clustered", "nearest", "payloads", "recall", "split"]

Vectors = NDArray[np.float32]
recall = recall_of
nearest = true_neighbours


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
