"""What did a log say after a snapshot? The entries of its pieces, each once, without a hole.

Pieces may overlap, because a process that starts again copies what its log still holds; where they
do they must agree. A number that no piece has is refused, as is damage: nothing is passed over.
"""

from array import array
from collections.abc import Generator, Iterator
from pathlib import Path

from ruvector.errors import BadInput
from ruvector.snapshots.folder import Group, SnapshotFolder
from ruvector.snapshots.log_piece import PieceFile, range_of


class Hole(BadInput):
    """Operations are missing between two pieces."""


class ArchivedLog:
    """The pieces of one log; `until` and `last` say how far those reach that were read."""

    def __init__(self, folder: SnapshotFolder, group: Group, log: str) -> None:
        self._folder = folder
        self._group = group
        self.log = log
        self.last = 0
        self.until = 0

    def entries_after(self, sequence: int) -> Generator[tuple[int, bytes], None, None]:
        """Yield number and bytes of every entry after `sequence`, in order.

        Errors: BadInput names the piece that is damaged, the operations that are missing, or the
        two pieces that say different things.
        """
        self.last = sequence
        seen = array("I")  # the checksums of what was given out: 4 bytes an operation
        for first, last, name in self._pieces():
            if last <= sequence:
                continue
            if first > self.last + 1:
                raise Hole(
                    f"operations {self.last + 1} to {first - 1} are missing in the archived log "
                    f"{self.log}: no piece before {name} has them; restore to an operation up to "
                    f"{self.last}, or a snapshot of operation {first - 1} or later"
                )
            yield from self._entries_of(name, sequence, seen)

    def _entries_of(self, name: str, start: int, seen: "array[int]") -> Iterator[tuple[int, bytes]]:
        path = self._folder.local_piece(self._group, self.log, name)
        try:
            with PieceFile(path, name) as piece:
                if piece.header.log != self.log:
                    raise BadInput(f"piece {name} is of log {piece.header.log}, not {self.log}")
                for number, crc, entry in piece.entries():
                    if number <= start:
                        continue
                    if number <= self.last:
                        if seen[number - start - 1] != crc:
                            raise BadInput(
                                f"the archived log {self.log} says two things of operation "
                                f"{number}, one of them in {name}: two databases keep one log, "
                                "as after a folder was copied; restore another snapshot"
                            )
                        continue
                    seen.append(crc)
                    self.last = number
                    yield number, entry
                self.until = max(self.until, piece.header.until)
        finally:
            if self._folder.is_temporary(path):
                Path(path).unlink(missing_ok=True)

    def _pieces(self) -> list[tuple[int, int, str]]:
        """Return first, last and name of every piece, in the order to read them."""
        found = []
        for name in self._folder.piece_names(self._group, self.log):
            ends = range_of(name)
            if ends is None:
                raise BadInput(f"{name[:100]!r} in the archived log {self.log} is no piece of it")
            found.append((*ends, name))
        return sorted(found)
