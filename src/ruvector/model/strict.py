"""How much may one request of a collection ask for? The strict mode of the wire, its limits.

A limit that was not given does not hold. What was given is echoed as it was. Who checks:
`ruvector.collection.strict`.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ruvector.errors import InvalidRequest, MalformedRequest
from ruvector.model.ids import shown

Count = int | None | UnsetType
Flag = bool | None | UnsetType
_MOST = 2**63 - 1


class StrictMultivector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits on one multi-vector."""

    max_vectors: Count = UNSET


class StrictSparse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits on one sparse vector."""

    max_length: Count = UNSET


class StrictMode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits on the requests of one collection; they hold while `enabled` is true."""

    enabled: Flag = UNSET
    max_query_limit: Count = UNSET
    max_timeout: Count = UNSET
    unindexed_filtering_retrieve: Flag = UNSET
    unindexed_filtering_update: Flag = UNSET
    search_max_hnsw_ef: Count = UNSET
    search_allow_exact: Flag = UNSET
    search_max_oversampling: float | None | UnsetType = UNSET
    upsert_max_batchsize: Count = UNSET
    search_max_batchsize: Count = UNSET
    max_collection_vector_size_bytes: Count = UNSET
    read_rate_limit: Count = UNSET
    write_rate_limit: Count = UNSET
    max_collection_payload_size_bytes: Count = UNSET
    max_points_count: Count = UNSET
    filter_max_conditions: Count = UNSET
    condition_max_size: Count = UNSET
    multivector_config: dict[str, StrictMultivector] | None | UnsetType = UNSET
    sparse_config: dict[str, StrictSparse] | None | UnsetType = UNSET
    max_payload_index_count: Count = UNSET
    max_resident_memory_percent: Count = UNSET

    def limit(self, name: str) -> Any:
        """Return a setting, None where it was not given."""
        value = getattr(self, name)
        return None if value is UNSET else value


# The least and the largest value of limits, as Qdrant has them; others may be 0.
STRICT_RANGES: dict[str, tuple[float, float]] = {
    "max_query_limit": (1, _MOST),
    "max_timeout": (1, _MOST),
    "read_rate_limit": (1, _MOST),
    "write_rate_limit": (1, _MOST),
    "max_points_count": (1, _MOST),
    "max_vectors": (1, _MOST),
    "max_length": (1, _MOST),
    "max_resident_memory_percent": (1, 100),
}


def parse_strict_mode(source: Any, old: StrictMode | UnsetType = UNSET) -> StrictMode | UnsetType:
    """Return the limits, those given in place of the old ones; UNSET where there are none."""
    if source is None or source is UNSET:
        return old
    path = "strict_mode_config"
    try:
        given = source if isinstance(source, StrictMode) else msgspec.convert(source, StrictMode)
    except msgspec.ValidationError as error:
        raise MalformedRequest(f"{path}: {error}") from error
    _check(given, path)
    if isinstance(old, UnsetType):
        return given
    changes = {
        name: value
        for name in given.__struct_fields__
        if (value := getattr(given, name)) is not UNSET and value is not None
    }
    return msgspec.structs.replace(old, **changes)


def _check(limits: msgspec.Struct, path: str) -> None:
    for name in limits.__struct_fields__:
        value = getattr(limits, name)
        if isinstance(value, dict):
            for vector, inner in value.items():
                _check(inner, f"{path}.{name}.{vector}")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            least, most = STRICT_RANGES.get(name, (0, _MOST))
            if not least <= value <= most:
                rule = f"must be from {least} to {most}"
                raise InvalidRequest.of(f"{path}.{name}", shown(value), rule)
