"""Which rows are near, by compact codes? The compact layout of a sealed segment.

Invariants: links, codes and parameters never change; altered arrays raise ValueError and never
crash. A search says whether codes or originals have the last word. docs/formats/graph.md describes
the arrays.
Threads: any number may search; `encode` runs its own threads and ends them before it returns.
It does not know ids, deletions (they arrive as a mask) or files.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ruvector.index.quantizers import Parameters, quantizer_of, train
from ruvector.kernel import Float32Array, MaskArray, Metric, RowArray, VectorArray, _kernel
from ruvector.model.quantization import CODES, Code

# Of `arrays`: those that hold codes and what they mean; the others hold the graph.
CODE_ARRAYS = ("codes", "code", "centres")
BESIDE = "beside"  # of `arrays`: copies of a row's original and of its neighbours' codes
# Candidates for each hit where originals have the last word and the search does not say how many:
# recall@10 of all codes scanned then reaches .99 (table in docs/guide/quantization.md).
CANDIDATES = {
    "int8": 1.5,
    "8bit": 1.5,
    "4bit": 1.5,
    "2bit": 2.5,
    "1.5bit": 3.0,
    "1bit": 4.0,
    "pq4": 1.5,
    "pq8": 2.0,
    "pq16": 3.0,
    "pq32": 6.0,
    "pq64": 12.0,
}
# Never fewer candidates than this above k, as for the walk over int8 rows.
CANDIDATES_MORE = 8


class CodeUse(NamedTuple):
    """What one search asks of codes."""

    ignore: bool = False
    rescore: bool | None = None  # None: the caller knows; True here
    oversampling: float | None = None


AS_CONFIGURED = CodeUse()


class CodedGraph:
    """Links, codes and originals of one array of vectors."""

    def __init__(
        self,
        arrays: Mapping[str, NDArray[Any]],
        vectors: VectorArray,
        metric: Metric,
        *,
        vectors_are_cold: bool = False,
    ):
        self._arrays = dict(arrays)
        self._vectors = vectors
        self._vectors_are_cold = vectors_are_cold
        self._quantizer = quantizer_of(arrays, vectors.shape[1], metric)  # checks them
        self.code_name = CODES[int(arrays["code"][1])]
        self._core = _kernel.CodedGraph(
            self._quantizer,
            vectors,
            arrays["codes"],
            arrays.get("links"),
            arrays.get("entries"),
            vectors_are_cold,
            arrays.get(BESIDE),
        )
        self.search_core = self._core.search

    @classmethod
    def encode(
        cls,
        links: Mapping[str, NDArray[Any]],
        code: Code,
        vectors: VectorArray,
        metric: Metric,
        threads: int = 0,
    ) -> "CodedGraph":
        """Return the graph with these ``links`` (and ``entries``) over codes of its vectors.

        Without links there are codes alone, of which every search scans those of its matches.
        ``vectors`` float32, float16 or uint8 [n, dim]. ``threads`` 0 takes every core. An inline
        code has rows lie beside copies of what a step and the last word read of them. Raises
        ValueError where the code cannot estimate the metric. Cost: training, then 10 µs a row and
        core at 384 dimensions.
        """
        parameters = train(code, vectors, metric, threads)
        quantizer = quantizer_of(parameters, vectors.shape[1], metric)
        arrays: Parameters = {
            **{name: np.ascontiguousarray(array) for name, array in links.items()},
            "codes": quantizer.encode(vectors, threads),
            **parameters,
        }
        graph = cls(arrays, vectors, metric)
        if code.inline and "links" in arrays:
            graph = cls({**arrays, BESIDE: graph._core.copies(threads)}, vectors, metric)
        return graph

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        vectors: VectorArray,
        metric: Metric,
        *,
        vectors_are_cold: bool = False,
    ) -> "CodedGraph":
        """Return the graph that ``arrays`` describes, viewing them and ``vectors`` in place.

        Raises ValueError for missing or altered arrays. Cost: one pass over the links.
        """
        try:
            return cls(arrays, vectors, metric, vectors_are_cold=vectors_are_cold)
        except KeyError as error:
            raise ValueError(f"the graph has no array {error}") from None
        except TypeError as error:
            raise ValueError("an array of the graph has the wrong type or shape") from error

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a file must hold beside the vectors; nothing is copied."""
        return self._arrays

    def links(self) -> dict[str, NDArray[Any]]:
        """Return the links and the entries; neither where there are codes alone."""
        return {name: self._arrays[name] for name in ("links", "entries") if name in self._arrays}

    def search(
        self,
        queries: Float32Array,
        k: int,
        beam: int,
        allowed: MaskArray | None = None,
        allowed_count: int = -1,
        *,
        exact: bool = False,
        full_scan_rows: int = 0,
        use: CodeUse | None = None,
        threads: int = 1,
    ) -> tuple[RowArray, Float32Array]:
        """Return the best rows uint32 [q, m] and their scores float32 [q, m], best first.

        As ``Graph.search``. Scores are of the originals where they are compared in the end, and
        estimates otherwise. A walk that would cost more than a look at every match's code is not
        tried; up to ``full_scan_rows`` matches are compared by their originals, unless those are
        on disk.
        """
        use = use or CodeUse()
        sampled = int((use.oversampling or 1.0) * k)
        candidates = 0
        if use.rescore is not False:
            is_small = 0 <= allowed_count <= full_scan_rows and not self._vectors_are_cold
            exact = exact or is_small
            own = max(math.ceil(CANDIDATES[self.code_name] * k), k + CANDIDATES_MORE)
            candidates = max(own, sampled)
        return self.search_core(
            queries,
            k,
            max(beam, sampled),
            candidates,
            exact or use.ignore,
            exact,
            allowed,
            allowed_count,
            threads,
        )

    @property
    def scratch_bytes(self) -> int:
        """Return the bytes that searches keep for the next ones, and of the entries' codes."""
        return self._core.scratch_bytes

    @property
    def vectors(self) -> VectorArray:
        """Return the vectors that the rows stand for."""
        return self._vectors

    @property
    def memory_bytes(self) -> int:
        """Return the bytes of links, codes and parameters, mapped ones included; no vectors."""
        return sum(array.nbytes for array in self._arrays.values()) + self.scratch_bytes

    def __len__(self) -> int:
        return len(self._arrays["codes"])
