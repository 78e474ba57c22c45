"""Who is measured? VectorIndex and the other libraries that are installed, behind one contract.

A peer is built once and then asked one query a call, from one thread. Every graph has 16 links a
node and layer (32 on the lowest, as ours) and is built with a beam of 200. Vectors of cosine are of
unit length already, so that inner product is the same order.
"""

import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import numpy as np

from ruvector.index.vector_index import VectorIndex
from ruvector.kernel import Float32Array

# A query float32 [dim] -> ids of the neighbours.
Search = Callable[[Float32Array], Any]

BUILD_BEAM = 200
LINKS = 16


class Peer(ABC):
    """One library with one choice of settings, named as in the table `PEERS`."""

    package: ClassVar[str]
    module: ClassVar[str]
    settings: ClassVar[str]
    metrics: ClassVar[Mapping[str, Any]]
    only_beam: ClassVar[int | None] = None  # of a library that fixes it when it builds

    def __init__(self, distance: str) -> None:
        self.metric = self.metrics[distance]
        self.index: Any = None
        self.ingest_seconds = 0.0  # of a database: until all points are durable, before the index

    @abstractmethod
    def build(self, vectors: Float32Array, threads: int) -> None:
        """Index the vectors under their row numbers."""

    @abstractmethod
    def search(self, beam: int, k: int) -> Search:
        """Return the function that answers one query with this beam ("ef")."""

    def memory_bytes(self) -> int | None:
        """Return what the library says it uses; None where it does not say."""
        return None

    def close(self) -> None:  # noqa: B027 - most have nothing to give back
        """Give back what garbage collection would not."""

    @classmethod
    def missing(cls, distance: str) -> str:
        """Return why this peer cannot be measured, or nothing."""
        if distance not in cls.metrics:
            return f"does not know the distance {distance}"
        try:
            importlib.import_module(cls.module)
        except (ImportError, OSError) as error:
            return f"not installed: {error}"
        return ""

    @classmethod
    def version(cls) -> str:
        """Return the installed version."""
        try:
            return version(cls.package)
        except PackageNotFoundError:
            return "unknown"


class Ruvector(Peer):
    """Our index with its defaults."""

    package = module = "ruvector"
    settings = "R=32 build_beam=200"
    metrics: ClassVar[Mapping[str, Any]] = {
        name: name for name in ("cosine", "dot", "euclid", "manhattan")
    }

    def build(self, vectors: Float32Array, threads: int) -> None:
        self.index = VectorIndex(dimensions=vectors.shape[1], distance=self.metric)
        self.index.add(np.arange(len(vectors), dtype=np.uint64), vectors, threads=threads)

    def search(self, beam: int, k: int) -> Search:
        index = self.index
        return lambda query: index.search(query, k=k, beam=beam)[0][0]

    def memory_bytes(self) -> int:
        return int(self.index.memory_bytes)


class Hnswlib(Peer):
    """The reference implementation of HNSW by its authors."""

    package = module = "hnswlib"
    settings = "M=16 ef_construction=200"
    metrics: ClassVar[Mapping[str, Any]] = {"cosine": "ip", "dot": "ip", "euclid": "l2"}

    def build(self, vectors: Float32Array, threads: int) -> None:
        hnswlib = importlib.import_module(self.module)
        self.index = hnswlib.Index(self.metric, vectors.shape[1])
        self.index.init_index(len(vectors), ef_construction=BUILD_BEAM, M=LINKS)
        self.index.set_num_threads(threads)
        self.index.add_items(vectors)
        self.index.set_num_threads(1)

    def search(self, beam: int, k: int) -> Search:
        index = self.index
        index.set_ef(beam)
        return lambda query: index.knn_query(query, k)[0][0]


class Usearch(Peer):
    """usearch with float32 vectors."""

    package = "usearch"
    module = "usearch.index"
    settings = "f32 connectivity=16 expansion_add=200"
    metrics: ClassVar[Mapping[str, Any]] = {"cosine": "cos", "dot": "ip", "euclid": "l2sq"}

    def build(self, vectors: Float32Array, threads: int) -> None:
        usearch = importlib.import_module(self.module)
        self.index = usearch.Index(
            ndim=vectors.shape[1],
            metric=self.metric,
            dtype="f32",
            connectivity=LINKS,
            expansion_add=BUILD_BEAM,
        )
        self.index.add(np.arange(len(vectors)), vectors, threads=threads)

    def search(self, beam: int, k: int) -> Search:
        index = self.index
        index.expansion_search = beam
        return lambda query: index.search(query, k, threads=1).keys

    def memory_bytes(self) -> int:
        return int(self.index.memory_usage)


