"""What do the moments that the engine notes cost, while nobody traces and while somebody does?

usage: tracing.py [--short] [--no-record]

A search of 10,000 x 128 points is executed in one thread. Without tracing a note is one call that
looks at a flag: its cost, times the notes of a search, is what the search pays. With tracing the
search's notes are kept, and made into spans that an exporter in the process takes and forgets.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

import record
import ruvector
from ruvector.bench import tables
from ruvector.bench.machine import OtherWork
from ruvector.bench.vectors import clustered
from ruvector.kernel.timing import Stages, note, noting
from ruvector.model import requests as r
from ruvector.model.points import Vectors
from ruvector.server.configuration import Tracing
from ruvector.server.metrics import REST, Answered
from ruvector.server.traces import Traces

POINTS, DIM = 10_000, 128
ROUNDS, SHORT_ROUNDS, CALLS = 100, 10, 200


class Forgetting(SpanExporter):
    """Takes spans and keeps none."""

    def export(self, spans: Any) -> SpanExportResult:  # noqa: ARG002 - the name is theirs
        """Take spans."""
        return SpanExportResult.SUCCESS


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help=f"{SHORT_ROUNDS} rounds")
    parser.add_argument("--no-record", action="store_true", help="only print")
    options = parser.parse_args()
    others = OtherWork()
    found = measure(SHORT_ROUNDS if options.short else ROUNDS)
    print(tables.table(["what", "us", "p99 us"], [[n, *each] for n, each in found.items()]))
    if not options.no_record:
        context = {"disturbed": others.verdict(), "version": record.own_version()}
        rows = [
            {
                "peer": "ruvector engine",
                "settings": f"tracing: {name}",
                "p50_us": f"{p50:.3f}",
                "p99_us": f"{p99:.3f}",
            }
            for name, (p50, p99) in found.items()
        ]
        record.append([context | row for row in rows])


def measure(rounds: int) -> dict[str, tuple[float, float]]:
    """Return microseconds, median and 99th percentile of the rounds, by what was done."""
    client = ruvector.open(":memory:")
    vectors = clustered(POINTS, DIM)
    client.create_collection("c", dimensions=DIM)
    client.upsert("c", ids=range(POINTS), vectors=vectors)
    client.wait_for_index("c")
    execute = client._transport.execute
    query = r.QueryPoints(collection="c", query=vectors[0].tolist(), limit=10)
    traces = Traces(Tracing(), SimpleSpanProcessor(Forgetting()))

    def noted() -> Stages:
        stages = Stages()
        with noting(stages):
            execute(query)
        stages.mark("execute")
        return stages

    parts = len(noted().inner)
    calls: dict[str, Callable[[], Any]] = {
        "nothing": lambda: None,
        "note": lambda: note("search"),
        "search": lambda: execute(query),
        "noted": noted,
        "told": lambda: traces.tell(answered(noted())),
    }
    times = timed(calls, rounds)
    client.close()
    return {
        "a note while nobody traces": figures(times["note"] - times["nothing"]),
        "a search while nobody traces": figures(times["search"]),
        f"noting the {parts} parts of a search": figures(times["noted"] - times["search"]),
        "making its spans": figures(times["told"] - times["noted"]),
    }


def figures(times: Vectors) -> tuple[float, float]:
    """Return median and 99th percentile of the rounds."""
    return float(np.median(times)), float(np.percentile(times, 99))


def answered(stages: Stages) -> Answered:
    """Return a request that was answered just now."""
    return Answered(
        protocol=REST, label="QueryPoints", endpoint=("POST", "/x", 200), failed=False,
        seconds=1e-4, ended=time.time(), collection="c", request_id="id-1", caller="",
        credential="none", address="127.0.0.1", request=None, is_judged=True,
        started=time.perf_counter() - 1e-4, stages=stages,
    )  # fmt: skip


def timed(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, Vectors]:
    """Return the microseconds of one call of each, a figure a round, taken in turns."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            started = time.perf_counter()
            for _ in range(CALLS):
                call()
            if number:  # the first round fills caches
                found[name].append((time.perf_counter() - started) / CALLS * 1e6)
    return {name: np.asarray(times) for name, times in found.items()}


if __name__ == "__main__":
    main()
