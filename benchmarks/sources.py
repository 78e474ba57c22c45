"""Which vectors does a benchmark take? A file that is named, a real set at hand, or the demo's.

In this order: the path on the command line, $RUVECTOR_BENCH_DATA, `../shared/data/` beside the
checkout, the 8,000 points that are shipped as the demo. `--synthetic` takes clustered vectors,
which are labelled so in results.
"""

import argparse
import os
import sys
from pathlib import Path

import ruvector.demo
from ruvector.bench.vectors import Dataset, clustered, dataset, read

VARIABLE = "RUVECTOR_BENCH_DATA"
AT_HAND = Path(__file__).resolve().parents[2] / "shared" / "data" / "debian_packages.f16.npy"
SYNTHETIC_ROWS, SHORT_SYNTHETIC_ROWS = 100_000, 10_000
SHORT_ROWS = 12_000


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the flags that all scripts share."""
    found = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    found.add_argument("vectors", type=Path, nargs="?", help=f"a .npy file (or {VARIABLE})")
    found.add_argument("--synthetic", action="store_true", help="clustered vectors, labelled so")
    found.add_argument("--dimensions", type=int, default=384, help="of synthetic vectors")
    found.add_argument("--rows", type=int, help="index only so many")
    found.add_argument("--short", action="store_true", help="fewer rows and rounds")
    found.add_argument("--no-record", action="store_true", help="only print")
    return found


def load(options: argparse.Namespace, queries: int) -> Dataset:
    """Return the vectors that the flags ask for, of unit length."""
    rows = options.rows
    if options.synthetic:
        count = rows or (SHORT_SYNTHETIC_ROWS if options.short else SYNTHETIC_ROWS)
        vectors = clustered(count + queries, options.dimensions)
        return dataset("synthetic clustered", vectors, queries)
    file = options.vectors or at_hand()
    name = file.name.removesuffix(".npy") if file else "demo packages"
    vectors = read(file) if file else ruvector.demo.load()[0]
    return dataset(name, vectors, queries, rows=rows or (SHORT_ROWS if options.short else None))


def at_hand() -> Path | None:
    """Return the file of the environment or the one beside the checkout, if there is one."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return AT_HAND if AT_HAND.exists() else None


def show(text: str, share: float) -> None:
    """Print progress on stderr: one line that replaces itself on a terminal, lines elsewhere."""
    end = "\r" if sys.stderr.isatty() and share < 1 else "\n"
    print(f"{share:4.0%} {text:60.60}", end=end, file=sys.stderr, flush=True)
