"""What happens to an HTTP request? Route, gate, handler, answer: the ASGI application.

Order: the route is matched on the path alone, the gate judges method, route and headers, and only
then may anything read the body. Whatever goes wrong becomes an answer here. Runs on the loop's
thread.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from time import perf_counter
from typing import Any

from ruvector.errors import (
    BodyTooLarge,
    ConnectionFailed,
    NotFound,
    RuvectorError,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from ruvector.kernel.timing import Stages
from ruvector.security.callers import Proof
from ruvector.security.keyring import UNPROVEN
from ruvector.server import answers
from ruvector.server.access import Gate
from ruvector.server.answers import Answer, Header
from ruvector.server.audit_reader import AuditReader
from ruvector.server.body import BodyReader
from ruvector.server.compression import compressed
from ruvector.server.configuration import MEBIBYTE, Settings
from ruvector.server.exchange import BEGUN, REQUEST_ID, Exchange, raw_path_of
from ruvector.server.immediate import Immediate
from ruvector.server.log_level import LogLevel
from ruvector.server.logs import fields
from ruvector.server.observer import Observer
from ruvector.server.pool import Lanes
from ruvector.server.rest import Engine, Rest
from ruvector.server.router import Access, Match, Router
from ruvector.server.service import SHUTTING_DOWN, ServiceRoutes
from ruvector.server.standalone import cluster_routes
from ruvector.server.transfers import Transfers
from ruvector.server.turns import Turns

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
LINGER_SECONDS = 5.0  # how long a refused body is thrown away, so that its sender reads the answer
UNREAD_BODIES = 8  # times the largest body: what may wait for slow readers altogether
LINGER_BODIES = 4  # and how much of it, in largest bodies

_log = logging.getLogger("ruvector.server")


class Application:
    """REST over one engine, for the loop's thread only.

    For whoever starts and stops it: `leaving` (not ready any more, but answering), `stopping` (new
    work is refused), `in_flight`, `connections` and `max_connections`; `unread_bytes` of answers
    wait for clients that read slowly.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        service = settings.service
        self.leaving = self.stopping = False
        self.in_flight = 0
        self.connections: Collection[Any] = ()
        self.max_connections = service.max_connections
        self.unread_bytes = 0
        self._most_unread_bytes = UNREAD_BODIES * service.max_request_size_mb * MEBIBYTE
        self._exchanges: set[Exchange] = set()
        self.observer = Observer(settings)
        self.metrics = self.observer.metrics
        refused = partial(self.metrics.event, "overloaded")
        self.pool = Lanes(service.max_workers, service.max_queue_secs, refused)
        self.turns = Turns(service.max_queue_secs, refused)
        self._gate = Gate(service, lambda: engine.aliases, self.observer.attempts)
        self._engine = engine
        self._bodies = BodyReader(service.max_request_size_mb * MEBIBYTE, self.pool.writes)
        self._transfers = Transfers(engine, self.pool.writes)
        rest = Rest(
            engine,
            self.pool,
            self.turns,
            self._bodies,
            self._transfers,
            service.read_timeout_secs,
        )
        about = ServiceRoutes(
            engine,
            self.pool,
            self.observer,
            settings,
            lambda: self.leaving or self.stopping,
            lambda: len(self.connections),
        )
        level = LogLevel(self.observer, self._bodies)
        audit = AuditReader(
            self.observer.audit_folder,
            self._bodies,
            self.pool.reads,
            service.read_timeout_secs,
        )
        routes = [*rest.routes(), *cluster_routes(), *about.routes(), *level.routes()]
        self.router = Router([*routes, *audit.routes()])
        self.immediate = Immediate(self, self.router, self._gate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not served here")
        exchange = scope.get(BEGUN)
        if exchange is None:
            headers, query = dict(scope["headers"]), scope["query_string"]
            exchange = Exchange(scope["method"], headers, query, perf_counter())
            exchange.address = (scope.get("client") or ("",))[0]
            scope[BEGUN] = exchange
        exchange.receive = receive
        if self.observer.traces is not None and exchange.stages is None:
            exchange.stages = Stages()
        self.in_flight += 1
        self._exchanges.add(exchange)
        try:
            match = self.router.match(exchange.method, raw_path_of(scope))
            exchange.take(match)
            answer = await self._answer(exchange, match)
            await self._send(exchange, answer, send)
            self.observer.answered_rest(exchange, answer)
        except ConnectionFailed:
            return  # nobody is there to read an answer
        finally:
            self.in_flight -= 1
            self._exchanges.discard(exchange)
            exchange.receive = (
                None  # it leads back here, and would keep the body until a collection
            )

    def left(self, exchange: Exchange) -> None:
        """Stop the work for a client that has left."""
        self.metrics.event("abandoned")
        exchange.abandon()

    def abandon_all(self) -> None:
        """Stop the reads in flight, and writes that have not begun."""
        for exchange in self._exchanges:
            exchange.abandon()

    async def _answer(self, exchange: Exchange, match: Match) -> Answer:
        try:
            route = match.route
            if exchange.method == "OPTIONS" and match.methods and self._gate.cross_origin:
                headers = self._gate.preflight_headers(exchange.headers, match.methods)
                return Answer(204, b"", headers)
            address = partial(self.observer.address_of, exchange.address, exchange.headers)
            exchange.caller = self._gate.identify(exchange.method, match, exchange.headers, address)
            self._gate.check(exchange.caller, match)
            if exchange.caller.proof is not None:
                await self._prove(exchange.caller.proof)
            if route is None:
                raise match.error or NotFound("there is no such endpoint")
            if self.stopping and route.access is not Access.OPEN:
                raise Unavailable(SHUTTING_DOWN)
            if self.unread_bytes > self._most_unread_bytes and route.access is not Access.OPEN:
                raise Unavailable(
                    f"{self.unread_bytes} bytes of answers wait for clients that read slowly; "
                    f"the most is {self._most_unread_bytes}: try again later"
                )
            answer: Answer = await route.handle(exchange)
            return answer
        except ConnectionFailed:
            raise
        except RuvectorError as error:
            return self.failure(exchange, error)
        except Exception:  # noqa: BLE001 - logged with its trace, answered without it
            return self.unexpected(exchange)

    async def _prove(self, proof: Proof) -> None:
        """Raise Unauthorized unless the point exists that a token asks for."""
        if not await self.pool.reads.submit(lambda: self._engine.proves(proof)):
            raise Unauthorized(UNPROVEN)

    def failure(self, exchange: Exchange, error: RuvectorError) -> Answer:
        """Return the answer that an error of ours becomes."""
        answer = answers.failure(error, exchange.started)
        if isinstance(error, BodyTooLarge | TimedOut) or self.stopping:
            answer.headers = (*answer.headers, answers.CLOSE)
        return answer

    def unexpected(self, exchange: Exchange) -> Answer:
        """Log the error that is being handled; return the answer that names its place there."""
        request_id = exchange.request_id
        label = exchange.route.label if exchange.route else "no route"
        _log.exception(
            "request %s (%s) failed unexpectedly",
            request_id,
            label,
            extra=fields(request_id=request_id, operation=label),
        )
        return answers.unexpected(request_id, exchange.started)

    def headers_of(self, exchange: Exchange, answer: Answer) -> list[Header]:
        """Return the headers of an answer, but for those that tell of its body's form."""
        identity = (REQUEST_ID, exchange.request_id.encode())
        return [*answer.headers, identity, *self.more_headers(exchange, answer)]

    def more_headers(self, exchange: Exchange, answer: Answer) -> list[Header]:
        """Return the headers that depend on more than the answer and its id."""
        headers: list[Header] = []
        if self.leaving and answers.CLOSE not in answer.headers:
            headers.append(answers.CLOSE)
        if self._gate.cross_origin:
            headers += self._gate.cross_origin_headers(exchange.headers)
        return headers

    async def _send(self, exchange: Exchange, answer: Answer, send: Send) -> None:
        headers = self.headers_of(exchange, answer)
        if answer.pieces is not None:
            await self._transfers.send(exchange, answer, headers, send)
            return
        body = await compressed(exchange.headers, answer.body, headers, self.pool.reads)
        headers.append((b"content-length", b"%d" % len(body)))
        if exchange.method == "HEAD":
            body = b""
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if answer.status == 413:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await self._throw_away(exchange.receive)
            body = b""
        await send({"type": "http.response.body", "body": body})

    async def _throw_away(self, receive: Receive) -> None:
        """Read on for a while: a sender that is cut off in the middle never sees why."""
        left = LINGER_BODIES * self._bodies.max_bytes
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while left > 0:
                    message = await receive()
                    if not message.get("more_body", False):
                        return
                    left -= len(message.get("body", b""))
        except TimeoutError:
            return
