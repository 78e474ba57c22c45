"""Has the environment gone back to an older commit than the last one?

A damaged LMDB meta page makes LMDB fall back to the commit before, silently. So the number of each
commit is also written, after the commit and without fsync, to a file beside the environment: an
environment older than that file is damaged. The file may be older than the environment (it is not
synced), so it proves nothing the other way round, and one that cannot be read proves nothing at
all.

Threads: the committer thread writes; opening reads.
"""

import os
import struct
from pathlib import Path

from ruvector.kernel import crc32c
from ruvector.storage import files
from ruvector.storage.environment import NO_SPACE

_content = struct.Struct("<QI")


class SideFile:
    """The number of the last commit, in a file of twelve bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def read(self) -> int:
        """Return the number in the file, or 0 when there is none to be read."""
        try:
            stored = self._path.read_bytes()
        except FileNotFoundError:
            return 0
        if len(stored) != _content.size:
            return 0
        number, checksum = _content.unpack(stored)
        return int(number) if crc32c(stored[:8]) == checksum else 0

    def open_for_writing(self) -> None:
        """Create the file durably if need be and keep it open."""
        if not self._path.exists():
            files.write_file(self._path, [self._pack(0)])
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)

    def write(self, number: int) -> None:
        """Replace the number; one call, no fsync."""
        if self._descriptor is None:
            raise ValueError(f"{self._path} is not open for writing")
        try:
            os.pwrite(self._descriptor, self._pack(number), 0)
        except OSError as error:
            # The commit is durable; without space its number merely stays unnoted.
            if error.errno not in NO_SPACE:
                raise

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @staticmethod
    def _pack(number: int) -> bytes:
        packed = number.to_bytes(8, "little")
        return packed + crc32c(packed).to_bytes(4, "little")
