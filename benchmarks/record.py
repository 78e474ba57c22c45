"""Where do measured figures go? One CSV, one row a setting, with commit and machine.

Every script here appends through `append`; README's figures are generated from the file
(`figures.py`), so that no figure exists without its row.
"""

import csv
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
# Of the flags that a processor has, those that the kernels choose between.
FLAGS = ("avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "asimd", "sve")
# Load above this, besides our own, makes a run worth repeating.
QUIET_LOAD = 0.3


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
            here, "status", "--porcelain", "--untracked-files=no", "--", "../src", "../native"
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


def machine() -> str:
    """Return the processor's name and the number of cores this process may use."""
    name = platform.processor() or platform.machine()
    for line in proc_cpuinfo():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    return f"{name} x{len(os.sched_getaffinity(0))}"


def cpu_flags() -> str:
    """Return those of `FLAGS` that the processor has."""
    for line in proc_cpuinfo():
        if line.startswith(("flags", "Features")):
            present = set(line.split(":", 1)[1].split())
            return " ".join(flag for flag in FLAGS if flag in present)
    return ""


def proc_cpuinfo() -> list[str]:
    """Return the lines of /proc/cpuinfo; none where there is no such file."""
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


def disturbance() -> str:
    """Return "yes (load ...)" when others keep the machine busy; call it before starting."""
    load = os.getloadavg()[0]
    return f"yes (load {load:.1f})" if load > QUIET_LOAD else "no"
