"""Is damage noticed, never served, and does it stay where it is? (D6, D7, D9)

A folder with a known state is copied, one file is damaged, and a child process with a deadline
opens and reads the copy. Legal is an error that names the damage, or exactly the known state. A
signal, a hang, or another answer without an error is a failure.
"""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.crash import scenario
from tests.crash.children import Judgement, Zygote, compiler, diff, state_of
from tests.crash.damage import KINDS
from tests.crash.figures import bounded, report
from tests.crash.server import Connection, Server

from ruvector.storage.verify import verify_shard

pytestmark = pytest.mark.crash
# Up to before the collection b is dropped, so that there are two; the log's tail holds operations.
STOP = 19
# Their content proves nothing and is rewritten: damage in them must change no answer.
HARMLESS = {"lock.mdb", "state", "reserve", "writer.lock", "last_commit"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder in memory where there is one."""
    memory = Path("/dev/shm")
    name = f"ruvector-damage-{tmp_path_factory.getbasetemp().name}-{random.random()}"
    path = memory / name if memory.is_dir() else tmp_path_factory.mktemp("damage")
    path.mkdir(exist_ok=True)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def zygote(folder: Path) -> Iterator[Zygote]:
    """Return the process whose children open damaged folders."""
    with Zygote(folder / "zygote", with_faults=compiler() is not None) as process:
        yield process


@pytest.fixture(scope="module", params=["closed", "killed"])
def sound(request: pytest.FixtureRequest, zygote: Zygote, folder: Path) -> tuple[Path, Any]:
    """Return an undamaged folder and its state; one that was closed, and one whose writer died."""
    path = folder / f"sound-{request.param}"
    status, notes = zygote.run("write", path, stop=STOP, leave=request.param == "killed")
    assert status == 0, notes[-1:]
    judgement = Judgement(notes)
    assert len(judgement.legal) == 1
    return path, judgement.legal[0]


def damageable(path: Path) -> dict[str, list[Path]]:
    """Return the files of a data folder by kind."""
    kinds: dict[str, list[Path]] = {}
    for file in sorted(path.rglob("*")):
        if not file.is_file() or not file.stat().st_size:
            continue
        kind = file.name.partition("-")[2] or file.name
        if file.name == "data.mdb":
            kind = "meta" if file.parent.name == "meta" else "shard"
        kinds.setdefault(kind, []).append(file.relative_to(path))
    return kinds


def judge(
    status: int | str, notes: list[list[Any]], expected: scenario.State, name: str
) -> tuple[str, str]:
    """Return (verdict, text): "same", "noticed", or "wrong"."""
    if status == 3:
        return "noticed", str(notes[-1])
    state = state_of(notes)
    if status == 0 and state == expected:
        return "same", ""
    text = "" if state is None else diff(state, expected)
    if status == 4 and "StorageDamaged" in str(notes[-1]):
        return "noticed", ""
    return "wrong", f"{name}: child ended with {status}: {text} {str(notes[-1:])[-1500:]}"


def test_no_damage_is_silent_or_fatal(
    zygote: Zygote,
    folder: Path,
    sound: tuple[Path, scenario.State],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, expected = sound
    chooser = random.Random(6)
    kinds = damageable(path)
    assert {"meta", "shard", "vectors.segment", "graph.segment"} <= set(kinds)
    counts = {"same": 0, "noticed": 0, "wrong": 0}
    faults = []
    for number in range(bounded(100, 2500)):
        # The files with the content come twice as often.
        kind = chooser.choice([*kinds, "meta", "shard", "vectors.segment", "graph.segment"])
        file = chooser.choice(kinds[kind])
        copy = folder / "copy"
        shutil.copytree(path, copy)
        what = chooser.choice(KINDS)(copy / file, chooser)
        place = f"{number}: {file}, {what}"
        status, notes = zygote.run("read", copy)
        verdict, text = judge(status, notes, expected, place)
        counts[verdict] += 1
        if verdict == "wrong":
            faults.append(text)
        if verdict == "noticed" and kind in HARMLESS - {"last_commit"}:
            faults.append(f"{place}: harmless damage was refused: {text}")
        shutil.rmtree(copy)
    report(f"damage, {path.name}", capsys, **counts)
    assert not faults, "\n".join(faults[:10])
    assert counts["noticed"] > 20


def test_verify_names_every_damaged_file(
    zygote: Zygote,
    folder: Path,
    sound: tuple[Path, scenario.State],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, _ = sound
    chooser = random.Random(7)
    copy = folder / "verified"
    shutil.copytree(path, copy)
    for shard in (copy / "collections").iterdir():
        assert not list(verify_shard(shard)), "a sound shard has damage"
    kinds = damageable(copy)
    named = unnamed = 0
    faults = []
    for number in range(bounded(60, 1000)):
        kind = chooser.choice(["shard", "vectors.segment", "graph.segment"])
        file = copy / chooser.choice(kinds[kind])
        whole = file.read_bytes()
        what = chooser.choice(KINDS)(file, chooser)
        status, notes = zygote.run("verify", copy)
        found = {rest[0] for word, *rest in notes if word == "damage"}
        if status != 0:
            faults.append(f"{number}: {file.name}, {what}: verify ended with {status} {notes[-1:]}")
        elif str(file) in found:
            named += 1
        elif kind == "shard":
            # Pages that LMDB has freed, and the older meta page, hold nothing.
            unnamed += 1
        elif file.read_bytes() != whole:
            faults.append(f"{number}: {file.name}, {what}: verify names {found or 'nothing'}")
        file.write_bytes(whole)
    shutil.rmtree(copy)
    report(f"verify, {path.name}", capsys, named=named, unused_pages=unnamed)
    assert not faults, "\n".join(faults[:10])
    assert named > unnamed


@pytest.mark.parametrize("how", ["missing", "empty"])
@pytest.mark.parametrize("which", ["meta", "shard"])
def test_a_lost_environment_is_refused_and_nothing_deleted(
    zygote: Zygote, folder: Path, sound: tuple[Path, scenario.State], which: str, how: str
) -> None:
    path, expected = sound
    copy = folder / "orphaned"
    shutil.copytree(path, copy)
    for file in damageable(copy)[which]:
        if how == "missing":
            (copy / file).unlink()
        else:
            (copy / file).write_bytes(b"")
    before = _contents(copy)
    status, notes = zygote.run("read", copy)
    verdict, text = judge(status, notes, expected, which)
    after = _contents(copy)
    shutil.rmtree(copy)
    assert verdict == "noticed", text or "an empty database was served"
    segments = {name: size for name, size in before.items() if name.endswith(".segment")}
    assert segments
    assert segments.items() <= after.items(), "segment files were deleted"


def test_a_lost_environment_folder_is_refused_and_nothing_deleted(
    zygote: Zygote, folder: Path, sound: tuple[Path, scenario.State]
) -> None:
    path, expected = sound
    for name in ("meta", "store"):
        copy = folder / "orphaned"
        shutil.copytree(path, copy)
        before = _contents(copy)
        for lost in list(copy.rglob(name)):
            shutil.rmtree(lost)
        status, notes = zygote.run("read", copy)
        verdict, text = judge(status, notes, expected, name)
        after = _contents(copy)
        shutil.rmtree(copy)
        assert verdict == "noticed", text or f"served without {name}"
        segments = {key: size for key, size in before.items() if key.endswith(".segment")}
        assert segments.items() <= after.items(), "segment files were deleted"


def _contents(path: Path) -> dict[str, int]:
    return {
        str(file.relative_to(path)): file.stat().st_size
        for file in path.rglob("*")
        if file.is_file()
    }


def test_a_damaged_collection_is_refused_while_others_are_served(tmp_path: Path) -> None:
    path, log = tmp_path / "storage", tmp_path / "server.log"
    server = Server(path, log)
    try:
        connection = Connection(server.port)
        for name in ("good", "bad"):
            body = {"vectors": {"size": 4, "distance": "Dot"}}
            connection.get("PUT", f"/collections/{name}", body)
            points = [{"id": i, "vector": [i, 1, 2, 3]} for i in range(50)]
            connection.get("PUT", f"/collections/{name}/points?wait=true", {"points": points})
        connection.close()
        server.stop()
        newest = max((path / "collections").iterdir(), key=lambda each: each.name)
        database = newest / "store" / "data.mdb"
        with database.open("r+b") as file:
            file.truncate(database.stat().st_size - 4096)
        server = Server(path, log, wait=False)
        text = server.wait_until(503)
        assert "bad" in text
        assert "good" not in text
        connection = Connection(server.port)
        status, answer = connection.call("POST", "/collections/bad/points/count", {})
        assert status == 500, answer
        assert connection.get("POST", "/collections/good/points/count", {})["count"] == 50
        points = [{"id": 99, "vector": [1, 1, 2, 3]}]
        connection.get("PUT", "/collections/good/points?wait=true", {"points": points})
        assert connection.call("GET", "/livez")[0] == 200
        connection.close()
        assert database.exists(), "the damaged collection was removed"
    finally:
        server.kill()
