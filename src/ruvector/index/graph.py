"""Which rows are near this vector? The graph of a sealed segment, built in one go.

Invariants: a built graph never changes; it views the vectors it was built over and keeps them
alive; altered arrays raise ValueError and never crash. docs/formats/graph.md describes its arrays.
Threads: any number may search; ``build`` runs its own threads and ends them before it returns.
It does not know ids, deletions (they arrive as a mask) or files.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.errors import RuvectorError
from ruvector.index.code_choice import choose_layout, choose_stretch, sample_of, stretch_sample
from ruvector.kernel import Float32Array, Layout, MaskArray, Metric, RowArray, VectorArray, _kernel

FORMAT_VERSION = 2
ALPHA = 1.2
ELEMENTS = (np.dtype(np.float32), np.dtype(np.float16), np.dtype(np.uint8))

STRETCH_MAX = 16.0

# Rows linked between two looks at `cancel`: about 0.2 s of work.
STEP_ROWS = 2048
# Build order is a fixed shuffle: rows that arrive sorted would make a poor graph.
ORDER_SEED = 7
# Measured on 4,000 x 72 rows with norms spread over a factor of 10, recall@10 at beam 32: longest
# row .924, 99 % .947, 90 % .972, median .663 (docs/decisions/kernel-graph.md).
NORM_SHARE = 0.9


class Cancelled(RuvectorError):
    """The build was asked to stop."""


class Graph:
    """A flat graph over the rows of one array of vectors."""

    def __init__(self, core: _kernel.Graph, vectors: VectorArray, settings: NDArray[np.float64]):
        self._core = core
        self._vectors = vectors
        self._settings = settings
        self._keep: tuple[Any, ...] = ()
        self.search_core = core.search

    @classmethod
    def build(
        cls,
        vectors: VectorArray,
        metric: Metric,
        *,
        links_per_node: int = 32,
        build_beam: int = 200,
        threads: int = 0,
        progress: Callable[[int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> "Graph":
        """Return the graph over all rows of ``vectors``: float32, float16 or uint8 [n, dim].

        ``links_per_node`` ("M", "R"), ``build_beam`` ("efConstruction"). ``threads`` 0 takes every
        core. ``progress`` is called with the number of rows linked so far; a set ``cancel`` raises
        Cancelled. Raises ValueError for parameters out of range, TypeError for other dtypes.
        Cost: 0.2 ms per row and core at 384 dimensions.
        """
        limit = norm_limit_of(norms_of(vectors)) if metric == Metric.DOT else 0.0
        layout = choose_layout(vectors, metric, threads)
        settings = _settings(vectors, metric, links_per_node, build_beam, limit, layout)
        core = _core(settings)
        core.view_vectors(vectors, threads)
        order = np.random.default_rng(ORDER_SEED).permutation(len(vectors)).astype(np.uint32)
        for start in range(0, len(order), STEP_ROWS):
            if cancel is not None and cancel.is_set():
                raise Cancelled(f"the build was cancelled after {start} of {len(order)} rows")
            core.link(order[start : start + STEP_ROWS], threads)
            if progress is not None:
                progress(min(start + STEP_ROWS, len(order)))
        core.connect_unreached(threads)
        if core.layout == Layout.PACKED:
            count = stretch_sample(len(vectors))
            choose_stretch(core, sample_of(vectors, metric, count), threads)
        settings[8:] = core.layout, core.stretch
        return cls(core, vectors, settings)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a file must hold beside the vectors; views, nothing is copied."""
        core = self._core
        found: dict[str, NDArray[Any]] = {"settings": self._settings, "entries": core.entries()}
        if core.layout == Layout.PACKED:
            return {**found, "center": core.center(), "nodes": core.codes_view()}
        found["links"] = core.links_view()
        if core.code_bytes:
            found["codes"] = core.codes_view()
        return found

    def links(self) -> dict[str, RowArray]:
        """Return the links uint32 [n, R] and the entries, whatever the rows look like."""
        return {"links": self._core.copy_links(0, len(self)), "entries": self._core.entries()}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], vectors: VectorArray, metric: Metric
    ) -> "Graph":
        """Return the graph that ``arrays`` describes, viewing them and ``vectors`` in place.

        Raises ValueError for missing or altered arrays, and when vectors or metric are not those
        the graph was built with. Cost: one pass over the links.
        """
        try:
            settings, entries = arrays["settings"], arrays["entries"]
            core = _core(_checked_settings(settings, vectors, metric))
            if core.layout == Layout.PACKED:
                kept: tuple[Any, ...] = (arrays["nodes"],)
                if len(vectors):
                    core.set_center(arrays["center"])
                core.view_nodes(vectors, arrays["nodes"], entries)
            else:
                codes = arrays["codes"] if core.code_bytes else None
                kept = (arrays["links"], codes)
                core.view_stored(vectors, arrays["links"], codes, entries)
        except KeyError as error:
            raise ValueError(f"the graph has no array {error}") from None
        except TypeError as error:
            raise ValueError("an array of the graph has the wrong type or shape") from error
        graph = cls(core, vectors, settings)
        graph._keep = kept
        return graph

    def search(
        self,
        queries: Float32Array,
        k: int,
        beam: int,
        allowed: MaskArray | None = None,
        threads: int = 1,
    ) -> tuple[RowArray, Float32Array]:
        """Return the best rows uint32 [q, m] and their scores float32 [q, m], best first.

        ``queries`` float32 [q, dim], unit length for cosine. ``beam`` ("ef"): a wider one finds
        more of the true neighbours and takes longer. ``allowed``: packed mask in little bit order
        over the rows. m = min(k, allowed rows); every place is filled. Scores come from the
        original vectors. Raises ValueError for other dimensions.
        """
        return self.search_core(queries, k, beam, allowed, -1, 0, False, threads)

    @property
    def vectors(self) -> VectorArray:
        """Return the vectors that the rows stand for."""
        return self._vectors

    @property
    def memory_bytes(self) -> int:
        """Return the bytes of links and codes, mapped ones included; not of the vectors."""
        return self._core.memory_bytes

    def __len__(self) -> int:
        return self._core.rows


