"""What is known of one HTTP request before its body is read?"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from ruvector.errors import BadInput
from ruvector.security.callers import ANYONE, Caller
from ruvector.server.router import Match, Route

MAX_REQUEST_ID = 128  # characters: an id, not a message
MAX_QUERY_FIELDS = 64
REQUEST_ID = b"x-request-id"
BEGUN = "ruvector.exchange"  # the key in a scope of an exchange that was begun before it


class Exchange:
    """One request on its way. Owned by its task.

    `caller` is who asks, once they were let in; `request` and `answer` are what was found out
    already, by a try to answer it on the spot.
    """

    __slots__ = (
        "answer",
        "caller",
        "headers",
        "method",
        "names",
        "query_string",
        "receive",
        "request",
        "route",
        "started",
    )

    def __init__(
        self,
        method: str,
        headers: dict[bytes, bytes],
        query_string: bytes,
        started: float,
        receive: Callable[[], Awaitable[Any]] | None = None,
    ) -> None:
        self.method = method
        self.headers = headers
        self.query_string = query_string
        self.receive: Any = receive
        self.started = started
        self.route: Route | None = None
        self.names: dict[str, str] = {}
        self.caller: Caller = ANYONE
        self.request: Any = None
        self.answer: Any = None

    def take(self, match: Match) -> None:
        """Remember which route was found."""
        self.route = match.route
        self.names = match.names

    @property
    def request_id(self) -> str | None:
        """Return the caller's x-request-id where it is fit to be repeated in logs and headers."""
        text = self.headers.get(REQUEST_ID)
        if text is None or not 0 < len(text) <= MAX_REQUEST_ID:
            return None
        if not all(0x21 <= byte <= 0x7E for byte in text):
            return None
        return text.decode("ascii")

    def query(self) -> dict[str, str]:
        """Return the fields of the query string; BadInput where it is not UTF-8 or too long."""
        if not self.query_string:
            return {}
        try:
            return dict(
                parse_qsl(
                    self.query_string.decode("ascii"),
                    keep_blank_values=True,
                    errors="strict",
                    max_num_fields=MAX_QUERY_FIELDS,
                )
            )
        except ValueError as error:
            raise BadInput(
                f"the query string is not valid UTF-8 or has more than {MAX_QUERY_FIELDS} fields"
            ) from error


def raw_path_of(scope: Mapping[str, Any]) -> bytes:
    """Return the path as it stood on the wire, percent signs and all, without the query."""
    raw = scope.get("raw_path")
    if isinstance(raw, bytes):
        return raw.partition(b"?")[0]
    text: str = scope["path"]  # servers need not give raw_path; this text is decoded already
    return text.replace("%", "%25").encode("utf-8", "surrogatepass")
