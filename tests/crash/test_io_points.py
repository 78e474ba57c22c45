"""Does a crash, an I/O error or a full disk at any single durable step lose or invent anything?

The I/O enumeration: a fixed scenario of every durable path runs under `fault.c`, which strikes at
call k. Short: seeded random k. Long (RUVECTOR_CRASH_LONG=1): every k, at most LONG_LIMIT of a kind.
"""

import errno
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.crash import scenario
from tests.crash.children import (
    AFTER,
    BEFORE,
    FAIL,
    HALF,
    KINDS,
    ROOT,
    Judgement,
    Zygote,
    compiler,
    diff,
    state_of,
)
from tests.crash.figures import LONG, report
from tests.crash.trace import data_writes, order_faults

SEED = 20
# Failures of the past, struck at in every run: half of the first write of the meta store, with the
# calls around it, because a new call before it would move it.
REMEMBERED = [(call, {"kind": HALF}) for call in range(13, 19)]
NO_SPACE = {"kind": FAIL, "errno": errno.ENOSPC}
LONG_LIMIT = 2000
SNAPSHOT_POINTS = 20
ARCHIVE_POINTS = 25
pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(compiler() is None, reason="SKIPPED I/O points: no C compiler"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder in memory where there is one: what is tested here does not need a disk."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path_factory.mktemp("points")
        return
    path = memory / f"ruvector-points-{tmp_path_factory.getbasetemp().name}-{random.random()}"
    path.mkdir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def zygote(folder: Path) -> Iterator[Zygote]:
    """Return the process that forks writers and readers."""
    with Zygote(folder / "zygote") as process:
        yield process


@pytest.fixture(scope="module")
def calls(zygote: Zygote, folder: Path) -> tuple[int, list[int]]:
    """Return how many calls the scenario makes, and at which each operation starts."""
    status, notes = zygote.run("write", folder / "counted")
    assert status == 0, notes[-1]
    shutil.rmtree(folder / "counted")
    return notes[-1][1], [rest[1] for word, *rest in notes if word == "start"]


def points(total: int, short: int, seed: int) -> list[int]:
    """Return which calls to strike at."""
    every = list(range(1, total + 1))
    if LONG:
        return every[:LONG_LIMIT]
    return sorted(random.Random(seed).sample(every, min(short, total)))


def strike(
    zygote: Zygote,
    root: Path,
    again: int | None = None,
    must_go_on: bool = False,
    **fault: Any,
) -> list[str]:
    """Run the scenario with a fault, then read with a healthy disk; return what went wrong.

    `again` is the call at which the first recovery is killed too; with `must_go_on` no write but
    the one that is struck may be refused.
    """
    status, notes = zygote.run("write", root, **fault)
    which = fault.get("scenario", "writes")
    judgement = Judgement(notes, which)
    faults = list(judgement.faults)
    if fault["kind"] == FAIL and status not in (0, 3):
        faults.append(f"the process ended with {status}: {notes[-1:]}")
    if must_go_on and any("ShardPoisoned" in map(str, note) for note in notes):
        faults.append("a clean lack of space poisoned the shard")
    if again is not None:
        kind = AFTER if again % 2 else BEFORE
        zygote.run("read", root, at=again, kind=kind, scenario=which)
    status, notes = zygote.run("read", root, churn=True, scenario=which)
    state = state_of(notes)
    if state is None or status != 0:
        faults.append(f"recovery ended with {status}: {str(notes[-1:])[:2000]}")
    elif not judgement.accepts(state):
        faults.append("after recovery: " + diff(state, judgement.legal[0]))
    elif not same_points(state_of(notes, "again"), state):
        faults.append("a write, a delete and a merge after recovery changed other points")
    shutil.rmtree(root, ignore_errors=True)
    return faults


def same_points(one: scenario.State | None, other: scenario.State) -> bool:
    """Say whether two states are equal."""
    return one == other


def sweep(zygote: Zygote, folder: Path, chosen: list[tuple[int, dict[str, Any]]]) -> list[str]:
    """Strike at each of the chosen calls; return every fault with its place."""
    found = []
    for call, fault in chosen:
        for what in strike(zygote, folder / "struck", at=call, **fault):
            found.append(f"call {call}, {fault}: {what}")
    return found


def test_a_kill_at_any_step_loses_and_invents_nothing(
    zygote: Zygote, folder: Path, calls: tuple[int, list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    chooser = random.Random(SEED)
    chosen: list[tuple[int, dict[str, Any]]] = list(REMEMBERED)
    for call in points(calls[0], 60, SEED):
        kinds = list(KINDS) if LONG else [chooser.choice(list(KINDS))]
        for kind in kinds:
            # Each second recovery is killed as well.
            again = chooser.randrange(1, 60) if chooser.random() < 0.5 else None
            chosen.append((call, {"kind": kind, "again": again}))
    found = sweep(zygote, folder, chosen)
    report("kill at a step", capsys, steps=calls[0], struck=len(chosen), wrong=len(found))
    assert not found, "\n".join(found)


def test_after_an_io_error_nothing_acknowledged_is_lost(
    zygote: Zygote, folder: Path, calls: tuple[int, list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    total, starts = calls
    if LONG:
        chosen = range(1, total + 1)
    else:
        # Every call of one upsert and of one seal, and some of the rest.
        upsert = range(starts[3] + 1, starts[4] + 1)
        seal = range(starts[4] + 1, starts[5] + 1)
        chosen = sorted({*upsert, *seal, *points(total, 15, SEED + 1)})
    faults = [(call, {"kind": FAIL, "errno": errno.EIO}) for call in chosen]
    found = sweep(zygote, folder, faults)
    report("EIO at a step", capsys, steps=total, struck=len(faults), wrong=len(found))
    assert not found, "\n".join(found)


def test_no_space_at_any_step_harms_nothing(
    zygote: Zygote, folder: Path, calls: tuple[int, list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    trace = folder / "trace"
    zygote.run("write", folder / "traced", trace=str(trace))
    shutil.rmtree(folder / "traced")
    # A lack of space in a data write is clean: the write is refused and the next one accepted.
    clean = sorted(data_writes(trace.read_text().splitlines()))
    assert len(clean) > 40
    chosen = points(calls[0], 25, SEED + 2)
    chosen += [] if LONG else random.Random(SEED).sample(clean, 15)
    found = []
    for call in chosen:
        options = {"must_go_on": call in clean}
        found += sweep(zygote, folder, [(call, NO_SPACE | options)])
    report("ENOSPC at a step", capsys, steps=calls[0], struck=len(chosen), wrong=len(found))
    assert not found, "\n".join(found)


def test_a_snapshot_or_a_restore_that_is_cut_off_is_whole_or_nothing(
    zygote: Zygote, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, notes = zygote.run("write", folder / "counted", scenario="snapshots")
    assert status == 0, notes[-1]
    shutil.rmtree(folder / "counted")
    starts = [rest[1] for word, *rest in notes if word == "start"]
    total, chooser = notes[-1][1], random.Random(SEED + 3)
    every = [*range(starts[5], starts[6]), *range(starts[9], starts[10]), *range(starts[11], total)]
    chosen = every if LONG else sorted(chooser.sample(every, SNAPSHOT_POINTS))
    faults: list[tuple[int, dict[str, Any]]] = []
    for call in chosen:
        kinds = [*KINDS, FAIL] if LONG else [chooser.choice([*KINDS, FAIL])]
        for kind in kinds:
            again = chooser.randrange(1, 60) if kind != FAIL and chooser.random() < 0.3 else None
            error = chooser.choice([errno.EIO, errno.ENOSPC])
            fault = {"kind": kind, "errno": error, "again": again, "scenario": "snapshots"}
            faults.append((call, fault))
    found = sweep(zygote, folder, faults)
    report("snapshot struck", capsys, steps=len(every), struck=len(faults), wrong=len(found))
    assert not found, "\n".join(found)


def test_an_archive_of_the_log_that_is_cut_off_has_no_hole(
    zygote: Zygote, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, notes = zygote.run("write", folder / "counted", scenario="archived")
    assert status == 0, notes[-1]
    shutil.rmtree(folder / "counted")
    starts = [rest[1] for word, *rest in notes if word == "start"]
    total, chooser = notes[-1][1], random.Random(SEED + 4)
    every = range(starts[4], total)
    chosen = every if LONG else sorted(chooser.sample(every, ARCHIVE_POINTS))
    faults: list[tuple[int, dict[str, Any]]] = []
    for call in chosen:
        for kind in [*KINDS, FAIL] if LONG else [chooser.choice([*KINDS, FAIL])]:
            again = chooser.randrange(1, 60) if kind != FAIL and chooser.random() < 0.5 else None
            error = chooser.choice([errno.EIO, errno.ENOSPC])
            fault = {"kind": kind, "errno": error, "again": again, "scenario": "archived"}
            faults.append((call, fault))
    found = sweep(zygote, folder, faults)
    report("archive struck", capsys, steps=len(every), struck=len(faults), wrong=len(found))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("which", ["writes", "snapshots", "archived"])
def test_each_manifest_commit_names_only_durable_files(
    zygote: Zygote, folder: Path, which: str
) -> None:
    trace = folder / "trace"
    status, _ = zygote.run("write", folder / "traced", trace=str(trace), scenario=which)
    assert status == 0
    lines = trace.read_text().splitlines()
    shutil.rmtree(folder / "traced")
    assert sum("-vectors.segment.partial" in line for line in lines) >= 2, "nothing was sealed"
    assert which == "writes" or any(".snapshot\t" not in line for line in lines)
    assert any("-graph.segment" in line for line in lines), "no graph was built"
    assert not order_faults(lines, folder / "traced")


def test_the_library_sees_what_strace_sees(folder: Path, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("SKIPPED strace comparison: strace is missing")
    root, library = folder / "compared", folder / "zygote" / "fault.so"
    log, trace = tmp_path / "strace.log", tmp_path / "trace"
    names = (
        "write,pwrite64,writev,pwritev,fsync,fdatasync,msync,ftruncate,fallocate,rename,renameat,"
        "renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat"
    )
    program = (
        "import ctypes, ruvector; from tests.crash import scenario;"
        f"ctypes.CDLL(None).fault_arm({str(root).encode()!r}, ctypes.c_long(-1), 0, 0,"
        f" {str(trace).encode()!r});"
        f"c = ruvector.open({str(root)!r});"
        "[scenario.perform(c, o) for o in scenario.OPERATIONS]; c.close()"
    )
    command = ["strace", "-f", "-y", "-qq", "-e", f"trace={names}", "-o", str(log)]
    command += ["-E", f"LD_PRELOAD={library}", sys.executable, "-c", program]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    if "PTRACE" in done.stderr or "ptrace" in done.stderr:
        pytest.skip("SKIPPED strace comparison: tracing is not allowed here")
    assert done.returncode == 0, done.stderr[-2000:]
    by_us = [line for line in trace.read_text().splitlines() if not _is_opening(line)]
    seen = [
        line
        for line in log.read_text(errors="replace").splitlines()
        if str(root) in line and "resumed" not in line and str(trace) not in line
    ]
    shutil.rmtree(root)
    assert len(by_us) > 100
    assert len(by_us) == len(seen)


def _is_opening(line: str) -> bool:
    """Say whether a line of our trace is an opening or mkdir."""
    _, what, path, *_ = line.split("\t")
    folders = ("meta", "collections", "segments", "store", "compared")
    is_folder = Path(path).name in folders or Path(path).name.isdigit()
    return what == "create" and not is_folder
