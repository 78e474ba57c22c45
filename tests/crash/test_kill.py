"""Does a killed server start again with all that it acknowledged, and soon? (D1, D8, D10)"""

import http.client
import threading
import time
from pathlib import Path

import pytest
from tests.crash.cycles import Cycles
from tests.crash.figures import bounded, report
from tests.crash.load import NAME, create, payload_of, vector_of
from tests.crash.server import Connection, Server

from ruvector.storage.shard_store import ShardStore

pytestmark = pytest.mark.crash
POINTS = 20_000
READY_SECONDS = 2.0
# The log is sealed at 1 MiB (load.py) in the background; 20,000 points are 5 MB of entries. What a
# writer can add while one seal runs comes on top.
LOG_BYTES_MAX = 3 << 20
TRIES = 5  # the quickest counts: other programs run on the same cores


def test_acknowledged_writes_survive_kills(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cycles = Cycles(tmp_path / "storage", tmp_path / "server.log", seed=1)
    try:
        for _ in range(bounded(4, 100)):
            cycles.run(
                cycles.random.uniform(0.1, 0.7), lambda server, _: server.kill(), lambda: None
            )
    finally:
        cycles.close()
    figures = cycles.figures
    report(
        "kill -9",
        capsys,
        kills=figures.cuts,
        acknowledged=figures.acknowledged,
        points=figures.points,
        lost=figures.lost,
        partial=figures.partial,
        inconsistent=figures.inconsistent,
        slowest_start_s=round(figures.slowest_start, 2),
    )
    assert not figures.faults, "\n".join(figures.faults[:20])
    assert figures.acknowledged, "nothing was acknowledged: nothing was tested"


def test_a_killed_server_is_ready_soon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(tmp_path / "storage", tmp_path / "server.log")
    try:
        connection = Connection(server.port)
        create(connection)
        for first in range(0, POINTS, 500):
            _put(connection, first)
        connection.close()
        starts = []
        for number in range(TRIES):
            _kill_under_load(server, POINTS + number)
            server = Server(tmp_path / "storage", tmp_path / "server.log")
            starts.append(server.started)
            connection = Connection(server.port)
            count = connection.get("POST", f"/collections/{NAME}/points/count", {})["count"]
            connection.close()
            assert count >= POINTS
            if starts[-1] <= READY_SECONDS:
                break
    finally:
        server.kill()
    log_bytes = _log_bytes(tmp_path / "storage")
    report(
        "restart",
        capsys,
        points=POINTS,
        ready_s=round(min(starts), 2),
        tries=len(starts),
        log_bytes=log_bytes,
    )
    assert min(starts) <= READY_SECONDS
    assert log_bytes <= LOG_BYTES_MAX  # 0 right after a seal


def _log_bytes(storage: Path) -> int:
    """Return the bytes of all log entries that a start would replay."""
    (folder,) = (storage / "collections").iterdir()
    store = ShardStore.open(folder, read_only=True)
    try:
        with store.read() as reader:
            return sum(len(entry) for _, entry in reader.log_after(reader.checkpoint))
    finally:
        store.close()


def _put(connection: Connection, first: int) -> None:
    points = [
        {"id": i, "vector": vector_of(i, 1), "payload": payload_of(1)}
        for i in range(first, first + 500)
    ]
    connection.get("PUT", f"/collections/{NAME}/points?wait=true", {"points": points})


def _kill_under_load(server: Server, first: int) -> None:
    def write() -> None:
        connection = Connection(server.port)
        try:
            while True:
                _put(connection, first)
        except (OSError, http.client.HTTPException, AssertionError):
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.3)
    server.kill()
    writer.join(30)
