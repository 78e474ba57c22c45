"""Does every format that was ever written open, and is a newer one refused and left alone?"""

import hashlib
import tarfile
from pathlib import Path

import numpy as np
import pytest
from tests.compat.make_folder import POINTS, payload, vectors

import ruvector
from ruvector.errors import StorageDamaged
from ruvector.storage.data_format import FORMAT, FORMAT_FILE

HERE = Path(__file__).parent
ARCHIVES = sorted(HERE.glob("format-*.tar.xz"))
GONE = {7, 250}


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name)
def folder(request, tmp_path):
    """A copy of a folder that some version wrote."""
    root = tmp_path / "database"
    root.mkdir()
    with tarfile.open(request.param) as archive:
        for entry in archive:
            if entry.isdir():
                (root / entry.name).mkdir()
            else:
                (root / entry.name).write_bytes(archive.extractfile(entry).read())
    return root


def test_there_is_a_folder_of_every_format():
    assert [path.name for path in ARCHIVES] == [f"format-{n}.tar.xz" for n in range(1, FORMAT + 1)]


@pytest.mark.parametrize("read_only", [False, True])
def test_folder_of_every_format_opens_with_its_answers(folder, read_only):
    expected = [n for n in range(POINTS) if n not in GONE]
    with ruvector.open(folder, read_only=read_only) as client:
        assert sorted(client.list_collections()) == ["kept", "strings"]
        for name in ("kept", "other"):
            points = client.retrieve(name, expected, with_vectors=True)
            assert [each.id for each in points] == expected
            assert [each.payload for each in points] == [payload(n) for n in expected]
            assert np.array_equal([each.vector for each in points], vectors()[expected])
        tagged = [n for n in expected if payload(n)["tag"] == "b"]
        assert client.count("kept", {"tag": "b"}) == len(tagged)
        assert client.count("kept", {"n": {"gte": 190, "lt": 210}}) == 20
        query = vectors()[42]
        scores = vectors() @ query
        best = sorted(tagged, key=lambda n: -scores[n])[:5]
        hits = client.search("kept", query_vector=query, limit=5, filter={"tag": "b"})
        assert [hit.id for hit in hits] == best
        (stored,) = client.retrieve("strings", ["a string"])
        assert (stored.id, stored.payload) == ("a string", {"a": {"b": 1}})


def test_folder_of_every_format_takes_writes(folder):
    with ruvector.open(folder) as client:
        client.upsert("kept", ids=[7], vectors=vectors()[7:8])
        client.wait_for_index("kept")
    with ruvector.open(folder) as client:
        assert client.count("kept") == POINTS - 1


def everything(root):
    """Return every name, time and content below a folder."""
    return {
        str(path.relative_to(root)): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"",
        )
        for path in sorted(root.rglob("*"))
    }


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("text", "match"),
    [
        (f"ruvector data format {FORMAT + 1}\n", f"format {FORMAT + 1}, written by a newer"),
        ("ruvector data format 99999999999\n", "written by a newer"),
        ("ruvector data format -1\n", "does not say"),
        ("ruvector data format 1", "does not say"),
        ("", "does not say"),
        ("x" * 1000, "does not say"),
    ],
)
def test_newer_or_unknown_format_is_refused_and_nothing_touched(tmp_path, text, match, read_only):
    root = tmp_path / "database"
    with ruvector.open(root) as client:
        client.create_collection("kept", dimensions=2)
    (root / FORMAT_FILE).write_text(text)
    before = everything(root)
    with pytest.raises(StorageDamaged, match=match):
        ruvector.open(root, read_only=read_only)
    assert everything(root) == before


def test_format_is_written_into_folders_that_lack_it(tmp_path):
    root = tmp_path / "database"
    ruvector.open(root).close()
    path = root / FORMAT_FILE
    assert path.read_text() == f"ruvector data format {FORMAT}\n"
    path.unlink()
    ruvector.open(root).close()
    assert path.exists()
