"""How is a shard's log kept elsewhere, without a hole, although the shard drops what it has sealed?

A `KeptLog` copies entries into pieces before the log is truncated, and whenever it is asked to. The
log has an identity, stored beside it (manifest key "log"): a collection that was restored, or whose
log was not kept for a while, begins another one, because the same numbers mean other operations
there. Changes of the settings are entries too, so that a piece needs nothing beside it.

Invariants: entries after `position` are still in the log; a piece that was handed to the sink is
durable; times of entries never fall, and a piece's `until` says that every operation of its log
with a time up to that is in it or in an earlier one.
Threads: `lock` makes changes of settings and copies come one after the other; `archive` may be
called from any thread but the committer's.
"""

import logging
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from ruvector.collection.effects import Effect
from ruvector.collection.entries import decode_entry
from ruvector.collection.prepare import Preparation
from ruvector.collection.shard import Shard
from ruvector.errors import RuvectorError, StorageDamaged
from ruvector.model.configs import CollectionConfig
from ruvector.storage.transaction import Reader, WriteTransaction

LOG_KEY = "log"

_log = logging.getLogger("ruvector.snapshots")


class LogIdentity(msgspec.Struct, frozen=True):
    """Which log this is: its entries after `start` are kept elsewhere.

    `kept`: the last entry that was kept before the log was truncated; `time`: of that entry, or
    when the log began; `config`: the settings that the log knows of.
    """

    id: str
    start: int
    kept: int
    time: int
    config: CollectionConfig


class LogPiece(NamedTuple):
    """Entries of a log, `first` to `last`, read from `entries` once."""

    log: str
    first: int
    last: int
    until: int
    entries: Iterator[bytes]


Sink = Callable[[LogPiece], None]
_ID = re.compile("[0-9a-f]{32}")
_decode_identity = msgspec.json.Decoder(LogIdentity).decode


def identity_of(reader: Reader) -> LogIdentity | None:
    """Return the log's identity, None where it is not kept."""
    value = reader.manifest(LOG_KEY)
    if value is None:
        return None
    try:
        identity: LogIdentity = _decode_identity(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StorageDamaged(f"the identity of the log cannot be read: {error}") from error
    if not _ID.fullmatch(identity.id):  # it becomes the name of a folder
        raise StorageDamaged(f"the log has the identity {identity.id[:40]!r}, which is none")
    return identity


def forget_log(shard: Shard) -> None:
    """End the log that a restored shard brings along: what follows is not in it."""
    with shard.store.read() as reader:
        if reader.manifest(LOG_KEY) is None:
            return
    shard.store.commit(
        lambda transaction: transaction.put_manifest(LOG_KEY, None),
        lambda _: None,
        frees_space=True,
    ).result()


class KeptLog:
    """The log of one shard on its way to a sink."""

    def __init__(self, shard: Shard, config: CollectionConfig, sink: Sink) -> None:
        """Go on with the shard's log, or begin one. Errors: those of a commit."""
        self.lock = threading.RLock()
        self._shard = shard
        self._sink = sink
        with self.lock:  # a seal that comes now waits until it is known what is to be kept
            shard.before_truncation = self._before_truncation
            with shard.store.read() as reader:
                identity = identity_of(reader)
                if identity is not None:
                    time = last_time(reader, identity)
                    shard.time = max(shard.time, time)
                    identity = identity if time else None
            shard.keeps_times = True
            self.identity = identity or self._begin(config)
            self.position = max(self.identity.start, shard.store.checkpoint)
            self.settle(config)  # the process may have ended between the two commits of a change

    def change_config(self, config: CollectionConfig, use: Callable[[], None]) -> None:
        """Log new settings, then have them used, so that no entry needs what comes after it."""
        with self.lock:
            try:
                self._note(config)
            except RuvectorError as error:
                _log.error("settings are not in the log yet: %s", error.message)
            use()

    def settle(self, config: CollectionConfig) -> None:
        """Log the settings in use if the log does not know them."""
        with self.lock:
            if self.identity.config != config:
                self._note(config)

    def go_on_after(self, time: int) -> None:
        """Have the next entry a later time, whatever the clock says. Errors: ShardPoisoned."""
        shard = self._shard
        shard.store.passed(lambda _: shard.next_time(time + 1)).result()

    def archive(self, at_least: int = 0) -> int:
        """Copy what the log has beyond `position`; return until when everything is in there.

        `at_least`: a time that must lie before that of every later entry.
        Errors: those of the sink, ShardPoisoned; then nothing changed.
        """
        with self.lock:
            shard = self._shard
            until = shard.store.passed(lambda _: shard.next_time(at_least + 1)).result() - 1
            with shard.store.read() as reader:
                last = reader.last_sequence
                if last > self.position:
                    first = self.position + 1
                    entries = (data for _, data in reader.log_after(self.position))
                    self._sink(LogPiece(self.identity.id, first, last, until, entries))
                    self.position = last
            return until

    def end(self) -> None:
        """Note that everything is kept, so that who opens the shard without a sink loses nothing.

        Call after the last write. What they write is noticed.
        """
        with self.lock:
            self.archive()
            if self.identity.kept != self.position:
                self._note_kept()

    def _before_truncation(self, sequence: int) -> None:
        """Have everything up to a sequence kept, and its time noted: the log is about to lose it.

        The identity is written before the truncation, in a commit of its own.
        """
        with self.lock:
            if sequence > self.position:
                self.archive()
            self._note_kept()

    def _note_kept(self) -> None:
        with self._shard.store.read() as reader:
            time = last_time(reader, self.identity)
        self._store(msgspec.structs.replace(self.identity, kept=self.position, time=time))

    def _begin(self, config: CollectionConfig) -> LogIdentity:
        shard = self._shard

        def prepare(transaction: WriteTransaction) -> LogIdentity:
            start, time = transaction.last_sequence, shard.next_time()
            identity = LogIdentity(uuid.uuid4().hex, start, start, time, config)
            transaction.put_manifest(LOG_KEY, msgspec.json.encode(identity))
            return identity

        return shard.store.commit(prepare, lambda new: new, frees_space=True).result()

    def _note(self, config: CollectionConfig) -> None:
        identity = msgspec.structs.replace(self.identity, config=config)
        text = msgspec.json.encode(identity)

        def change(preparation: Preparation) -> Effect:
            preparation.transaction.put_manifest(LOG_KEY, text)
            return preparation.note_config(msgspec.json.encode(config))

        self._shard.write([change], frees_space=True).result()
        self.identity = identity

    def _store(self, identity: LogIdentity) -> None:
        text = msgspec.json.encode(identity)
        self._shard.store.commit(
            lambda transaction: transaction.put_manifest(LOG_KEY, text),
            lambda _: None,
            frees_space=True,
        ).result()
        self.identity = identity


def last_time(reader: Reader, identity: LogIdentity) -> int:
    """Return the time of the last entry of a kept log; 0 where it was not kept for a while.

    Entries that are written meanwhile have no time, or are truncated without having been kept.
    """
    last, checkpoint = reader.last_sequence, reader.checkpoint
    if checkpoint > identity.kept:
        return 0
    if last > max(checkpoint, identity.start):
        for _, data in reader.log_after(last - 1):
            return decode_entry(data).time
    return identity.time
