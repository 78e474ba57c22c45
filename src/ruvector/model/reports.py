"""What does a database say about itself? Issues, optimizations, shards, quotas; as on the wire.

Fields that are None are left out of answers.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

OPTIMIZATION_PARTS = ("queued", "completed", "idle_segments")  # that have to be asked for


# Issues


class Action(msgspec.Struct, frozen=True):
    """A request that solves an issue."""

    method: str
    uri: str
    headers: dict[str, str]
    body: dict[str, Any]


class ImmediateSolution(msgspec.Struct, frozen=True):
    """What to do, in words and as a request."""

    message: str
    action: Action


class Solution(msgspec.Struct, frozen=True):
    """What helps against an issue."""

    immediate: ImmediateSolution


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """Something that makes the database slower than it need be.

    `times`, `payloads_read` (an extension of ours): how many filters, and how much they read.
    """

    id: str
    description: str
    solution: Solution
    timestamp: str  # when it was seen last
    related_collection: str
    times: int
    payloads_read: int


class IssuesResult(msgspec.Struct, frozen=True):
    """Every issue, the one with the most payloads read first."""

    issues: list[Issue]


# Optimizations


class OptimizedSegment(msgspec.Struct, frozen=True):
    """A segment: `uuid` stays the same while it lives."""

    uuid: str
    points_count: int


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a piece of work ran."""

    name: str
    started_at: str
    finished_at: str | None = None
    duration_sec: float | None = None


class Optimization(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of maintenance; `status`: optimizing, done, {"error": ..}, {"cancelled": ..}."""

    uuid: str
    optimizer: str
    status: Any
    segments: list[OptimizedSegment]
    progress: Progress


class PendingOptimization(msgspec.Struct, frozen=True):
    """A piece of maintenance that is due."""

    optimizer: str
    segments: list[OptimizedSegment]


class OptimizationsSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How much is due; points count once for each piece of work."""

    queued_optimizations: int
    queued_segments: int
    queued_points: int
    idle_segments: int


class OptimizationsResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What maintenance does, did (newest first) and has to do."""

    summary: OptimizationsSummary
    running: list[Optimization]
    queued: list[PendingOptimization] | None = None
    completed: list[Optimization] | None = None
    idle_segments: list[OptimizedSegment] | None = None


# Shards


class LocalShard(msgspec.Struct, frozen=True):
    """A shard on the node that answers."""

    shard_id: int
    points_count: int
    state: str = "Active"


class CollectionCluster(msgspec.Struct, frozen=True, kw_only=True):
    """Where the shards of a collection are."""

    peer_id: int
    shard_count: int
    local_shards: list[LocalShard]
    remote_shards: list[Any] = []
    shard_transfers: list[Any] = []


class ShardKeys(msgspec.Struct, frozen=True):
    """The keys of custom sharding; None with the automatic one."""

    shard_keys: list[Any] | None = None


# Quotas


class QuotaConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one node; they hold while `enabled` is true. What was not given is left out."""

    enabled: bool | None | UnsetType = UNSET
    max_resident_memory_percent: int | None | UnsetType = UNSET
    max_disk_usage_percent: int | None | UnsetType = UNSET
    release_margin_percent: int | None | UnsetType = UNSET


class QuotaUsage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What this node uses now; left out where it cannot be measured."""

    resident_memory_percent: int | None = None
    disk_usage_percent: int | None = None


class QuotaStatus(msgspec.Struct, frozen=True):
    """The limits, and what they are compared with."""

    config: QuotaConfig
    usage: QuotaUsage
