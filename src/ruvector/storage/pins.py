"""Which segment files must stay, because a copy of the shard is being made?

A file that is replaced while it is held is removed once the last copy lets it go.

Invariants: a held file is there until it is released; a process that dies leaves at most files that
no manifest names, which the next start removes.
Threads: any. Closing waits until no read transaction of a copy is open, because LMDB's copy reads
the environment's map.
"""

import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ruvector.errors import Unavailable
from ruvector.storage.files import remove_file


class Pins:
    """How many copies need each of one shard's files. `_changed` guards everything here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed = threading.Condition()
        self._counts: Counter[str] = Counter()
        self._replaced: set[str] = set()
        self._open = 0
        self._closed = False

    def hold(self, names: Iterable[str]) -> bool:
        """Pin these files; False where one of them has gone already."""
        with self._changed:
            if self._closed:
                raise Unavailable(f"{self._folder.parent} was closed, deleted or restored")
            if not all((self._folder / name).exists() for name in names):
                return False
            self._counts.update(names)
            self._open += 1
            return True

    def release_tables(self) -> None:
        """Note that a read transaction has ended."""
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def release(self, names: Iterable[str]) -> None:
        """Let go of files; those that were replaced meanwhile are removed."""
        with self._changed:
            for name in names:
                self._counts[name] -= 1
                if self._counts[name] == 0:
                    del self._counts[name]
                    if name in self._replaced:
                        self._replaced.discard(name)
                        if not self._closed:  # the folder may be another collection's by then
                            remove_file(self._folder / name)

    def remove(self, name: str) -> None:
        """Remove a file that the manifest does not name any more, now or when it is let go."""
        with self._changed:
            if self._counts[name]:
                self._replaced.add(name)
            else:
                remove_file(self._folder / name)

    def close(self) -> None:
        """Refuse new pins and wait until no read transaction of a pin is open."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._open == 0)
