"""`ruvector bench`: how fast is it on this machine, with these vectors, beside other libraries?"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruvector.cli.collections import DISTANCES
from ruvector.errors import BadInput

if TYPE_CHECKING:
    from ruvector.bench.curves import Curve, Progress
    from ruvector.bench.vectors import Dataset

OURS = "ruvector"
ROWS = 100_000  # of a file, unless --rows says more: minutes for all peers on two cores
SYNTHETIC_ROWS = 20_000
QUERIES = 1000
MAX_ROUNDS = 100
STEPS = 1000  # of the progress bar


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "bench", help="measure this machine: build, recall, latency, memory, beside other libraries"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data", type=Path, metavar="FILE.npy", help="your vectors [n, dim]")
    source.add_argument(
        "--synthetic", action="store_true", help="clustered vectors made here (the default)"
    )
    parser.add_argument("--dimensions", type=int, default=384, help="of synthetic vectors")
    parser.add_argument(
        "--rows", type=int, help=f"at most so many (default {ROWS}, synthetic {SYNTHETIC_ROWS})"
    )
    parser.add_argument("--queries", type=int, default=QUERIES, help="taken out of the vectors")
    parser.add_argument("--distance", choices=DISTANCES, default="cosine")
    parser.add_argument("--threads", type=int, default=0, help="of the build; 0: every core")
    parser.add_argument("--rounds", type=int, default=3, help="the median round counts")
    parser.add_argument("--peers", help="libraries to measure beside it, a,b; none: only ours")
    parser.add_argument("--output", type=Path, metavar="FILE.svg", help="draw recall against speed")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Measure and print; exit code 0, whatever was measured."""
    from ruvector.bench import curves, tables
    from ruvector.bench.machine import OtherWork, cores, cpu_flags, machine
    from ruvector.bench.vectors import true_neighbours

    peers = _peers(chosen.peers)
    _check(chosen)
    found = _dataset(chosen)
    print(f"{machine()}, {cpu_flags()}")
    print(f"{found.label}, {chosen.distance}, {len(found.queries)} queries, k = {curves.K}")
    others = OtherWork()
    k = min(curves.K, len(found.vectors))
    with _bar() as progress:
        measured = curves.measure(
            peers,
            found,
            true_neighbours(found.vectors, found.queries, k, chosen.distance),
            distance=chosen.distance,
            threads=chosen.threads or cores(),
            rounds=chosen.rounds,
            progress=progress,
        )
    disturbed = others.verdict()
    print(f"\n{tables.settings(measured)}\n\n{tables.curves(measured)}")
    if disturbed != "no":
        print(f"disturbed: {disturbed}; compare within this run only")
    if chosen.output:
        _draw(chosen.output, found, measured)
    return 0


def _peers(names: str | None) -> dict[str, Any]:
    from ruvector.bench.peers import PEERS

    wanted = list(PEERS) if names is None else [OURS]
    wanted += [name for name in (names or "").split(",") if name not in ("", "none", OURS)]
    if unknown := [name for name in wanted if name not in PEERS]:
        raise BadInput(f"--peers names {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return {name: PEERS[name] for name in dict.fromkeys(wanted)}


def _check(chosen: argparse.Namespace) -> None:
    """Refuse before minutes are spent."""
    rows = chosen.rows if chosen.rows is not None else ROWS
    for flag, value, least, most in (
        ("--rows", rows, 1, 2**32 - 2),
        ("--queries", chosen.queries, 1, 1_000_000),
        ("--dimensions", chosen.dimensions, 1, 65_536),
        ("--threads", chosen.threads, 0, 1024),
        ("--rounds", chosen.rounds, 1, MAX_ROUNDS),
    ):
        if not least <= value <= most:
            raise BadInput(f"{flag} is {value}; allowed are {least} to {most}")
    if chosen.output and chosen.output.suffix != ".svg":
        raise BadInput(f"--output is {chosen.output}; a picture is a .svg file")
    if chosen.output and not chosen.output.parent.is_dir():
        raise BadInput(f"--output is {chosen.output}; there is no folder {chosen.output.parent}")


def _dataset(chosen: argparse.Namespace) -> "Dataset":
    from ruvector.bench.vectors import clustered, dataset, read

    if chosen.data is None:
        vectors = clustered((chosen.rows or SYNTHETIC_ROWS) + chosen.queries, chosen.dimensions)
        return dataset("synthetic clustered", vectors, chosen.queries, chosen.distance)
    vectors = read(chosen.data)
    rows = chosen.rows or ROWS
    found = dataset(chosen.data.name, vectors, chosen.queries, chosen.distance, rows)
    if rows < len(vectors) - chosen.queries:
        print(f"{rows:,} of {len(vectors):,} rows are measured; --rows takes more")
    return found


def _draw(file: Path, found: "Dataset", measured: Sequence["Curve"]) -> None:
    from ruvector.bench.machine import machine
    from ruvector.bench.picture import recall_chart, write

    subtitle = f"{found.label}, one query a call, one thread; {machine()}"
    write(file, recall_chart("Recall against speed", subtitle, measured))
    print(f"drew {file}")


@contextmanager
def _bar() -> Iterator["Progress"]:
    """Show progress on stderr where tqdm is installed (ruvector[cli]); else nothing is shown."""
    try:
        from tqdm import tqdm
    except ImportError:
        print("pip install ruvector[cli] for a progress bar", file=sys.stderr)
        yield lambda _text, _share: None
        return
    with tqdm(total=STEPS, bar_format="{percentage:3.0f}% {bar:24} {elapsed} {desc}") as bar:

        def show(text: str, share: float) -> None:
            bar.n = round(share * STEPS)
            bar.set_description_str(text)

        yield show
