"""Writes the folder that `test_formats.py` opens: `python tests/compat/make_folder.py NUMBER`.

Run once for each format, by the version that introduced it; the archive is then kept for ever.
"""

import io
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

import ruvector

HERE = Path(__file__).parent
POINTS, DIM = 300, 8


def vectors():
    """Return the vectors of every format's folder: whole numbers, the same on every machine."""
    numbers = np.arange(POINTS * DIM, dtype=np.int64)
    return ((numbers * 7919 + 104729) % 1009 - 504).reshape(POINTS, DIM).astype(np.float32)


def payload(n):
    """Return the payload of point n."""
    return {"n": n, "tag": "abc"[n % 3], "text": f"point number {n}"}


def fill(client):
    """Make what the test asks for."""
    client.create_collection("kept", dimensions=DIM, distance="dot")
    client.create_payload_index("kept", "tag", "keyword")
    client.create_payload_index("kept", "n", "integer")
    rows = vectors()
    client.upsert("kept", ids=list(range(200)), vectors=rows[:200],
                  payloads=[payload(n) for n in range(200)])  # fmt: skip
    client.wait_for_index("kept")  # sealed, with a graph
    client.upsert("kept", ids=list(range(200, POINTS)), vectors=rows[200:],
                  payloads=[payload(n) for n in range(200, POINTS)])  # fmt: skip
    client.delete("kept", [7, 250])
    client.create_alias("kept", "other")
    client.create_collection("strings", dimensions=2)
    client.upsert("strings", [{"id": "a string", "vector": [1.0, 0.0], "payload": {"a": {"b": 1}}}])


def main(number):
    """Write the archive."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "database"
        with ruvector.open(root) as client:
            fill(client)
        with tarfile.open(HERE / f"format-{number}.tar.xz", "w:xz") as archive:
            for path in sorted(root.rglob("*")):
                entry = tarfile.TarInfo(str(path.relative_to(root)))
                if path.is_dir():
                    entry.type = tarfile.DIRTYPE
                    archive.addfile(entry)
                elif path.name not in ("lock.mdb", "writer.lock", "reserve"):
                    content = path.read_bytes()
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    main(sys.argv[1])
