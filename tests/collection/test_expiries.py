"""Do moments of expiry become rows in time, and deletions in the log, whatever happens between?"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap
from tests.contract.timed import START, Clock, Timed, embedded

from ruvector.collection import expiries, sweeping
from ruvector.collection.entries import Put, Remove, decode_entry
from ruvector.collection.expiries import Expiries

DIM = 4
VECTORS = np.random.default_rng(3).normal(size=(50, DIM)).astype(np.float32)


def as_rows(rows: Any) -> Any:
    return np.array(sorted(rows), dtype=np.uint32)


@pytest.mark.parametrize("seed", range(4))
def test_lapsed_rows_are_those_of_a_plain_dictionary(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(expiries, "TAIL_MIN", 3)
    monkeypatch.setattr(expiries, "STALE_MIN", 5)
    random = np.random.default_rng(seed)
    held, live, model, now, row = Expiries(), BitMap(), {}, 1000, 0
    for _ in range(400):
        kind = random.integers(4)
        if kind < 2:
            count = int(random.integers(1, 5))
            rows = np.arange(row, row + count, dtype=np.uint32)
            moments = np.where(random.random(count) < 0.3, 0, now + random.integers(1, 60, count))
            held.add(rows, moments)
            live |= BitMap(rows)
            model.update(zip(rows.tolist(), moments.tolist(), strict=True))
            row += count
        elif kind == 2 and live:
            dead = random.choice(list(live), size=min(len(live), 4), replace=False)
            live -= BitMap(dead.tolist())
            held.discard(as_rows(dead.tolist()), live)
        else:
            now += int(random.integers(0, 30))
        expected = {row for row in live if 0 < model[row] <= now}
        assert set(held.lapsed(lambda now=now: now, live)) == expected
    assert len(held) <= 5 + 2 * len(live) + 60
    assert not np.any(np.diff(held._moments) < 0)


def test_clock_that_is_set_back_brings_nothing_back() -> None:
    held, live = Expiries(), BitMap([7])
    held.add(as_rows([7]), np.array([100]))
    assert not held.lapsed(lambda: 99, live)
    assert list(held.lapsed(lambda: 100, live)) == [7]
    assert list(held.lapsed(lambda: 0, live)) == [7]


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[Timed]:
    with embedded(tmp_path / "database", Clock()) as timed:
        timed.client.create_collection("docs", dimensions=DIM, distance="dot")
        yield timed


def entries(timed: Timed) -> list[Any]:
    """Return the log of the collection."""
    store = timed.collection("docs").shard.store
    with store.read() as reader:
        return [decode_entry(data) for _, data in reader.log_after(reader.checkpoint)]


def test_sweep_deletes_in_bounded_batches_through_the_log(
    timed: Timed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BATCH_ROWS", 20)
    timed.client.upsert("docs", ids=range(50), vectors=VECTORS, ttl_seconds=1)
    timed.client.upsert("docs", ids=[7], vectors=VECTORS[:1])
    timed.clock.at(1)
    assert timed.sweep("docs") == 49
    put, _, *removed = entries(timed)
    assert isinstance(put, Put)
    assert np.frombuffer(put.expiries, np.int64).tolist() == [START + 1000] * 50
    assert all(isinstance(entry, Remove) for entry in removed)
    assert [len(entry.keys) for entry in removed] == [20, 20, 9]
    store = timed.collection("docs").shard.store
    with store.read() as reader:
        assert [row for row, _ in reader.all_points()] == [50]


def test_points_without_lifetime_ask_no_clock_and_start_no_thread(timed: Timed) -> None:
    def fail() -> int:
        raise AssertionError("the clock was asked")

    collection = timed.collection("docs")
    collection.shard.clock = fail
    timed.client.upsert("docs", ids=range(50), vectors=VECTORS)
    assert timed.client.count("docs") == 50
    assert collection.sweeper._thread is None
    collection.shard.clock = timed.clock
    timed.client.upsert("docs", ids=[50], vectors=VECTORS[:1], ttl_seconds=5)
    assert collection.sweeper._thread is not None


def test_copy_of_a_running_folder_is_what_a_crash_leaves(timed: Timed, tmp_path: Path) -> None:
    timed.client.upsert("docs", ids=range(30), vectors=VECTORS[:30], ttl_seconds=10)
    timed.client.wait_for_index("docs", 30)
    timed.client.upsert("docs", ids=range(30, 50), vectors=VECTORS[30:], ttl_seconds=20)
    timed.clock.at(10)
    swept = timed.collection("docs").sweeper
    swept._shard.write([lambda p: p.sweep([0, 1, 2])]).result()
    for seconds, left in ((0, range(3, 50)), (10, range(30, 50)), (20, [])):
        path = tmp_path / f"copy_{seconds}"
        shutil.copytree(tmp_path / "database", path)
        clock = Clock()
        clock.at(seconds)
        with embedded(path, clock) as copy:
            assert [record.id for record in copy.client.scroll("docs", limit=100)[0]] == list(left)
            hits = copy.client.search("docs", VECTORS[0], limit=100)
            assert {hit.id for hit in hits} == set(left)


READER = """
import sys
from ruvector.engine import Engine
from ruvector.model import requests as r
now = 0
engine = Engine.open(sys.argv[1], read_only=True, clock=lambda: now)
for line in sys.stdin:
    now = int(line)
    print(engine.execute(r.Count(collection="docs")).count, flush=True)
engine.close()
"""


def test_process_that_follows_sees_points_expire_by_its_own_clock(
    timed: Timed, tmp_path: Path
) -> None:
    timed.client.upsert("docs", ids=[1], vectors=VECTORS[:1], ttl_seconds=10)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path / "database")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None

    def count(seconds: float) -> int:
        print(START + round(1000 * seconds), file=reader.stdin, flush=True)
        return int(reader.stdout.readline())

    assert count(0) == 1
    timed.client.upsert("docs", ids=[2], vectors=VECTORS[:1], ttl_seconds=20)
    assert [count(0), count(9.999), count(10), count(20)] == [2, 2, 1, 0]
    timed.clock.at(10)
    assert timed.sweep("docs") == 1
    assert count(10) == 0
    reader.stdin.close()
    assert reader.wait(30) == 0


def test_background_sweeps_by_itself(timed: Timed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "REST_SECONDS", 0.001)
    timed.client.upsert("docs", ids=range(50), vectors=VECTORS, ttl_seconds=0.005)
    timed.clock.at(1)
    sweeper = timed.collection("docs").sweeper
    thread = sweeper._thread
    if thread is not None:
        thread.join(30)
    assert sweeper._thread is None
    with timed.collection("docs").shard.store.read() as reader:
        assert not list(reader.all_points())
