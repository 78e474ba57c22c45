"""Which rows of a quantized VectorIndex are near? Links and codes in memory, originals in a file.

It stands where `_kernel.Graph` stands in a VectorIndex and has the same methods, as far as that
calls them. Rows come in at the tail, which is compared exactly; once the tail is a tenth of all
rows (2,000 at least), it is linked into the graph and all codes are made anew.

Invariants: a search uses one state, which is replaced as a whole; rows keep their numbers; rows
are in the file before they are anywhere else, so that a full disk (OSError) adds none.
Threads: any number search beside one writer, whom the owner's lock chooses.
What it does not do: give the space of removed rows back (the owner makes a new one).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ruvector.errors import BadInput
from ruvector.index.code_choice import choose_layout
from ruvector.index.coded_graph import CodedGraph, CodeUse
from ruvector.index.originals import Originals
from ruvector.kernel import (
    NO_ROW,
    Float32Array,
    Layout,
    MaskArray,
    Metric,
    RowArray,
    _kernel,
    exact_search,
)
from ruvector.model.quantization import CODES, Code

TAIL_ROWS = 2000
TAIL_SHARE = 10  # percent of all rows
FIRST_CAPACITY = 256

_RESCORED = CodeUse(rescore=True)


class Shape(NamedTuple):
    """What a graph is built with, in the order of `_kernel.Graph`."""

    dim: int
    metric: Metric
    element: int
    links_per_node: int
    build_beam: int
    alpha: float
    norm_limit: float


@dataclass(frozen=True)
class _State:
    """What a search sees. `vectors`: of the graph's rows; `deleted`: over all rows."""

    graph: CodedGraph | None
    vectors: Float32Array
    tail: Float32Array
    deleted: NDArray[np.bool_]
    deleted_rows: int

    @cached_property
    def live(self) -> "_Chosen":
        """Return which rows are not removed; two threads may make it, both the same."""
        return self.choose(~self.deleted) if self.deleted_rows else _Chosen(None, -1, None)

    def choose(self, chosen: NDArray[np.bool_]) -> "_Chosen":
        """Return packed masks of the graph's rows and of the tail's."""
        coded, tail = np.split(chosen, [len(self.vectors)])
        return _Chosen(
            np.packbits(coded, bitorder="little"),
            int(np.count_nonzero(coded)),
            np.packbits(tail, bitorder="little"),
        )


class _Chosen(NamedTuple):
    """Which rows a search may find, `coded_count` of the graph's; no mask: all."""

    coded: MaskArray | None
    coded_count: int
    tail: MaskArray | None


