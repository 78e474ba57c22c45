"""How is the server itself? Who it is, whether it is well, what it has counted, what it offers."""

import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ruvector.errors import BadInput
from ruvector.model.permissions import Permission, Reach
from ruvector.model.wire.query_fields import read_query_field
from ruvector.server import answers, identity
from ruvector.server.answers import Answer
from ruvector.server.configuration import Settings
from ruvector.server.documentation import Pages
from ruvector.server.exchange import Exchange
from ruvector.server.metrics_text import Status, metrics_text
from ruvector.server.observer import Observer
from ruvector.server.pool import Lanes
from ruvector.server.rest import Engine
from ruvector.server.router import Access, Route
from ruvector.server.slow import SLOW_MAX
from ruvector.server.specification import specification
from ruvector.server.telemetry import Hashes, JsonObject, requests_of, telemetry

METRICS_TYPE = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
SLOW_SHOWN = 10  # slow requests in one answer, unless told
AnswerNow = Callable[[Exchange, bytes], Answer]
_REACH = {Access.OPEN: None, Access.READ: Reach.LISTING, Access.MANAGE: Reach.SERVER}
SHUTTING_DOWN = "the server is shutting down"


class ServiceRoutes:
    """The routes that are about the server. `stopping` says whether shutdown has begun."""

    def __init__(
        self,
        engine: Engine,
        lanes: Lanes,
        observer: Observer,
        settings: Settings,
        stopping: Callable[[], bool],
        connections: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._lanes = lanes
        self._pool = lanes.service
        self._observer = observer
        self._prefix = settings.service.metrics_prefix or ""
        self._storage_path = Path(settings.storage.storage_path)
        self._stopping = stopping
        self._connections = connections
        self._hashes = Hashes()
        self._id = str(uuid.uuid4())
        self._startup = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._specification: Answer | None = None

    def routes(self) -> list[Route]:
        """Return them all; health needs no key, everything that tells about data does."""
        rows: list[tuple[str, Access, str, Any]] = [
            ("/", Access.OPEN, "Root", self._root),
            ("/ready", Access.OPEN, "Health", self._ready),
            ("/metrics", Access.READ, "Metrics", self._prometheus),
            ("/telemetry", Access.READ, "Telemetry", self._telemetry),
            ("/profiler/slow_requests", Access.MANAGE, "SlowRequests", self._slow_requests),
            ("/openapi.json", Access.READ, "Documentation", self._openapi),
        ]
        return [
            *(
                Route("GET", path, Access.OPEN, "Health", _awaited(answer), answer)
                for path, answer in self._health_rows()
            ),
            *(
                Route("GET", path, access, label, handle, reach=_REACH[access])
                for path, access, label, handle in rows
            ),
            *Pages(self._pool).routes(),
        ]

    async def _root(self, _: Exchange) -> Answer:
        return answers.document(
            {
                "title": identity.QDRANT_TITLE,
                "version": identity.QDRANT_VERSION,
                "commit": identity.COMMIT,
                "server": identity.NAME,
                "server_version": identity.VERSION,
            }
        )

    def _health_rows(self) -> list[tuple[str, AnswerNow]]:
        """Return what waits for nobody: paths, and answers made on the loop's thread."""
        return [
            ("/healthz", lambda *_: answers.plain(200, "healthz check passed")),
            ("/livez", lambda *_: answers.plain(200, "livez check passed")),
            ("/readyz", self._readyz),
            ("/health", lambda *_: answers.document({"status": "ok"})),
        ]

    def _problems(self) -> list[str]:
        """Return the names of what is not ready. What is wrong with it is for the log alone."""
        if self._stopping():
            return [SHUTTING_DOWN]
        return [f"shard of collection {name!r}" for name in sorted(self._engine.problems())]

    def _readyz(self, _: Exchange, __: bytes) -> Answer:
        problems = self._problems()
        if problems:
            return answers.plain(503, "some shards are not ready: " + ", ".join(problems))
        return answers.plain(200, "all shards are ready")

    async def _ready(self, _: Exchange) -> Answer:
        problems = self._problems()
        if problems:
            return answers.document({"status": "not ready", "problems": problems}, 503)
        statistics = await self._pool.submit(self._engine.statistics)
        return answers.document({"status": "ready", "collections": len(statistics)})

    async def _prometheus(self, exchange: Exchange) -> Answer:
        given = _given(exchange, "anonymize", "per_collection", "timeout")
        problems = self._problems()
        visible = self._visible_to(exchange)

        connections = self._connections()

        def written() -> bytes:
            exceeded = self._engine.telemetry(0, visible)[1].get("exceeded", {})
            status = Status(
                [each for each in self._engine.statistics() if visible(each.name)],
                not problems,
                quotas={name: bool(is_over) for name, is_over in exceeded.items()},
                waiting=self._lanes.pending,
                connections=connections,
                log_archive=self._engine.archive_state(visible),
            )
            return metrics_text(
                self._observer.metrics.counts(),
                status,
                prefix=self._prefix,
                per_collection=given.get("per_collection", False),
                shown=self._hashes if given.get("anonymize") else str,
                visible=visible,
            ).encode()

        return Answer(200, await self._pool.submit(written), (METRICS_TYPE,))

    async def _slow_requests(self, exchange: Exchange) -> Answer:
        query = exchange.query()
        limit = query.get("limit", str(SLOW_SHOWN))
        is_number = limit.isascii() and limit.isdigit() and len(limit) <= len(str(SLOW_MAX))
        if not (is_number and 0 < int(limit) <= SLOW_MAX):
            raise BadInput(f"limit is {limit[:20]!r}; it must be from 1 to {SLOW_MAX}")
        found = self._observer.slow.slowest(int(limit), query.get("request", ""))
        return answers.success({"requests": found}, exchange.started)

    async def _telemetry(self, exchange: Exchange) -> Answer:
        given = _given(exchange, "details_level", "anonymize", "per_collection", "timeout")
        level = given.get("details_level", 0)
        visible = self._visible_to(exchange)
        counts = self._observer.metrics.counts().of_visible(visible)
        requests = requests_of(counts, given.get("per_collection", False))

        def describe() -> JsonObject:
            collections, quotas = self._engine.telemetry(level, visible)
            archive = self._engine.archive_state(visible)
            found = telemetry(
                level,
                collections,
                quotas,
                about={"id": self._id, "startup": self._startup},
                number_of_collections=sum(visible(each.name) for each in self._engine.statistics()),
                requests=requests,
                storage_path=self._storage_path,
                log_archive=archive,
            )
            return self._hashes.anonymized(found) if given.get("anonymize") else found

        return answers.success(await self._pool.submit(describe), exchange.started)

    def _visible_to(self, exchange: Exchange) -> Callable[[str], bool]:
        """Return whether something about a collection may be told to whoever asks."""
        may, aliases = exchange.caller.may, self._engine.aliases
        return lambda name: may(Permission.READ, name, aliases)

    async def _openapi(self, _: Exchange) -> Answer:
        if self._specification is None:
            self._specification = await self._pool.submit(lambda: answers.document(specification()))
        return self._specification


def _awaited(answer: AnswerNow) -> Callable[[Exchange], Awaitable[Answer]]:
    async def handle(exchange: Exchange) -> Answer:
        return answer(exchange, b"")

    return handle


def _given(exchange: Exchange, *names: str) -> dict[str, Any]:
    """Return those of the query string's fields that were given."""
    query = exchange.query()
    return {name: read_query_field(name, query[name]) for name in names if name in query}
