"""How do the bytes of a connection become calls? HTTP/2, on the loop's thread.

libnghttp2 speaks the protocol, through ngh2, which does no I/O (docs/decisions/0017-ngh2.md):
frames, headers, windows, and what is an attack by frames (resets, settings, continuations, pings).
Limits of ours: calls at a time, size of their metadata, time for the connection's first words, for
messages, and for reading answers. What is wrong with one call ends the call, what is wrong with
the protocol the connection.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Collection
from itertools import chain
from typing import Any, Protocol

import ngh2

from ruvector.errors import MalformedRequest, RuvectorError, TimedOut
from ruvector.server.body import BYTES_PER_SECOND, PATIENCE_SECONDS
from ruvector.server.grpc.statuses import Status
from ruvector.server.grpc.stream import Fields, Stream, too_many_bytes

MAX_STREAMS = 1000  # of one connection at a time; who has more to ask waits on its side
MAX_METADATA_BYTES = 16 * 1024
WINDOW_BYTES = 2**20  # that a call may have sent before it is read: a message of 27 MB in few turns
CONNECTION_WINDOW_BYTES = 8 * 2**20
FRAME_BYTES = (
    256 * 1024
)  # of a message that come in one piece; the least, 16 KiB, made 1,700 of 27 MB
FIRST_WORDS_SECONDS = 15.0  # as for the head of a request over REST
PIECE_BYTES = 256 * 1024  # that are written at once
_WRONG_TYPE: Fields = ((b":status", b"415"), (b"content-type", b"text/plain"))
_WRONG_METHOD: Fields = ((b":status", b"405"), (b"allow", b"POST"))
_SETTINGS = {
    ngh2.Setting.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
    ngh2.Setting.INITIAL_WINDOW_SIZE: WINDOW_BYTES,
    ngh2.Setting.MAX_FRAME_SIZE: FRAME_BYTES,
    ngh2.Setting.MAX_HEADER_LIST_SIZE: MAX_METADATA_BYTES,
}
# Beyond it, a head ends the connection, as nothing of it can be kept; up to it, its own call.
_LIMITS = ngh2.Configuration(max_inbound_header_list_size=4 * MAX_METADATA_BYTES)
_log = logging.getLogger("ruvector.server")


class Server(Protocol):
    """What a connection needs to know of its server."""

    connections: "set[Connection]"
    most_connections: int
    max_bytes: int  # of a message
    unread_bytes: int  # of answers that wait for their readers, on all connections
    received_bytes: int  # of messages in flight, on all connections
    most_received_bytes: int
    count: Callable[[str], None]  # an event of the metrics

    def open(self, stream: Stream) -> None:
        """Give a new call its handler, or end it."""


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._http = ngh2.Connection(ngh2.Role.SERVER, _LIMITS)
        self._transport: Any = None
        self._streams: dict[int, Stream] = {}
        self._began = time.monotonic()
        self._is_greeted = False  # the caller's settings have come
        self._is_reading = False  # events are worked through: answers go out together, after them
        self._is_paused = False  # the socket takes no more
        self._is_ending = False
        self._unread = 0  # bytes of answers that wait here
        self._written = 0  # bytes since the beginning
        self._clock: tuple[float, int] | None = None  # until when how much must be written
        self.address = ""

    # What asyncio tells, and `handshake`

    def connection_made(self, transport: Any) -> None:
        """Take a connection, or refuse it where there are too many."""
        self._transport = transport
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        if len(self._server.connections) >= self._server.most_connections:
            self.count("refused_connections")
            transport.abort()
            return
        self._server.connections.add(self)
        door = transport.get_extra_info("socket")  # callers rest for hours: who is gone must show
        door.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        transport.set_write_buffer_limits(high=PIECE_BYTES)
        self._http.initiate_connection(_SETTINGS)
        self._http.set_local_window_size(CONNECTION_WINDOW_BYTES)
        self._flush()

    @property
    def connections(self) -> Collection[Any]:
        """Return those that are open."""
        return self._server.connections

    def most_connections(self) -> float:
        """Return how many may be open."""
        return self._server.most_connections

    def count(self, event: str) -> None:
        """Count an event of `metrics_text.EVENTS`."""
        self._server.count(event)

    def data_received(self, data: bytes) -> None:
        """Work through what has come."""
        self._is_reading = True
        try:
            self._http.receive_data(data)
            is_wrong = False
        except ngh2.NGH2Error as error:
            _log.debug("a connection of gRPC from %s is ended: %s", self.address, error)
            is_wrong = True
        self._read_events()
        self._is_reading = False
        if is_wrong:
            self._abort()
        else:
            self._flush()

    def pause_writing(self) -> None:
        """Write no more until the socket has taken what there is."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Go on writing."""
        self._is_paused = False
        self._flush()

    def connection_lost(self, _: Exception | None) -> None:
        """Tell those who work for its calls."""
        self._server.connections.discard(self)
        self._server.unread_bytes -= self._unread
        self._unread = 0
        for number in list(self._streams):
            self._forget(number)

    # What streams say

    def send_answer(self, number: int, head: Fields, message: bytes, trailers: Fields) -> None:
        """Send a whole answer."""

        def send() -> None:
            self._http.send_response(number, head)
            self._http.send_data(number, message)
            self._http.send_trailers(number, trailers)

        self._send(send)

    def send_part(self, number: int, head: Fields | None, message: bytes) -> None:
        """Send a message, and what goes before the first one."""

        def send() -> None:
            if head is not None:
                self._http.send_response(number, head)
            self._http.send_data(number, message)

        self._send(send)

    def send_end(self, number: int, fields: Fields, *, has_head: bool, is_complete: bool) -> None:
        """End an answer; a caller that still sends is told to stop."""

        def send() -> None:
            if has_head:
                self._http.send_trailers(number, fields)
            else:
                self._http.send_response(number, fields, end_stream=True)
            if not is_complete:
                self._write()  # a reset overtakes what waits
                self._http.reset_stream(number, ngh2.ErrorCode.NO_ERROR)

        self._send(send)

    # What the server says

    @property
    def is_unread(self) -> bool:
        """Say whether answers wait for the caller to read them."""
        return self._unread > 0

    def look(self, now: float, moment: float) -> None:
        """End what takes too long: `now` of time.monotonic(), `moment` of perf_counter()."""
        if not self._is_greeted and now > self._began + FIRST_WORDS_SECONDS:
            self.count("slow_heads")
            self._abort()
            return
        if self._clock is not None and now > self._clock[0]:
            if self._written < self._clock[1]:
                self.count("slow_readers")
                self._abort()
                return
            self._clock = None
            self._weigh()
        for stream in [each for each in self._streams.values() if each.is_late(moment)]:
            self._refuse(
                stream,
                TimedOut(
                    f"the message came too slowly: {stream.received} bytes in "
                    f"{moment - stream.started:.0f} s; "
                    f"at least {BYTES_PER_SECOND} bytes/s are needed"
                ),
            )

    def end(self) -> None:
        """Take no new calls, and close once those that are open have ended."""
        if self._is_ending:
            return
        self._is_ending = True
        try:
            self._http.send_goaway(ngh2.ErrorCode.NO_ERROR)
        except ngh2.NGH2Error:
            self._abort()
            return
        self._flush()

    def close(self) -> None:
        """Close at once."""
        self._abort()

    # What happens inside

    def _read_events(self) -> None:
        event: Any
        for event in self._http.events():
            kind = type(event)
            if kind is ngh2.DataReceived:
                self._take(event.stream_id, event.data, event.end_stream)
            elif kind is ngh2.RequestReceived:
                self._begin(event.stream_id, event.headers)
                if event.end_stream:
                    self._take(event.stream_id, b"", True)
            elif kind is ngh2.TrailersReceived:
                self._take(event.stream_id, b"", True)
            elif kind is ngh2.StreamClosed:
                self._forget(event.stream_id)
            elif kind is ngh2.SettingsReceived:
                self._is_greeted = True

    def _begin(self, number: int, headers: Any) -> None:
        stream = Stream(self, number, headers, self._server.max_bytes)
        self._streams[number] = stream
        if stream.headers.get(b":method") != b"POST":
            self._send(lambda: self._http.send_response(number, _WRONG_METHOD, end_stream=True))
        elif not stream.headers.get(b"content-type", b"").startswith(b"application/grpc"):
            self._send(lambda: self._http.send_response(number, _WRONG_TYPE, end_stream=True))
        elif sum(map(len, chain.from_iterable(headers))) > MAX_METADATA_BYTES:
            stream.end(
                Status.RESOURCE_EXHAUSTED,
                f"the metadata are larger than {MAX_METADATA_BYTES} bytes, the largest allowed",
            )
        else:
            self._server.open(stream)
            return
        stream.is_over = True

    def _take(self, number: int, chunk: bytes, is_last: bool) -> None:
        stream = self._streams.get(number)
        if stream is None or stream.is_over or stream.handler is None:
            if stream is not None:
                stream.is_complete |= is_last
            return
        try:
            if chunk:
                self._server.received_bytes += len(chunk)
                stream.receive(chunk)
                if self._server.received_bytes > self._server.most_received_bytes:
                    raise too_many_bytes()
            if is_last:
                if not stream.complete():
                    raise MalformedRequest("the last message is cut off")
                stream.handler.ended()
        except RuvectorError as error:
            self._refuse(stream, error)

    def _refuse(self, stream: Stream, error: RuvectorError) -> None:
        if stream.handler is not None:
            stream.handler.refuse(error)

    def _forget(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None:
            self._server.received_bytes -= stream.received
            stream.leave()

    def _send(self, send: Callable[[], None]) -> None:
        """Hand something to HTTP/2; a stream that is gone takes nothing."""
        try:
            send()
        except ngh2.StreamProtocolError:
            return  # its caller has left; the event that says so follows
        except (ngh2.ConnectionStateError, ngh2.ConnectionClosingError):
            self._abort()
            return
        if not self._is_reading:
            self._flush()

    def _flush(self) -> None:
        """Write what there is, as far as the socket and the caller's windows take it."""
        if self._transport.is_closing():
            return
        try:
            self._write()
        except ngh2.NGH2Error as error:
            _log.debug("a connection of gRPC from %s is ended: %s", self.address, error)
            self._abort()
            return
        if not self._is_reading:
            self._is_reading = True
            self._read_events()  # which calls are closed by what was written
            self._is_reading = False
        self._weigh()
        if self._unread:
            return
        # After a violation libnghttp2 says good-bye, and wants neither to read nor to write.
        if (self._is_ending and not self._streams) or not self._http.want_read:
            self._transport.close()

    def _write(self) -> None:
        while not self._is_paused:
            piece = self._http.data_to_send(PIECE_BYTES)
            if not piece:
                return
            self._written += len(piece)
            self._transport.write(piece)

    def _weigh(self) -> None:
        """Note how much of the answers is not read, and until when it must be."""
        unread = self._http.queued_body_size()
        if unread or self._is_paused:
            unread += self._transport.get_write_buffer_size()
        self._server.unread_bytes += unread - self._unread
        self._unread = unread
        if not unread:
            self._clock = None
        elif self._clock is None:
            patience = PATIENCE_SECONDS + unread / BYTES_PER_SECOND
            # Half of it is enough: callers that read leave less, while more is added.
            self._clock = time.monotonic() + patience, self._written + unread // 2

    def _abort(self) -> None:
        self._transport.abort()
