"""Which whole databases are measured? Ours and others that run inside the process.

Each stores vectors with a payload of about 100 bytes (synthetic.py), builds its graph, and answers
one query a call with ids and payloads. Batches are as large as each takes well. Durability differs:
only ruvector has fsynced a batch when `upsert` returns.
"""

import importlib
import tempfile
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import ruvector
import synthetic
from ruvector.bench.curves import OURS
from ruvector.bench.peers import BUILD_BEAM, LINKS, Peer, Search

COLLECTION = "bench"
COSINE: Mapping[str, Any] = {"cosine": None}
Payloads = list[dict[str, Any]]


class Database(Peer):
    """A database in a folder of its own, which `close` removes."""

    metrics = COSINE
    batch: ClassVar[int] = 1000

    def __init__(self, distance: str) -> None:
        super().__init__(distance)
        self._holder = tempfile.TemporaryDirectory(dir=Path.cwd())
        self.folder = Path(self._holder.name)

    def build(self, vectors: synthetic.Vectors, threads: int) -> None:
        """Create, ingest in batches, index; `ingest_seconds` is the time of the middle part."""
        self.dimensions, self.threads = vectors.shape[1], threads
        self.create()
        payloads = synthetic.payloads(len(vectors))
        start = time.perf_counter()
        for first in range(0, len(vectors), self.batch):
            rows = slice(first, first + self.batch)
            self.insert(first, vectors[rows], payloads[rows])
        self.ingest_seconds = time.perf_counter() - start
        self.index_all()

    @abstractmethod
    def create(self) -> None:
        """Make an empty collection."""

    @abstractmethod
    def insert(self, first: int, vectors: synthetic.Vectors, payloads: Payloads) -> None:
        """Store one batch under the ids from `first`."""

    def index_all(self) -> None:
        """Return when every point is in the graph."""

    def close(self) -> None:
        """Close it and remove its folder."""
        self.index = None
        self._holder.cleanup()


class Ruvector(Database):
    """client.search of the embedded database."""

    package = module = OURS
    settings = "client.search with payload"
    batch = 5000

    def create(self) -> None:
        self.index = ruvector.open(self.folder / "db")
        self.index.create_collection(COLLECTION, dimensions=self.dimensions, distance="cosine")

    def insert(self, first: int, vectors: synthetic.Vectors, payloads: Payloads) -> None:
        ids = np.arange(first, first + len(vectors), dtype=np.uint64)
        self.index.upsert(COLLECTION, ids=ids, vectors=vectors, payloads=payloads)

    def index_all(self) -> None:
        self.index.wait_for_index(COLLECTION)

    def search(self, beam: int, k: int) -> Search:
        client, params = self.index, {"hnsw_ef": beam}

        def answer(query: Any) -> list[Any]:
            hits = client.search(COLLECTION, query_vector=query, limit=k, params=params)
            return [hit.id for hit in hits]

        return answer

    def close(self) -> None:
        self.index.close()
        super().close()


class QdrantEdge(Database):
    """Qdrant's engine inside the process, with its default graph."""

    package = "qdrant-edge-py"
    module = "qdrant_edge"
    settings = "query with payload, m=16 ef_construct=100 (its defaults)"

    def create(self) -> None:
        self.edge = importlib.import_module(self.module)
        params = self.edge.EdgeVectorParams(size=self.dimensions, distance=self.edge.Distance.Dot)
        (self.folder / "shard").mkdir()
        config = self.edge.EdgeConfig(vectors={"v": params})
        self.index = self.edge.EdgeShard.create(str(self.folder / "shard"), config)

    def insert(self, first: int, vectors: synthetic.Vectors, payloads: Payloads) -> None:
        points = [
            self.edge.Point(first + row, {"v": vector}, payloads[row])
            for row, vector in enumerate(vectors.tolist())
        ]
        self.index.update(self.edge.UpdateOperation.upsert_points(points))

    def index_all(self) -> None:
        self.index.optimize()

    def search(self, beam: int, k: int) -> Search:
        edge, shard = self.edge, self.index
        params = edge.SearchParams(hnsw_ef=beam)

        def answer(query: Any) -> list[Any]:
            nearest = edge.Query.Nearest(query.tolist(), using="v")
            request = edge.QueryRequest(query=nearest, limit=k, params=params, with_payload=True)
            return [hit.id for hit in shard.query(request)]

        return answer


