"""How are forked children of one prepared process asked to write, read and verify?

Compiles `fault.c` into a folder, starts `zygote.py` under it, and judges what children noted: which
states a database may be in after the operations that were acknowledged, refused, and left open.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.crash import scenario
from tests.crash.server import python_path
from tests.crash.zygote import from_json

ROOT = Path(__file__).resolve().parents[2]
BEFORE, AFTER, HALF, FAIL = 1, 2, 3, 4
KINDS = {BEFORE: "killed before", AFTER: "killed after", HALF: "killed half-way"}
# An error of these classes says that nothing has happened.
CERTAIN = {"StorageFull", "NotFound", "BadInput", "AlreadyExists"}


def compiler() -> str | None:
    """Return the C compiler, or None."""
    return shutil.which("cc") or shutil.which("gcc")


def compiled(folder: Path) -> Path:
    """Return the library of `fault.c`, compiled into a folder."""
    library, source = folder / "fault.so", Path(__file__).with_name("fault.c")
    command = [compiler() or "cc", "-O1", "-shared", "-fPIC", "-o", str(library)]
    subprocess.run([*command, str(source), "-ldl", "-lpthread"], check=True)
    return library


class Zygote:
    """The process that forks; use it with `with`."""

    def __init__(self, folder: Path, *, with_faults: bool = True) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ, PYTHONPATH=python_path(), OMP_NUM_THREADS="1")
        if with_faults:
            environment["LD_PRELOAD"] = str(compiled(folder))
        self._errors = (folder / "zygote.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self._errors.close()

    def run(self, job: str, root: Path, **options: Any) -> tuple[int | str, list[list[Any]]]:
        """Return how the child ended and what it noted."""
        self._number += 1
        out = self.folder / f"notes-{self._number}"
        command = {"job": job, "root": str(root), "out": str(out), **options}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError((self.folder / "zygote.log").read_text(errors="replace")[-3000:])
        notes = [json.loads(text) for text in out.read_text().splitlines()] if out.exists() else []
        out.unlink(missing_ok=True)
        return json.loads(line)["status"], notes


class Judgement:
    """The states that are legal after what a writing child noted, and what it did wrong itself."""

    def __init__(self, notes: list[list[Any]], which: str = "writes") -> None:
        self._operations = scenario.SCENARIOS[which]
        self.legal = [scenario.EMPTY]
        self.faults: list[str] = []
        self.acknowledged = 0
        self.failed = 0
        self._poisoned: set[str] = set()
        self._open: int | None = None
        for word, *rest in notes:
            if word == "start":
                self._open = rest[0]
            elif word == "ack":
                self._acknowledge(rest[0])
            elif word in ("failed", "refused") and isinstance(rest[0], int):
                self._fail(*rest)
            elif word == "state":
                self._see(from_json(rest[0]))
            elif word == "broken":
                self.faults.append(rest[0])
        if self._open is not None:
            self._maybe(self._open)

    def _acknowledge(self, number: int) -> None:
        self.acknowledged += 1
        self._open = None
        after = [a for a in (self._after(s, number) for s in self.legal) if a is not None]
        if not after:
            self.faults.append(f"operation {number} was acknowledged, which no legal state allows")
            return
        self.legal = after

    def _fail(self, number: int, error: str, message: str) -> None:
        self.failed += 1
        self._open = None
        place = message.partition(" stopped accepting")[0]
        if error in CERTAIN or place in self._poisoned:
            return
        if error == "ShardPoisoned":
            self._poisoned.add(place)
        self._maybe(number)

    def _maybe(self, number: int) -> None:
        also = [self._after(state, number) for state in self.legal]
        self.legal += [state for state in also if state is not None and state not in self.legal]

    def _see(self, state: scenario.State) -> None:
        """A read shows one of the legal states; what it shows of the new one stays."""
        if state not in self.legal:
            self.faults.append(
                "a read after a failure shows a state that never was: "
                + diff(state, self.legal[-1])
            )
        elif state != self.legal[0]:
            self.legal = self.legal[self.legal.index(state) :]

    def _after(self, state: scenario.State, number: int) -> scenario.State | None:
        try:
            return scenario.changed(state, self._operations[number])
        except KeyError:
            return None

    def accepts(self, state: scenario.State) -> bool:
        """Say whether a database may be in this state."""
        return state in self.legal


def diff(found: scenario.State, expected: scenario.State) -> str:
    """Say in few words where two states differ."""
    lines = []
    for part in ("aliases", "indexes"):
        if found[part] != expected[part]:
            lines.append(f"{part}: {found[part]} instead of {expected[part]}")
    both = [{**state["collections"], **_snapshots(state)} for state in (found, expected)]
    for name in sorted({*both[0], *both[1]}):
        one, two = (each.get(name) for each in both)
        if one is None or two is None:
            lines.append(f"{name}: {'missing' if one is None else 'should not be there'}")
            continue
        wrong = [i for i in {*one, *two} if one.get(i) != two.get(i)]
        if wrong:
            first = wrong[0]
            lines.append(
                f"{name}: {len(wrong)} points differ, such as {first}: "
                f"{one.get(first)} instead of {two.get(first)}"
            )
    return "; ".join(lines) or "equal"


def _snapshots(state: scenario.State) -> dict[str, Any]:
    return {f"snapshot {number}": points for number, points in state["kept"].items()}


def state_of(notes: list[list[Any]], word: str = "state") -> scenario.State | None:
    """Return the last state that a child noted, or None."""
    found = [rest[0] for kind, *rest in notes if kind == word]
    return from_json(found[-1]) if found else None
