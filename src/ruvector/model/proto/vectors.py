"""How are vectors written as messages? As packed floats, which numpy takes and gives as they are.

A vector has two forms in a message: what kind it is (`dense`, `sparse`, `multi_dense`), and the
older flat one, `data` with `indices` of a sparse vector or `vectors_count` of a multi-vector. Both
are read; the newer one is written.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ruvector.errors import BadInput, MalformedRequest
from ruvector.model.proto.plain import VARINT_BITS, array_of, packed, shape_of
from ruvector.model.query_vectors import MultiVector, SparseVector, is_inference
from ruvector.model.reading import describe

FLOAT_BYTES = 4
_DENSE_FIELD = 1  # of DenseVector: `data`


def read_dense(message: Any) -> "np.ndarray[Any, Any]":
    """Return the numbers of a DenseVector: its bytes, but for those that stand before them."""
    text, size = message.SerializeToString(), FLOAT_BYTES * len(message.data)
    head = head_bytes(size)
    if len(text) != head + size:  # fields that we do not know stand beside the numbers
        return array_of(message.data, np.float32, "data")
    return np.frombuffer(text[head:], "<f4")  # a copy, because floats begin at multiples of 4


def head_bytes(size: int) -> int:
    """Return how many bytes stand before `size` bytes of packed floats: a tag and the size."""
    return 1 + (size.bit_length() + VARINT_BITS - 1) // VARINT_BITS if size else 0


def read_vector(message: Any) -> Any:
    """Return the vector of a Vector or a VectorOutput: an array, rows, {"indices", "values"}."""
    kind = message.WhichOneof("vector")
    if kind is not None:
        part = getattr(message, kind)
        return shape_of(part.DESCRIPTOR.name).read(part)
    numbers = array_of(message.data, np.float32, "data")
    if message.HasField("indices"):
        indices = array_of(message.indices.data, np.uint32, "indices")
        return {"indices": indices, "values": numbers}
    if message.HasField("vectors_count"):
        return _rows(numbers, message.vectors_count)
    return numbers


def _rows(numbers: "np.ndarray[Any, Any]", count: int) -> Any:
    if not count or len(numbers) % count:
        raise BadInput(
            f"a multi-vector has {len(numbers)} numbers in data, which vectors_count {count} "
            "does not divide into rows of one length"
        )
    return list(numbers.reshape(count, -1))


def read_vectors(message: Any) -> Any:
    """Return the vectors of a point: one, or several by name."""
    kind = message.WhichOneof("vectors_options")
    if kind is None:
        raise MalformedRequest("Vectors: one of vector, vectors must be set")
    if kind == "vector":
        return read_vector(message.vector)
    return {name: read_vector(part) for name, part in message.vectors.vectors.items()}


def write_vectors(message: Any, value: Any, path: str = "vector") -> None:
    """Set Vectors to one vector, or to several by name."""
    if isinstance(value, Mapping) and not _is_one(value):
        message.vectors.SetInParent()
        for name, part in value.items():
            write_vector(message.vectors.vectors[name], part, f"{path}.{name}")
    else:
        write_vector(message.vector, value, path)


def write_vector(message: Any, value: Any, path: str = "vector") -> None:
    """Set a Vector to what stands for one."""
    kind = arm_of_vector(value)
    if kind == "id":
        raise MalformedRequest(f"{path}: expected a vector, got {describe(value)}")
    part = getattr(message, kind)
    part.SetInParent()
    shape_of(part.DESCRIPTOR.name).write(part, fields_of(value), path)


def write_multi(message: Any, value: Any, path: str) -> None:
    """Set a MultiDenseVector to rows."""
    for i, row in enumerate(fields_of(value)):
        write_dense(message.vectors.add(), row, f"{path}[{i}]")


def write_dense(message: Any, value: Any, path: str) -> None:
    """Set a DenseVector to an array or a list."""
    try:
        array = np.asarray(value, dtype="<f4")
        if array.ndim != 1:
            raise TypeError(f"it has {array.ndim} dimensions of shape; it must be flat")
    except (TypeError, ValueError, OverflowError) as error:
        raise MalformedRequest(f"{path}: expected a flat list of numbers: {error}") from error
    message.MergeFromString(packed(_DENSE_FIELD, array))


def arm_of_vector(value: Any) -> str:
    """Return which kind of vector a value is."""
    if isinstance(value, SparseVector):
        return "sparse"
    if isinstance(value, MultiVector):
        return "multi_dense"
    if isinstance(value, Mapping):
        for key, kind in (("text", "document"), ("image", "image"), ("object", "object")):
            if key in value:
                return kind
        return "sparse"
    if isinstance(value, np.ndarray):
        return "multi_dense" if value.ndim > 1 else "dense"
    if isinstance(value, list | tuple):
        nested = len(value) > 0 and isinstance(value[0], list | tuple | np.ndarray)
        return "multi_dense" if nested else "dense"
    return "id"


def _is_one(value: Mapping[str, Any]) -> bool:
    return "indices" in value or is_inference(value)


def fields_of(value: Any) -> Any:
    """Return what a Struct of vectors holds, other values as they are."""
    if isinstance(value, SparseVector):
        return {"indices": value.indices, "values": value.values}
    return value.rows if isinstance(value, MultiVector) else value
