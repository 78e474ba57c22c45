"""How are vectors of different lengths kept in arrays? One after the other, with offsets.

A ragged column of n vectors has offsets uint64 [n + 1], and parts: vector i has the elements
[offsets[i], offsets[i + 1]) of each part. It can be indexed as an array of n rows: by a number (one
vector), a slice, a mask or positions (a column). Values; nothing changes after it is made.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ruvector.model.query_vectors import SparseVector

Offsets = NDArray[np.uint64]
Part = NDArray[Any]


class Ragged(ABC):
    """A column of vectors of different lengths; a subclass says what one vector is."""

    __slots__ = ("offsets", "parts")
    names: ClassVar[tuple[str, ...]] = ()  # of the parts, in files and in the log

    def __init__(self, offsets: Offsets, parts: Sequence[Part]) -> None:
        self.offsets = offsets
        self.parts = tuple(parts)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def nbytes(self) -> int:
        """Return the bytes of the elements."""
        return sum(part.nbytes for part in self.parts)

    @property
    def elements(self) -> int:
        """Return how many elements all vectors have together."""
        return int(self.offsets[-1] - self.offsets[0])

    @property
    def longest(self) -> int:
        """Return how many elements the longest vector has."""
        return int(np.diff(self.offsets).max(initial=0))

    def __getitem__(self, chosen: Any) -> Any:
        if isinstance(chosen, int | np.integer):
            start, stop = int(self.offsets[chosen]), int(self.offsets[chosen + 1])
            return self._row([part[start:stop] for part in self.parts])
        if isinstance(chosen, slice):
            return self._sliced(*chosen.indices(len(self)))
        positions = np.asarray(chosen)
        if positions.dtype == np.bool_:
            positions = np.flatnonzero(positions)
        return self._taken(positions.astype(np.int64))

    @abstractmethod
    def _row(self, parts: list[Part]) -> Any:
        """Return one vector of its parts."""

    def _sliced(self, start: int, stop: int, step: int) -> Self:
        assert step == 1  # noqa: S101 - only ranges are sliced
        offsets = self.offsets[start : max(start, stop) + 1]
        if int(offsets[0]) == 0:
            last = int(offsets[-1])
            return type(self)(offsets, [part[:last] for part in self.parts])
        first, last = int(offsets[0]), int(offsets[-1])
        return type(self)(offsets - offsets[0], [part[first:last] for part in self.parts])

    def _taken(self, positions: NDArray[np.int64]) -> Self:
        starts = self.offsets[positions].astype(np.int64)
        lengths = self.offsets[positions + 1].astype(np.int64) - starts
        offsets = offsets_of(lengths)
        shift = np.repeat(starts - offsets[:-1].astype(np.int64), lengths)
        elements = shift + np.arange(len(shift), dtype=np.int64)
        return type(self)(offsets, [part[elements] for part in self.parts])

    @classmethod
    def joined(cls, columns: Sequence["Ragged"]) -> Self:
        """Return one column of all vectors."""
        lengths = [np.diff(column.offsets).astype(np.int64) for column in columns]
        parts = [
            np.concatenate([column.parts[i] for column in columns]) for i in range(len(cls.names))
        ]
        return cls(offsets_of(np.concatenate(lengths)), parts)


class SparseColumn(Ragged):
    """Sparse vectors: parts are indices uint32, ascending within a vector, and values."""

    __slots__ = ()
    names = ("indices", "values")

    @property
    def indices(self) -> NDArray[np.uint32]:
        """Return the indices of all vectors, one after the other."""
        return self.parts[0]

    @property
    def values(self) -> Part:
        """Return the values of all vectors, one after the other."""
        return self.parts[1]

    def _row(self, parts: list[Part]) -> SparseVector:
        return SparseVector(parts[0], parts[1])


class MultiColumn(Ragged):
    """Multi-vectors: the part is their rows, [elements, dim]."""

    __slots__ = ()
    names = ("rows",)

    @property
    def rows(self) -> Part:
        """Return the rows of all vectors, one after the other."""
        return self.parts[0]

    def _row(self, parts: list[Part]) -> Part:
        return parts[0]


class GrowingRagged:
    """A ragged column whose vectors only ever come to the end; older columns of it stay valid."""

    def __init__(self, empty: Ragged) -> None:
        self._type = type(empty)
        self._offsets = empty.offsets.copy()
        self._parts = [part.copy() for part in empty.parts]
        self._count = 0

    def append(self, count: int, column: Ragged | None, positions: Any) -> None:
        """Add `count` vectors: those of the column at `positions` (None: all), empty elsewhere."""
        lengths = np.zeros(count, dtype=np.int64)
        if column is not None:
            lengths[slice(None) if positions is None else positions] = np.diff(column.offsets)
        start = int(self._offsets[self._count])
        added = start + np.cumsum(lengths)
        self._offsets = reserved(self._offsets, self._count + 1 + count)
        self._offsets[self._count + 1 : self._count + 1 + count] = added
        if column is not None:
            stop = start + column.elements
            self._parts = [reserved(part, stop) for part in self._parts]
            for target, part in zip(self._parts, column.parts, strict=True):
                target[start:stop] = part
        self._count += count

    def view(self) -> Ragged:
        """Return all vectors so far."""
        stop = int(self._offsets[self._count])
        return self._type(self._offsets[: self._count + 1], [part[:stop] for part in self._parts])


def offsets_of(lengths: NDArray[np.int64]) -> Offsets:
    """Return the offsets of vectors of these lengths."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.uint64)
    np.cumsum(lengths, out=offsets[1:].view(np.int64))
    return offsets


def reserved(array: Part, count: int) -> Part:
    """Return the array, or a longer copy of it if it is shorter than `count`."""
    if count <= len(array):
        return array
    larger = np.empty((max(count, 2 * len(array), 1024), *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger
