"""Does some test fail for each planted bug? `python tests/crash/mutants/run.py [name ...]`.

Each mutant of the tables beside this file is planted in a scratch copy of the repository, and the
test that it names must fail there; without a mutant all of them must pass. A survivor is a
missing check, and the exit code is 1. Bounded: one run of at most TIMEOUT_SECONDS a mutant.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.mutants.security_table import SECURITY
from tests.crash.mutants.server_table import SERVER
from tests.crash.mutants.snapshot_table import SNAPSHOTS
from tests.crash.mutants.table import MUTANTS as STORAGE
from tests.crash.mutants.table import Mutant

MUTANTS = (*STORAGE, *SECURITY, *SERVER, *SNAPSHOTS)
ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_SECONDS = 300
# An editable installation finds `ruvector` before any path does; the copy must win.
SITE = """\
import sys
sys.meta_path[:] = [f for f in sys.meta_path if "Redirect" not in type(f).__name__]
"""


def main(names: list[str]) -> int:
    """Plant the named mutants, or all; print one line each."""
    unknown = set(names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        print(f"no mutant {sorted(unknown)}")
        return 2
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    survivors = []
    with tempfile.TemporaryDirectory(prefix="ruvector-mutants-") as folder:
        copy = Path(folder) / "copy"
        _copy(copy)
        if not names:
            tests = sorted({test for mutant in chosen for test in mutant.tests})
            code, output = _test(copy, tests, TIMEOUT_SECONDS * 3)
            if code != 0:
                print(f"the tests fail without a mutant:\n{output[-3000:]}")
                return 2
        for mutant in chosen:
            started = time.monotonic()
            is_caught = _plant(copy, mutant)
            if not is_caught:
                survivors.append(mutant.name)
            word = "caught" if is_caught else "SURVIVED"
            seconds = time.monotonic() - started
            print(f"{mutant.promise:4} {word:8} {seconds:5.0f} s  {mutant.name}", flush=True)
    print(f"mutants: planted={len(chosen)} caught={len(chosen) - len(survivors)}")
    return 1 if survivors else 0


def _copy(copy: Path) -> None:
    from ruvector.kernel import _kernel

    listed = subprocess.run(
        ["git", "ls-files", "-z", "src", "tests", "docs", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    shutil.copy2(_kernel.__file__, copy / "src" / "ruvector" / "kernel")
    (copy / "site").mkdir()
    (copy / "site" / "sitecustomize.py").write_text(SITE)


def _plant(copy: Path, mutant: Mutant) -> bool:
    """Return whether the mutant's tests fail."""
    whole: dict[Path, str] = {}
    try:
        for change in mutant.changes:
            file, old, new = change if len(change) == 3 else (mutant.file, *change)
            path = copy / "src" / "ruvector" / file
            text = path.read_text()
            whole.setdefault(path, text)
            if old not in text:
                raise SystemExit(f"mutant {mutant.name!r} does not fit {file}: {old!r}")
            path.write_text(text.replace(old, new))
        return any(_test(copy, [test], TIMEOUT_SECONDS)[0] == 1 for test in mutant.tests)
    finally:
        for path, text in whole.items():
            path.write_text(text)


def _test(copy: Path, tests: list[str], seconds: int) -> tuple[int, str]:
    """Return pytest's exit code (1: a test failed) and its output; a run without end has failed."""
    paths = [copy / "site", copy / "src", copy]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, paths)))
    environment.pop("RUVECTOR_CRASH_LONG", None)
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, "no end"
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
