"""What is a collection on this node? A configuration, a shard, and the maintenance of both."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from threading import TIMEOUT_MAX

from ruvector.collection.kept_log import KeptLog, Sink
from ruvector.collection.maintenance import Maintenance
from ruvector.collection.rates import RateLimiter
from ruvector.collection.shard import Change, Shard
from ruvector.collection.spaces import Space, find_space, spaces_of
from ruvector.collection.sweeping import Sweeper
from ruvector.collection.view import View
from ruvector.errors import TimedOut
from ruvector.model.configs import CollectionConfig
from ruvector.model.filters import Filter
from ruvector.model.lifetimes import Clock, wall_clock


class Collection:
    """One open collection. Safe for any number of threads."""

    def __init__(self, config: CollectionConfig, shard: Shard) -> None:
        self.config = config
        self.shard = shard
        self.maintenance = Maintenance(shard, lambda: self.config)
        self.sweeper = Sweeper(shard)
        self.reads, self.writes = RateLimiter(), RateLimiter()
        self.kept_log: KeptLog | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        config: CollectionConfig,
        *,
        create: bool = False,
        read_only: bool = False,
        clock: Clock = wall_clock,
        sink: Sink | None = None,
        is_copy: bool = False,
    ) -> "Collection":
        """Open the collection whose shard is in a folder.

        `sink`: who keeps its log; `is_copy`: of a collection that is being restored, whose log and
        expired points are left alone until it is told to `begin`.
        """
        spaces = spaces_of(config)
        shard = Shard.open(path, spaces, create=create, read_only=read_only, clock=clock)
        collection = cls(config, shard)
        collection._visit_ids(is_new=create)
        shard.on_applied = collection.maintenance.wake
        try:
            if not is_copy:
                collection.begin(sink)
        except BaseException:
            collection.close()
            raise
        collection.maintenance.wake()
        return collection

    def begin(self, sink: Sink | None) -> None:
        """Have a sink keep the log from now on, and expired points deleted."""
        if self.shard.store.read_only:
            return
        if sink is not None:
            self.keep_log(sink)
        self.shard.on_applied = self._wake
        self.sweeper.wake()

    def keep_log(self, sink: Sink) -> None:
        """Have a sink keep the log from now on."""
        self.kept_log = KeptLog(self.shard, self.config, sink)

    def _wake(self) -> None:
        self.maintenance.wake()
        self.sweeper.wake()

    def _visit_ids(self, *, is_new: bool = False) -> None:
        """Have ids in memory that are to be; payloads are, as opening reads each of them."""
        self.shard.pin_ids(self.config.params.id_memory == "pinned")
        if self.config.params.id_memory == "cached" and not is_new:
            with self.shard.store.read() as reader:
                reader.visit_ids()

    def close(self) -> None:
        """Stop what runs in the background, finish waiting writes, close the files."""
        self.sweeper.close()
        self.maintenance.close()
        self.shard.close()

    def space(self, name: str) -> Space:
        """Return the space of a vector name; BadInput where there is none."""
        return find_space(self.shard.spaces, name)

    def view(
        self, filter: Filter | None = None, look: Callable[[View], None] | None = None
    ) -> View:
        """Return a snapshot, with the rows that match the filter; close it with `with` soon.

        `look`: as of `Shard.view`.
        """
        return self.shard.view(filter, look)

    def write(
        self,
        changes: Sequence[Change],
        *,
        frees_space: bool = False,
        timeout_seconds: float | None = None,
    ) -> list[int]:
        """Commit changes as one transaction and return their sequences once they are durable.

        TimedOut after the time given: the write may still happen.
        """
        future: Future[list[int]] = self.shard.write(changes, frees_space=frees_space)
        longest = None if timeout_seconds is None else min(timeout_seconds, TIMEOUT_MAX)
        try:
            return future.result(longest)
        except FutureTimeout as error:
            raise TimedOut(f"the write was not durable after {timeout_seconds} seconds") from error

    def catch_up(self, timeout_seconds: float | None = None) -> None:
        """Hold a write back while a large segment has no index, where the settings ask for that.

        TimedOut after the time given.
        """
        if self.config.optimizer_config.prevent_unoptimized is True:
            self.maintenance.catch_up(timeout_seconds)

    def fill_indexes(self) -> None:
        """Fill the payload indexes that were created and are not to stay cold."""
        with self.shard.lock:
            fields = [index.field for index in self.shard.indexes.unfilled()]
        self.shard.filling.fill_declared(fields)

    def configure(self, config: CollectionConfig) -> None:
        """Use new settings from now on; maintenance brings what exists into line."""
        if self.kept_log is None:
            self._use(config)
        else:
            self.kept_log.change_config(config, lambda: self._use(config))
        self.maintenance.wake()

    def archive_log(self, at_least: int = 0) -> int | None:
        """Have what is new in the log kept; return until when it is, None where it is not kept."""
        if self.kept_log is None:
            return None
        with self.kept_log.lock:
            self.kept_log.settle(self.config)
            return self.kept_log.archive(at_least)

    def _use(self, config: CollectionConfig) -> None:
        before, self.config = self.config.params.id_memory, config
        self.shard.conform(spaces_of(config))
        if before != config.params.id_memory:
            self._visit_ids()

    def follow(self, config: CollectionConfig) -> None:
        """Use the settings that the process which writes has stored."""
        self.config = config
        self.shard.conform(spaces_of(config))

    @property
    def problem(self) -> str | None:
        """Say what keeps the collection from accepting writes, or None."""
        poisoned = self.shard.store.poisoned
        return None if poisoned is None else f"a commit failed: {poisoned}; restart"

    @property
    def optimizer_status(self) -> str | dict[str, str]:
        """Return "ok", or what keeps writes or maintenance from going on."""
        failure = self.problem or self.maintenance.failure or self.sweeper.failure
        return "ok" if failure is None else {"error": str(failure)}

    @property
    def status(self) -> str:
        """Return green, yellow while work is due, or red when something failed."""
        if self.problem is not None or self.maintenance.failure is not None:
            return "red"
        return "green" if self.maintenance.is_idle() else "yellow"
