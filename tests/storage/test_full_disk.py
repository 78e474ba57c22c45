"""A full disk: writes are refused, reads and deletes work, writes resume by themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

_FULL = """
import os, subprocess, sys, time
from pathlib import Path
from ruvector.errors import StorageFull
from ruvector.storage import ShardStore, space
root = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(root)], check=True)
space.ROOM_FRESH_SECONDS = 0.0
space.RESERVE_RETRY_SECONDS = 0.0
store = ShardStore.open(root / "shard", create=True)
nothing = lambda _: None

def free():
    status = os.statvfs(root)
    return status.f_bavail * status.f_frsize

def put(rows):
    def prepare(t):
        t.put_ids([(b"%d" % row, row) for row in rows])
        t.put_points([(row, os.urandom(2000)) for row in rows])
        t.append_log(b"x")
    store.commit(prepare, nothing).result()

def delete(rows):
    def prepare(t):
        t.delete_ids([b"%d" % row for row in rows])
        t.delete_points(rows)
        t.append_log(b"x")
    store.commit(prepare, nothing, frees_space=True).result()

# 1: the mark stops writes while there is space left.
row = 0
try:
    while True:
        put(range(row, row + 100))
        row += 100
except StorageFull as error:
    assert "delete points" in str(error), error
assert row > 1000 and free() > 8 << 20, (row, free())
assert (root / "shard/reserve").exists()

# 2: others fill the disk to the last byte; reads and deletes go on, thanks to the reserve.
with open(root / "ballast", "wb", buffering=0) as ballast:
    try:
        while True:
            ballast.write(bytes(1 << 16))
    except OSError:
        pass
assert free() < 1 << 17
with store.read() as reader:
    assert reader.count("points") == row and reader.points([row - 1])[0]
delete(range(0, 50))
assert not (root / "shard/reserve").exists()
try:
    put(range(row, row + 100))
    raise SystemExit("a write was accepted on a full disk")
except StorageFull:
    pass
assert store.poisoned is None

# 3: many deletes give LMDB enough pages of its own: writes resume, though the disk stays full.
for start in range(50, row, 50):
    delete(range(start, min(row, start + 50)))
assert free() < 8 << 20
put(range(100))

# 4: space returns, and so does the reserve.
(root / "ballast").unlink()
put(range(100))
assert (root / "shard/reserve").stat().st_size == space.RESERVE_BYTES
with store.read() as reader:
    assert reader.count("points") == 100 and len(list(reader.all_points())) == 100

# 5: a commit that itself runs out of space fails cleanly.
try:
    put(range(1000, 40000))
    raise SystemExit("80 MB fit into 64")
except StorageFull:
    pass
assert store.poisoned is None
with store.read() as reader:
    assert reader.count("points") == 100
put(range(100))
store.close()
store = ShardStore.open(root / "shard")
with store.read() as reader:
    assert len(list(reader.all_points())) == 100
store.close()
print("done")
"""


@pytest.mark.crash
def test_a_full_disk_refuses_writes_and_lets_deletes_through(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("SKIPPED full disk: unshare -rm is not allowed here")
    child = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", _FULL, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (child.returncode, child.stdout) == (0, "done\n"), child.stderr
