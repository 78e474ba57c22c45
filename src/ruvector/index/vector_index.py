"""How are vectors searched without a database? VectorIndex: ids, vectors, a graph, one file.

Invariants: an id stands for one vector; a search sees every add and remove that returned before it
began; rows are never reused, and when more than 30 % are removed the rest is copied, links and all.
Threads: searches run beside each other and beside one writer, and never wait for it; writers wait
for each other. A search that cannot use the rows while they change (a mask, a replacement) uses
the view that the last finished write left.
What it does not do: payloads, filters by value, durability of single writes (`save` is atomic).
"""

import math
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ruvector.errors import BadInput
from ruvector.index.code_choice import choose_layout, choose_stretch, stretch_sample
from ruvector.index.compact_rows import CompactRows, Shape, check_code
from ruvector.index.graph import ALPHA, ORDER_SEED, norm_limit_of, norms_of
from ruvector.index.saved_arrays import arrays_of
from ruvector.index.search import FULL_SCAN_ROWS
from ruvector.index.vector_file import read_file, write_file
from ruvector.kernel import NO_ROW, Float32Array, Layout, MaskArray, Metric, RowArray, _kernel
from ruvector.model.quantization import CODES, Code

IdArray: TypeAlias = NDArray[np.uint64]

DISTANCES = {metric.name.lower(): metric for metric in Metric}
MAX_DIMENSIONS = 65_536
# Above this share of removed rows the others are copied into a new graph (PERFORMANCE 3.5).
REBUILD_PERCENT = 30
# A row of a dot product graph counts as long when it is this much longer than the graph's limit;
# the graph is rebuilt when long rows are as many as removed ones may be.
NORM_GROWTH = 1.5
# So many new rows are worth one pass over the graph that finds rows no walk reaches.
RECONNECT_ROWS = 1000


@dataclass(slots=True)
class _Rows:
    """What a rebuild replaces as a whole: rows with their graph, and the id of each row."""

    core: Any  # _kernel.Graph, or CompactRows with the same methods
    ids: IdArray
    norm_limit: float
    layout: Layout = Layout.PACKED
    long_rows: int = 0
    measured: int = 0  # rows when the walk's stretch was chosen
    viewed: tuple[Any, ...] = ()  # arrays of a file that the core views


class _View:
    """The rows as the last finished write left them; never changed, and so read without a lock.

    Later rows have higher numbers and later removals are not in `deleted`, which covers the rows up
    to the last removal (packed, little bit order).
    """

    __slots__ = ("_mask", "count", "deleted", "live", "rows")

    def __init__(self, rows: _Rows, before: "_View | None") -> None:
        self.rows = rows
        self.count = rows.core.rows
        self.live = self.count - rows.core.deleted_rows
        same = before is not None and before.rows is rows
        if before is not None and same and self.count - self.live == before.count - before.live:
            self.deleted: MaskArray = before.deleted
        else:
            self.deleted = rows.core.deleted_mask()
        self._mask: MaskArray | None = None

    def live_rows(self) -> NDArray[np.bool_]:
        """Return which rows are there, bool [count]."""
        live = np.ones(self.count, bool)
        covered = min(self.count, 8 * len(self.deleted))
        live[:covered] = np.unpackbits(self.deleted, count=covered, bitorder="little") == 0
        return live

    def mask(self) -> MaskArray:
        """Return the same as a packed mask; two threads may make it, both the same."""
        if self._mask is None:
            self._mask = np.packbits(self.live_rows(), bitorder="little")
        return self._mask

    def ids(self) -> IdArray:
        """Return the ids in insertion order."""
        return self.rows.ids[: self.count][self.live_rows()]


