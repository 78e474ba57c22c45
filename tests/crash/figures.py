"""Where do the figures of long runs go? One line on the screen, one row in a CSV."""

import csv
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "crash_results.csv"
COLUMNS = ("date", "commit", "run", "figures")
# A part of the long form, where an hour is too long: RUVECTOR_CRASH_SHARE=0.1 does a tenth of it.
SHARE = float(os.environ.get("RUVECTOR_CRASH_SHARE", "1"))
LONG = os.environ.get("RUVECTOR_CRASH_LONG") == "1"


def bounded(short: int, long: int) -> int:
    """Return how often something is done: in `make test`, or in `make crash`."""
    return max(short, int(long * SHARE)) if LONG else short


def report(run: str, capsys: pytest.CaptureFixture[str], **figures: object) -> None:
    """Print the figures of a run; append those of a long one to the results."""
    text = " ".join(f"{name}={value}" for name, value in figures.items())
    with capsys.disabled():
        print(f"\n{run}: {text}")
    if not LONG:
        return
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as output:
        writer = csv.writer(output, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")
        writer.writerow([date, _commit(), run, text])


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
