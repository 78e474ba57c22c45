"""What may a connection do before there is a request? uvicorn's httptools protocol with limits on
top.

uvicorn limits neither how long nor how large a head may be; here it must be complete HEAD_SECONDS
after its first byte, or after the connection began, and at most HEAD_BYTES long. Runs on the loop's
thread.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_SECONDS = 15.0  # a head is one packet; slow senders of heads are attacks
HEAD_BYTES = 64 * 1024  # names of 255 bytes, tokens of some KB, and room
HEAD_FIELDS = 200
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
    _head_fields = 0
    _in_head = True
    _refused = False

    def connection_made(self, transport: Any) -> None:
        """Start the clock of the first head."""
        super().connection_made(transport)
        self.transport = _OneWrite(transport)  # type: ignore[assignment]
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes while a head is open."""
        if self._refused:
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._deadline is None:
                self._start_clock()
        super().data_received(data)
        # Data that completed its head may hold a body as well; only an open head is too long.
        if self._in_head and self._head_bytes > HEAD_BYTES:
            self._refuse(431, b"the request head is larger than 65536 bytes")

    def on_message_begin(self) -> None:
        """Begin a head; a pipelined one begins inside data that was not counted."""
        super().on_message_begin()
        self._in_head = True
        self._head_fields = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count fields."""
        self._head_fields += 1
        if self._head_fields > HEAD_FIELDS:
            raise ValueError("too many header fields")  # httptools makes a 400 of it
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End the head."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_clock()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Be ready for the next head; its clock starts with its first byte."""
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0

    def on_response_complete(self) -> None:
        """Send the head of an answer without a body."""
        self.transport.release()  # type: ignore[attr-defined]
        super().on_response_complete()

    def _start_clock(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._late)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        self._refuse(408, b"the request head took longer than 15 s")

    def _refuse(self, status: int, text: bytes) -> None:
        self._refused = True
        if not self.transport.is_closing():
            self.transport.write(
                b"%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
                b"connection: close\r\n\r\n%b" % (STATUS_LINE[status], len(text), text)
            )
            self.transport.close()
