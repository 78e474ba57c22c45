"""What did the maintenance of a collection do, what does it do, what is due?

The history is kept in memory, and bounded. What is due is what would be done if nothing changed:
one step often makes another unnecessary, or possible.
"""

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from ruvector.collection.segment import Segment
from ruvector.errors import BadInput, InvalidRequest
from ruvector.model.datetimes import utc_text
from ruvector.model.reports import (
    OPTIMIZATION_PARTS,
    Optimization,
    OptimizationsResult,
    OptimizationsSummary,
    OptimizedSegment,
    PendingOptimization,
    Progress,
)
from ruvector.model.requests import GetOptimizations

COMPLETED_MAX = 100  # steps that are remembered
COMPLETED_SHOWN = 16  # of them, unless asked otherwise: Qdrant's default
GROWING = "growing"  # names a segment that has no file yet
_NAMESPACE = uuid.UUID("4f7d3c1a-2b9e-5a60-8c34-91d5e6a7b802")  # random, fixed for ever


class Step(NamedTuple):
    """A piece of work: what it is, the work, its segments; whether it comes before idleness."""

    reason: str
    run: Callable[[], None]
    segments: tuple[Segment, ...] = ()
    is_urgent: bool = False


class History:
    """The step that runs, and those that ran. Any thread may read it."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._running: Optimization | None = None
        self._completed: deque[Optimization] = deque(maxlen=COMPLETED_MAX)
        self._count = 0
        self._seconds = 0.0
        self.points_optimized = 0  # since the start

    @contextmanager
    def record(self, step: Step, was_cancelled: Callable[[], bool]) -> Iterator[None]:
        """Note when a step ran and how it ended; an error goes on its way."""
        started = time.time()
        running = Optimization(
            uuid=str(uuid.uuid4()),
            optimizer=step.reason,
            status="optimizing",
            segments=self.described(step.segments),
            progress=Progress(name=step.reason, started_at=utc_text(started)),
        )
        self._running = running
        status: str | dict[str, str] = "done"
        try:
            yield
        except Exception as error:
            kind = "cancelled" if was_cancelled() else "error"
            status = {kind: str(error) or type(error).__name__}
            raise
        finally:
            ended = time.time()
            progress = msgspec.structs.replace(
                running.progress,
                finished_at=utc_text(ended),
                duration_sec=round(max(0.0, ended - started), 6),
            )
            done = msgspec.structs.replace(running, status=status, progress=progress)
            with self._lock:
                self._running = None
                self._completed.appendleft(done)
                self._count += 1
                self._seconds += progress.duration_sec or 0.0
                if status == "done":
                    self.points_optimized += sum(s.points_count for s in running.segments)

    def durations(self) -> dict[str, float]:
        """Return how many steps there were since the start, and what they took."""
        with self._lock:
            total = round(1e6 * self._seconds)
            if not self._count:
                return {"count": 0}
            average = total / self._count
            return {
                "count": self._count,
                "avg_duration_micros": average,
                "total_duration_micros": total,
            }

    def report(
        self, request: GetOptimizations, due: Iterable[Step], segments: Iterable[Segment]
    ) -> OptimizationsResult:
        """Return what was asked for; `due`: steps in their order, `segments`: all there are."""
        parts, limit = _asked(request)
        with self._lock:
            running = [] if self._running is None else [self._running]
            completed = list(self._completed)[:limit]
        taken = [_identities(each.segments) for each in running]
        pending = [
            PendingOptimization(step.reason, found)
            for step in due
            if _identities(found := self.described(step.segments)) not in taken
        ]
        queued = [segment for each in pending for segment in each.segments]
        busy = {*_identities(queued), *(identity for each in taken for identity in each)}
        idle = [segment for segment in self.described(segments) if segment.uuid not in busy]
        return OptimizationsResult(
            summary=OptimizationsSummary(
                queued_optimizations=len(pending),
                queued_segments=len(queued),
                queued_points=sum(segment.points_count for segment in queued),
                idle_segments=len(idle),
            ),
            running=running,
            queued=pending if "queued" in parts else None,
            completed=completed if "completed" in parts else None,
            idle_segments=idle if "idle_segments" in parts else None,
        )

    def described(self, segments: Iterable[Segment]) -> list[OptimizedSegment]:
        """Return the identities and sizes of segments."""
        return [
            OptimizedSegment(self._identity(segment), segment.rows_alive) for segment in segments
        ]

    def _identity(self, segment: Segment) -> str:
        name = segment.files[0] if segment.files else f"{GROWING} {segment.rows[:1]}"
        return str(uuid.uuid5(_NAMESPACE, f"{self._place}/{name}"))


def _identities(segments: list[OptimizedSegment]) -> list[str]:
    return [segment.uuid for segment in segments]


def _asked(request: GetOptimizations) -> tuple[set[str], int]:
    """Return the parts to show and how many completed steps."""
    parts = set(request.with_ or ())
    for part in sorted(parts.difference(OPTIMIZATION_PARTS)):
        raise BadInput(f"with names {part[:100]!r}; it may name {', '.join(OPTIMIZATION_PARTS)}")
    limit = request.completed_limit
    if limit is None:
        return parts, COMPLETED_SHOWN
    if limit < 0:
        raise InvalidRequest.of("completed_limit", limit, "must be 0 or larger")
    return parts | {"completed"}, limit
