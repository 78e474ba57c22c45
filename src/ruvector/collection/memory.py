"""What does a collection take in memory and on disk, part by part?

Arrays of sealed segments are asked for their resident pages one by one. The tables of the store are
one file: its resident pages are shared out by the tables' sizes. Growing rows and payload indexes
are memory of the process.
Threads: any; it reads a View. Cost: one pass over the page tables of the files.
"""

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

from msgspec import UNSET
from numpy.typing import NDArray

from ruvector.collection.collection import Collection
from ruvector.collection.segment import Segment
from ruvector.collection.spaces import Space
from ruvector.collection.turbo import TurboSpace
from ruvector.index.coded_graph import CODE_ARRAYS, CodedGraph
from ruvector.model.memory import (
    MemoryReport,
    MemoryUsage,
    NamedMemory,
    OtherMemory,
    VectorMemory,
)
from ruvector.model.quantization import Memory
from ruvector.storage.residency import file_resident_bytes, resident_bytes

_NOTHING = MemoryUsage()


def memory_report(collection: Collection) -> MemoryReport:
    """Return what each part of a collection takes right now."""
    shard = collection.shard
    with collection.view() as view:
        segments, live = view.segments, view.live
        tables = view.reader.table_bytes()
        spaces = view.spaces
    vectors = [_vector(s, segments) for s in spaces.values() if s.kind != "sparse"]
    sparse = [_vector(s, segments) for s in spaces.values() if s.kind == "sparse"]
    with shard.lock:
        indexes = [
            NamedMemory(name=index.field, usage=MemoryUsage(ram_bytes=index.memory_bytes))
            for index in shard.indexes
        ]
    resident = file_resident_bytes(shard.store.data_path)
    share = resident / max(1, sum(tables.values()))
    params = collection.config.params
    payload = _of_tables((tables["points"], tables["log"]), share, params.payload_memory)
    rows = _sum(_array(segment.rows, segment, "cached") for segment in segments)
    masks = sum(m.nbytes for s in segments for m in (s.alive, *s.masks.values()))
    in_memory = MemoryUsage(ram_bytes=masks + len(live.serialize()))
    pinned = shard.pinned_ids
    if pinned is not None:
        in_memory += MemoryUsage(ram_bytes=pinned.memory_bytes)
    tracker = _of_tables((tables["ids"],), share, params.id_memory) + rows + in_memory
    parts = [part for vector in (*vectors, *sparse) for part in _parts(vector)]
    total = _sum([*parts, *(index.usage for index in indexes), payload, tracker])
    return MemoryReport(
        total=total,
        vectors=vectors,
        sparse_vectors=sparse,
        payload=payload,
        payload_index=indexes,
        other=OtherMemory(id_tracker=tracker),
    )


def _vector(space: Space, segments: Iterable[Segment]) -> VectorMemory:
    name = space.name
    storage, index, quantized = _NOTHING, _NOTHING, _NOTHING
    is_quantized = False
    for segment in segments:
        placement = segment.placements.get(name)
        where: Memory = "cached" if placement is None else placement.vectors
        if name in segment.vectors:
            arrays = space.arrays(segment.vectors[name]).values()
            storage += _sum(_array(array, segment, where) for array in arrays)
        if placement is None:
            continue
        graphs = [segment.graphs[name]] if name in segment.graphs else []
        blocks = segment.blocks.get(name)
        for block in () if blocks is None else blocks.by_value.values():
            graphs.append(block.index)
            own = (block.positions, *space.arrays(block.column).values())
            index += _sum(_array(array, segment, where) for array in own)
        for graph in graphs:
            if isinstance(space, TurboSpace):
                index += MemoryUsage(ram_bytes=graph.vectors.nbytes)  # decoded for the graph
            for array_name, array in graph.arrays().items():
                if isinstance(graph, CodedGraph) and array_name in CODE_ARRAYS:
                    is_quantized = True
                    quantized += _array(array, segment, placement.codes)
                else:
                    index += _array(array, segment, placement.graph)
    return VectorMemory(
        name=name,
        storage=storage,
        index=index,
        quantized=quantized if is_quantized else UNSET,
    )


def _parts(vector: VectorMemory) -> list[MemoryUsage]:
    quantized = vector.quantized if isinstance(vector.quantized, MemoryUsage) else _NOTHING
    return [vector.storage, vector.index, quantized]


def _array(array: NDArray[Any], segment: Segment, memory: Memory) -> MemoryUsage:
    if array.size and not array.strides[0]:  # stands for rows without a vector of a new name
        return _NOTHING
    if not segment.files:  # growing
        return MemoryUsage(ram_bytes=array.nbytes)
    if memory == "pinned":
        return MemoryUsage(disk_bytes=array.nbytes, ram_bytes=array.nbytes)
    return MemoryUsage(
        disk_bytes=array.nbytes,
        cached_bytes=resident_bytes(array),
        expected_cache_bytes=array.nbytes if memory == "cached" else 0,
    )


def _of_tables(sizes: Iterable[int], share: float, memory: Memory) -> MemoryUsage:
    size = sum(sizes)
    return MemoryUsage(
        disk_bytes=size,
        cached_bytes=min(size, int(size * share)),
        expected_cache_bytes=size if memory == "cached" else 0,
    )


def _sum(parts: Iterable[MemoryUsage]) -> MemoryUsage:
    return reduce(add, parts, _NOTHING)
