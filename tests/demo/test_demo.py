"""Is the demo what it says? Its points are whole, searches make sense, its commands work."""

import gzip
import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import ruvector
from ruvector import demo
from ruvector.demo import __main__ as program
from ruvector.demo.make import WELL_KNOWN, make
from ruvector.server.configuration import Settings, settle


@pytest.fixture(scope="module")
def client() -> Iterator[ruvector.RuvectorClient]:
    """Return a throw-away database with the demo's collection."""
    with ruvector.open(":memory:") as opened:
        demo.fill(opened)
        yield opened


def id_of(client: ruvector.RuvectorClient, name: str) -> int | str:
    """Return the id of a package."""
    (record,), _ = client.scroll(demo.COLLECTION, filter={"name": name}, limit=1)
    return record.id


def test_points_are_whole() -> None:
    """Every point has a unit vector and a description; the well-known packages are there."""
    vectors, payloads = demo.load()
    assert vectors.shape == (len(payloads), 384)
    assert len(payloads) >= 5000
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert all(payload["description"] and payload["section"] for payload in payloads)
    names = [payload["name"] for payload in payloads]
    assert len(set(names)) == len(names)
    assert set(names) >= WELL_KNOWN


def test_fill_loads_everything_and_says_so(client: ruvector.RuvectorClient) -> None:
    """Ids begin at 1, and filters on the indexed fields find what the payloads say."""
    _, payloads = demo.load()
    assert client.count(demo.COLLECTION) == len(payloads)
    assert demo.is_loaded(client)
    (first,) = client.retrieve(demo.COLLECTION, [1])
    assert first.payload == payloads[0]
    games = sum(payload["section"] == "games" for payload in payloads)
    assert client.count(demo.COLLECTION, {"section": "games"}) == games


def test_interrupted_fill_begins_again() -> None:
    """A collection without the mark of completeness is replaced."""
    with ruvector.open(":memory:") as opened:
        opened.create_collection(demo.COLLECTION, dimensions=2)
        assert not demo.is_loaded(opened)
        assert demo.fill(opened) == opened.count(demo.COLLECTION)


def test_search_finds_what_people_mean(client: ruvector.RuvectorClient) -> None:
    """Packages like a media player are media players, also among small ones."""
    vlc = id_of(client, "vlc")
    near = client.search(demo.COLLECTION, query_id=vlc, limit=10)
    assert {"mpv", "smplayer"} <= {hit.payload["name"] for hit in near if hit.payload}
    small = client.search(
        demo.COLLECTION, query_id=vlc, limit=10, filter={"installed_size": {"lt": 1000}}
    )
    assert len(small) == 10
    assert all(hit.payload and hit.payload["installed_size"] < 1000 for hit in small)


def test_a_folder_without_collections_is_filled_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one that an interrupted run has left; the second start only opens it."""
    path = tmp_path / "data"
    ruvector.open(path).close()
    example = program.prepare(path)
    assert "8000" in capsys.readouterr().out
    assert program.prepare(path) == example
    assert capsys.readouterr().out == ""
    with ruvector.open(path) as opened:
        (record,) = opened.retrieve(demo.COLLECTION, [example])
    assert record.payload
    assert record.payload["name"] == program.EXAMPLE


def test_a_folder_with_other_points_is_left_alone(tmp_path: Path) -> None:
    """The demo goes into empty folders only."""
    with ruvector.open(tmp_path / "data") as opened:
        opened.create_collection("mine", dimensions=2)
    assert program.prepare(tmp_path / "data") is None
    with ruvector.open(tmp_path / "data") as opened:
        assert opened.list_collections() == ["mine"]


def test_printed_commands_survive_a_shell() -> None:
    """What is pasted reaches curl as valid JSON, at the port that was chosen."""
    settings, _ = settle({}, {"RUVECTOR__SERVICE__HTTP_PORT": "7001"}, {})
    commands = [line for line in program.invitation(settings, 5) if line.startswith("  curl")]
    assert len(commands) == 2
    for command in commands:
        words = shlex.split(command)
        assert words[2] == f"http://127.0.0.1:7001/collections/{demo.COLLECTION}/points/query"
        assert json.loads(words[-1])["query"] == 5
        echoed = subprocess.run(
            ["sh", "-c", command.replace("curl -s", "printf '%s|'", 1)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert echoed.stdout.split("|")[-2] == words[-1]


def test_an_api_key_is_asked_for_but_not_shown() -> None:
    """The commands leave a gap for the key."""
    settings = Settings()
    secret, _ = settle({}, {}, {"service": {"api_key": "canary-key"}})
    assert "YOUR_KEY" not in "".join(program.invitation(settings, 5))
    text = "".join(program.invitation(secret, 5))
    assert "YOUR_KEY" in text
    assert "canary-key" not in text


def test_files_can_be_made_again(tmp_path: Path) -> None:
    """`make` writes vectors within 0.0001 of the cosine they came from."""
    source = np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32)
    source /= np.linalg.norm(source, axis=1, keepdims=True)
    np.save(tmp_path / "vectors.npy", source)
    lines = [
        {"name": f"p{row}", "section": "games", "priority": "optional", "tags": ["t"] * (row % 3)}
        for row in range(40)
    ]
    text = "\n".join(map(json.dumps, lines))
    (tmp_path / "payloads.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    assert make(tmp_path / "vectors.npy", tmp_path / "payloads.jsonl.gz", tmp_path) == 40
    with np.load(tmp_path / "packages.npz") as arrays:
        stored = arrays["codes"] * arrays["scales"][:, None]
    cosine = (stored * source).sum(axis=1) / np.linalg.norm(stored, axis=1)
    assert cosine.min() > 0.9999
