"""How is a collection brought from a snapshot to a later moment? By its archived log.

The restored collection equals the state after the last operation whose time is at or before the
moment (or after the operation of a number). The time of an operation is taken by the thread that
commits it, before the commit: every operation acknowledged by the moment is in, none that was sent
after it. What the archive cannot say for certain is refused.

It is done in a collection that nobody sees yet, with the same code that applied the operations
before; only sweeps of expired points wait until it is done, because the log has its own.
How far the archive reaches is what its pieces say, what the database that wrote them says beside
them (`coverage`), and, where that is this one, what it can still add.
"""

from collections import deque
from concurrent.futures import Future
from contextlib import closing
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from ruvector.collection.catalog import Catalog
from ruvector.collection.collection import Collection
from ruvector.collection.effects import Effect
from ruvector.collection.entries import Entry, Put, Remove, decode_entry
from ruvector.collection.kept_log import LogIdentity, identity_of, last_time
from ruvector.collection.prepare import Preparation
from ruvector.errors import BadInput
from ruvector.model.configs import CollectionConfig
from ruvector.model.datetimes import utc_text
from ruvector.model.snapshots import Until
from ruvector.snapshots.archived_log import ArchivedLog, Hole
from ruvector.snapshots.coverage import Claims, Covered
from ruvector.snapshots.folder import SnapshotFolder, group_of

IN_FLIGHT: Final = 64  # entries on their way to one fsync
_decode_config = msgspec.json.Decoder(CollectionConfig).decode


class Moment(NamedTuple):
    """Up to where the log in a folder of snapshots is to be replayed, and what is said of it."""

    folder: SnapshotFolder
    until: Until
    claims: Claims


class Gone(BadInput):
    """The collection had been deleted by the moment."""


def bring_to(catalog: Catalog, moment: Moment, collection: Collection, origin: str) -> str:
    """Bring an unseen collection, just out of a snapshot of `origin`, to a moment.

    Returns the identity of its log. Errors: BadInput where the archive has a hole or damage, does
    not reach so far, or the snapshot is later than the moment; Gone.
    """
    folder, until, claims = moment
    identity, sequence, time = _start_of(collection)
    if until.operation is not None and until.operation < sequence:
        raise BadInput(
            f"the snapshot is of operation {sequence}, after {until.operation}; "
            "restore an earlier one"
        )
    if until.time is not None and until.time < time:
        raise BadInput(
            f"the last operation in the snapshot is of {_shown(time)}, after {_shown(until.time)}; "
            "restore an earlier one"
        )
    log = ArchivedLog(folder, group_of(origin), identity.id)
    known_until = _archive_now(catalog, identity, until)
    claim = claims.of(identity.id)
    if claim is not None and _is_gone(claim, until):
        raise Gone(
            f"collection {origin} had been deleted by {_shown(claim.ended or 0)}; restore to an "
            'earlier time, or until "latest", which is its last operation'
        )
    replay = _Replay(collection)
    try:
        _replay(replay, log, sequence, until)
    except Hole:
        if until.time is None or until.time > log.until:
            raise  # else what is missing came later
    finally:
        replay.finish()
    if claim is not None and log.last >= claim.last:
        known_until = max(known_until, claim.until)
    _check_reached(log, until, known_until)
    return identity.id


def _is_gone(claim: Covered, until: Until) -> bool:
    is_later = until.time is not None and claim.ended is not None and until.time >= claim.ended
    return claim.is_gone and is_later


def _replay(replay: "_Replay", log: ArchivedLog, sequence: int, until: Until) -> None:
    time = following = 0
    with closing(log.entries_after(sequence)) as entries:
        for number, data in entries:
            if until.operation == sequence:
                break
            entry = decode_entry(data)
            if entry.time < max(time, 1):
                raise BadInput(
                    f"operation {number} of the archived log {log.log} has the time {entry.time}, "
                    f"after {time}: the log was not kept when it was written; restore a later "
                    "snapshot"
                )
            if until.time is not None and entry.time > until.time:
                log.until = max(log.until, until.time)
                break
            time, following = entry.time, entry.following
            replay.add(number, data, entry)
            if number == until.operation:
                break
    if following:
        raise BadInput(
            f"operation {replay.last} is in the middle of a batch, which is applied as a whole; "
            f"restore to operation {replay.last + following}, or to one before the batch"
        )


def _check_reached(log: ArchivedLog, until: Until, known_until: int) -> None:
    """Raise BadInput where the archive ends before it can be known what happened by the moment."""
    reached = max(log.until, known_until)
    if until.operation is not None and log.last < until.operation:
        raise BadInput(
            f"the archived log {log.log} ends at operation {log.last}, before {until.operation}"
        )
    if until.time is not None and reached < until.time:
        raise BadInput(
            f"the archived log {log.log} ends at operation {log.last} and tells what happened "
            f"until {_shown(reached)}, not until {_shown(until.time)}; restore to that time or "
            'before, or until "latest"'
        )


def _start_of(collection: Collection) -> tuple[LogIdentity, int, int]:
    """Return the log that a snapshot belongs to, its last operation, and the time of that."""
    store = collection.shard.store
    with store.read() as reader:
        identity, sequence = identity_of(reader), reader.last_sequence
        time = 0 if identity is None else last_time(reader, identity)
        if identity is None or not time:
            raise BadInput(
                "the log of this collection was not archived when the snapshot was made "
                "(snapshots.archive_log of the server); restore without a moment"
            )
    return identity, sequence, time


def _archive_now(catalog: Catalog, identity: LogIdentity, until: Until) -> int:
    """Have the log copied as far as it is, if it is one of this database; return until when."""
    for collection in catalog.open_collections.values():
        kept = collection.kept_log
        if kept is not None and kept.identity.id == identity.id:
            if until.time is not None and until.time > catalog.clock():
                raise BadInput(f"{_shown(until.time)} has not come yet; name a time that has")
            return collection.archive_log(until.time or 0) or 0
    return 0


class _Replay:
    """Entries on their way into a collection."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._waiting: deque[Future[Any]] = deque()
        self.last = 0

    def add(self, number: int, data: bytes, entry: Entry) -> None:
        """Apply an entry, soon."""
        shard = self._collection.shard
        if isinstance(entry, Put):
            with shard.lock:
                shard.next_row = max(shard.next_row, entry.first_row + len(entry.keys))
        if isinstance(entry, Remove) and entry.config is not None:
            self.finish()
            self._collection.configure(_decode_config(entry.config))
        change = partial(_again, number=number, data=data, entry=entry)
        self._waiting.append(shard.write([change]))
        self.last = number
        while len(self._waiting) > IN_FLIGHT:
            self._waiting.popleft().result()

    def finish(self) -> None:
        """Wait for what is on its way."""
        while self._waiting:
            self._waiting.popleft().result()


def _again(preparation: Preparation, number: int, data: bytes, entry: Entry) -> Effect:
    effect = preparation.replay(data, entry)
    if effect.sequence != number:
        raise BadInput(f"operation {number} of the archived log came as {effect.sequence}")
    return effect


def _shown(time: int) -> str:
    return utc_text(time / 1000)
