"""Is a listed snapshot on the disk, and the state at its operation number? (D11)

Snapshots are made under load on a volume whose power is cut right after they were acknowledged;
each second one after the load, because the next write's fsync would hide a missing one. One writer
sends one point at a time, so that the state after operation n is the first n points.
"""

import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.crash.figures import bounded, report
from tests.crash.server import Connection, Server
from tests.crash.volume import Volume, obstacle

from ruvector.snapshots.archive import SnapshotArchive

pytestmark = pytest.mark.crash
DIM = 4
NAME = "written"


def vector_of(number: int) -> list[float]:
    """Return a vector that no other number has."""
    return [float(number >> shift & 255) for shift in (0, 8, 16, 24)]


class Writer(threading.Thread):
    """Writes points one after the other from `first` on, each once."""

    def __init__(self, port: int, first: int) -> None:
        super().__init__(daemon=True)
        self._connection = Connection(port)
        self.acknowledged = first
        self.stopping = threading.Event()

    def run(self) -> None:
        """Write until told to stop, or until the server does not answer."""
        while not self.stopping.is_set():
            number = self.acknowledged
            body = {"points": [{"id": number, "vector": vector_of(number)}]}
            try:
                status, _ = self._connection.call("PUT", f"/collections/{NAME}/points", body)
            except Exception:  # noqa: BLE001 - the power is off
                return
            if status != 200:
                return
            self.acknowledged = number + 1


def all_points(connection: Connection, name: str) -> dict[int, list[float]]:
    """Return every point of a collection."""
    found: dict[int, list[float]] = {}
    offset: Any = None
    while True:
        body = {"limit": 2000, "with_vector": True, "offset": offset}
        page = connection.get("POST", f"/collections/{name}/points/scroll", body)
        found |= {point["id"]: point["vector"] for point in page["points"]}
        offset = page["next_page_offset"]
        if offset is None:
            return found


def test_a_listed_snapshot_survives_a_power_cut_and_is_the_state_at_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = obstacle()
    if reason is not None:
        pytest.skip(f"SKIPPED power cut: {reason}")
    chance = random.Random(11)
    cuts, points, lost, wrong = bounded(3, 200), 0, 0, 0
    with Volume(tmp_path) as volume:
        path, log = volume.mount / "storage", tmp_path / "server.log"
        server = Server(path, log)
        try:
            connection = Connection(server.port)
            body = {"vectors": {"size": DIM, "distance": "Euclid"}}
            connection.get("PUT", f"/collections/{NAME}", body)
            for number in range(cuts):
                seconds, is_quiet = chance.uniform(0.1, 0.4), number % 2 == 0
                made, before, after = snapshot_under_load(server, seconds, is_quiet=is_quiet)
                if number % 3 == 2:  # else the cut comes at once
                    time.sleep(chance.uniform(0, 0.1))
                server.freeze()
                volume.cut()
                server.kill()
                volume.detach()
                volume.attach()
                server = Server(path, log)
                connection = Connection(server.port)
                snapshots = f"/collections/{NAME}/snapshots"
                listed = connection.get("GET", snapshots)
                if made not in listed:
                    lost += 1
                    continue
                held = restored(connection, path, made, f"copy{number}")
                points += held
                wrong += not before <= held <= after
                connection.get("DELETE", f"{snapshots}/{made['name']}")
        finally:
            server.kill()
    report("snapshot cut", capsys, cuts=cuts, points=points, lost=lost, wrong=wrong)
    assert (lost, wrong) == (0, 0)
    assert points


def snapshot_under_load(server: Server, seconds: float, *, is_quiet: bool) -> tuple[Any, int, int]:
    """Return a snapshot, and how many points were acknowledged before and after it was made."""
    connection = Connection(server.port)
    count = connection.get("POST", f"/collections/{NAME}/points/count", {"exact": True})["count"]
    writer = Writer(server.port, count)
    writer.start()
    time.sleep(seconds)
    if is_quiet:
        writer.stopping.set()
        writer.join(30)
    before = writer.acknowledged
    made = connection.get("POST", f"/collections/{NAME}/snapshots")
    after = writer.acknowledged + 1  # the one on its way may be in there
    writer.stopping.set()
    return made, before, after


def restored(connection: Connection, path: Path, made: Any, name: str) -> int:
    """Return how many points a snapshot makes of a new collection; they must be the first ones."""
    file = path / "snapshots" / "collections" / NAME / made["name"]
    with SnapshotArchive(file) as archive:
        (described,) = archive.manifest.collections
    body = {"location": f"file://{file}", "checksum": made["checksum"]}
    connection.get("PUT", f"/collections/{name}/snapshots/recover", body)
    found = all_points(connection, name)
    assert found == {number: vector_of(number) for number in range(described.sequence)}
    assert described.points == described.sequence
    connection.get("DELETE", f"/collections/{name}")
    return described.sequence
