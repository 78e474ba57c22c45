"""What do bodies that hold points look like? The types that `columns` and `decode` read by hand.

Nothing decodes into them: they name the fields, for the readers and for the OpenAPI document.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType


class Point(msgspec.Struct, forbid_unknown_fields=True):
    """A point of an upsert."""

    id: int | str
    vector: Raw | UnsetType = UNSET
    vectors: Raw | UnsetType = UNSET
    payload: Raw | UnsetType = UNSET
    ttl_seconds: float | None = None


class PointVectors(msgspec.Struct, forbid_unknown_fields=True):
    """A point of an update of vectors."""

    id: int | str
    vector: Raw | UnsetType = UNSET
    vectors: Raw | UnsetType = UNSET


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """Points as columns."""

    ids: list[int | str]
    vectors: Raw
    payloads: list[Raw] | None = None
    ttl_seconds: list[float | None] | None = None


class UpsertBody(msgspec.Struct, forbid_unknown_fields=True):
    """Points in one of two forms."""

    points: list[Point] | UnsetType = UNSET
    batch: Batch | UnsetType = UNSET
    shard_key: Any = None
    update_filter: Any = None
    update_mode: Any = None


class UpdateVectorsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Vectors of points that exist."""

    points: list[PointVectors]
    shard_key: Any = None
    update_filter: Any = None


class ChangesBody(msgspec.Struct, forbid_unknown_fields=True):
    """Operations, each an object with its name as the only field."""

    operations: list[dict[str, Raw]]