class CompactRows:
    """Rows, by number."""

    layout = Layout.INT8  # of the graph whose links are taken; there are no neighbours' codes
    stretch = 0.0

    def __init__(self, shape: Shape, code: Code) -> None:
        self._shape, self._code = shape, code
        self._originals = Originals(shape.dim)
        none = np.empty((0, shape.dim), np.float32)
        self._room = none  # the tail and space behind it
        self._state = _State(None, none, none, np.empty(0, bool), 0)

    @property
    def rows(self) -> int:
        """Return how many rows there are, removed ones included."""
        return len(self._state.deleted)

    @property
    def deleted_rows(self) -> int:
        """Return how many rows are removed."""
        return self._state.deleted_rows

    @property
    def memory_bytes(self) -> int:
        """Return the bytes of links, codes, marks and the tail; not of the originals' file."""
        graph = self._state.graph
        coded = 0 if graph is None else graph.memory_bytes
        return coded + self._room.nbytes + self._state.deleted.nbytes

    def append(self, vectors: Float32Array, _threads: int) -> int:
        """Add rows at the tail and return the first one's number."""
        first, old = self.rows, self._state
        self._originals.write(first, vectors)
        count = len(old.tail) + len(vectors)
        if count > len(self._room):
            capacity = max(3 * count // 2, FIRST_CAPACITY)
            room = np.empty((capacity, self._shape.dim), np.float32)
            room[: len(old.tail)] = old.tail
            self._room = room
        self._room[len(old.tail) : count] = vectors
        deleted = np.concatenate([old.deleted, np.zeros(len(vectors), bool)])
        self._state = replace(old, tail=self._room[:count], deleted=deleted)
        return first

    def link(self, rows: RowArray, threads: int) -> None:
        """Take the tail into the graph when it is long enough, or all rows are asked for."""
        share = TAIL_SHARE * self.rows // 100
        if len(rows) >= self.rows or len(self._state.tail) > max(TAIL_ROWS, share):
            self._link_tail(threads)

    def connect_unreached(self, _threads: int) -> int:
        """Find no row: linking the tail has done so."""
        return 0

    def restore(self, links: RowArray, entries: RowArray, threads: int) -> None:
        """Give all rows, which are at the tail, the links of a stored graph."""
        if links.shape != (self.rows, self._shape.links_per_node):
            raise ValueError("links do not fit the vectors")
        if len(entries):
            self._show(
                self._originals.view(self.rows), {"links": links, "entries": entries}, threads
            )

    def settle(self, threads: int) -> None:
        """Take the whole tail into the graph, if there is one."""
        if self._state.graph is not None and len(self._state.tail):
            self._link_tail(threads)

    def mark_removed(self, rows: RowArray) -> None:
        """Mark rows as removed: they are walked through and never found."""
        deleted = self._state.deleted.copy()
        deleted[rows] = True
        self._state = replace(self._state, deleted=deleted, deleted_rows=int(deleted.sum()))

    def remove(self, rows: RowArray, _threads: int) -> int:
        """Mark rows as removed and return how many were there."""
        before = self.deleted_rows
        if len(rows):
            self.mark_removed(rows)
        return self.deleted_rows - before

    def deleted(self) -> NDArray[np.bool_]:
        """Return which rows are removed."""
        return self._state.deleted

    def deleted_mask(self) -> MaskArray:
        """Return the same as a packed mask in little bit order."""
        return np.packbits(self._state.deleted, bitorder="little")

    def entries(self) -> RowArray:
        """Return the rows that walks start from, none without a graph."""
        graph = self._state.graph
        return np.empty(0, np.uint32) if graph is None else graph.links()["entries"]

    def center(self) -> Float32Array:
        """Return nothing: there are no neighbours' codes to be relative to it."""
        return np.empty(0, np.float32)

    def copy_links(self, start: int, stop: int) -> RowArray:
        """Return links uint32 [stop - start, R]; rows of the tail have none."""
        links = np.full((stop - start, self._shape.links_per_node), NO_ROW, np.uint32)
        graph = self._state.graph
        if graph is not None:
            stored = graph.links()["links"][start:stop]
            links[: len(stored)] = stored
        return links

    def copy_vectors(self, start: int, stop: int) -> Float32Array:
        """Return originals float32 [stop - start, dim]."""
        state = self._state
        linked = len(state.vectors)
        parts = (
            state.vectors[start:stop],
            state.tail[max(0, start - linked) : max(0, stop - linked)],
        )
        return np.concatenate(parts)

    def search_ids(
        self,
        queries: Float32Array,
        ids: NDArray[np.uint64],
        k: int,
        beam: int,
        full_scan_rows: int,
        threads: int,
    ) -> tuple[NDArray[np.uint64], Float32Array]:
        """Return ids and scores of the best rows, for queries as users give them."""
        asked = self._prepared(queries if queries.ndim > 1 else queries[np.newaxis])
        rows, scores = self.search(asked, k, beam, None, 0, full_scan_rows, False, threads)
        return ids[rows], scores

    def search(
        self,
        queries: Float32Array,
        k: int,
        beam: int,
        allowed: MaskArray | None,
        _allowed_count: int,
        full_scan_rows: int,
        exact: bool,
        threads: int,
    ) -> tuple[RowArray, Float32Array]:
        """Return the best rows and their scores by originals, as `_kernel.Graph.search` does."""
        state = self._state
        chosen = state.live
        if allowed is not None:  # rows beyond the mask do not match
            wanted = np.zeros(len(state.deleted), bool)
            bits = np.unpackbits(allowed, bitorder="little")[: len(wanted)]
            wanted[: len(bits)] = bits
            chosen = state.choose(wanted)
        parts = []
        if state.graph is not None and chosen.coded_count:
            parts.append(
                state.graph.search(
                    queries,
                    k,
                    beam,
                    chosen.coded,
                    chosen.coded_count,
                    exact=exact,
                    full_scan_rows=full_scan_rows,
                    use=_RESCORED,
                    threads=threads,
                )
            )
        if len(state.tail):
            tail, metric = state.tail, self._shape.metric
            rows, scores = exact_search(queries, tail, metric, k, chosen.tail, threads)
            parts.append((rows + np.uint32(len(state.vectors)), scores))
        return _best(parts, len(queries), k, self._shape.metric)

    def _prepared(self, queries: Float32Array) -> Float32Array:
        lengths = np.sqrt(np.einsum("ij,ij->i", queries, queries, dtype=np.float64))
        if queries.shape[1] != self._shape.dim or not np.isfinite(lengths).all():
            raise ValueError("queries have other dimensions or are not finite")
        if self._shape.metric != Metric.COSINE:
            return queries
        lengths[lengths == 0] = 1.0
        return np.ascontiguousarray(queries / lengths[:, None], dtype=np.float32)

    def _link_tail(self, threads: int) -> None:
        state, shape = self._state, self._shape
        vectors = self._originals.view(self.rows)
        layout = Layout(min(Layout.INT8, choose_layout(vectors, shape.metric, threads)))
        core = _kernel.Graph(*shape, layout)
        core.view_vectors(vectors, threads)
        first = len(state.vectors)
        if state.graph is not None:
            core.restore(self.copy_links(0, len(vectors)), self.entries(), threads)
        # Rows that arrive sorted would make a poor graph.
        new = np.arange(first, len(vectors), dtype=np.uint32)
        core.link(np.random.default_rng(len(vectors)).permutation(new), threads)
        core.connect_unreached(threads)
        links = {"links": core.copy_links(0, len(vectors)), "entries": core.entries()}
        self._show(vectors, links, threads)

    def _show(self, vectors: Float32Array, links: dict[str, Any], threads: int) -> None:
        graph = CodedGraph.encode(links, self._code, vectors, self._shape.metric, threads)
        self._room = np.empty((0, self._shape.dim), np.float32)
        self._state = replace(self._state, graph=graph, vectors=vectors, tail=self._room)


def check_code(name: str, metric: Metric) -> None:
    """Raise BadInput, naming those there are, where no such code knows the metric."""
    if name not in CODES:
        raise BadInput(f"quantization is {name!r}; allowed are None, {', '.join(CODES)}")
    if metric == Metric.MANHATTAN and name.endswith("bit"):
        raise BadInput(
            f"quantization is {name!r}, which says nothing of manhattan distances; "
            "use int8 or one of the pq codes"
        )


def _best(
    parts: list[tuple[RowArray, Float32Array]], queries: int, k: int, metric: Metric
) -> tuple[RowArray, Float32Array]:
    """Return the best k of several answers, of equal scores the lower row first."""
    if not parts:
        return np.empty((queries, 0), np.uint32), np.empty((queries, 0), np.float32)
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate([part[0] for part in parts], axis=1)
    scores = np.concatenate([part[1] for part in parts], axis=1)
    keys = -scores if metric.higher_is_better else scores
    order = np.lexsort((rows, keys), axis=1)[:, :k]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)
