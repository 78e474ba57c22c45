"""Where do LangChain and LlamaIndex live? In an environment of their own.

They bring 60 packages and eight pytest plugins, so they stay out of the developers' environment:
build/clients/frameworks has them, and sees the developers' packages behind its own.
"""

import subprocess
import sys
import tomllib
import venv
from pathlib import Path

from tests.clients.programs import BUILT, ROOT, alone, give_up

FOLDER = BUILT / "frameworks"
TIMEOUT_SECONDS = 300


def environment() -> Path:
    """Return the environment's interpreter; make it if it is not there, or skip the test."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = " ".join(project["dependency-groups"]["frameworks"])
    python, stamp = FOLDER / "bin" / "python", FOLDER / "installed.txt"
    with alone("frameworks"):
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            venv.create(FOLDER, clear=True, symlinks=True)
            developers = next(path for path in sys.path if path.endswith("site-packages"))
            (packages,) = FOLDER.glob("lib/python*/site-packages")
            (packages / "developers.pth").write_text(
                f"import site; site.addsitedir({developers!r})\n", encoding="utf-8"
            )
            installed = subprocess.run(
                [python, "-m", "pip", "install", "--quiet", "--group", "frameworks"],
                cwd=ROOT,
                text=True,
                capture_output=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
            if installed.returncode:
                give_up(f"the frameworks cannot be installed: {installed.stderr[-300:]}")
            stamp.write_text(wanted, encoding="utf-8")
    return python
