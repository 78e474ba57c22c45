"""What should be sealed, merged or indexed next, and when?

One background thread a shard, alive only while there is work. It seals the growing segment when its
log is full, has segments merged so that one holds most rows, rewrites those that are mostly dead,
and has graphs built; `compaction` does the work.

Threads: `wake`, `finish` and `close` may be called from any; steps run in the maintenance thread,
one at a time. The locks are taken in the order `_changed`, then the shard's.
"""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

from ruvector.collection.blocks import BLOCK_ROWS, BlockKey, BlockSettings
from ruvector.collection.compaction import Compactor, GraphSettings, Wanted
from ruvector.collection.growing import GrowingSegment
from ruvector.collection.optimizations import History, Step
from ruvector.collection.segment import GraphKey, Segment
from ruvector.collection.shard import Shard
from ruvector.collection.spaces import Space
from ruvector.errors import ServiceError, TimedOut, Unavailable
from ruvector.model.configs import NO_GRAPH, CollectionConfig, HnswConfig
from ruvector.model.reports import OptimizationsResult
from ruvector.model.requests import GetOptimizations

IDLE_SECONDS = 0.5  # without a write, before work starts that a burst of writes would undo
PATIENCE_SECONDS = 10.0  # with writes going on, before it starts all the same
FIRST_PAUSE_SECONDS = 1.0  # after a step that failed, before it is tried again
LONGEST_PAUSE_SECONDS = 60.0  # between tries of a step that fails again and again
LARGEST_SHARE = (
    0.7  # of the rows belong into one segment: each further one costs a search of its own
)
SCAN_ROWS = 2000  # segments up to this size are scanned faster than walked
SEGMENTS_MAX = 8  # however small they are


