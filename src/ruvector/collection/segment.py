"""Which rows of this segment are nearest? Rows, vectors and graphs of one segment, and a search
over them.

A `Segment` is what a reader holds: it never changes. Deaths of rows make a new Segment that shares
all arrays but the masks; sealing, merging and indexing make new ones as well. So readers need no
lock. Positions inside a segment are local; `rows` (ascending) says which row of the shard each one
is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.collection.blocks import Block, Blocks, Demanded
from ruvector.collection.spaces import Column, Space
from ruvector.index.coded_graph import AS_CONFIGURED, CodeUse
from ruvector.kernel import mask_from_rows
from ruvector.model.configs import NO_GRAPH, Placement
from ruvector.model.points import Vectors
from ruvector.model.quantization import Code

Rows = NDArray[np.uint32]
Mask = NDArray[np.uint8]  # packed bits, little-endian within the byte
Found = tuple[Rows, Vectors]


class GraphKey(NamedTuple):
    """What a graph was built with, and the key of its codes ("" for none)."""

    m: int
    ef_construct: int
    code: str = ""

    @property
    def is_codes_alone(self) -> bool:
        """Say whether there are codes to be scanned, and no graph."""
        return self.m == NO_GRAPH and self.code != ""


class IndexedOnly(NamedTuple):
    """What a search of what is indexed leaves out: larger segments that still wait for an index.

    Where none is wanted, those are the segments that are not sealed.
    """

    rows_max: int
    wants_index: bool = True


@dataclass(frozen=True, slots=True)
class Segment:
    """Immutable view of n rows.

    `alive`: rows that are not deleted; `masks`: per vector name, those of them that have the
    vector; `counts`: set bits of each mask.
    """

    rows: Rows
    alive: Mask
    vectors: Mapping[str, Column]
    masks: Mapping[str, Mask]
    counts: Mapping[str, int]
    graphs: Mapping[str, Any]  # the indexes: what `Space.build` makes
    files: tuple[str, ...] = ()  # names in the manifest; none while growing
    graph_settings: Mapping[str, GraphKey] = field(default_factory=dict)
    placements: Mapping[str, Placement] = field(default_factory=dict)
    blocks: Mapping[str, Blocks] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def positions_of(self, rows: Rows) -> NDArray[np.int64]:
        """Return the local positions of those given rows (ascending) that are in the segment."""
        if not len(self.rows) or not len(rows):
            return np.empty(0, dtype=np.int64)
        first, last = self.rows[0], self.rows[-1]
        inside = rows[np.searchsorted(rows, first) : np.searchsorted(rows, last, side="right")]
        if last - first + 1 == len(self.rows):  # no holes
            return np.asarray(inside - first, dtype=np.int64)
        positions = np.searchsorted(self.rows, inside)
        return np.asarray(positions[self.rows[positions] == inside], dtype=np.int64)

    def find(self, row: int) -> int | None:
        """Return the local position of a row, or None."""
        position = int(np.searchsorted(self.rows, np.uint32(row)))
        if position < len(self.rows) and self.rows[position] == row:
            return position
        return None

    def vector(self, name: str, position: int) -> Any:
        """Return the stored vector, or None where the point has none of that name."""
        if name not in self.masks or not self.masks[name][position >> 3] >> (position & 7) & 1:
            return None
        return self.vectors[name][position]

    def without(self, dead: Rows) -> "Segment":
        """Return the segment in which these rows (ascending) are dead; itself where it has none."""
        positions = self.positions_of(dead)
        if not len(positions):
            return self
        keep = ~mask_from_rows(positions.astype(np.uint32), len(self.rows))
        return self.masked(self.alive & keep)

    def masked(self, alive: Mask) -> "Segment":
        """Return the segment in which only these rows are alive."""
        masks = {name: mask & alive for name, mask in self.masks.items()}
        counts = {name: count_bits(mask) for name, mask in masks.items()}
        return replace(self, alive=alive, masks=masks, counts=counts)

    @property
    def rows_alive(self) -> int:
        """Return how many rows are alive."""
        return count_bits(self.alive)

    def has_graph(self, name: str) -> bool:
        """Say whether searches of a vector go through an index and not row by row."""
        key = self.graph_settings.get(name)
        return name in self.graphs and not (key is not None and key.is_codes_alone)

    def indexed(self, name: str) -> int:
        """Return how many living vectors of a name are in an index."""
        if self.has_graph(name):
            return self.counts.get(name, 0)
        blocks = self.blocks.get(name)
        return 0 if blocks is None else count_bits(blocks.held & self.masks[name])

    def is_left_out(self, name: str, only: IndexedOnly) -> bool:
        """Say whether a search of what is indexed passes the segment over."""
        if len(self) <= only.rows_max:
            return False
        return name not in self.graphs if only.wants_index else not self.files

    def scanned_bytes(self, name: str) -> int:
        """Return the bytes that a search looks at where it can't go through an index."""
        if self.has_graph(name):
            return 0
        index = self.graphs.get(name)
        return int(self.vectors[name].nbytes if index is None else index.memory_bytes)

    def positions_with(self, name: str, allowed: Rows | None) -> Rows:
        """Return the local positions, ascending, of living rows that have the vector.

        `allowed`: rows of the shard (ascending) to choose from, or None for all.
        """
        mask = self.masks.get(name)
        if mask is None:
            return np.empty(0, dtype=np.uint32)
        if allowed is None:
            bits = np.unpackbits(mask, count=len(self.rows), bitorder="little")
            return np.flatnonzero(bits).astype(np.uint32)
        positions = self.positions_of(allowed).astype(np.uint32)
        present = mask[positions >> 3] >> (positions & 7).astype(np.uint8) & 1
        chosen: Rows = positions[present.view(bool)]
        return chosen

    def similarities(self, space: Space, query: Any, positions: Rows) -> Vectors:
        """Return how alike a query and the vectors at positions are: more is nearer."""
        return space.similarities(self.vectors[space.name], query, positions)

    def search(self, space: Space, query: Any, k: int, plan: "SearchPlan") -> Found:
        """Return the best rows of the shard and their scores for one query, best first."""
        mask, count = self.chosen(space, plan.allowed)
        if count == 0:
            return _NOTHING
        index = None if plan.exact and space.kind == "graph" else self.graphs.get(space.name)
        column, parts = self.vectors[space.name], []
        block = None if plan.exact else self._block(space.name, plan.demanded)
        if block is not None and mask is not None:
            found = block.search(self, space, query, k, mask, count, plan)
            if found is not None:
                best, mask, count = found
                parts.append(best)
        if count:
            parts.append(space.search(column, index, query, k, mask, count, plan))
        rows, scores = merge_found(parts, k, space.higher_is_better)
        return self.rows.take(rows), scores

    def _block(self, name: str, demanded: Sequence[Demanded]) -> Block | None:
        blocks = self.blocks.get(name) if demanded else None
        return None if blocks is None else blocks.choose(demanded)

    def chosen(self, space: Space, allowed: Rows | None) -> tuple[Mask | None, int]:
        """Return the mask (None: every row) and number of the living rows that have the vector.

        `allowed`: rows of the shard (ascending) to choose from, or None for all.
        """
        if space.name not in self.masks:  # the name went or came since the space was looked up
            return None, 0
        alive, count = self.masks[space.name], self.counts[space.name]
        if allowed is None:
            return (None if count == len(self.rows) else alive), count
        positions = self.positions_of(allowed)
        mask = mask_from_rows(positions.astype(np.uint32), len(self.rows)) & alive
        return mask, count_bits(mask)

    def size_bytes(self, space: Space) -> int:
        """Return the bytes of the living vectors of a space, about."""
        total = self.vectors[space.name].nbytes
        return total * self.counts[space.name] // max(1, len(self.rows))

    def of(self, spaces: Mapping[str, Space]) -> "Segment":
        """Return the segment with these names: rows have no vector of a new one."""
        if set(spaces) == set(self.vectors):
            return self
        none = mask_from_rows(np.empty(0, dtype=np.uint32), len(self.rows))
        return replace(
            self,
            vectors={
                name: self.vectors[name] if name in self.vectors else space.absent(len(self.rows))
                for name, space in spaces.items()
            },
            masks={name: self.masks.get(name, none) for name in spaces},
            counts={name: self.counts.get(name, 0) for name in spaces},
            graphs={name: self.graphs[name] for name in spaces if name in self.graphs},
            blocks={name: self.blocks[name] for name in spaces if name in self.blocks},
            placements={
                name: self.placements[name] if name in self.vectors else space.placement
                for name, space in spaces.items()
            },
        )


