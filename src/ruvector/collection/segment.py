"""Which rows of this segment are nearest? Rows, vectors and graphs of one segment, and a search
over them.

A `Segment` is what a reader holds: it never changes. Deaths of rows make a new Segment that shares
all arrays but the masks; sealing, merging and indexing make new ones as well. So readers need no
lock. Positions inside a segment are local; `rows` (ascending) says which row of the shard each one
is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ruvector.collection.vectors import Stored, VectorSpace
from ruvector.index.coded_graph import AS_CONFIGURED, CodedGraph, CodeUse
from ruvector.index.graph import Graph
from ruvector.index.search import search_rows
from ruvector.kernel import Metric, mask_from_rows, score_rows
from ruvector.model.configs import Placement
from ruvector.model.points import Vectors

Rows = NDArray[np.uint32]
Mask = NDArray[np.uint8]  # packed bits, little-endian within the byte
Found = tuple[Rows, Vectors]


class GraphKey(NamedTuple):
    """What a graph was built with, and the key of its codes ("" for none)."""

    m: int
    ef_construct: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """Immutable view of n rows.

    `alive`: rows that are not deleted; `masks`: per vector name, those of them that have the
    vector; `counts`: set bits of each mask.
    """

    rows: Rows
    alive: Mask
    vectors: Mapping[str, Stored]
    masks: Mapping[str, Mask]
    counts: Mapping[str, int]
    graphs: Mapping[str, Graph | CodedGraph]
    files: tuple[str, ...] = ()  # names in the manifest; none while growing
    graph_settings: Mapping[str, GraphKey] = field(default_factory=dict)
    placements: Mapping[str, Placement] = field(default_factory=dict)

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

    def vector(self, name: str, position: int) -> Stored | None:
        """Return the stored vector [dim], or None where the point has none of that name."""
        if name not in self.masks or not self.masks[name][position >> 3] >> (position & 7) & 1:
            return None
        return self.vectors[name][position]  # type: ignore[no-any-return]

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

    def positions_with(self, name: str, allowed: Rows | None) -> Rows:
        """Return the local positions, ascending, of living rows that have the vector.

        `allowed`: rows of the shard (ascending) to choose from, or None for all.
        """
        mask = self.masks[name]
        if allowed is None:
            bits = np.unpackbits(mask, count=len(self.rows), bitorder="little")
            return np.flatnonzero(bits).astype(np.uint32)
        positions = self.positions_of(allowed).astype(np.uint32)
        present = mask[positions >> 3] >> (positions & 7).astype(np.uint8) & 1
        chosen: Rows = positions[present.view(bool)]
        return chosen

    def similarities(self, space: VectorSpace, query: Vectors, positions: Rows) -> Vectors:
        """Return how alike a query float32 [dim] and the vectors at positions are: more is nearer.

        Distances are negated, Euclid's squared, as queries compare them (WIRE, section 2).
        """
        scores = score_rows(query, self.vectors[space.name], positions, space.metric)
        if space.metric is Metric.EUCLID:
            return -scores * scores
        return -scores if space.metric is Metric.MANHATTAN else scores

    def search(self, space: VectorSpace, queries: Vectors, k: int, plan: "SearchPlan") -> Found:
        """Return the best rows of the shard and their scores for one query, best first."""
        alive = self.masks[space.name]
        count = self.counts[space.name]
        mask: Mask | None = None if count == len(self.rows) else alive
        if plan.allowed is not None:
            positions = self.positions_of(plan.allowed)
            chosen = mask_from_rows(positions.astype(np.uint32), len(self.rows))
            mask = chosen & alive
            count = count_bits(mask)
        if count == 0:
            return _NOTHING
        rows, scores = search_rows(
            queries,
            k,
            vectors=self.vectors[space.name],
            metric=space.metric,
            graph=None if plan.exact else self.graphs.get(space.name),
            beam=max(plan.beam, k),
            allowed=mask,
            allowed_count=count,
            exact=plan.exact,
            use=plan.use_of(space),
            **plan.scan,
        )
        return self.rows[rows[0]], scores[0]


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """How every segment is searched: `allowed`: rows of the shard (ascending), or None for all."""

    beam: int
    exact: bool = False
    allowed: Rows | None = None
    scan: Mapping[str, Any] = field(default_factory=dict)
    use: CodeUse = AS_CONFIGURED

    def use_of(self, space: VectorSpace) -> CodeUse:
        """Return how codes are used: originals have the last word where the code's kind says so."""
        if self.use.rescore is not None or space.code is None:
            return self.use
        return self.use._replace(rescore=space.code.rescores)


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
    parts = [part for part in parts if len(part[0])]
    if not parts:
        return _NOTHING
    if len(parts) == 1:
        rows, scores = parts[0]
        return rows[:k], scores[:k]
    rows = np.concatenate([part[0] for part in parts])
    scores = np.concatenate([part[1] for part in parts])
    order = np.lexsort((rows, -scores if higher_is_better else scores))[:k]
    return rows[order], scores[order]
