"""Which arrays does a saved VectorIndex consist of? docs/formats/graph.md tells what they hold.

Rows are copied piece by piece, so that saving does not need the memory twice.
Threads: the caller keeps writers out until the file is written.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.index.compact_rows import CompactRows
from ruvector.index.vector_file import Pieces
from ruvector.kernel import Layout

SAVE_ROWS = 2048  # of one piece: a few MB at usual dimensions


def arrays_of(
    core: Any, ids: NDArray[np.uint64], settings: NDArray[np.float64], code: NDArray[np.uint32]
) -> dict[str, tuple[str, tuple[int, ...], Pieces]]:
    """Return dtype, shape and pieces of each array. `core`: the kernel's graph, or CompactRows.

    A packed graph that is linked is saved as its nodes, which need not be made again when read;
    any other as its links.
    """
    rows = core.rows
    links = core.copy_links(0, 0).shape[1]
    entries, center = core.entries(), core.center()
    deleted = np.packbits(core.deleted(), bitorder="little")
    packed = not isinstance(core, CompactRows) and core.layout == Layout.PACKED
    graph: dict[str, tuple[str, tuple[int, ...], Pieces]] = {
        "links": ("uint32", (rows, links), _pieces(core.copy_links, rows))
    }
    if packed and len(entries):
        graph = {"nodes": ("uint8", (rows, core.code_bytes), _pieces(core.copy_nodes, rows))}
    return {
        "settings": ("float64", settings.shape, [settings]),
        "ids": ("uint64", (rows,), [ids[:rows]]),
        "deleted": ("uint8", deleted.shape, [deleted]),
        "entries": ("uint32", entries.shape, [entries]),
        "center": ("float32", center.shape, [center]),
        "code": ("uint32", code.shape, [code]),
        **graph,
        "vectors": (
            "float32",
            (rows, core.copy_vectors(0, 0).shape[1]),
            _pieces(core.copy_vectors, rows),
        ),
    }


def _pieces(copy: Callable[[int, int], NDArray[Any]], rows: int) -> Iterator[NDArray[Any]]:
    return (copy(i, min(i + SAVE_ROWS, rows)) for i in range(0, rows, SAVE_ROWS))
