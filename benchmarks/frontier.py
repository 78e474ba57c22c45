"""How fast is VectorIndex at equal recall, beside every installed peer, in one run?

usage: frontier.py [VECTORS.npy] [--peers ruvector,hnswlib] [--rounds 3] [--short]

k = 10, one query per call, one thread pinned to one core; builds take ``--threads``. How peers are
built and measured in turn stands in ruvector/bench. Rows are appended to results.csv, a missing
peer is reported there too; the plot goes to docs/guide/frontier.svg. Beside the table stand the
bars: B1 (speed) and B2 (build) of docs/guide/performance.md.
"""

from collections.abc import Sequence
from typing import Any

import record
import sources
from ruvector.bench import curves, tables
from ruvector.bench.machine import OtherWork
from ruvector.bench.peers import PEERS
from ruvector.bench.picture import recall_chart
from ruvector.bench.vectors import true_neighbours

QUERIES = 1000
SHORT_BEAMS = (10, 16, 32, 64, 128, 256)
# B1: ours over the peer's queries per second; B2: the peer's build time over ours.
SPEED_BARS = (
    ("hnswlib", 0.95, 4.0),
    ("hnswlib", 0.99, 3.5),
    ("symphonyqg", 0.90, 1.0),
    ("symphonyqg", 0.95, 1.0),
    ("symphonyqg", 0.99, 1.0),
)
BUILD_BARS = (("hnswlib", 1.0),)


def main() -> None:
    """Build, measure, print and record."""
    parser = sources.parser(__doc__)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--note", default="")
    options = parser.parse_args()
    others = OtherWork()
    found = sources.load(options, QUERIES)
    truth = true_neighbours(found.vectors, found.queries, curves.K)
    measured = curves.measure(
        {name: PEERS[name] for name in options.peers.split(",")},
        found,
        truth,
        threads=options.threads,
        rounds=options.rounds or (2 if options.short else 3),
        beams=SHORT_BEAMS if options.short else curves.BEAMS,
        progress=sources.show,
    )
    disturbed = others.verdict()
    print(f"\n{found.label}, {len(found.queries)} queries, k = {curves.K}; disturbed: {disturbed}")
    print(tables.settings(measured), tables.curves(measured), bars(measured), sep="\n\n")
    if not options.no_record:
        record.append(
            [
                {"dataset": found.label, "disturbed": disturbed, "note": options.note} | row
                for curve in measured
                for row in rows_of(curve)
            ]
        )
        subtitle = f"{found.label}, k = {curves.K}, one query a call; {record.stamp()}"
        record.picture("frontier", recall_chart("Recall against speed", subtitle, measured))


def rows_of(curve: curves.Curve) -> list[dict[str, Any]]:
    """Return a row of results for each setting; one that says why where there is none."""
    if curve.missing:
        return [{"peer": curve.name, "settings": curve.settings, "note": curve.missing}]
    return [
        {
            "peer": curve.name,
            "version": curve.version,
            "settings": f"{curve.settings} beam={point.beam}",
            "build_seconds": curve.build_seconds,
            "recall": point.recall,
            "qps": point.qps,
            "p50_us": point.p50_us,
            "p99_us": point.p99_us,
            "bytes_per_vector": round(curve.bytes_per_vector),
        }
        for point in curve.points
    ]


def bars(measured: Sequence[curves.Curve]) -> str:
    """Return each bar with the ratio measured beside it."""
    by_name = {curve.name: curve for curve in measured if not curve.missing}
    ours = by_name.get("ruvector")
    rows: list[tables.Bar] = []
    for name, wanted, bar in SPEED_BARS:
        peer = by_name.get(name)
        mine, its = (curves.at_recall(one.points, wanted) if one else None for one in (ours, peer))
        rows.append((f"B1 speed at recall {wanted:.2f} over {name}", bar, tables.ratio(mine, its)))
    for name, bar in BUILD_BARS:
        peer = by_name.get(name)
        times = (one.build_seconds if one else None for one in (peer, ours))
        rows.append((f"B2 build of {name} over ours", bar, tables.ratio(*times)))
    return tables.bars(rows)


if __name__ == "__main__":
    main()
