"""How are the counters written down? In Prometheus' text form, with Qdrant's names and our own.

Written from a copy of the counters, on a thread of the pool, so that no request waits for it. Every
name begins with the configured prefix. Collection names are escaped, and shown only for the first
MAX_COLLECTIONS.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ruvector.server import metrics
from ruvector.server.durations import BUCKETS, Durations, EndpointDurations
from ruvector.server.identity import QDRANT_VERSION
from ruvector.server.metrics import GRPC, OTHER, REST, Counts
from ruvector.storage import machine

Labels = tuple[tuple[str, str], ...]
# What is counted besides answers: `Metrics.event` takes these names.
EVENTS = {
    "overloaded": "Requests refused because too much was waiting",
    "abandoned": "Requests whose client left before the answer",
    "refused_connections": "Connections refused because there were too many",
    "failed_handshakes": "TLS handshakes that failed or took too long",
    "slow_heads": "Connections closed because a request's head came too slowly or was too large",
    "slow_readers": "Connections closed because their answer was read too slowly",
    "wrong_keys": "Requests with a key or token that is none",
    "audit_lost": "Lines of the audit log that could not be written",
}
_SIZES = (
    ("ruvector_points_total", "points", "Points that are stored"),
    ("ruvector_vectors_total", "vectors", "Vectors that are stored"),
    ("ruvector_indexed_vectors_total", "indexed_vectors", "Vectors in a graph"),
    ("ruvector_segments_total", "segments", "Segments"),
    ("ruvector_pending_writes", "pending_writes", "Writes that wait for their commit"),
)
_OF_COLLECTIONS = (
    ("collection_points", "points", "Points by collection"),
    ("collection_running_optimizations", "running_optimizations", "Optimizations that run"),
    ("collection_update_queue_length", "pending_writes", "Writes that wait for their commit"),
)
_MEMORY = ("active", "allocated", "metadata", "resident", "retained")
_PROCESS = (
    ("process_threads", "gauge", "Threads of this process"),
    ("process_open_mmaps", "gauge", "Memory maps of this process"),
    ("system_max_mmaps", "gauge", "Most memory maps that a process may have"),
    ("process_open_fds", "gauge", "Open file descriptors"),
    ("process_max_fds", "gauge", "Most file descriptors that may be open"),
    ("process_minor_page_faults_total", "counter", "Page faults answered from memory"),
    ("process_major_page_faults_total", "counter", "Page faults that read from disk"),
)


class Status(msgspec.Struct, frozen=True):
    """What is written down besides the counters; `statistics` are the engine's by collection."""

    statistics: Iterable[Any]
    ready: bool
    quotas: Mapping[str, bool] = {}
    waiting: Mapping[str, int] = {}
    connections: int = 0
    log_archive: Mapping[str, Any] | None = None


def metrics_text(
    counts: Counts,
    status: Status,
    *,
    prefix: str = "",
    per_collection: bool = False,
    shown: Callable[[str], str] = str,
    visible: Callable[[str], bool] = lambda _: True,
) -> str:
    """Return everything as text.

    `per_collection`: responses by collection instead of all together; `shown`: how a collection is
    called; `visible`: whether it is told of.
    """
    counts = counts.of_visible(visible)
    lines: list[str] = []
    for name, kind, help_text, samples in (
        *_server(status),
        *_collections(status, shown),
        *_requests(counts, shown),
        *_responses(counts, per_collection, shown),
        *_process(),
    ):
        full = prefix + name
        lines += (f"# HELP {full} {help_text}", f"# TYPE {full} {kind}")
        for suffix_and_labels, value in samples:
            lines.append(f"{full}{suffix_and_labels} {value}")
    return "\n".join(lines) + "\n"


Family = tuple[str, str, str, list[tuple[str, Any]]]


def _server(status: Status) -> Iterator[Family]:
    app = labelled((("name", "qdrant"), ("version", QDRANT_VERSION)))
    yield "app_info", "gauge", "Information about the server", [(app, 1)]
    yield "app_status_recovery_mode", "gauge", "1 in recovery mode", [("", 0)]
    yield "app_status_ready", "gauge", "1 when every shard answers", [("", int(status.ready))]
    yield "cluster_enabled", "gauge", "1 in a cluster", [("", 0)]
    quotas = [(labelled((("resource", n),)), int(v)) for n, v in status.quotas.items()]
    yield "quota_exceeded", "gauge", "1 when a quota is exceeded, by resource", quotas
    waiting = [(labelled((("lane", name),)), n) for name, n in status.waiting.items()]
    help_text = "Requests that run or wait, by lane"
    yield "ruvector_requests_pending", "gauge", help_text, waiting
    connections = [("", status.connections)]
    yield "ruvector_connections", "gauge", "Connections that are open", connections
    archive = status.log_archive
    if archive is not None:
        age = [("", max(0.0, round(time.time() - archive["kept"], 3)))]
        help_text = "Seconds since everything in the logs was last archived"
        yield "ruvector_log_archive_age_seconds", "gauge", help_text, age
        failing = len(archive["failing"]) + (archive["unreachable_since"] is not None)
        help_text = "Collections whose log could not be archived, and 1 where nothing can be kept"
        yield "ruvector_log_archive_failures", "gauge", help_text, [("", failing)]


