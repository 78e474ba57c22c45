"""How does an operation run? Body -> request -> engine -> result -> body, in one piece of work.

Everything but reading the body happens in one call of `_perform`, on a thread of the pool, so that
the loop's thread only moves bytes. The few rules here are about transport; judging requests is the
engine's.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol

from ruvector.errors import RuvectorError
from ruvector.model import requests as r
from ruvector.model.operations import OPERATION_OF, OPERATIONS, Operation
from ruvector.model.wire import decode_request
from ruvector.server import identifiers, short_forms
from ruvector.server.answers import Answer, failure, success
from ruvector.server.body import BodyReader
from ruvector.server.exchange import Exchange
from ruvector.server.pool import WorkerPool
from ruvector.server.router import Access, Route

Decode = Callable[[Mapping[str, str], Mapping[str, str], bytes], r.Request[Any]]
WITHOUT_BODY = frozenset({"GET", "DELETE"})


class Engine(Protocol):
    """What the server needs of an engine."""

    def execute(self, request: r.Request[Any]) -> Any:
        """Return the result of a request; blocks; safe on any thread."""

    def problems(self) -> dict[str, str]:
        """Return what is wrong, by collection; empty when all is well."""

    def statistics(self) -> list[Any]:
        """Return the figures of every collection."""

    def close(self) -> None:
        """Write out and let go of everything."""


def runs_inline(operation: Operation) -> bool:
    """Return whether an operation runs on the loop's thread instead of the pool. None does.

    docs/decisions/server-threads.md has the measurement that decided it.
    """
    return operation.request in INLINE


INLINE: frozenset[type] = frozenset()


class Rest:
    """The routes of all operations over one engine."""

    def __init__(self, engine: Engine, pool: WorkerPool, bodies: BodyReader) -> None:
        self._engine = engine
        self._pool = pool
        self._bodies = bodies

    def routes(self) -> list[Route]:
        """Return a route for every operation, and those of the short forms."""
        rows = [
            self._route(each, each.method, each.path, partial(decode_request, each))
            for each in OPERATIONS
        ]
        create, delete = OPERATION_OF[r.CreateCollection], OPERATION_OF[r.DeletePoints]
        point = OPERATION_OF[r.GetPoint].path
        return [
            *rows,
            self._route(create, "POST", "/collections", short_forms.create_collection),
            self._route(delete, "DELETE", point, short_forms.delete_point),
        ]

    def _route(self, operation: Operation, method: str, path: str, decode: Decode) -> Route:
        return Route(
            method,
            path,
            Access(operation.permission.value),
            operation.name,
            self._handler(method, decode, runs_inline(operation)),
        )

    def _handler(
        self, method: str, decode: Decode, inline: bool
    ) -> Callable[[Exchange], Awaitable[Answer]]:
        bodies, pool, engine = self._bodies, self._pool, self._engine
        reads_body = method not in WITHOUT_BODY

        async def handle(exchange: Exchange) -> Answer:
            body = await bodies.read(exchange.headers, exchange.receive) if reads_body else b""
            try:
                work = partial(_perform, engine, decode, exchange, body)
                return work() if inline else await pool.submit(work)
            finally:
                bodies.release(body)

        return handle


def _perform(engine: Engine, decode: Decode, exchange: Exchange, body: bytes) -> Answer:
    original = exchange.headers.get(identifiers.HEADER) == identifiers.ORIGINAL
    try:
        request = decode(exchange.names, exchange.query(), body)
        if not original:
            identifiers.check_request(request)
        result = engine.execute(request)
        if not original:
            result = identifiers.convert_result(result)
        return success(result, exchange.started)
    except RuvectorError as error:
        return failure(error, exchange.started)
