"""What may a connection do before there is a request? uvicorn's httptools protocol with limits on
top.

uvicorn limits neither how long nor how large a head may be; here it must be complete HEAD_SECONDS
after its first byte, or after the connection began, and at most HEAD_BYTES long. Nor does it limit
how long a client may take to read: here an answer that fills the buffers must be read within
READ_PATIENCE_SECONDS and a second for every READ_BYTES_PER_SECOND of it. Connections beyond the
most allowed are refused. Work for a client that leaves is stopped. Requests that the
application answers on the spot (`server.immediate`) get neither scope nor task, but wait for their
turn (`server.turns`); where it cannot, they are handed over to uvicorn as if they had come to it.
In a crowd, what `server.refusals` knows is not even parsed. Runs on the loop's thread.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from ruvector.server.answers import CLOSE
from ruvector.server.exchange import BEGUN, Exchange
from ruvector.server.immediate import Immediate
from ruvector.server.rest import is_slow

HEAD_SECONDS = 15.0  # a head is one packet; slow senders of heads are attacks
HEAD_BYTES = 64 * 1024  # names of 255 bytes, tokens of some KB, and room
HEAD_FIELDS = 200
BODY_SECONDS = 5.0  # a small body comes with its head; a late one is the body reader's matter
READ_PATIENCE_SECONDS = 20.0  # as for bodies, in the other direction
READ_BYTES_PER_SECOND = 64 * 1024
CONTINUE = b"HTTP/1.1 100 "


class _OneWrite:
    """A transport that sends the head of an answer together with its body: one system call less.

    uvicorn writes them one after the other without waiting in between; every answer has a body
    message, and `release` sends a head that was left alone.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head: bytes | None = None

    def write(self, part: bytes) -> None:
        """Hold a head back, and send everything else after what is held."""
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.writelines((head, part))
        elif part.startswith(b"HTTP/1.1 ") and not part.startswith(CONTINUE):
            self._head = part
        else:
            self._transport.write(part)

    def send(self, answer: bytes) -> None:
        """Send a whole answer; nothing is held between answers."""
        self._transport.write(answer)

    def release(self) -> None:
        """Send what is held."""
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)

    def close(self) -> None:
        """Send what is held and close."""
        self.release()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class LimitedProtocol(HttpToolsProtocol):
    """One connection."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True
    _refused = False
    _unread: tuple[int, asyncio.TimerHandle] | None = None  # size of an answer, and its clock
    _exchange: Exchange | None = None  # of a request whose body, or turn, is awaited here
    _is_waiting = False  # for its turn
    _body: list[bytes]
    _whole: bytes | None = None  # a request that came in one piece, in a crowd
    _active = 0.0  # when something last happened here, by the loop's clock

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._immediate: Immediate | None = getattr(self.app, "immediate", None)

    def connection_made(self, transport: Any) -> None:
        """Start the clock of the first head."""
        super().connection_made(transport)
        self.transport = _OneWrite(transport)  # type: ignore[assignment]
        self._start_clock(HEAD_SECONDS, self._late)
        most = self.most_connections()
        if len(self.connections) > most:
            self.count("refused_connections")
            self._refuse(503, b"%d connections are open, the most allowed" % most)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        self._is_read()
        self._take_exchange()
        cycle = self.cycle
        if self._immediate is not None and cycle is not None and not cycle.response_complete:
            exchange = cycle.scope.get(BEGUN)
            if isinstance(exchange, Exchange):
                self._immediate.application.left(exchange)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the clock of an answer that fills the buffers."""
        super().pause_writing()
        self._is_read()
        size = self.transport.get_write_buffer_size()
        if self._immediate is not None:
            self._immediate.application.unread_bytes += size
        patience = READ_PATIENCE_SECONDS + size / READ_BYTES_PER_SECOND
        self._unread = size, self.loop.call_later(patience, self._not_read)

    def resume_writing(self) -> None:
        """Stop the clock: it is being read."""
        self._is_read()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Count what comes while a head is open, and start the clock of what is incomplete."""
        if self._refused:
            return
        if self._immediate is not None and self._immediate.refusals.is_crowded:
            self._whole = data if self._is_between_requests() else None
            if self._whole is not None and self._refuse_unread(data):
                return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        self._whole = None
        # Data that completed its head may hold a body as well; only an open head is too long.
        if self._in_head:
            if self._head_bytes > HEAD_BYTES:
                self._refuse(431, b"the request head is larger than 65536 bytes")
            elif self._head_bytes and self._deadline is None:
                self._start_clock(HEAD_SECONDS, self._late)
        elif self._exchange is not None and self._deadline is None and not self._is_waiting:
            self._start_clock(BODY_SECONDS, self._hand_over)

    def on_message_begin(self) -> None:
        """Begin a head; a pipelined one begins inside data that was not counted."""
        if self._is_waiting:  # uvicorn keeps the order of those that do not wait for answers
            self._hand_over()
            super().on_message_complete()
        self.url = b""
        self.headers = []
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count fields."""
        if len(self.headers) == HEAD_FIELDS:
            raise ValueError("too many header fields")  # httptools makes a 400 of it
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """End the head."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_clock()
        self._exchange = self._begun()
        self._body = []
        if self._exchange is None:
            self._start_cycle(None)
        else:
            self.app.in_flight += 1

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if self._exchange is None:
            super().on_body(body)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Be ready for the next head; its clock starts with its first byte."""
        if self._exchange is not None:
            self._stop_clock()
            self._finish(self._exchange)
        else:
            super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0

    def on_response_complete(self) -> None:
        """Send the head of an answer without a body."""
        self.transport.release()  # type: ignore[attr-defined]
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._rest()

    def _begun(self) -> Exchange | None:
        """Return the exchange of this request if it may be answered on the spot."""
        if self._immediate is None or (self.cycle is not None and not self.cycle.response_complete):
            return None  # answers keep the order of their requests
        if self.flow.write_paused or self.transport.is_closing():
            return None
        parser = self.parser
        if parser.get_http_version() != "1.1" or not parser.should_keep_alive():
            return None
        address = self.client[0] if self.client else ""
        return self._immediate.begin(parser.get_method(), self.url, dict(self.headers), address)

    def _finish(self, exchange: Exchange) -> None:
        """Answer a request whose body is there, refuse it, or let it wait for its turn."""
        immediate = self._immediate
        assert immediate is not None  # noqa: S101 - it made the exchange
        if immediate.is_urgent(exchange):
            self._answer(exchange)
        elif immediate.refusals.is_crowded and immediate.refusals.is_refused(self._joined()):
            self._answer(exchange, is_refused=True)
        elif is_slow(self._joined()) or immediate.turns.is_now():
            self._answer(exchange)
        else:
            self._is_waiting = True
            immediate.turns.wait(partial(self._take_turn, exchange))

    def _take_turn(self, exchange: Exchange, is_late: bool) -> bool:
        if self._exchange is not exchange:  # the client has left, or sent another one
            return False
        self._answer(exchange, is_refused=is_late)
        return True

    def _joined(self) -> bytes:
        parts = self._body
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _answer(self, exchange: Exchange, *, is_refused: bool = False) -> None:
        assert self._immediate is not None  # noqa: S101 - it made the exchange
        found = self._immediate.finish(exchange, self._joined(), is_refused=is_refused)
        if found is None:
            self._hand_over()
            super().on_message_complete()
            return
        self._take_exchange()
        answer, headers, content = found
        line = STATUS_LINE[answer.status]
        lines = [line, *(b"%b: %b\r\n" % header for header in headers)]
        self.transport.send(b"".join((*lines, b"\r\n", content)))  # type: ignore[attr-defined]
        self.server_state.total_requests += 1
        if CLOSE in headers:  # shutdown began while it waited
            self.transport.close()
        else:
            self._rest()
        if is_refused and self._whole is not None:
            self._immediate.refusals.learn(self._whole, exchange, answer, headers, line)

    def _is_between_requests(self) -> bool:
        if not self._in_head or self._head_bytes or self._exchange is not None:
            return False
        is_answered = self.cycle is None or self.cycle.response_complete
        return is_answered and not (self.flow.write_paused or self.transport.is_closing())

    def _refuse_unread(self, request: bytes) -> bool:
        assert self._immediate is not None  # noqa: S101 - the caller has looked
        answer = self._immediate.refusals.answer(request)
        if answer is None:
            return False
        self._stop_clock()
        self.transport.send(answer)  # type: ignore[attr-defined]
        self.server_state.total_requests += 1
        self._rest()
        return True

    def _rest(self) -> None:
        """Start the clock of a connection without a request, if it is not running."""
        self._active = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._start_rest(self.timeout_keep_alive)

    def _start_rest(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def _unset_keepalive_if_required(self) -> None:
        """Leave the clock running until the end: uvicorn would start a new one at each answer."""
        if self.transport.is_closing():
            super()._unset_keepalive_if_required()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has rested long enough; otherwise look again when it has."""
        self.timeout_keep_alive_task = None
        if self.transport.is_closing():
            return
        left = self._active + self.timeout_keep_alive - self.loop.time()
        if not self._is_between_requests():
            left = self.timeout_keep_alive
        if left > 0:
            self._start_rest(left)
        else:
            super().timeout_keep_alive_handler()

    def _take_exchange(self) -> Exchange | None:
        """Return the exchange that was awaited, if any; it is not any more."""
        exchange, self._exchange = self._exchange, None
        self._is_waiting = False
        if exchange is not None:
            self.app.in_flight -= 1
        return exchange

    def _hand_over(self) -> None:
        """Let uvicorn go on with a request that was awaited here: it gets all that has come."""
        self._deadline = None
        parts = self._body
        self._start_cycle(self._take_exchange())
        for part in parts:
            super().on_body(part)

    def _start_cycle(self, exchange: Exchange | None) -> None:
        """Make the scope and the task of a request whose head is complete."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        if exchange is not None:
            self.scope[BEGUN] = exchange  # type: ignore[literal-required]
        super().on_headers_complete()

    def _start_clock(self, seconds: float, late: Callable[[], None]) -> None:
        self._deadline = self.loop.call_later(seconds, late)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _is_read(self) -> None:
        if self._unread is not None:
            size, clock = self._unread
            clock.cancel()
            self._unread = None
            if self._immediate is not None:
                self._immediate.application.unread_bytes -= size

    def _not_read(self) -> None:
        self.count("slow_readers")
        self.transport.abort()

    def most_connections(self) -> float:
        """Return how many connections may be open."""
        limited = self._immediate
        return float("inf") if limited is None else limited.application.max_connections

    def count(self, event: str) -> None:
        """Count an event of `metrics_text.EVENTS`."""
        if self._immediate is not None:
            self._immediate.application.metrics.event(event)

    def _late(self) -> None:
        self._deadline = None
        self.count("slow_heads")
        self._refuse(408, b"the request head took longer than 15 s")

    def _refuse(self, status: int, text: bytes) -> None:
        self._refused = True
        if not self.transport.is_closing():
            self.transport.write(
                b"%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n%b"
                b"connection: close\r\n\r\n%b"
                % (STATUS_LINE[status], len(text), b"retry-after: 1\r\n" * (status == 503), text)
            )
            self.transport.close()
