"""How many, how fast? Counters of this process; `metrics_text` writes them down.

Any thread may count and read; one lock guards all counters, held for well under a microsecond.
Label values come from tables, except collection names: after MAX_COLLECTIONS of them the others are
counted under "_other".
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from time import time
from typing import Any

import msgspec

from ruvector.kernel.timing import Stages
from ruvector.server.durations import Durations, Endpoint, EndpointDurations, bucket_of

MAX_COLLECTIONS = 256  # label values; each is a time series in somebody's Prometheus
OTHER = "_other"
REST, GRPC = "rest", "grpc"
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


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One request that was answered, as counters, logs and traces hear of it.

    `label`: the operation's name; `endpoint`: method, path of the route, status of the protocol;
    `ended`: seconds since the epoch; `caller`: who the key or token stands for, `credential`: of
    which kind it is, never the key itself;
    `request`: what was asked, where it was understood; `is_judged`: it needed permission;
    `started` and the moments of `stages` are of perf_counter(); these are there where traces are
    made.
    """

    protocol: str
    label: str
    endpoint: Endpoint
    failed: bool
    seconds: float
    ended: float
    collection: str | None
    request_id: str
    caller: str
    credential: str
    address: str
    request: Any
    is_judged: bool
    started: float = 0.0
    traceparent: str = ""
    stages: Stages | None = None


class Responses:
    """Times of the answers of one protocol."""

    def __init__(self) -> None:
        self.endpoints = EndpointDurations()
        self.of_collections: dict[str, EndpointDurations] = {}


class Counts(msgspec.Struct, frozen=True):
    """A copy of what has been counted since the start."""

    operations: Mapping[tuple[str, str], int]
    queries: Mapping[str, int]
    searches: Durations
    responses: Mapping[str, EndpointDurations]
    responses_of_collections: Mapping[str, Mapping[str, EndpointDurations]]
    events: Mapping[str, int]

    def of_visible(self, visible: Callable[[str], bool]) -> "Counts":
        """Return the counts without what is told of other collections."""
        return msgspec.structs.replace(
            self,
            queries={name: n for name, n in self.queries.items() if visible(name)},
            responses_of_collections={
                protocol: {name: own for name, own in each.items() if visible(name)}
                for protocol, each in self.responses_of_collections.items()
            },
        )


class Metrics:
    """What has been counted since the start."""

    def __init__(self) -> None:
        self.rest = Responses()
        self.grpc = Responses()
        self._of = {REST: self.rest, GRPC: self.grpc}
        self._lock = threading.Lock()
        self._operations: Counter[tuple[str, int]] = Counter()
        self._queries: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._searches = Durations()

    def count(
        self,
        protocol: str,
        label: str,
        endpoint: Endpoint,
        collection: str | None,
        failed: bool,
        seconds: float,
    ) -> None:
        """Count one answered request; what is told of it is as in `Answered`."""
        responses = self._of[protocol]
        bucket, now = bucket_of(seconds), time()
        with self._lock:
            self._operations[label, endpoint[2]] += 1
            responses.endpoints.of(endpoint).add(seconds, bucket, now)
            if collection is None:
                return
            counted = self._admitted(collection, label, failed, responses)
            if counted is None:
                return
            responses.of_collections[counted].of(endpoint).add(seconds, bucket, now)
            if label in SEARCHES and not failed:
                self._searches.add(seconds, bucket, now)
                self._queries[counted] += 1

    def count_refused(
        self, label: str, endpoint: Endpoint, collection: str | None, times: int, seconds: float
    ) -> None:
        """Count equal requests over REST that overload refused, each in so many seconds."""
        bucket, now = bucket_of(seconds), time()
        with self._lock:
            self._events["overloaded"] += times
            self._operations[label, endpoint[2]] += times
            self.rest.endpoints.of(endpoint).add(seconds, bucket, now, times)
            own = self.rest.of_collections.get(collection or "")
            if own is not None:
                own.of(endpoint).add(seconds, bucket, now, times)

    def event(self, name: str) -> None:
        """Count something that happened besides answers; `metrics_text.EVENTS` names them."""
        with self._lock:
            self._events[name] += 1

    def counts(self) -> Counts:
        """Return a copy, so that nobody is held up while it is written down."""
        with self._lock:
            return Counts(
                {(label, str(status)): n for (label, status), n in self._operations.items()},
                dict(self._queries),
                self._searches.copy(),
                {name: each.endpoints.copy() for name, each in self._of.items()},
                {
                    name: {key: own.copy() for key, own in each.of_collections.items()}
                    for name, each in self._of.items()
                },
                dict(self._events),
            )

    def _admitted(
        self, collection: str, label: str, failed: bool, responses: Responses
    ) -> str | None:
        """Return the name to count a collection under, None where it is not to be counted."""
        known = responses.of_collections
        if label == "DeleteCollection" and not failed:  # makes room for another
            for each in self._of.values():
                each.of_collections.pop(collection, None)
            self._queries.pop(collection, None)
            return None
        if collection in known:
            return collection
        if failed or label == "CollectionExists":
            return None  # anybody can ask for collections that do not exist
        if len(known) >= MAX_COLLECTIONS:
            collection = OTHER
        known.setdefault(collection, EndpointDurations())
        return collection
