"""How is a request refused that came in a crowd? Unread.

At four times what a server can do, three of four requests are refused; each costs time that the
fourth needs. So what is said to a head that was refused is remembered with it (`server.heads`), and
the next request with the same head is answered from that: it is counted together with others, and
neither its credential nor its body is looked at. That was done when the head was refused in the
ordinary way. Not where each request is told of: with an audit log, traces or a log of all requests,
nor for requests that bring an id of their own. For the loop's thread only.
"""

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from ruvector.server.answers import Answer
from ruvector.server.exchange import PROCESS, next_number
from ruvector.server.heads import Head, Refusal
from ruvector.server.rest import is_slow

if TYPE_CHECKING:
    from ruvector.server.asgi import Application

TIME = b'"time":'
TIME_BYTES = len(b"0.000000000}")


class Refusals:
    """What one application says to the heads that it has refused."""

    def __init__(self, application: "Application", *, is_usable: bool) -> None:
        self._application = application
        self._turns = application.turns
        self._reads = application.pool.reads
        self._is_usable = is_usable
        self._uncounted: list[Head] = []

    @property
    def is_crowded(self) -> bool:
        """Say whether anybody has to be refused at the moment."""
        return self._turns.is_full or self._reads.is_full

    def is_refused(self, body: bytes) -> bool:
        """Say whether a search, given as its body or with its head, is refused unread.

        A slow one needs no turn of the loop's, and a quick one no thread.
        """
        if self._turns.is_full:
            return self._reads.is_full or not is_slow(body)
        return self._reads.is_full and is_slow(body)

    def answer(self, head: Head, request: bytes) -> bytes | None:
        """Return the answer to a request that has come whole and is refused; else None."""
        refusal = head.refusal
        if refusal is None:
            return None
        started = perf_counter()
        application = self._application
        if application.leaving or application.stopping or not self.is_refused(request):
            return None
        if not refusal.times:
            if not self._uncounted:
                asyncio.get_running_loop().call_soon(self._count)
            self._uncounted.append(head)
        refusal.times += 1
        seconds = perf_counter() - started
        refusal.seconds += seconds
        return b"%b%x%b%.9f}" % (
            refusal.before_number,
            next_number(),
            refusal.after_number,
            seconds,
        )

    def learn(self, head: Head, answer: Answer, start: bytes) -> None:
        """Remember how a head was refused; `start`: what its answers begin with, up to the id."""
        if head.refusal is not None:  # some of it may not have been counted yet
            return
        if not self._is_usable or answer.status != 503 or not head.is_repeated:
            return
        text, _, _ = answer.body.rpartition(TIME)
        size = len(text) + len(TIME) + TIME_BYTES
        head.refusal = Refusal(
            b"%b%b-" % (start, PROCESS.encode()),
            b"\r\ncontent-length: %d\r\n\r\n%b%b" % (size, text, TIME),
            answer.status,
        )

    def _count(self) -> None:
        """Tell of all that were refused since the last turn."""
        heads, self._uncounted = self._uncounted, []
        for head in heads:
            refusal = head.refusal
            assert refusal is not None  # noqa: S101 - it was counted
            self._application.observer.refused_rest(
                head.match, refusal.status, refusal.times, refusal.seconds / refusal.times
            )
            refusal.times, refusal.seconds = 0, 0.0
