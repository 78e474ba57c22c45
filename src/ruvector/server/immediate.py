"""Which requests are answered as soon as their body is there, without a task of their own?

Searches that the engine finds quick, and questions about the server's health. A task, its scope and
its messages cost as much as such a search, so the connection asks here before it makes them.
Whatever is unusual about a request, or turns out to take longer, goes the ordinary way with what
was found out already: `Application` knows all rules, and this file none. For the loop's thread
only.
"""

from time import perf_counter
from typing import TYPE_CHECKING

from ruvector.errors import RuvectorError
from ruvector.kernel.timing import Stages
from ruvector.server.access import Gate
from ruvector.server.answers import Answer, Header
from ruvector.server.compression import INLINE_BYTES as DEFLATED_INLINE_BYTES
from ruvector.server.compression import deflate, is_compressed
from ruvector.server.exchange import Exchange
from ruvector.server.refusals import Refusals
from ruvector.server.rest import INLINE_BYTES
from ruvector.server.router import Access, Match, Router

if TYPE_CHECKING:
    from ruvector.server.asgi import Application

UNUSUAL = frozenset((b"transfer-encoding", b"content-encoding", b"expect", b"upgrade"))
LENGTH_DIGITS = len(str(INLINE_BYTES))
MAX_PATHS = 1024  # that are remembered; then all are forgotten
METHODS = {b"POST": "POST", b"GET": "GET"}


class Immediate:
    """Answers of one application."""

    def __init__(self, application: "Application", router: Router, gate: Gate) -> None:
        self.application = application
        self._router = router
        self._gate = gate
        self._matches: dict[tuple[str, bytes], Match | None] = {}
        self.turns = application.turns
        is_usable = not (application.observer.tells_each or gate.cross_origin)
        self.refusals = Refusals(application, is_usable=is_usable)

    def begin(
        self, method: bytes, url: bytes, headers: dict[bytes, bytes], address: str = ""
    ) -> Exchange | None:
        """Return the exchange of a request that may be answered here; it has been let in.

        None for every other one, and for those that must be refused.
        """
        name = METHODS.get(method)
        if name is None or self.application.stopping or self.application.leaving:
            return None
        path, _, query = url.partition(b"?")
        match = self._match(name, path)
        if match is None or not UNUSUAL.isdisjoint(headers) or not _is_small(name, headers):
            return None
        assert match.route is not None  # noqa: S101 - such a match is not remembered
        try:
            caller = self._gate.identify(name, match, headers)
            if match.route.needs is not None and not self._gate.is_known(headers):
                return None  # the address may have been wrong too often
            self._gate.check(caller, match)
        except RuvectorError:
            return None
        if caller.proof is not None:
            return None
        exchange = Exchange(name, headers, query, perf_counter(), address=address)
        exchange.take(match)
        exchange.caller = caller
        if self.application.observer.traces is not None:
            exchange.stages = Stages()
        return exchange

    def is_urgent(self, exchange: Exchange) -> bool:
        """Say whether an exchange waits for no turn: health is answered whoever else waits."""
        route = exchange.route
        return route is not None and route.access is Access.OPEN

    def finish(
        self, exchange: Exchange, body: bytes, *, is_refused: bool = False
    ) -> tuple[Answer, list[Header], bytes] | None:
        """Return an answer with the headers and the body to send; None where it takes longer."""
        application = self.application
        answer = self._refused(exchange) if is_refused else self._answer(exchange, body)
        if answer is None:
            return None
        headers, content = application.headers_of(exchange, answer), answer.body
        if is_compressed(exchange.headers, content, headers):
            if len(content) > DEFLATED_INLINE_BYTES:
                return None
            content = deflate(content)
        headers.append((b"content-length", b"%d" % len(content)))
        application.observer.answered_rest(exchange, answer)
        return answer, headers, content

    def _refused(self, exchange: Exchange) -> Answer:
        return self.application.failure(exchange, self.turns.refusal())

    def _answer(self, exchange: Exchange, body: bytes) -> Answer | None:
        route = exchange.route
        assert route is not None and route.answer_now is not None  # noqa: S101 - see begin
        try:
            answer: Answer | None = route.answer_now(exchange, body)
            if answer is None:  # where it would be refused, that is said without a task
                self.application.pool.reads.expect()
            return answer
        except RuvectorError as error:
            return self.application.failure(exchange, error)
        except Exception:  # noqa: BLE001 - logged with its trace, answered without it
            return self.application.unexpected(exchange)

    def _match(self, method: str, path: bytes) -> Match | None:
        key = (method, path)
        if key in self._matches:
            return self._matches[key]
        match: Match | None = None
        if path.startswith(b"/") and b"#" not in path:
            match = self._router.match(method, path)
            if match.route is None or match.route.answer_now is None:
                match = None
        if len(self._matches) == MAX_PATHS:
            self._matches.clear()
        self._matches[key] = match
        return match


def _is_small(method: str, headers: dict[bytes, bytes]) -> bool:
    """Say whether a body is told to be there and small, or not to be there where none is due."""
    length = headers.get(b"content-length", b"")
    if method == "GET":
        return not length
    if not (length.isdigit() and len(length) <= LENGTH_DIGITS):
        return False
    return 0 < int(length) <= INLINE_BYTES
