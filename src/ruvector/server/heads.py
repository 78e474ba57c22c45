"""What does a head say that was seen before? What it said then, so it is not parsed again.

A client that keeps its connection sends the same head with each request, but for the length of the
body, and parsing one costs as much as a refusal. So the heads of requests that may be answered on
the spot are remembered with what they came to. They are read by a parser of their own; uvicorn's
sees nothing but the requests that uvicorn answers. What a head says of a caller is not remembered:
`Immediate.begin` judges that of every request. For the loop's thread only.
"""

import httptools
import msgspec

from ruvector.server.exchange import GIVEN_IDS
from ruvector.server.rest import INLINE_BYTES
from ruvector.server.router import Access, Match, Router

END = b"\r\n\r\n"
MAX_HEAD_BYTES = 4096  # longer ones go the ordinary way
MAX_HEADS = 1024  # that are remembered, 10 MB at most; then all are forgotten
MAX_PATHS = 1024  # likewise
HEAD_FIELDS = 200
METHODS = {b"POST": "POST", b"GET": "GET"}
BEGINNINGS = (b"POST /", b"GET /")
UNUSUAL = frozenset((b"transfer-encoding", b"content-encoding", b"expect", b"upgrade"))
LENGTH_DIGITS = len(str(INLINE_BYTES))


class Refusal(msgspec.Struct):
    """How a head was refused in a crowd: its answer in parts, and how often since the last turn."""

    before_number: bytes
    after_number: bytes
    status: int
    times: int = 0
    seconds: float = 0.0


class Head(msgspec.Struct):
    """A head of a request that may be answered on the spot.

    `match`: its route, which has an `answer_now`; `headers` by lower-case name, not to be changed;
    `length`: bytes of the body; `is_urgent`: it waits for no turn, as health is answered whoever
    else waits; `refusal`: see `server.refusals`.
    """

    method: str
    match: Match
    headers: dict[bytes, bytes]
    query: bytes
    length: int
    is_urgent: bool
    refusal: Refusal | None = None

    @property
    def is_repeated(self) -> bool:
        """Say whether the next request may have the same head: it brings no id of its own."""
        return not any(name in self.headers for name in GIVEN_IDS)


class Heads:
    """The heads that one application has seen."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._known: dict[bytes, Head | None] = {}
        self._matches: dict[tuple[str, bytes], Match | None] = {}

    def find(self, text: bytes) -> Head | None:
        """Return what a head came to, given without its END; None for one that is not for us."""
        known = self._known
        if text in known:
            return known[text]
        head = self._read(text)
        if head is None or head.is_repeated:
            if len(known) >= MAX_HEADS:
                known.clear()
            known[text] = head
        return head

    def _read(self, text: bytes) -> Head | None:
        method, _, rest = text.partition(b" ")
        name = METHODS.get(method)
        if name is None:
            return None
        path, _, query = rest.partition(b" ")[0].partition(b"?")
        match = self._match(name, path)
        headers = None if match is None else _headers(text)
        if match is None or headers is None or not UNUSUAL.isdisjoint(headers):
            return None
        length = _length(name, headers)
        if length is None:
            return None
        is_urgent = match.route is not None and match.route.access is Access.OPEN
        return Head(name, match, headers, query, length, is_urgent)

    def _match(self, method: str, path: bytes) -> Match | None:
        key = (method, path)
        if key in self._matches:
            return self._matches[key]
        match: Match | None = None
        if path.startswith(b"/") and b"#" not in path:
            match = self._router.match(method, path)
            if match.route is None or match.route.answer_now is None:
                match = None
        if len(self._matches) >= MAX_PATHS:
            self._matches.clear()
        self._matches[key] = match
        return match


class _Reader:
    """What httptools calls: collects the fields of a head."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.count = 0
        self.is_usual = False
        self.parser = httptools.HttpRequestParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.count += 1
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Say whether it is of HTTP/1.1 and keeps its connection: known here, and not later."""
        is_kept = self.parser.should_keep_alive() and not self.parser.should_upgrade()
        self.is_usual = is_kept and self.parser.get_http_version() == "1.1"


def _headers(text: bytes) -> dict[bytes, bytes] | None:
    """Return the fields of a head of HTTP/1.1 after which its connection is kept; else None."""
    reader = _Reader()
    try:
        reader.parser.feed_data(text + END)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None  # whoever parses it again says what is wrong
    finally:
        del reader.parser  # it leads back to the reader
    return reader.headers if reader.is_usual and reader.count <= HEAD_FIELDS else None


def _length(method: str, headers: dict[bytes, bytes]) -> int | None:
    """Return the size of a body that is told and small, or of none where none is due; else None."""
    length = headers.get(b"content-length", b"")
    if method == "GET":
        return None if length else 0
    if not (length.isdigit() and len(length) <= LENGTH_DIGITS):
        return None
    return int(length) if 0 < int(length) <= INLINE_BYTES else None
