"""Do LangChain and LlamaIndex work? Their tests run in an environment of their own.

A suite is a file of the folder `frameworks`, run by the interpreter that `environment` returns.
"""

import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from tests.clients.environment import FOLDER, TIMEOUT_SECONDS, environment
from tests.conftest import Server, without_settings

pytestmark = pytest.mark.clients

SUITES = Path(__file__).parent / "frameworks"
# The fewest tests each suite has; LangChain's standard one is 24 tests, over two kinds of path.
SUITE_SIZES = {"langchain_store": 76, "langchain_qdrant_store": 4, "llama_index_store": 8}


@pytest.fixture(scope="module")
def python() -> Path:
    """Return the interpreter of the frameworks' environment, made if need be."""
    return environment()


@pytest.mark.parametrize("name", SUITE_SIZES)
def test_framework_passes_its_suite(name: str, python: Path, server: Server) -> None:
    """Every test ran and passed; none was skipped."""
    report = FOLDER / f"{name}.xml"
    report.unlink(missing_ok=True)
    ended = subprocess.run(
        [python, "-m", "pytest", "-c", "pytest.ini", f"--junitxml={report}", f"{name}.py"],
        cwd=SUITES,
        env=without_settings() | {"FRAMEWORKS_SERVER": server.url},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if ended.returncode:
        pytest.fail(ended.stdout[-6000:], pytrace=False)
    (suite,) = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314
    counts = {key: int(suite.get(key, "-1")) for key in ("errors", "failures", "skipped")}
    assert counts == {"errors": 0, "failures": 0, "skipped": 0}
    assert len(list(suite.iter("testcase"))) >= SUITE_SIZES[name]
