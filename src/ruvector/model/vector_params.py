"""Which vectors does a new collection have? Their parameters, read and checked by name."""

from typing import Any, get_args

import msgspec
from msgspec import UNSET

from ruvector.errors import BadInput, InvalidRequest
from ruvector.model.configs import (
    TURBO4,
    Datatype,
    SparseVectorParams,
    VectorParams,
    check_hnsw,
    check_range,
    refuse,
)
from ruvector.model.limits import MAX_DIMENSIONS, MAX_VECTORS_PER_POINT
from ruvector.model.names import check_name
from ruvector.model.quantization import QuantizationConfig, check_distance, check_quantization


def parse_vectors(source: Any) -> dict[str, VectorParams]:
    """Return the vectors of a new collection: one VectorParams, or a dict of them by name."""
    if source is None or source is UNSET:
        return {}
    if not isinstance(source, dict):
        raise BadInput(
            'vectors must be {"size": ..., "distance": ...} or an object of such by name'
        )
    named = {"": source} if "size" in source and not isinstance(source["size"], dict) else source
    if len(named) > MAX_VECTORS_PER_POINT:
        raise BadInput(f"{len(named)} named vectors; at most {MAX_VECTORS_PER_POINT}")
    return {name: parse_dense(name, value) for name, value in named.items()}


def parse_sparse_vectors(source: Any) -> dict[str, SparseVectorParams]:
    """Return the sparse vectors of a new collection by name."""
    if source is None or source is UNSET:
        return {}
    if not isinstance(source, dict):
        raise BadInput("sparse_vectors must be an object of parameters by name")
    return {name: parse_sparse_params(name, value) for name, value in source.items()}


def parse_sparse_params(name: str, source: Any) -> SparseVectorParams:
    """Return the parameters of one sparse vector; refuse what would be ignored."""
    path = f"sparse_vectors.{name}"
    check_name(name, "vector name")
    try:
        params = msgspec.convert(source, SparseVectorParams)
    except msgspec.ValidationError as error:
        raise BadInput(f"{path}: {error}") from error
    index = params.index_or_default
    check_range(f"{path}.index.full_scan_threshold", index.full_scan_threshold, 0, 2**32)
    return params


def check_names_differ(vectors: Any, sparse: Any) -> None:
    """Refuse a name that is given twice, and more names than a point may have vectors."""
    both = sorted(set(vectors) & set(sparse))
    if both:
        raise BadInput(f"vector {both[0]!r} is both in vectors and in sparse_vectors")
    if len(vectors) + len(sparse) > MAX_VECTORS_PER_POINT:
        raise BadInput(
            f"{len(vectors) + len(sparse)} named vectors; at most {MAX_VECTORS_PER_POINT}"
        )


def parse_dense(name: str, source: Any) -> VectorParams:
    """Return the parameters of one dense or multi-vector; refuse what would be ignored."""
    path = f"vectors.{name}" if name else "vectors"
    if name:
        check_name(name, "vector name")
    try:
        params = msgspec.convert(source, VectorParams)
    except msgspec.ValidationError as error:
        raise BadInput(f"{path}: {error}") from error
    check_range(f"{path}.size", params.size, 1, MAX_DIMENSIONS)
    check_hnsw(params.hnsw_config, f"{path}.hnsw_config")
    params = with_quantization(params, params.quantization_config, path)
    known = get_args(Datatype)
    refuse(f"{path}.datatype", params.datatype, known if params.is_multi else (*known, TURBO4))
    check_vector_memory(params.memory, path)
    return params


def with_quantization(params: VectorParams, source: Any, path: str) -> VectorParams:
    """Return the parameters with a checked quantization; Disabled and null take it away."""
    if source is UNSET:
        return params
    if not isinstance(source, QuantizationConfig):
        return msgspec.structs.replace(params, quantization_config=UNSET)
    checked = check_quantization(source, f"{path}.quantization_config")
    check_distance(checked, params.distance, f"{path}.quantization_config")
    return msgspec.structs.replace(params, quantization_config=checked)


def check_vector_memory(memory: Any, path: str) -> None:
    """Refuse to pin dense vectors, as the wire has it: codes and graphs are what can be pinned."""
    if memory == "pinned":
        rule = "must be cold or cached: pin the quantization or the graph instead"
        raise InvalidRequest.of(f"{path}.memory", memory, rule)
