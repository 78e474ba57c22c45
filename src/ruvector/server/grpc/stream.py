"""What is one call on the wire? Its headers, its messages as they come, its answer.

A stream knows nothing of what is asked: its handler does. Whatever it is told after it has ended is
passed over, because who works for it may hear of that later. For the loop's thread only.
"""

from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from ruvector.errors import RuvectorError, Unavailable
from ruvector.server.answers import MAX_MESSAGE
from ruvector.server.body import BYTES_PER_SECOND, PATIENCE_SECONDS
from ruvector.server.grpc.framing import ENCODINGS, Inbox, Message, percent_encoded
from ruvector.server.grpc.statuses import Status

if TYPE_CHECKING:
    from ruvector.server.grpc.connection import Connection

Fields = tuple[tuple[bytes, bytes], ...]
_TYPE = (b"content-type", b"application/grpc")
HEAD: Fields = ((b":status", b"200"), _TYPE)
GZIP_HEAD: Fields = (*HEAD, (b"grpc-encoding", b"gzip"))
_OK: Fields = ((b"grpc-status", b"0"),)
_ACCEPTED = (b"grpc-accept-encoding", ENCODINGS.replace(b" ", b""))


class Handler(Protocol):
    """Who answers a call."""

    def message(self, message: Message) -> None:
        """Take a message of the caller's; raise what it is refused with."""

    def ended(self) -> None:
        """Hear that the caller sends nothing more."""

    def refuse(self, error: RuvectorError) -> None:
        """Answer with an error, of the caller's messages or of a limit."""

    def left(self) -> None:
        """Hear that the caller does not wait any more."""


class Stream:
    """One call. `received`: bytes of its messages; `is_patient`: they may take their time."""

    __slots__ = (
        "_connection",
        "_has_head",
        "_id",
        "_inbox",
        "handler",
        "headers",
        "is_complete",
        "is_over",
        "is_patient",
        "received",
        "started",
    )

    def __init__(self, connection: "Connection", number: int, headers: Any, limit: int) -> None:
        self._connection = connection
        self._id = number
        self._inbox = Inbox(limit)
        self._has_head = False
        self.headers: dict[bytes, bytes] = dict(headers)
        self.handler: Handler | None = None
        self.is_complete = False  # the caller sends nothing more
        self.is_over = False  # answered, or left
        self.is_patient = False
        self.received = 0
        self.started = perf_counter()

    @property
    def path(self) -> bytes:
        """Return which procedure is called."""
        return self.headers.get(b":path", b"")

    @property
    def address(self) -> str:
        """Return where the connection comes from."""
        return self._connection.address

    def is_late(self, now: float) -> bool:
        """Say whether a message should have been there by now."""
        if self.is_complete or self.is_patient or self.is_over:
            return False
        return now > self.started + PATIENCE_SECONDS + self.received / BYTES_PER_SECOND

    def receive(self, chunk: bytes) -> None:
        """Take bytes of the caller's messages; raise what they are refused with."""
        self.received += len(chunk)
        handler = self.handler
        for message in self._inbox.feed(chunk):
            if self.is_over or handler is None:
                return
            handler.message(message)

    def complete(self) -> bool:
        """Hear that the caller sends nothing more; return whether its last message is whole."""
        self.is_complete = True
        return self._inbox.is_between

    # Answers

    def answer(self, message: bytes, *, is_gzip: bool = False) -> None:
        """Send the only message of an answer, framed, and end well."""
        if self.is_over:
            return
        head = GZIP_HEAD if is_gzip else HEAD
        self._over()
        self._connection.send_answer(self._id, head, message, _OK)

    def send(self, message: bytes) -> None:
        """Send one of several messages, framed."""
        if self.is_over:
            return
        head = None if self._has_head else HEAD
        self._has_head = True
        self._connection.send_part(self._id, head, message)

    def end(self, status: Status, text: str = "", trailers: Fields = ()) -> None:
        """End the call; the text is cut where it is too long for a header."""
        if self.is_over:
            return
        fields: Fields = ((b"grpc-status", b"%d" % status),)
        if text:
            short = text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "..."
            fields += ((b"grpc-message", percent_encoded(short)),)
        if status is Status.UNIMPLEMENTED:
            fields += (_ACCEPTED,)
        has_head = self._has_head
        self._over()
        self._connection.send_end(
            self._id,
            (*fields, *trailers) if has_head else (*HEAD, *fields, *trailers),
            has_head=has_head,
            is_complete=self.is_complete,
        )

    def leave(self) -> None:
        """Hear that the caller has left, or its connection."""
        if not self.is_over:
            self._over()
            if self.handler is not None:
                self.handler.left()

    def _over(self) -> None:
        self.is_over = True
        self._inbox = Inbox(0)  # what was received is of no use any more


def too_many_bytes() -> Unavailable:
    """Return what is said where too many large messages are in flight."""
    return Unavailable("too many large request bodies at once; try again later")


def too_many_unread(unread: int, most: int) -> Unavailable:
    """Return what is said where too much waits for slow readers."""
    return Unavailable(
        f"{unread} bytes of answers wait for clients that read slowly; the most is {most}: "
        "try again later"
    )
