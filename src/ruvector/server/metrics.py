"""How many, how fast? Counters of this process in Prometheus' text form.

`count` is called on the loop's thread only. Label values come from tables, except collection names:
they are escaped, and after MAX_COLLECTIONS of them the others are counted under "_other".
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import Any

from ruvector.server.identity import QDRANT_VERSION

MAX_COLLECTIONS = 256  # label values; each is a time series in somebody's Prometheus
OTHER = "_other"
SEARCHES = frozenset(
    {
        "QueryPoints",
        "QueryBatch",
        "QueryGroups",
        "Search",
        "SearchBatch",
        "SearchGroups",
        "Recommend",
        "RecommendBatch",
        "RecommendGroups",
        "Discover",
        "DiscoverBatch",
    }
)
BUCKETS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)


class Metrics:
    """What has been counted since the start."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, str, int]] = Counter()
        self._queries: Counter[str] = Counter()
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def count(
        self,
        label: str,
        method: str,
        path: str,
        status: int,
        seconds: float,
        collection: str | None,
    ) -> None:
        """Count one answered request."""
        self._requests[label, method, path, status] += 1
        if label in SEARCHES and status == 200 and collection is not None:
            self._buckets[bisect_left(BUCKETS, seconds)] += 1
            self._seconds += seconds
            known = collection in self._queries or len(self._queries) < MAX_COLLECTIONS
            self._queries[collection if known else OTHER] += 1

    def text(self, statistics: Iterable[Any], ready: bool) -> str:
        """Return everything as text; `statistics` are the engine's, one for each collection."""
        collections = list(statistics)
        lines = [
            *_family("app_info", "gauge", "Information about the server"),
            f'app_info{{name="qdrant",version="{QDRANT_VERSION}"}} 1',
            *_family("app_status_ready", "gauge", "1 when every shard answers"),
            f"app_status_ready {int(ready)}",
            *_family("collections_total", "gauge", "Number of collections"),
            f"collections_total {len(collections)}",
        ]
        for name, attribute, help_text in (
            ("ruvector_points_total", "points", "Points that are stored"),
            ("ruvector_vectors_total", "vectors", "Vectors that are stored"),
            ("ruvector_indexed_vectors_total", "indexed_vectors", "Vectors in a graph"),
            ("ruvector_segments_total", "segments", "Segments"),
            ("ruvector_pending_writes", "pending_writes", "Writes that wait for their commit"),
        ):
            lines += _family(name, "gauge", help_text)
            values: Counter[str] = Counter()
            for position, each in enumerate(collections):
                values[each.name if position < MAX_COLLECTIONS else OTHER] += getattr(
                    each, attribute
                )
            lines += [
                f'{name}{{collection="{escape(key)}"}} {value}' for key, value in values.items()
            ]
        lines += self._request_lines()
        return "\n".join(lines) + "\n"

    def _request_lines(self) -> list[str]:
        lines = _family("ruvector_queries_total", "counter", "Searches that were answered")
        for name, number in self._queries.items():
            lines.append(f'ruvector_queries_total{{collection="{escape(name)}"}} {number}')
        lines += _family("ruvector_search_latency_seconds", "histogram", "Time to answer a search")
        total = 0
        for bound, number in zip((*BUCKETS, "+Inf"), self._buckets, strict=True):
            total += number
            lines.append(f'ruvector_search_latency_seconds_bucket{{le="{bound}"}} {total}')
        lines.append(f"ruvector_search_latency_seconds_sum {self._seconds:.9f}")
        lines.append(f"ruvector_search_latency_seconds_count {total}")
        by_operation: Counter[tuple[str, int]] = Counter()
        for (label, _, _, status), number in self._requests.items():
            by_operation[label, status] += number
        lines += _family("ruvector_requests_total", "counter", "Requests by operation and status")
        for (label, status), number in by_operation.items():
            lines.append(
                f'ruvector_requests_total{{operation="{label}",status="{status}"}} {number}'
            )
        lines += _family("rest_responses_total", "counter", "Responses by endpoint and status")
        for (_, method, path, status), number in self._requests.items():
            lines.append(
                f'rest_responses_total{{method="{method}",endpoint="{path}",status="{status}"}} '
                f"{number}"
            )
        return lines


def escape(value: str) -> str:
    """Return a label's value with what would end it escaped."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _family(name: str, kind: str, help_text: str) -> list[str]:
    return [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