class Zvec(Database):
    """zvec with a graph over float32."""

    package = module = "zvec"
    settings = "query with fields, hnsw m=16 ef_construction=200"

    def create(self) -> None:
        self.zvec = zvec = importlib.import_module(self.module)
        with suppress(RuntimeError):  # it was started before in this process
            zvec.init(log_level=zvec.LogLevel.ERROR, query_threads=1)
        graph = zvec.HnswIndexParam(
            metric_type=zvec.MetricType.IP, m=LINKS, ef_construction=BUILD_BEAM
        )
        kind = zvec.DataType
        schema = zvec.CollectionSchema(
            name=COLLECTION,
            fields=[
                zvec.FieldSchema("number", kind.INT64),
                zvec.FieldSchema("group", kind.STRING),
                zvec.FieldSchema("price", kind.DOUBLE),
                zvec.FieldSchema("text", kind.STRING),
            ],
            vectors=zvec.VectorSchema("v", kind.VECTOR_FP32, self.dimensions, index_param=graph),
        )
        self.index = zvec.create_and_open(path=str(self.folder / "zvec"), schema=schema)

    def insert(self, first: int, vectors: synthetic.Vectors, payloads: Payloads) -> None:
        self.index.insert(
            [
                self.zvec.Doc(id=str(first + row), vectors={"v": vector}, fields=payloads[row])
                for row, vector in enumerate(vectors.tolist())
            ]
        )

    def index_all(self) -> None:
        self.index.optimize()

    def search(self, beam: int, k: int) -> Search:
        zvec, collection = self.zvec, self.index
        param = zvec.HnswQueryParam(ef=beam)

        def answer(query: Any) -> list[int]:
            asked = zvec.Query("v", vector=query.tolist(), param=param)
            return [int(found.id) for found in collection.query(asked, topk=k)]

        return answer


class Lance(Database):
    """LanceDB with one partition that holds a graph over 8-bit codes, refined."""

    package = module = "lancedb"
    settings = (
        "search to_list, IVF_HNSW_SQ 1 partition m=16 ef_construction=200 refine_factor=2 ef>=20"
    )
    batch = 20_000

    def create(self) -> None:
        lancedb = importlib.import_module(self.module)
        pyarrow = importlib.import_module("pyarrow")
        self.arrow = pyarrow
        vector = pyarrow.list_(pyarrow.float32(), self.dimensions)
        columns = {"number": pyarrow.int64(), "group": pyarrow.string(), "price": pyarrow.float64()}
        columns |= {"text": pyarrow.string()}
        self.schema = pyarrow.schema({"id": pyarrow.int64(), "v": vector, **columns})
        database = lancedb.connect(str(self.folder / "lance"))
        self.index = database.create_table(COLLECTION, schema=self.schema)

    def insert(self, first: int, vectors: synthetic.Vectors, payloads: Payloads) -> None:
        arrow = self.arrow
        flat = arrow.array(np.ascontiguousarray(vectors).ravel())
        columns = {
            "id": arrow.array(np.arange(first, first + len(vectors))),
            "v": arrow.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        }
        for name in payloads[0]:
            columns[name] = arrow.array([payload[name] for payload in payloads])
        self.index.add(arrow.table(columns, schema=self.schema))

    def index_all(self) -> None:
        kinds = importlib.import_module("lancedb.index")
        graph = kinds.HnswSq(
            distance_type="dot", num_partitions=1, m=LINKS, ef_construction=BUILD_BEAM
        )
        self.index.create_index("v", config=graph)

    def search(self, beam: int, k: int) -> Search:
        table, ef = self.index, max(beam, 2 * k)  # it wants room for what is refined

        def answer(query: Any) -> list[int]:
            asked = table.search(query).distance_type("dot").limit(k).nprobes(1).ef(ef)
            return [row["id"] for row in asked.refine_factor(2).to_list()]

        return answer


class Chroma(Database):
    """Chroma in a folder, with hnswlib inside; it keeps the beam that a collection began with."""

    package = module = "chromadb"
    settings = "query with metadatas, max_neighbors=16 ef_construction=200"
    only_beam = 64
    batch = 5000

    def create(self) -> None:
        chromadb = importlib.import_module(self.module)
        settings = chromadb.config.Settings(anonymized_telemetry=False)
        client = chromadb.PersistentClient(str(self.folder / "chroma"), settings)
        graph = {
            "space": "ip",
            "ef_construction": BUILD_BEAM,
            "max_neighbors": LINKS,
            "ef_search": self.only_beam,
            "num_threads": self.threads,
        }
        self.index = client.create_collection(
            COLLECTION, configuration={"hnsw": graph}, embedding_function=None
        )

    def insert(self, first: int, vectors: synthetic.Vectors, payloads: Payloads) -> None:
        ids = [str(row) for row in range(first, first + len(vectors))]
        self.index.add(ids=ids, embeddings=vectors, metadatas=payloads)

    def search(self, _beam: int, k: int) -> Search:
        collection = self.index

        def answer(query: Any) -> Iterator[int]:
            found = collection.query(
                query_embeddings=query, n_results=k, include=["metadatas", "distances"]
            )
            return map(int, found["ids"][0])

        return answer


DATABASES: Mapping[str, type[Database]] = {
    "ruvector embedded": Ruvector,
    "qdrant-edge": QdrantEdge,
    "zvec": Zvec,
    "lancedb": Lance,
    "chromadb": Chroma,
}
