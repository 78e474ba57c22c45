"""How fast is the search of one tenant: by a scan, in a graph of its own, in the graph of all?

One collection whose points belong to tenants of equal size, by an indexed keyword. Every search
demands one tenant; recall is against the exact answer.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import record
import ruvector
import synthetic

BATCH = 10_000
QUERIES = 200
SETTINGS: dict[str, dict[str, int]] = {
    "m=0": {"m": 0, "payload_m": 0},
    "m=0 payload_m=16": {"m": 0, "payload_m": 16},
    "m=16": {"m": 16, "payload_m": 0},
}


def measure(points: int, dimensions: int, tenants: int) -> list[dict[str, Any]]:
    """Return rows of results: one setting each."""
    vectors = synthetic.clustered(points + QUERIES, dimensions)
    vectors, queries = vectors[:points], vectors[points:]
    rows = []
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        ruvector.open(Path(folder) / "database") as client,
    ):
        client.create_collection("c", dimensions=dimensions, hnsw=SETTINGS["m=0"])
        client.create_payload_index("c", "tenant", {"type": "keyword", "is_tenant": True})
        for start in range(0, points, BATCH):
            ids = range(start, min(points, start + BATCH))
            payloads = [{"tenant": f"tenant-{number % tenants}"} for number in ids]
            client.upsert("c", ids=ids, vectors=vectors[ids.start : ids.stop], payloads=payloads)
        client.wait_for_index("c", 600)
        exact, _ = search(client, queries, tenants, {"exact": True})
        for name, settings in SETTINGS.items():
            start_seconds = time.perf_counter()
            client.update_collection("c", hnsw=settings)
            client.wait_for_index("c", 600)
            built = time.perf_counter() - start_seconds
            search(client, queries, tenants, {})
            found, seconds = search(client, queries, tenants, {})
            recall = np.mean([len(a & b) / len(b) for a, b in zip(found, exact, strict=True)])
            p50, p99 = (float(np.quantile(seconds, q)) * 1e6 for q in (0.5, 0.99))
            rows.append(
                {
                    "dataset": f"synthetic clustered {points}x{dimensions}, {tenants} tenants",
                    "settings": f"search of one tenant, {name}, beam 64, limit 10",
                    "build_seconds": built,
                    "recall": float(recall),
                    "p50_us": p50,
                    "p99_us": p99,
                }
            )
            print(rows[-1]["dataset"], name, f"p50 {p50:.0f} us p99 {p99:.0f} us {recall:.3f}")
    return rows


def search(
    client: Any, queries: Any, tenants: int, params: dict[str, Any]
) -> tuple[list[set[int]], list[float]]:
    """Return the ids that each query finds of its tenant, and how long each took."""
    found, seconds = [], []
    for number, query in enumerate(queries):
        asked = {"tenant": f"tenant-{number % tenants}"}
        start = time.perf_counter()
        hits = client.search("c", query, 10, filter=asked, params=params)
        seconds.append(time.perf_counter() - start)
        found.append({hit.id for hit in hits})
    return found, seconds


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--dimensions", type=int, default=64)
    parser.add_argument("--tenants", type=int, nargs="+", default=[100, 10])
    parser.add_argument("--short", action="store_true", help="20,000 points, 2 tenants")
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    disturbed = record.disturbance()
    points, counts = options.points, options.tenants
    if options.short:
        points, counts = 20_000, [2]
    rows = [row for each in counts for row in measure(points, options.dimensions, each)]
    if not options.no_record:
        base = {
            "peer": "ruvector embedded",
            "version": record.own_version(),
            "disturbed": disturbed,
        }
        record.append([base | row for row in rows])


if __name__ == "__main__":
    main()
