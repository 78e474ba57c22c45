"""What can be asked about snapshots? Requests and results of making, keeping and restoring them.

A snapshot belongs to a collection, to a shard of one, or to the whole storage. `wait` false answers
at once, with None, and lets it happen in the background.
"""

from typing import Any, ClassVar

import msgspec

from ruvector.errors import BadInput, InvalidRequest
from ruvector.model.datetimes import parse_datetime
from ruvector.model.ids import shown
from ruvector.model.request import Request

PRIORITIES = ("no_sync", "snapshot", "replica")
LATEST = "latest"
_CHECKSUM_DIGITS = 64
_UNTIL_DIGITS = 20  # of a number that is too large all the same


class Until(msgspec.Struct, frozen=True, kw_only=True):
    """Up to where a restore replays the archived log: an operation, a time (milliseconds since
    1970), or, with neither, the end.
    """

    operation: int | None = None
    time: int | None = None


class SnapshotDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A kept snapshot: `size` in bytes, `checksum` the SHA-256 of the file, time in UTC."""

    name: str
    creation_time: str | None
    size: int
    checksum: str | None = None


class CreateSnapshot(Request[SnapshotDescription | None], frozen=True, kw_only=True):
    """Make a snapshot of a collection as it is now."""

    result: ClassVar[Any] = SnapshotDescription | None
    collection: str
    wait: bool = True


class ListSnapshots(Request[list[SnapshotDescription]], frozen=True, kw_only=True):
    """Return the snapshots of a collection, the oldest first."""

    result: ClassVar[Any] = list[SnapshotDescription]
    collection: str


class DeleteSnapshot(Request[bool | None], frozen=True, kw_only=True):
    """Delete a snapshot of a collection."""

    result: ClassVar[Any] = bool | None
    collection: str
    snapshot_name: str
    wait: bool = True


class DownloadSnapshot(Request[SnapshotDescription], frozen=True, kw_only=True):
    """Read a snapshot of a collection."""

    result: ClassVar[Any] = SnapshotDescription
    collection: str
    snapshot_name: str


class RecoverSnapshot(Request[bool | None], frozen=True, kw_only=True):
    """Make a collection what a snapshot says; it is created where there is none.

    `location`: the name of one of its snapshots, a file:// URL inside the folder of snapshots, or,
    where that is allowed, an http(s) URL, to which `api_key` is sent. `until`, an extension: what
    the archived log says after the snapshot is applied, up to a time, an operation, or "latest".
    """

    result: ClassVar[Any] = bool | None
    collection: str
    location: str
    priority: str | None = None
    checksum: str | None = None
    api_key: str | None = None
    until: Any = None
    wait: bool = True


class UploadSnapshot(Request[bool | None], frozen=True, kw_only=True):
    """Make a collection what an uploaded snapshot says; it is created where there is none.

    `source`: the path of the file; it never comes from the wire. `until`: as of RecoverSnapshot.
    """

    result: ClassVar[Any] = bool | None
    collection: str
    priority: str | None = None
    checksum: str | None = None
    until: Any = None
    wait: bool = True
    source: Any = None


class CreateShardSnapshot(Request[SnapshotDescription | None], frozen=True, kw_only=True):
    """Make a snapshot of a shard as it is now."""

    result: ClassVar[Any] = SnapshotDescription | None
    collection: str
    shard: Any
    wait: bool = True


class ListShardSnapshots(Request[list[SnapshotDescription]], frozen=True, kw_only=True):
    """Return the snapshots of a shard, the oldest first."""

    result: ClassVar[Any] = list[SnapshotDescription]
    collection: str
    shard: Any


class DeleteShardSnapshot(Request[bool | None], frozen=True, kw_only=True):
    """Delete a snapshot of a shard."""

    result: ClassVar[Any] = bool | None
    collection: str
    shard: Any
    snapshot_name: str
    wait: bool = True


class DownloadShardSnapshot(Request[SnapshotDescription], frozen=True, kw_only=True):
    """Read a snapshot of a shard."""

    result: ClassVar[Any] = SnapshotDescription
    collection: str
    shard: Any
    snapshot_name: str


class StreamShardSnapshot(Request[SnapshotDescription], frozen=True, kw_only=True):
    """Make a snapshot of a shard and read it, without keeping it."""

    result: ClassVar[Any] = SnapshotDescription
    collection: str
    shard: Any


class RecoverShardSnapshot(Request[bool | None], frozen=True, kw_only=True):
    """Make a shard of an existing collection what a snapshot says. Fields: see RecoverSnapshot."""

    result: ClassVar[Any] = bool | None
    collection: str
    shard: Any
    location: str
    priority: str | None = None
    checksum: str | None = None
    api_key: str | None = None
    wait: bool = True


class UploadShardSnapshot(Request[bool | None], frozen=True, kw_only=True):
    """Make a shard of an existing collection what an uploaded snapshot says."""

    result: ClassVar[Any] = bool | None
    collection: str
    shard: Any
    priority: str | None = None
    checksum: str | None = None
    wait: bool = True
    source: Any = None


class CreateFullSnapshot(Request[SnapshotDescription | None], frozen=True, kw_only=True):
    """Make a snapshot of every collection and alias as they are at one moment."""

    result: ClassVar[Any] = SnapshotDescription | None
    wait: bool = True


class ListFullSnapshots(Request[list[SnapshotDescription]], frozen=True, kw_only=True):
    """Return the snapshots of the whole storage, the oldest first."""

    result: ClassVar[Any] = list[SnapshotDescription]


class DeleteFullSnapshot(Request[bool | None], frozen=True, kw_only=True):
    """Delete a snapshot of the whole storage."""

    result: ClassVar[Any] = bool | None
    snapshot_name: str
    wait: bool = True


class DownloadFullSnapshot(Request[SnapshotDescription], frozen=True, kw_only=True):
    """Read a snapshot of the whole storage."""

    result: ClassVar[Any] = SnapshotDescription
    snapshot_name: str


class RecoverFullSnapshot(Request[bool | None], frozen=True, kw_only=True):
    """Make every collection and alias in a snapshot of the whole storage what it says there.

    Collections that the snapshot does not have stay. `until`: a time or "latest". `location` and
    the others: see RecoverSnapshot.
    """

    result: ClassVar[Any] = bool | None
    location: str
    checksum: str | None = None
    api_key: str | None = None
    until: Any = None
    wait: bool = True


class UploadFullSnapshot(Request[bool | None], frozen=True, kw_only=True):
    """Make every collection and alias what an uploaded snapshot of the whole storage says.

    `until`: as of RecoverFullSnapshot.
    """

    result: ClassVar[Any] = bool | None
    checksum: str | None = None
    until: Any = None
    wait: bool = True
    source: Any = None


def check_priority(value: Any) -> None:
    """Raise InvalidRequest for what is no priority.

    It says which data to prefer where replicas have newer ones; a single node has none, so each of
    them makes the snapshot the collection's state.
    """
    if value not in (None, *PRIORITIES):
        raise InvalidRequest.of("priority", value, f"must be one of {', '.join(PRIORITIES)}")


def parse_until(value: Any) -> Until | None:
    """Return the moment that a restore is to reach, None where none was given.

    An operation is a whole number, or its digits; a time is text as in payloads of datetimes, UTC
    unless it says otherwise, and finer than milliseconds it is cut off.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:_UNTIL_DIGITS])
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return Until(operation=value)
    if value == LATEST:
        return Until()
    moment = parse_datetime(value) if isinstance(value, str) else None
    if moment is None or moment < 0:
        rule = f'must be a time (2026-01-31T12:00:00Z), an operation\'s number or "{LATEST}"'
        raise InvalidRequest.of("until", shown(value), rule)
    return Until(time=moment // 1000)


def check_checksum(value: Any) -> str | None:
    """Return a SHA-256 as lower-case digits, or None where none was given."""
    if value is None:
        return None
    text = value.lower() if isinstance(value, str) else ""
    if len(text) != _CHECKSUM_DIGITS or set(text) - set("0123456789abcdef"):
        raise BadInput("checksum must be a SHA-256: 64 hexadecimal digits")
    return text
