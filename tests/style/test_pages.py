"""Do the pages hold together? Links lead somewhere, records are listed, figures are generated."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
NAMED_PAGE = re.compile(r"\bdocs/[\w/-]+\.md\b")
MAX_ARCHITECTURE_LINES = 300


def test_links_lead_somewhere() -> None:
    """Every relative link of a page is a file."""
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_pages_named_in_the_code_exist() -> None:
    """A docstring that points to a page points to one that is there."""
    broken = [
        f"{file.relative_to(ROOT)}: {name}"
        for folder, ending in (("src", "*.py"), ("native", "*.?pp"))
        for file in (ROOT / folder).rglob(ending)
        for name in NAMED_PAGE.findall(file.read_text(encoding="utf-8"))
        if not (ROOT / name).exists()
    ]
    assert not broken


def test_every_decision_is_listed() -> None:
    """The index of records knows them all."""
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in sorted(folder.glob("*.md")) if f"({page.name})" not in index] == [
        "README.md"
    ]


def test_every_dependency_has_a_record() -> None:
    """What is installed with ruvector is named in a record."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(one for extra in extras for one in extra)]
    records = "".join(
        page.read_text(encoding="utf-8").lower() for page in (ROOT / "docs/decisions").glob("0*.md")
    )
    names = {re.split(r"[<>=;\[ ]", one, maxsplit=1)[0].lower() for one in wanted} - {"ruvector"}
    assert sorted(name for name in names if name not in records) == []


def test_every_room_is_in_the_architecture() -> None:
    """ARCHITECTURE.md knows every room, and stays short."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = [path.parent.name for path in (ROOT / "src" / "ruvector").glob("*/__init__.py")]
    assert sorted(room for room in rooms if f"`{room}/`" not in text) == []
    assert len(text.splitlines()) < MAX_ARCHITECTURE_LINES


def test_figures_of_the_readme_are_generated() -> None:
    """The block between the marks is what figures.py makes of results.csv."""
    check = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "figures.py"), "--check"], check=False
    )
    assert check.returncode == 0, "run: python benchmarks/figures.py"
