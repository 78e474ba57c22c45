"""When may Python look for cyclic garbage? Not while large requests are in memory.

A collection visits every item of every list that is alive, and nobody else has the interpreter
meanwhile: 20 ms for a million ids, and every large request in flight adds its own. What they hold
is freed by reference counts, so nothing is lost by waiting. Under large requests without a pause
between them garbage would pile up: after MAX_PAUSE_SECONDS the next ones wait until those before
them have ended, and collections have their turn. Any thread; entering may block.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

LARGE_BYTES = 256 * 1024  # of a message: 130,000 values at most, visited in 1 ms
MAX_PAUSE_SECONDS = 10.0


class Pauses:
    """How many large requests are in memory. The condition's lock guards the three fields."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._since = 0.0
        self._is_closing = False

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Let no collection start inside: decode, execute, encode, and let go of the request."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closing)
            if not self._inside:
                self._since = monotonic()
                gc.disable()
            self._inside += 1
            self._is_closing = monotonic() - self._since > MAX_PAUSE_SECONDS

    def _leave(self) -> None:
        with self._changed:
            self._inside -= 1
            if not self._inside:
                gc.enable()
                self._is_closing = False
                self._changed.notify_all()


PAUSES = Pauses()  # of this process, as its collector is
