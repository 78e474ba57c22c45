"""Can int8 codes tell these rows' neighbours apart? Measured on a sample when a graph is built.

One scale serves all numbers of a row, so a code is off by up to 1/254 of the row's largest number
in each dimension. Where neighbours are nearer to each other than that, such as in tight clusters
far from the origin, a walk over codes cannot rank them, and the graph keeps float32 rows instead.
Pure functions over arrays; any thread.
"""

import numpy as np

from ruvector.kernel import Float32Array, Metric, VectorArray, exact_search

SAMPLE = 64  # queries: enough to tell a recall of .9 from one of 1 (standard error .01)
POOL = 64  # true neighbours that a code must put in order for each of them
WANTED = 10
# A search rescores max(1.5 k, k + 8) rows, so a neighbour may slip that far.
RESCORED = 18
# Real embeddings have 1.0 (62,666 x 384 MiniLM), clusters 1e5 apart with a spread of 10 have .6.
RECALL_MIN = 0.95
SEED = 7


def int8_suffices(vectors: VectorArray, metric: Metric, threads: int = 0) -> bool:
    """Return whether int8 codes rank the nearest rows well enough for rescoring to mend them.

    ``vectors`` float32, float16 or uint8 [n, dim], unit length for cosine (not uint8). Cost: 64
    exact scans of all rows.
    """
    count = min(SAMPLE, len(vectors))
    if count == 0:
        return True
    rows = np.sort(np.random.default_rng(SEED).choice(len(vectors), count, replace=False))
    queries = np.ascontiguousarray(vectors[rows], dtype=np.float32)
    if metric == Metric.COSINE and vectors.dtype == np.uint8:
        queries = queries / np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1.0)
    found, scores = exact_search(queries, vectors, metric, POOL, None, threads)
    kept = [
        _kept(query, vectors[pool].astype(np.float32), exact, metric)
        for query, pool, exact in zip(queries, found, scores, strict=True)
    ]
    return float(np.mean(kept)) >= RECALL_MIN


def _kept(query: Float32Array, pool: Float32Array, exact: Float32Array, metric: Metric) -> float:
    """Return which share of the nearest stays within reach; rows as near as the last count too."""
    if len(exact) <= WANTED:
        return 1.0
    coded, asked = _coded(pool), _coded(query[np.newaxis])[0]
    if metric == Metric.EUCLID:
        order = np.argsort(np.square(coded - asked).sum(axis=1), kind="stable")
        near = exact[order[:RESCORED]] <= exact[WANTED - 1]
    else:
        order = np.argsort(-(coded @ asked), kind="stable")
        near = exact[order[:RESCORED]] >= exact[WANTED - 1]
    return min(int(near.sum()), WANTED) / WANTED


def _coded(rows: Float32Array) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return rows as their int8 codes stand for them."""
    scales = np.abs(rows).max(axis=1, keepdims=True).astype(np.float64) / 127
    return np.asarray(np.round(rows / np.where(scales == 0, 1, scales)) * scales)
