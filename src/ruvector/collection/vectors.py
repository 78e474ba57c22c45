"""How are vectors of one name kept? Their length, metric and stored type, and how they get there.

Cosine vectors are made unit length when they are written (zero stays zero and scores 0), so that
cosine is a dot product everywhere below. uint8 vectors are kept as given (truncated, saturated to
0..255), as there is no unit length among integers; for cosine they are stored as float32 of unit
length instead, because the angle is what must be right.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ruvector.errors import BadInput, MalformedRequest
from ruvector.kernel import Metric, check_json_rows, parse_float_rows, squared_length
from ruvector.model.configs import CollectionConfig, Placement, VectorParams
from ruvector.model.points import TextRows, Vectors
from ruvector.model.quantization import Code

Stored = NDArray[Any]  # float32, float16 or uint8 [n, dim]

LENGTH_MAX = 9e18  # squares of the distance between two such vectors still fit into float32
_WIDE_DIM = 256  # from here on float32 sums of squares save time, and are exact to 1e-6
_UNIT_TOLERANCE = 2e-6  # of a squared length: what float32 sums of 65,536 squares stay within

_METRICS = {
    "Cosine": Metric.COSINE,
    "Dot": Metric.DOT,
    "Euclid": Metric.EUCLID,
    "Manhattan": Metric.MANHATTAN,
}


class VectorSpace(NamedTuple):
    """One named vector of a collection."""

    name: str
    dim: int
    metric: Metric
    dtype: np.dtype[Any]
    code: Code | None = None
    placement: Placement = Placement()

    @property
    def higher_is_better(self) -> bool:
        """Say whether scores are similarities."""
        return self.metric in (Metric.COSINE, Metric.DOT)

    @property
    def row_bytes(self) -> int:
        """Return the bytes of one stored vector."""
        return self.dim * self.dtype.itemsize


def space_of(name: str, params: VectorParams) -> VectorSpace:
    """Return the space that these parameters describe."""
    kind = params.datatype if isinstance(params.datatype, str) else "float32"
    if kind == "uint8" and params.distance == "Cosine":
        kind = "float32"
    return VectorSpace(name, params.size, _METRICS[params.distance], np.dtype(kind))


def spaces_of(config: CollectionConfig) -> dict[str, VectorSpace]:
    """Return every space of a collection by its name."""
    return {
        name: space_of(name, params)._replace(
            code=config.code_of(name), placement=config.placement_of(name)
        )
        for name, params in config.params.vectors.items()
    }


def find_space(spaces: dict[str, VectorSpace], name: str) -> VectorSpace:
    """Return the space of that name; BadInput where the collection has none."""
    space = spaces.get(name)
    if space is None:
        raise BadInput(f"Not existing vector name error: {name}")
    return space


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