def norms_of(vectors: VectorArray) -> NDArray[np.float64]:
    """Return the lengths float64 [n] of vectors of any element type, block by block."""
    blocks = (vectors[i : i + 4096].astype(np.float64) for i in range(0, len(vectors), 4096))
    squares = [np.einsum("ij,ij->i", block, block) for block in blocks]
    lengths: NDArray[np.float64] = np.sqrt(np.concatenate([np.empty(0), *squares]))
    return lengths


def norm_limit_of(norms: NDArray[np.float64]) -> float:
    """Return the length up to which rows of a dot product graph are lifted onto one sphere."""
    return float(np.quantile(norms, NORM_SHARE)) if len(norms) else 0.0


def _settings(
    vectors: VectorArray,
    metric: Metric,
    links_per_node: int,
    build_beam: int,
    norm_limit: float,
    layout: Layout,
) -> NDArray[np.float64]:
    if vectors.ndim != 2 or vectors.dtype not in ELEMENTS:
        raise TypeError("vectors must be float32, float16 or uint8 [n, dim]")
    element = ELEMENTS.index(vectors.dtype)
    values = (
        FORMAT_VERSION,
        vectors.shape[1],
        metric,
        element,
        links_per_node,
        build_beam,
        ALPHA,
        norm_limit,
        layout,
        1.0,
    )
    return np.array(values, np.float64)


def _checked_settings(
    settings: NDArray[Any], vectors: VectorArray, metric: Metric
) -> NDArray[np.float64]:
    if settings.dtype == np.float64 and settings.shape == (9,) and settings[0] == 1:
        settings = np.append(settings, 0.0)  # version 1 knew no packed graphs
        settings[0] = FORMAT_VERSION
    if settings.dtype != np.float64 or settings.shape != (10,) or not np.isfinite(settings).all():
        raise ValueError("the graph's settings are not ten numbers")
    if settings[0] != FORMAT_VERSION:
        raise ValueError(f"graph format {settings[0]:g} is unknown; known is {FORMAT_VERSION}")
    expected = _settings(vectors, metric, 0, 0, 0.0, Layout.PACKED)
    if not np.array_equal(settings[1:4], expected[1:4]):
        raise ValueError("the graph was built over other vectors or for another metric")
    if not (2 <= settings[4] <= 256 and 1 <= settings[5] <= 10_000):
        raise ValueError("the graph's links_per_node or build_beam is out of range")
    if (settings[4:6] % 1).any() or settings[6] < 1 or settings[7] < 0:
        raise ValueError("the graph's settings are out of range")
    if settings[8] not in (0, 1, 2) or not 0 <= settings[9] <= STRETCH_MAX:
        raise ValueError("the graph's layout or stretch is out of range")
    return settings


def _core(settings: NDArray[np.float64]) -> _kernel.Graph:
    dim, metric, element, links_per_node, build_beam = (int(v) for v in settings[1:6])
    alpha, norm_limit, layout, stretch = settings[6:].tolist()
    core = _kernel.Graph(
        dim, metric, element, links_per_node, build_beam, alpha, norm_limit, int(layout)
    )
    core.stretch = stretch
    return core
