"""What may stand where a query wants a vector? Untagged forms: numbers, a stored point, a text.

| form | means |
|---|---|
| `[0.1, 0.2]` | a dense vector |
| `[[0.1, 0.2], [0.3, 0.4]]` | a multi-vector: one row a token, or the like |
| `{"indices": [..], "values": [..]}` | a sparse vector |
| `7`, `"5c56c793-..."` | the vector of a stored point |
| `{"text": .., "model": ..}`, `image`, `object` | what a model turns into a vector |

Reading knows nothing of the collection: whether a form suits the vector that is searched is decided
where both are known (`ruvector.query.targets`).
"""

import math
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.errors import BadInput, InvalidRequest
from ruvector.kernel import parse_floats, squared_length
from ruvector.model.ids import PointId, id_key
from ruvector.model.points import Vectors
from ruvector.model.reading import object_of, required, text_of, wrong_type

SPARSE_INDEX_MAX: Final = 2**32 - 1
MODELS: Final = ("text", "image", "object")


class StoredPoint(msgspec.Struct, frozen=True):
    """The vector of this stored point; the point is left out of the answer."""

    id: PointId


class SparseVector(msgspec.Struct, frozen=True):
    """Few numbers of many: `indices` uint32 [n], ascending and distinct; `values` float32 [n]."""

    indices: NDArray[np.uint32]
    values: Vectors


class MultiVector(msgspec.Struct, frozen=True):
    """Several vectors that stand for one thing: float32 [n, dim], n of 1 at least."""

    rows: Vectors


class Inference(msgspec.Struct, frozen=True):
    """What a model turns into a vector: `kind` is text, image or object."""

    kind: str
    source: Any
    model: str
    options: dict[str, Any]


VectorInput: TypeAlias = Vectors | StoredPoint | SparseVector | MultiVector | Inference


def parse_vector_input(source: Any, path: str = "query") -> VectorInput:
    """Return what stands for a vector: see the module. Errors name the place, `path`."""
    if isinstance(source, np.ndarray) and source.ndim == 1:
        return parse_vector(source, path)
    if isinstance(source, msgspec.Raw):
        return _parse_text(source, path)
    if isinstance(source, bool) or source is None:
        raise wrong_type(path, "a vector, a point's id or an object", source)
    if isinstance(source, int | str):
        id_key(source)
        return StoredPoint(source)
    if isinstance(source, SparseVector):  # made by a user, or one that a search returned
        return parse_sparse({"indices": source.indices, "values": source.values}, path)
    if isinstance(source, Mapping):
        return _parse_object(source, path)
    if _is_nested(source):
        return _parse_multi(source, path)
    return parse_vector(source, path)


def parse_vector(source: Any, path: str = "query") -> Vectors:
    """Return float32 [dim] of JSON text, an array or a sequence; BadInput unless flat, finite."""
    if isinstance(source, msgspec.Raw):
        try:
            return parse_floats(bytes(source))
        except ValueError as error:
            raise BadInput(f"{path} vector: {error}") from error
    if type(source) is np.ndarray and source.dtype == np.float32 and source.flags.c_contiguous:
        return _flat_and_finite(source, path)
    try:
        given = np.asarray(source)
        if given.dtype.kind not in "fiub" and (given.dtype.kind != "O" or not _are_numbers(source)):
            raise TypeError(f"its type is {given.dtype}")
        with np.errstate(over="ignore"):  # an infinity is refused below
            vector = np.ascontiguousarray(given, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"{path} vector must be a flat sequence of numbers: {error}") from error
    return _flat_and_finite(vector if given.ndim else given, path)


def _flat_and_finite(vector: Vectors, path: str) -> Vectors:
    if vector.ndim != 1:
        raise BadInput(f"{path} vector has {vector.ndim} dimensions of shape; it must be flat")
    if not math.isfinite(squared_length(vector)):
        raise BadInput(f"{path} vector holds NaN or infinity; every number must be finite")
    return vector


def _parse_text(text: msgspec.Raw, path: str) -> VectorInput:
    start = bytes(text).lstrip()
    if start[:1] == b"[" and start[1:].lstrip()[:1] != b"[":
        return parse_vector(text, path)
    return parse_vector_input(decode_json(text, path), path)


def decode_json(text: msgspec.Raw, path: str, kind: Any = Any) -> Any:
    """Return the value of a JSON text; BadInput where it cannot be read."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadInput(f"{path}: {error}") from error


def _parse_object(source: Mapping[str, Any], path: str) -> VectorInput:
    if "indices" in source or "values" in source:
        return parse_sparse(source, path)
    for kind in MODELS:
        if kind in source:
            given = object_of(source, path, (kind, "model", "options"))
            required(given, path, kind, "model")
            options = given.get("options", {})
            if not isinstance(options, dict):
                raise wrong_type(f"{path}.options", "an object", options)
            if kind == "text":
                text_of(given[kind], f"{path}.text")
            return Inference(kind, given[kind], text_of(given["model"], f"{path}.model"), options)
    raise wrong_type(path, "a vector, a point's id or an object of such a form", source)


def is_inference(source: Any) -> bool:
    """Say whether this is what a model is to make a vector of, and not vectors by name.

    A vector may be named `text` or `model`, but no vector is a string.
    """
    return (
        isinstance(source, Mapping)
        and isinstance(source.get("model"), str)
        and any(kind in source for kind in MODELS)
    )


def parse_sparse(source: Any, path: str) -> SparseVector:
    """Return the sparse vector of {"indices": [..], "values": [..]}, sorted by index."""
    given = object_of(source, path, ("indices", "values"))
    required(given, path, "indices", "values")
    values = parse_vector(given["values"], f"{path}.values")
    try:
        indices = np.asarray(given["indices"])
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise ValueError("it must be a flat list of whole numbers")
        if indices.size and (indices.min() < 0 or indices.max() > SPARSE_INDEX_MAX):
            raise InvalidRequest.of(
                f"{path}.indices", "of an index", f"must be from 0 to {SPARSE_INDEX_MAX}"
            )
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InvalidRequest):
            raise
        raise BadInput(f"{path}.indices: {error}") from error
    if len(indices) != len(values):
        rule = f"must be the same length as values, which has {len(values)}"
        raise InvalidRequest.of(f"{path}.indices", f"of {len(indices)} elements", rule)
    order = np.argsort(indices, kind="stable")
    sorted_indices = indices[order].astype(np.uint32)
    if (sorted_indices[1:] == sorted_indices[:-1]).any():
        raise InvalidRequest.of(f"{path}.indices", "with an index twice", "must be unique")
    return SparseVector(sorted_indices, values[order])


def _parse_multi(source: Any, path: str) -> MultiVector:
    rows = [parse_vector(row, f"{path}[{i}]") for i, row in enumerate(source)]
    lengths = {len(row) for row in rows}
    if not rows or len(lengths) > 1 or 0 in lengths:
        raise InvalidRequest.of(
            path, f"of {len(rows)} vectors", "must be vectors of one length, and one at least"
        )
    return MultiVector(np.stack(rows))


def _is_nested(source: Any) -> bool:
    if isinstance(source, np.ndarray):
        return source.ndim == 2
    return (
        isinstance(source, list | tuple)
        and len(source) > 0
        and isinstance(source[0], list | tuple | np.ndarray)
    )


def _are_numbers(values: Any) -> bool:
    """Say whether these are numbers that numpy has no type for, such as integers of 65 bits."""
    return all(isinstance(value, int | float) for value in values)
