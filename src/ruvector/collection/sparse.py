"""How are sparse vectors of one name kept and searched? See `ruvector.collection.spaces`.

A vector is kept as its indices, ascending, and float32 or float16 values. A score is the dot
product over indices that query and vector share; rows that share none are not found.
With the modifier `idf` the query's values are multiplied, when it is asked, by how rare each index
is among the points that have the vector.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.collection.ragged import GrowingRagged, Part, SparseColumn, offsets_of
from ruvector.collection.vectors import LENGTH_MAX, wrong_form
from ruvector.errors import BadInput
from ruvector.index.sparse import SparseIndex
from ruvector.kernel import MaskArray, RowArray, sparse_counts, sparse_scan
from ruvector.model.configs import Placement, SparseVectorParams
from ruvector.model.inference import embed_document
from ruvector.model.points import TextRows, Vectors
from ruvector.model.query_vectors import (
    Inference,
    SparseVector,
    VectorInput,
    parse_vector_input,
)

if TYPE_CHECKING:
    from ruvector.collection.segment import SearchPlan

Counts = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class SparseSpace:
    """One named sparse vector of a collection: a `Space`."""

    name: str
    dtype: np.dtype[Any]
    placement: Placement
    idf: bool
    full_scan_rows: int
    key: str

    kind: ClassVar[str] = "sparse"  # of its index
    higher_is_better: ClassVar[bool] = True
    is_symmetric: ClassVar[bool] = True

    @property
    def row_bytes(self) -> int:
        """Return the bytes of one entry; vectors have any number of them."""
        return 4 + self.dtype.itemsize

    def read(self, rows: Any) -> SparseColumn:
        """Return vectors of a batch as they are stored; BadInput for what cannot be."""
        column = _fast(rows)
        if column is None:
            column = _join([_one(row, self.name, i) for i, row in enumerate(rows)])
        _check_lengths(column, self.name)
        return SparseColumn(column.offsets, (column.indices, _clipped(column.values, self.dtype)))

    def absent(self, count: int) -> SparseColumn:
        """Return a column for rows without such a vector."""
        return SparseColumn(np.zeros(count + 1, dtype=np.uint64), self._no_parts())

    def column(self, vectors: Sequence[SparseVector]) -> SparseColumn:
        """Return a column of stored vectors."""
        return _join(vectors)

    def joined(self, columns: Sequence[SparseColumn]) -> SparseColumn:
        """Return one column of all vectors."""
        return SparseColumn.joined(columns)

    def growing(self) -> GrowingRagged:
        """Return an empty column that can grow."""
        return GrowingRagged(self.absent(0))

    def arrays(self, column: SparseColumn) -> dict[str, Part]:
        """Return what a file must hold, by name."""
        return {
            "offsets:" + self.key: column.offsets,
            "indices:" + self.key: column.indices,
            "values:" + self.key: column.values,
        }

    def opened(self, arrays: Mapping[str, Part], count: int) -> SparseColumn:
        """Return the column of a file; KeyError or ValueError where it is not there or another."""
        offsets, indices, values = (
            arrays[f"{part}:{self.key}"] for part in ("offsets", "indices", "values")
        )
        types = [offsets.dtype, indices.dtype, values.dtype]
        if types != [np.dtype(np.uint64), np.dtype(np.uint32), self.dtype]:
            raise ValueError(f"sparse vectors {self.name!r} have other types")
        if offsets.shape != (count + 1,) or indices.shape != values.shape or indices.ndim != 1:
            raise ValueError(f"sparse vectors {self.name!r} have another shape")
        sparse_counts(offsets, indices, values, np.empty(0, dtype=np.uint32))  # checks the offsets
        return SparseColumn(offsets, (indices, values))

    def needs_index(self, _column: SparseColumn, count: int, _scan_rows: int) -> bool:
        """Say whether so many living vectors are too many to be scanned."""
        return count > self.full_scan_rows

    def build(self, column: SparseColumn, **_: Any) -> SparseIndex:
        """Return the inverted index over a column."""
        return SparseIndex.build(column.offsets, column.indices, column.values)

    def index_from(
        self, arrays: Mapping[str, Part], column: SparseColumn, _code: str = ""
    ) -> SparseIndex:
        """Return the index of a file; ValueError where it is none of this column."""
        return SparseIndex(column.offsets, column.indices, column.values, arrays)

    def query(self, vector: VectorInput) -> SparseVector:
        """Return the query as it is compared."""
        if isinstance(vector, Inference):
            vector = embed_document(vector, is_query=True, path="query")
        if not isinstance(vector, SparseVector):
            expected = 'an object of "indices" and "values"'
            raise wrong_form(self.name, "sparse", expected, vector)
        if float(np.square(vector.values, dtype=np.float64).sum()) > LENGTH_MAX**2:
            raise BadInput(
                f"the query of {self.name!r} is longer than {LENGTH_MAX:g}; "
                "scores would not fit into float32"
            )
        return vector

    def search(
        self,
        column: SparseColumn,
        index: SparseIndex | None,
        query: SparseVector,
        k: int,
        allowed: MaskArray | None,
        allowed_count: int,
        _plan: "SearchPlan",
    ) -> tuple[RowArray, Vectors]:
        """Return the best positions that share an index, and their scores, best first."""
        if index is not None:
            return index.search(query.indices, query.values, k, allowed, allowed_count)
        return sparse_scan(
            column.offsets, column.indices, column.values, query.indices, query.values, k, allowed
        )

    def similarities(
        self, column: SparseColumn, query: SparseVector, positions: RowArray
    ) -> Vectors:
        """Return the dot product of a query and each of the vectors at positions."""
        scores = np.zeros(len(positions), dtype=np.float32)
        chosen: SparseColumn = column[positions]
        found, values = sparse_scan(
            chosen.offsets,
            chosen.indices,
            chosen.values,
            query.indices,
            query.values,
            len(positions),
        )
        scores[found] = values
        return scores

    def counts(
        self,
        column: SparseColumn,
        index: SparseIndex | None,
        indices: RowArray,
        allowed: MaskArray | None,
    ) -> Counts:
        """Return how many allowed rows have each of the ascending indices."""
        if index is not None:
            return index.counts(indices, allowed)
        return sparse_counts(column.offsets, column.indices, column.values, indices, allowed)

    def average(
        self, positive: Sequence[SparseVector], negative: Sequence[SparseVector]
    ) -> SparseVector:
        """Return the vector to recommend by: what is liked, and again that against the disliked."""
        liked = _mean(positive)
        if not len(negative):
            return liked
        disliked = _mean(negative)
        return _sum(
            [
                SparseVector(liked.indices, 2 * liked.values),
                SparseVector(disliked.indices, -disliked.values),
            ]
        )

    def given(self, vector: SparseVector) -> SparseVector:
        """Return a stored vector as if it had been given."""
        return SparseVector(vector.indices, np.asarray(vector.values, dtype=np.float32))

    def shown(self, vector: SparseVector) -> SparseVector:
        """Return a stored vector as users see it."""
        return self.given(vector)

    def _no_parts(self) -> tuple[Part, Part]:
        return np.empty(0, dtype=np.uint32), np.empty(0, dtype=self.dtype)


def sparse_space_of(name: str, params: SparseVectorParams, key: str) -> SparseSpace:
    """Return the space that these parameters describe.

    The index keeps a byte for each value of a frequent term and answers from the originals, so
    that every datatype gives exact scores; float16 is also how the originals are kept.
    """
    index = params.index_or_default
    where = params.placed
    return SparseSpace(
        name,
        np.dtype("float16" if index.datatype == "float16" else "float32"),
        Placement(where, where, where),
        params.modifier == "idf",
        index.full_scan_rows,
        key,
    )


def idf_weights(counts: Counts, points: int) -> Vectors:
    """Return the factor of each index that `counts` of the points have: ln((n-df+.5)/(df+.5)+1)."""
    frequencies = counts.astype(np.float64)
    weights = np.log((points - frequencies + 0.5) / (frequencies + 0.5) + 1.0)
    return np.asarray(weights, dtype=np.float32)


class _Entries(msgspec.Struct, forbid_unknown_fields=True):
    indices: list[int]
    values: list[float]


_decode_entries = msgspec.json.Decoder(_Entries).decode


def _fast(rows: Any) -> SparseColumn | None:
    """Return the column of JSON texts if all are plain and right, else None: the slow way says."""
    if not isinstance(rows, TextRows):
        return None
    try:
        entries = [_decode_entries(row) for row in rows]
        lengths = np.array([len(entry.indices) for entry in entries], dtype=np.int64)
        if any(len(entry.values) != len(entry.indices) for entry in entries):
            return None
        total = int(lengths.sum())
        indices = np.fromiter(
            chain.from_iterable(e.indices for e in entries), dtype=np.int64, count=total
        )
        values = np.fromiter(
            chain.from_iterable(e.values for e in entries), dtype=np.float64, count=total
        )
    except (msgspec.DecodeError, OverflowError, TypeError, ValueError, RecursionError):
        return None
    if total and (indices.min() < 0 or indices.max() >= 2**32):
        return None
    owners = np.repeat(np.arange(len(entries), dtype=np.int64), lengths)
    keys = owners << 32 | indices
    if (keys[1:] <= keys[:-1]).any():
        order = np.argsort(keys, kind="stable")
        keys, values = keys[order], values[order]
        if (keys[1:] == keys[:-1]).any():
            return None
    with np.errstate(over="ignore"):  # an infinity is refused by its length
        floats = values.astype(np.float32)
    return SparseColumn(offsets_of(lengths), ((keys & 0xFFFFFFFF).astype(np.uint32), floats))


def _one(row: Any, name: str, position: int) -> SparseVector:
    path = f"vector {name!r} of point {position}"
    vector = parse_vector_input(msgspec.Raw(row) if isinstance(row, bytes) else row, path)
    if isinstance(vector, Inference):
        vector = embed_document(vector, is_query=False, path=path)
    if not isinstance(vector, SparseVector):
        raise BadInput(
            f'{path} of the batch must be an object of "indices" and "values": '
            f"vectors {name!r} are sparse"
        )
    return vector


def _mean(vectors: Sequence[SparseVector]) -> SparseVector:
    total = _sum(vectors)
    return SparseVector(total.indices, total.values / np.float32(len(vectors)))


def _sum(vectors: Sequence[SparseVector]) -> SparseVector:
    indices, places = np.unique(
        np.concatenate([vector.indices for vector in vectors]), return_inverse=True
    )
    values = np.zeros(len(indices), dtype=np.float32)
    np.add.at(values, places, np.concatenate([vector.values for vector in vectors]))
    return SparseVector(indices, values)


def _join(vectors: Sequence[SparseVector]) -> SparseColumn:
    lengths = np.array([len(vector.indices) for vector in vectors], dtype=np.int64)
    indices = np.concatenate([np.empty(0, np.uint32), *(v.indices for v in vectors)])
    values = [vector.values for vector in vectors] or [np.empty(0, np.float32)]
    return SparseColumn(offsets_of(lengths), (indices.astype(np.uint32), np.concatenate(values)))


def _check_lengths(column: SparseColumn, name: str) -> None:
    squares = np.square(column.values, dtype=np.float64)
    if not np.isfinite(squares).all() or squares.sum() > LENGTH_MAX**2:
        sums = np.add.reduceat(np.append(squares, 0.0), column.offsets[:-1].astype(np.int64)) * (
            np.diff(column.offsets) > 0
        )
        wrong = np.flatnonzero(~(sums <= LENGTH_MAX**2))
        if len(wrong):
            raise BadInput(
                f"vector {name!r} of point {wrong[0]} of the batch holds NaN or infinity, or is "
                f"longer than {LENGTH_MAX:g}; its scores would not fit into float32"
            )


def _clipped(values: Part, dtype: np.dtype[Any]) -> Part:
    if dtype == np.float32:
        return values
    largest = np.finfo(dtype).max
    return np.clip(values, -largest, largest).astype(dtype)
