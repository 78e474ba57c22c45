"""Scan or walk? One decision for every search over rows.

Few matches are scanned exactly. Otherwise the graph is walked through all rows and only matches are
collected, within a budget: when the walk costs more than looking at every match, the matches are
scanned (PERFORMANCE 3.9). Whatever happens, min(k, allowed_count) hits come back.
Threads: any. It does not know ids, segments or deletions other than as a mask.
"""

from ruvector.index.coded_graph import CodedGraph, CodeUse
from ruvector.index.graph import Graph
from ruvector.kernel import Float32Array, MaskArray, Metric, RowArray, VectorArray, _kernel

FULL_SCAN_ROWS = 2000


def search_rows(
    queries: Float32Array,
    k: int,
    *,
    vectors: VectorArray,
    metric: Metric,
    graph: Graph | CodedGraph | None,
    beam: int,
    allowed: MaskArray | None,
    allowed_count: int,
    exact: bool = False,
    full_scan_rows: int = FULL_SCAN_ROWS,
    use: CodeUse | None = None,
    threads: int = 1,
) -> tuple[RowArray, Float32Array]:
    """Return rows uint32 [q, m] and scores float32 [q, m], best first, m = min(k, allowed_count).

    ``queries`` float32 [q, dim], unit length for cosine; ``vectors`` float32, float16 or uint8
    [n, dim]; ``allowed`` a packed mask in little bit order over the n rows with ``allowed_count``
    rows set, or None for all. ``exact`` or a missing graph looks at every allowed row.
    ``use``: how a graph of compact codes uses them. ``threads`` share the queries; 0 takes every
    core. Cost: one kernel call, about 1 µs above it.
    Raises ValueError for other dimensions.
    """
    if graph is None:
        return _kernel.exact_search(queries, vectors, metric, k, allowed, threads)
    if isinstance(graph, CodedGraph):
        return graph.search(
            queries,
            k,
            beam,
            allowed,
            allowed_count if allowed is not None else len(graph),
            exact=exact,
            full_scan_rows=full_scan_rows,
            use=use,
            threads=threads,
        )
    return graph.search_core(
        queries, k, beam, allowed, allowed_count, full_scan_rows, exact, threads
    )
