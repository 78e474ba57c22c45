"""How often was each endpoint called, and how long did it take? For metrics and telemetry.

Whoever adds holds the lock of `Metrics`.
"""

from bisect import bisect_left
from typing import Any

from ruvector.model.datetimes import utc_text

Endpoint = tuple[str, str, int]  # method (none in gRPC), path of the route, status
BUCKETS = (  # seconds; the upper bounds of histograms
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)


def bucket_of(seconds: float) -> int:
    """Return the number of the bucket that a time falls into."""
    return bisect_left(BUCKETS, seconds)


class Durations:
    """Times of one kind of answer, in seconds."""

    __slots__ = ("buckets", "count", "last", "least", "most", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)  # how many fell between two bounds
        self.count = 0
        self.total = 0.0
        self.least = float("inf")
        self.most = 0.0
        self.last = 0.0  # when the last one was answered, in seconds since the epoch

    def add(self, seconds: float, bucket: int, now: float, times: int = 1) -> None:
        """Count an answer, or several that took the same; `bucket` is that of `seconds`."""
        self.buckets[bucket] += times
        self.count += times
        self.total += seconds * times
        if seconds < self.least:
            self.least = seconds
        if seconds > self.most:
            self.most = seconds
        self.last = now

    @property
    def average(self) -> float:
        """Return the mean of at least one answer."""
        return self.total / self.count

    def copy(self) -> "Durations":
        """Return a copy that does not change."""
        other = Durations()
        other.buckets = list(self.buckets)
        other.count, other.total = self.count, self.total
        other.least, other.most, other.last = self.least, self.most, self.last
        return other


class EndpointDurations(dict[Endpoint, Durations]):
    """Times by endpoint and status."""

    def of(self, endpoint: Endpoint) -> Durations:
        """Return the times of an endpoint, none at first."""
        durations = self.get(endpoint)
        if durations is None:
            durations = self[endpoint] = Durations()
        return durations

    def copy(self) -> "EndpointDurations":
        """Return a copy that does not change."""
        return EndpointDurations({endpoint: each.copy() for endpoint, each in self.items()})

    def report(self) -> dict[str, dict[str, Any]]:
        """Return the wire's statistics by "METHOD /path" and status."""
        found: dict[str, dict[str, Any]] = {}
        for (method, path, status), durations in self.items():
            found.setdefault(f"{method} {path}".lstrip(), {})[str(status)] = {
                "count": durations.count,
                "avg_duration_micros": 1e6 * durations.average,
                "min_duration_micros": 1e6 * durations.least,
                "max_duration_micros": 1e6 * durations.most,
                "total_duration_micros": round(1e6 * durations.total),
                "last_responded": utc_text(durations.last),
            }
        return found
