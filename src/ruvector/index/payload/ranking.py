"""How well does each row fit these words? BM25 over the documents of a text index.

    score = sum over words of  idf n (k + 1) / (n + k (1 - b + b length / average length))
    idf   = ln((N - df + 0.5) / (df + 0.5) + 1)

Every document that is added takes the next slot; a word keeps the slots that hold it and how often,
in two arrays that only grow. A discarded document leaves a dead slot, and when half of them are
dead all is packed anew. Lengths keep their 13 leading bits, as the wire's contract has it.

Owned by one shard and called under its lock. Source: Robertson, Zaragoza, "The Probabilistic
Relevance Framework: BM25 and Beyond", 2009; idf as Lucene has it.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ruvector.index.payload.bitmaps import Rows

LENGTH_BITS: Final = 13
"""Lengths below 8,192 words are exact; longer ones are rounded down."""

_NO_ROWS: Final = np.empty(0, dtype=np.uint32)

_DEAD_MIN: Final = 4096
"""Fewer dead slots are not worth packing."""


class Ranking:
    """Documents of words, ranked by BM25."""

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}
        """Row -> its slot."""
        self._rows = array("I")
        self._lengths = array("I")
        """Of each slot; 0 for a dead one."""
        self._words: dict[str, tuple[array[int], array[int]]] = {}
        """Word -> slots, ascending, and how often each holds it."""
        self._total = 0

    def add(self, row: int, words: list[str]) -> None:
        """Add the words, at least one, of a row that is not in it."""
        slot = len(self._rows)
        length = _rounded(len(words))
        self._slots[row] = slot
        self._rows.append(row)
        self._lengths.append(length)
        self._total += length
        for word, count in Counter(words).items():
            self._hold(word, slot, count)

    def discard(self, row: int) -> None:
        """Remove a row, if it is there."""
        slot = self._slots.pop(row, None)
        if slot is None:
            return
        self._total -= self._lengths[slot]
        self._lengths[slot] = 0
        if len(self._rows) > max(_DEAD_MIN, 2 * len(self._slots)):
            self._pack()

    def scores(
        self, words: Iterable[str], k: float, b: float, without: Rows = _NO_ROWS
    ) -> tuple[Rows, NDArray[np.float32]]:
        """Return the rows that hold any of the words, ascending, and their scores.

        `without`: rows that are as good as discarded; they count for nothing.
        Cost: 10 ns for each pair of word and document that holds it.
        """
        lengths = _array(self._lengths)
        number, total = len(self._slots), self._total
        if len(without):
            gone = [slot for row in without.tolist() if (slot := self._slots.get(row)) is not None]
            number, total = number - len(gone), total - int(lengths[gone].sum())
            lengths[gone] = 0
        sums = np.zeros(len(lengths))
        found = np.zeros(len(lengths), dtype=np.bool_)
        for word in sorted(set(words)):
            held = self._words.get(word)
            if held is None:
                continue
            slots, counts = _array(held[0]), _array(held[1])
            alive = lengths[slots] > 0
            slots, counts = slots[alive], counts[alive].astype(np.float64)
            idf = math.log((number - len(slots) + 0.5) / (len(slots) + 0.5) + 1)
            norm = k * (1 - b + b * lengths[slots] * (number / max(1, total)))
            sums[slots] += idf * counts * (k + 1) / (counts + norm)
            found[slots] = True
        chosen = np.flatnonzero(found)
        rows = _array(self._rows)[chosen]
        order = np.argsort(rows)
        return rows[order], sums[chosen][order].astype(np.float32)

    @property
    def memory_bytes(self) -> int:
        """Return about how much memory the arrays take."""
        pairs = sum(len(slots) for slots, _ in self._words.values())
        return 8 * pairs + 300 * len(self._words) + 150 * len(self._rows)

    def _hold(self, word: str, slot: int, count: int) -> None:
        held = self._words.get(word)
        if held is None:
            held = self._words[word] = (array("I"), array("I"))
        held[0].append(slot)
        held[1].append(count)

    def _pack(self) -> None:
        """Give the living documents new slots, in their old order."""
        lengths = _array(self._lengths).copy()
        alive = lengths > 0
        moved = np.cumsum(alive) - 1
        rows = _array(self._rows)[alive]
        words: dict[str, tuple[array[int], array[int]]] = {}
        for word, (slots, counts) in self._words.items():
            old, often = _array(slots), _array(counts)
            kept = alive[old]
            if kept.any():
                words[word] = (_packed(moved[old[kept]]), _packed(often[kept]))
        self._words = words
        self._rows, self._lengths = _packed(rows), _packed(lengths[alive])
        self._slots = {row: slot for slot, row in enumerate(rows.tolist())}


def _rounded(length: int) -> int:
    lost = max(length.bit_length() - LENGTH_BITS, 0)
    return length >> lost << lost


def _array(values: "array[int]") -> Any:
    """Return a copy: an array that numpy looks into cannot grow."""
    return np.array(values, dtype=np.uint32)


def _packed(values: Any) -> "array[int]":
    result = array("I")
    result.frombytes(values.astype(np.uint32).tobytes())
    return result
