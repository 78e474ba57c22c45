"""Which rows share terms with this sparse query, and which score best? The inverted index of a
sealed segment.

Invariants: answers are exact; a built index never changes, views the rows it was built over and
keeps them alive; altered arrays raise ValueError and never crash. docs/formats/sparse.md describes
its arrays. Threads: any number may search.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.kernel import RowArray, _kernel

ARRAYS = ("blocks", "terms", "counts", "limits", "dense", "starts", "postings")


class SparseIndex:
    """The inverted index over sparse rows: offsets uint64 [n + 1], terms uint32, values."""

    def __init__(
        self,
        offsets: NDArray[np.uint64],
        entry_terms: RowArray,
        values: NDArray[Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """View the arrays; ValueError where they cannot belong to these rows."""
        try:
            self._arrays = {name: arrays[name] for name in ARRAYS}
        except KeyError as error:
            raise ValueError(f"the sparse index has no array {error}") from None
        try:
            self._core = _kernel.SparseIndex(offsets, entry_terms, values, **self._arrays)
        except TypeError as error:
            raise ValueError("an array of the sparse index has the wrong type") from error
        self.search = self._core.search
        self.counts = self._core.counts

    @classmethod
    def build(
        cls, offsets: NDArray[np.uint64], entry_terms: RowArray, values: NDArray[Any]
    ) -> "SparseIndex":
        """Return the index over these rows. Cost: 60 ns an entry."""
        arrays = _kernel.build_sparse(offsets, entry_terms, values)
        return cls(offsets, entry_terms, values, arrays)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a file must hold beside the rows."""
        return dict(self._arrays)

    @property
    def memory_bytes(self) -> int:
        """Return the bytes of the index, mapped ones included."""
        return sum(array.nbytes for array in self._arrays.values())
