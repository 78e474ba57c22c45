"""Is everything that ruvector brings along declared, wanted, and under a known licence? (S6)

What can be said without a network: this compares what is installed here with what is declared, and
both with a list of known holes that is kept by hand. Whoever publishes a release asks a tool with a
current one: docs/guide/supply-chain.md.
"""

import ast
import importlib.metadata as metadata
import json
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from tests.security import sbom
from tests.security.packages import (
    PYPROJECT,
    ROOT,
    brought_along,
    compiled_in,
    declared,
    licence_of,
    normal,
)

HOLES = tomllib.loads(Path(__file__).with_name("known_holes.toml").read_text())
PAGE = ROOT / "docs" / "guide" / "supply-chain.md"
# Licences that let ruvector be used and passed on under its own; as they are written in metadata.
LICENCES = re.compile(
    r"MIT|BSD|Apache|MPL-2\.0|Mozilla Public License 2\.0|PSF-2\.0|OLDAP-2\.8|Zlib|CC0-1\.0|ISC"
)
REFUSED = re.compile(r"\b(A?GPL|LGPL|SSPL|BUSL|Proprietary|Commercial)\b", re.IGNORECASE)


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
    for text in PYPROJECT["dependency-groups"]["bench"]:
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


def allowed_with_hole(specifier: SpecifierSet, fixed: str) -> str | None:
    """Return a version before the fix that a declaration allows, None where there is none."""
    last = Version(fixed)
    parts = [*last.release, 0, 0][:3]
    candidates = [text for part in specifier if (text := part.version).count("*") == 0]
    candidates += [f"{parts[0]}.{parts[1]}.{max(0, parts[2] - 1)}", f"{parts[0]}.0"]
    for text in candidates:
        if Version(text) < last and text in specifier:
            return text
    return None


@pytest.mark.parametrize("hole", HOLES["hole"], ids=lambda hole: hole["name"])
def test_no_version_with_a_known_hole_is_installed_or_allowed(hole: dict[str, Any]) -> None:
    found, name = brought_along(), hole["package"]
    assert name in found
    assert Version(found[name].version) >= Version(hole["fixed"])
    assert name in declared(), "what is not declared cannot be kept from a version: declare it"
    assert allowed_with_hole(declared()[name].specifier, hole["fixed"]) is None
    row = f"| {name} | {hole['name']} | {hole['fixed']} | {hole['what']} |"
    assert row in PAGE.read_text()
    assert str(HOLES["checked"]) in PAGE.read_text()


@pytest.mark.parametrize(
    ("text", "fixed", "allowed"),
    [
        (">=2.2,<3", "2.7.0", "2.2"), (">=2.7,<3", "2.7.0", None), ("<3", "2.7.0", "2.0"),
        (">2.6.1", "2.6.3", "2.6.2"), (">=6.33.5,<8", "6.33.5", None),
        ("==2.6.*", "2.6.3", "2.6.2"),
    ],
)  # fmt: skip
def test_what_a_declaration_allows(text: str, fixed: str, allowed: str | None) -> None:
    assert allowed_with_hole(SpecifierSet(text), fixed) == allowed


def test_the_bill_of_materials_names_all_that_is_shipped(tmp_path: Path) -> None:
    output = tmp_path / "sbom.json"
    assert sbom.main(output) == 0
    bill = json.loads(output.read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "ruvector"
    shipped = brought_along() | compiled_in()
    assert {each["name"]: each["version"] for each in bill["components"]} == {
        name: package.version for name, package in shipped.items()
    }
    assert all(each["licenses"][0]["license"]["name"] for each in bill["components"])
    assert {each["name"] for each in bill["components"] if each["scope"] == "required"} == {
        *("lmdb", "msgspec", "numkong", "numpy", "pyroaring", "urllib3", "nanobind", "rabitqlib"),
    }
    references = {each["bom-ref"] for each in bill["components"]}
    related = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    assert related.keys() == references | {"ruvector"}
    assert {one for each in related.values() for one in each} == references
    sbom.main(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == output.read_text()


def test_a_file_that_was_changed_after_it_was_installed_is_named(tmp_path: Path) -> None:
    installed = metadata.distribution("msgspec")
    assert sbom.changed_files(installed) == []
    for file in installed.files or ():
        source = Path(str(file.locate()))
        if source.is_file() and ".." not in file.parts:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, tmp_path / file)
    (copied,) = metadata.distributions(path=[str(tmp_path)])
    with (tmp_path / "msgspec" / "json.py").open("a") as file:
        file.write("#")
    (tmp_path / "msgspec" / "toml.py").unlink()
    assert sbom.changed_files(copied) == ["msgspec: msgspec/json.py", "msgspec: msgspec/toml.py"]
