"""What does change do? Recall, latency and memory while rows are replaced; inserts per second.

usage: updates.py [VECTORS.npy] [--synthetic --dimensions 768] [--rows N] [--steps 6] [--short]

A part of the rows is indexed; then, step by step, the oldest tenth is removed and as many new rows
are added, until more than half are new. After each step recall is judged by an exact search over
the rows that are there. The drift of B10 is the recall of an index built freshly over the last rows
less that of the one that was changed all the way. Once with `VectorIndex`, once with a collection
of the embedded database. Inserts are timed on one thread, in batches of 100.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import record
import ruvector
import sources
from ruvector import VectorIndex
from ruvector.bench import tables
from ruvector.bench.curves import K, setting_of, time_queries
from ruvector.bench.machine import OtherWork, one_core, resident_bytes
from ruvector.bench.picture import Axis, Line, chart
from ruvector.bench.vectors import Dataset, recall_of, true_neighbours
from ruvector.kernel import Float32Array

BEAM = 64
REPLACED = 0.1
BATCH = 100
QUERIES, SHORT_QUERIES = 500, 200
COLLECTION = "bench"
# B10: inserts per second and core at 768 dimensions, and percentage points of recall.
INSERTS_BAR, DRIFT_BAR = 1_000.0, 0.5


class Store(Protocol):
    """What is changed: vectors under whole numbers."""

    def add(self, first: int, vectors: Float32Array) -> None:
        """Add vectors under the ids from `first`."""

    def remove(self, first: int, count: int) -> None:
        """Remove so many ids from `first`."""

    def search(self, query: Float32Array) -> Sequence[int]:
        """Return the ids of the nearest."""

    def settle(self) -> float:
        """Wait for work in the background; return the seconds it took."""

    def close(self) -> None:
        """End."""


class IndexStore:
    """VectorIndex, changed by one thread."""

    peer = "ruvector"

    def __init__(self, dimensions: int) -> None:
        self.index = VectorIndex(dimensions=dimensions, distance="cosine")

    def add(self, first: int, vectors: Float32Array) -> None:
        ids = np.arange(first, first + len(vectors), dtype=np.uint64)
        self.index.add(ids, vectors, threads=1)

    def remove(self, first: int, count: int) -> None:
        self.index.remove(np.arange(first, first + count, dtype=np.uint64))

    def search(self, query: Float32Array) -> Any:
        return self.index.search(query, k=K, beam=BEAM)[0][0]

    def settle(self) -> float:
        return 0.0

    def close(self) -> None:
        pass


class CollectionStore:
    """A collection of the embedded database; building its graph happens beside the changes."""

    peer = "ruvector embedded"

    def __init__(self, dimensions: int) -> None:
        self._holder = tempfile.TemporaryDirectory(dir=Path.cwd())
        self.client = ruvector.open(Path(self._holder.name) / "db")
        self.client.create_collection(COLLECTION, dimensions=dimensions, distance="cosine")

    def add(self, first: int, vectors: Float32Array) -> None:
        ids = np.arange(first, first + len(vectors), dtype=np.uint64)
        self.client.upsert(COLLECTION, ids=ids, vectors=vectors)

    def remove(self, first: int, count: int) -> None:
        self.client.delete(COLLECTION, ids=range(first, first + count))

    def search(self, query: Float32Array) -> list[Any]:
        hits = self.client.search(
            COLLECTION, query_vector=query, limit=K, params={"hnsw_ef": BEAM}, with_payload=False
        )
        return [hit.id for hit in hits]

    def settle(self) -> float:
        start = time.perf_counter()
        self.client.wait_for_index(COLLECTION)
        return time.perf_counter() - start

    def close(self) -> None:
        self.client.close()
        self._holder.cleanup()


STORES: tuple[type[IndexStore] | type[CollectionStore], ...] = (IndexStore, CollectionStore)


@dataclass(slots=True)
class Step:
    """One moment: how many rows were replaced so far, and how it is then."""

    replaced: float
    recall: float
    p50_us: float
    p99_us: float
    inserts_per_second: float
    settle_seconds: float
    resident_mb: float


@dataclass(slots=True)
class Churn:
    """All moments of one store, and the recall of a fresh one over the rows at the end."""

    peer: str
    steps: list[Step]
    fresh_recall: float

    @property
    def drift(self) -> float:
        """Return by how many percentage points change has cost recall."""
        return (self.fresh_recall - self.steps[-1].recall) * 100


def main() -> None:
    """Change, measure, print and record."""
    parser = sources.parser(__doc__)
    parser.add_argument("--steps", type=int, default=6, help="a tenth of the rows each")
    options = parser.parse_args()
    others = OtherWork()
    found = sources.load(options, SHORT_QUERIES if options.short else QUERIES)
    start = int(len(found.vectors) / (1 + REPLACED * options.steps))
    runs = [churn(kind, found, start, options.steps) for kind in STORES]
    print(f"{found.label}, {start} rows at a time, beam {BEAM}")
    for run in runs:
        print(run.peer, show(run), sep="\n")
    disturbed = others.verdict()
    print(bars(runs, found.vectors.shape[1]), f"disturbed: {disturbed}", sep="\n")
    if not options.no_record:
        base = {"dataset": found.label, "disturbed": disturbed, "version": record.own_version()}
        record.append([base | row for run in runs for row in rows_of(run)])
        record.picture("updates", plot(found, runs))


def churn(kind: Any, found: Dataset, start: int, steps: int) -> Churn:
    """Return how a store fares while its oldest rows are replaced, a tenth a step."""
    store = kind(found.vectors.shape[1])
    try:
        store.add(0, found.vectors[:start])
        settled = store.settle()
        moments = [moment(store, found, (0, start), start, 0.0, settled)]
        count = int(start * REPLACED)
        for step in range(1, steps + 1):
            first, last = step * count, start + step * count
            begin = time.perf_counter()
            for row in range(last - count, last, BATCH):
                store.add(row, found.vectors[row : min(row + BATCH, last)])
            rate = count / (time.perf_counter() - begin)
            store.remove(first - count, count)
            moments.append(moment(store, found, (first, last), start, rate, store.settle()))
    finally:
        store.close()
    return Churn(kind.peer, moments, fresh_recall(kind, found, first, last))


def moment(
    store: Store, found: Dataset, rows: tuple[int, int], start: int, rate: float, settled: float
) -> Step:
    """Return how it is: recall against an exact search over exactly the rows that are there."""
    first, last = rows
    truth = truth_of(found, first, last)
    with one_core():
        one = setting_of(BEAM, [time_queries(store.search, found.queries, truth)])
    resident = resident_bytes() / 1e6
    return Step(first / start, one.recall, one.p50_us, one.p99_us, rate, settled, resident)


def truth_of(found: Dataset, first: int, last: int) -> NDArray[np.int64]:
    """Return the ids of the true neighbours among the rows from `first` to before `last`."""
    rows = true_neighbours(found.vectors[first:last], found.queries, K)
    return rows.astype(np.int64) + first


def fresh_recall(kind: Any, found: Dataset, first: int, last: int) -> float:
    """Return the recall of a store that never knew anything but these rows."""
    store = kind(found.vectors.shape[1])
    try:
        store.add(first, found.vectors[first:last])
        store.settle()
        answers = [store.search(query) for query in found.queries]
    finally:
        store.close()
    return recall_of(answers, truth_of(found, first, last))


def show(run: Churn) -> str:
    """Return the moments as a table."""
    head = ["replaced", f"recall@{K}", "p50 us", "p99 us", "inserts/s", "settle s", "resident MB"]
    rows = [
        [
            f"{step.replaced:.0%}",
            step.recall,
            step.p50_us,
            step.p99_us,
            step.inserts_per_second or None,
            step.settle_seconds,
            step.resident_mb,
        ]
        for step in run.steps
    ]
    return tables.table(head, rows)


def bars(runs: Sequence[Churn], dimensions: int) -> str:
    """Return B10 with what was measured beside it."""
    drifts = [(f"B10 drift of {run.peer}, points of recall", DRIFT_BAR, run.drift) for run in runs]
    rates = [step.inserts_per_second for step in runs[0].steps[1:]]
    name = f"B10 inserts/s and core at {dimensions} dimensions"
    return tables.bars([(name, INSERTS_BAR, float(np.median(rates)))], at_most=drifts)


def rows_of(run: Churn) -> list[dict[str, Any]]:
    """Return a row of results for each moment."""
    return [
        {
            "peer": run.peer,
            "settings": f"updates {step.replaced:.0%} replaced, beam {BEAM}",
            "recall": step.recall,
            "qps": 1e6 / step.p50_us,
            "p50_us": step.p50_us,
            "p99_us": step.p99_us,
            "note": f"{step.inserts_per_second:.0f} inserts/s, one thread; {step.resident_mb:.0f} "
            f"MB resident; fresh build at the end {run.fresh_recall:.4f}",
        }
        for step in run.steps
    ]


def plot(found: Dataset, runs: Sequence[Churn]) -> str:
    """Return the picture: rows replaced across, recall upwards."""
    lines = [
        Line(run.peer, [(step.replaced * 100, step.recall) for step in run.steps]) for run in runs
    ]
    lines += [
        Line(f"{run.peer}, fresh", [(run.steps[-1].replaced * 100, run.fresh_recall)])
        for run in runs
    ]
    return chart(
        "Recall while rows are replaced",
        f"{found.label}, beam {BEAM}; {record.stamp()}",
        Axis("rows replaced, %"),
        Axis(f"recall@{K}", "recall"),
        lines,
    )


if __name__ == "__main__":
    main()
