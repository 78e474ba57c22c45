"""How does a segment get into files, and back? One file of rows and vectors, one more for each
graph.

The manifest's key "segments" lists every file: {"file", "size_bytes", "crc", "segment", "kind",
"name"}, where `kind` is "vectors", "graph", "sparse" or "blocks", `name` the key of the vector's
space, `settings` what a graph was built with, `code` the key of its compact codes ("" for none) and
`fields` the payload fields of blocks. An index is added to a segment without writing its vectors
again.
Format pages in docs/formats: segment.md, graph.md, sparse.md, blocks.md.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
from pyroaring import BitMap

from ruvector.collection.blocks import BlockKey, Blocks, blocks_from, name_inside
from ruvector.collection.segment import GraphKey, Mask, Segment, full_mask
from ruvector.collection.spaces import Space
from ruvector.errors import StorageDamaged
from ruvector.index.coded_graph import CODE_ARRAYS
from ruvector.index.payload.bitmaps import bitmap_of, rows_of
from ruvector.kernel import mask_from_rows
from ruvector.model.quantization import Memory
from ruvector.storage.garbage import SEGMENTS_KEY
from ruvector.storage.residency import drop_cold_arrays, settle
from ruvector.storage.segment_file import SegmentFile, write_segment
from ruvector.storage.shard_store import ShardStore
from ruvector.storage.transaction import Reader, WriteTransaction


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the manifest."""

    file: str
    size_bytes: int
    crc: int
    segment: str
    kind: str
    name: str = ""
    next_row: int = 0
    settings: tuple[int, int] = (0, 0)
    code: str = ""
    fields: tuple[str, ...] = ()

    @property
    def key(self) -> GraphKey:
        """Return what a graph was built with."""
        return GraphKey(*self.settings, self.code)

    @property
    def block_key(self) -> BlockKey:
        """Return what blocks were built with."""
        return BlockKey(*self.settings, self.code, self.fields)


BLOCKS = "blocks"
# Arrays that hold what vectors hold, before the key of their space; the others are kept in memory.
_OF_VECTORS = ("vectors", "offsets", "indices", "values")
_decode_files = msgspec.json.Decoder(list[FileEntry]).decode


def files_of(reader: Reader) -> list[FileEntry]:
    """Return the manifest's files."""
    value = reader.manifest(SEGMENTS_KEY)
    if value is None:
        return []
    try:
        return _decode_files(value)
    except msgspec.DecodeError as error:
        raise StorageDamaged(f"the manifest's segments cannot be read: {error}") from error


def put_files(transaction: WriteTransaction, entries: Sequence[FileEntry]) -> None:
    """Make the manifest list exactly these files."""
    transaction.put_manifest(SEGMENTS_KEY, msgspec.json.encode(list(entries)))


def write_vectors(
    store: ShardStore,
    number: str,
    segment: Segment,
    spaces: Mapping[str, Space],
    next_row: int,
) -> FileEntry:
    """Write the rows and vectors of a segment durably; not yet named by the manifest."""
    arrays: dict[str, Any] = {"rows": segment.rows}
    for name, space in spaces.items():
        arrays.update(space.arrays(segment.vectors[name]))
        arrays["present:" + space.key] = segment.masks[name]
    return _write(store, f"{number}-vectors", arrays, number, "vectors", "", next_row)


def write_index(
    store: ShardStore, stem: str, number: str, space: Space, index: Any, key: GraphKey
) -> FileEntry:
    """Write the index of one space durably; not yet named by the manifest."""
    entry = _write(store, stem, index.arrays(), number, space.kind, space.key, 0)
    return msgspec.structs.replace(entry, settings=key[:2], code=key.code)


def write_blocks(
    store: ShardStore, stem: str, number: str, space: Space, blocks: Blocks
) -> FileEntry:
    """Write the blocks of one space durably; not yet named by the manifest."""
    entry = _write(store, stem, blocks.arrays(space), number, BLOCKS, space.key, 0)
    key = blocks.key
    return msgspec.structs.replace(entry, settings=key[:2], code=key.code, fields=key.fields)


def _write(
    store: ShardStore,
    stem: str,
    arrays: Mapping[str, Any],
    number: str,
    kind: str,
    name: str,
    next_row: int,
) -> FileEntry:
    file = stem + ".segment"
    path = store.segments_path / file
    crc = write_segment(path, arrays, {"kind": kind, "name": name})
    return FileEntry(
        file=file,
        size_bytes=path.stat().st_size,
        crc=crc,
        segment=number,
        kind=kind,
        name=name,
        next_row=next_row,
    )


