"""Does a filtered search find what matches, in bounded time, whatever the filter has to do with it?

usage: filters.py [VECTORS.npy] [--short] [--beam 64]

The grid of B4: selectivity x correlation with the query, by `VectorIndex.search(allowed=...)`; then
ranges, AND, OR and topics by `client.search(filter=...)` with payload indexes. Beside each time
stand the two it is judged by, from the same run: a search of the same beam without a filter, and an
exact scan of the matches. Wanted: recall >= .95, min(k, matches) hits, time <= 2 x the larger one.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import filter_queries
import record
import sources
from masks import CORRELATIONS, SELECTIVITIES, Cells, mask
from ruvector import VectorIndex
from ruvector.bench import tables
from ruvector.bench.machine import OtherWork, one_core
from ruvector.bench.picture import Axis, Line, chart
from ruvector.bench.vectors import Dataset, recall_of, true_neighbours
from ruvector.kernel import MaskArray, Metric, exact_search, mask_count

K = 10
WANTED_RECALL = 0.95
TIME_FACTOR = 2.0


@dataclass(slots=True)
class Cell:
    """One place of the grid: times are medians of the queries, in microseconds."""

    how: str
    selectivity: float
    recall: float
    fewest_hits: int
    expected_hits: int
    time_us: float
    p99_us: float
    unfiltered_us: float
    scan_us: float

    @property
    def factor(self) -> float:
        """Return the time over the larger of the two it is judged by."""
        return self.time_us / max(self.unfiltered_us, self.scan_us)

    @property
    def verdict(self) -> str:
        """Return what is missed, or nothing."""
        missed = ["recall"] if self.recall < WANTED_RECALL else []
        missed += ["hits"] if self.fewest_hits < self.expected_hits else []
        missed += ["time"] if self.factor > TIME_FACTOR else []
        return ", ".join(missed)


def main() -> None:
    """Build, measure, print and record."""
    parser = sources.parser(__doc__)
    parser.add_argument("--beam", type=int, default=64)
    parser.add_argument("--queries", type=int)
    parser.add_argument("--threads", type=int, default=2, help="of the build")
    parser.add_argument("--index-only", action="store_true", help="without the database")
    options = parser.parse_args()
    others = OtherWork()
    count = options.queries or (50 if options.short else 200)
    found = sources.load(options, count)
    cells = Cells(found.vectors)
    grid = measure_index(found, cells, options.beam, options.threads)
    print(f"{found.label}, {count} queries, beam {options.beam}")
    print("VectorIndex.search(allowed=...)", show(grid), sep="\n")
    rows = [row_of(cell, "ruvector", options.beam) for cell in grid]
    if not options.index_only:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            through = filter_queries.measure(Path(folder), found, cells, options.beam, judge)
        print("client.search(filter=...)", show(through), sep="\n")
        rows += [row_of(cell, "ruvector embedded", options.beam) for cell in through]
    disturbed = others.verdict()
    print(f"disturbed: {disturbed}")
    if not options.no_record:
        base = {"dataset": found.label, "disturbed": disturbed, "version": record.own_version()}
        record.append([base | row for row in rows])
        record.picture("filters", plot(found, grid, options.beam))


def measure_index(found: Dataset, cells: Cells, beam: int, threads: int) -> list[Cell]:
    """Return the grid through `VectorIndex`."""
    index = VectorIndex(dimensions=found.vectors.shape[1], distance="cosine")
    index.add(np.arange(len(found.vectors), dtype=np.uint64), found.vectors, threads=threads)
    grid = []
    for correlation in CORRELATIONS:
        for selectivity in SELECTIVITIES:
            masks = [mask(cells, query, correlation, selectivity) for query in found.queries]
            allowed = dict(zip(map(bytes, found.queries), masks, strict=True))

            def filtered(query: Any, allowed: dict[bytes, MaskArray] = allowed) -> Any:
                return index.search(query, k=K, beam=beam, allowed=allowed[bytes(query)])[0][0]

            def scan(query: Any, allowed: dict[bytes, MaskArray] = allowed) -> Any:
                mask = allowed[bytes(query)]
                return exact_search(query[np.newaxis], found.vectors, Metric.COSINE, K, mask)[0][0]

            def free(query: Any) -> Any:
                return index.search(query, k=K, beam=beam)[0][0]

            grid.append(judge(correlation, found, masks, filtered, free, scan))
    return grid


def judge(
    how: str,
    found: Dataset,
    masks: Sequence[MaskArray],
    filtered: Callable[[Any], Any],
    free: Callable[[Any], Any],
    scan: Callable[[Any], Any],
) -> Cell:
    """Return one place of the grid; the three ways of searching are timed in turn."""
    matches = [mask_count(mask, len(found.vectors)) for mask in masks]
    truth = [
        true_neighbours(found.vectors, found.queries[row : row + 1], K, allowed=masks[row])[0]
        for row in range(len(masks))
    ]
    with one_core():
        answers, times = timed(filtered, found.queries)
        _, free_times = timed(free, found.queries)
        _, scan_times = timed(scan, found.queries)
    shares = [recall_of([ids], true[np.newaxis]) for ids, true in zip(answers, truth, strict=True)]
    outside = [
        row
        for row, ids in enumerate(answers)
        if not np.unpackbits(masks[row], bitorder="little")[np.asarray(ids, np.int64)].all()
    ]
    if outside:
        raise AssertionError(f"{how}: hits that the filter excludes, query {outside[0]}")
    return Cell(
        how,
        float(np.mean(matches)) / len(found.vectors),
        float(np.mean(shares)),
        min(len(set(map(int, ids))) for ids in answers),
        min(K, min(matches)),
        *(float(value) for value in np.percentile(times, [50, 99])),
        float(np.median(free_times)),
        float(np.median(scan_times)),
    )


def timed(
    search: Callable[[Any], Any], queries: NDArray[np.float32]
) -> tuple[list[Any], NDArray[np.float64]]:
    """Return the answers and the microseconds of each query; the first ones are asked twice."""
    for query in queries[:10]:
        search(query)
    times = np.empty(len(queries))
    answers = []
    for row, query in enumerate(queries):
        start = time.perf_counter_ns()
        answer = search(query)
        times[row] = (time.perf_counter_ns() - start) / 1000
        answers.append(answer)
    return answers, times


def show(grid: Sequence[Cell]) -> str:
    """Return the grid as a table."""
    head = ["filter", "share", "recall@10", "hits", "p50 us", "p99 us", "no filter us", "scan us"]
    rows = [
        [
            cell.how,
            f"{cell.selectivity:.2%}",
            cell.recall,
            f"{cell.fewest_hits} of {cell.expected_hits}",
            cell.time_us,
            cell.p99_us,
            cell.unfiltered_us,
            cell.scan_us,
            cell.factor,
            cell.verdict or "ok",
        ]
        for cell in grid
    ]
    return tables.table([*head, "factor", "B4"], rows)


def row_of(cell: Cell, peer: str, beam: int) -> dict[str, Any]:
    """Return the row of results."""
    return {
        "peer": peer,
        "settings": f"filter {cell.how} {cell.selectivity:.2%} beam={beam}",
        "recall": cell.recall,
        "qps": 1e6 / cell.time_us,
        "p50_us": cell.time_us,
        "p99_us": cell.p99_us,
        "note": f"fewest hits {cell.fewest_hits} of {cell.expected_hits}; {cell.factor:.2f} x the "
        f"larger of no filter {cell.unfiltered_us:.0f} us and scan {cell.scan_us:.0f} us",
    }


def plot(found: Dataset, grid: Sequence[Cell], beam: int) -> str:
    """Return the picture: share of rows across, time upwards."""
    lines = [
        Line(how, [(cell.selectivity * 100, cell.time_us) for cell in grid if cell.how == how])
        for how in CORRELATIONS
    ]
    independent = [cell for cell in grid if cell.how == "independent"]
    lines.append(Line("scan", [(cell.selectivity * 100, cell.scan_us) for cell in independent]))
    lines.append(
        Line("no filter", [(cell.selectivity * 100, cell.unfiltered_us) for cell in independent])
    )
    return chart(
        "Filtered search",
        f"{found.label}, k = {K}, beam {beam}; {record.stamp()}",
        Axis("rows that match, %", "log"),
        Axis("microseconds a query (p50)", "log"),
        lines,
    )


if __name__ == "__main__":
    main()
