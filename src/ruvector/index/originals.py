"""Where do the originals of a quantized VectorIndex wait until they are asked for? In a file.

The file has no name and goes with the process. It only grows, so that a view of fewer rows stays
valid. Rows are written, never stored through the map: a full disk is an OSError, not a signal.
Threads: one at a time extends; any number read views.
"""

import mmap
import os
import tempfile

import numpy as np

from ruvector.kernel import Float32Array

# Rows per write: a few MB at usual dimensions.
PIECE_ROWS = 2048


class Originals:
    """float32 rows of one length in an unnamed file of the system's folder for such (TMPDIR)."""

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with its owner

    def write(self, first: int, rows: Float32Array) -> None:
        """Put rows behind the `first` ones, where no view reaches; OSError on a full disk."""
        row_bytes = 4 * self._dim
        for start in range(0, len(rows), PIECE_ROWS):
            left = (
                np.ascontiguousarray(rows[start : start + PIECE_ROWS])
                .reshape(-1)
                .view(np.uint8)
                .data
            )
            place = (first + start) * row_bytes
            while left:
                written = os.pwrite(self._file.fileno(), left, place)
                left, place = left[written:], place + written

    def view(self, count: int) -> Float32Array:
        """Return the first rows, at least one, read-only and mapped."""
        mapped = mmap.mmap(self._file.fileno(), 4 * self._dim * count, access=mmap.ACCESS_READ)
        mapped.madvise(mmap.MADV_RANDOM)
        return np.frombuffer(mapped, np.float32).reshape(count, self._dim)
