"""How are rows moved into files, merged and indexed without anybody noticing?

Each step writes new files, has the manifest name them, shows them to readers, and removes the files
they replace last. A crash at any point leaves the old state, and files that the next start removes.
Rows that die while a step runs are masked when its segment is shown.

Threads: one step at a time, in the maintenance thread. Memory: a merge holds the new segment once.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ruvector.collection.blocks import BLOCK_ROWS, BlockSettings, Demanded, build_blocks
from ruvector.collection.growing import GrowingSegment
from ruvector.collection.sealed import (
    BLOCKS,
    FileEntry,
    alive_in,
    drop_cold,
    files_of,
    open_segment,
    put_files,
    write_blocks,
    write_index,
    write_vectors,
)
from ruvector.collection.segment import GraphKey, Mask, Rows, Segment, full_mask
from ruvector.collection.shard import Shard
from ruvector.collection.spaces import Space
from ruvector.index.payload.bitmaps import rows_of
from ruvector.model.quantization import Code
from ruvector.storage.transaction import WriteTransaction


class GraphSettings(NamedTuple):
    """How to build a graph: what it depends on, its codes, and threads (0: all cores)."""

    key: GraphKey
    code: Code | None
    threads: int


class Wanted(NamedTuple):
    """What a segment is to have beside its vectors, by vector name; None: no longer."""

    graphs: Mapping[str, GraphSettings | None]
    blocks: Mapping[str, BlockSettings | None]

    def __bool__(self) -> bool:
        return bool(self.graphs or self.blocks)


class Compactor:
    """Seals, merges and indexes the segments of one shard."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._number = 0
        self._shown: list[FileEntry] = []  # since the last `drop_cold`

    def seal(self) -> None:
        """Write the growing rows to a file and drop the log that brought them."""
        shard = self._shard
        with shard.lock:
            if not shard.frozen:
                shard.frozen = (shard.growing,)
                shard.growing = GrowingSegment(shard.spaces)
                shard.sealed_sequence, shard.sealed_row = shard.applied, shard.next_row
            growing, spaces = shard.frozen[0].segment, shard.spaces
            sequence, next_row = shard.sealed_sequence, shard.sealed_row
        new = self._write(_only_alive(growing), next_row, spaces)
        shard.before_truncation(sequence)
        self._replace((), new, spaces, also=lambda transaction: transaction.truncate_log(sequence))

    def merge(self, chosen: Sequence[Segment]) -> None:
        """Write the living rows of these segments as one."""
        shard = self._shard
        with shard.lock:
            files = {file for segment in chosen for file in segment.files}
            chosen = [segment for segment in shard.sealed if files.intersection(segment.files)]
            spaces = shard.spaces
        merged = _concatenate([_only_alive(segment) for segment in chosen], spaces)
        with shard.store.read() as reader:
            replaced = {file for segment in chosen for file in segment.files}
            old = [entry for entry in files_of(reader) if entry.file in replaced]
        new = self._write(merged, max(entry.next_row for entry in old), spaces)
        self._replace(chosen, new, spaces)

    def index(self, segment: Segment, wanted: Wanted, cancel: threading.Event) -> None:
        """Build graphs and blocks, and drop those that are not wanted any more."""
        shard = self._shard
        with shard.lock:
            spaces = shard.spaces
        with shard.store.read() as reader:
            entries = [entry for entry in files_of(reader) if entry.file in segment.files]
        number = entries[0].segment
        new, replaced = [], set()
        for name, settings in wanted.graphs.items():
            if name not in spaces:
                continue  # deleted since
            space = spaces[name]
            replaced.add((space.kind, space.key))
            if settings is None:
                continue
            index = _build(segment, space, settings, cancel)
            stem = f"{self._new_number()}-{space.kind}"
            new.append(write_index(shard.store, stem, number, space, index, settings.key))
        for name, chosen in wanted.blocks.items():
            if name not in spaces:
                continue
            space = spaces[name]
            replaced.add((BLOCKS, space.key))
            if chosen is None:
                continue
            rows = self._rows_of_values(chosen.key.fields)
            blocks = build_blocks(segment, space, chosen, rows, cancel)
            stem = f"{self._new_number()}-{BLOCKS}"
            new.append(write_blocks(shard.store, stem, number, space, blocks))
        keep = [e.file for e in entries if (e.kind, e.name) not in replaced]
        self._replace((segment,), new, spaces, keep=keep)

    def _rows_of_values(self, fields: Sequence[str]) -> list[tuple[Demanded, Rows]]:
        """Return the rows of each frequent value of these payload fields."""
        shard = self._shard
        shard.filling.fill_declared(fields)
        with shard.lock:
            return [
                ((field, value), rows_of(rows))
                for field in fields
                for value, rows in shard.indexes.frequent_values(field, BLOCK_ROWS)
            ]

    def place(self, segment: Segment) -> None:
        """Have the segment's arrays live where the configuration says."""
        shard = self._shard
        with shard.lock:
            spaces = shard.spaces
        self._replace((segment,), (), spaces, keep=segment.files)

    def drop_cold(self) -> None:
        """Let go of cold pages that a step read; call when nobody holds its old segments."""
        shown, self._shown = self._shown, []
        for entry in shown:
            drop_cold(self._shard.store, entry, self._shard.spaces)

    def _write(
        self, segment: Segment, next_row: int, spaces: Mapping[str, Space]
    ) -> list[FileEntry]:
        """Write a segment's rows; none need no file: no row of theirs can come back to life."""
        if not len(segment):
            return []
        shard = self._shard
        return [write_vectors(shard.store, self._new_number(), segment, spaces, next_row)]

    def _replace(
        self,
        old: Sequence[Segment],
        new: Sequence[FileEntry],
        spaces: Mapping[str, Space],
        *,
        also: Callable[[WriteTransaction], None] | None = None,
        keep: Sequence[str] = (),
    ) -> None:
        """Name the new files in the manifest, show them to readers, remove the old ones."""
        shard = self._shard
        replaced = {file for segment in old for file in segment.files}
        gone = replaced.difference(keep)
        with shard.store.read() as reader:
            kept = [entry for entry in files_of(reader) if entry.file in keep]
        with shard.lock:
            live = shard.live
        entries = [*kept, *new]
        shown = [open_segment(shard.store, entries, spaces, live)] if entries else []

        def prepare(transaction: WriteTransaction) -> None:
            others = [entry for entry in files_of(transaction) if entry.file not in gone]
            put_files(transaction, [*others, *new])
            if also is not None:
                also(transaction)

        def applied(_: None) -> None:
            nonlocal shown
            with shard.lock:
                if shard.spaces is not spaces and entries:  # names came or went in the meantime
                    shown = [open_segment(shard.store, entries, shard.spaces, live)]
                others = [s for s in shard.sealed if not replaced.intersection(s.files)]
                shard.sealed = (*others, *(alive_in(s, shard.live) for s in shown))
                if not old:
                    shard.frozen = ()

        shard.store.commit(prepare, applied, frees_space=True).result()
        for file in gone:
            shard.store.pins.remove(file)
        self._shown.extend(entries)

    def _new_number(self) -> str:
        with self._shard.store.read() as reader:
            used = [int(entry.file.partition("-")[0]) for entry in files_of(reader)]
        self._number = max([self._number, *used]) + 1
        return f"{self._number:08d}"


