"""Do the commands do what they say, on a folder and on a server, and fail in one line?"""

import subprocess
import sys

import msgspec
import pytest
from tests.snapshots.archived import Database, filled
from tests.snapshots.archived import at as at_time

from ruvector.cli import main


def run(capsys, *arguments):
    """Return exit code, stdout, stderr."""
    code = main([str(each) for each in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def folder(tmp_path, capsys):
    """A data folder with one collection."""
    path = tmp_path / "storage"
    path.mkdir()
    code, out, _ = run(
        capsys,
        "collections",
        "create",
        "docs",
        "--dimensions",
        3,
        "--distance",
        "dot",
        "--path",
        path,
    )
    assert (code, out) == (0, "created docs: 3 dimensions, dot\n")
    return path


def test_collections_of_a_folder(folder, capsys):
    assert run(capsys, "collections", "list", "--path", folder) == (0, "docs\n", "")
    code, out, _ = run(capsys, "collections", "show", "docs", "--path", folder)
    assert code == 0
    vectors = msgspec.json.decode(out)["config"]["params"]["vectors"]
    assert (vectors["size"], vectors["distance"]) == (3, "Dot")
    assert run(capsys, "collections", "delete", "docs", "--path", folder)[0] == 0
    assert run(capsys, "collections", "list", "--path", folder) == (0, "", "")


def test_collections_of_a_server(server, capsys):
    at = ("--url", server.url)
    assert run(capsys, "collections", "create", "cli docs", "--dimensions", 3, *at)[0] == 0
    assert "cli docs" in run(capsys, "collections", "list", *at)[1].splitlines()
    assert run(capsys, "collections", "show", "cli docs", *at)[0] == 0
    assert run(capsys, "collections", "create", "cli docs", "--dimensions", 3, *at)[0] == 1
    assert run(capsys, "collections", "delete", "cli docs", *at)[0] == 0
    code, out, error = run(capsys, "collections", "delete", "cli docs", *at)
    assert (code, out) == (1, "")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("collections", "list", "--path", "/nowhere/at/all"),
        ("collections", "list", "--url", "http://127.0.0.1:1"),
        ("collections", "list", "--url", "ftp://127.0.0.1"),
        ("verify", "/nowhere/at/all"),
        ("serve", "--workers", "2"),
        ("serve", "--workers", "0"),
        ("serve", "--config", "/nowhere/at/all.yaml"),
        ("serve", "--host", "192.0.2.1"),
        ("serve", "--http-port", "70000"),
    ],
)
def test_refusals_are_one_line_and_exit_code_1(capsys, arguments):
    code, out, error = run(capsys, *arguments)
    assert (code, out) == (1, "")
    assert error.startswith("ruvector: ")
    assert error.count("\n") == 1


def test_missing_collection_is_one_line(folder, capsys):
    code, _, error = run(capsys, "collections", "show", "none", "--path", folder)
    assert code == 1
    assert error == "ruvector: Collection `none` doesn't exist!\n"


def test_verify_reads_a_sound_folder(folder, capsys):
    assert run(capsys, "verify", folder) == (0, "1 shards read, 0 damaged\n", "")


def test_verify_reports_damage(folder, capsys):
    (file,) = folder.glob("collections/*/**/data.mdb")
    with file.open("r+b") as damaged:
        damaged.truncate(file.stat().st_size // 2 + 100)
    code, out, error = run(capsys, "verify", folder)
    assert (code, out) == (1, "1 shards read, 1 damaged\n")
    assert "data.mdb" in error


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["serve", "--help"]])
def test_help_and_version_need_no_server(arguments):
    script = (
        "import sys; sys.modules['uvicorn'] = sys.modules['lmdb'] = None\n"
        "from ruvector.cli import main; main(sys.argv[1:])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=20
    )
    assert found.returncode == 0
    assert found.stdout.lower().startswith(("ruvector 0.", "usage: ruvector"))


def test_missing_server_extra_names_the_way_out():
    script = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from ruvector.cli import main; sys.exit(main(['serve']))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=20
    )
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert "pip install ruvector[server]" in found.stderr


def test_package_runs_as_a_module():
    found = subprocess.run(
        [sys.executable, "-m", "ruvector", "--version"], capture_output=True, text=True, timeout=20
    )
    assert found.stdout.startswith("ruvector 0.")


@pytest.mark.parametrize("command", ["import", "export"])
def test_commands_that_come_later_are_not_there(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command])
    assert caught.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def serve_once(path):
    """Run `ruvector serve` on a folder where it cannot start; return code, stdout, stderr."""
    found = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruvector",
            "serve",
            "--http-port",
            "0",
            "--grpc-port",
            "0",
            "--path",
            str(path),
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return found.returncode, found.stdout, found.stderr


