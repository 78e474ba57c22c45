"""Are the cheap rules of the house style kept? Each failure lists every offender.

Exceptions stand here with their reason, so that a new one is seen in review. Formatting, unused
names, pickle, bare `except` and commented-out code are ruff's; who may import whom is
import-linter's.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "ruvector"
PYTHON = sorted(
    path for folder in ("src", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)
ROOMS = [path for path in PYTHON if path.is_relative_to(SOURCE)]
NATIVE = sorted(path for end in ("*.cpp", "*.hpp", "*.h") for path in (ROOT / "native").rglob(end))

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_COLUMNS = 100

BANNED_WORDS = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "misc",
    "manager",
    "impl",
    "internal",
}
BANNED_NAMES = {"data", "info", *BANNED_WORDS}

# Where data files may be opened, and why; the folders of rule 1 come first.
OPENS_FILES = {
    "storage": "the room for it",
    "snapshots": "the room for it",
    "demo": "reads the demo's points, which are part of the package",
    "server/audit.py": "writes the audit log, which is no data of the database",
    "server/audit_reader.py": "reads the audit log",
    "server/configuration.py": "reads the configuration file",
    "model/proto/schema.py": "reads the messages' definitions, which are part of the package",
    "client/grpc.py": "reads the files of certificates that grpcio takes as bytes",
    "server/documentation.py": "reads Swagger UI's files, which are part of a package",
    "server/tls.py": "reads certificates",
    "server/acme.py": "reads the certificate and the account's key",
    "bench": "reads the vectors to measure with and /proc, writes a picture",
    "engine.py": "removes the folder of a throw-away database",
    "index/vector_file.py": "VectorIndex without a database: one file, written and synced there",
    "index/originals.py": "VectorIndex without a database: an unnamed file that goes with it",
}
USES_SOCKETS = {
    "server": "it listens",
    "client": "it connects",
    "cluster": "nodes talk to nodes",
    "snapshots/remote.py": "fetches snapshots from URLs, where that is allowed",
    "storage/lock.py": "the name of this host stands in the lock file",
}
ASYNCHRONOUS = ("server", "client")

OPENING_FUNCTIONS = {
    *(
        f"os.{name}"
        for name in ("open", "rename", "renames", "replace", "remove", "unlink", "link")
    ),
    *(f"np.{name}" for name in ("save", "savez", "savez_compressed", "load", "memmap", "fromfile")),
    *(f"shutil.{name}" for name in ("move", "copy", "copy2", "copyfile", "copytree", "rmtree")),
    *(f"{module}.open" for module in ("lmdb", "io", "gzip", "bz2", "lzma", "tarfile", "zipfile")),
    "open",
    "mmap.mmap",
}
OPENING_METHODS = {"write_bytes", "write_text", "read_bytes", "read_text", "unlink", "tofile"}
SOCKET_MODULES = {"socket", "ssl", "http", "urllib", "urllib3", "uvicorn", "uvloop", "grpc"}


@cache
def text_of(path: Path) -> str:
    """Return a file's text."""
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    """Return a Python file's syntax tree."""
    return ast.parse(text_of(path))


def report(offenders: Iterator[str]) -> None:
    """Fail with every offender, one a line."""
    if found := list(offenders):
        pytest.fail("\n".join(found), pytrace=False)


def place(path: Path, line: int | None = None) -> str:
    """Return the path from the repository's root, with the line."""
    return f"{path.relative_to(ROOT)}" + (f":{line}" if line else "")


def in_rooms(path: Path, rooms: tuple[str, ...] | dict[str, str]) -> bool:
    """Say whether a source file is one of these, or stands in one of these folders."""
    inside = path.relative_to(SOURCE)
    return any(inside.is_relative_to(room) for room in rooms)


def name_of_call(call: ast.Call) -> str:
    """Return `open`, `os.open` or the like for a call; empty where it is not a plain name."""
    function = call.func
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return ""