def open_segments(
    store: ShardStore, reader: Reader, spaces: Mapping[str, Space], live: BitMap
) -> tuple[tuple[Segment, ...], int]:
    """Return the sealed segments that the manifest names, and the first row after all of them."""
    entries = files_of(reader)
    numbers = dict.fromkeys(entry.segment for entry in entries)
    segments = [
        open_segment(store, [e for e in entries if e.segment == number], spaces, live)
        for number in numbers
    ]
    return tuple(segments), max((entry.next_row for entry in entries), default=0)


def open_segment(
    store: ShardStore, entries: Sequence[FileEntry], spaces: Mapping[str, Space], live: BitMap
) -> Segment:
    """Return one segment, mapped and checked, with the rows that died since masked out."""
    names = tuple(entry.file for entry in entries)
    try:
        main = next(entry for entry in entries if entry.kind == "vectors")
        by_key = {space.key: space for space in spaces.values()}
        arrays = settle(_open_file(store, main), partial(_memory_of_vectors, by_key))
        rows = arrays["rows"]
        masks: dict[str, Mask] = {}
        vectors = {}
        for name, space in spaces.items():
            if "present:" + space.key not in arrays:  # the name came after the segment
                vectors[name] = space.absent(len(rows))
                masks[name] = mask_from_rows(np.empty(0, dtype=np.uint32), len(rows))
                continue
            vectors[name] = space.opened(arrays, len(rows))
            masks[name] = arrays["present:" + space.key]
        graphs, settings, blocks = {}, {}, {}
        for entry in entries:
            memory_of = _memory_of(entry, by_key)
            if entry.kind == "vectors" or memory_of is None:
                continue
            space, file = by_key[entry.name], settle(_open_file(store, entry), memory_of)
            if entry.kind == BLOCKS:
                blocks[space.name] = blocks_from(file, space, entry.block_key, len(rows))
                continue
            if entry.code and entry.settings[0] and "links" not in file:
                raise ValueError(f"{entry.file} has codes and no links")
            settings[space.name] = entry.key
            graphs[space.name] = space.index_from(file, vectors[space.name], entry.code)
    except (KeyError, StopIteration, ValueError) as error:
        raise StorageDamaged(f"segment {names} of {store.path} cannot be read: {error}") from error
    placements = {name: space.placement for name, space in spaces.items()}
    segment = Segment(
        rows, full_mask(len(rows)), vectors, masks, {}, graphs, names, settings, placements, blocks
    )
    return alive_in(segment, live)


def drop_cold(store: ShardStore, entry: FileEntry, spaces: Mapping[str, Space]) -> None:
    """Drop the pages of a file that its arrays' placement does not keep, if it is still there."""
    path = store.segments_path / entry.file
    memory_of = _memory_of(entry, {space.key: space for space in spaces.values()})
    if memory_of is not None and path.exists():
        drop_cold_arrays(SegmentFile.open(path, verify=False), memory_of)


def _memory_of(entry: FileEntry, by_key: Mapping[str, Space]) -> Callable[[str], Memory] | None:
    if entry.kind == "vectors":
        return partial(_memory_of_vectors, by_key)
    if entry.name not in by_key:
        return None
    space = by_key[entry.name]
    if entry.kind == BLOCKS:
        return partial(_memory_of_blocks, by_key, space)
    return partial(_memory_of_index, space)


def _memory_of_vectors(by_key: Mapping[str, Space], array: str) -> Memory:
    kind, _, key = array.partition(":")
    return by_key[key].placement.vectors if kind in _OF_VECTORS and key in by_key else "cached"


def _memory_of_blocks(by_key: Mapping[str, Space], space: Space, array: str) -> Memory:
    own = name_inside(array)
    if ":" in own:
        return _memory_of_vectors(by_key, own)
    return "cached" if own in ("rows", "values") else _memory_of_index(space, own)


def _memory_of_index(space: Space, array: str) -> Memory:
    return space.placement.codes if array in CODE_ARRAYS else space.placement.graph


def alive_in(segment: Segment, live: BitMap) -> Segment:
    """Return the segment in which exactly those rows are alive that are live."""
    rows = segment.rows
    known = bitmap_of(rows)
    if known.issubset(live):
        return segment.masked(full_mask(len(rows)))
    positions = np.searchsorted(rows, rows_of(known & live))
    return segment.masked(mask_from_rows(positions.astype(np.uint32), len(rows)))


def _open_file(store: ShardStore, entry: FileEntry) -> SegmentFile:
    path = store.segments_path / entry.file
    if not path.exists():
        raise StorageDamaged(f"{path} is missing; restore the shard from a snapshot")
    if path.stat().st_size != entry.size_bytes:
        raise StorageDamaged(f"{path} has {path.stat().st_size} bytes; {entry.size_bytes} expected")
    return SegmentFile.open(path)
