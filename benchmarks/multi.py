"""How fast are multi-vectors found, and how many of the best? MaxSim through the graph and exactly.

    python benchmarks/multi.py [--short] [--no-record]

10,000 synthetic points of 8 to 32 rows of 128 dimensions, each row near to one of 2,000 topics;
queries of 16 rows. Recall is against comparing every point in the same run, through the client,
one query a call from one thread.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import record
import ruvector

DIM, K, SEED = 128, 10, 7
BEAMS = (16, 64, 128)


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="1,000 points, for a smoke test")
    parser.add_argument("--no-record", action="store_true", help="only print")
    options = parser.parse_args()
    count, queries = (1000, 10) if options.short else (10_000, 100)
    disturbed = record.disturbance()
    rows = []
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        ruvector.open(Path(folder) / "data") as client,
    ):
        build = fill(client, count)
        asked = [tokens(count + i, 16) for i in range(queries)]
        exact, seconds = answers(client, asked, exact=True)
        rows.append({"settings": f"k={K} exact", "recall": 1.0, "qps": queries / seconds})
        for beam in BEAMS:
            found, seconds = answers(client, asked, hnsw_ef=beam)
            pairs = zip(found, exact, strict=True)
            hits = sum(len(set(some) & set(best)) for some, best in pairs)
            recall, qps = hits / (K * queries), queries / seconds
            rows.append({"settings": f"k={K} beam={beam}", "recall": recall, "qps": qps})
    for row in rows:
        row |= {
            "dataset": f"synthetic multi-vectors {count}x8..32x{DIM}",
            "peer": "ruvector embedded",
            "version": record.own_version(),
            "build_seconds": build,
            "disturbed": disturbed,
            "note": "MaxSim; one thread, one query a call",
        }
        print({name: record.tidy(value) for name, value in row.items()})
    if not options.no_record:
        record.append(rows)


def tokens(seed: int, count: int) -> Any:
    """Return rows near to some topics."""
    topics = np.random.default_rng(SEED).normal(size=(2000, DIM))
    generator = np.random.default_rng(seed)
    chosen = topics[generator.integers(0, len(topics), count)]
    return (chosen + 0.7 * generator.normal(size=chosen.shape)).astype(np.float32)


def fill(client: Any, count: int) -> float:
    """Write and index the points; return the seconds."""
    several = {"multivector_config": {"comparator": "max_sim"}}
    client.create_collection("bench", vectors={"rows": {"dimensions": DIM, **several}})
    sizes = np.random.default_rng(SEED).integers(8, 33, count)
    started = time.perf_counter()
    for start in range(0, count, 500):
        ids = range(start, min(start + 500, count))
        vectors = {"rows": [tokens(number, sizes[number]) for number in ids]}
        client.upsert("bench", ids=ids, vectors=vectors)
    client.wait_for_index("bench")
    return time.perf_counter() - started


def answers(client: Any, queries: list[Any], **params: Any) -> tuple[list[list[Any]], float]:
    """Return the ids that each query finds, and the seconds of all."""
    started = time.perf_counter()
    found = [
        [hit.id for hit in client.search("bench", query, K, using="rows", params=params)]
        for query in queries
    ]
    return found, time.perf_counter() - started


if __name__ == "__main__":
    main()
