"""Where in the engine does a request's time go? Moments that a thread notes where it is asked to.

Whoever traces a request has `Stages` for it. What the engine does inside of one of them says `note`
when a part of it has ended. Nobody enters or leaves anything, so a part costs one call; where
nobody has asked since the start, that is a look at one flag (0.06 us, benchmarks/tracing.py).

>>> stages = Stages()
>>> with noting(stages):
...     note("plan")
>>> stages.mark("execute")
>>> [name for name, _ in stages.inner], [name for name, _ in stages.outer]
(['plan'], ['execute'])
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

INNER_MAX = 64  # parts that are told of: a batch of searches has three for each

Moments = list[tuple[str, float]]


class Stages:
    """What was done for one request, and when, by perf_counter(), each part had ended.

    `outer` follow each other; `inner` were noted within those that ran under `noting`.
    """

    __slots__ = ("inner", "outer")

    def __init__(self) -> None:
        self.outer: Moments = []
        self.inner: Moments = []

    def mark(self, stage: str) -> None:
        """Note that a part of the whole has ended."""
        self.outer.append((stage, perf_counter()))


class _Asked(threading.local):
    moments: Moments | None = None


_asked = _Asked()
_is_asked = False  # by any thread, ever


@contextmanager
def noting(stages: Stages) -> Iterator[None]:
    """Let this thread note what it does inside the block."""
    global _is_asked
    _is_asked = True
    before, _asked.moments = _asked.moments, stages.inner
    try:
        yield
    finally:
        _asked.moments = before


def note(stage: str) -> None:
    """Note that a part of the engine's work has ended, where somebody wants to know."""
    if _is_asked:
        moments = _asked.moments
        if moments is not None and len(moments) < INNER_MAX:
            moments.append((stage, perf_counter()))
