"""How often was each endpoint called, and how long did it take? For metrics and telemetry.

Changed on the loop's thread only.
"""

import time
from typing import Any

from ruvector.model.datetimes import utc_text

Endpoint = tuple[str, str, int]  # method, path of the route, status


class Durations:
    """Times of one kind of answer, in seconds."""

    __slots__ = ("count", "last", "least", "most", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = float("inf")
        self.most = 0.0
        self.last = 0.0  # when the last one was answered, in seconds since the epoch

    def add(self, seconds: float) -> None:
        """Count one answer."""
        self.count += 1
        self.total += seconds
        if seconds < self.least:
            self.least = seconds
        if seconds > self.most:
            self.most = seconds
        self.last = time.time()


class EndpointDurations(dict[Endpoint, Durations]):
    """Times by endpoint and status."""

    def add(self, endpoint: Endpoint, seconds: float) -> None:
        """Count one answer of an endpoint."""
        durations = self.get(endpoint)
        if durations is None:
            durations = self[endpoint] = Durations()
        durations.add(seconds)

    def report(self) -> dict[str, dict[str, Any]]:
        """Return the wire's statistics by "METHOD /path" and status."""
        found: dict[str, dict[str, Any]] = {}
        for (method, path, status), durations in self.items():
            found.setdefault(f"{method} {path}", {})[str(status)] = {
                "count": durations.count,
                "avg_duration_micros": 1e6 * durations.total / durations.count,
                "min_duration_micros": 1e6 * durations.least,
                "max_duration_micros": 1e6 * durations.most,
                "total_duration_micros": round(1e6 * durations.total),
                "last_responded": utc_text(durations.last),
            }
        return found
