"""How fast are sparse vectors found, beside qdrant-edge? Exact top 10, same vectors, same queries.

    python benchmarks/sparse.py [--short] [--law even|zipf] [--rounds N] [--no-record]

100,000 synthetic vectors with 100 of 30,000 terms each, values from 0 to 1: terms drawn evenly, or
by Zipf's law (exponent 1). Queries are drawn as the vectors are, with 100 or with 20 terms. Both
databases answer from one thread, one query a call, with the points' ids and no payloads; the
rounds alternate and the median counts. Ours is asked through the client; the index alone is
measured too. Both must find the same scores.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import record
import ruvector
from ruvector.index.sparse import SparseIndex

TERMS, ENTRIES, K, SEED = 30_000, 100, 10, 7
LAWS = ("even", "zipf")
BATCH = 2000
NAME = "terms"
Search = Callable[[dict[str, Any]], list[float]]


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="5,000 vectors, for a smoke test")
    parser.add_argument("--law", choices=LAWS, action="append", help="only this one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-record", action="store_true", help="only print")
    options = parser.parse_args()
    count, queries = (5000, 20) if options.short else (100_000, 100)
    disturbed = record.disturbance()
    rows: list[dict[str, Any]] = []
    for law in options.law or LAWS:
        vectors = drawn(law, count, ENTRIES, SEED)
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            ours, build = open_ours(Path(folder) / "ours", vectors)
            theirs, edge_build = open_edge(Path(folder) / "edge", vectors)
            for size in (ENTRIES, 20):
                asked = drawn(law, queries, size, SEED + 1)
                peers = {"ruvector embedded": ours, "qdrant-edge": theirs}
                peers["ruvector sparse index alone"] = index_alone(vectors)
                times = measure(peers, asked, options.rounds)
                for peer, seconds in times.items():
                    rows.append(
                        {
                            "dataset": f"synthetic sparse {law} {count}x{ENTRIES} of {TERMS}",
                            "peer": peer,
                            "version": version("qdrant-edge-py" if "edge" in peer else "ruvector"),
                            "settings": f"k={K} query_terms={size}",
                            "recall": 1.0,
                            "qps": len(asked) / statistics.median(seconds),
                            "build_seconds": edge_build if "edge" in peer else build,
                            "disturbed": disturbed,
                            "note": "exact; one thread, one query a call",
                        }
                    )
                    print({n: record.tidy(v) for n, v in rows[-1].items()}, flush=True)
    if not options.no_record:
        record.append(rows)


def drawn(law: str, count: int, size: int, seed: int) -> list[dict[str, Any]]:
    """Return sparse vectors of `size` distinct terms."""
    generator = np.random.default_rng(seed)
    terms = np.random.default_rng(SEED).permutation(TERMS).astype(np.uint32)
    weights = 1 / np.arange(1, TERMS + 1) if law == "zipf" else np.ones(TERMS)
    cumulated = np.cumsum(weights) / weights.sum()
    vectors = []
    for _ in range(count):
        chosen: Any = np.empty(0, np.int64)
        while len(chosen) < size:
            more = np.searchsorted(cumulated, generator.random(2 * size))
            chosen = np.unique(np.append(chosen, more))
        chosen = generator.choice(chosen, size, replace=False)
        indices = np.sort(terms[chosen])
        values = generator.random(size, dtype=np.float32) + np.float32(1e-3)
        vectors.append({"indices": indices, "values": values})
    return vectors


def open_ours(folder: Path, vectors: list[dict[str, Any]]) -> tuple[Search, float]:
    """Return a search over our database, and the seconds that writing and indexing took."""
    client = ruvector.open(folder)
    started = time.perf_counter()
    client.create_collection("bench", sparse_vectors={NAME: {}})
    for start in range(0, len(vectors), BATCH):
        some = vectors[start : start + BATCH]
        client.upsert("bench", ids=range(start, start + len(some)), vectors={NAME: some})
    client.wait_for_index("bench")
    seconds = time.perf_counter() - started

    def search(query: dict[str, Any]) -> list[float]:
        hits = client.search("bench", query, K, using=NAME, with_payload=False)
        return [hit.score for hit in hits]

    return search, seconds


def index_alone(vectors: list[dict[str, Any]]) -> Search:
    """Return a search over the inverted index without a database."""
    offsets = (np.arange(len(vectors) + 1) * ENTRIES).astype(np.uint64)
    indices = np.concatenate([vector["indices"] for vector in vectors])
    index = SparseIndex.build(offsets, indices, np.concatenate([v["values"] for v in vectors]))

    def search(query: dict[str, Any]) -> list[float]:
        _, scores = index.search(query["indices"], query["values"], K, None, len(vectors))
        return scores.tolist()  # type: ignore[no-any-return]

    return search


def open_edge(folder: Path, vectors: list[dict[str, Any]]) -> tuple[Search, float]:
    """Return a search over qdrant-edge, and the seconds that writing and indexing took."""
    import qdrant_edge as edge

    folder.mkdir()
    started = time.perf_counter()
    config = edge.EdgeConfig(sparse_vectors={NAME: edge.EdgeSparseVectorParams()})
    shard = edge.EdgeShard.create(str(folder), config)
    for start in range(0, len(vectors), BATCH):
        points = [
            edge.Point(
                start + i,
                {NAME: edge.SparseVector(vector["indices"].tolist(), vector["values"].tolist())},
            )
            for i, vector in enumerate(vectors[start : start + BATCH])
        ]
        shard.update(edge.UpdateOperation.upsert_points(points))
    shard.optimize()
    seconds = time.perf_counter() - started

    def search(query: dict[str, Any]) -> list[float]:
        vector = edge.SparseVector(query["indices"].tolist(), query["values"].tolist())
        request = edge.QueryRequest(limit=K, query=edge.Query.Nearest(vector, using=NAME))
        return [hit.score for hit in shard.query(request)]

    return search, seconds


def measure(
    peers: dict[str, Search], queries: list[dict[str, Any]], rounds: int
) -> dict[str, list[float]]:
    """Return the seconds of each round for each peer; all must find the same scores."""
    answers = {peer: [search(query) for query in queries] for peer, search in peers.items()}
    reference = answers["qdrant-edge"]
    for found in answers.values():
        for ours, theirs in zip(found, reference, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    seconds: dict[str, list[float]] = {peer: [] for peer in peers}
    for _ in range(rounds):
        for peer, search in peers.items():
            started = time.perf_counter()
            for query in queries:
                search(query)
            seconds[peer].append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    main()