class Maintenance:
    """The background work of one shard."""

    def __init__(self, shard: Shard, config: Callable[[], CollectionConfig]) -> None:
        self._shard = shard
        self._config = config
        self._compactor = Compactor(shard)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._cancel = threading.Event()
        self._woken = time.monotonic()
        self._waiting_since: float | None = None
        self._forced = 0  # callers of `finish` that want everything indexed
        self._held = 0  # callers of `catch_up`
        self.failure: BaseException | None = None
        self.current = ""  # the reason of the step that runs
        self.history = History(str(shard.store.path))

    # Called from any thread

    def wake(self) -> None:
        """Note that rows changed; start the thread if there is work for it."""
        self._woken = time.monotonic()
        with self._changed:
            if self._thread is None and self._next_step() is not None:
                self._start()

    def finish(self, timeout_seconds: float | None) -> None:
        """Return when every row is sealed and indexed; TimedOut after the time given."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        with self._changed:
            self._forced += 1
            self.failure = None  # what failed before is tried again
        try:
            while True:
                self._start()
                with self._changed:
                    if self._next_step() is None and not self.current:
                        return
                    self._changed.notify_all()
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        raise TimedOut(f"not everything is indexed after {timeout_seconds} seconds")
                    self._changed.wait(0.5 if left is None else min(left, 0.5))
                if self.failure is not None:
                    raise ServiceError(f"indexing failed: {self.failure}") from self.failure
                if self._cancel.is_set():
                    raise Unavailable("the database was closed while indexing")
        finally:
            with self._changed:
                self._forced -= 1

    def catch_up(self, timeout_seconds: float | None) -> None:
        """Return when no segment that is worth an index lacks it; TimedOut after the time given.

        At once where maintenance fails or may not work: nobody waits for what does not come.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        with self._changed:
            self._held += 1
        try:
            while self.failure is None and self._lags():
                self._start()
                if self._cancel.is_set():
                    raise Unavailable("the database was closed while the write was held back")
                left = 0.5 if deadline is None else min(0.5, deadline - time.monotonic())
                if left <= 0:
                    raise TimedOut(
                        f"a large segment still has no index after {timeout_seconds} seconds, and "
                        "optimizers_config.prevent_unoptimized holds back writes until then"
                    )
                with self._changed:
                    self._changed.notify_all()
                    self._changed.wait(left)
        finally:
            with self._changed:
                self._held -= 1

    def _lags(self) -> bool:
        """Say whether a segment that is worth an index lacks it."""
        shard, config = self._shard, self._config()
        if shard.store.poisoned is not None or is_disabled(config):
            return False
        with shard.lock:
            growing, sealed = (*shard.frozen, shard.growing), shard.sealed
        return any(self._is_worth_a_graph(each.segment, config) for each in growing) or any(
            settings is not None
            for segment in sealed
            for settings in self._missing_graphs(segment, config).values()
        )

    def report(self, request: GetOptimizations) -> OptimizationsResult:
        """Return what was done, is being done and is due."""
        with self._shard.lock:
            segments = self._shard.segments
        return self.history.report(request, self._due(), segments)

    def close(self) -> None:
        """Stop the thread; a build that runs is given up."""
        self._cancel.set()
        with self._changed:
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def is_idle(self) -> bool:
        """Say whether nothing is left to do."""
        return not self.current and self._next_step() is None

    # The thread

    def _start(self) -> None:
        with self._changed:
            if self._thread is None and not self._cancel.is_set():
                name = f"maintenance of {self._shard.store.path}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._cancel.is_set():
            step = self._next_step()
            if step is None:
                with self._changed:
                    if self._next_step() is None:
                        self._thread = None
                        self._changed.notify_all()
                        return
                continue
            if self._is_early(step):
                with self._changed:
                    self._changed.wait(0.1)
                continue
            self.current = step.reason
            try:
                with self.history.record(step, self._cancel.is_set):
                    step.run()
                step = None  # holds segments that are no longer shown
                self._compactor.drop_cold()
                self.failure, pause = None, FIRST_PAUSE_SECONDS
            except Exception as error:  # noqa: BLE001 - reported by status; the data stay searchable
                if not self._cancel.is_set():
                    self.failure = error
                    self._cancel.wait(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            finally:
                self.current = ""
                with self._changed:
                    self._changed.notify_all()
        self._thread = None

    def _is_early(self, step: Step) -> bool:
        """Say whether writes are still coming that would change what is best to do."""
        now = time.monotonic()
        if self._forced or self._held or step.is_urgent or now - self._woken >= IDLE_SECONDS:
            self._waiting_since = None
            return False
        if self._waiting_since is None:
            self._waiting_since = now
        return now - self._waiting_since < PATIENCE_SECONDS

    def _next_step(self) -> Step | None:
        """Return what to do next, or None."""
        return next(self._due(), None)

    def _due(self) -> Iterator[Step]:
        """Yield what is to do as things stand, the next step first."""
        shard, config = self._shard, self._config()
        if shard.store.read_only or shard.store.poisoned is not None:
            return
        with shard.lock:
            frozen, growing, sealed = shard.frozen, shard.growing, shard.sealed
        is_full = growing.log_bytes >= config.wal_config.wal_capacity_mb << 20
        if frozen or self._is_worth_a_seal(growing, is_full, config):
            segments = tuple(g.segment for g in (frozen or (growing,)))
            yield Step("seal", self._compactor.seal, segments, is_full or bool(frozen))
        if is_disabled(config):
            return
        merge = self._choose_merge(sealed, config)
        if merge:
            reason = "merge" if len(merge) > 1 else "vacuum"
            yield Step(reason, partial(self._compactor.merge, merge), merge)
        for segment in sealed:
            wanted = Wanted(
                self._missing_graphs(segment, config), self._missing_blocks(segment, config)
            )
            if wanted:
                build = partial(self._compactor.index, segment, wanted, self._cancel)
                yield Step("index", build, (segment,))
            elif any(segment.placements.get(n) != s.placement for n, s in shard.spaces.items()):
                yield Step("place", partial(self._compactor.place, segment), (segment,))

    def _is_worth_a_seal(
        self, growing: GrowingSegment, is_full: bool, config: CollectionConfig
    ) -> bool:
        if not len(growing.segment) or is_disabled(config):
            return is_full  # only the log's tail to drop, or to keep it short
        return bool(self._forced) or is_full or self._is_worth_a_graph(growing.segment, config)

    def _is_worth_a_graph(self, segment: Segment, config: CollectionConfig) -> bool:
        threshold = _threshold(config)
        return threshold is not None and self._vector_bytes(segment) >= threshold

    def _choose_merge(
        self, sealed: tuple[Segment, ...], config: CollectionConfig
    ) -> tuple[Segment, ...]:
        optimizer = config.optimizer_config
        for segment in sealed:
            dead = len(segment) - segment.rows_alive
            if dead >= max(1, optimizer.deleted_threshold * len(segment)) and (
                len(segment) >= optimizer.vacuum_min_vector_number or self._forced
            ):
                return (segment,)
        wanted = optimizer.default_segment_number or 1
        by_size = sorted(sealed, key=len)
        if len(by_size) <= wanted:
            return ()
        total = sum(map(len, by_size))
        limit = optimizer.max_segment_size
        if self._forced or len(by_size[-1]) < LARGEST_SHARE * total:
            chosen = by_size if wanted == 1 else by_size[: len(by_size) - wanted + 1]
        elif len(by_size) > max(SEGMENTS_MAX, wanted):
            chosen = by_size[:-1]
        else:
            return ()
        if limit is not None:
            chosen = _within(chosen, limit << 10, self._vector_bytes)
        return tuple(chosen) if len(chosen) > 1 else ()

    def _missing_graphs(
        self, segment: Segment, config: CollectionConfig
    ) -> dict[str, GraphSettings | None]:
        """Return settings for the graphs that a segment's vectors are worth and that it lacks.

        None for those that it has and that are not wanted.
        """
        missing: dict[str, GraphSettings | None] = {}
        for name, space in self._shard.spaces.items():
            if name not in segment.vectors:
                continue
            settings, held = _settings(config, space), segment.graph_settings.get(name)
            if settings is None:
                if held is not None:
                    missing[name] = None
            elif (
                settings.key != held
                and space.needs_index(segment.vectors[name], segment.counts[name], SCAN_ROWS)
                and self._is_worth_an_index(segment, space, config)
            ):
                missing[name] = settings
        return missing

    def _missing_blocks(
        self, segment: Segment, config: CollectionConfig
    ) -> dict[str, BlockSettings | None]:
        """Return the same of the graphs over rows that share a value of a payload field."""
        missing: dict[str, BlockSettings | None] = {}
        for name, space in self._shard.spaces.items():
            held = segment.blocks.get(name)
            settings = self._block_settings(config, space)
            if settings is None:
                if held is not None:
                    missing[name] = None
            elif (
                (held is None or held.key != settings.key)
                and segment.counts.get(name, 0) >= BLOCK_ROWS
                and self._is_worth_an_index(segment, space, config)
            ):
                missing[name] = settings
        return missing

    def _block_settings(self, config: CollectionConfig, space: Space) -> BlockSettings | None:
        """Return how blocks are built, None where there are none to build."""
        if space.name not in config.params.vectors:
            return None
        hnsw, code = config.hnsw_of(space.name), config.code_of(space.name)
        if not isinstance(hnsw.payload_m, int) or hnsw.payload_m == NO_GRAPH:
            return None
        with self._shard.lock:
            fields = self._shard.indexes.block_fields()
        if not fields:
            return None
        code_key = "" if code is None else code.key
        key = BlockKey(hnsw.payload_m, hnsw.ef_construct, code_key, fields)
        return BlockSettings(key, code, _threads(config, hnsw))

    def _is_worth_an_index(self, segment: Segment, space: Space, config: CollectionConfig) -> bool:
        if space.kind == "sparse":
            return True  # built in the time that a few searches without it take
        threshold = _threshold(config)
        if threshold is None:
            return False
        return bool(self._forced) or segment.size_bytes(space) >= threshold

    def _vector_bytes(self, segment: Segment) -> int:
        return max(
            (
                segment.size_bytes(space)
                for name, space in self._shard.spaces.items()
                if name in segment.vectors
            ),
            default=0,
        )


def is_disabled(config: CollectionConfig) -> bool:
    """Say whether segments are neither indexed nor merged: no threads may do it."""
    return config.optimizer_config.max_optimization_threads == 0


def _within(
    segments: list[Segment], limit_bytes: int, size: Callable[[Segment], int]
) -> list[Segment]:
    """Return the smallest segments that together stay below the limit."""
    chosen, total = [], 0
    for segment in segments:
        total += size(segment)
        if total > limit_bytes:
            break
        chosen.append(segment)
    return chosen


def _threshold(config: CollectionConfig) -> int | None:
    """Return the bytes of vectors from which on they are indexed; the setting 0 means never."""
    return config.optimizer_config.indexing_threshold << 10 or None


def _settings(config: CollectionConfig, space: Space) -> GraphSettings | None:
    """Return how an index is built, None for no index.

    Without a graph a quantized vector still has codes, which are scanned.
    """
    if space.kind == "sparse" or space.name not in config.params.vectors:
        return GraphSettings(GraphKey(0, 0), None, 1)
    name = space.name
    hnsw, threads = config.hnsw_of(name), _threads(config, config.hnsw_of(name))
    code = config.code_of(name)
    if hnsw.m == NO_GRAPH and code is None:
        return None
    beam = 0 if hnsw.m == NO_GRAPH else hnsw.ef_construct
    return GraphSettings(GraphKey(hnsw.m, beam, "" if code is None else code.key), code, threads)


def _threads(config: CollectionConfig, hnsw: HnswConfig) -> int:
    """Return how many threads build a graph: its own setting, the optimizer's, or all (0)."""
    own, limit = hnsw.max_indexing_threads, config.optimizer_config.max_optimization_threads
    return min(own, limit) if own and limit else own or limit or 0
