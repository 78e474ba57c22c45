"""How fast is the embedded database, beside others that run inside the process?

usage: database.py [VECTORS.npy] [--peers ruvector embedded,qdrant-edge] [--rounds 3] [--short]

Durable ingest, building the graph, one search a call with ids and payloads at several beams, all
measured in turn in one run; and for ours the start of a fresh process. Beside the table stand the
bars B3 (search) and B9 (ingest) of docs/guide/performance.md.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import record
import ruvector
import sources
import synthetic
from databases import DATABASES
from frontier import rows_of
from ruvector.bench import curves, tables
from ruvector.bench.machine import OtherWork
from ruvector.bench.picture import recall_chart
from ruvector.bench.vectors import Dataset, true_neighbours

OURS, QDRANT = "ruvector embedded", "qdrant-edge"
BEAMS = (10, 16, 24, 32, 48, 64, 96, 128, 256)
SHORT_BEAMS = (10, 16, 32, 64, 128, 256)
START_POINTS = 20_000
# B3 and B9.
SPEED_BAR, P50_BAR_US, INGEST_BAR = 3.0, 60.0, 20_000.0


def main() -> None:
    """Measure, print and record."""
    parser = sources.parser(__doc__)
    parser.add_argument("--peers", default=",".join(DATABASES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--queries", type=int)
    options = parser.parse_args()
    others = OtherWork()
    found = sources.load(options, options.queries or (200 if options.short else 500))
    measured = curves.measure(
        {name: DATABASES[name] for name in options.peers.split(",")},
        found,
        true_neighbours(found.vectors, found.queries, curves.K),
        threads=options.threads,
        rounds=options.rounds or (2 if options.short else 3),
        beams=SHORT_BEAMS if options.short else BEAMS,
        progress=sources.show,
    )
    disturbed = others.verdict()
    print(f"\n{found.label}, {len(found.queries)} queries; disturbed: {disturbed}")
    print(tables.settings(measured), tables.curves(measured, OURS), sep="\n\n")
    print(ingested(measured, len(found.vectors)), bars(measured, found), sep="\n\n")
    rows = [row for curve in measured for row in (*ingest_rows(curve, found), *rows_of(curve))]
    starts = [start_row(found), import_row()] if OURS in options.peers else []
    for row in starts:
        print(f"{row['settings']}: {float(row['p50_us']) / 1000:.1f} ms")
    if not options.no_record:
        base = {"dataset": found.label, "disturbed": disturbed}
        record.append([base | row for row in (*rows, *starts)])
        subtitle = (
            f"{found.label}, k = {curves.K}, with payloads, one query a call; {record.stamp()}"
        )
        record.picture(
            "database",
            recall_chart("Databases inside the process: recall against speed", subtitle, measured),
        )


def ingest_rows(curve: curves.Curve, found: Dataset) -> list[dict[str, Any]]:
    """Return the row that says how fast points were stored."""
    if curve.missing:
        return []
    return [
        {
            "peer": curve.name,
            "version": curve.version,
            "settings": f"ingest of {len(found.vectors)} with payloads, in batches",
            "qps": len(found.vectors) / curve.ingest_seconds,
            "note": "qps = points/s",
        }
    ]


def ingested(measured: Sequence[curves.Curve], points: int) -> str:
    """Return points per second while storing, and until everything is in the graph."""
    rows = [
        [
            curve.name,
            points / curve.ingest_seconds,
            points / (curve.ingest_seconds + curve.build_seconds),
        ]
        for curve in measured
        if not curve.missing
    ]
    return tables.table(["database", "ingest points/s", "with the index"], rows)


def bars(measured: Sequence[curves.Curve], found: Dataset) -> str:
    """Return each bar with what was measured beside it."""
    by_name = {curve.name: curve for curve in measured if not curve.missing}
    ours, qdrant = by_name.get(OURS), by_name.get(QDRANT)
    if ours is None:
        return "no bars without ours"
    mine = curves.at_recall(ours.points, 0.95)
    its = curves.at_recall(qdrant.points, 0.95) if qdrant else None
    p50 = min((point.p50_us for point in ours.points if point.recall >= 0.95), default=None)
    return tables.bars(
        [
            ("B3 search at recall 0.95 over qdrant-edge", SPEED_BAR, tables.ratio(mine, its)),
            ("B9 ingest, points/s", INGEST_BAR, len(found.vectors) / ours.ingest_seconds),
        ],
        at_most=[("B3 p50 of a setting with recall >= 0.95, us", P50_BAR_US, p50)],
    )


def start_row(found: Dataset) -> dict[str, Any]:
    """Return how long a fresh process takes from `open` to its first answer."""
    program = (
        "import json, sys, time, ruvector\n"
        "start = time.perf_counter()\n"
        "client = ruvector.open(sys.argv[1])\n"
        "client.search('bench', query_vector=json.loads(sys.argv[2]), limit=10)\n"
        "print(time.perf_counter() - start)\n"
        "client.close()"
    )
    vectors = found.vectors[:START_POINTS]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        with ruvector.open(folder) as client:
            client.create_collection("bench", dimensions=vectors.shape[1], distance="cosine")
            ids = np.arange(len(vectors), dtype=np.uint64)
            payloads = synthetic.payloads(len(vectors))
            client.upsert("bench", ids=ids, vectors=vectors, payloads=payloads, batch_size=5000)
            client.wait_for_index("bench")
        seconds = float(fresh_process(program, folder, str(found.queries[0].tolist())))
    settings = f"open {len(vectors)} points and first search, fresh process"
    return own_row(settings, seconds)


def import_row() -> dict[str, Any]:
    """Return how long `import ruvector` takes: the median of five fresh processes."""
    program = (
        "import time\nstart = time.perf_counter()\nimport ruvector\n"
        "print(time.perf_counter() - start)"
    )
    seconds = sorted(float(fresh_process(program)) for _ in range(5))[2]
    return own_row("import ruvector, fresh process", seconds)


def own_row(settings: str, seconds: float) -> dict[str, Any]:
    """Return a row about a time of ours."""
    row = {"peer": OURS, "version": record.own_version(), "settings": settings}
    return row | {"p50_us": seconds * 1e6}


def fresh_process(program: str, *arguments: str) -> str:
    """Return what a Python program prints."""
    answer = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return answer.stdout


if __name__ == "__main__":
    main()
