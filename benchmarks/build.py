"""How long does building take, beside hnswlib with the same threads, at which recall?

usage: build.py [VECTORS.npy] [--short] [--threads 2]

Real vectors in several sizes, then synthetic ones of 768 and 1,536 dimensions, labelled so. A fast
build of a bad graph is no win, so each graph's recall at one beam stands beside its time. B2: not
slower than hnswlib; the goal is half its time.
"""

from typing import Any

import record
import sources
from ruvector.bench import curves, tables
from ruvector.bench.machine import OtherWork
from ruvector.bench.peers import PEERS
from ruvector.bench.picture import Axis, Line, chart
from ruvector.bench.vectors import Dataset, clustered, dataset, true_neighbours

BEAM = 64
QUERIES, SHORT_QUERIES = 500, 200
SIZES, SHORT_SIZES = (5_000, 20_000, 60_000), (5_000, 20_000)
SYNTHETIC = ((768, 20_000), (1536, 10_000))
SHORT_SYNTHETIC = ((768, 5_000), (1536, 3_000))
B2 = 1.0


def main() -> None:
    """Build, measure, print and record."""
    parser = sources.parser(__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", default="ruvector,hnswlib")
    options = parser.parse_args()
    others = OtherWork()
    queries = SHORT_QUERIES if options.short else QUERIES
    whole = sources.load(options, queries)
    sizes = SHORT_SIZES if options.short else SIZES
    sets = [
        Dataset(whole.name, whole.vectors[:size], whole.queries)
        for size in sizes
        if size <= len(whole.vectors)
    ]
    for dimensions, rows in SHORT_SYNTHETIC if options.short else SYNTHETIC:
        vectors = clustered(rows + queries, dimensions)
        sets.append(dataset("synthetic clustered", vectors, queries))
    names = options.peers.split(",")
    results = [(found, measure(found, names, options.threads)) for found in sets]
    print(show(results, options.threads))
    disturbed = others.verdict()
    print(f"disturbed: {disturbed}")
    if not options.no_record:
        base = {"disturbed": disturbed, "note": f"build with {options.threads} threads"}
        record.append(
            [
                base | row | {"dataset": found.label}
                for found, measured in results
                for row in rows_of(measured)
            ]
        )
        record.picture("build", plot(results, whole.name, options.threads))


def measure(found: Dataset, names: list[str], threads: int) -> list[curves.Curve]:
    """Return each peer with its build time and its recall at one beam."""
    return curves.measure(
        {name: PEERS[name] for name in names},
        found,
        true_neighbours(found.vectors, found.queries, curves.K),
        threads=threads,
        rounds=1,
        beams=(BEAM,),
    )


def show(results: list[tuple[Dataset, list[curves.Curve]]], threads: int) -> str:
    """Return the table; the ratio is the peer's time over ours."""
    rows: list[list[Any]] = []
    for found, measured in results:
        ours = next((one.build_seconds for one in measured if one.name == curves.OURS), None)
        for curve in measured:
            if curve.missing:
                rows.append([found.label, curve.name, None, None, None, None, curve.missing])
                continue
            over = tables.ratio(curve.build_seconds, ours)
            bar = tables.verdict(">=", B2, over) if curve.name == "hnswlib" else ""
            per_row = curve.build_seconds * threads / len(found.vectors) * 1e6
            recall = curve.points[0].recall
            rows.append([found.label, curve.name, curve.build_seconds, per_row, recall, over, bar])
    head = ["vectors", "peer", "build s", "us a row and core", f"recall at {BEAM}", "its / ours"]
    return tables.table([*head, "B2"], rows)


def rows_of(measured: list[curves.Curve]) -> list[dict[str, Any]]:
    """Return a row of results for each peer."""
    return [
        {
            "peer": curve.name,
            "version": curve.version,
            "settings": f"build {curve.settings} beam={BEAM}",
            "build_seconds": curve.build_seconds,
            "recall": curve.points[0].recall,
            "bytes_per_vector": round(curve.bytes_per_vector),
        }
        if curve.points
        else {"peer": curve.name, "settings": "build", "note": curve.missing}
        for curve in measured
    ]


def plot(results: list[tuple[Dataset, list[curves.Curve]]], name: str, threads: int) -> str:
    """Return the picture for the real vectors: rows across, seconds upwards."""
    points: dict[str, list[tuple[float, float]]] = {}
    for found, measured in results:
        for curve in measured:
            if found.name == name and curve.points:
                point = (float(len(found.vectors)), curve.build_seconds)
                points.setdefault(curve.name, []).append(point)
    return chart(
        "Build time",
        f"{name}, {threads} threads; {record.stamp()}",
        Axis("rows"),
        Axis("seconds"),
        [Line(peer, sorted(places)) for peer, places in points.items()],
    )


if __name__ == "__main__":
    main()
