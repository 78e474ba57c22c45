"""What does an answer look like? Status, headers and body, in the envelope of the contract.

Success: {"result":..,"status":"ok","time":seconds}, and "usage" where something is told of it;
error: {"status":{"error":text},"time":seconds}.
"""

import math
from collections.abc import Iterable
from io import BytesIO
from time import perf_counter
from typing import Any

import msgspec

from ruvector.errors import RateLimited, RuvectorError, Unauthorized, Unavailable
from ruvector.model.wire import encode_json, encode_pieces

Header = tuple[bytes, bytes]
JSON = (b"content-type", b"application/json")
TEXT = (b"content-type", b"text/plain; charset=utf-8")
CLOSE = (b"connection", b"close")
RETRY = (b"retry-after", b"1")
MAX_MESSAGE = 2000  # characters of an error: enough to name a thing, not enough to echo a body


class Answer(msgspec.Struct):
    """One response. `headers` come besides content-length, which is added when it is sent.

    With `pieces` the body is what they are, and `headers` tell its length.
    """

    status: int
    body: bytes
    headers: tuple[Header, ...] = (JSON,)
    pieces: Any = None


def success(result: Any, started: float, usage: Any = None, *, is_small: bool = False) -> Answer:
    """Return the envelope around a result; `started` is the request's perf_counter().

    `is_small`: it is encoded in one call, which holds the interpreter.
    """
    used = b"" if usage is None else b',"usage":%b' % encode_json(usage)
    if is_small:
        text = encode_json(result)
        seconds = perf_counter() - started
        return Answer(200, b'{"result":%b,"status":"ok","time":%.9f%b}' % (text, seconds, used))
    return Answer(200, _joined(encode_pieces(result), started, used))


def _joined(parts: Iterable[bytes], started: float, used: bytes) -> bytes:
    text = BytesIO()  # grows without being copied, and becomes bytes without being copied
    text.write(b'{"result":')
    for part in parts:
        text.write(part)
    text.write(b',"status":"ok","time":%.9f%b}' % (perf_counter() - started, used))
    return text.getvalue()


def accepted(started: float) -> Answer:
    """Return the answer to what will happen later."""
    return Answer(202, b'{"status":"accepted","time":%.9f}' % (perf_counter() - started))


def failure(error: RuvectorError, started: float) -> Answer:
    """Return the answer that an error of ours becomes."""
    text = error.prefix + error.message
    if len(text) > MAX_MESSAGE:
        text = text[:MAX_MESSAGE] + "..."
    if isinstance(error, Unauthorized):
        return Answer(401, text.encode(), (TEXT, (b"www-authenticate", b"Bearer")))
    headers: tuple[Header, ...] = (JSON,)
    if isinstance(error, RateLimited):
        headers = (JSON, (b"retry-after", b"%d" % math.ceil(error.retry_after_seconds)))
    elif isinstance(error, Unavailable):
        headers = (JSON, RETRY)
    allow = getattr(error, "allow", None)
    if allow:
        headers = (JSON, (b"allow", allow.encode("ascii")))
    return Answer(error.http_status, _error_body(text, started), headers)


def unexpected(request_id: str, started: float) -> Answer:
    """Return the answer to a failure that nobody foresaw: no internals, only where to look."""
    text = (
        f"Service internal error: unexpected failure; the log names it under request {request_id}"
    )
    return Answer(500, _error_body(text, started))


def plain(status: int, text: str) -> Answer:
    """Return a line of text."""
    return Answer(status, text.encode(), (TEXT,))


def document(value: Any, status: int = 200) -> Answer:
    """Return JSON without the envelope."""
    return Answer(status, encode_json(value))


def _error_body(text: str, started: float) -> bytes:
    # A message may quote input that is not Unicode text; such characters are shown escaped.
    safe = text.encode("utf-8", "backslashreplace").decode()
    return b'{"status":{"error":%b},"time":%.9f}' % (
        msgspec.json.encode(safe),
        perf_counter() - started,
    )