class Faiss(Peer):
    """faiss HNSW over float32 vectors."""

    package = "faiss-cpu"
    module = "faiss"
    settings = "HNSW16,Flat efConstruction=200"
    factory = "HNSW16,Flat"
    metrics: ClassVar[Mapping[str, Any]] = {
        "cosine": "METRIC_INNER_PRODUCT",
        "dot": "METRIC_INNER_PRODUCT",
        "euclid": "METRIC_L2",
        "manhattan": "METRIC_L1",
    }

    def build(self, vectors: Float32Array, threads: int) -> None:
        faiss = importlib.import_module(self.module)
        faiss.omp_set_num_threads(threads)
        self.index = faiss.index_factory(
            vectors.shape[1], self.factory, getattr(faiss, self.metric)
        )
        refined = isinstance(self.index, faiss.IndexRefine)
        graph = faiss.downcast_index(self.index.base_index) if refined else self.index
        graph.hnsw.efConstruction = BUILD_BEAM
        self.index.train(vectors)
        self.index.add(vectors)
        faiss.omp_set_num_threads(1)

    def search(self, beam: int, k: int) -> Search:
        index, parameters = self.index, self.parameters(beam)
        return lambda query: index.search(query[np.newaxis], k, params=parameters)[1][0]

    def parameters(self, beam: int) -> Any:
        """Return faiss's object of settings for one search."""
        return importlib.import_module(self.module).SearchParametersHNSW(efSearch=beam)


class FaissRefined(Faiss):
    """faiss HNSW over 8-bit codes; twice as many rows are compared again with the originals."""

    settings = "HNSW16_SQ8,RFlat k_factor=2 efConstruction=200"
    factory = "HNSW16_SQ8,RFlat"
    metrics: ClassVar[Mapping[str, Any]] = {
        name: metric for name, metric in Faiss.metrics.items() if name != "manhattan"
    }

    def parameters(self, beam: int) -> Any:
        faiss = importlib.import_module(self.module)
        return faiss.IndexRefineSearchParameters(
            k_factor=2, base_index_params=super().parameters(beam)
        )


class SymphonyQG(Peer):
    """The quantized graph of rabitqlib with 8-bit rows: the fastest that can only be built."""

    package = module = "rabitqlib"
    settings = "SymphonyQG R=32 8-bit rows ef_construction=200"
    metrics: ClassVar[Mapping[str, Any]] = {"cosine": "ip", "dot": "ip", "euclid": "l2"}

    def build(self, vectors: Float32Array, threads: int) -> None:
        rabitqlib = importlib.import_module(self.module)
        self.index = rabitqlib.SymqgIndex(vectors.shape[1], 2 * LINKS, self.metric, 8)
        self.index.build(vectors, BUILD_BEAM, num_threads=threads)

    def search(self, beam: int, k: int) -> Search:
        index = self.index
        return lambda query: index.search(query[np.newaxis], k, beam)[0][0]


class RabitqHnsw(SymphonyQG):
    """HNSW of rabitqlib over 8-bit codes."""

    settings = "HNSW M=16 8-bit codes ef_construction=200"
    centroids = 16

    def build(self, vectors: Float32Array, threads: int) -> None:
        rabitqlib = importlib.import_module(self.module)
        cells = rabitqlib.RaBitQKMeans(vectors.shape[1], self.centroids, num_threads=threads)
        cells.train(vectors)
        self.index = rabitqlib.HnswIndex(
            vectors.shape[1], len(vectors), LINKS, BUILD_BEAM, 8, self.metric
        )
        self.index.build(vectors, cells.centroids, cells.assignments, num_threads=threads)


class Vsag(Peer):
    """vsag's graph over 8-bit codes, reordered with the originals."""

    package = module = "pyvsag"
    settings = "hgraph sq8_uniform+fp32 max_degree=32 ef_construction=200"
    metrics: ClassVar[Mapping[str, Any]] = {"cosine": "ip", "dot": "ip", "euclid": "l2"}

    def build(self, vectors: Float32Array, threads: int) -> None:
        pyvsag = importlib.import_module(self.module)
        pyvsag.set_logger_off()
        index = {
            "base_quantization_type": "sq8_uniform",
            "precise_quantization_type": "fp32",
            "use_reorder": True,
            "max_degree": 2 * LINKS,
            "ef_construction": BUILD_BEAM,
            "alpha": 1.2,
            "build_thread_count": threads,
        }
        rows, dim = vectors.shape
        settings = {"dtype": "float32", "metric_type": self.metric, "dim": dim}
        self.index = pyvsag.Index("hgraph", json.dumps(settings | {"index_param": index}))
        ids = np.arange(rows, dtype=np.int64)
        self.index.build(vectors=vectors, ids=ids, num_elements=rows, dim=dim)

    def search(self, beam: int, k: int) -> Search:
        index, settings = self.index, json.dumps({"hgraph": {"ef_search": beam}})
        return lambda query: index.knn_search(vector=query, k=k, parameters=settings)[0]


PEERS: Mapping[str, type[Peer]] = {
    "ruvector": Ruvector,
    "hnswlib": Hnswlib,
    "symphonyqg": SymphonyQG,
    "rabitq-hnsw": RabitqHnsw,
    "faiss": Faiss,
    "faiss-sq8": FaissRefined,
    "usearch": Usearch,
    "vsag": Vsag,
}
