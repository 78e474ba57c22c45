"""How fast are filters, facets and words over payloads, and what does indexing hold up?

One embedded database with points of two dimensions, so that payloads are all that counts. Times of
a filter are those of planning it into a bitmap of rows, with its snapshot of the store.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import record
import ruvector
from ruvector.model.filters import parse_filter, shorthand

BATCH = 20_000
WORDS = [f"word{number}" for number in range(2_000)]
INDEXES: dict[str, Any] = {
    "group": "keyword",
    "number": "integer",
    "price": "float",
    "flag": "bool",
    "when": "datetime",
    "place": "geo",
    "text": {"type": "text", "phrase_matching": True, "scoring": True},
}
BERLIN = {"center": {"lon": 13.4, "lat": 52.5}}
CORNERS = [(-10.0, 36.0), (30.0, 36.0), (25.0, 60.0), (0.0, 58.0), (-10.0, 36.0)]
RING = {"points": [{"lon": lon, "lat": lat} for lon, lat in CORNERS]}
FILTERS: dict[str, dict[str, Any]] = {
    "keyword": {"group": "group-7"},
    "keyword and range": {"group": "group-7", "price": {"gte": 10, "lt": 60}},
    "range and range": {"number": {"gte": 1000}, "price": {"lt": 50}},
    "keyword and bool": {"group": "group-7", "flag": True},
    "datetime and keyword": {"when": {"lt": "2024-06-01"}, "group": "group-7"},
    "two keywords or-ed, not a bool": {
        "should": [{"key": "group", "match": {"any": ["group-1", "group-2"]}}],
        "must_not": [{"key": "flag", "match": {"value": True}}],
    },
    "circle of 50 km": {"place": {"geo_radius": {**BERLIN, "radius": 50_000}}},
    "circle of 3,000 km and keyword": {
        "place": {"geo_radius": {**BERLIN, "radius": 3_000_000}},
        "group": "group-7",
    },
    "polygon": {"place": {"geo_polygon": {"exterior": RING}}},
    "both words": {"text": {"text": "word1 word7"}},
    "either word": {"text": {"text_any": "word1 word7"}},
    "phrase": {"text": {"phrase": "word1 word7"}},
    "prefix": {"group": {"prefix": "group-1"}},
}


def payloads(start: int, count: int) -> list[dict[str, Any]]:
    """Return payloads of about 250 bytes: a few fields of every type."""
    generator = np.random.default_rng(start)
    numbers = generator.integers(0, 1_000_000, count).tolist()
    prices = generator.uniform(0, 100, count).round(3).tolist()
    lon, lat = generator.uniform(-180, 180, count).tolist(), generator.uniform(-80, 80, count)
    words = (2_000 * generator.random((count, 8)) ** 3).astype(int).tolist()
    return [
        {
            "group": f"group-{numbers[i] % 1000}",
            "number": numbers[i],
            "price": prices[i],
            "flag": numbers[i] % 2 == 0,
            "when": f"2024-{i % 12 + 1:02}-{i % 28 + 1:02}T10:00:00Z",
            "place": {"lon": lon[i], "lat": float(lat[i])},
            "text": " ".join(WORDS[word] for word in words[i]),
        }
        for i in range(count)
    ]


class Bench:
    """One run."""

    def __init__(self, client: Any, points: int, fields: list[str]) -> None:
        self.client, self.points = client, points
        self.indexes = {field: INDEXES[field] for field in fields}
        self.rows: list[dict[str, Any]] = []
        self.shard: Any = None

    def note(self, settings: str, seconds: list[float], note: str = "", **more: Any) -> None:
        """Print and keep the times of one thing."""
        p50, p99 = statistics.median(seconds) * 1e6, float(np.quantile(seconds, 0.99)) * 1e6
        print(f"{settings:55} p50 {p50:12,.1f} us  p99 {p99:12,.1f} us  {note}")
        self.rows.append({"settings": settings, "p50_us": p50, "p99_us": p99, "note": note, **more})

    def load(self) -> None:
        """Insert the points, without graphs."""
        self.client.create_collection("c", dimensions=2, optimizers={"indexing_threshold": 0})
        vectors = np.ones((BATCH, 2), dtype=np.float32)
        for start in range(0, self.points, BATCH):
            count = min(BATCH, self.points - start)
            self.client.upsert(
                "c",
                ids=range(start, start + count),
                vectors=vectors[:count],
                payloads=payloads(start, count),
            )
        self.shard = self.client._transport._engine._catalog.get("c").shard

    def plan(self, source: dict[str, Any]) -> int:
        """Plan a filter; return the number of rows."""
        with self.shard.view(parse_filter(shorthand(source))) as view:
            return len(view.rows)

    def unindexed(self) -> None:
        """The first filter on a field reads all payloads and leaves an index, the next use it."""
        for name in ("keyword", "circle of 50 km"):
            (first,) = times(1, lambda name=name: self.plan(FILTERS[name]))
            self.note(f"without an index, first: {name}", [first], "reads every payload")
            self.note(
                f"without an index, then: {name}",
                times(50, lambda name=name: self.plan(FILTERS[name])),
            )

    def create(self) -> None:
        """Index every field, beside a reader and a writer that measure how long they wait."""
        waits: dict[str, list[float]] = {"reader": [], "writer": []}
        stop = threading.Event()
        work = {
            "reader": lambda: self.client.count("c"),
            "writer": lambda: self.client.set_payload("c", {"touched": 1}, [1]),
        }

        def run(name: str) -> None:
            while not stop.wait(0.001):
                waits[name].extend(times(1, work[name]))

        threads = [threading.Thread(target=run, args=(name,)) for name in work]
        for thread in threads:
            thread.start()
        for field, schema in self.indexes.items():
            (taken,) = times(
                1, lambda f=field, s=schema: self.client.create_payload_index("c", f, s)
            )
            each = taken / self.points * 1e6
            self.note(
                f"create index: {field}", [taken], f"{each:.2f} us a point", build_seconds=taken
            )
        stop.set()
        for thread in threads:
            thread.join()
        for name, seconds in waits.items():
            longest = max(seconds) * 1e3
            self.note(
                f"{name} beside the creation of indexes", seconds, f"longest {longest:.0f} ms"
            )

    def filters(self) -> None:
        """Every filter, the first time and then many times."""
        for name, source in FILTERS.items():
            parts = [
                part["key"] for clause in ("should", "must_not") for part in source.get(clause, ())
            ]
            if not self.indexes.keys() >= set(parts or source):
                continue
            (first,) = times(1, lambda source=source: self.plan(source))
            found = self.plan(source)
            again = times(100, lambda source=source: self.plan(source))
            self.note(f"filter: {name}", again, f"{found} rows; first {first * 1e3:.1f} ms")

    def after_a_merge(self) -> None:
        """The first large range after newer numbers were sorted in."""
        more = self.points // 25
        vectors = np.ones((more, 2), dtype=np.float32)
        ids = range(self.points, self.points + more)
        self.client.upsert("c", ids=ids, vectors=vectors, payloads=payloads(self.points, more))
        (first,) = times(1, lambda: self.plan({"price": {"gte": 10, "lt": 60}}))
        self.note("filter: large range, first after a merge", [first], "under the shard's lock")

    def facets(self) -> None:
        """Counts by value, of all points and of a half."""
        with self.shard.lock:
            index: Any = self.shard.indexes.get("group")
        with self.shard.view(parse_filter(shorthand({"flag": True}))) as view:
            half = view.rows
        self.note("facet of 1,000 values", times(20, lambda: index.facet(None, 10)))
        (first,) = times(1, lambda: index.facet(half, 10))
        self.note("facet of 1,000 values of half the points, first", [first])
        self.note(
            "facet of 1,000 values of half the points", times(20, lambda: index.facet(half, 10))
        )

    def ranking(self) -> None:
        """Scores of all points that hold a word."""
        ranking: Any = self.shard.indexes.get("text").ranking
        for words in (["word700", "word900"], ["word1", "word7"]):
            found = len(ranking.scores(words, 1.2, 0.75)[0])
            scores = times(20, lambda words=words: ranking.scores(words, 1.2, 0.75))
            self.note("bm25 scores of two words", scores, f"{found} points")


def times(count: int, work: Callable[[], Any]) -> list[float]:
    """Return the seconds that each of `count` calls took."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Load, measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--short", action="store_true", help="50,000 points")
    parser.add_argument("--fields", default=",".join(INDEXES), help="to index, with commas")
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    points = 50_000 if options.short else options.points
    disturbed = record.disturbance()
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        ruvector.open(Path(folder) / "database") as client,
    ):
        bench = Bench(client, points, options.fields.split(","))
        bench.load()
        parts = [bench.unindexed, bench.create, bench.filters, bench.facets, bench.after_a_merge]
        for part in (*parts, bench.ranking) if "text" in bench.indexes else parts:
            part()
        memory = bench.shard.indexes.memory_bytes / points
    print(f"{memory:.0f} bytes of payload indexes a point; disturbed: {disturbed}")
    if not options.no_record:
        base = {
            "dataset": f"synthetic payloads {points}",
            "peer": "ruvector embedded",
            "version": record.own_version(),
            "disturbed": disturbed,
        }
        record.append([base | row for row in bench.rows])


if __name__ == "__main__":
    main()
