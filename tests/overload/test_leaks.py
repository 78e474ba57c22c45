"""Does a server leak nothing? Mixed load over steady data, and what it holds before and after. (L7)

Server and clients share this process, so that its tasks and readers can be counted, and so that
what the client leaks is seen as well. `make soak` runs it for RUVECTOR_SOAK_SECONDS, and then looks
at the memory too. Searches must find as much afterwards as before.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.overload.system import DIM, THREADS, Held, System, fill, load

from ruvector.client.client import RuvectorClient

SECONDS = float(os.environ.get("RUVECTOR_SOAK_SECONDS", "0"))
ROUNDS = 3  # of the short form, each about a second
PATIENCE_SECONDS = 20.0  # until what was closed is gone
SLOPE_SHARE = 0.01  # of the memory, an hour
SLOPE_MIN_SECONDS = 600.0  # a shorter run says nothing of an hour
RECALL_LOST = 0.005  # at most, as after restarts (I3)
QUERIES, HITS = 100, 10


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    system = System(tmp_path / "storage")
    yield system
    system.close()


def settled(system: System, expected: Held | None = None) -> Held:
    """Return what is held once what was closed is gone, which takes a moment."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    held = system.held()
    while time.monotonic() < deadline:
        time.sleep(0.2)
        before, held = held, system.held()
        if held == (before if expected is None else expected):
            break
    return held


def resident_bytes() -> int:
    """Return the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def recall(system: System) -> float:
    """Return which share of the nearest points searches through the graph find."""
    queries = np.random.default_rng(7).random((QUERIES, DIM)).tolist()
    found = 0
    with RuvectorClient(url=system.url) as client:
        for query in queries:
            exact = client.search("steady", query, limit=HITS, params={"exact": True})
            walked = client.search("steady", query, limit=HITS, params={"hnsw_ef": HITS})
            found += len({hit.id for hit in exact} & {hit.id for hit in walked})
    return found / (QUERIES * HITS)


def test_mixed_load_over_steady_data_leaves_nothing_behind(
    system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RuvectorClient(url=system.url) as client:
        fill(client)
    seed = 0
    for _ in range(2):  # pools have their threads, caches what they keep
        load(system, tmp_path, seed)
        seed += THREADS
    found_before = recall(system)
    before = settled(system)
    memory: list[tuple[float, int]] = []
    started = time.monotonic()
    rounds = 0
    while rounds < ROUNDS or time.monotonic() - started < SECONDS:
        load(system, tmp_path, seed)
        seed += THREADS
        rounds += 1
        memory.append((time.monotonic() - started, resident_bytes()))
    found_after = recall(system)
    after = settled(system, before)
    slope = slope_of(memory)
    with capsys.disabled():
        share = f" memory_share_an_hour={slope:.4f}" if SECONDS >= SLOPE_MIN_SECONDS else ""
        found = f"recall={found_before:.4f},{found_after:.4f}"
        print(f"\nleaks: rounds={rounds} held={after} {found}{share}")
    assert found_after >= found_before - RECALL_LOST
    assert after == before
    assert max(after.readers, after.views, after.pinned) == 0
    if SECONDS >= SLOPE_MIN_SECONDS:
        assert slope <= SLOPE_SHARE


def slope_of(memory: list[tuple[float, int]]) -> float:
    """Return by which share of itself memory grows in an hour, over the second half of a run."""
    times, sizes = np.array(memory[len(memory) // 2 :], dtype=float).T
    if len(times) < 2:
        return 0.0
    return float(np.polyfit(times, sizes, 1)[0] * 3600 / sizes.mean())
