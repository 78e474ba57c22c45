"""Who hears of an answered request? Counters, the slow-query log, the audit log, traces.

Every protocol calls `answered` once for each request that it answered, on any thread. Costs about
2 µs without an audit log.
"""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from ruvector.security.attempts import Attempts
from ruvector.server.answers import Answer
from ruvector.server.audit import AuditLog
from ruvector.server.configuration import Settings
from ruvector.server.exchange import Exchange
from ruvector.server.logs import fields
from ruvector.server.metrics import REST, Answered, Metrics
from ruvector.server.router import Access, Match
from ruvector.server.slow import SlowRequests
from ruvector.server.traces import Traces

FORWARDED = b"x-forwarded-for"
TRACEPARENT = b"traceparent"
MAX_ADDRESS = 64  # characters of an address that a proxy names

_log = logging.getLogger("ruvector.requests")


class Observer:
    """What one server counts and writes down about its requests."""

    def __init__(self, settings: Settings) -> None:
        self.metrics = Metrics()
        wrong = lambda: self.metrics.event("wrong_keys")  # noqa: E731
        self.attempts = Attempts(settings.service.max_wrong_keys, wrong)
        self.slow = SlowRequests(settings.service.slow_query_secs)
        self._audit: AuditLog | None = None
        self.audit_folder: Path | None = None
        self.traces: Traces | None = None
        if settings.tracing.enabled:
            self.traces = Traces(settings.tracing)
        self._trusts_proxies = settings.audit.trust_forwarded_headers
        self._logs_all = settings.log_level.upper() == "DEBUG"
        if settings.audit.enabled:
            folder = settings.audit.dir or Path(settings.storage.storage_path) / "audit"
            self.audit_folder = Path(folder)
            lost = lambda: self.metrics.event("audit_lost")  # noqa: E731
            self._audit = AuditLog(settings.audit, self.audit_folder, lost)

    def log_all(self, is_wanted: bool) -> None:
        """Log each request, or no longer."""
        self._logs_all = is_wanted

    def close(self) -> None:
        """Write what is waiting to be written."""
        if self._audit is not None:
            self._audit.close()
        if self.traces is not None:
            self.traces.close()

    def answered_rest(self, exchange: Exchange, answer: Answer) -> None:
        """Tell of a request over HTTP."""
        route = exchange.route
        method, path, label = ("", "", "NoRoute")
        if route is not None:
            method, path, label = route.method, route.path, route.label
        exchange.mark("send")
        is_judged = route is not None and route.access is not Access.OPEN
        seconds = perf_counter() - exchange.started
        if not (self.tells_each or (is_judged and seconds >= self.slow.threshold)):
            endpoint, collection = (method, path, answer.status), exchange.names.get("collection")
            self.metrics.count(REST, label, endpoint, collection, answer.status >= 400, seconds)
            return
        self.answered(
            Answered(
                protocol=REST,
                label=label,
                endpoint=(method, path, answer.status),
                failed=answer.status >= 400,
                seconds=seconds,
                ended=time.time(),
                collection=exchange.names.get("collection"),
                request_id=exchange.request_id,
                caller=exchange.caller.subject,
                credential=exchange.caller.credential,
                address=self.address_of(exchange.address, exchange.headers),
                request=exchange.request,
                is_judged=is_judged,
                started=exchange.started,
                traceparent=exchange.headers.get(TRACEPARENT, b"").decode("latin-1"),
                stages=exchange.stages,
            )
        )

    @property
    def tells_each(self) -> bool:
        """Say whether each request is told of, and not only counted."""
        return self._logs_all or self._audit is not None or self.traces is not None

    def refused_rest(self, match: Match, status: int, times: int, seconds: float) -> None:
        """Count requests over HTTP for one path that were refused unread, `seconds` each."""
        route = match.route
        assert route is not None and not self.tells_each  # noqa: S101 - Refusals sees to it
        collection = match.names.get("collection")
        endpoint = (route.method, route.path, status)
        self.metrics.count_refused(route.label, endpoint, collection, times, seconds)

    def answered(self, answered: Answered) -> None:
        """Tell of a request."""
        self.metrics.count(
            answered.protocol,
            answered.label,
            answered.endpoint,
            answered.collection,
            answered.failed,
            answered.seconds,
        )
        if self.traces is not None:
            self.traces.tell(answered)
        if answered.is_judged:
            if answered.seconds >= self.slow.threshold:
                self.slow.add(answered)
            if self._audit is not None:
                self._audit.add(answered)
        if self._logs_all:
            _log.debug(
                "request",
                extra=fields(
                    operation=answered.label,
                    status=answered.endpoint[2],
                    collection=answered.collection,
                    seconds=round(answered.seconds, 6),
                    request_id=answered.request_id,
                ),
            )

    def address_of(self, peer: str, headers: Mapping[bytes, bytes]) -> str:
        """Return where a request came from: what the nearest proxy says, where it is trusted."""
        if not self._trusts_proxies:
            return peer
        # Proxies append; what stands before the last one was written by whoever wanted to.
        last = headers.get(FORWARDED, b"").decode("latin-1").rpartition(",")[2].strip()
        return last[:MAX_ADDRESS] or peer
