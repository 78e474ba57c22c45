"""How does an operation run? Body -> request -> engine -> result -> body, in one piece of work.

Everything but reading the body happens in one call of `_performed` on a thread of the pool, so that
the loop's thread only moves bytes; searches that the engine finds quick are done on the loop's
thread. The few rules here are about transport; judging requests is the engine's.
"""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from ruvector.errors import RuvectorError
from ruvector.kernel.deadlines import Deadline
from ruvector.kernel.timing import noting
from ruvector.model import requests as r
from ruvector.model.deadlines import too_late, within
from ruvector.model.inference import count_tokens, tokens_counted
from ruvector.model.operations import OPERATION_OF, OPERATIONS, Operation
from ruvector.model.permissions import Permission
from ruvector.model.usage import usage_of
from ruvector.model.wire import decode_request
from ruvector.security.callers import ANYONE, Caller, Proof
from ruvector.server import identifiers, short_forms
from ruvector.server.answers import Answer, accepted, failure, success
from ruvector.server.body import BodyReader
from ruvector.server.exchange import Exchange
from ruvector.server.garbage import LARGE_BYTES, PAUSES
from ruvector.server.pool import Lanes, WorkerPool
from ruvector.server.router import Access, Route
from ruvector.server.slow import shape
from ruvector.server.standalone import decode_shard_local, shard_local_operations
from ruvector.server.traces import EXECUTE
from ruvector.server.transfers import DOWNLOAD, UPLOAD, Transfers, Upload
from ruvector.server.turns import Turns

Decode = Callable[[Mapping[str, str], Mapping[str, str], bytes], r.Request[Any]]
AnswerNow = Callable[[Exchange, bytes], Answer | None]
WITHOUT_BODY = frozenset({"GET", "DELETE"})


