"""How is a request refused that came in a crowd? Unread.

At four times what a server can do, three of four requests are refused; each costs time that the
fourth needs. So what the head of a refused request came to is remembered, and a request that comes
in one piece with the same head is answered from that: nothing of it is parsed, no task is made, and
it is counted together with others. Heads are remembered once they were refused in the ordinary way,
so nothing is said here that was not said there. Not where each request is told of: with an audit
log, traces or a log of all requests, nor for requests that bring an id of their own.
For the loop's thread only.
"""

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from ruvector.server.answers import Answer, Header
from ruvector.server.exchange import GIVEN_IDS, REQUEST_ID, Exchange, made_id
from ruvector.server.rest import is_slow

if TYPE_CHECKING:
    from ruvector.server.asgi import Application

MAX_HEADS = 1024  # that are remembered; then all are forgotten
MAX_HEAD_BYTES = 1024
END = b"\r\n\r\n"
TIME = b'"time":'


class _Head(msgspec.Struct):
    """A head that was refused: the size of its body, its answer in parts, and who counts it."""

    length: int
    before_id: bytes
    after_id: bytes
    exchange: Exchange
    status: int
    times: int = 0
    seconds: float = 0.0


class Refusals:
    """The heads that one application has refused."""

    def __init__(self, application: "Application", *, is_usable: bool) -> None:
        self._application = application
        self._turns = application.turns
        self._reads = application.pool.reads
        self._is_usable = is_usable
        self._heads: dict[bytes, _Head] = {}
        self._uncounted: list[_Head] = []

    @property
    def is_crowded(self) -> bool:
        """Say whether anybody has to be refused at the moment."""
        return self._turns.is_full or self._reads.is_full

    def is_refused(self, request: bytes) -> bool:
        """Say whether a search, given as its body or as a whole, is refused unread.

        A slow one needs no turn of the loop's, and a quick one no thread.
        """
        return self._reads.is_full if is_slow(request) else self._turns.is_full

    def answer(self, request: bytes) -> bytes | None:
        """Return the answer to a request that came in one piece and is refused; else None."""
        started = perf_counter()
        end = request.find(END)
        head = self._heads.get(request[:end])
        if head is None or len(request) - end - len(END) != head.length:
            return None
        application = self._application
        if application.leaving or application.stopping or not self.is_refused(request):
            return None
        if not self._uncounted:
            asyncio.get_running_loop().call_soon(self._count)
        if not head.times:
            self._uncounted.append(head)
        head.times += 1
        seconds = perf_counter() - started
        head.seconds += seconds
        identity = made_id().encode()
        return b"%b%b%b%.9f}" % (head.before_id, identity, head.after_id, seconds)

    def learn(
        self, request: bytes, exchange: Exchange, answer: Answer, headers: list[Header], line: bytes
    ) -> None:
        """Remember a request that was refused, if the next like it may be answered the same way.

        `request` is what came in one piece, `headers` and `line` what `answer` is sent with.
        """
        head, _, body = request.partition(END)
        length = exchange.headers.get(b"content-length", b"")
        if not self._is_usable or len(head) > MAX_HEAD_BYTES or answer.status != 503:
            return
        if int(length) != len(body) or any(name in exchange.headers for name in GIVEN_IDS):
            return
        text, _, _ = answer.body.rpartition(TIME)
        others = (each for each in headers if each[0] not in (REQUEST_ID, b"content-length"))
        lines = [line, *(b"%b: %b\r\n" % each for each in others)]
        size = len(text) + len(TIME) + len(b"0.000000000}")
        self._heads = {} if len(self._heads) == MAX_HEADS else self._heads
        self._heads[head] = _Head(
            len(body),
            b"%b%b: " % (b"".join(lines), REQUEST_ID),
            b"\r\ncontent-length: %d\r\n\r\n%b%b" % (size, text, TIME),
            exchange,
            answer.status,
        )

    def _count(self) -> None:
        """Tell of all that were refused since the last turn."""
        heads, self._uncounted = self._uncounted, []
        for head in heads:
            self._application.observer.refused_rest(
                head.exchange, head.status, head.times, head.seconds / head.times
            )
            head.times, head.seconds = 0, 0.0
