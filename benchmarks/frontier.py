"""How fast is VectorIndex at equal recall, beside its peers, in one run?

usage: frontier.py [VECTORS.npy] [--peers ruvector,hnswlib] [--threads 2] [--rounds 5] [--rows N]

Vectors [n, dim] are made float32 of unit length. A permutation of seed 7 is taken; its last 1,000
rows are the queries, the rest is indexed. k = 10, one query per call, one thread pinned to one
core; builds take ``--threads``. True neighbours come from an exact search in the same run. All
peers are built first and then measured in turn, ``--rounds`` times; the median of the rounds
counts. A run is marked disturbed when the load of other processes was above 0.3 at its start.
Rows are appended to results.csv; a missing peer is reported there, not skipped in silence.
"""

import argparse
import importlib.metadata
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import record
import ruvector.demo
from ruvector import VectorIndex
from ruvector.kernel import Metric, exact_search

K = 10
QUERIES = 1000
WARM_UP = 20
SEED = 7
BEAMS = (10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 400)


class Ruvector:
    """Our index with its defaults."""

    package, settings = "ruvector", "R=32 build_beam=200"

    def build(self, vectors: np.ndarray, threads: int) -> None:
        self.index = VectorIndex(dimensions=vectors.shape[1], distance="cosine")
        self.index.add(np.arange(len(vectors), dtype=np.uint64), vectors, threads=threads)

    def search(self, beam: int) -> Callable[[np.ndarray], np.ndarray]:
        index = self.index
        return lambda query: index.search(query, k=K, beam=beam)[0][0]

    def bytes_per_vector(self) -> float:
        return self.index.memory_bytes / len(self.index)


class Hnswlib:
    """hnswlib, inner product on unit vectors."""

    package, settings = "hnswlib", "M=16 ef_construction=200"

    def build(self, vectors: np.ndarray, threads: int) -> None:
        import hnswlib

        self.index: Any = hnswlib.Index("ip", vectors.shape[1])
        self.index.init_index(len(vectors), ef_construction=200, M=16)
        self.index.set_num_threads(threads)
        self.index.add_items(vectors)
        self.index.set_num_threads(1)
        # vector, 2M links on the lowest layer and their count, label (its documented layout)
        self.bytes = vectors.shape[1] * 4 + 32 * 4 + 4 + 8

    def search(self, beam: int) -> Callable[[np.ndarray], np.ndarray]:
        self.index.set_ef(beam)
        return lambda query: self.index.knn_query(query, K)[0][0]

    def bytes_per_vector(self) -> float:
        return float(self.bytes)


PEERS: dict[str, type[Any]] = {"ruvector": Ruvector, "hnswlib": Hnswlib}


Row = dict[str, Any]


def load_vectors(path: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to index and the queries."""
    vectors = ruvector.demo.load()[0] if path is None else np.load(path).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors[np.random.default_rng(SEED).permutation(len(vectors))]
    return np.ascontiguousarray(vectors[:-QUERIES]), np.ascontiguousarray(vectors[-QUERIES:])


def measure(
    search: Callable[[np.ndarray], np.ndarray], queries: np.ndarray, truth: list[set[int]]
) -> tuple[float, np.ndarray]:
    """Return the recall and the seconds of each query."""
    for query in queries[:WARM_UP]:
        search(query)
    seconds = np.empty(len(queries))
    hits = 0
    for i, query in enumerate(queries):
        start = time.perf_counter()
        found = search(query)
        seconds[i] = time.perf_counter() - start
        hits += len(truth[i].intersection(found.tolist()))
    return hits / (K * len(queries)), seconds


def build_peers(
    names: list[str], vectors: np.ndarray, threads: int
) -> dict[str, tuple[Any, float]]:
    built = {}
    for name in names:
        peer = PEERS[name]()
        start = time.perf_counter()
        try:
            peer.build(vectors, threads)
        except ImportError as error:
            print(f"{name}: missing: {error}", file=sys.stderr)
            continue
        built[name] = (peer, time.perf_counter() - start)
        print(f"{name}: built in {built[name][1]:.1f} s", flush=True)
    return built


def measure_all(
    built: dict[str, tuple[Any, float]], queries: np.ndarray, truth: list[set[int]], rounds: int
) -> dict[tuple[str, int], tuple[float, list[np.ndarray]]]:
    """Return recall and seconds of each round for every (peer, beam), measured in turn."""
    found: dict[tuple[str, int], tuple[float, list[np.ndarray]]] = {}
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    for _ in range(rounds):
        for beam in BEAMS:
            for name, (peer, _) in built.items():
                recall, seconds = measure(peer.search(beam), queries, truth)
                found.setdefault((name, beam), (recall, []))[1].append(seconds)
    os.sched_setaffinity(0, cores)
    return found


def row_of(name: str, peer: Any, built: float, beam: int, recall: float, rounds: Any) -> Row:
    """Return one setting's row: medians over the rounds."""
    p50, p99 = (np.median([np.percentile(seconds, q) for seconds in rounds]) for q in (50, 99))
    return {
        "peer": name,
        "version": importlib.metadata.version(peer.package),
        "settings": f"{peer.settings} beam={beam}",
        "build_seconds": round(built, 1),
        "recall": f"{recall:.4f}",
        "qps": round(1 / float(np.median([seconds.mean() for seconds in rounds]))),
        "p50_us": round(float(p50) * 1e6),
        "p99_us": round(float(p99) * 1e6),
        "bytes_per_vector": round(peer.bytes_per_vector()),
    }


def report(rows: list[Row], names: list[str]) -> None:
    """Print the fastest setting of each peer that reaches a recall."""
    for wanted in (0.90, 0.95, 0.99):
        best = {
            name: max(
                (
                    row["qps"]
                    for row in rows
                    if row["peer"] == name and float(row["recall"]) >= wanted
                ),
                default=0,
            )
            for name in names
        }
        print(f"recall {wanted:.2f}: " + ", ".join(f"{name} {qps}" for name, qps in best.items()))


def main() -> None:
    """Build, measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vectors", type=Path, nargs="?", help="default: the demo's 8,000")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, help="index only so many of the rows")
    parser.add_argument("--note", default="")
    parser.add_argument("--no-record", action="store_true", help="only print")
    options = parser.parse_args()

    disturbed = record.disturbance()
    vectors, queries = load_vectors(options.vectors)
    vectors = vectors[: options.rows]
    true_rows, _ = exact_search(queries, vectors, Metric.COSINE, K)
    truth = [set(row) for row in true_rows.tolist()]
    names = options.peers.split(",")
    built = build_peers(names, vectors, options.threads)
    rows = [
        row_of(name, *built[name], beam, recall, rounds)
        for (name, beam), (recall, rounds) in measure_all(
            built, queries, truth, options.rounds
        ).items()
    ]
    for row in rows:
        print({name: row[name] for name in ("peer", "settings", "recall", "qps", "p50_us")})
    report(rows, list(built))
    rows += [{"peer": name, "note": "missing"} for name in names if name not in built]
    dataset = options.vectors.name if options.vectors else "demo packages"
    base = {
        "dataset": f"{dataset} {len(vectors)}x{vectors.shape[1]}",
        "disturbed": disturbed,
        "note": options.note,
    }
    if not options.no_record:
        record.append([base | row for row in rows])


if __name__ == "__main__":
    main()
