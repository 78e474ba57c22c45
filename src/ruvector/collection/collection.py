"""What is a collection on this node? A configuration, a shard, and the maintenance of both."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

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
        shard.on_applied = self._wake
        self.reads, self.writes = RateLimiter(), RateLimiter()

    @classmethod
    def open(
        cls,
        path: Path,
        config: CollectionConfig,
        *,
        create: bool = False,
        read_only: bool = False,
        clock: Clock = wall_clock,
    ) -> "Collection":
        """Open the collection whose shard is in a folder."""
        spaces = spaces_of(config)
        shard = Shard.open(path, spaces, create=create, read_only=read_only, clock=clock)
        collection = cls(config, shard)
        collection._wake()
        return collection

    def _wake(self) -> None:
        self.maintenance.wake()
        self.sweeper.wake()

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
        try:
            return future.result(timeout_seconds)
        except FutureTimeout as error:
            raise TimedOut(f"the write was not durable after {timeout_seconds} seconds") from error

    def fill_indexes(self) -> None:
        """Fill the payload indexes that were created and are not to stay cold."""
        with self.shard.lock:
            fields = [index.field for index in self.shard.indexes.unfilled()]
        self.shard.filling.fill_declared(fields)

    def configure(self, config: CollectionConfig) -> None:
        """Use new settings from now on; maintenance brings what exists into line."""
        self.config = config
        self.shard.conform(spaces_of(config))
        self.maintenance.wake()

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
