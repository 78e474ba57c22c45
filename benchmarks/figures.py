"""How do measured figures get into pages? `python benchmarks/figures.py [--check]` writes them.

The text between two marks of README.md and docs/guide/performance.md is generated from results.csv:
for each section the rows of the newest run, with its date and commit. Nothing there is written by
hand. Ratios are taken within one run, never between two.
"""

import csv
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ruvector.bench.curves import RECALLS, Setting, at_recall
from ruvector.bench.tables import figure, ratio

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "guide" / "performance.md")
RESULTS = Path(__file__).with_name("results.csv")
BLOCK = re.compile(r"(<!-- figures: (\w+)[^>]*-->\n).*?(<!-- end of figures -->)", re.DOTALL)
BEAM = re.compile(r"\s*\b(?:beam|hnsw_ef)=(\d+)\b")
INDEX, DATABASE = "ruvector", "ruvector embedded"
# What a row is about, by the first words of its settings; swept beams come last.
KINDS = (
    "filter",
    "updates",
    "build",
    "memory",
    "ingest",
    "upsert",
    "open",
    "import",
    "quantization",
)
DATABASES = (DATABASE, "qdrant-edge", "zvec", "lancedb", "chromadb")

Row = dict[str, str]


def main() -> int:
    """Write the blocks; with --check only say whether they are up to date."""
    rows = read()
    stale = False
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        fresh = BLOCK.sub(lambda found: f"{found[1]}{SECTIONS[found[2]](rows)}\n{found[3]}", text)
        stale |= fresh != text
        if "--check" not in sys.argv:
            page.write_text(fresh, encoding="utf-8")
    return int(stale and "--check" in sys.argv)


def read(file: Path = RESULTS) -> list[Row]:
    """Return all rows of results; a set's name has no ending."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as text:
        return [
            row | {"dataset": row["dataset"].replace(".npy ", " ")} for row in csv.DictReader(text)
        ]


def kind_of(row: Row) -> str:
    """Return what a row is about: one of `KINDS`, curve, server, or nothing known."""
    first = row["settings"].partition(" ")[0]
    if row["peer"] in ("ruvector REST", "ruvector gRPC"):
        return "server"
    if first in KINDS:
        return first
    if BEAM.search(row["settings"]) and row["recall"]:
        return "database" if row["peer"] in DATABASES else "frontier"
    return "missing" if not row["qps"] and row["note"] else "more"


def runs(rows: Iterable[Row], *kinds: str) -> list[list[Row]]:
    """Return the rows of each run (same moment, same vectors) of some kinds, oldest first."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if kind_of(row) in kinds:
            found.setdefault((row["date"], row["dataset"]), []).append(row)
    return list(found.values())


def frontier(rows: Sequence[Row]) -> str:
    """Return the index beside its peers."""
    return curves_of(runs(rows, "frontier"), INDEX)


def database(rows: Sequence[Row]) -> str:
    """Return the embedded database beside others, and what else is known of it."""
    more = newest(runs(rows, "ingest", "upsert", "open", "import"))
    return curves_of(runs(rows, "database"), DATABASE) + "\n\n" + listed(more)


def curves_of(found: Sequence[list[Row]], ours: str) -> str:
    """Return speed at equal recall: of each peer the newest run, and ours in that run."""
    chosen: dict[tuple[str, str], list[Row]] = {}
    for run in found:
        for row in run:
            chosen[row["dataset"], row["peer"]] = run
    lines, used = [], []
    for (dataset, peer), run in chosen.items():
        speeds, best = speeds_of(run, peer), speeds_of(run, ours)
        first = next(row for row in run if row["peer"] == peer)
        settings = BEAM.sub("", first["settings"])
        ratios = [figure(ratio(mine, its)) for mine, its in zip(best, speeds, strict=True)]
        cells = [dataset, f"{peer} {first['version']}", settings, first["build_seconds"]]
        cells += [first["bytes_per_vector"], *map(figure, speeds), *ratios[1:]]
        lines.append(cells)
        used += [first]
    head = ["vectors", "who", "settings", "build s", "bytes/vector"]
    head += [f"QPS at {wanted:.2f}" for wanted in RECALLS]
    head += [f"ours / its at {wanted:.2f}" for wanted in RECALLS[1:]]
    return table(head, lines) + "\n\n" + contexts(used)


