"""What should a graph's walk compare? Measured on a sample of the rows when a graph is built.

Codes: one scale serves all numbers of a row, so an int8 code is off by up to 1/254 of the row's
largest number in each dimension. Where neighbours are nearer to each other than that, such as in
tight clusters far from the origin, a walk over codes cannot rank them, and the graph keeps float32
rows instead.
Estimates: a packed graph's signs are off by about 1 / sqrt(dim), which few dimensions or little
contrast turn into lost neighbours. A wider beam makes up for some of it (`stretch`); where twice
the width does not, the walk compares codes.
Functions over arrays and a graph nobody else uses yet; any thread.
"""

import numpy as np

from ruvector.kernel import (
    Float32Array,
    Layout,
    Metric,
    RowArray,
    VectorArray,
    _kernel,
    exact_search,
)

SAMPLE = 64  # queries: enough to tell a recall of .9 from one of 1 (standard error .01)
POOL = 64  # true neighbours that a code must put in order for each of them
WANTED = 10
# A search rescores max(1.5 k, k + 8) rows, so a neighbour may slip that far.
RESCORED = 18
# Real embeddings have 1.0 (62,666 x 384 MiniLM), clusters 1e5 apart with a spread of 10 have .6.
RECALL_MIN = 0.95
SEED = 7
CENTER_SAMPLE = 1000
# The largest number of a rotated row, in standard deviations: expected of 384 normal ones, 3.1.
ROTATED_PEAK = 4.0

STRETCHES = (1.0, 1.25, 1.5, 2.0, 3.0)  # beyond, a walk by codes is as fast (62,666 x 384)
# Queries of a sample. 200 tell a loss to .004 (standard error), 1,000 to .002; with 200 one build
# in ten of 6,000 x 72 took estimates that lose .012. More rows cost longer scans, so fewer of them.
STRETCH_SAMPLE = (200, 1000)
STRETCH_SCAN = 20_000_000  # rows compared for the whole sample, unless the smallest needs more
STRETCH_BEAM = 64  # the default of a search
STRETCH_LOSS = 0.005  # of the recall of a walk by codes


def choose_layout(vectors: VectorArray, metric: Metric, threads: int = 0) -> Layout:
    """Return the layout of a graph over these rows; the kernel takes the next one that fits."""
    if metric == Metric.MANHATTAN or int8_suffices(vectors, metric, threads):
        return Layout.PACKED
    return Layout.FLOATS


def choose_stretch(core: _kernel.Graph, queries: Float32Array, threads: int = 0) -> float:
    """Return how much wider estimates need the beam to find what codes find; 0 for a walk by codes.

    ``core``: a packed graph; its own stretch is left at the result. ``queries``: a sample of
    `stretch_sample` of its rows. Cost: an exact scan of all rows and up to seven searches
    for each.
    """
    wanted = min(WANTED, core.rows)

    def found(exact: bool = False) -> RowArray:
        return core.search(queries, wanted, STRETCH_BEAM, None, 0, 0, exact, threads)[0]

    truth = [set(rows) for rows in found(exact=True).tolist()]

    def recall(stretch: float) -> float:
        core.stretch = stretch
        hits = sum(len(a.intersection(b)) for a, b in zip(truth, found().tolist(), strict=True))
        return hits / max(wanted * len(queries), 1)

    enough = recall(0.0) - STRETCH_LOSS
    for stretch in STRETCHES:
        if recall(stretch) >= enough:
            return stretch
    core.stretch = 0.0
    return 0.0


def int8_suffices(vectors: VectorArray, metric: Metric, threads: int = 0) -> bool:
    """Return whether int8 codes rank the nearest rows well enough for rescoring to mend them.

    ``vectors`` float32, float16 or uint8 [n, dim], unit length for cosine (not uint8). Cost: 64
    exact scans of all rows.
    """
    queries = sample_of(vectors, metric, SAMPLE)
    if len(queries) == 0:
        return True
    found, scores = exact_search(queries, vectors, metric, POOL, None, threads)
    center = sample_of(vectors, metric, CENTER_SAMPLE).mean(axis=0)
    kept = [
        _kept(query, vectors[pool].astype(np.float32), exact, metric, center)
        for query, pool, exact in zip(queries, found, scores, strict=True)
    ]
    return float(np.mean(kept)) >= RECALL_MIN


def stretch_sample(rows: int) -> int:
    """Return of how many of a graph's rows `choose_stretch` should learn."""
    least, most = STRETCH_SAMPLE
    return min(rows, max(least, min(most, STRETCH_SCAN // max(rows, 1))))


def sample_of(vectors: VectorArray, metric: Metric, count: int) -> Float32Array:
    """Return a sample of the rows as float32 [<= count, dim], of unit length for cosine."""
    count = min(count, len(vectors))
    rows = np.sort(np.random.default_rng(SEED).choice(len(vectors), count, replace=False))
    queries = np.ascontiguousarray(vectors[rows], dtype=np.float32)
    if metric == Metric.COSINE and vectors.dtype == np.uint8:
        queries = queries / np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1.0)
    return queries


def _kept(
    query: Float32Array,
    pool: Float32Array,
    exact: Float32Array,
    metric: Metric,
    center: Float32Array,
) -> float:
    """Return which share of the nearest stays within reach; rows as near as the last count too."""
    if len(exact) <= WANTED:
        return 1.0
    coded, asked = _coded(pool - center), _coded((query - center)[np.newaxis])[0]
    if metric == Metric.EUCLID:
        order = np.argsort(np.square(coded - asked).sum(axis=1), kind="stable")
        near = exact[order[:RESCORED]] <= exact[WANTED - 1]
    else:
        order = np.argsort(-((coded + center) @ (asked + center)), kind="stable")
        near = exact[order[:RESCORED]] >= exact[WANTED - 1]
    return min(int(near.sum()), WANTED) / WANTED


def _coded(rows: Float32Array) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return rows as their int8 codes stand for them, had they been rotated."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    scales = ROTATED_PEAK * lengths / np.sqrt(rows.shape[1]) / 127
    return np.asarray(np.round(rows / np.where(scales == 0, 1, scales)) * scales)
