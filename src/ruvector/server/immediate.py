"""Which requests are answered as soon as their body is there, without a task of their own?

Searches that the engine finds quick, and questions about the server's health. A task, its scope and
its messages cost as much as such a search, so the connection asks here before it makes them.
Whatever is unusual about a request, or turns out to take longer, goes the ordinary way with what
was found out already: `Application` knows all rules, and this file none. For the loop's thread
only.
"""

from time import perf_counter
from typing import TYPE_CHECKING

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ruvector.errors import RuvectorError
from ruvector.kernel.timing import Stages
from ruvector.server.access import Gate
from ruvector.server.answers import CLOSE, Answer, Header
from ruvector.server.compression import INLINE_BYTES as DEFLATED_INLINE_BYTES
from ruvector.server.compression import deflate, is_compressed
from ruvector.server.exchange import REQUEST_ID, Exchange
from ruvector.server.heads import Head, Heads
from ruvector.server.refusals import Refusals
from ruvector.server.router import Router

if TYPE_CHECKING:
    from ruvector.server.asgi import Application

MAX_STARTS = 64  # of answers: one for each status and its headers


class Written(msgspec.Struct):
    """An answer as it is sent, and whether the connection ends with it."""

    content: bytes
    is_last: bool


class Immediate:
    """Answers of one application."""

    def __init__(self, application: "Application", router: Router, gate: Gate) -> None:
        self.application = application
        self.heads = Heads(router)
        self._gate = gate
        self._starts: dict[tuple[int, tuple[Header, ...]], bytes] = {}
        self.turns = application.turns
        is_usable = not (application.observer.tells_each or gate.cross_origin)
        self.refusals = Refusals(application, is_usable=is_usable)

    def begin(self, head: Head, address: str = "") -> Exchange | None:
        """Return the exchange of a request that may be answered here; it has been let in.

        None for those that must be refused, and where others decide about a caller.
        """
        application, gate, match, headers = self.application, self._gate, head.match, head.headers
        if application.stopping or application.leaving:
            return None
        assert match.route is not None  # noqa: S101 - a head has one
        try:
            caller = gate.identify(head.method, match, headers)
            if match.route.needs is not None and not gate.is_known(headers):
                return None  # the address may have been wrong too often
            gate.check(caller, match)
        except RuvectorError:
            return None
        if caller.proof is not None:
            return None
        exchange = Exchange(head.method, headers, head.query, perf_counter(), address=address)
        exchange.take(match)
        exchange.caller = caller
        if application.observer.traces is not None:
            exchange.stages = Stages()
        return exchange

    def finish(self, exchange: Exchange, body: bytes) -> Written | None:
        """Return the answer to a request; None where it takes longer."""
        route = exchange.route
        assert route is not None and route.answer_now is not None  # noqa: S101 - see begin
        try:
            answer: Answer | None = route.answer_now(exchange, body)
        except RuvectorError as error:
            answer = self.application.failure(exchange, error)
        except Exception:  # noqa: BLE001 - logged with its trace, answered without it
            answer = self.application.unexpected(exchange)
        return self.pass_on(exchange) if answer is None else self._written(exchange, answer)

    def pass_on(self, exchange: Exchange) -> Written | None:
        """Return None for a request that takes longer, or what it hears if that is refused."""
        try:
            self.application.pool.reads.expect()  # it is said without a task
        except RuvectorError as error:
            return self._written(exchange, self.application.failure(exchange, error))
        return None

    def refuse(self, exchange: Exchange, head: Head) -> Written | None:
        """Return what a request hears that has to wait too long."""
        answer = self.application.failure(exchange, self.turns.refusal())
        self.refusals.learn(head, answer, self._start_of(answer))
        return self._written(exchange, answer)

    def _written(self, exchange: Exchange, answer: Answer) -> Written | None:
        application, content = self.application, answer.body
        headers = application.more_headers(exchange, answer)
        if is_compressed(exchange.headers, content, headers):
            if len(content) > DEFLATED_INLINE_BYTES:
                return None
            content = deflate(content)
        application.observer.answered_rest(exchange, answer)
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        text = b"%b%b\r\n%bcontent-length: %d\r\n\r\n%b" % (
            self._start_of(answer),
            exchange.request_id.encode(),
            lines,
            len(content),
            content,
        )
        return Written(text, CLOSE in headers or CLOSE in answer.headers)

    def _start_of(self, answer: Answer) -> bytes:
        """Return what all answers of a status with these headers begin with, up to their id."""
        key = (answer.status, answer.headers)
        start = self._starts.get(key)
        if start is None:
            lines = [STATUS_LINE[answer.status], *(b"%b: %b\r\n" % each for each in answer.headers)]
            start = b"%b%b: " % (b"".join(lines), REQUEST_ID)
            if len(self._starts) >= MAX_STARTS:
                self._starts.clear()
            self._starts[key] = start
        return start