class VectorIndex:
    """A searchable set of vectors with uint64 ids.

    ``dimensions`` 1 to 65536; ``distance`` cosine, dot, euclid or manhattan; ``links_per_node``
    ("M") 2 to 256; ``build_beam`` ("efConstruction") 1 to 10000. ``quantization``: None for speed,
    or int8, 8bit, 4bit, 2bit, 1.5bit, 1bit, pq4, pq8, pq16, pq32, pq64 for memory: links and codes
    stay in memory, originals go into an unnamed file in TMPDIR (which should be on a disk) and have
    the last word in every search. Manhattan knows int8 and the pq codes.

    >>> index = VectorIndex(dimensions=2, distance="euclid")
    >>> index.add([7, 8], [[0.0, 0.0], [3.0, 4.0]])
    >>> ids, scores = index.search([3.0, 3.0], k=1)
    >>> ids.tolist(), scores.tolist()
    ([[8]], [[1.0]])
    """

    def __init__(
        self,
        dimensions: int,
        distance: str = "cosine",
        quantization: str | None = None,
        *,
        links_per_node: int = 32,
        build_beam: int = 200,
    ) -> None:
        if isinstance(dimensions, bool) or not 1 <= int(dimensions) <= MAX_DIMENSIONS:
            raise BadInput(f"dimensions is {dimensions}; allowed are 1 to {MAX_DIMENSIONS}")
        if distance not in DISTANCES:
            raise BadInput(f"distance is {distance!r}; allowed are {', '.join(DISTANCES)}")
        if quantization is not None:
            check_code(quantization, DISTANCES[distance])
        self.dimensions = int(dimensions)
        self.quantization = quantization
        self.distance = distance
        self._metric = DISTANCES[distance]
        self._links_per_node = links_per_node
        self._build_beam = build_beam
        self._lock = threading.Lock()
        # Odd while vectors are being replaced; a search that saw it change is repeated.
        self._replacements = 0
        self._table = _kernel.IdTable()
        self._rows = self._empty_rows(0.0)
        self._view = _View(self._rows, None)

    def add(self, ids: ArrayLike, vectors: ArrayLike, threads: int = 0) -> None:
        """Add vectors float32 [n, dim] under ids uint64 [n]; a vector of a known id is replaced.

        ``threads`` 0 takes every core. Of an id given twice the last vector stays. Raises BadInput
        for other shapes, for NaN and infinity, and then nothing was added.
        Cost: 0.2 ms per vector and core at 384 dimensions once there are 2,000.
        """
        new_ids = _ids(ids)
        rows = self._prepare(vectors)
        if len(rows) != len(new_ids):
            raise BadInput(f"{len(new_ids)} ids were given for {len(rows)} vectors")
        if len(rows) == 0:
            return
        with self._lock:
            before = id(self._rows)
            replaced = len(np.unique(new_ids)) < len(new_ids) or bool(
                (self._table.get(new_ids) != NO_ROW).any()
            )
            self._replacements += replaced
            try:
                self._append(new_ids, rows, threads)
                self._view = _View(self._rows, self._view)
            finally:
                self._replacements += replaced
            del rows
            if id(self._rows) != before:
                _kernel.trim_heap()  # copies of all vectors lay there

    def remove(self, ids: ArrayLike) -> int:
        """Remove vectors by id and return how many there were; unknown ids are passed over."""
        with self._lock:
            rows = self._table.take(_ids(ids))
            removed: int = self._rows.core.remove(rows[rows != NO_ROW], 0)
            before = id(self._rows)
            self._rebuild_if_worn(0)
            self._view = _View(self._rows, self._view)
            if id(self._rows) != before:
                _kernel.trim_heap()
            return removed

    def search(
        self,
        queries: ArrayLike,
        k: int = 10,
        beam: int = 64,
        threads: int = 1,
        allowed: NDArray[Any] | None = None,
    ) -> tuple[IdArray, Float32Array]:
        """Return ids uint64 [q, m] and scores float32 [q, m], best first, m = min(k, matches).

        ``queries`` float32 [q, dim] or [dim]. ``beam`` ("ef"): a wider one finds more of the true
        neighbours and takes longer. ``allowed``: boolean [len(index)] or the same packed in little
        bit order (uint8), over ``index.ids``. Scores: similarity for cosine and dot, distance for
        euclid and manhattan. Raises BadInput for other shapes, NaN and infinity.
        """
        if k < 1 or beam < 1:
            raise BadInput(f"k is {k} and beam is {beam}; both must be at least 1")
        before = self._replacements
        settled = allowed is None and not before & 1
        if settled and isinstance(queries, np.ndarray) and queries.dtype == np.float32:
            # In as few steps as it takes: the kernel checks, normalizes and looks ids up.
            rows = self._rows
            try:
                ids, scores = rows.core.search_ids(
                    queries, rows.ids, k, beam, FULL_SCAN_ROWS, threads
                )
            except (TypeError, ValueError, IndexError):
                # Bad queries are named below; or rows vanished meanwhile and places stayed empty.
                before = -1
            if self._replacements == before:
                return ids, scores
        prepared = self._prepare(queries)
        return self._search_view(self._view, prepared, k, beam, threads, allowed)

    @property
    def ids(self) -> IdArray:
        """Return the ids uint64 [len(index)] in insertion order; a replaced vector counts anew."""
        return self._view.ids()

    @property
    def memory_bytes(self) -> int:
        """Return the bytes of vectors, graph, codes and ids, in whole pages of memory; not of
        originals in a file.
        """
        rows = self._rows
        vectors = 0 if self.quantization else rows.core.vector_bytes
        own = rows.core.memory_bytes + vectors
        return int(own + rows.ids.nbytes + self._table.memory_bytes)

    def __len__(self) -> int:
        live: int = self._view.live
        return live

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to one file, atomically: the old file stays until the new is whole."""
        with self._lock:
            core = self._rows.core
            code = np.empty(0, np.uint32)
            if self.quantization is not None:
                core.settle(0)
                code = np.array([CODES.index(self.quantization)], np.uint32)
            settings = np.array(
                [
                    self._links_per_node,
                    self._build_beam,
                    ALPHA,
                    self._rows.norm_limit,
                    self._rows.layout,
                    core.stretch,
                ],
                np.float64,
            )
            arrays = arrays_of(core, self._rows.ids, settings, code)
            write_file(Path(path), self.distance, self.dimensions, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, mapped: bool = False) -> "VectorIndex":
        """Return the index saved in a file; raises BadInput if it is cut off or altered.

        ``mapped`` leaves vectors and graph in the file, which other processes may share; what is
        changed stays in memory. The file must not be cut or overwritten meanwhile (``save``
        replaces it, which is fine). Every byte is read once and checked, mapped or not.
        """
        header, arrays = read_file(Path(path), mapped=mapped)
        try:
            ids, deleted = arrays["ids"], arrays["deleted"]
            links_per_node, build_beam, _, norm_limit, layout, stretch = arrays["settings"].tolist()
            if not (math.isfinite(norm_limit) and norm_limit >= 0 and layout in (0, 1, 2)):
                raise BadInput(f"the norm limit is {norm_limit}, the layout {layout}")
            code = arrays["code"].tolist() if "code" in arrays else []  # older files have none
            if len(code) > 1 or any(number >= len(CODES) for number in code):
                raise BadInput(f"the code is {code}; known are 0 to {len(CODES) - 1}")
            index = cls(
                header.dimensions,
                header.distance,
                CODES[code[0]] if code else None,
                links_per_node=int(links_per_node),
                build_beam=int(build_beam),
            )
            core = index._empty_rows(norm_limit, Layout(layout)).core
            if len(arrays["center"]):
                core.set_center(arrays["center"])
            vectors = index._checked(arrays["vectors"])
            if "nodes" in arrays:
                core.view_nodes(vectors, arrays["nodes"], arrays["entries"])
            else:
                core.append(vectors, 0)
                core.restore(arrays["links"], arrays["entries"], 0)
            core.stretch = stretch
            gone = np.unpackbits(deleted, bitorder="little")[: len(ids)].astype(bool)
            if len(ids) != core.rows or len(gone) != core.rows or ids.dtype != np.uint64:
                raise BadInput("ids, removals and vectors differ in number")
            core.mark_removed(np.flatnonzero(gone).astype(np.uint32))
            index._rows = _Rows(core, ids, norm_limit, Layout(layout), measured=core.rows)
            index._rows.viewed = vectors, arrays.get("nodes")
            index._count_long(index._rows, vectors)
            index._fill_table(~gone)
            index._view = _View(index._rows, None)
        except (KeyError, TypeError, ValueError, OverflowError, BadInput) as error:
            raise BadInput(f"{path} is not a saved index or is damaged: {error}") from error
        return index

    def _prepare(self, vectors: ArrayLike) -> Float32Array:
        """Return vectors as finite float32 [n, dim], of unit length for cosine."""
        with np.errstate(over="ignore"):  # too large for float32 is refused below
            rows = np.ascontiguousarray(vectors, dtype=np.float32)
        if rows.ndim == 1:
            rows = rows.reshape(1, -1)
        rows = self._checked(rows)
        if self._metric != Metric.COSINE:
            return rows
        if len(rows) == 1:
            row = rows[0]
            square = float(row.dot(row))
            if 1e-30 < square < 1e30:
                return rows * np.float32(1.0 / math.sqrt(square))
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        norms[norms == 0] = 1.0  # a zero vector stays zero and scores 0
        return np.ascontiguousarray(rows / norms[:, None], dtype=np.float32)

    def _checked(self, rows: Float32Array) -> Float32Array:
        if rows.ndim != 2 or rows.shape[1] != self.dimensions:
            raise BadInput(f"vectors have shape {rows.shape}; expected [n, {self.dimensions}]")
        # One sum finds NaN and infinity; finite numbers may add up to infinity and are seen twice.
        with np.errstate(over="ignore", invalid="ignore"):
            total = rows.sum()
        if not math.isfinite(total) and not np.isfinite(rows).all():
            raise BadInput("vectors must not hold NaN, infinity or numbers beyond float32")
        return rows

    def _empty_rows(self, norm_limit: float, layout: Layout = Layout.PACKED) -> _Rows:
        links, beam = self._links_per_node, self._build_beam
        shape = Shape(self.dimensions, self._metric, 0, links, beam, ALPHA, norm_limit)
        try:
            core: Any = _kernel.Graph(*shape, layout)
        except ValueError as error:
            raise BadInput(str(error)) from error
        if self.quantization is not None:  # the graph has checked the parameters
            core = CompactRows(shape, Code(self.quantization))
        return _Rows(core, np.empty(0, np.uint64), norm_limit, layout)

    def _append(self, ids: IdArray, vectors: Float32Array, threads: int) -> None:
        rows = self._rows
        first = rows.core.rows
        last = first + len(ids)
        if len(rows.ids) < last:
            # Readers look ids up after their search, and so in the new array.
            grown = np.empty(max(last, len(rows.ids) * 3 // 2), np.uint64)
            grown[:first] = rows.ids[:first]
            rows.ids = grown
        rows.ids[first:last] = ids
        rows.core.append(vectors, threads)
        self._count_long(rows, vectors)
        is_linked = len(rows.core.entries()) > 0
        if is_linked:
            self._link(rows.core, np.arange(first, last, dtype=np.uint32), threads)
            if last >= 2 * rows.measured:
                self._measure(rows, threads)
        before = self._table.put(ids, first)
        rows.core.remove(before[before != NO_ROW], threads)
        if not is_linked and last > FULL_SCAN_ROWS:
            if self._metric == Metric.MANHATTAN:  # nothing to choose
                self._link(rows.core, np.arange(last, dtype=np.uint32), threads)
            else:
                self._rebuild(threads)
        self._rebuild_if_worn(threads)

    def _count_long(self, rows: _Rows, vectors: Float32Array) -> None:
        if self._metric == Metric.DOT:
            limit = NORM_GROWTH * rows.norm_limit
            rows.long_rows += int(np.count_nonzero(norms_of(vectors) > limit))

    @staticmethod
    def _link(core: Any, rows: RowArray, threads: int) -> None:
        # Rows that arrive sorted would make a poor graph.
        core.link(np.random.default_rng(ORDER_SEED).permutation(rows), threads)
        if len(rows) >= RECONNECT_ROWS:
            core.connect_unreached(threads)

    def _measure(self, rows: _Rows, threads: int) -> None:
        """Choose again how a packed graph is walked: the more rows, the less contrast there is."""
        rows.measured = rows.core.rows
        if rows.core.layout == Layout.PACKED:
            count = stretch_sample(rows.core.rows)
            chosen = np.random.default_rng(ORDER_SEED).integers(0, rows.core.rows, count)
            sample = [rows.core.copy_vectors(row, row + 1) for row in chosen.tolist()]
            choose_stretch(rows.core, np.concatenate(sample), threads)

    def _rebuild_if_worn(self, threads: int) -> None:
        core = self._rows.core
        is_long = self._rows.long_rows * 100 > core.rows * REBUILD_PERCENT and len(core.entries())
        is_worn = core.deleted_rows * 100 > core.rows * REBUILD_PERCENT
        if is_long or (is_worn and self.quantization is not None):  # codes are made anew anyway
            self._rebuild(threads)
        elif is_worn:
            self._compact(threads)

    def _compact(self, threads: int) -> None:
        """Copy the rows that are left, with their links; searches use the old ones meanwhile."""
        old = self._rows
        live = ~old.core.deleted()
        old.core.mend(threads)
        rows = self._empty_rows(old.norm_limit, old.layout)
        rows.core.copy_living(old.core, threads)
        rows.ids = old.ids[: len(live)][live]
        rows.measured = old.measured
        if self._metric == Metric.DOT:
            self._count_long(rows, rows.core.copy_vectors(0, rows.core.rows))
        if len(rows.core.entries()):
            rows.core.connect_unreached(threads)
        self._rows = rows
        self._fill_table(np.ones(len(rows.ids), bool))

    def _rebuild(self, threads: int) -> None:
        """Put the rows that are left into a new graph; searches use the old one meanwhile."""
        core = self._rows.core
        live = ~core.deleted()
        vectors = core.copy_vectors(0, core.rows)
        if not live.all():
            vectors = vectors[live]
        is_dot = self._metric == Metric.DOT
        limit = norm_limit_of(norms_of(vectors)) if is_dot else 0.0
        is_large = len(vectors) > FULL_SCAN_ROWS and self._metric != Metric.MANHATTAN
        layout = choose_layout(vectors, self._metric, threads) if is_large else Layout.PACKED
        rows = self._empty_rows(limit, layout)
        rows.ids = self._rows.ids[: len(live)][live]
        rows.core.append(vectors, threads)
        self._count_long(rows, vectors)
        if len(vectors) > FULL_SCAN_ROWS:
            self._link(rows.core, np.arange(len(vectors), dtype=np.uint32), threads)
            self._measure(rows, threads)
        self._rows = rows
        self._fill_table(np.ones(len(vectors), bool))

    def _fill_table(self, live: NDArray[np.bool_]) -> None:
        table = _kernel.IdTable()
        ids = self._rows.ids[: len(live)]
        positions = np.flatnonzero(live)
        if len(positions) == len(live):
            repeated = table.put(ids, 0)
        else:
            repeated = np.concatenate(
                [np.empty(0, np.uint32), *(table.put(ids[p : p + 1], int(p)) for p in positions)]
            )
        if (repeated != NO_ROW).any():
            raise BadInput("an id stands for two vectors")
        self._table = table

    @staticmethod
    def _search_view(
        view: _View,
        queries: Float32Array,
        k: int,
        beam: int,
        threads: int,
        allowed: NDArray[Any] | None,
    ) -> tuple[IdArray, Float32Array]:
        mask, count = (view.mask(), view.live) if allowed is None else _mask(view, allowed)
        rows, scores = view.rows.core.search(
            queries, k, beam, mask, count, FULL_SCAN_ROWS, False, threads
        )
        return view.rows.ids[rows], scores


def _mask(view: _View, allowed: NDArray[Any]) -> tuple[MaskArray, int]:
    """Return the mask over rows, and how many are set, for one over the insertion order."""
    length = view.live
    given = np.asarray(allowed)
    if given.dtype == np.uint8 and given.shape == ((length + 7) // 8,):
        chosen = np.unpackbits(given, count=length, bitorder="little").astype(bool)
    elif given.dtype == np.bool_ and given.shape == (length,):
        chosen = given
    else:
        raise BadInput(
            f"allowed is {given.dtype} {given.shape}; expected bool ({length},) or "
            f"packed uint8 ({(length + 7) // 8},)"
        )
    if view.count > length:
        over_rows = view.live_rows()
        over_rows[over_rows] = chosen
        chosen = over_rows
    return np.packbits(chosen, bitorder="little"), int(np.count_nonzero(chosen))


def _ids(values: ArrayLike) -> IdArray:
    """Return ids as uint64 [n]; refuses anything that is not a whole number from 0 to 2**64 - 1."""
    given = np.atleast_1d(np.asarray(values))
    if given.ndim != 1 or (given.size and given.dtype.kind not in "ui"):
        raise BadInput(f"ids are {given.dtype} {given.shape}; expected whole numbers [n]")
    if given.dtype.kind == "i" and given.size and given.min() < 0:
        raise BadInput(f"id {given.min()} is negative; ids are 0 to 2**64 - 1")
    return np.ascontiguousarray(given, dtype=np.uint64)
