"""What does a collection take, part by part? The memory report as it stands on the wire.

The fields are those that Qdrant's web interface reads from `GET /collections/{name}/memory`.
"""

import msgspec
from msgspec import UNSET, UnsetType


class MemoryUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of one part: in files; in memory of the process; of its files, in memory now.

    `expected_cache_bytes`: what of the files should be in memory for the part to be fast.
    """

    disk_bytes: int = 0
    ram_bytes: int = 0
    cached_bytes: int = 0
    expected_cache_bytes: int = 0

    def __add__(self, other: "MemoryUsage") -> "MemoryUsage":
        """Return both together."""
        return MemoryUsage(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__}
        )


class VectorMemory(msgspec.Struct, frozen=True, kw_only=True):
    """One vector name: originals, graph, and compact codes where it is quantized."""

    name: str
    storage: MemoryUsage
    index: MemoryUsage
    quantized: MemoryUsage | UnsetType = UNSET


class NamedMemory(msgspec.Struct, frozen=True, kw_only=True):
    """One payload index."""

    name: str
    usage: MemoryUsage


class OtherMemory(msgspec.Struct, frozen=True, kw_only=True):
    """Ids, and which rows are theirs and alive."""

    id_tracker: MemoryUsage


class MemoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one collection; `total` is the sum."""

    total: MemoryUsage
    vectors: list[VectorMemory]
    sparse_vectors: list[VectorMemory]
    payload: MemoryUsage
    payload_index: list[NamedMemory]
    other: OtherMemory
