"""How is a body read without trusting its sender? Capped in bytes, in time and in compression.

Limits: the configured size (413), by Content-Length before the first byte and by count while
reading; 20 s and one more for every 64 KiB that has arrived (408); compressed bodies may grow to
the configured size and, beyond 1 MiB, to 100 times what was sent; large bodies in flight may take 8
times the configured size together (503).
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ruvector.errors import (
    BadInput,
    BodyTooLarge,
    ConnectionFailed,
    TimedOut,
    Unavailable,
    UnsupportedEncoding,
)
from ruvector.server.pool import WorkerPool

PATIENCE_SECONDS = 20.0  # what a client may take to send anything at all
BYTES_PER_SECOND = 64 * 1024  # the slowest sender worth a connection
FREE_RATIO_BYTES = 2**20  # below this no ratio is an attack
MAX_RATIO = 100  # JSON of vectors compresses 3 times, sparse payloads 30 times
INLINE_BYTES = 256 * 1024  # of parts that are joined on the loop: 0.1 ms
GZIP = 31  # zlib's name for gzip with its header and checksum
BODIES_IN_FLIGHT = 8  # times the largest body

Receive = Callable[[], Awaitable[Any]]


class BodyReader:
    """Reads bodies for one server and counts them until `release`. For the loop's thread only."""

    def __init__(self, max_bytes: int, pool: WorkerPool) -> None:
        self.max_bytes = max_bytes
        self._pool = pool
        self._in_flight = 0

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Return the body, decompressed; its reader calls `release` when it is done with.

        Errors: BodyTooLarge, TimedOut, BadInput, Unavailable.
        """
        length = self._declared_length(headers)
        encoding = headers.get(b"content-encoding", b"identity").strip().lower()
        if encoding not in (b"identity", b"gzip", b""):
            raise UnsupportedEncoding(
                f"content-encoding {encoding[:50].decode('latin-1')!r} is not supported; "
                "send gzip or no encoding"
            )
        if length == 0:
            return b""
        body = await self._receive_all(receive)
        if encoding == b"gzip":
            packed = body
            body = await self._pool.submit(lambda: inflate(packed, self.max_bytes))
        self._in_flight += len(body)
        return body

    def release(self, body: bytes) -> None:
        """Forget a body that has been dealt with."""
        self._in_flight -= len(body)

    def _declared_length(self, headers: Mapping[bytes, bytes]) -> int | None:
        text = headers.get(b"content-length")
        if text is None:
            return None if b"transfer-encoding" in headers else 0
        if b"transfer-encoding" in headers:
            raise BadInput("content-length and transfer-encoding must not come together")
        if not text.isdigit() or len(text) > 18:  # 18 digits: an exabyte
            raise BadInput("content-length is not a number")
        if int(text) > self.max_bytes:
            raise self._too_large()
        return int(text)

    async def _receive_all(self, receive: Receive) -> bytes:
        loop = asyncio.get_running_loop()
        started = loop.time()
        parts: list[bytes] = []
        size = admitted = 0
        try:
            while True:
                deadline = started + PATIENCE_SECONDS + size / BYTES_PER_SECOND
                async with asyncio.timeout_at(deadline):
                    message = await receive()
                if message["type"] == "http.disconnect":
                    raise ConnectionFailed("the client left before its body was complete")
                part = message.get("body", b"")
                size += len(part)
                if size > self.max_bytes:
                    raise self._too_large()
                if not message.get("more_body", False):
                    return part if not parts else await self._joined([*parts, part], size)
                parts.append(part)
                admitted += self._admit(size - admitted)
        except TimeoutError as error:
            raise TimedOut(
                f"the request body came too slowly: {size} bytes in "
                f"{loop.time() - started:.0f} s; at least {BYTES_PER_SECOND} bytes/s are needed"
            ) from error
        finally:
            self._in_flight -= admitted

    async def _joined(self, parts: list[bytes], size: int) -> bytes:
        """Return the parts as one; large ones off the loop, without the interpreter's lock."""
        if size <= INLINE_BYTES:
            return b"".join(parts)
        return await self._pool.submit(lambda: b"".join(parts))

    def _admit(self, size: int) -> int:
        if self._in_flight + size > BODIES_IN_FLIGHT * self.max_bytes:
            raise Unavailable("too many large request bodies at once; try again later")
        self._in_flight += size
        return size

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"the request body is larger than {self.max_bytes} bytes, the largest allowed; "
            "send less at a time or raise service.max_request_size_mb"
        )


def inflate(body: bytes, max_bytes: int, window: int = GZIP) -> bytes:
    """Return a body decompressed: gzip, or what zlib calls `window` bits.

    BodyTooLarge beyond its caps, BadInput where damaged.
    """
    allowed = min(max_bytes, max(FREE_RATIO_BYTES, MAX_RATIO * len(body)))
    stream = zlib.decompressobj(wbits=window)
    try:
        plain = stream.decompress(body, allowed + 1)
    except zlib.error as error:
        raise BadInput(f"the compressed body is damaged: {error}") from error
    if len(plain) > allowed:
        raise BodyTooLarge(
            f"the compressed body of {len(body)} bytes grows beyond {allowed} bytes; "
            f"the largest allowed are {max_bytes} bytes and {MAX_RATIO} times what was sent"
        )
    if not stream.eof or stream.unused_data:
        raise BadInput("the compressed body is cut off, or something follows it")
    return plain
