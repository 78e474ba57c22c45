"""Does a full disk harm anything? Writes get 507, the rest goes on, and writes resume. (D5)

A real server on a tmpfs of 64 MiB is filled under load, and emptied again by deleting points and by
removing what others had put there.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crash.figures import bounded, report
from tests.crash.load import NAME, Points, create, payload_of, read_all, vector_of
from tests.crash.server import Connection, Server

pytestmark = pytest.mark.crash
RESUME_SECONDS = 10.0
BATCH = 200


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a tmpfs of 64 MiB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(mount)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if os.geteuid() != 0 or done.returncode:
        pytest.skip(f"SKIPPED full disk: cannot mount a tmpfs: {done.stderr.strip()}")
    yield mount
    for _ in range(200):
        if subprocess.run(["umount", str(mount)], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.02)
    subprocess.run(["umount", "-l", str(mount)], check=True)


def _put(connection: Connection, points: Points, first: int, version: int) -> int:
    ids = range(first, first + BATCH)
    body = {
        "points": [
            {"id": i, "vector": vector_of(i, version), "payload": payload_of(version)} for i in ids
        ]
    }
    status, _ = connection.call("PUT", f"/collections/{NAME}/points?wait=true", body)
    if status == 200:
        points.update(dict.fromkeys(ids, (version, version)))
    return status


def _delete(connection: Connection, points: Points, ids: list[int]) -> None:
    body = {"points": ids}
    connection.get("POST", f"/collections/{NAME}/points/delete?wait=true", body)
    for i in ids:
        points.pop(i, None)


def _fill(connection: Connection, points: Points, version: int) -> None:
    """Write until the disk is full; nothing but 200 and 507 may come."""
    for number in range(1000):
        status = _put(connection, points, number % 200 * BATCH, version)
        if status != 200:
            assert status == 507, status
            return
    raise AssertionError("the disk did not become full")


def _resumed(connection: Connection, points: Points, version: int) -> float:
    """Return how long it takes until a write is accepted."""
    started = time.monotonic()
    while (status := _put(connection, points, 0, version)) != 200:
        assert status == 507, status
        assert time.monotonic() - started < RESUME_SECONDS, "writes did not resume"
        time.sleep(0.05)
    return time.monotonic() - started


def _check(connection: Connection, points: Points) -> None:
    found, faults = read_all(connection)
    assert not faults, faults
    wrong = [i for i in {*found, *points} if found.get(i) != points.get(i)]
    assert not wrong, (len(wrong), wrong[:3], found.get(wrong[0]), points.get(wrong[0]))


def test_a_full_disk_harms_nothing(
    small_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, log = small_disk / "storage", tmp_path / "server.log"
    server = Server(path, log)
    connection = Connection(server.port)
    points: Points = {}
    slowest, refused = 0.0, 0
    fills = bounded(1, 20)
    try:
        create(connection)
        # Others have had a part from the beginning; it saves half of the writing.
        (small_disk / "others").write_bytes(bytes(24 << 20))
        for fill in range(fills):
            version = 3 * fill + 1
            _fill(connection, points, version)
            refused += 1
            # Others take the last byte, then reads and deletes must still work.
            with (small_disk / "ballast").open("wb", buffering=0) as ballast:
                try:
                    while True:
                        ballast.write(bytes(1 << 16))
                except OSError:
                    pass
            _check(connection, points)
            there = sorted(points)
            _delete(connection, points, there[:BATCH])
            assert connection.call("GET", "/livez")[0] == 200
            assert connection.call("GET", "/readyz")[0] == 200, "a full disk poisoned the shard"
            (small_disk / "ballast").unlink()
            _delete(connection, points, there[BATCH : len(there) // 2 * 2])
            slowest = max(slowest, _resumed(connection, points, version + 1))
            _check(connection, points)
            assert server.process.poll() is None, "the server died"
        connection.close()
        server.kill()
        server = Server(path, log)
        connection = Connection(server.port)
        _check(connection, points)
    finally:
        connection.close()
        server.kill()
    report("full disk", capsys, fills=fills, refused=refused, resumed_s=round(slowest, 2), deaths=0)
