"""What can be asked of points? The requests that read them; `model.requests` has them all.

Fields that the wire types as untagged unions are `Any` here, and are read by `model.stages` and the
modules it uses. `sort_by` of a query and `aggregate` of a facet are extensions of ours.
"""

from typing import Any, ClassVar

import msgspec

from ruvector.model.ids import PointId
from ruvector.model.points import Hit, Record
from ruvector.model.quantization import QuantizationSearch
from ruvector.model.request import JsonObject, Request
from ruvector.model.results import (
    CountResult,
    FacetResult,
    GroupsResult,
    MatrixOffsetsResult,
    MatrixPairsResult,
    QueryResult,
    ScrollResult,
)


class Retrieve(Request[list[Record]], frozen=True, kw_only=True):
    """Return the points with these ids; ids that do not exist are left out."""

    result: ClassVar[Any] = list[Record]
    collection: str
    ids: list[PointId]
    with_payload: Any = None
    with_vector: Any = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class GetPoint(Request[Record], frozen=True, kw_only=True):
    """Return one point; NotFound where there is none."""

    result: ClassVar[Any] = Record
    collection: str
    id: PointId
    consistency: Any = None


class Scroll(Request[ScrollResult], frozen=True, kw_only=True):
    """Return a page of points in the order of their ids, from `offset` on."""

    result: ClassVar[Any] = ScrollResult
    collection: str
    offset: PointId | None = None
    limit: int | None = None
    filter: JsonObject | None = None
    with_payload: Any = None
    with_vector: Any = None
    order_by: Any = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class Count(Request[CountResult], frozen=True, kw_only=True):
    """Count the points that match. Counts are exact whether or not `exact` asks for it."""

    result: ClassVar[Any] = CountResult
    collection: str
    filter: JsonObject | None = None
    exact: bool | None = True
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class SearchParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to search. `hnsw_ef`: the beam; `indexed_only`: leave out segments that are not indexed
    yet.
    """

    hnsw_ef: int | None = None
    exact: bool | None = False
    quantization: QuantizationSearch | None = None
    indexed_only: bool | None = False
    acorn: Any = None
    idf: Any = None


class QueryPoints(Request[QueryResult], frozen=True, kw_only=True):
    """Find the points nearest to a vector or a stored point; without a query, list by id."""

    result: ClassVar[Any] = QueryResult
    collection: str
    query: Any = None
    using: str | None = None
    filter: JsonObject | None = None
    params: SearchParams | None = None
    score_threshold: float | None = None
    limit: int | None = None
    offset: int | None = None
    with_payload: Any = None
    with_vector: Any = None
    prefetch: Any = None
    lookup_from: Any = None
    sort_by: Any = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class QueryBatch(Request[list[QueryResult]], frozen=True, kw_only=True):
    """Answer several queries in one request, in their order."""

    result: ClassVar[Any] = list[QueryResult]
    collection: str
    searches: list[QueryPoints]
    consistency: Any = None
    timeout: int | None = None


class Search(Request[list[Hit]], frozen=True, kw_only=True):
    """Find the points nearest to a vector: [..] or {"name": .., "vector": [..]}."""

    result: ClassVar[Any] = list[Hit]
    collection: str
    vector: Any
    limit: int
    filter: JsonObject | None = None
    params: SearchParams | None = None
    score_threshold: float | None = None
    offset: int | None = None
    with_payload: Any = None
    with_vector: Any = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class SearchBatch(Request[list[list[Hit]]], frozen=True, kw_only=True):
    """Answer several searches in one request, in their order."""

    result: ClassVar[Any] = list[list[Hit]]
    collection: str
    searches: list[Search]
    consistency: Any = None
    timeout: int | None = None


class QueryGroups(Request[GroupsResult], frozen=True, kw_only=True):
    """Answer a query in groups: the best hits for each value of a payload field."""

    result: ClassVar[Any] = GroupsResult
    collection: str
    group_by: str
    query: Any = None
    using: str | None = None
    filter: JsonObject | None = None
    params: SearchParams | None = None
    score_threshold: float | None = None
    limit: int | None = None
    group_size: int | None = None
    with_payload: Any = None
    with_vector: Any = None
    prefetch: Any = None
    lookup_from: Any = None
    with_lookup: Any = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class SearchGroups(Request[GroupsResult], frozen=True, kw_only=True):
    """Find the points nearest to a vector in groups: the older form of QueryGroups."""

    result: ClassVar[Any] = GroupsResult
    collection: str
    vector: Any
    group_by: str
    limit: int
    group_size: int
    filter: JsonObject | None = None
    params: SearchParams | None = None
    score_threshold: float | None = None
    with_payload: Any = None
    with_vector: Any = None
    with_lookup: Any = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class Recommend(Request[list[Hit]], frozen=True, kw_only=True):
    """Find points like some examples and unlike others: the older form of a query."""

    result: ClassVar[Any] = list[Hit]
    collection: str
    limit: int
    positive: Any = None
    negative: Any = None
    strategy: Any = None
    using: Any = None
    filter: JsonObject | None = None
    params: SearchParams | None = None
    score_threshold: float | None = None
    offset: int | None = None
    with_payload: Any = None
    with_vector: Any = None
    lookup_from: Any = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class RecommendBatch(Request[list[list[Hit]]], frozen=True, kw_only=True):
    """Answer several recommendations in one request, in their order."""

    result: ClassVar[Any] = list[list[Hit]]
    collection: str
    searches: list[Recommend]
    consistency: Any = None
    timeout: int | None = None


class RecommendGroups(Request[GroupsResult], frozen=True, kw_only=True):
    """Recommend in groups: the older form of QueryGroups."""

    result: ClassVar[Any] = GroupsResult
    collection: str
    group_by: str
    limit: int
    group_size: int
    positive: Any = None
    negative: Any = None
    strategy: Any = None
    using: Any = None
    filter: JsonObject | None = None
    params: SearchParams | None = None
    score_threshold: float | None = None
    with_payload: Any = None
    with_vector: Any = None
    lookup_from: Any = None
    with_lookup: Any = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class Discover(Request[list[Hit]], frozen=True, kw_only=True):
    """Find points by a target, a context or both: the older form of a query."""

    result: ClassVar[Any] = list[Hit]
    collection: str
    limit: int
    target: Any = None
    context: Any = None
    using: Any = None
    filter: JsonObject | None = None
    params: SearchParams | None = None
    offset: int | None = None
    with_payload: Any = None
    with_vector: Any = None
    lookup_from: Any = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class DiscoverBatch(Request[list[list[Hit]]], frozen=True, kw_only=True):
    """Answer several of these in one request, in their order."""

    result: ClassVar[Any] = list[list[Hit]]
    collection: str
    searches: list[Discover]
    consistency: Any = None
    timeout: int | None = None


class Facet(Request[FacetResult], frozen=True, kw_only=True):
    """Count the points for each value of a payload field. Counts are always exact.

    `aggregate`: number fields whose sum, average, minimum and maximum stand beside each count.
    """

    result: ClassVar[Any] = FacetResult
    collection: str
    key: str
    limit: int | None = None
    filter: JsonObject | None = None
    exact: bool | None = None
    aggregate: list[str] | None = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class MatrixPairs(Request[MatrixPairsResult], frozen=True, kw_only=True):
    """Compare the points of a random sample with each other; the answer lists pairs."""

    result: ClassVar[Any] = MatrixPairsResult
    collection: str
    filter: JsonObject | None = None
    sample: int | None = None
    limit: int | None = None
    using: str | None = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None


class MatrixOffsets(Request[MatrixOffsetsResult], frozen=True, kw_only=True):
    """Compare the points of a random sample with each other; the answer is a sparse matrix."""

    result: ClassVar[Any] = MatrixOffsetsResult
    collection: str
    filter: JsonObject | None = None
    sample: int | None = None
    limit: int | None = None
    using: str | None = None
    shard_key: Any = None
    consistency: Any = None
    timeout: int | None = None
