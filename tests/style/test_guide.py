"""Do the examples of README.md and docs/guide run as printed? Each file's in order, in one go.

A line ``expression  # -> text`` must evaluate to what ``text`` shows. Blocks that name the address
of a server run against a real one.
"""

import re
from pathlib import Path

import pytest
from tests.conftest import Server

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^(?P<indent> *)(?P<expression>\S.*?)  # -> (?P<text>.*)$", re.MULTILINE)


def program_of(page: Path) -> str:
    """Return a page's examples as one program; what is not code becomes empty lines."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * text.count("\n")
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        for number, line in enumerate(block[1].splitlines()):
            lines[first + number] = line
    return SHOWN.sub(
        lambda shown: (
            f"{shown['indent']}assert repr(({shown['expression']})) == {shown['text']!r}, "
            f"repr(({shown['expression']}))"
        ),
        "\n".join(lines),
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(
    page: Path,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Line numbers of a failure are those of the page."""
    program = program_of(page)
    if "localhost:6333" in program:
        server: Server = request.getfixturevalue("server")
        program = program.replace("http://localhost:6333", server.url)
    monkeypatch.chdir(tmp_path)
    exec(compile(program, str(page), "exec"), {"__name__": "example"})  # noqa: S102


def test_pages_have_examples() -> None:
    """A pattern that finds nothing would pass everything."""
    assert sum(bool(program_of(page).strip()) for page in PAGES) >= 3