def _collections(status: Status, shown: Callable[[str], str]) -> Iterator[Family]:
    collections = list(status.statistics)
    yield "collections_total", "gauge", "Number of collections", [("", len(collections))]
    named = [
        (shown(each.name) if position < metrics.MAX_COLLECTIONS else OTHER, each)
        for position, each in enumerate(collections)
    ]
    for name, attribute, help_text in _SIZES:
        yield name, "gauge", help_text, _summed(named, "collection", attribute)
    for name, attribute, help_text in _OF_COLLECTIONS:
        yield name, "gauge", help_text, _summed(named, "id", attribute)
    total = sum(each.vectors for _, each in named)
    yield "collections_vector_total", "gauge", "Vectors of all collections", [("", total)]
    vectors: Counter[Labels] = Counter()
    excluded: Counter[Labels] = Counter()
    for name, each in named:
        for vector, (count, _, left_out) in each.by_vector.items():
            label = ("vector", OTHER if name == OTHER else shown(vector))
            vectors[("collection", name), label] += count
            excluded[("id", name), label] += left_out
    help_text = "Vectors by collection and name"
    yield "collection_vectors", "gauge", help_text, _all(vectors)
    help_text = "Vectors that searches with indexed_only leave out"
    yield "collection_indexed_only_excluded_points", "gauge", help_text, _all(excluded)
    replicas = 1 if named else 0
    for end in ("min", "max"):
        yield f"collection_active_replicas_{end}", "gauge", "Active replicas", [("", replicas)]
    yield "collection_dead_replicas", "gauge", "Replicas that are not active", [("", 0)]


def _requests(counts: Counts, shown: Callable[[str], str]) -> Iterator[Family]:
    queries = [(labelled((("collection", shown(n)),)), v) for n, v in counts.queries.items()]
    yield "ruvector_queries_total", "counter", "Searches that were answered", queries
    help_text, searches = "Time to answer a search", list(_histogram((), counts.searches))
    yield "ruvector_search_latency_seconds", "histogram", help_text, searches
    operations = [
        (labelled((("operation", label), ("status", status))), number)
        for (label, status), number in counts.operations.items()
    ]
    help_text = "Requests by operation and status"
    yield "ruvector_requests_total", "counter", help_text, operations
    for name, help_text in EVENTS.items():
        number = counts.events.get(name, 0)
        yield f"ruvector_{name}_total", "counter", help_text, [("", number)]


def _responses(
    counts: Counts, per_collection: bool, shown: Callable[[str], str]
) -> Iterator[Family]:
    for protocol in (REST, GRPC):
        rows = list(_rows(protocol, counts, per_collection, shown))
        start = f"{protocol}_responses"
        totals = [(labelled(labels), each.count) for labels, each, _ in rows]
        yield f"{start}_total", "counter", "Responses by endpoint and status", totals
        failed = [(labelled(labels), each.count) for labels, each, is_failure in rows if is_failure]
        yield f"{start}_fail_total", "counter", "Responses that are errors", failed
        for position, end in enumerate(("avg", "min", "max")):
            values = [
                (labelled(labels), f"{(each.average, each.least, each.most)[position]:.9f}")
                for labels, each, _ in rows
            ]
            yield f"{start}_{end}_duration_seconds", "gauge", "Time to answer", values
        histograms = [line for labels, each, _ in rows for line in _histogram(labels, each)]
        yield f"{start}_duration_seconds", "histogram", "Time to answer", histograms


def _rows(
    protocol: str, counts: Counts, per_collection: bool, shown: Callable[[str], str]
) -> Iterator[tuple[Labels, Durations, bool]]:
    """Yield labels and times of every endpoint, and whether its status is an error's."""
    if not per_collection:
        yield from _endpoints(protocol, counts.responses[protocol], ())
        return
    for name, endpoints in counts.responses_of_collections[protocol].items():
        yield from _endpoints(protocol, endpoints, (("collection", shown(name)),))


def _endpoints(
    protocol: str, endpoints: EndpointDurations, further: Labels
) -> Iterator[tuple[Labels, Durations, bool]]:
    first_failure = 400 if protocol == REST else 1
    for (method, path, status), durations in endpoints.items():
        labels: Labels = (("endpoint", path), ("status", str(status)), *further)
        if protocol == REST:
            labels = (("method", method), *labels)
        yield labels, durations, status >= first_failure


def _histogram(labels: Labels, durations: Durations) -> Iterator[tuple[str, Any]]:
    total = 0
    for bound, number in zip((*BUCKETS, "+Inf"), durations.buckets, strict=True):
        total += number
        yield "_bucket" + labelled((*labels, ("le", str(bound)))), total
    yield "_sum" + labelled(labels), f"{durations.total:.9f}"
    yield "_count" + labelled(labels), durations.count


def _process() -> Iterator[Family]:
    sizes = machine.memory_figures() or {}
    for name in _MEMORY:
        samples = [("", sizes[name])] if name in sizes else []
        yield f"memory_{name}_bytes", "gauge", f"Memory of this process: {name}", samples
    counts = machine.process_counts()
    for name, kind, help_text in _PROCESS:
        yield name, kind, help_text, [("", counts[name])] if name in counts else []


def _summed(named: list[tuple[str, Any]], label: str, attribute: str) -> list[tuple[str, Any]]:
    values: Counter[Labels] = Counter()
    for name, each in named:
        values[((label, name),)] += getattr(each, attribute)
    return _all(values)


def _all(values: Mapping[Labels, int]) -> list[tuple[str, Any]]:
    return [(labelled(labels), value) for labels, value in values.items()]


def labelled(labels: Labels) -> str:
    """Return labels in braces, with what would end a value escaped; nothing for none."""
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{escape(value)}"' for name, value in labels) + "}"


def escape(value: str) -> str:
    """Return a label's value with what would end it escaped."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