def speeds_of(run: Iterable[Row], peer: str) -> list[float | None]:
    """Return queries per second of one peer in one run at each recall."""
    points = [
        Setting(0, float(row["recall"]), float(row["qps"]), 0.0, 0.0)
        for row in run
        if row["peer"] == peer and row["recall"]
    ]
    return [at_recall(points, wanted) for wanted in RECALLS]


def newest(found: Iterable[list[Row]]) -> list[Row]:
    """Return the rows of the newest run for each (vectors, peer, kind), in order of appearance."""
    last: dict[tuple[str, str, str], list[Row]] = {}
    for run in found:
        by_key: dict[tuple[str, str, str], list[Row]] = {}
        for row in run:
            by_key.setdefault((row["dataset"], row["peer"], kind_of(row)), []).append(row)
        last |= by_key
    return [row for group in last.values() for row in group]


def latest(rows: Iterable[Row]) -> list[Row]:
    """Return the last row of each (vectors, peer, settings)."""
    return list({(row["dataset"], row["peer"], row["settings"]): row for row in rows}.values())


def section(*kinds: str) -> Callable[[Sequence[Row]], str]:
    """Return what lists the newest rows of some kinds."""
    return lambda rows: listed(newest(runs(rows, *kinds)))


def more(rows: Sequence[Row]) -> str:
    """Return the last row of everything that no other section shows."""
    return listed(latest(row for row in rows if kind_of(row) == "more"))


def headline(rows: Sequence[Row]) -> str:
    """Return what README shows: the index and the database beside their peers, and the server."""
    return "\n\n".join((frontier(rows), database(rows), section("server")(rows)))


def listed(rows: Sequence[Row]) -> str:
    """Return rows as they are, without the columns that none of them has."""
    if not rows:
        return "Not measured yet."
    columns = {
        "vectors": "dataset",
        "who": "peer",
        "what": "settings",
        "build s": "build_seconds",
        "recall@10": "recall",
        "per second": "qps",
        "p50 µs": "p50_us",
        "p99 µs": "p99_us",
        "bytes/vector": "bytes_per_vector",
        "notes": "note",
    }
    kept = {head: name for head, name in columns.items() if any(row[name] for row in rows)}
    cells = [[row[name] for name in kept.values()] for row in rows]
    return table(list(kept), cells) + "\n\n" + contexts(rows)


def table(head: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """Return a table of Markdown."""
    cells = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(cell or " " for cell in line) + " |" for line in cells)


def contexts(rows: Iterable[Row]) -> str:
    """Return where and when rows were measured, each place once."""
    return "\n".join(sorted({context_of(row) for row in rows}))


def context_of(row: Row) -> str:
    """Return where and when a row was measured."""
    disturbed = row["disturbed"] not in ("", "no", "False", "0")
    busy = "; other work ran beside it: compare within one run only" if disturbed else ""
    wide = " (AVX-512)" if "avx512f" in row["cpu_flags"] else ""
    return f"Measured {row['date'][:10]} at {row['commit']} on {row['machine']}{wide}{busy}.  "


SECTIONS: dict[str, Callable[[Sequence[Row]], str]] = {
    "headline": headline,
    "frontier": frontier,
    "database": database,
    "filters": section("filter"),
    "updates": section("updates"),
    "build": section("build"),
    "memory": section("memory"),
    "server": section("server"),
    "more": more,
}

if __name__ == "__main__":
    sys.exit(main())