def imported_modules(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield every imported module with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


def words(name: str) -> set[str]:
    """Return the lower-case words of a snake_case or CamelCase name."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def defined_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield every class, function and module-level constant with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield target.id, statement.lineno


def native_functions(path: Path) -> Iterator[tuple[int, int]]:
    """Yield first line and length of each C++ function that starts in the first column."""
    start = 0
    opening = re.compile(r"^(?!namespace|class|struct|enum|extern|union|using|#|//|})\S.*")
    head = 0
    for number, line in enumerate(text_of(path).splitlines(), 1):
        if opening.match(line):
            head = number
        if line.rstrip().endswith("{") and head and not start:
            start = head
        if line.startswith("}"):
            if start:
                yield start, number - start + 1
            start = head = 0
        elif re.match(r"^(namespace|class|struct|enum|extern|union)", line):
            start = head = 0


def test_files_have_at_most_500_lines() -> None:
    """Long files are split by the question they answer."""
    report(
        f"{place(path)}: {lines} lines"
        for path in (*PYTHON, *NATIVE)
        if (lines := len(text_of(path).splitlines())) > MAX_FILE_LINES
    )


def test_native_lines_have_at_most_100_columns() -> None:
    """A line fits beside another file. Python's lines are measured by ruff."""
    report(
        f"{place(path, number)}: {len(line)} columns"
        for path in NATIVE
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if len(line) > MAX_COLUMNS
    )


def test_python_functions_have_at_most_60_lines() -> None:
    """A function fits on a screen."""
    report(
        f"{place(path, node.lineno)}: {node.name} has {lines} lines"
        for path in PYTHON
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    )


def test_native_functions_have_at_most_60_lines() -> None:
    """The same in C++. The definitions of the module in bindings*.cpp are tables."""
    report(
        f"{place(path, line)}: {length} lines"
        for path in NATIVE
        for line, length in native_functions(path)
        if length > MAX_FUNCTION_LINES
        and not re.search(r"NB_MODULE|\bbind_\w+\(", text_of(path).splitlines()[line - 1])
    )


def test_modules_are_not_named_for_nothing() -> None:
    """A module's name says what is in it."""
    report(
        place(path)
        for path in (*PYTHON, *NATIVE)
        if words(path.stem) & BANNED_WORDS or path.stem in BANNED_NAMES
    )


def test_names_say_what_things_are() -> None:
    """No helper, manager, common, ...Internal, ...Impl or Abstract..."""
    report(
        f"{place(path, line)}: {name}"
        for path in PYTHON
        for name, line in defined_names(tree_of(path))
        if words(name) & BANNED_WORDS or name.lower() in BANNED_NAMES or name.startswith("Abstract")
    )


def test_modules_begin_with_the_question_they_answer() -> None:
    """Every Python file has a docstring; in C++ the header has the comment."""
    missing = [place(path) for path in PYTHON if not ast.get_docstring(tree_of(path))]
    missing += [
        place(path)
        for path in NATIVE
        if not text_of(path).startswith(("//", "/*"))
        and (path.suffix != ".cpp" or path.with_suffix(".hpp") not in NATIVE)
    ]
    report(iter(missing))


def test_public_things_have_docstrings() -> None:
    """Every public class and function of the package says what it does."""
    report(
        f"{place(path, node.lineno)}: {node.name}"
        for path in ROOMS
        for node in tree_of(path).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    )


def test_only_storage_opens_files() -> None:
    """Files of data are opened, renamed and removed in one place, which knows how to sync them."""
    report(
        f"{place(path, node.lineno)}: {ast.unparse(node.func)}"
        for path in ROOMS
        if not in_rooms(path, OPENS_FILES)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and (
            name_of_call(node) in OPENING_FUNCTIONS
            or (isinstance(node.func, ast.Attribute) and node.func.attr in OPENING_METHODS)
        )
    )


def test_lmdb_is_opened_in_one_function() -> None:
    """Its flags decide about durability, so that they stand once."""
    calls = [
        place(path, node.lineno)
        for path in ROOMS
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and name_of_call(node) in ("lmdb.open", "lmdb.Environment")
    ]
    assert len(calls) <= 1, calls
    assert all("storage/" in call for call in calls), calls


def test_only_server_and_client_are_asynchronous() -> None:
    """Everything below is plain functions that may be called from any thread."""
    report(
        place(path, line)
        for path in ROOMS
        if not in_rooms(path, ASYNCHRONOUS)
        for line in asynchronous_lines(tree_of(path))
    )


def asynchronous_lines(tree: ast.Module) -> Iterator[int]:
    """Yield the lines with `async`, `await` or an import of asyncio."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncWith | ast.AsyncFor):
            yield node.lineno
    yield from (line for module, line in imported_modules(tree) if module.startswith("asyncio"))


def test_only_server_and_client_open_sockets() -> None:
    """The database below has no network."""
    report(
        f"{place(path, line)}: {module}"
        for path in ROOMS
        if not in_rooms(path, USES_SOCKETS)
        for module, line in imported_modules(tree_of(path))
        if module.split(".")[0] in SOCKET_MODULES and module != "urllib.parse"
    )


def test_index_knows_no_point_ids() -> None:
    """The index speaks of rows; ids belong to the rooms above."""
    report(
        place(path, line)
        for path in ROOMS
        if in_rooms(path, ("index", "kernel"))
        for module, line in imported_modules(tree_of(path))
        if module == "ruvector.model.ids"
    )


def test_few_native_files_know_python_and_one_knows_rabitqlib() -> None:
    """Bindings, their arrays and third-party headers stay at the edge of the kernel."""
    report(
        f"{place(path)}: {header}"
        for path in NATIVE
        for header, home in (
            ("nanobind", r"bindings\w*\.cpp|arrays\.hpp"),
            ("rabitqlib", r"rabitq\.[hc]pp"),
        )
        if re.search(rf"#include\s*[<\"]{header}", text_of(path))
        and not re.fullmatch(home, path.name)
    )


# The words are put together here so that this file does not find itself.
@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(
            "\\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + ")\\b", id="notes"
        ),
        pytest.param("(/wo" + "rk/|/ro" + "ot/|/ho" + "me/)", id="machine paths"),
        pytest.param(r"^\s*(#|//)\s*[-=*]{3,}", id="banners"),
    ],
)
def test_text_is_free_of(pattern: str) -> None:
    """No notes to self, no paths of one machine, no banners."""
    report(
        f"{place(path, number)}: {line.strip()[:60]}"
        for path in (*PYTHON, *NATIVE)
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if re.search(pattern, line)
    )
