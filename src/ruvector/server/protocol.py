"""What may a connection do before there is a request? uvicorn's httptools protocol with limits on
top.

uvicorn limits neither how long nor how large a head may be; here it must be complete HEAD_SECONDS
after its first byte, or after the connection began, and at most HEAD_BYTES long. Nor does it limit
how long a client may take to read: here an answer that fills the buffers must be read within
READ_PATIENCE_SECONDS and a second for every READ_BYTES_PER_SECOND of it. Connections beyond the
most allowed are refused. Work for a client that leaves is stopped. Runs on the loop's thread.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from ruvector.server.clock import Clock
from ruvector.server.exchange import BEGUN, Exchange
from ruvector.server.heads import HEAD_FIELDS
from ruvector.server.immediate import Immediate

HEAD_SECONDS = 15.0  # a head is one packet; slow senders of heads are attacks
HEAD_BYTES = 64 * 1024  # names of 255 bytes, tokens of some KB, and room
READ_PATIENCE_SECONDS = 20.0  # as for bodies, in the other direction
READ_BYTES_PER_SECOND = 64 * 1024
CONTINUE = b"HTTP/1.1 100 "


class _OneWrite:
    """A transport that sends the head of an answer together with its body: one system call less.

    uvicorn writes them one after the other without waiting in between; every answer has a body
    message, and `release` sends a head that was left alone.
    """

    __slots__ = ("_head", "_transport", "send")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head: bytes | None = None
        self.send = transport.write  # a whole answer: nothing is held between answers

    def write(self, part: bytes) -> None:
        """Hold a head back, and send everything else after what is held."""
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.writelines((head, part))
        elif part.startswith(b"HTTP/1.1 ") and not part.startswith(CONTINUE):
            self._head = part
        else:
            self._transport.write(part)

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

    _clock: Clock
    _head_bytes = 0
    _in_head = True
    _is_parsing = False  # the parser is inside a request
    _refused = False
    _unread: tuple[int, asyncio.TimerHandle] | None = None  # size of an answer, and its clock

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._immediate: Immediate | None = getattr(self.app, "immediate", None)

    def connection_made(self, transport: Any) -> None:
        """Start the clock of the first head."""
        super().connection_made(transport)
        self.transport = _OneWrite(transport)  # type: ignore[assignment]
        self._clock = Clock(self.loop)
        self._clock.start(HEAD_SECONDS, self._late)
        most = self.most_connections()
        if len(self.connections) > most:
            self.count("refused_connections")
            self._refuse(503, b"%d connections are open, the most allowed" % most)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks, and the work for the client that left."""
        self._clock.close()
        self._is_read()
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
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # Data that completed its head may hold a body as well; only an open head is too long.
        if self._in_head:
            if self._head_bytes > HEAD_BYTES:
                self._refuse(431, b"the request head is larger than 65536 bytes")
            elif self._head_bytes and self._clock.late != self._late:
                self._clock.start(HEAD_SECONDS, self._late)

    def on_message_begin(self) -> None:
        """Begin a head; a pipelined one begins inside data that was not counted."""
        super().on_message_begin()
        self._is_parsing = self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count fields."""
        if len(self.headers) == HEAD_FIELDS:
            raise ValueError("too many header fields")  # httptools makes a 400 of it
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End the head."""
        self._in_head = False
        self._head_bytes = 0
        self._clock.stop()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Be ready for the next head; its clock starts with its first byte."""
        super().on_message_complete()
        self._is_parsing = False
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
        elif self._is_parsing and self._in_head:
            self._clock.start(HEAD_SECONDS, self._late)
        elif not self._is_parsing:
            self._rest()

    def _rest(self) -> None:
        """Start the clock of a connection without a request."""
        self._clock.start(self.timeout_keep_alive, self._close_resting)

    def _close_resting(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

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
