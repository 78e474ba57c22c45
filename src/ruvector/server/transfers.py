"""How do snapshots come in and go out? In pieces, never whole in memory.

Limits: as many uploads at a time as the folder takes, and DOWNLOADS (503); an upload as slow as a
body may be (408) and as large as fits beside what is there (507); a client that takes no piece for
SEND_SECONDS is cut off. Runs on the loop's thread; files are touched in the pool.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from ruvector.errors import ConnectionFailed, TimedOut, Unavailable
from ruvector.model import requests as r
from ruvector.model.operations import Operation
from ruvector.model.wire.query_fields import read_query_field
from ruvector.security.callers import Caller
from ruvector.server.answers import Answer
from ruvector.server.body import BYTES_PER_SECOND, PATIENCE_SECONDS
from ruvector.server.exchange import Exchange
from ruvector.server.multipart import FileForm
from ruvector.server.pool import WorkerPool

DOWNLOADS = 16
SEND_SECONDS = 60.0
WRITE_BYTES = 1 << 20  # are gathered before they are written
DOWNLOAD = frozenset(
    {r.DownloadSnapshot, r.DownloadShardSnapshot, r.DownloadFullSnapshot, r.StreamShardSnapshot}
)
UPLOAD = frozenset({r.UploadSnapshot, r.UploadShardSnapshot, r.UploadFullSnapshot})
BINARY = (b"content-type", b"application/octet-stream")
Handle = Callable[[Exchange], Awaitable[Answer]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Upload(Protocol):
    """A file that is being received."""

    path: Path

    def write(self, piece: bytes) -> None:
        """Append a piece; blocks."""

    def close(self) -> None:
        """End writing."""

    def remove(self) -> None:
        """Remove the file, if nobody took it."""


class SnapshotEngine(Protocol):
    """What is needed of an engine."""

    def read_snapshot(self, request: r.Request[Any], caller: Caller) -> Any:
        """Return description and pieces of a snapshot; blocks."""

    def begin_upload(self, size_bytes: int) -> Upload:
        """Return a new file to receive a snapshot of about this size in."""


class Transfers:
    """The handlers of uploads and downloads. For the loop's thread only."""

    def __init__(self, engine: SnapshotEngine, pool: WorkerPool) -> None:
        self._engine = engine
        self._pool = pool
        self._downloads = 0

    def download(self, operation: Operation) -> Handle:
        """Return the handler of a request for a snapshot's bytes."""

        async def handle(exchange: Exchange) -> Answer:
            request = operation.request(**exchange.names)
            if self._downloads >= DOWNLOADS:
                raise Unavailable(f"{DOWNLOADS} snapshots are being sent, the most at once")
            self._downloads += 1
            try:
                content = await self._pool.submit(
                    partial(self._engine.read_snapshot, request, exchange.caller)
                )
            except BaseException:
                self._downloads -= 1
                raise
            name = quote(content.description.name)
            headers = (
                BINARY,
                (b"content-length", b"%d" % content.description.size),
                (b"content-disposition", f"attachment; filename*=UTF-8''{name}".encode()),
                *_digest_of(content.description.checksum),
            )
            return Answer(200, b"", headers, content.pieces)

        return handle

    async def send(self, exchange: Exchange, answer: Answer, headers: Any, send: Send) -> None:
        """Send the head and then every piece of an answer."""
        pieces: Iterator[bytes] = answer.pieces
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            while exchange.method != "HEAD":
                piece = await self._pool.submit(partial(next, pieces, b""))
                if not piece:
                    break
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError as error:
            raise ConnectionFailed("the client took no bytes") from error
        finally:
            self._downloads -= 1
            pieces.close()  # type: ignore[attr-defined]

    def upload(self, operation: Operation, execute: Callable[..., Answer]) -> Handle:
        """Return the handler of a request that brings a file; `execute` answers with it."""

        async def handle(exchange: Exchange) -> Answer:
            fields: dict[str, Any] = dict(exchange.names)
            given = exchange.query()
            for name in operation.query_fields:
                if name in given:
                    fields[name] = read_query_field(name, given[name])
            upload = await self._received(exchange.headers, exchange.receive)
            try:
                request = operation.request(**fields, source=str(upload.path))
                answer = await self._pool.submit(partial(execute, request, exchange))
            except BaseException:
                self._discard(upload)
                raise
            if answer.status >= 300:
                self._discard(upload)
            return answer

        return handle

    def _discard(self, upload: Upload) -> None:
        self._pool.submit(upload.remove)

    async def _received(self, headers: Mapping[bytes, bytes], receive: Any) -> Upload:
        form = FileForm(headers.get(b"content-type", b""))
        length = headers.get(b"content-length", b"0")
        size = int(length) if length.isdigit() and len(length) <= 18 else 0
        upload = await self._pool.submit(partial(self._engine.begin_upload, size))
        try:
            await self._receive_file(form, receive, upload)
            form.finish()
            await self._pool.submit(upload.close)
        except BaseException:
            self._pool.submit(upload.remove)
            raise
        return upload

    async def _receive_file(self, form: FileForm, receive: Any, upload: Upload) -> None:
        loop = asyncio.get_running_loop()
        started, size, held = loop.time(), 0, bytearray()
        more = True
        while more:
            deadline = started + PATIENCE_SECONDS + size / BYTES_PER_SECOND
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError as error:
                raise TimedOut(f"the upload came too slowly: {size} bytes") from error
            if message["type"] == "http.disconnect":
                raise ConnectionFailed("the client left before its upload was complete")
            piece, more = message.get("body", b""), message.get("more_body", False)
            size += len(piece)
            held += form.take(piece)
            if len(held) >= WRITE_BYTES or not more:
                await self._pool.submit(partial(upload.write, bytes(held)))
                held.clear()


def _digest_of(checksum: str | None) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header that tells a client the SHA-256 of what it gets (RFC 9530)."""
    if checksum is None:
        return ()
    return ((b"repr-digest", b"sha-256=:%b:" % base64.b64encode(bytes.fromhex(checksum))),)
