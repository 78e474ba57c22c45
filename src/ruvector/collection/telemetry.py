"""What is a collection like, in as much detail as is asked for? Its part of the telemetry.

| level | what |
|---|---|
| 1 | number of vectors, state of maintenance, parameters |
| 2 | name and configuration |
| 3 | and the shard: status, sizes, maintenance |
| 4 and more | and its segments |

Sizes are those of the arrays and tables; the names are Qdrant's.
"""

from typing import Any

import msgspec

from ruvector.collection.collection import Collection
from ruvector.collection.segment import Segment
from ruvector.collection.settings import echo, index_infos
from ruvector.collection.view import View

JsonObject = dict[str, Any]
AGGREGATED, CONFIGURED, SHARDS, SEGMENTS = 1, 2, 3, 4


def collection_telemetry(name: str, collection: Collection, level: int, node_id: int) -> JsonObject:
    """Return the telemetry of a collection at a level from 1 on."""
    config = echo(collection.config)
    with collection.view() as view:
        if level <= AGGREGATED:
            return {
                "vectors": sum(_counts(view).values()),
                "optimizers_status": collection.optimizer_status,
                "params": config["params"],
            }
        found: JsonObject = {"id": name, "config": config}
        if level >= SHARDS:
            states = {str(node_id): "Active"}
            local = _shard(collection, view, level)
            found["shards"] = [{"id": 0, "local": local, "remote": [], "replicate_states": states}]
            found["transfers"] = found["resharding"] = []
    return found


def _shard(collection: Collection, view: View, level: int) -> JsonObject:
    counts, maintenance = _counts(view), collection.maintenance.history
    local: JsonObject = {
        "status": collection.status,
        "total_optimized_points": maintenance.points_optimized,
        "vectors_size_bytes": view.vector_bytes,
        "payloads_size_bytes": view.reader.points_bytes,
        "num_points": len(view.live),
        "num_vectors": sum(counts.values()),
        "num_vectors_by_name": counts,
        "optimizations": {
            "status": collection.optimizer_status,
            "optimizations": maintenance.durations(),
        },
        "update_queue": {"length": collection.shard.store.waiting, "op_num": view.sequence},
    }
    if level >= SEGMENTS:
        local["segments"] = [_segment(collection, view, each) for each in view.segments]
    return local


def _segment(collection: Collection, view: View, segment: Segment) -> JsonObject:
    (identity,) = collection.maintenance.history.described([segment])
    alive, rows = segment.rows_alive, len(segment)
    sizes = {n: segment.size_bytes(s) for n, s in view.spaces.items() if n in segment.vectors}
    indexed = {name: count for name in segment.counts if (count := segment.indexed(name))}
    vectors = sum(sizes.values())
    payloads = view.reader.points_bytes * alive // max(1, len(view.live))
    return {
        "info": {
            "uuid": identity.uuid,
            "segment_type": "indexed" if indexed else "plain",
            "num_vectors": sum(segment.counts.values()),
            "num_points": alive,
            "num_indexed_vectors": sum(indexed.values()),
            "num_deleted_vectors": rows - alive,
            "vectors_size_bytes": vectors,
            "payloads_size_bytes": payloads,
            "ram_usage_bytes": 0 if segment.files else vectors,
            "disk_usage_bytes": vectors + payloads if segment.files else payloads,
            "is_appendable": not segment.files,
            "index_schema": {
                field: msgspec.to_builtins(index)
                for field, index in index_infos(collection.shard).items()
            },
            "vector_data": {
                name: {
                    "num_vectors": count,
                    "num_indexed_vectors": indexed.get(name, 0),
                    "num_deleted_vectors": rows - count,
                }
                for name, count in segment.counts.items()
            },
        },
        "config": {"payload_storage_type": {"type": "mmap"}},
        "vector_index_searches": [],
        "payload_field_indices": [],
    }


def _counts(view: View) -> dict[str, int]:
    counts = dict.fromkeys(view.spaces, 0)
    for segment in view.segments:
        for name in counts.keys() & segment.counts.keys():
            counts[name] += segment.counts[name]
    return counts
