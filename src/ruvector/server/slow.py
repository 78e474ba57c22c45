"""Which requests took long? A log line for each above the threshold; the slowest kept in memory.

Kept are SHOWN of each operation, equal ones once with their number, until the process ends. What is
told of a request is its shape: which parts it has, how many, names of fields; never a vector, a
payload, an id or a value that is compared with. Lines are at most LINES_A_SECOND; the next one says
how many were left out. Any thread may add.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from ruvector.server.logs import fields, utc_time
from ruvector.server.metrics import Answered

KEPT_SECONDS = 0.05  # what is slow where no threshold is set: Qdrant's
SHOWN = 32  # of each operation
SLOW_MAX = 1000  # in one answer
LINES_A_SECOND = 10
MAX_DEPTH, MAX_PARTS = 8, 16  # of a shape
# Fields whose text is a name and not a value; fields of which only the size is told.
_NAMES = frozenset({"key", "using", "collection", "vector_name", "field_name", "group_by"})
_CONTENT = frozenset({"payload", "points", "vectors", "vector", "ids", "id", "metadata"})

_log = logging.getLogger("ruvector.slow")


class SlowRequest(msgspec.Struct):
    """One kept request, with the wire's names."""

    collection_name: str | None
    duration: float
    datetime: str
    request_name: str
    approx_count: int
    request_body: Any
    request_id: str


class SlowRequests:
    """The slow requests of one server. `threshold`: seconds; None logs nothing."""

    def __init__(
        self, threshold: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logged = threshold
        self.threshold = KEPT_SECONDS if threshold is None else threshold
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, dict[bytes, SlowRequest]] = {}
        self._second = -1
        self._lines = self._left_out = 0

    def add(self, answered: Answered) -> None:
        """Take a request that was slower than the threshold."""
        told = SlowRequest(
            collection_name=answered.collection,
            duration=round(answered.seconds, 6),
            datetime=utc_time(answered.ended),
            request_name=answered.label,
            approx_count=1,
            request_body=_shape_of(answered.request),
            request_id=answered.request_id,
        )
        with self._lock:
            self._keep(told)
            left_out = self._lines_left_out() if self._logged is not None else None
        if left_out is not None:
            more = {"left_out": left_out} if left_out else {}
            _log.warning(
                "slow request",
                extra=fields(
                    operation=told.request_name,
                    collection=told.collection_name,
                    seconds=told.duration,
                    status=answered.endpoint[2],
                    request_id=told.request_id,
                    shape=told.request_body,
                    **more,
                ),
            )

    def slowest(self, limit: int, part_of_name: str) -> list[SlowRequest]:
        """Return what is kept, slowest first."""
        with self._lock:
            found = [
                each
                for label, kept in self._kept.items()
                if part_of_name.lower() in label.lower()
                for each in kept.values()
            ]
        return sorted(found, key=lambda each: -each.duration)[:limit]

    def _keep(self, told: SlowRequest) -> None:
        kept = self._kept.setdefault(told.request_name, {})
        key = msgspec.json.encode((told.collection_name, told.request_body))
        known = kept.get(key)
        if known is not None:
            told.approx_count += known.approx_count
            if known.duration > told.duration:
                known.approx_count += 1
                return
        elif len(kept) >= SHOWN:
            quickest = min(kept, key=lambda each: kept[each].duration)
            if kept[quickest].duration >= told.duration:
                return
            del kept[quickest]
        kept[key] = told

    def _lines_left_out(self) -> int | None:
        """Return how many lines were left out before this one; None where it is left out too."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._lines = second, 0
        if self._lines >= LINES_A_SECOND:
            self._left_out += 1
            return None
        self._lines += 1
        left_out, self._left_out = self._left_out, 0
        return left_out


def _shape_of(request: Any) -> Any:
    """Return the shape of a request; of a large one it was taken while it was in memory."""
    return shape(request) if isinstance(request, msgspec.Struct) else request


def shape(request: msgspec.Struct) -> dict[str, Any]:
    """Return what a request is like without what it says.

    >>> from ruvector.model.requests import Count
    >>> shape(Count(collection="docs", filter={"key": "a", "match": {"value": "b"}}))
    {'collection': 'docs', 'filter': {'key': 'a', 'match': {'value': 'text'}}, 'exact': True}
    """
    return {
        name: _shape(value, name, isinstance(value, bool | int | float), 0)
        for name, value in _given(request)
    }


def _given(request: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    for name in request.__struct_fields__:
        value = getattr(request, name)
        if value is not None and value is not msgspec.UNSET:
            yield name, value


def _shape(value: Any, name: str, shows_numbers: bool, depth: int) -> Any:
    """Return one part; `name`: of the field it stands in; `shows_numbers`: settings, not values."""
    size = len(value) if hasattr(value, "__len__") else 0
    if name in _CONTENT and not isinstance(value, bool):
        return f"{size} parts" if size else "given"
    if isinstance(value, str):
        return value[:100] if name in _NAMES else "text"
    if isinstance(value, bool | int | float) or value is None:
        return value if shows_numbers or isinstance(value, bool) else "number"
    if depth == MAX_DEPTH:
        return "deeper"
    shows_numbers = shows_numbers or name == "params"
    if isinstance(value, msgspec.Struct):
        return {n: _shape(v, n, shows_numbers, depth + 1) for n, v in _given(value)}
    if isinstance(value, Mapping):
        parts = list(value.items())[:MAX_PARTS]
        return {str(n)[:100]: _shape(v, str(n), shows_numbers, depth + 1) for n, v in parts}
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], int | float):
            return f"{size} numbers"
        return [_shape(inner, name, shows_numbers, depth + 1) for inner in value[:MAX_PARTS]]
    return f"{size} parts" if size else "given"
