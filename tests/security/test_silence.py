"""Does anything leave this machine that nobody asked for, and is anything unpickled? (S5)

Everything that a server offers is used in a network namespace whose only interface is the loopback.
Python's audit events tell of connections and names; the counter of packets without a route tells of
what libraries in other languages try.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.crash.server import ROOT, python_path

ALONE = ("unshare", "--user", "--map-root-user", "--net")


def used_alone(folder: Path, purpose: str = "") -> Any:
    """Return what was tried."""
    if shutil.which("unshare") is None:
        pytest.skip("SKIPPED no outbound traffic: unshare is not installed")
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("SKIPPED no outbound traffic: network namespaces are not allowed here")
    done = subprocess.run(
        [*ALONE, sys.executable, "-m", "tests.security.silent", str(folder), purpose],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": python_path()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_leaves_the_machine_and_nothing_is_unpickled(tmp_path: Path) -> None:
    assert used_alone(tmp_path) == {"tried": [], "without_route": 0}


@pytest.mark.parametrize("purpose", ["python", "native", "pickle"])
def test_what_is_done_on_purpose_is_noticed(tmp_path: Path, purpose: str) -> None:
    found = used_alone(tmp_path, purpose)
    if purpose == "native":  # no event of Python's tells of it
        assert (found["tried"], found["without_route"] > 0) == ([], True)
    elif purpose == "python":
        assert found["tried"] == ["socket.connect 192.0.2.1"]
    else:
        assert found["tried"] == ["unpickled"]
