"""Which requests does a connection answer itself, and what does it do with all others?

A request that the application may answer on the spot (`server.immediate`) gets neither parser nor
scope nor task: its head is looked up (`server.heads`), its body is what follows. It is held here
until it is whole, waits for its turn (`server.turns`) if others were first, and in a crowd it is
refused unread (`server.refusals`). Everything else is uvicorn's. What was held and cannot be
answered here, because it takes longer, because the rest of it is late or another request comes
behind it, is given to uvicorn as it came. Runs on the loop's thread.
"""

from functools import partial

from ruvector.server.exchange import BEGUN, Exchange
from ruvector.server.heads import BEGINNINGS, END, MAX_HEAD_BYTES, Head
from ruvector.server.immediate import Immediate, Written
from ruvector.server.protocol import LimitedProtocol
from ruvector.server.rest import is_slow

HELD_SECONDS = 1.0  # a small request comes in one or two packets; a late one is uvicorn's matter


class Connection(LimitedProtocol):
    """One connection. Between requests `_parts` is empty and the parser has seen no byte of one."""

    _parts: tuple[bytes, ...] = ()  # of a request that is held here
    _head: Head | None = None  # of that request, once it is complete and was let in
    _exchange: Exchange | None = None  # of that request
    _end_of_head = 0
    _is_waiting = False  # for its turn
    _begun: Exchange | None = None  # of a request that uvicorn is given now

    def data_received(self, data: bytes) -> None:
        """Answer what can be answered here, give the rest to uvicorn."""
        immediate = self._immediate
        if immediate is None or self._refused:
            super().data_received(data)
            return
        while data:
            if self._parts:
                data = self._go_on(immediate, data)
            elif self._is_between_requests():
                data = self._begin(immediate, data)
            else:
                super().data_received(data)
                return

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was held."""
        self._let_go()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Give the application what was found out here."""
        begun, self._begun = self._begun, None
        if begun is not None:
            self.scope[BEGUN] = begun  # type: ignore[literal-required]
        super().on_headers_complete()

    def _is_between_requests(self) -> bool:
        if self._is_parsing:
            return False
        if self.cycle is not None and not self.cycle.response_complete:
            return False  # answers keep the order of their requests
        return not (self.flow.write_paused or self.transport.is_closing())

    def _begin(self, immediate: Immediate, data: bytes) -> bytes:
        """Begin a request; return what belongs to the next one."""
        end = data.find(END, 0, MAX_HEAD_BYTES)
        if end < 0:
            if len(data) < MAX_HEAD_BYTES and data.startswith(BEGINNINGS):
                self._hold((data,))
            else:
                super().data_received(data)
            return b""
        head = immediate.heads.find(data[:end])
        if head is None:
            super().data_received(data)
            return b""
        first = end + len(END)
        size = first + head.length
        request = data if len(data) == size else data[:size]
        if len(data) >= size and immediate.refusals.is_crowded:
            answer = immediate.refusals.answer(head, request)
            if answer is not None:
                self._send(answer)
                return data[size:]
        exchange = immediate.begin(head, self.client[0] if self.client else "")
        if exchange is None:
            super().data_received(data)
            return b""
        immediate.application.in_flight += 1
        self._head, self._exchange, self._end_of_head = head, exchange, first
        if len(data) < size:
            self._hold((data,))
        else:
            self._parts = (request,)
            self._finish(immediate, head, exchange, request[first:])
        return data[size:]

    def _go_on(self, immediate: Immediate, data: bytes) -> bytes:
        """Take more of the request that is held; return what belongs to the next one."""
        head, exchange = self._head, self._exchange
        if self._is_waiting:  # what comes behind it must not be answered first
            self._hand_over()
            super().data_received(data)
            return b""
        held = self._parts
        if head is None or exchange is None:
            begun = b"".join((*held, data))
            if begun.find(END, 0, MAX_HEAD_BYTES) < 0 and len(begun) < MAX_HEAD_BYTES:
                self._parts = (begun,)
                return b""
            self._clock.stop()
            self._parts = ()
            return begun
        left = self._end_of_head + head.length - sum(map(len, held))
        if len(data) < left:
            self._parts = (*held, data)
            return b""
        part = data if len(data) == left else data[:left]
        self._clock.stop()
        self._parts = (*held, part)
        if len(held) == 1 and len(held[0]) == self._end_of_head:
            body = part
        else:
            body = b"".join(self._parts)[self._end_of_head :]
        answer = immediate.refusals.answer(head, body) if immediate.refusals.is_crowded else None
        if answer is None:
            self._finish(immediate, head, exchange, body)
        else:
            self._let_go()
            self._send(answer)
        return data[left:]

    def _hold(self, parts: tuple[bytes, ...]) -> None:
        self._parts = parts
        self._clock.start(HELD_SECONDS, self._hand_over)

    def _finish(self, immediate: Immediate, head: Head, exchange: Exchange, body: bytes) -> None:
        """Answer a request that is whole, refuse it, or let it wait for its turn."""
        if head.is_urgent:
            self._end(immediate.finish(exchange, body))
        elif immediate.refusals.is_crowded and immediate.refusals.is_refused(body):
            self._end(immediate.refuse(exchange, head))
        elif is_slow(body):  # decoded off the loop
            self._end(immediate.pass_on(exchange))
        elif immediate.turns.is_now():
            self._end(immediate.finish(exchange, body))
        else:
            self._is_waiting = True
            self._clock.stop()
            immediate.turns.wait(partial(self._take_turn, immediate, head, exchange, body))

    def _take_turn(
        self, immediate: Immediate, head: Head, exchange: Exchange, body: bytes, is_late: bool
    ) -> bool:
        if self._exchange is not exchange:  # the client has left, or sent another one
            return False
        if is_late:
            self._end(immediate.refuse(exchange, head))
        else:
            self._end(immediate.finish(exchange, body))
        return True

    def _end(self, written: Written | None) -> None:
        """Send an answer; without one the request is uvicorn's."""
        if written is None:
            self._hand_over()
            return
        self._let_go()
        self._send(written.content)
        if written.is_last:  # shutdown began while it waited
            self.transport.close()

    def _send(self, answer: bytes) -> None:
        self.transport.send(answer)  # type: ignore[attr-defined]
        self.server_state.total_requests += 1
        self._rest()

    def _let_go(self) -> None:
        """Hold nothing any more."""
        self._parts = ()
        self._is_waiting = False
        if self._exchange is not None:
            self._exchange = self._head = None
            self.app.in_flight -= 1

    def _hand_over(self) -> None:
        """Give uvicorn what is held."""
        parts, self._begun = self._parts, self._exchange
        self._let_go()
        self._clock.stop()
        super().data_received(b"".join(parts))
