"""How are multi-vectors of one name kept and searched? See `ruvector.collection.spaces`.

A multi-vector is several rows of one length, such as one for each token of a text. It is compared
by MaxSim: for each row of the query the nearest row of the point, and the sum of those.
Without an index every point is compared. The index is a graph over all rows: walks from each of the
query's rows bring candidates, which are then compared exactly, whether or not the rows are
quantized: scores are always of the originals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np

from ruvector.collection.ragged import GrowingRagged, MultiColumn, Part, offsets_of
from ruvector.collection.vectors import (
    DEFAULT_PLACEMENT,
    VectorSpace,
    space_of,
    to_query,
    to_rows,
    to_stored,
    wrong_form,
)
from ruvector.errors import BadInput
from ruvector.index.coded_graph import CodedGraph
from ruvector.index.graph import Graph
from ruvector.index.search import FULL_SCAN_ROWS
from ruvector.kernel import (
    MaskArray,
    Metric,
    RowArray,
    mask_from_rows,
    multi_scan,
    multi_scores,
)
from ruvector.model.configs import Placement, VectorParams
from ruvector.model.limits import MAX_MULTIVECTOR_NUMBERS
from ruvector.model.points import Vectors
from ruvector.model.quantization import Code
from ruvector.model.query_vectors import MultiVector, VectorInput, parse_vector_input

if TYPE_CHECKING:
    from ruvector.collection.segment import SearchPlan

ROWS_PER_WALK = 4  # rows that each of the query's walks brings, for a beam of one point


@dataclass(frozen=True, slots=True)
class MultiSpace:
    """One named multi-vector of a collection: a `Space`. `of_row`: the space of a single row."""

    of_row: VectorSpace

    kind: ClassVar[str] = "graph"  # of its index
    is_symmetric: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Return the vector's name."""
        return self.of_row.name

    @property
    def key(self) -> str:
        """Return the name in files and in the log."""
        return self.of_row.key

    @property
    def placement(self) -> Placement:
        """Return where the rows and their graph live."""
        return self.of_row.placement

    @property
    def metric(self) -> Metric:
        """Return how single rows are compared."""
        return self.of_row.metric

    @property
    def higher_is_better(self) -> bool:
        """Say whether scores are similarities."""
        return self.of_row.higher_is_better

    @property
    def row_bytes(self) -> int:
        """Return the bytes of one row; points have any number of them."""
        return self.of_row.row_bytes

    def read(self, rows: Any) -> MultiColumn:
        """Return vectors of a batch as they are stored; BadInput for what cannot be."""
        vectors = [_one(row, self.name, i, self.of_row.dim) for i, row in enumerate(rows)]
        lengths = np.array([len(vector) for vector in vectors], dtype=np.int64)
        joined = np.concatenate([np.empty((0, self.of_row.dim), np.float32), *vectors])
        stored = to_stored(self.of_row, to_rows(self.of_row, joined))
        return MultiColumn(offsets_of(lengths), (stored,))

    def absent(self, count: int) -> MultiColumn:
        """Return a column for rows without such a vector."""
        none = np.empty((0, self.of_row.dim), dtype=self.of_row.dtype)
        return MultiColumn(np.zeros(count + 1, dtype=np.uint64), (none,))

    def column(self, vectors: Sequence[Part]) -> MultiColumn:
        """Return a column of stored vectors."""
        lengths = np.array([len(vector) for vector in vectors], dtype=np.int64)
        return MultiColumn(
            offsets_of(lengths), (np.concatenate([self.absent(0).parts[0], *vectors]),)
        )

    def joined(self, columns: Sequence[MultiColumn]) -> MultiColumn:
        """Return one column of all vectors."""
        return MultiColumn.joined(columns)

    def growing(self) -> GrowingRagged:
        """Return an empty column that can grow."""
        return GrowingRagged(self.absent(0))

    def arrays(self, column: MultiColumn) -> dict[str, Part]:
        """Return what a file must hold, by name."""
        return {"offsets:" + self.key: column.offsets, "vectors:" + self.key: column.rows}

    def opened(self, arrays: Mapping[str, Part], count: int) -> MultiColumn:
        """Return the column of a file; KeyError or ValueError where it is not there or another."""
        offsets, rows = arrays["offsets:" + self.key], arrays["vectors:" + self.key]
        if offsets.shape != (count + 1,) or offsets.dtype != np.uint64:
            raise ValueError(f"multi-vectors {self.name!r} have another shape")
        if rows.ndim != 2 or rows.shape[1] != self.of_row.dim or rows.dtype != self.of_row.dtype:
            raise ValueError(f"multi-vectors {self.name!r} have another shape")
        column = MultiColumn(offsets, (rows,))
        multi_scores(self._zero(), rows, offsets, _NO_ROWS, self.metric)  # checks the offsets
        return column

    def needs_index(self, column: MultiColumn, count: int, scan_rows: int) -> bool:
        """Say whether the column's rows are compared slower than walked."""
        return count > 0 and column.elements > scan_rows

    def build(self, column: MultiColumn, **settings: Any) -> Graph | CodedGraph:
        """Return the graph over all rows of a column."""
        return self.of_row.build(column.rows, **settings)

    def index_from(
        self, arrays: Mapping[str, Part], column: MultiColumn, code: str = ""
    ) -> Graph | CodedGraph:
        """Return the graph of a file; ValueError where it is none of this column."""
        return self.of_row.index_from(arrays, column.rows, code)

    def query(self, vector: VectorInput) -> Vectors:
        """Return a query as the metric wants it: float32 [rows, dim]. One row may stand bare."""
        if isinstance(vector, np.ndarray):
            vector = MultiVector(vector[np.newaxis])
        if not isinstance(vector, MultiVector):
            raise wrong_form(self.name, "a multi-vector", "a list of lists of numbers", vector)
        return np.concatenate([to_query(self.of_row, row) for row in vector.rows])

    def search(
        self,
        column: MultiColumn,
        index: Graph | CodedGraph | None,
        query: Vectors,
        k: int,
        allowed: MaskArray | None,
        allowed_count: int,
        plan: "SearchPlan",
    ) -> tuple[RowArray, Vectors]:
        """Return the best positions and their scores, best first."""
        beam = max(plan.beam, k)
        scan_rows = plan.scan.get("full_scan_rows", FULL_SCAN_ROWS)
        if index is None or plan.exact or allowed_count <= max(beam, scan_rows // len(query)):
            return multi_scan(query, column.rows, column.offsets, self.metric, k, allowed)
        candidates = self._candidates(column, index, query, beam, allowed, plan)
        if len(candidates) < k:
            return multi_scan(query, column.rows, column.offsets, self.metric, k, allowed)
        mask = mask_from_rows(candidates, len(column))
        return multi_scan(query, column.rows, column.offsets, self.metric, k, mask)

    def _candidates(
        self,
        column: MultiColumn,
        index: Graph | CodedGraph,
        query: Vectors,
        beam: int,
        allowed: MaskArray | None,
        plan: "SearchPlan",
    ) -> RowArray:
        """Return the points whose rows are near to those of the query."""
        rows_allowed, count = _rows_of_points(column, allowed)
        wanted = ROWS_PER_WALK * beam
        use = plan.use_of(self.of_row.code)
        rows, _ = self.of_row.walk(column.rows, index, query, wanted, rows_allowed, count, use)
        points = np.searchsorted(column.offsets, rows.reshape(-1), side="right") - 1
        return np.unique(points).astype(np.uint32)

    def similarities(self, column: MultiColumn, query: Vectors, positions: RowArray) -> Vectors:
        """Return how alike a query and the vectors at positions are: more is nearer."""
        scores = multi_scores(query, column.rows, column.offsets, positions, self.metric)
        if self.metric is Metric.EUCLID:
            return -scores * scores
        return -scores if self.metric is Metric.MANHATTAN else scores

    def average(self, positive: Sequence[Any], negative: Sequence[Any]) -> MultiVector:
        """Return all rows to recommend by, those of the disliked negated."""
        liked = [self._rows_of(vector) for vector in positive]
        return MultiVector(np.concatenate([*liked, *(-self._rows_of(v) for v in negative)]))

    def given(self, vector: Part) -> MultiVector:
        """Return a stored vector as if it had been given."""
        return MultiVector(np.asarray(vector, dtype=np.float32))

    def shown(self, vector: Part) -> Any:
        """Return a stored vector as users see it."""
        return np.asarray(vector, dtype=np.float32)

    def _rows_of(self, vector: Any) -> Vectors:
        return vector.rows if isinstance(vector, MultiVector) else vector[np.newaxis]

    def _zero(self) -> Vectors:
        return np.zeros((1, self.of_row.dim), dtype=np.float32)


_NO_ROWS: RowArray = np.empty(0, dtype=np.uint32)


def multi_space_of(
    name: str,
    params: VectorParams,
    key: str,
    code: Code | None = None,
    placement: Placement = DEFAULT_PLACEMENT,
) -> MultiSpace:
    """Return the space that these parameters describe."""
    return MultiSpace(space_of(name, params, key, code, placement))


def _one(row: Any, name: str, position: int, dim: int) -> Vectors:
    path = f"vector {name!r} of point {position}"
    vector = parse_vector_input(msgspec.Raw(row) if isinstance(row, bytes) else row, path)
    if isinstance(vector, np.ndarray):
        vector = MultiVector(vector[np.newaxis])
    if not isinstance(vector, MultiVector):
        raise wrong_form(name, "a multi-vector", "a list of lists of numbers", vector)
    if vector.rows.shape[1] != dim:
        raise BadInput(
            f"Vector dimension error: expected dim: {dim}, got {vector.rows.shape[1]} in {path}"
        )
    if vector.rows.size > MAX_MULTIVECTOR_NUMBERS:
        raise BadInput(f"{path} has {vector.rows.size} numbers; at most {MAX_MULTIVECTOR_NUMBERS}")
    return vector.rows


def _rows_of_points(column: MultiColumn, allowed: MaskArray | None) -> tuple[MaskArray | None, int]:
    """Return the mask over rows of the points that a mask allows, and how many rows it has."""
    if allowed is None:
        return None, column.elements
    bits = np.unpackbits(allowed, count=len(column), bitorder="little")
    rows = np.repeat(bits, np.diff(column.offsets).astype(np.int64))
    return np.packbits(rows, bitorder="little"), int(rows.sum())
