"""Does a slow disk mean a short queue, and a quick end of it? (L4)

Each fsync of a real server takes 500 ms longer, under more writers than its queue has places.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.crash.children import compiled, compiler
from tests.crash.figures import LONG, report
from tests.crash.server import Connection, Server

from ruvector.server.pool import MAX_WAITING, default_threads

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(compiler() is None, reason="no C compiler"),
]
DELAY_MS = 500
WRITERS = MAX_WAITING + default_threads() + 100
SLOW_SECONDS = 600.0 if LONG else 5.0
RECOVERY_SECONDS = 10.0
PATH = "/collections/slow/points?wait=true"


@pytest.fixture
def delay(tmp_path: Path) -> Path:
    """The file that says how much longer an fsync takes."""
    path = tmp_path / "delay"
    path.write_text("0")
    return path


@pytest.fixture
def server(tmp_path: Path, delay: Path) -> Iterator[Server]:
    environment = {"LD_PRELOAD": str(compiled(tmp_path)), "FAULT_DELAY": str(delay)}
    server = Server(tmp_path / "storage", tmp_path / "log", environment=environment)
    yield server
    server.kill()


class Load:
    """As many writers as there are, each with one write on its way at a time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.statuses: dict[int, int] = {}
        self.acknowledged: set[int] = set()
        self.others: list[str] = []
        self.stopping = False

    async def write(self, number: int) -> None:
        """Upsert one point again and again, each time under another id."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        version = 0
        while not self.stopping:
            point = number * 10_000 + version
            body = json.dumps({"points": [{"id": point, "vector": [1.0, 2.0]}]}).encode()
            head = (
                f"PUT {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n"
                "content-type: application/json\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            status = int(answer.split(b" ", 2)[1])
            lines = answer.lower().split(b"\r\n")
            (length,) = [line for line in lines if line.startswith(b"content-length:")]
            await reader.readexactly(int(length.partition(b":")[2]))
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status == 200:
                self.acknowledged.add(point)
                version += 1
            elif status == 503 and any(line.startswith(b"retry-after:") for line in lines):
                await asyncio.sleep(0.5)
            else:
                self.others.append(answer.decode()[:200])
                return
        writer.close()


def pending(port: int) -> tuple[int, int]:
    """Return the writes in the lane, and those that wait for their commit."""
    connection = Connection(port)
    status, text = connection.call("GET", "/metrics")
    connection.close()
    assert status == 200
    found = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in text.splitlines()}
    lane = found['ruvector_requests_pending{lane="writes"}']
    commits = [int(n) for name, n in found.items() if name.startswith("ruvector_pending_writes")]
    return int(lane), sum(commits)


async def _overload(server: Server, delay: Path) -> dict[str, Any]:
    load, most, slowest = Load(server.port), (0, 0), 0.0
    writers = [asyncio.create_task(load.write(number)) for number in range(WRITERS)]
    await asyncio.sleep(0.5)
    delay.write_text(str(DELAY_MS))
    ends = time.monotonic() + SLOW_SECONDS
    while time.monotonic() < ends:
        asked = time.monotonic()
        seen = await asyncio.to_thread(pending, server.port)
        slowest = max(slowest, time.monotonic() - asked)
        most = (max(most[0], seen[0]), max(most[1], seen[1]))
        await asyncio.sleep(0.2)
    slow = dict(load.statuses)
    load.stopping = True
    delay.write_text("0")
    healed = time.monotonic()
    while (await asyncio.to_thread(pending, server.port))[0]:
        assert time.monotonic() - healed < RECOVERY_SECONDS, "the queue does not go down"
        await asyncio.sleep(0.05)
    recovered = time.monotonic() - healed
    await asyncio.wait_for(asyncio.gather(*writers), RECOVERY_SECONDS)
    assert not load.others, load.others[:3]
    return {
        "answers": slow,
        "most_waiting": most[0],
        "most_commits": most[1],
        "slowest_metrics_s": round(slowest, 2),
        "recovered_s": round(recovered, 2),
        "acknowledged": load.acknowledged,
    }


def test_a_slow_disk_means_a_short_queue_and_no_loss(
    server: Server, delay: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = Connection(server.port)
    connection.get("PUT", "/collections/slow", {"vectors": {"size": 2, "distance": "Dot"}})
    found = asyncio.run(_overload(server, delay))
    acknowledged = found.pop("acknowledged")
    report("slow disk", capsys, acknowledged=len(acknowledged), **found)
    limit = default_threads()
    assert found["most_waiting"] > limit, "nothing waited: nothing was tested"
    assert found["most_waiting"] <= MAX_WAITING + limit
    assert found["most_commits"] <= limit, "a write waits in its lane, not behind the commit"
    assert 503 in found["answers"], "more than the queue holds was not refused"
    count = connection.get("POST", "/collections/slow/points/count", {"exact": True})["count"]
    assert count >= len(acknowledged)
    shown, offset = set(), None
    while True:
        body = {"limit": 10_000, "with_payload": False, "offset": offset}
        page = connection.get("POST", "/collections/slow/points/scroll", body)
        shown |= {point["id"] for point in page["points"]}
        offset = page["next_page_offset"]
        if offset is None:
            break
    assert acknowledged <= shown
    connection.close()
    assert server.stop() == 0
