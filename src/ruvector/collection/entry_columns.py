"""How do columns of vectors get into a log entry, and back? See `ruvector.collection.entries`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.collection.entries import VectorColumn
from ruvector.collection.ragged import MultiColumn, Ragged, SparseColumn
from ruvector.collection.segment import Rows
from ruvector.collection.spaces import Column
from ruvector.errors import StorageDamaged


def encode_column(key: str, column: Column, positions: Rows | None) -> VectorColumn:
    """Return the log's form of a column."""
    where = None if positions is None else _bytes(positions)
    if not isinstance(column, Ragged):
        return VectorColumn(key, column.dtype.str, column.shape[1], _bytes(column), where)
    *others, numbers = column.parts
    return VectorColumn(
        key,
        numbers.dtype.str,
        numbers.shape[1] if numbers.ndim == 2 else 1,
        _bytes(numbers),
        where,
        _bytes(column.offsets),
        _bytes(others[0]) if others else None,
    )


def decode_column(column: VectorColumn) -> tuple[Column, Rows | None]:
    """Return the column and its positions; StorageDamaged where they do not belong together."""
    try:
        numbers = np.frombuffer(column.data, dtype=column.dtype).reshape(-1, column.dim)
        positions = None if column.positions is None else _array(column.positions, np.uint32)
        if column.offsets is None:
            return numbers, positions
        offsets = _array(column.offsets, np.uint64)
        if offsets[0] != 0 or offsets[-1] != len(numbers) or (offsets[1:] < offsets[:-1]).any():
            raise ValueError("the offsets do not span the vectors")
        if column.indices is None:
            return MultiColumn(offsets, (numbers,)), positions
        indices = _array(column.indices, np.uint32)
        if len(indices) != len(numbers):
            raise ValueError("indices and values have different lengths")
        return SparseColumn(offsets, (indices, numbers.reshape(-1))), positions
    except (TypeError, ValueError, IndexError) as error:
        raise StorageDamaged(f"a log entry's vectors {column.name!r} cannot be read") from error


def _array(buffer: memoryview, dtype: Any) -> NDArray[Any]:
    return np.frombuffer(buffer, dtype=dtype)


def _bytes(array: NDArray[Any]) -> memoryview:
    array = np.ascontiguousarray(array)
    return array.data.cast("B") if array.size else memoryview(b"")
