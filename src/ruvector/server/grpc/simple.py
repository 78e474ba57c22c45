"""How are small questions about the server answered? On the loop's thread, without a record.

Two handlers of streams: one question with one answer, and questions one after the other. What they
are asked needs no key, no engine and microseconds.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from ruvector.errors import MalformedRequest, RuvectorError
from ruvector.server.grpc.framing import Message, framed
from ruvector.server.grpc.statuses import Status
from ruvector.server.grpc.stream import Stream

MAX_QUESTION_BYTES = 64 * 1024
Ask = Callable[[Any], Any]


class Asked:
    """The handler of a call whose questions are answered by a function, message for message."""

    def __init__(self, stream: Stream, kind: Any, ask: Ask, *, is_single: bool) -> None:
        self._stream = stream
        self._kind = kind
        self._ask = ask
        self._is_single = is_single
        self._questions = 0

    def message(self, message: Message) -> None:
        """Answer a question."""
        self._questions += 1
        if self._is_single and self._questions > 1:
            raise MalformedRequest("one message is taken")
        answer = self._ask(read(self._kind, message, self._stream))
        self._stream.send(framed(answer.SerializeToString()))

    def ended(self) -> None:
        """End with the last question."""
        if self._is_single and not self._questions:
            raise MalformedRequest("one message is taken, and none came")
        self._stream.end(Status.OK)

    def refuse(self, error: RuvectorError) -> None:
        """End with an error."""
        self._stream.end(Status[error.grpc_code], error.message)

    def left(self) -> None:
        """Nothing is done for a caller between its questions."""


def read(kind: Any, message: Message, stream: Stream) -> Any:
    """Return a small message; MalformedRequest where it is none."""
    encoding = stream.headers.get(b"grpc-encoding", b"identity")
    try:
        return kind.FromString(message.content(encoding, MAX_QUESTION_BYTES))
    except DecodeError as error:
        raise MalformedRequest(f"this is no {kind.DESCRIPTOR.name}") from error
