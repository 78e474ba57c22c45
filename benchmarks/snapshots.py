"""How long does a snapshot take, what do searches notice of it, and how long does a restore take?

usage: snapshots.py [VECTORS.npy] [--points 100000] [--rounds 5] [--short]

One thread searches without a pause, one query a call with payloads, first alone and then while
another makes snapshots. Targets: a snapshot of 100,000 points of 384 dimensions with payloads in
5 s, and the searches' p99 at most twice what it is alone.
"""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import record
import ruvector
import sources
import synthetic
from ruvector.bench.machine import OtherWork
from ruvector.client.client import RuvectorClient

BEAM = 64
ALONE_SECONDS = 3.0


def main() -> None:
    """Measure, print and record."""
    parser = sources.parser(__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    points = 5_000 if options.short else options.points
    vectors = synthetic.clustered(points + 1_000, 384)
    others = OtherWork()
    rounds = options.rounds or (2 if options.short else 5)
    rows = [row | {"disturbed": others.verdict()} for row in measured(vectors, rounds)]
    for row in rows:
        print({name: record.tidy(value) for name, value in row.items()})
    if not options.no_record:
        record.append(rows)


def measured(vectors: NDArray[np.float32], rounds: int) -> Iterator[dict[str, Any]]:
    """Yield a row for searches alone, for those beside snapshots, and for a restore."""
    stored, queries = vectors[:-1_000], vectors[-1_000:]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, ruvector.open(folder) as client:
        client.create_collection("bench", dimensions=stored.shape[1])
        payloads = synthetic.payloads(len(stored))
        client.upsert("bench", ids=range(len(stored)), vectors=stored, payloads=payloads)
        client.wait_for_index("bench")
        base = {
            "dataset": f"synthetic clustered {len(stored)}x{stored.shape[1]}",
            "peer": "ruvector embedded",
            "version": record.own_version(),
        }
        searched_until(client, queries, lambda: False, ALONE_SECONDS / 3)  # warm
        alone = searched_until(client, queries, lambda: False, ALONE_SECONDS)
        yield base | row_of("searches alone", alone)
        beside, seconds, size = beside_snapshots(client, queries, rounds)
        note = f"build s = one snapshot of {size >> 20} MiB; p99 beside / alone = "
        note += f"{np.percentile(beside, 99) / np.percentile(alone, 99):.2f}"
        row = row_of("searches beside snapshots", beside)
        yield base | row | {"build_seconds": seconds, "note": note}
        name = client.list_snapshots("bench")[-1].name
        started = time.perf_counter()
        client.recover_snapshot("bench", name)
        seconds = time.perf_counter() - started
        settings = "snapshots: restored in place, all of it checked"
        yield base | {"settings": settings, "build_seconds": seconds}


def beside_snapshots(
    client: RuvectorClient, queries: NDArray[np.float32], rounds: int
) -> tuple[list[float], float, int]:
    """Return the seconds of searches beside snapshots, the median snapshot's, and its size."""
    took, sizes, found = [], [], []
    for _ in range(rounds):
        done = threading.Event()

        def make(done: threading.Event = done) -> None:
            started = time.perf_counter()
            snapshot = client.create_snapshot("bench")
            took.append(time.perf_counter() - started)
            assert snapshot is not None
            sizes.append(snapshot.size)
            done.set()

        maker = threading.Thread(target=make)
        maker.start()
        found += searched_until(client, queries, done.is_set, 60.0)
        maker.join()
        for listed in client.list_snapshots("bench")[:-1]:
            client.delete_snapshot("bench", listed.name)
    return found, sorted(took)[len(took) // 2], sizes[-1]


def searched_until(
    client: RuvectorClient,
    queries: NDArray[np.float32],
    is_done: Callable[[], bool],
    seconds: float,
) -> list[float]:
    """Return how long each search took until something is done or the time is over."""
    found, number, end = [], 0, time.perf_counter() + seconds
    while not is_done():
        query = queries[number % len(queries)]
        number += 1
        started = time.perf_counter()
        client.search("bench", query_vector=query, limit=10, params={"hnsw_ef": BEAM})
        now = time.perf_counter()
        found.append(now - started)
        if now > end:
            break
    return found


def row_of(what: str, seconds: list[float]) -> dict[str, Any]:
    """Return the row of some searches."""
    p50, p99 = np.percentile(seconds, [50, 99])
    settings = f"snapshots: {what}, beam {BEAM}, limit 10, with payloads"
    return {"settings": settings, "qps": len(seconds) / sum(seconds)} | {
        "p50_us": p50 * 1e6,
        "p99_us": p99 * 1e6,
    }


if __name__ == "__main__":
    main()
