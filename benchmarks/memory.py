"""How much memory does a vector take, and is what the index reports what the process keeps?

usage: memory.py [--short] [--no-record]

Each case is a fresh process: vectors are made, then indexed, and the growth of resident memory is
compared with `memory_bytes`. B7 asks for the speed layout's bytes per vector within 5 % (the
originals, 4 bytes a dimension, come on top) and for resident memory within 10 % of the report.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import record
from ruvector import VectorIndex
from ruvector.bench import tables
from ruvector.bench.machine import OtherWork, resident_bytes
from ruvector.bench.vectors import clustered

# B7: bytes per vector of the speed layout, without the originals.
LAYOUT_BARS = {384: 2_368, 768: 4_288, 1536: 8_128}
LAYOUT_TOLERANCE, RESIDENT_TOLERANCE = 0.05, 0.10
ROWS, SHORT_ROWS = 40_000, 10_000
WARM_UP = 2_500


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help=f"{SHORT_ROWS} rows")
    parser.add_argument("--no-record", action="store_true", help="only print")
    parser.add_argument(
        "--case", type=int, nargs=2, help="dimensions, rows: measure and print JSON"
    )
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(*options.case)))
        return
    others = OtherWork()
    rows = SHORT_ROWS if options.short else ROWS
    cases = [in_fresh_process(dimensions, rows) for dimensions in LAYOUT_BARS]
    print(show(cases))
    if not options.no_record:
        base = {"disturbed": others.verdict(), "version": record.own_version()}
        record.append([base | row_of(case) for case in cases])


def in_fresh_process(dimensions: int, rows: int) -> dict[str, Any]:
    """Return what `--case` prints."""
    command = [sys.executable, __file__, "--case", str(dimensions), str(rows)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def measure(
    dimensions: int, rows: int, resident: Callable[[], int] = resident_bytes
) -> dict[str, Any]:
    """Return bytes per vector: reported, kept by the process, and at most while building."""
    vectors = clustered(rows, dimensions)
    ids = np.arange(rows, dtype=np.uint64)
    # What is loaded and allocated once belongs to no vector.
    VectorIndex(dimensions=dimensions, distance="cosine").add(ids[:WARM_UP], vectors[:WARM_UP])
    before = resident()
    index = VectorIndex(dimensions=dimensions, distance="cosine")
    index.add(ids, vectors)
    grown = resident() - before
    return {
        "dimensions": dimensions,
        "rows": rows,
        "reported": index.memory_bytes / rows,
        "resident": grown / rows,
        "layout": index.memory_bytes / rows - 4 * dimensions,
    }


def show(cases: list[dict[str, Any]]) -> str:
    """Return the table with the bars."""
    rows = []
    for case in cases:
        bar = LAYOUT_BARS[case["dimensions"]]
        layout = case["layout"] / bar - 1
        resident = case["resident"] / case["reported"] - 1
        rows.append(
            [
                case["dimensions"],
                case["rows"],
                case["reported"],
                case["resident"],
                f"{resident:+.1%}",
                "reached" if abs(resident) <= RESIDENT_TOLERANCE else "missed",
                case["layout"],
                bar,
                f"{layout:+.1%}",
                "reached" if layout <= LAYOUT_TOLERANCE else "missed",
            ]
        )
    head = ["dimensions", "rows", "reported", "resident", "apart", "B7 within 10 %"]
    return tables.table([*head, "layout", "wanted", "apart", "B7 within 5 %"], rows)


def row_of(case: dict[str, Any]) -> dict[str, Any]:
    """Return the row of results."""
    return {
        "dataset": f"synthetic clustered {case['rows']}x{case['dimensions']}",
        "peer": "ruvector",
        "settings": "memory of VectorIndex",
        "bytes_per_vector": round(case["reported"]),
        "note": f"resident {case['resident']:.0f}, without originals {case['layout']:.0f}",
    }


if __name__ == "__main__":
    main()
