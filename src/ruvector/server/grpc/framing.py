"""How do messages lie in the body of a call? Each behind a byte that says whether it is compressed,
and its length in four bytes. Pure functions and one small state; no I/O.

    +------+----------------------+-------------------+
    | 0, 1 | length, big endian   | message           |
    +------+----------------------+-------------------+
      1 B    4 B                    `length` bytes

Also here: the other two codings of gRPC's headers, times and texts.
"""

import math
import zlib
from typing import NamedTuple

from ruvector.errors import BodyTooLarge, MalformedRequest, UnsupportedEncoding
from ruvector.server.body import inflate

PREFIX_BYTES = 5
ENCODINGS = b"identity, gzip, deflate"  # that a message may have, and an answer the first two
_WINDOWS = {b"gzip": 31, b"deflate": 15}  # zlib's names of the formats
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_MAX_TIMEOUT_DIGITS = 8  # as the protocol says
_PLAIN = bytes(sorted(set(range(0x20, 0x7F)) - set(b"%")))


class Message(NamedTuple):
    """One message as it came: its bytes in parts."""

    parts: list[bytes]
    is_compressed: bool

    @property
    def size(self) -> int:
        """Return the bytes on the wire."""
        return sum(map(len, self.parts))

    def content(self, encoding: bytes, max_bytes: int) -> bytes:
        """Return the message, decompressed; errors as `body.inflate`, or UnsupportedEncoding."""
        parts = self.parts
        text = parts[0] if len(parts) == 1 else b"".join(parts)
        if not self.is_compressed:
            return text
        window = _WINDOWS.get(encoding)
        if window is None:
            name = encoding[:50].decode("latin-1")
            raise UnsupportedEncoding(
                f"grpc-encoding {name!r} is not supported; send {ENCODINGS.decode()}"
            )
        return inflate(text, max_bytes, window)


class Inbox:
    """The messages of one call, as its bytes come."""

    __slots__ = ("_head", "_is_compressed", "_left", "_max_bytes", "_parts")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._head = b""  # the beginning of a prefix
        self._left: int | None = None  # bytes that are missing of a message; None: of a prefix
        self._parts: list[bytes] = []
        self._is_compressed = False

    def feed(self, chunk: bytes) -> list[Message]:
        """Take bytes; return the messages that are complete with them.

        Errors: MalformedRequest for what is no prefix, BodyTooLarge for a length beyond the limit.
        """
        complete: list[Message] = []
        while chunk or self._left == 0:
            if self._left is None:
                chunk = self._begin(chunk)
                continue
            part = chunk[: self._left]
            chunk = chunk[self._left :]
            self._parts.append(part)
            self._left -= len(part)
            if not self._left:
                complete.append(Message(self._parts, self._is_compressed))
                self._left, self._parts = None, []
        return complete

    @property
    def is_between(self) -> bool:
        """Say whether no message has begun that is not complete."""
        return self._left is None and not self._head

    def _begin(self, chunk: bytes) -> bytes:
        """Take a prefix, or what there is of it; return what follows."""
        head = self._head + chunk if self._head else chunk
        if len(head) < PREFIX_BYTES:
            self._head = head
            return b""
        flag, length = head[0], int.from_bytes(head[1:PREFIX_BYTES])
        if flag > 1:
            raise MalformedRequest(f"a message begins with {flag}; 0 and 1 are known")
        if length > self._max_bytes:
            raise BodyTooLarge(
                f"the message of {length} bytes is larger than {self._max_bytes} bytes, the "
                "largest allowed; send less at a time or raise service.max_request_size_mb"
            )
        self._head, self._left, self._is_compressed = b"", length, flag == 1
        return head[PREFIX_BYTES:]


def framed(message: bytes) -> bytes:
    """Return a message as it is sent."""
    return b"".join((b"\0", len(message).to_bytes(4), message))  # large ones without the lock


def compressed(message: bytes) -> bytes:
    """Return a message as it is sent compressed with gzip."""
    coder = zlib.compressobj(1, wbits=_WINDOWS[b"gzip"])
    text = coder.compress(message) + coder.flush()
    return b"\1" + len(text).to_bytes(4) + text


def seconds_of(timeout: bytes | None) -> float:
    """Return the seconds of a `grpc-timeout`, infinity without one; MalformedRequest for others."""
    if timeout is None:
        return math.inf
    text = timeout.decode("latin-1")
    digits, unit = text[:-1], _UNITS.get(text[-1:])
    if unit is None or not digits.isascii() or not digits.isdigit():
        raise MalformedRequest(f"grpc-timeout {text[:50]!r} is no number with one of HMSmun")
    if len(digits) > _MAX_TIMEOUT_DIGITS:
        raise MalformedRequest(f"grpc-timeout has more than {_MAX_TIMEOUT_DIGITS} digits")
    return int(digits) * unit


def percent_encoded(text: str) -> bytes:
    """Return a text as `grpc-message` holds it."""
    raw = text.encode("utf-8", "backslashreplace")
    if not raw.translate(None, _PLAIN):
        return raw
    return b"".join(bytes((byte,)) if byte in _PLAIN else b"%%%02X" % byte for byte in raw)
