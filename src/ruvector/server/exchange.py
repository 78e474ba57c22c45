"""What is known of one HTTP request before its body is read?"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from ruvector.errors import BadInput
from ruvector.kernel.deadlines import Deadline
from ruvector.kernel.timing import Stages
from ruvector.security.callers import ANYONE, Caller
from ruvector.server.router import Match, Route

MAX_REQUEST_ID = 128  # characters: an id, not a message
MAX_QUERY_FIELDS = 64
REQUEST_ID = b"x-request-id"
GIVEN_IDS = (REQUEST_ID, b"x-tracing-id", b"traceparent")  # the first that is fit is taken
BEGUN = "ruvector.exchange"  # the key in a scope of an exchange that was begun before it


class Exchange:
    """One request on its way. Owned by its task.

    `caller` is who asks, once they were let in, `address` where the request came from; `request`
    and `answer` are what was found out already, by a try to answer it on the spot. Of a large
    request `request` keeps no more than its shape.
    """

    __slots__ = (
        "_request_id",
        "address",
        "answer",
        "caller",
        "deadline",
        "headers",
        "method",
        "names",
        "query_string",
        "receive",
        "request",
        "route",
        "stages",
        "started",
    )

    def __init__(
        self,
        method: str,
        headers: dict[bytes, bytes],
        query_string: bytes,
        started: float,
        receive: Callable[[], Awaitable[Any]] | None = None,
        address: str = "",
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
        self.address = address
        self.stages: Stages | None = None  # where traces are made
        self.deadline: Deadline | None = None  # of the work that was begun for it
        self._request_id: str | None = None

    def take(self, match: Match) -> None:
        """Remember which route was found."""
        self.route = match.route
        self.names = match.names

    def mark(self, stage: str) -> None:
        """Note that a stage of the work has ended, where somebody wants to know."""
        if self.stages is not None:
            self.stages.mark(stage)

    def abandon(self) -> None:
        """Stop what is done for it: nobody is there to read the answer."""
        if self.deadline is not None:
            self.deadline.cancel()

    @property
    def request_id(self) -> str:
        """Return the caller's id where it is fit to be repeated, else one made here."""
        if self._request_id is None:
            self._request_id = given_id(self.headers) or made_id()
        return self._request_id

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


def given_id(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the id that the caller gave its request, where logs and headers can repeat it."""
    for name in GIVEN_IDS:
        text = headers.get(name)
        if text and len(text) <= MAX_REQUEST_ID and all(0x21 <= byte <= 0x7E for byte in text):
            return text.decode("ascii")
    return None


def made_id() -> str:
    """Return an id that no other request of this or another server has."""
    return f"{PROCESS}-{next_number():x}"


PROCESS = secrets.token_hex(8)
next_number = count(1).__next__


def raw_path_of(scope: Mapping[str, Any]) -> bytes:
    """Return the path as it stood on the wire, percent signs and all, without the query."""
    raw = scope.get("raw_path")
    if isinstance(raw, bytes):
        return raw.partition(b"?")[0]
    text: str = scope["path"]  # servers need not give raw_path; this text is decoded already
    return text.replace("%", "%25").encode("utf-8", "surrogatepass")