class SearchPlan(msgspec.Struct, frozen=True):
    """How every segment is searched: `allowed`: rows of the shard (ascending), or None for all.

    `demanded`: values of payload fields that all allowed rows have.
    """

    beam: int
    exact: bool = False
    allowed: Rows | None = None
    scan: dict[str, Any] = {}
    use: CodeUse = AS_CONFIGURED
    indexed_only: IndexedOnly | None = None
    demanded: tuple[Demanded, ...] = ()

    def use_of(self, code: Code | None) -> CodeUse:
        """Return how codes are used: originals have the last word where the code's kind says so."""
        if self.use.rescore is not None or code is None:
            return self.use
        return self.use._replace(rescore=code.rescores)


_NOTHING: Found = (np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.float32))


def count_bits(mask: Mask) -> int:
    """Return the number of set bits."""
    return int(np.bitwise_count(mask).sum(dtype=np.int64))


def full_mask(count: int) -> Mask:
    """Return a packed mask of `count` set bits."""
    mask = np.full((count + 7) // 8, 255, dtype=np.uint8)
    if count % 8:
        mask[-1] = (1 << count % 8) - 1
    return mask


def merge_found(parts: list[Found], k: int, higher_is_better: bool) -> Found:
    """Return the best k of several answers, best first; of equal scores the lower row first."""
    if len(parts) > 1:
        parts = [part for part in parts if len(part[0])]
    if not parts:
        return _NOTHING
    if len(parts) == 1:
        rows, scores = parts[0]
        return (rows, scores) if len(rows) <= k else (rows[:k], scores[:k])
    rows = np.concatenate([part[0] for part in parts])
    scores = np.concatenate([part[1] for part in parts])
    order = np.lexsort((rows, -scores if higher_is_better else scores))[:k]
    return rows[order], scores[order]
