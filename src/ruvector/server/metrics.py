"""How many, how fast? Counters of this process in Prometheus' text form.

`count` is called on the loop's thread only. Label values come from tables, except collection names:
they are escaped, and after MAX_COLLECTIONS of them the others are counted under "_other".
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from ruvector.server.durations import EndpointDurations
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
        self.endpoints = EndpointDurations()
        self.of_collections: dict[str, EndpointDurations] = {}
        self._operations: Counter[tuple[str, int]] = Counter()
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
        self._operations[label, status] += 1
        endpoint = (method, path, status)
        self.endpoints.add(endpoint, seconds)
        if collection is None:
            return
        if label == "DeleteCollection" and status < 400:  # makes room for another one
            self.of_collections.pop(collection, None)
            self._queries.pop(collection, None)
            return
        own = self.of_collections.get(collection)
        if own is None:
            if status >= 400 or label == "CollectionExists":
                return  # anybody can ask for collections that do not exist
            if len(self.of_collections) >= MAX_COLLECTIONS:
                collection = OTHER
            own = self.of_collections.setdefault(collection, EndpointDurations())
        own.add(endpoint, seconds)
        if label in SEARCHES and status == 200:
            self._buckets[bisect_left(BUCKETS, seconds)] += 1
            self._seconds += seconds
            self._queries[collection] += 1

    def text(
        self,
        statistics: Iterable[Any],
        ready: bool,
        *,
        per_collection: bool = False,
        shown: Callable[[str], str] = str,
        visible: Callable[[str], bool] = lambda _: True,
    ) -> str:
        """Return everything as text; `statistics` are the engine's, one for each collection.

        `per_collection`: responses by collection, too; `shown`: how a collection is called;
        `visible`: whether it is told of.
        """
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
                key = shown(each.name) if position < MAX_COLLECTIONS else OTHER
                values[key] += getattr(each, attribute)
            lines += [
                f'{name}{{collection="{escape(key)}"}} {value}' for key, value in values.items()
            ]
        lines += self._request_lines(shown, visible)
        lines += _family("rest_responses_total", "counter", "Responses by endpoint and status")
        if per_collection:
            for name, endpoints in self.of_collections.items():
                if not visible(name):
                    continue
                lines += _responses(endpoints, f',collection="{escape(shown(name))}"')
        else:
            lines += _responses(self.endpoints, "")
        return "\n".join(lines) + "\n"

    def _request_lines(
        self, shown: Callable[[str], str], visible: Callable[[str], bool]
    ) -> list[str]:
        lines = _family("ruvector_queries_total", "counter", "Searches that were answered")
        for name, number in self._queries.items():
            if not visible(name):
                continue
            lines.append(f'ruvector_queries_total{{collection="{escape(shown(name))}"}} {number}')
        lines += _family("ruvector_search_latency_seconds", "histogram", "Time to answer a search")
        total = 0
        for bound, number in zip((*BUCKETS, "+Inf"), self._buckets, strict=True):
            total += number
            lines.append(f'ruvector_search_latency_seconds_bucket{{le="{bound}"}} {total}')
        lines.append(f"ruvector_search_latency_seconds_sum {self._seconds:.9f}")
        lines.append(f"ruvector_search_latency_seconds_count {total}")
        lines += _family("ruvector_requests_total", "counter", "Requests by operation and status")
        for (label, status), number in self._operations.items():
            lines.append(
                f'ruvector_requests_total{{operation="{label}",status="{status}"}} {number}'
            )
        return lines


def _responses(endpoints: EndpointDurations, label: str) -> list[str]:
    return [
        f'rest_responses_total{{method="{method}",endpoint="{path}",status="{status}"{label}}} '
        f"{durations.count}"
        for (method, path, status), durations in endpoints.items()
    ]


def escape(value: str) -> str:
    """Return a label's value with what would end it escaped."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _family(name: str, kind: str, help_text: str) -> list[str]:
    return [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
