"""Which row has this id? In memory of the process, where the ids of a collection are pinned.

A row's id never changes, and a living row is the row of its id at the moment that it lives in. So
an entry answers for every view in which its row is alive, however old the view; for the others the
table of ids is asked. Entries of dead rows are dropped when they are the most.
Threads: filled and noted with the shard's lock held, read by any.
Cost: about 120 bytes an id; 1 us an id when it is filled, 0.1 us when it is written.
"""

import sys
from collections.abc import Iterable, Sequence

from pyroaring import BitMap

SPARE = 10_000  # entries of dead rows that are never worth a look at all entries
_ROW_BYTES = 32  # of a Python int


class PinnedIds:
    """Id keys and their rows."""

    def __init__(self) -> None:
        self._rows: dict[bytes, int] = {}

    def fill(self, pairs: Iterable[tuple[bytes, int]]) -> None:
        """Take (id key, row) of a snapshot; what was noted since it was taken stays."""
        for key, row in pairs:
            self._rows.setdefault(key, row)

    def note(self, keys: Sequence[bytes], first_row: int, live: BitMap) -> None:
        """Take the keys of new rows, the first of which is given; `live`: with them."""
        if len(self._rows) > 2 * len(live) + SPARE:
            self._rows = {key: row for key, row in self._rows.items() if row in live}
        self._rows.update(zip(keys, range(first_row, first_row + len(keys)), strict=True))

    def rows_of(self, keys: Sequence[bytes], live: BitMap) -> list[int | None]:
        """Return the row of each key that is alive in a view, None where the table must tell."""
        get = self._rows.get
        return [row if (row := get(key)) is not None and row in live else None for key in keys]

    @property
    def memory_bytes(self) -> int:
        """Return about how much memory the entries take."""
        rows = self._rows
        return sys.getsizeof(rows) + sum(map(sys.getsizeof, list(rows))) + _ROW_BYTES * len(rows)
