"""Is everything that ruvector brings along declared, wanted, and under a known licence? (S6)

What can be said without a network: this compares what is installed here with what is declared. It
asks no list of known holes; that is for whoever publishes a release, with a tool that has one.
"""

import ast
import importlib.metadata as metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Licences that let ruvector be used and passed on under its own; as they are written in metadata.
LICENCES = re.compile(
    r"MIT|BSD|Apache|MPL-2\.0|Mozilla Public License 2\.0|PSF-2\.0|OLDAP-2\.8|Zlib|CC0-1\.0|ISC"
)
REFUSED = re.compile(r"\b(A?GPL|LGPL|SSPL|BUSL|Proprietary|Commercial)\b", re.IGNORECASE)


def normal(name: str) -> str:
    """Return a package's name as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> dict[str, Requirement]:
    """Return what pyproject.toml asks for, extras included."""
    texts = [*PROJECT["dependencies"], *(text for name in EXTRAS for text in EXTRAS[name])]
    found = [Requirement(text) for text in texts]
    return {normal(each.name): each for each in found if normal(each.name) != "ruvector"}


def brought_along() -> dict[str, metadata.Distribution]:
    """Return every package that the declared ones need, and those themselves."""
    found: dict[str, metadata.Distribution] = {}
    waiting = list(declared().values())
    while waiting:
        wanted = waiting.pop()
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        name = normal(wanted.name)
        if name in found:
            continue
        package = found[name] = metadata.distribution(name)
        for text in package.requires or ():
            needed = Requirement(text)
            extras = ("", *wanted.extras)
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                needed.marker = None
                waiting.append(needed)
    return found


def licence_of(package: metadata.Distribution) -> str:
    """Return what a package says of its licence, "" where it says nothing."""
    described = package.metadata
    classifiers = described.get_all("Classifier") or []
    return (
        described.get("License-Expression")
        or "; ".join(line for line in classifiers if line.startswith("License ::"))
        or described.get("License")
        or ""
    )


def imported() -> dict[str, str]:
    """Return the first name of every import in the package, with a file that has it."""
    found: dict[str, str] = {}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            found |= {name.partition(".")[0]: path.name for name in names}
    return found


def test_what_is_imported_is_declared() -> None:
    packages = metadata.packages_distributions()
    known = {*declared(), "ruvector"}
    benchmarked = set()  # libraries that `ruvector bench` compares with, where they are installed
    for text in tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["bench"]:
        benchmarked.add(normal(Requirement(text).name))
    unknown = {}
    for name, file in imported().items():
        if name in sys.stdlib_module_names:
            continue
        owners = {normal(owner) for owner in packages.get(name, [name])}
        if not owners & (known | benchmarked):
            unknown[name] = file
    assert unknown == {}


def test_what_is_declared_is_installed_in_a_declared_version() -> None:
    for name, wanted in declared().items():
        if wanted.marker is None or wanted.marker.evaluate():
            assert metadata.version(name) in wanted.specifier, wanted


def test_what_is_declared_has_a_decision_record() -> None:
    folder = ROOT / "docs" / "decisions"
    records = "\n".join(path.read_text().lower() for path in folder.glob("0*.md"))
    missing = [name for name in declared() if name not in records]
    aliases = {name: normal(name).replace("-", "") for name in missing}
    assert [name for name in missing if aliases[name] not in records.replace("-", "")] == []


def test_what_comes_along_has_a_licence_that_is_known() -> None:
    found = {name: licence_of(package) for name, package in brought_along().items()}
    assert len(found) > len(declared())
    assert {n: text for n, text in found.items() if not LICENCES.search(text)} == {}
    assert {n: text for n, text in found.items() if REFUSED.search(text)} == {}


@pytest.mark.parametrize(
    "text", ["GPL-3.0-only", "LGPL", "", "Proprietary", "SSPL-1.0", "BUSL-1.1"]
)
def test_other_licences_are_refused(text: str) -> None:
    assert REFUSED.search(text) or not LICENCES.search(text)
