"""How are dense vectors of one name kept? Their length, metric and stored type, and how they get
there. `ruvector.collection.spaces` says what every kind of vector answers.

Cosine vectors are made unit length when they are written (zero stays zero and scores 0), so that
cosine is a dot product everywhere below. uint8 vectors are kept as given (truncated, saturated to
0..255), as there is no unit length among integers; for cosine they are stored as float32 of unit
length instead, because the angle is what must be right.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.collection.ragged import Part, reserved
from ruvector.errors import BadInput, MalformedRequest
from ruvector.index.coded_graph import CodedGraph, CodeUse
from ruvector.index.graph import Graph
from ruvector.index.search import search_rows
from ruvector.kernel import (
    MaskArray,
    Metric,
    RowArray,
    check_json_rows,
    parse_float_rows,
    score_rows,
    squared_length,
)
from ruvector.model.configs import Placement, VectorParams
from ruvector.model.points import TextRows, Vectors
from ruvector.model.quantization import Code
from ruvector.model.query_vectors import Inference, VectorInput, parse_vector_input

if TYPE_CHECKING:
    from ruvector.collection.segment import SearchPlan

Stored = NDArray[Any]  # float32, float16 or uint8 [n, dim]

LENGTH_MAX = 9e18  # squares of the distance between two such vectors still fit into float32
_WIDE_DIM = 256  # from here on float32 sums of squares save time, and are exact to 1e-6
DEFAULT_PLACEMENT = Placement()
_ONE_LIST = "one list of numbers"
_UNIT_TOLERANCE = 2e-6  # of a squared length: what float32 sums of 65,536 squares stay within

METRICS = {
    "Cosine": Metric.COSINE,
    "Dot": Metric.DOT,
    "Euclid": Metric.EUCLID,
    "Manhattan": Metric.MANHATTAN,
}


@dataclass(frozen=True, slots=True)
class VectorSpace:
    """One named dense vector of a collection: a `Space`."""

    name: str
    dim: int
    metric: Metric
    dtype: np.dtype[Any]
    key: str
    code: Code | None = None
    placement: Placement = DEFAULT_PLACEMENT

    kind: ClassVar[str] = "graph"  # of its index
    is_symmetric: ClassVar[bool] = True

    @property
    def higher_is_better(self) -> bool:
        """Say whether scores are similarities."""
        return self.metric in (Metric.COSINE, Metric.DOT)

    @property
    def row_bytes(self) -> int:
        """Return the bytes of one stored vector."""
        return self.dim * self.dtype.itemsize

    def read(self, rows: Any) -> Stored:
        """Return vectors of a batch as they are stored; BadInput for what cannot be."""
        return to_stored(self, to_rows(self, rows))

    def absent(self, count: int) -> Stored:
        """Return a column for rows without such a vector; it takes no memory."""
        return np.broadcast_to(np.zeros(self.dim, dtype=self.dtype), (count, self.dim))

    def column(self, vectors: Sequence[Any]) -> Stored:
        """Return a column of stored vectors."""
        return np.array(vectors, dtype=self.dtype).reshape(-1, self.dim)

    def joined(self, columns: Sequence[Stored]) -> Stored:
        """Return one column of all vectors."""
        return np.concatenate(columns)

    def growing(self) -> "GrowingVectors":
        """Return an empty column that can grow."""
        return GrowingVectors(np.empty((0, self.dim), dtype=self.dtype))

    def arrays(self, column: Stored) -> dict[str, Part]:
        """Return what a file must hold, by name."""
        return {"vectors:" + self.key: column}

    def opened(self, arrays: Mapping[str, Part], count: int) -> Stored:
        """Return the column of a file; KeyError or ValueError where it is not there or another."""
        column = arrays["vectors:" + self.key]
        if column.shape != (count, self.dim) or column.dtype != self.dtype:
            raise ValueError(f"vectors {self.name!r} have another shape")
        return column

    def query(self, vector: VectorInput) -> Vectors:
        """Return a query as the metric wants it: float32 [1, dim]."""
        if not isinstance(vector, np.ndarray):
            raise wrong_form(self.name, "dense", _ONE_LIST, vector)
        return to_query(self, vector)

    def search(
        self,
        column: Stored,
        index: Any,
        query: Vectors,
        k: int,
        allowed: MaskArray | None,
        allowed_count: int,
        plan: "SearchPlan",
    ) -> tuple[RowArray, Vectors]:
        """Return the best positions and their scores, best first."""
        rows, scores = search_rows(
            query,
            k,
            vectors=column,
            metric=self.metric,
            graph=index,
            beam=max(plan.beam, k),
            allowed=allowed,
            allowed_count=allowed_count,
            exact=plan.exact,
            use=plan.use_of(self.code),
            **plan.scan,
        )
        return rows[0], scores[0]

    def walk(
        self,
        column: Stored,
        index: Graph | CodedGraph,
        queries: Vectors,
        k: int,
        allowed: MaskArray | None,
        allowed_count: int,
        use: CodeUse,
    ) -> tuple[RowArray, Vectors]:
        """Return the best rows of each of several queries by walking the graph: [q, k]."""
        return search_rows(
            queries,
            min(k, allowed_count),
            vectors=column,
            metric=self.metric,
            graph=index,
            beam=k,
            allowed=allowed,
            allowed_count=allowed_count,
            use=use,
        )

    def similarities(self, column: Stored, query: Vectors, positions: RowArray) -> Vectors:
        """Return how alike a query and the vectors at positions are: more is nearer.

        Distances are negated, Euclid's squared, as queries compare them (WIRE, section 2).
        """
        scores = score_rows(query[0], column, positions, self.metric)
        if self.metric is Metric.EUCLID:
            return -scores * scores
        return -scores if self.metric is Metric.MANHATTAN else scores

    def average(self, positive: Sequence[Any], negative: Sequence[Any]) -> Vectors:
        """Return the vector to recommend by: what is liked, and again that against the disliked."""
        vector: NDArray[np.float64] = np.mean(positive, axis=0, dtype=np.float64)
        if len(negative):
            vector = np.subtract(2 * vector, np.mean(negative, axis=0, dtype=np.float64))
        return np.asarray(vector, dtype=np.float32)

    def given(self, vector: Any) -> Vectors:
        """Return a stored vector as if it had been given."""
        return np.ascontiguousarray(vector, dtype=np.float32)

    def shown(self, vector: Any) -> Vectors:
        """Return a stored vector as users see it."""
        return np.asarray(vector, dtype=np.float32)

    def needs_index(self, _column: Stored, count: int, scan_rows: int) -> bool:
        """Say whether `count` living vectors of a column are scanned slower than walked."""
        return count > scan_rows

    def build(
        self,
        column: Stored,
        *,
        threads: int = 0,
        links: Any = None,
        code: Code | None = None,
        **settings: Any,
    ) -> Graph | CodedGraph:
        """Return the graph over a column, of compact codes if one is given.

        `links`: those of an older graph over the same column, to be used again with codes.
        Without links per node there are codes alone.
        """
        if code is not None and not settings["links_per_node"]:
            return CodedGraph.encode({}, code, column, self.metric, threads)
        if code is None or links is None:
            graph = Graph.build(column, self.metric, threads=threads, **settings)
            if code is None:
                return graph
            links = graph.links()
        return CodedGraph.encode(links, code, column, self.metric, threads)

    def index_from(
        self, arrays: Mapping[str, Part], column: Stored, code: str = ""
    ) -> Graph | CodedGraph:
        """Return the graph of a file; ValueError where it is none of this column."""
        if not code:
            return Graph.from_arrays(arrays, column, self.metric)
        is_cold = self.placement.vectors == "cold"
        return CodedGraph.from_arrays(arrays, column, self.metric, vectors_are_cold=is_cold)


class GrowingVectors:
    """A dense column whose vectors only ever come to the end; older columns of it stay valid."""

    def __init__(self, empty: Stored) -> None:
        self._vectors = empty
        self._count = 0

    def append(self, count: int, column: Stored | None, positions: Any) -> None:
        """Add `count` vectors: those of the column at `positions` (None: all), zeros elsewhere."""
        stop = self._count + count
        self._vectors = reserved(self._vectors, stop)
        target = self._vectors[self._count : stop]
        if column is None or positions is not None:
            target[:] = 0
        if column is not None:
            target[slice(None) if positions is None else positions] = column
        self._count = stop

    def view(self) -> Stored:
        """Return all vectors so far."""
        return self._vectors[: self._count]


def space_of(
    name: str,
    params: VectorParams,
    key: str = "",
    code: Code | None = None,
    placement: Placement = DEFAULT_PLACEMENT,
) -> VectorSpace:
    """Return the space that these parameters describe."""
    kind = params.datatype if isinstance(params.datatype, str) else "float32"
    return VectorSpace(
        name,
        params.size,
        METRICS[params.distance],
        stored_type(kind, params.distance),
        key,
        code,
        placement,
    )


def stored_type(datatype: str, distance: str) -> np.dtype[Any]:
    """Return the type that vectors are kept in."""
    return np.dtype("float32" if datatype == "uint8" and distance == "Cosine" else datatype)


def wrong_form(name: str, kind: str, expected: str, given: Any) -> BadInput:
    """Return the error for a vector or a query of another form than the name has."""
    if isinstance(given, Inference):
        return BadInput(
            f"model {given.model!r} is not served for vector {name!r}, which is {kind}; give the "
            f"vector that it makes of the {given.kind}"
        )
    what = type(given).__name__.replace("ndarray", "a dense vector")
    return BadInput(f"vector {name!r} is {kind}: it must be {expected}, not {what}")


def to_rows(space: VectorSpace, rows: Any) -> Vectors:
    """Return rows as float32 [n, dim]; BadInput unless they are as long as the space says."""
    array = _parse_texts(space, rows) if isinstance(rows, TextRows) else _to_array(space, rows)
    if array.ndim != 2 or (array.shape[1] != space.dim):
        raise BadInput(
            f"Vector dimension error: expected dim: {space.dim}, "
            f"got {array.shape[1] if array.ndim == 2 else array.shape}"
        )
    return array


def _parse_texts(space: VectorSpace, rows: TextRows) -> Vectors:
    try:
        return parse_float_rows(rows.text, rows.places, space.dim)
    except ValueError as error:
        _refuse_bad_json(rows)
        for row in rows:
            if row[:1] == b"{":
                given = parse_vector_input(msgspec.Raw(row), f"vector {space.name!r}")
                raise wrong_form(space.name, "dense", _ONE_LIST, given) from error
        raise BadInput(
            f"Vector dimension error: expected dim: {space.dim}, vector {space.name!r}: {error}"
        ) from error


def _refuse_bad_json(rows: TextRows) -> None:
    """Raise MalformedRequest where a row is not even JSON: NaN, 1e999."""
    try:
        check_json_rows(rows.text, rows.places)
    except ValueError as error:
        raise MalformedRequest(f"vectors: {error}") from error


def _to_array(space: VectorSpace, rows: Any) -> Vectors:
    if len(rows) == 0:
        return np.empty((0, space.dim), dtype=np.float32)
    try:
        return np.ascontiguousarray(rows, dtype=np.float32)
    except (TypeError, ValueError) as error:
        for position, row in enumerate(rows):
            if isinstance(row, Mapping):
                given = parse_vector_input(row, f"vector {space.name!r}")
                raise wrong_form(space.name, "dense", _ONE_LIST, given) from error
            if np.ndim(row) != 1 or len(row) != space.dim:
                raise BadInput(
                    f"Vector dimension error: expected dim: {space.dim}, "
                    f"got {len(row) if np.ndim(row) else 'a number'} in point {position}"
                ) from error
        raise BadInput(f"vectors {space.name!r} must be numbers: {error}") from error


def to_stored(space: VectorSpace, rows: Vectors) -> Stored:
    """Return rows as they are kept: unit length for cosine, cast to the stored type.

    BadInput names the first row that is not finite, or so long that scores would not be.
    """
    squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)  # no sum of float32 overflows it
    if not np.isfinite(squares).all():
        raise BadInput(
            f"vector {space.name!r} of point {_first(~np.isfinite(squares))} of the batch holds "
            "NaN or infinity; every number must be finite"
        )
    if space.metric is Metric.COSINE:
        rows = _unit_length(rows, squares)
    elif squares.max(initial=0.0) > LENGTH_MAX**2:
        raise BadInput(
            f"vector {space.name!r} of point {_first(squares > LENGTH_MAX**2)} of the batch is "
            f"longer than {LENGTH_MAX:g}; its scores would not fit into float32"
        )
    if space.dtype == np.float32:
        return rows
    if space.dtype == np.uint8:
        return np.clip(np.trunc(rows), 0, 255).astype(np.uint8)
    largest = np.finfo(space.dtype).max
    return np.clip(rows, -largest, largest).astype(space.dtype)


def to_query(space: VectorSpace, vector: Vectors) -> Vectors:
    """Return a query float32 [1, dim] as the metric wants it; BadInput for another length."""
    if vector.shape[0] != space.dim:
        raise BadInput(f"Vector dimension error: expected dim: {space.dim}, got {vector.shape[0]}")
    square = squared_length(vector)
    if space.metric is Metric.COSINE:
        if abs(square - 1.0) > _UNIT_TOLERANCE:
            vector = _unit_query(vector, square)
    elif square > LENGTH_MAX**2:
        raise BadInput(
            f"the query vector is longer than {LENGTH_MAX:g}; scores would not fit into float32"
        )
    return vector[np.newaxis]


def _unit_query(vector: Vectors, square: float) -> Vectors:
    if len(vector) >= _WIDE_DIM and 1e-20 < square < 1e20:
        return vector * np.float32(1.0 / math.sqrt(square))
    wide = vector.astype(np.float64)  # squares that float32 cannot hold, or few enough to be cheap
    return np.asarray(wide / (math.sqrt(wide.dot(wide)) or 1.0), dtype=np.float32)


def _unit_length(rows: Vectors, squares: NDArray[np.float64]) -> Vectors:
    """Return rows scaled to length 1; zero rows stay zero. `squares`: of their lengths."""
    if np.all(np.abs(squares - 1.0) < _UNIT_TOLERANCE):
        return rows  # already of unit length: dividing again would only move the last digit
    norms = np.sqrt(np.where(squares == 0.0, 1.0, squares))
    return np.asarray(rows / norms[:, np.newaxis], dtype=np.float32)


def _first(wrong: NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(wrong)[0])
