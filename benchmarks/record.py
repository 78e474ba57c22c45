"""Where do measured figures go? One CSV, one row a setting, with commit and machine.

Every script here appends through `append`; README's figures are generated from the file
(`figures.py`), so that no figure exists without its row.
"""

import csv
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ruvector.bench.machine import cpu_flags, disturbance, machine

__all__ = ["append", "commit", "disturbance", "own_version", "picture", "stamp", "tidy"]

RESULTS = Path(__file__).with_name("results.csv")
COLUMNS = (
    "date",
    "commit",
    "machine",
    "cpu_flags",
    "dataset",
    "peer",
    "version",
    "settings",
    "build_seconds",
    "recall",
    "qps",
    "p50_us",
    "p99_us",
    "bytes_per_vector",
    "disturbed",
    "note",
)
NOT_MEASURED = ":!../src/ruvector/bench"  # it measures
PICTURES = Path(__file__).resolve().parents[1] / "docs" / "guide"


def append(rows: list[dict[str, Any]], file: Path = RESULTS) -> None:
    """Append rows; date, commit, machine and CPU flags are filled in where they are missing."""
    context = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "commit": commit(),
        "machine": machine(),
        "cpu_flags": cpu_flags(),
    }
    unknown = {name for row in rows for name in row} - set(COLUMNS)
    if unknown:
        raise ValueError(f"no column {', '.join(sorted(unknown))}; there are {', '.join(COLUMNS)}")
    new = not file.exists() or not file.stat().st_size
    with file.open("a", newline="", encoding="utf-8") as output:
        writer = csv.DictWriter(output, COLUMNS, restval="", lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(
            context | {name: tidy(value) for name, value in row.items()} for row in rows
        )


def tidy(value: Any) -> Any:
    """Return a figure with as many digits as it is worth."""
    if not isinstance(value, float):
        return value
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def commit() -> str:
    """Return the short hash of the commit, with a plus where the sources differ from it."""
    here = Path(__file__).parent
    try:
        name = git(here, "rev-parse", "--short=12", "HEAD")
        changed = git(
            here,
            "status",
            "--porcelain",
            "--untracked-files=no",
            "--",
            "../src",
            "../native",
            NOT_MEASURED,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name + ("+" if changed else "")


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints."""
    answer = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()


def stamp() -> str:
    """Return date and commit, as they stand under a picture."""
    return f"{datetime.now(UTC):%Y-%m-%d} at {commit()} on {machine()}"


def picture(name: str, svg: str) -> None:
    """Keep a picture of the newest run beside the page that shows it."""
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")


def own_version() -> str:
    """Return the installed version of ruvector."""
    return version("ruvector")
