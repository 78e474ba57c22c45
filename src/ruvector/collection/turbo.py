"""How are dense vectors kept in 4 bits a number? The storage type turbo4: a `Space`.

Files, the log and growing rows hold codes (`turbo_codes`); vectors are what their codes say, so
that a vector reads the same ever after. What has no graph is searched by decoding it. A graph is
built over decoded vectors and keeps them in memory beside itself (float16 for cosine, else
float32): 4 bits are what the disk holds, not what a search compares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ruvector.collection.ragged import Part
from ruvector.collection.turbo_codes import CHUNK_NUMBERS, Codes, decode, encode, row_bytes
from ruvector.collection.vectors import (
    DEFAULT_PLACEMENT,
    METRICS,
    GrowingVectors,
    VectorSpace,
    to_rows,
    to_stored,
)
from ruvector.index.coded_graph import CodedGraph
from ruvector.index.graph import Graph
from ruvector.kernel import MaskArray, Metric, RowArray, score_rows
from ruvector.model.configs import Placement, VectorParams
from ruvector.model.points import Vectors
from ruvector.model.quantization import Code
from ruvector.model.query_vectors import VectorInput

if TYPE_CHECKING:
    from ruvector.collection.segment import SearchPlan


@dataclass(frozen=True, slots=True)
class TurboSpace:
    """One named vector in 4 bits a number. `decoded`: the space of its vectors as floats;
    `codes`: that of its rows as bytes, which knows how to keep them.
    """

    decoded: VectorSpace
    codes: VectorSpace

    kind: ClassVar[str] = "graph"  # of its index
    is_symmetric: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Return the vector's name."""
        return self.decoded.name

    @property
    def key(self) -> str:
        """Return the name in files and in the log."""
        return self.decoded.key

    @property
    def placement(self) -> Placement:
        """Return where codes and graph live."""
        return self.decoded.placement

    @property
    def higher_is_better(self) -> bool:
        """Say whether scores are similarities."""
        return self.decoded.higher_is_better

    @property
    def row_bytes(self) -> int:
        """Return the bytes of one stored vector."""
        return self.codes.row_bytes

    def read(self, rows: Any) -> Codes:
        """Return vectors of a batch as they are stored; BadInput for what cannot be."""
        return encode(to_stored(self.decoded, to_rows(self.decoded, rows)))

    def absent(self, count: int) -> Any:
        """Return a column for rows without such a vector."""
        return self.codes.absent(count)

    def column(self, vectors: Sequence[Any]) -> Any:
        """Return a column of stored vectors."""
        return self.codes.column(vectors)

    def joined(self, columns: Sequence[Any]) -> Any:
        """Return one column of all vectors."""
        return self.codes.joined(columns)

    def growing(self) -> GrowingVectors:
        """Return an empty column that can grow."""
        return self.codes.growing()

    def arrays(self, column: Codes) -> dict[str, Part]:
        """Return what a file must hold, by name."""
        return self.codes.arrays(column)

    def opened(self, arrays: Mapping[str, Part], count: int) -> Any:
        """Return the column of a file; KeyError or ValueError where it is not there or another."""
        return self.codes.opened(arrays, count)

    def needs_index(self, column: Codes, count: int, scan_rows: int) -> bool:
        """Say whether `count` living vectors of a column are decoded slower than walked."""
        return self.decoded.needs_index(column, count, scan_rows)

    def build(self, column: Codes, **settings: Any) -> Graph | CodedGraph:
        """Return the graph over a column; it keeps the decoded vectors."""
        return self.decoded.build(self._floats(column), **settings)

    def index_from(
        self, arrays: Mapping[str, Part], column: Codes, code: str = ""
    ) -> Graph | CodedGraph:
        """Return the graph of a file; ValueError where it is none of this column."""
        return self.decoded.index_from(arrays, self._floats(column), code)

    def query(self, vector: VectorInput) -> Vectors:
        """Return a query as the metric wants it: float32 [1, dim]."""
        return self.decoded.query(vector)

    def search(
        self,
        column: Codes,
        index: Any,
        query: Vectors,
        k: int,
        allowed: MaskArray | None,
        allowed_count: int,
        plan: "SearchPlan",
    ) -> tuple[RowArray, Vectors]:
        """Return the best positions and their scores, best first."""
        if index is not None:
            return self.decoded.search(index.vectors, index, query, k, allowed, allowed_count, plan)
        positions = np.arange(len(column), dtype=np.uint32)
        if allowed is not None:
            chosen = np.unpackbits(allowed, count=len(column), bitorder="little")
            positions = positions[chosen.view(np.bool_)]
        scores = self._scores(column, query, positions)
        order = np.argsort(-scores if self.higher_is_better else scores, kind="stable")[:k]
        return positions[order], scores[order]

    def similarities(self, column: Codes, query: Vectors, positions: RowArray) -> Vectors:
        """Return how alike a query and the vectors at positions are: more is nearer."""
        scores = self._scores(column, query, positions)
        if self.decoded.metric is Metric.EUCLID:
            return -scores * scores
        return -scores if self.decoded.metric is Metric.MANHATTAN else scores

    def average(self, positive: Sequence[Any], negative: Sequence[Any]) -> Vectors:
        """Return the vector to recommend by."""
        return self.decoded.average(
            [self.given(vector) for vector in positive], [self.given(vector) for vector in negative]
        )

    def given(self, vector: Any) -> Vectors:
        """Return a stored vector, or one that was given, as if it had been given."""
        array = np.asarray(vector)
        return self.shown(array) if array.dtype == np.uint8 else self.decoded.given(array)

    def shown(self, vector: Any) -> Vectors:
        """Return a stored vector as users see it."""
        return np.asarray(decode(np.asarray(vector)[np.newaxis], self.decoded.dim)[0], np.float32)

    def _scores(self, column: Codes, query: Vectors, positions: RowArray) -> Vectors:
        scores = np.empty(len(positions), dtype=np.float32)
        step = max(1, CHUNK_NUMBERS // self.decoded.dim)
        for start in range(0, len(positions), step):
            part = decode(column[positions[start : start + step]], self.decoded.dim)
            rows = np.arange(len(part), dtype=np.uint32)
            found = score_rows(query[0], np.asarray(part, np.float32), rows, self.decoded.metric)
            scores[start : start + step] = found
        return scores

    def _floats(self, column: Codes) -> NDArray[Any]:
        is_short = self.decoded.metric is Metric.COSINE  # of unit length: float16 holds it
        return decode(column, self.decoded.dim, np.float16 if is_short else np.float32)


def turbo_space_of(
    name: str,
    params: VectorParams,
    key: str = "",
    code: Code | None = None,
    placement: Placement = DEFAULT_PLACEMENT,
) -> TurboSpace:
    """Return the space that these parameters describe."""
    metric = METRICS[params.distance]
    kinds = ((params.size, "float32", code), (row_bytes(params.size), "uint8", None))
    decoded, codes = (
        VectorSpace(name, dim, metric, np.dtype(kind), key, of, placement)
        for dim, kind, of in kinds
    )
    return TurboSpace(decoded, codes)
