"""Which configuration has a collection with one vector name more, or one less?

Points have no vector of a new name until they are given one. Each name that comes to a live
collection gets a number, so that what files and the log still hold of a deleted name is never taken
for vectors of a later one.
"""

from typing import Any

import msgspec
from msgspec import UNSET

from ruvector.collection.settings import check_codes
from ruvector.errors import BadInput
from ruvector.model.configs import (
    CollectionConfig,
    CollectionParams,
    SparseVectorParams,
    VectorParams,
)
from ruvector.model.names import check_name
from ruvector.model.vector_params import check_names_differ, parse_dense, parse_sparse_params

_DENSE = ("size", "distance", "multivector_config", "datatype")
_SPARSE = ("modifier", "datatype")


def with_vector(config: CollectionConfig, name: str, dense: Any, sparse: Any) -> CollectionConfig:
    """Return the configuration with one more vector name; the same where it has it already.

    BadInput where the name has other parameters.
    """
    check_name(name, "vector name")
    if (dense is None) == (sparse is None):
        raise BadInput("exactly one of dense and sparse must be given for a new vector")
    vectors, sparse_vectors = _names_of(config)
    new: VectorParams | SparseVectorParams
    if dense is not None:
        new = parse_dense(name, _fields(dense, f"vectors.{name}", _DENSE))
    else:
        given = _fields(sparse, f"sparse_vectors.{name}", _SPARSE)
        index = {"datatype": given.pop("datatype")} if "datatype" in given else None
        new = parse_sparse_params(name, {**given, **({"index": index} if index else {})})
    known = vectors.get(name) or sparse_vectors.get(name)
    if known is not None:
        if _shape(known) != _shape(new):
            raise BadInput(f"Vector {name} already exists with a different configuration")
        return config
    if isinstance(new, VectorParams):
        vectors[name] = new
    else:
        sparse_vectors[name] = new
    check_names_differ(vectors, sparse_vectors)
    number = config.next_name_number
    changed = msgspec.structs.replace(
        config,
        params=_with(config.params, vectors, sparse_vectors),
        name_numbers={**config.name_numbers, name: number},
        next_name_number=number + 1,
    )
    check_codes(changed)
    return changed


def without_vector(config: CollectionConfig, name: str) -> CollectionConfig:
    """Return the configuration without a vector name; the same where it has none of it."""
    vectors, sparse_vectors = _names_of(config)
    if name not in vectors and name not in sparse_vectors:
        return config
    if list(vectors) == [name] == [""]:
        raise BadInput(
            "Cannot delete the unnamed vector when it is the only dense vector in the collection"
        )
    vectors.pop(name, None)
    sparse_vectors.pop(name, None)
    return msgspec.structs.replace(
        config,
        params=_with(config.params, vectors, sparse_vectors),
        name_numbers={n: number for n, number in config.name_numbers.items() if n != name},
    )


def _names_of(
    config: CollectionConfig,
) -> tuple[dict[str, VectorParams], dict[str, SparseVectorParams]]:
    return dict(config.params.vectors), dict(config.params.sparse_vectors or {})


def _with(
    params: CollectionParams,
    vectors: dict[str, VectorParams],
    sparse_vectors: dict[str, SparseVectorParams],
) -> CollectionParams:
    return msgspec.structs.replace(params, vectors=vectors, sparse_vectors=sparse_vectors or UNSET)


def _fields(source: Any, path: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(source, dict):
        raise BadInput(f"{path} must be an object of {', '.join(allowed)}")
    unknown = sorted(set(source) - set(allowed))
    if unknown:
        raise BadInput(
            f"{path} has the unknown field {unknown[0]!r}; it takes {', '.join(allowed)}"
        )
    return {name: value for name, value in source.items() if value is not None}


def _shape(params: VectorParams | SparseVectorParams) -> tuple[Any, ...]:
    """Return what decides how vectors are kept and compared."""
    if isinstance(params, SparseVectorParams):
        return (params.modifier or "none", params.index_or_default.datatype or "float32")
    return (
        params.size,
        params.distance,
        params.multivector_config or None,
        params.datatype or "float32",
    )
