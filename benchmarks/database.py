"""How fast is the embedded database? Durable ingest, index, search with ids and payloads, start.

    python benchmarks/database.py [--short] [--vectors FILE.npy] [--points N] [--no-record]

Without a file the vectors are synthetic and labelled so. Recall is against an exact scan of the
same points in the same run. Searches are one query a call, from one thread; each beam is measured
several times in turn and the median repetition counts.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import record
import ruvector
import synthetic

COLLECTION = "bench"
K = 10
BEAMS = (16, 32, 64, 128, 256)
BATCH = 5000
WARM_UP = 20


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="10,000 points, for a smoke test")
    parser.add_argument("--vectors", type=Path, help="float array [n, dim] in a .npy file")
    parser.add_argument("--points", type=int, help="use only so many")
    parser.add_argument("--no-record", action="store_true", help="only print")
    options = parser.parse_args()
    count = options.points or (10_000 if options.short else 100_000)
    queries = 200 if options.short else 1000
    repetitions = 2 if options.short else 5
    dataset, vectors = load(options.vectors, count, queries)
    disturbed = record.disturbance()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        points, asked = synthetic.split(vectors, queries)
        rows = run(Path(folder) / "data", points, asked, repetitions)
    for row in rows:
        row |= {"dataset": dataset, "disturbed": disturbed}
        row |= {"peer": "ruvector embedded", "version": installed_version()}
        print({name: record.tidy(value) for name, value in row.items() if value != ""})
    if not options.no_record:
        record.append(rows)


def load(file: Path | None, count: int, queries: int) -> tuple[str, synthetic.Vectors]:
    """Return the name of the data set and its vectors, of unit length."""
    if file is None:
        vectors = synthetic.clustered(count + queries, 384)
        return f"synthetic clustered {count}x384", vectors
    vectors = np.load(file, mmap_mode="r")[: count + queries].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return f"{file.stem} {len(vectors) - queries}x{vectors.shape[1]}", vectors


def run(
    folder: Path, points: synthetic.Vectors, queries: synthetic.Vectors, repetitions: int
) -> list[dict[str, Any]]:
    """Return the rows of results."""
    rows: list[dict[str, Any]] = []
    with ruvector.open(folder) as client:
        client.create_collection(COLLECTION, dimensions=points.shape[1], distance="cosine")
        seconds = ingest(client, points)
        rows.append(
            {
                "settings": f"upsert numpy batch={BATCH} payloads durable",
                "qps": len(points) / seconds,
                "note": "qps = points/s",
            }
        )
        build_seconds = timed(client.wait_for_index, COLLECTION)
        rows += search(client, points, queries, repetitions, build_seconds)
    rows.append(start_row(folder, queries[0]))
    rows.append(import_row())
    return rows


def ingest(client: Any, points: synthetic.Vectors) -> float:
    """Return the seconds until all points are acknowledged, which means durable."""
    ids = np.arange(len(points), dtype=np.uint64)
    payloads = synthetic.payloads(len(points))
    start = time.perf_counter()
    for first in range(0, len(points), BATCH):
        rows = slice(first, first + BATCH)
        client.upsert(COLLECTION, ids=ids[rows], vectors=points[rows], payloads=payloads[rows])
    return time.perf_counter() - start


def search(
    client: Any,
    points: synthetic.Vectors,
    queries: synthetic.Vectors,
    repetitions: int,
    build_seconds: float,
) -> list[dict[str, Any]]:
    """Return one row a beam, measured in turn `repetitions` times."""
    truth = synthetic.nearest(points, queries, K)
    runs: dict[int, list[tuple[float, float, float]]] = {beam: [] for beam in BEAMS}
    for _ in range(repetitions):
        for beam in BEAMS:
            runs[beam].append(one_run(client, queries, truth, beam))
    rows = []
    for beam, measured in runs.items():
        recall, p50, p99 = sorted(measured, key=lambda run: run[1])[len(measured) // 2]
        rows.append(
            {
                "settings": f"client.search hnsw_ef={beam} limit={K} with_payload",
                "build_seconds": build_seconds,
                "recall": recall,
                "qps": 1e6 / p50,
                "p50_us": p50,
                "p99_us": p99,
                "note": "qps = 1/p50",
            }
        )
    return rows


def one_run(
    client: Any, queries: synthetic.Vectors, truth: Any, beam: int
) -> tuple[float, float, float]:
    """Return recall, p50 and p99 in microseconds of all queries, one a call."""
    params = {"hnsw_ef": beam}
    for query in queries[:WARM_UP]:
        client.search(COLLECTION, query_vector=query, limit=K, params=params)
    found, times = [], np.empty(len(queries))
    for row, query in enumerate(queries):
        start = time.perf_counter_ns()
        hits = client.search(COLLECTION, query_vector=query, limit=K, params=params)
        times[row] = time.perf_counter_ns() - start
        found.append([hit.id for hit in hits])
    p50, p99 = np.percentile(times, [50, 99]) / 1000
    return synthetic.recall(found, truth), float(p50), float(p99)


def start_row(folder: Path, query: synthetic.Vectors) -> dict[str, Any]:
    """Return how long a fresh process takes from `open` to its first answer."""
    program = (
        "import json, sys, time, ruvector\n"
        "start = time.perf_counter()\n"
        "client = ruvector.open(sys.argv[1])\n"
        "client.search(sys.argv[2], query_vector=json.loads(sys.argv[3]), limit=10)\n"
        "print(time.perf_counter() - start)\n"
        "client.close()"
    )
    arguments = (str(folder), COLLECTION, str(query.tolist()))
    seconds = float(fresh_process(program, *arguments))
    return {"settings": "open and first search, fresh process", "p50_us": seconds * 1e6}


def import_row() -> dict[str, Any]:
    """Return how long `import ruvector` takes: the median of five fresh processes."""
    program = (
        "import time\nstart = time.perf_counter()\nimport ruvector\n"
        "print(time.perf_counter() - start)"
    )
    seconds = sorted(float(fresh_process(program)) for _ in range(5))[2]
    return {"settings": "import ruvector, fresh process", "p50_us": seconds * 1e6}


def fresh_process(program: str, *arguments: str) -> str:
    """Return what a Python program prints."""
    answer = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return answer.stdout


def timed(call: Any, *arguments: Any) -> float:
    """Return how many seconds a call takes."""
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def installed_version() -> str:
    """Return the version of the installed package."""
    from importlib.metadata import version

    return version("ruvector")


if __name__ == "__main__":
    main()
