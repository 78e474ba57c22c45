"""Where do the arrays of a segment file live while it is open?

cold: mapped, read at random, and dropped from memory once it was checked; cached: mapped, kept as
long as the system has room; pinned: a copy in anonymous memory, on huge pages where they are worth
it, and the file's own pages dropped.

Invariants: what an array holds does not depend on where it lives.
Threads: any; an array belongs to whoever holds it.
Source of the figures behind pinning: file mappings get no huge pages, and a dependent load takes
740 ns with them and 886 ns without (PERFORMANCE 3.7).
"""

import mmap
from collections.abc import Callable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.kernel import _kernel
from ruvector.model.quantization import Memory
from ruvector.storage.files import drop_from_cache
from ruvector.storage.segment_file import SegmentFile


class Access(IntEnum):
    """Advice about mapped pages; the numbers are those of native/residency.hpp."""

    RANDOM = 0
    WILL_NEED = 1
    DROP = 2


def settle(file: SegmentFile, memory_of: Callable[[str], Memory]) -> Mapping[str, NDArray[Any]]:
    """Return the arrays of an open file, each where `memory_of` its name says."""
    return {name: _settled(file, name, memory_of(name)) for name in file.arrays}


def drop_cold_arrays(file: SegmentFile, memory_of: Callable[[str], Memory]) -> None:
    """Drop the cold arrays' pages again: those that another map holds cannot be dropped."""
    for name, array in file.arrays.items():
        if memory_of(name) == "cold" and array.nbytes:
            _drop(file, name)


def resident_bytes(array: NDArray[Any]) -> int:
    """Return how many bytes of an array are in memory, by whole pages."""
    return _kernel.resident_bytes(array)


def file_resident_bytes(path: Path) -> int:
    """Return how many bytes of a file are in memory, whoever reads it; 0 for an empty one."""
    if not path.exists() or not path.stat().st_size:
        return 0
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return resident_bytes(np.frombuffer(mapped, np.uint8))


def _settled(file: SegmentFile, name: str, memory: Memory) -> NDArray[Any]:
    array = file.arrays[name]
    if memory == "cached" or not array.nbytes:
        return array
    if memory == "pinned":
        pinned = _kernel.pinned_copy(array).view(array.dtype).reshape(array.shape)
        _drop(file, name)
        return pinned
    _kernel.advise(array, Access.RANDOM)
    _drop(file, name)
    return array


def _drop(file: SegmentFile, name: str) -> None:
    _kernel.advise(file.arrays[name], Access.DROP)
    start, size_bytes = file.places[name]
    drop_from_cache(file.path, start, size_bytes)
