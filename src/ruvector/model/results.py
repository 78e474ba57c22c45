"""What comes back? The results of operations as they stand in the `result` field of an answer."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ruvector.model.ids import PointId
from ruvector.model.points import Hit, Record


class UpdateResult(msgspec.Struct, frozen=True):
    """The number of the write in its shard's log, and whether the caller waited for it."""

    operation_id: int | None  # None where the time ran out before it had one
    status: str  # "completed", "acknowledged" or "wait_timeout"


class CountResult(msgspec.Struct, frozen=True):
    """How many points match."""

    count: int


class ScrollResult(msgspec.Struct, frozen=True):
    """A page of points, and the id that the next page begins with (None after the last)."""

    points: list[Record]
    next_page_offset: PointId | None = None


class QueryResult(msgspec.Struct, frozen=True):
    """Hits, best first."""

    points: list[Hit]


class PointGroup(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The best hits of one value, and the point of that id where a lookup was asked for."""

    id: int | str
    hits: list[Hit]
    lookup: Record | None = None


class GroupsResult(msgspec.Struct, frozen=True):
    """Groups, the one with the best hit first."""

    groups: list[PointGroup]


class Aggregate(msgspec.Struct, frozen=True):
    """Figures of the numbers that points of one facet value have in a field."""

    count: int
    sum: float
    average: float
    minimum: float
    maximum: float


class FacetHit(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How many points have a value; `aggregates` by field, where they were asked for."""

    value: str | int | bool
    count: int
    aggregates: dict[str, Aggregate] | None = None


class FacetResult(msgspec.Struct, frozen=True):
    """Values, the most frequent first."""

    hits: list[FacetHit]


class MatrixPair(msgspec.Struct, frozen=True):
    """Two points of a sample and their score."""

    a: PointId
    b: PointId
    score: float


class MatrixPairsResult(msgspec.Struct, frozen=True):
    """Pairs, by the id of the first, best first."""

    pairs: list[MatrixPair]


class MatrixOffsetsResult(msgspec.Struct, frozen=True):
    """The same pairs as positions in `ids`."""

    offsets_row: list[int]
    offsets_col: list[int]
    scores: list[float]
    ids: list[PointId]


class CollectionDescription(msgspec.Struct, frozen=True):
    """A collection's name."""

    name: str


class CollectionsResult(msgspec.Struct, frozen=True):
    """Every collection."""

    collections: list[CollectionDescription]


class ExistsResult(msgspec.Struct, frozen=True):
    """Does it exist?"""

    exists: bool


class AliasDescription(msgspec.Struct, frozen=True):
    """An alias and what it stands for."""

    alias_name: str
    collection_name: str


class AliasesResult(msgspec.Struct, frozen=True):
    """Every alias asked for."""

    aliases: list[AliasDescription]


class PayloadIndexInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """An index of a payload field: its type, its parameters as they were given, points it holds."""

    data_type: str
    points: int
    params: dict[str, Any] | UnsetType = UNSET


class UpdateQueueInfo(msgspec.Struct, frozen=True):
    """Writes that wait for their commit.

    `deferred_points`, told where `prevent_unoptimized` is on, is 0: points are never hidden.
    """

    length: int
    deferred_points: int | UnsetType = UNSET


class CollectionWarning(msgspec.Struct, frozen=True):
    """A setting that asks for something and cannot have its effect as things stand."""

    message: str


class CollectionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A collection: `status` is green, yellow (indexing) or red; `config` as on the wire.

    `created_at`: RFC 3339, absent where the collection is older than this field.
    """

    status: str
    optimizer_status: Any
    points_count: int
    indexed_vectors_count: int
    segments_count: int
    config: dict[str, Any]
    payload_schema: dict[str, PayloadIndexInfo]
    update_queue: UpdateQueueInfo
    created_at: str | UnsetType = UNSET
    warnings: list[CollectionWarning] | UnsetType = UNSET
