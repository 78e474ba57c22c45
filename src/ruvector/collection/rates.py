"""How often may something be done? A number a minute, saved up to one minute's worth.

Any thread may take.
"""

import threading
import time

from ruvector.errors import RateLimited

_SECONDS = 60.0


class RateLimiter:
    """At most so many of something a minute; what is not used is saved up to one minute's worth."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: float | None = None
        self._then = 0.0

    def take(self, per_minute: int, cost: int, what: str) -> None:
        """Take `cost` of them, or raise RateLimited."""
        if cost > per_minute:
            raise RateLimited(
                f"{what} of {cost} parts; the limit is {per_minute} a minute. Send smaller batches"
            )
        with self._lock:
            now = time.monotonic()
            rate = per_minute / _SECONDS
            left = float(per_minute) if self._left is None else self._left
            left = min(float(per_minute), left + (now - self._then) * rate)
            self._then = now
            self._left = left - cost if left >= cost else left
            if left < cost:
                error = RateLimited(
                    f"{what}: the limit is {per_minute} a minute. Retry in "
                    f"{(cost - left) / rate:.1f} seconds"
                )
                error.retry_after_seconds = (cost - left) / rate
                raise error
