"""Until when does an archive tell everything about a log? Also of one that is idle, or has ended.

    <snapshots>/coverage/<node>.json     SHA-256 in hexadecimal digits, a line feed, JSON

Each database that archives logs into a folder says there, after every turn, how far its pieces
reach: without it a piece tells of a moment after its last operation only until it was written, and
nothing tells that a collection was deleted. Format page: docs/formats/log.md.
"""

import hashlib
from collections.abc import Collection

import msgspec

from ruvector.errors import BadInput
from ruvector.snapshots.folder import SnapshotFolder

FORMAT = 1
ENDED_MAX = 1000  # logs that have ended of which is still told, the newest: 150 KB


class Covered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a log; times in milliseconds since 1970.

    Every operation with a time up to `until` is in the pieces up to operation `last`. `ended`: the
    log had ended by then; `is_gone`: because the collection was deleted.
    """

    collection: str
    last: int
    until: int
    ended: int | None = None
    is_gone: bool = False


class Coverage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one database says of its logs, by their identities."""

    format: int = FORMAT
    logs: dict[str, Covered] = {}


_decode = msgspec.json.Decoder(Coverage).decode


def coverage_bytes(coverage: Coverage) -> bytes:
    """Return the file's content."""
    text = msgspec.json.encode(coverage)
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def read_coverage(name: str, content: bytes) -> Coverage:
    """Return what a file says; BadInput where it is damaged or of a later version."""
    digest, _, text = content.partition(b"\n")
    if hashlib.sha256(text).hexdigest().encode() != digest:
        raise BadInput(f"coverage/{name} of the archived logs is damaged: its SHA-256 is another")
    try:
        coverage: Coverage = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"coverage/{name} of the archived logs cannot be read") from error
    if coverage.format != FORMAT:
        raise BadInput(
            f"coverage/{name} of the archived logs has the format {coverage.format}; "
            f"this version reads {FORMAT}"
        )
    return coverage


class Claims:
    """What all databases say that archive into a folder. BadInput where a file is damaged."""

    def __init__(self, folder: SnapshotFolder) -> None:
        self._found = [read_coverage(*each).logs for each in folder.coverages()]

    def of(self, log: str) -> Covered | None:
        """Return the claim about a log that reaches farthest, None where nobody says anything.

        A folder of data that was moved is another node: the place it came from knows less.
        """
        claims = [logs[log] for logs in self._found if log in logs]
        return max(claims, key=lambda claim: (claim.last, claim.until), default=None)

    def beside(self, logs: Collection[str], time: int) -> list[str]:
        """Return the collections of the same databases whose logs went on at a time, sorted.

        `logs`: those that are known already.
        """
        names = {
            claim.collection
            for found in self._found
            if not found.keys().isdisjoint(logs)
            for log, claim in found.items()
            if log not in logs and (claim.ended is None or claim.ended > time)
        }
        return sorted(names)