class Engine(Protocol):
    """What the server needs of an engine."""

    def execute(self, request: r.Request[Any], caller: Caller = ANYONE) -> Any:
        """Return the result of a caller's request; blocks; safe on any thread."""

    @property
    def aliases(self) -> Mapping[str, str]:
        """Return the collection of every alias; at once."""

    def proves(self, proof: Proof) -> bool:
        """Say whether the point that a token asks for exists; blocks."""

    def is_quick(self, request: r.Request[Any]) -> bool:
        """Say whether executing a request takes well under a millisecond and waits for nobody."""

    def problems(self) -> dict[str, str]:
        """Return what is wrong, by collection; empty when all is well. Waits for nobody."""

    def statistics(self) -> list[Any]:
        """Return the figures of every collection."""

    def telemetry(
        self, level: int, visible: Callable[[str], bool]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return what is told of the visible collections and of the quotas."""

    def archive_state(self, visible: Callable[[str], bool]) -> dict[str, Any] | None:
        """Return how the archive of logs is, of the visible collections; None without one."""

    def read_snapshot(self, request: r.Request[Any], caller: Caller = ANYONE) -> Any:
        """Return description and pieces of a snapshot; blocks."""

    def begin_upload(self, size_bytes: int) -> Upload:
        """Return a new file to receive a snapshot in."""

    def end_downloads(self) -> None:
        """Break off what is being fetched from URLs."""

    def close(self) -> None:
        """Write out and let go of everything."""


# Requests that may run on the loop's thread, if the engine finds them quick: the hand-over to the
# pool costs as much as such a search. docs/decisions/server-threads.md has the measurement.
INLINE: frozenset[type] = frozenset({r.QueryPoints, r.Search})
INLINE_BYTES = 128 * 1024  # of a body that is decoded on the loop's thread: 0.2 ms
# A search that says one of these is not quick, or so seldom that the hand-over is no loss.
_slow_word = re.compile(rb'"(?:filter|exact|prefetch)"').search


class Rest:
    """The routes of all operations over one engine."""

    def __init__(
        self,
        engine: Engine,
        lanes: Lanes,
        turns: Turns,
        bodies: BodyReader,
        transfers: Transfers,
        read_timeout_seconds: int,
    ) -> None:
        self._engine = engine
        self._transfers = transfers
        self._lanes = lanes
        self._turns = turns
        self._bodies = bodies
        self._read_timeout_seconds = read_timeout_seconds

    def routes(self) -> list[Route]:
        """Return a route for every operation, and those of the short and shard-local forms."""
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
            *(
                self._route(each, "POST", path, partial(decode_shard_local, each))
                for path, each in shard_local_operations()
            ),
        ]

    def _route(self, operation: Operation, method: str, path: str, decode: Decode) -> Route:
        return Route(
            method,
            path,
            Access(operation.permission.value),
            operation.name,
            *self._handlers(operation, method, decode),
            operation.reach,
        )

    def _handlers(
        self, operation: Operation, method: str, decode: Decode
    ) -> tuple[Callable[[Exchange], Awaitable[Answer]], AnswerNow | None]:
        bodies, engine, default = self._bodies, self._engine, self._read_timeout_seconds
        turns = self._turns
        lane = self._lanes.reads if operation.permission is Permission.READ else self._lanes.writes
        if operation.request in DOWNLOAD:
            return self._transfers.download(operation), None
        if operation.request in UPLOAD:
            return self._transfers.upload(operation, partial(_executed, engine)), None
        reads_body = method not in WITHOUT_BODY
        may_be_quick = operation.request in INLINE

        def answer_now(exchange: Exchange, body: bytes) -> Answer | None:
            if exchange.request is None:
                exchange.request = _decoded(decode, exchange, body)
                if engine.is_quick(exchange.request):
                    exchange.answer = _executed(engine, exchange.request, exchange, is_small=True)
            return exchange.answer  # type: ignore[no-any-return]

        async def handle(exchange: Exchange) -> Answer:
            lane.check()
            body = await bodies.read(exchange.headers, exchange.receive) if reads_body else b""
            exchange.mark("receive")
            try:
                if may_be_quick and len(body) <= INLINE_BYTES and not is_slow(body):
                    answer: Answer | None = exchange.answer
                    if exchange.request is None:
                        answer = await turns.do(partial(answer_now, exchange, body))
                    if answer is not None:
                        return answer
                    work = partial(_resumed, engine, exchange)
                else:
                    work = partial(_performed, engine, decode, exchange, body)
                if operation.is_timed:
                    return await in_time(lane, work, operation.name, exchange, default)
                exchange.deadline = Deadline(math.inf)  # ends when the client leaves
                return await lane.submit(work, exchange.deadline)
            finally:
                bodies.release(body)

        return handle, answer_now if may_be_quick else None


def is_slow(request: bytes) -> bool:
    """Say whether a search, not decoded yet, names a part that no quick one has.

    The first array is passed over, which is the vector of most: a look at 1,536 numbers took 38 us.
    """
    start = request.find(b"[")
    end = request.find(b"]", start) if start >= 0 else -1
    if end < 0:
        return _slow_word(request) is not None
    return _slow_word(request, 0, start) is not None or _slow_word(request, end) is not None


async def in_time(
    lane: WorkerPool,
    work: Callable[[], Answer],
    name: str,
    exchange: Exchange,
    default: float,
) -> Answer:
    """Return the answer to a read within its `timeout`, and stop the work that takes longer.

    Writes know theirs, and end regardless.
    """
    seconds = _timeout_of(exchange) or default
    left = seconds - (perf_counter() - exchange.started)
    deadline = exchange.deadline = Deadline(left)
    timed = partial(_timed, work, deadline, name, seconds)
    try:
        return await asyncio.wait_for(lane.submit(timed, deadline), left)
    except TimeoutError as error:
        raise too_late(name, seconds) from error


def _timeout_of(exchange: Exchange) -> int | None:
    """Return the seconds that a read was given; what is no number is refused while decoding."""
    if not exchange.query_string:
        return None
    text = exchange.query().get("timeout", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _timed(work: Callable[[], Answer], deadline: Deadline, name: str, seconds: float) -> Answer:
    with within(deadline, name, seconds):
        return work()


def _performed(engine: Engine, decode: Decode, exchange: Exchange, body: bytes) -> Answer:
    exchange.mark("wait")
    if len(body) < LARGE_BYTES:
        return _answered(engine, decode, exchange, body)
    with PAUSES.pause():
        answer = _answered(engine, decode, exchange, body)
        if exchange.request is not None:  # it must be gone when the pause ends
            exchange.request = shape(exchange.request)
        return answer


def _answered(engine: Engine, decode: Decode, exchange: Exchange, body: bytes) -> Answer:
    try:
        exchange.request = _decoded(decode, exchange, body)
        return _executed(engine, exchange.request, exchange)
    except RuvectorError as error:
        return failure(error, exchange.started)


def _resumed(engine: Engine, exchange: Exchange) -> Answer:
    exchange.mark("wait")
    return _executed(engine, exchange.request, exchange)


def _decoded(decode: Decode, exchange: Exchange, body: bytes) -> r.Request[Any]:
    request = decode(exchange.names, exchange.query(), body)
    if exchange.headers.get(identifiers.HEADER) != identifiers.ORIGINAL:
        identifiers.check_request(request)
    exchange.mark("decode")
    return request


def _result(engine: Engine, request: r.Request[Any], exchange: Exchange) -> Any:
    stages = exchange.stages
    if stages is None:
        return engine.execute(request, exchange.caller)
    try:
        with noting(stages):
            return engine.execute(request, exchange.caller)
    finally:
        stages.mark(EXECUTE)


def _executed(
    engine: Engine, request: r.Request[Any], exchange: Exchange, *, is_small: bool = False
) -> Answer:
    count_tokens()
    try:
        result = _result(engine, request, exchange)
        if result is None:
            return accepted(exchange.started)
        if exchange.headers.get(identifiers.HEADER) != identifiers.ORIGINAL:
            result = identifiers.convert_result(result)
        answer = success(result, exchange.started, usage_of(tokens_counted()), is_small=is_small)
        exchange.mark("encode")
        return answer
    except RuvectorError as error:
        return failure(error, exchange.started)
