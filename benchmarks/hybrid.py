"""What does a hybrid query cost, beside its two parts? Dense and sparse, merged by RRF.

usage: hybrid.py [VECTORS.npy] [--rounds 7] [--short] [--no-record]

Each point has a dense vector of the set and a synthetic sparse one (100 of 30,000 terms, drawn
evenly). The parts are searches for 20 hits, the hybrid query merges them into 10; ids and scores,
no payloads, one query a call, rounds in turn. The bar: under twice the sum of the parts.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import record
import ruvector
import sources
from ruvector.bench.machine import OtherWork
from sparse import ENTRIES, TERMS, drawn

BAR, QUERIES, DEPTH, K, BATCH = 2.0, 200, 20, 10, 2000
COLLECTION = "bench"
Call = Callable[[int], Any]


def main() -> None:
    """Measure, print and record."""
    parser = sources.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    others = OtherWork()
    found = sources.load(options, QUERIES)
    terms = drawn("even", len(found.vectors), ENTRIES, 1)
    asked = drawn("even", len(found.queries), 20, 2)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, ruvector.open(folder) as client:
        client.create_collection(
            COLLECTION,
            vectors={"dense": {"size": found.vectors.shape[1], "distance": "Cosine"}},
            sparse_vectors={"terms": {}},
        )
        for start in range(0, len(terms), BATCH):
            rows = slice(start, start + BATCH)
            vectors = {"dense": found.vectors[rows], "terms": terms[rows]}
            client.upsert(COLLECTION, ids=range(start, start + len(terms[rows])), vectors=vectors)
        client.wait_for_index(COLLECTION)
        times = measure(calls(client, found.queries, asked), len(asked), options.rounds)
    ratio = times["hybrid"] / (times["dense"] + times["terms"])
    verdict = "reached" if ratio < BAR else "missed"
    parts = ", ".join(f"{name} {us:.0f} us" for name, us in times.items())
    print(f"{parts}: {ratio:.2f} times the sum of its parts, wanted < {BAR}: {verdict}")
    if not options.no_record:
        row = {
            "dataset": f"{found.label} + sparse even {ENTRIES} of {TERMS}",
            "peer": "ruvector embedded",
            "version": record.own_version(),
            "settings": f"hybrid: two searches for {DEPTH}, RRF to {K}",
            "p50_us": times["hybrid"],
            "disturbed": others.verdict(),
            "note": f"{parts}; {ratio:.2f} times the sum of its parts",
        }
        record.append([row])


def calls(
    client: ruvector.RuvectorClient, dense: Any, sparse: list[dict[str, Any]]
) -> dict[str, Call]:
    """Return the three queries of a number."""
    plain = {"with_payload": False}

    def hybrid(i: int) -> Any:
        parts = [
            {"query": dense[i], "using": "dense", "limit": DEPTH},
            {"query": sparse[i], "using": "terms", "limit": DEPTH},
        ]
        return client.query(COLLECTION, {"fusion": "rrf"}, K, prefetch=parts, **plain)

    return {
        "dense": lambda i: client.query(COLLECTION, dense[i], DEPTH, using="dense", **plain),
        "terms": lambda i: client.query(COLLECTION, sparse[i], DEPTH, using="terms", **plain),
        "hybrid": hybrid,
    }


def measure(queries: dict[str, Call], count: int, rounds: int) -> dict[str, float]:
    """Return the median of each kind in microseconds, over all rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in queries}
    for _ in range(rounds):
        for name, call in queries.items():
            for i in range(count):
                began = time.perf_counter()
                call(i)
                seconds[name].append(time.perf_counter() - began)
    return {name: float(np.median(values)) * 1e6 for name, values in seconds.items()}


if __name__ == "__main__":
    main()
