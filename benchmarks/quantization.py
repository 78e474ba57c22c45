"""What does each code cost in recall, and save in memory? With and without originals at the end.

usage: quantization.py [VECTORS.npy] [--beam 128] [--codes 4bit,1bit] [--synthetic --dimensions 768]

k = 10, one query per call, one thread on one core. All codes share one graph, so that they differ
by their distances alone; recall is against exact search over the same vectors in the same run.
Beside the table stand the bars B5 (rescoring at most 2 k rows), B6 (codes alone, graph included)
and B7 (bytes per vector of links and codes) of PERFORMANCE.md. Rows go to results.csv.
"""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import record
import sources
from ruvector.bench.machine import disturbance, one_core
from ruvector.bench.vectors import Dataset, recall_of, true_neighbours
from ruvector.index.coded_graph import CANDIDATES, CANDIDATES_MORE, CodedGraph
from ruvector.index.graph import Graph
from ruvector.kernel import Metric
from ruvector.model.quantization import CODES, Code

K = 10
QUERIES = 1000
WARM_UP = 20
# Recall with originals at the end, codes alone, and bytes by dimensions.
B5 = {"8bit": 0.99, "int8": 0.99, "4bit": 0.98, "2bit": 0.95, "1.5bit": 0.93, "1bit": 0.90}
B6 = {"4bit": 0.944, "2bit": 0.848, "1.5bit": 0.757, "1bit": 0.713}
B7 = {384: 384, 768: 576, 1536: 960}  # 4 bits
OVERSAMPLINGS = (0.0, 1.0, 1.5, 2.0, 4.0)  # 0: codes alone


class Line(NamedTuple):
    """One code: bytes a vector of links and codes, of the code alone; by oversampling what came."""

    code: str
    bytes_all: float
    bytes_code: int
    encode_seconds: float
    recall: dict[float, float]
    qps: dict[float, float]


def main() -> None:
    """Build, encode, measure, print and record."""
    parser = sources.parser(__doc__)
    parser.add_argument("--beam", type=int, default=128)
    parser.add_argument("--codes", default=",".join(CODES))
    options = parser.parse_args()
    disturbed = disturbance()
    found = sources.load(options, QUERIES)
    truth = true_neighbours(found.vectors, found.queries, K)
    start = time.perf_counter()
    links = Graph.build(found.vectors, Metric.COSINE).links()
    build_seconds = time.perf_counter() - start
    names = options.codes.split(",")
    lines = []
    for position, name in enumerate(names):
        sources.show(f"measure {name}", position / len(names))
        lines.append(measure(name, links, found, truth, options.beam))
    sources.show("done", 1.0)
    print(f"\n{found.label}, k = {K}, beam {options.beam}; disturbed: {disturbed}")
    print(table(lines), bars(lines, found.vectors.shape[1]), sep="\n\n")
    if not options.no_record:
        context = {"dataset": found.label, "disturbed": disturbed, "build_seconds": build_seconds}
        record.append([context | row for line in lines for row in rows_of(line, options.beam)])


def measure(
    name: str,
    links: dict[str, NDArray[Any]],
    found: Dataset,
    truth: NDArray[np.uint32],
    beam: int,
) -> Line:
    """Return what one code finds, alone and with o k originals."""
    start = time.perf_counter()
    graph = CodedGraph.encode(links, Code(name), found.vectors, Metric.COSINE)
    seconds = time.perf_counter() - start
    recall, qps = {}, {}
    for oversampling in (*OVERSAMPLINGS, CANDIDATES[name]):
        candidates = round(oversampling * K)
        if oversampling == CANDIDATES[name]:  # what is done where a search does not say
            candidates = max(candidates, K + CANDIDATES_MORE)
        if oversampling not in recall:
            recall[oversampling], qps[oversampling] = run(graph, found, truth, beam, candidates)
    bytes_all = (graph.memory_bytes - graph.scratch_bytes) / len(graph)
    return Line(name, bytes_all, graph.arrays()["codes"].shape[1], seconds, recall, qps)


def run(
    graph: CodedGraph, found: Dataset, truth: NDArray[np.uint32], beam: int, candidates: int
) -> tuple[float, float]:
    """Return recall and queries per second of one setting."""
    rows = []
    with one_core():
        for query in found.queries[:WARM_UP]:
            graph.search_core(query[None], K, beam, candidates, False, False, None, -1, 1)
        start = time.perf_counter()
        for query in found.queries:
            answer = graph.search_core(query[None], K, beam, candidates, False, False, None, -1, 1)
            rows.append(answer[0][0])
        seconds = time.perf_counter() - start
    return recall_of(rows, truth), len(rows) / seconds


def rows_of(line: Line, beam: int) -> Iterator[dict[str, Any]]:
    """Return a row of results for each oversampling."""
    for oversampling, recall in line.recall.items():
        last = f"rescore {oversampling:g} k" if oversampling else "no rescore"
        yield {
            "peer": "ruvector",
            "settings": f"quantization {line.code} {last} beam={beam}",
            "recall": recall,
            "qps": line.qps[oversampling],
            "bytes_per_vector": line.bytes_all,
        }


def table(lines: list[Line]) -> str:
    """Return the table that is printed."""
    head = (
        "| code | B/vector | B/code | encode s | codes alone | 1 k | 1.5 k | 2 k | 4 k "
        "| QPS alone / 2 k |"
    )
    body = [
        f"| {line.code} | {line.bytes_all:.0f} | {line.bytes_code} | {line.encode_seconds:.1f} | "
        + " | ".join(f"{line.recall[o]:.3f}" for o in OVERSAMPLINGS)
        + f" | {line.qps[0.0]:.0f} / {line.qps[2.0]:.0f} |"
        for line in lines
    ]
    return "\n".join([head, "|---|---|---|---|---|---|---|---|---|---|", *body])


def bars(lines: list[Line], dim: int) -> str:
    """Return each bar with what was measured beside it."""
    said = []
    for line in lines:
        if line.code in B5:
            said.append(f"B5 {line.code}: {line.recall[2.0]:.3f} (bar {B5[line.code]})")
        if line.code in B6:
            said.append(f"B6 {line.code}: {line.recall[0.0]:.3f} (bar > {B6[line.code]})")
        if line.code == "4bit" and dim in B7:
            said.append(f"B7 {dim} d: {line.bytes_all:.0f} B (bar {B7[dim]} within 5 %)")
    return "\n".join(said)


if __name__ == "__main__":
    main()
