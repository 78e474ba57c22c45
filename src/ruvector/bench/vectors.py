"""What is searched? A file of vectors, or labelled synthetic ones; and its true neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.errors import BadInput
from ruvector.kernel import Float32Array, MaskArray, Metric, exact_search

SEED = 7


@dataclass(frozen=True, slots=True)
class Dataset:
    """Vectors to index and queries that are not among them, float32 [n, dim] and [q, dim]."""

    name: str
    vectors: Float32Array
    queries: Float32Array

    @property
    def label(self) -> str:
        """Return the name with the shape, as it stands in results."""
        return f"{self.name} {len(self.vectors)}x{self.vectors.shape[1]}"


def dataset(
    name: str,
    vectors: NDArray[Any],
    queries: int,
    distance: str = "cosine",
    rows: int | None = None,
) -> Dataset:
    """Return the last `queries` rows of a fixed shuffle as queries, the first `rows` as vectors.

    Without `rows` all others are vectors. For cosine all of them get unit length, which every peer
    can compare as an inner product.
    """
    if vectors.ndim != 2 or not 0 < queries < len(vectors):
        raise BadInput(
            f"{name} has the shape {list(vectors.shape)}; expected [n, dim] with more than "
            f"{queries} rows, of which {queries} are the queries"
        )
    order = np.random.default_rng(SEED).permutation(len(vectors))
    kept = len(vectors) - queries if rows is None else min(rows, len(vectors) - queries)
    with np.errstate(over="ignore"):  # too large for float32 is refused below
        chosen = vectors[np.concatenate([order[:kept], order[-queries:]])].astype(np.float32)
    if not np.isfinite(chosen).all():
        raise BadInput(f"{name} holds NaN, infinity or numbers beyond float32")
    if distance == "cosine":
        lengths = np.linalg.norm(chosen, axis=1, keepdims=True)
        chosen /= np.maximum(lengths, np.finfo(np.float32).tiny)
    return Dataset(name, chosen[:kept], chosen[kept:])


def read(file: Path) -> NDArray[Any]:
    """Return the array of a .npy file without reading it all; BadInput says what is wrong."""
    try:
        found = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{file} is not a .npy file of vectors: {error}") from error
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiu":
        raise BadInput(f"{file} is not an array of numbers [n, dim]; save one with numpy.save")
    return found


def clustered(points: int, dimensions: int, clusters: int = 1000) -> Float32Array:
    """Return unit vectors, float32 [points, dimensions], in clusters with a decaying spectrum.

    The spectrum 1/sqrt(i) gives them the low intrinsic dimension of embeddings; uniform noise would
    be harder than anything people search.
    """
    generator = np.random.default_rng(SEED)
    spectrum = (1 / np.sqrt(np.arange(1, dimensions + 1))).astype(np.float32)
    centres = generator.normal(size=(clusters, dimensions)).astype(np.float32) * spectrum
    vectors = generator.standard_normal(size=(points, dimensions), dtype=np.float32)
    vectors *= 0.5 * spectrum
    vectors += centres[generator.integers(clusters, size=points)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def true_neighbours(
    vectors: Float32Array,
    queries: Float32Array,
    k: int,
    distance: str = "cosine",
    allowed: MaskArray | None = None,
) -> NDArray[np.uint32]:
    """Return the rows of the k best vectors for each query, uint32 [q, k], by looking at all."""
    metric = Metric[distance.upper()]
    return exact_search(queries, vectors, metric, k, allowed, threads=0)[0]


def recall_of(found: Sequence[Any], truth: NDArray[Any]) -> float:
    """Return the share of true neighbours that were found; an id found twice counts once."""
    if len(found) != len(truth):
        raise ValueError(f"{len(found)} answers for {len(truth)} queries")
    if not truth.size:
        return 1.0
    hits = sum(
        len(set(map(int, ids)) & set(true)) for ids, true in zip(found, truth.tolist(), strict=True)
    )
    return hits / truth.size