def test_folder_in_use_is_one_line(server):
    code, out, error = serve_once(server.path)
    assert (code, out) == (1, "")
    assert error.startswith(f"ruvector: cannot open {server.path}: ")
    assert error.count("\n") == 1
    assert str(server.process.pid) in error


def test_file_instead_of_a_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    code, out, error = serve_once(tmp_path / "file")
    assert (code, out) == (1, "")
    assert error.count("\n") == 1


def test_damaged_catalog_is_one_line(folder):
    (file,) = folder.glob("meta/**/data.mdb")
    file.write_bytes(b"\x00" * file.stat().st_size)
    code, out, error = serve_once(folder)
    assert (code, out) == (1, "")
    assert error.startswith("ruvector: cannot open ")
    assert error.count("\n") == 1


def test_snapshots_of_a_folder_and_of_a_server(folder, server, tmp_path, capsys):
    for number, at in enumerate((("--path", folder), ("--url", server.url))):
        name, file = f"snap {number}", tmp_path / f"copy{number}"
        assert run(capsys, "collections", "create", name, "--dimensions", 3, *at)[0] == 0
        code, made, _ = run(capsys, "snapshot", "create", name, *at)
        assert code == 0
        snapshot, size, _, checksum = made.strip().split("\t")
        assert run(capsys, "snapshot", "list", name, *at) == (0, made, "")
        chosen = ("--snapshot", snapshot, *at)
        assert run(capsys, "snapshot", "download", name, *chosen, "--output", file)[0] == 0
        assert file.stat().st_size == int(size)
        assert run(capsys, "snapshot", "restore", name, *chosen, "--checksum", checksum)[0] == 0
        code, out, _ = run(capsys, "snapshot", "restore", f"{name} too", "--file", file, *at)
        assert (code, out) == (0, f"restored {name} too: 0 points\n")
        assert run(capsys, "snapshot", "delete", name, *chosen)[0] == 0
        assert run(capsys, "snapshot", "list", name, *at) == (0, "", "")
        code, _, error = run(capsys, "snapshot", "delete", name, *chosen)
        assert (code, error) == (1, f"ruvector: Snapshot {snapshot} not found\n")
        for each in (name, f"{name} too"):
            assert run(capsys, "collections", "delete", each, *at)[0] == 0


def test_a_snapshot_and_the_archived_log_are_restored_to_a_moment(tmp_path, capsys):
    database = Database(tmp_path / "archived")
    snapshot, moments = filled(database, 4)
    full = database.client.create_full_snapshot().name
    database.engine.close()
    at = ("--path", database.path)
    for until, count in ((at_time(moments[1].time), 2), ("3", 3), ("latest", 4)):
        chosen = ("--snapshot", snapshot, "--until", until, *at)
        code, out, error = run(capsys, "snapshot", "restore", "docs", *chosen)
        assert (code, out, error) == (0, f"restored docs: {count} points\n", "")
    chosen = ("--snapshot", snapshot, "--until", "5", *at)
    code, _, error = run(capsys, "snapshot", "restore", "docs", *chosen)
    assert (code, "ends at operation 4, before 5" in error) == (1, True)
    chosen = ("--full", "--snapshot", full, *at, "--until")
    assert run(capsys, "snapshot", "restore", *chosen, "latest")[1] == "restored docs\n"
    code, _, error = run(capsys, "snapshot", "restore", *chosen, "5")
    assert (code, "operation 5 is one of a single collection's log" in error) == (1, True)


def test_snapshots_of_everything(folder, tmp_path, capsys):
    at = ("--path", folder)
    made = run(capsys, "snapshot", "create", "--full", *at)[1]
    chosen = ("--snapshot", made.partition("\t")[0], *at)
    file = tmp_path / "full"
    assert run(capsys, "snapshot", "download", "--full", *chosen, "--output", file)[0] == 0
    assert run(capsys, "collections", "delete", "docs", *at)[0] == 0
    assert run(capsys, "snapshot", "restore", "--full", *chosen)[1] == "restored docs\n"
    assert run(capsys, "snapshot", "restore", "--full", "--file", file, *at)[0] == 0
    assert run(capsys, "snapshot", "delete", "--full", *chosen)[0] == 0
    for wrong in (("list",), ("list", "docs", "--full")):
        code, _, error = run(capsys, "snapshot", *wrong, *at)
        assert code == 1
        assert "--full" in error
