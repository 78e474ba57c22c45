"""Which rows of a segment share a value of a payload field, and which of those are nearest?

A block is what one value of an indexed field had in a segment when it was built: the positions of
its rows, their vectors once more, and a graph over them alone, of `payload_m` links. A search whose
filter demands the value walks the block's graph; what the filter lets through and the block does
not hold (rows that got the value since) is looked for as without blocks. So answers never depend on
how old a block is, only what they cost does. Smaller blocks would be walked no faster than scanned.

A file of kind "blocks" holds those of one vector of one segment: docs/formats/blocks.md.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.collection.spaces import Column, Space
from ruvector.kernel import mask_from_rows
from ruvector.model.quantization import Code

if TYPE_CHECKING:
    from ruvector.collection.segment import Found, Mask, Rows, SearchPlan, Segment

Value = str | int | bool
Demanded = tuple[str, Value]  # a payload field, and what a filter demands of it

# 4,000 x 384: a scan takes 0.37 ms, a walk 0.06 and what it needs around it 0.1 (benchmarks).
BLOCK_ROWS = 4000
VALUES = "values"
_ROWS = "rows"


class BlockKey(NamedTuple):
    """What blocks were built with: links, build beam, the key of their codes, the fields."""

    payload_m: int
    ef_construct: int
    code: str
    fields: tuple[str, ...]


class BlockSettings(NamedTuple):
    """How to build blocks: what they depend on, their codes, and threads (0: all cores)."""

    key: BlockKey
    code: Code | None
    threads: int


class Block(NamedTuple):
    """The rows of one value. `positions`: those in the segment, ascending."""

    positions: "Rows"
    column: Column
    index: Any

    def search(
        self,
        segment: "Segment",
        space: Space,
        query: Any,
        k: int,
        mask: "Mask",
        count: int,
        plan: "SearchPlan",
    ) -> tuple["Found", "Mask", int] | None:
        """Return the best positions inside, and the mask and number of the rows outside of it.

        None where the block holds less than half of the `count` rows of the mask.
        """
        bits = np.unpackbits(mask, count=len(segment), bitorder="little")
        inside = bits[self.positions]
        held = int(np.count_nonzero(inside))
        if 2 * held < count:
            return None
        own = None if held == len(inside) else np.packbits(inside, bitorder="little")
        rows, scores = space.search(self.column, self.index, query, k, own, held, plan)
        if held < count:
            bits[self.positions] = 0
            mask = np.packbits(bits, bitorder="little")
        return (self.positions[rows], scores), mask, count - held


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of one vector of one segment."""

    key: BlockKey
    by_value: Mapping[Demanded, Block]
    held: "Mask"  # the positions that are in one of them at least

    def choose(self, demanded: Iterable[Demanded]) -> Block | None:
        """Return the smallest block of the values that a filter demands, None where there is none.

        True, 1 and 1.0 are one key: which rows are looked at is said by the mask alone.
        """
        found = [block for each in demanded if (block := self.by_value.get(each)) is not None]
        return min(found, key=lambda block: len(block.positions), default=None)

    def arrays(self, space: Space) -> dict[str, NDArray[Any]]:
        """Return what a file must hold, by name; nothing is copied."""
        text = msgspec.json.encode(list(self.by_value))
        arrays: dict[str, NDArray[Any]] = {VALUES: np.frombuffer(text, dtype=np.uint8)}
        for number, block in enumerate(self.by_value.values()):
            own = {_ROWS: block.positions, **space.arrays(block.column), **block.index.arrays()}
            arrays.update({f"{number}/{name}": array for name, array in own.items()})
        return arrays


def build_blocks(
    segment: "Segment",
    space: Space,
    settings: BlockSettings,
    rows: Iterable[tuple[Demanded, "Rows"]],
    cancel: threading.Event,
) -> Blocks:
    """Return the blocks of a segment that are large enough; `rows`: of the shard, by value."""
    by_value = {}
    for value, chosen in rows:
        positions = segment.positions_with(space.name, chosen)
        if len(positions) < BLOCK_ROWS:
            continue
        column = segment.vectors[space.name][positions]
        index = space.build(
            column,
            links_per_node=2 * settings.key.payload_m,
            build_beam=settings.key.ef_construct,
            threads=settings.threads,
            cancel=cancel,
            code=settings.code,
        )
        by_value[value] = Block(positions, column, index)
    return _blocks(settings.key, by_value, len(segment))


def blocks_from(
    arrays: Mapping[str, NDArray[Any]], space: Space, key: BlockKey, count: int
) -> Blocks:
    """Return the blocks of a file; KeyError or ValueError where they are none of this segment."""
    parts: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in arrays.items():
        prefix, _, inside = name.partition("/")
        parts.setdefault(prefix, {})[inside] = array
    by_value = {}
    try:
        values = msgspec.json.decode(arrays[VALUES].tobytes(), type=list[tuple[str, Value]])
    except msgspec.DecodeError as error:
        raise ValueError(f"the values of blocks cannot be read: {error}") from error
    for number, value in enumerate(values):
        own = parts[str(number)]
        positions = own[_ROWS]
        is_ascending = bool((positions[:-1] < positions[1:]).all())
        if positions.dtype != np.uint32 or not is_ascending or (positions >= count).any():
            raise ValueError(f"the block of {value[0]} lists other rows than the segment has")
        column = space.opened(own, len(positions))
        by_value[value] = Block(positions, column, space.index_from(own, column, key.code))
    return _blocks(key, by_value, count)


def name_inside(array: str) -> str:
    """Return what an array of a block is called in a file of its own."""
    return array.partition("/")[2] or array


def _blocks(key: BlockKey, by_value: dict[Demanded, Block], count: int) -> Blocks:
    held = mask_from_rows(np.empty(0, dtype=np.uint32), count)
    for block in by_value.values():
        held |= mask_from_rows(block.positions, count)
    return Blocks(key, by_value, held)