def _build(segment: Segment, space: Space, wanted: GraphSettings, cancel: threading.Event) -> Any:
    """Return a new index; the links of a graph with other codes are used again."""
    old, links = segment.graphs.get(space.name), None
    if old is not None and space.kind == "graph":
        before = segment.graph_settings[space.name]
        links = old.links() or None if before[:2] == wanted.key[:2] else None
    return space.build(
        segment.vectors[space.name],
        links_per_node=2 * wanted.key.m,
        build_beam=wanted.key.ef_construct,
        threads=wanted.threads,
        cancel=cancel,
        links=links,
        code=wanted.code,
    )


def _only_alive(segment: Segment) -> Segment:
    """Return the living rows of a segment; arrays are copied only if some are dead."""
    if segment.rows_alive == len(segment):
        return segment
    alive = _bits(segment.alive, segment).view(bool)
    vectors = {name: array[alive] for name, array in segment.vectors.items()}
    masks = {
        name: np.packbits(_bits(mask, segment)[alive], bitorder="little")
        for name, mask in segment.masks.items()
    }
    rows = segment.rows[alive]
    return Segment(rows, full_mask(len(rows)), vectors, masks, {}, {})


def _bits(mask: Mask, segment: Segment) -> Mask:
    return np.unpackbits(mask, count=len(segment), bitorder="little")


def _concatenate(segments: Sequence[Segment], spaces: Mapping[str, Space]) -> Segment:
    """Return one segment of all rows, ascending."""
    rows = np.concatenate([segment.rows for segment in segments])
    order = np.argsort(rows, kind="stable")
    is_sorted = bool(np.all(order[:-1] < order[1:]))
    masks, vectors = {}, {}
    for name, space in spaces.items():
        array = space.joined([segment.vectors[name] for segment in segments])
        bits = np.concatenate([_bits(segment.masks[name], segment) for segment in segments])
        vectors[name] = array if is_sorted else array[order]
        masks[name] = np.packbits(bits if is_sorted else bits[order], bitorder="little")
    return Segment(rows[order], full_mask(len(rows)), vectors, masks, {}, {})
