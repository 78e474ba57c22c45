"""How long may a point live? `ttl_seconds` of a point or of a collection, and the moment it names.

An extension: Qdrant's API has no such field, and who never sends it never meets it. A lifetime is
counted from the write; what is stored is the moment of expiry, in milliseconds since 1970, so that
no clock is asked again when the log is replayed.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ruvector.errors import BadInput, InvalidRequest
from ruvector.model.ids import shown
from ruvector.model.reading import wrong_type

Clock = Callable[[], int]  # milliseconds since 1970
Moments = NDArray[np.int64]

TTL_MAX_SECONDS: Final = 3_155_760_000
"""A hundred years."""

TTL_MIN_SECONDS: Final = 0.001
NO_TTL: Final = "Disabled"
"""Takes the lifetime of a collection away; as for quantization."""


def wall_clock() -> int:
    """Return the time of the system's clock."""
    return time.time_ns() // 1_000_000


def parse_ttl(value: Any, path: str) -> float | None:
    """Return a lifetime in seconds, None for null; InvalidRequest for one that makes no sense."""
    if value is None:
        return None
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise wrong_type(path, "a number of seconds", value)
    if not (math.isfinite(value) and TTL_MIN_SECONDS <= value <= TTL_MAX_SECONDS):
        rule = f"must be from {TTL_MIN_SECONDS} to {TTL_MAX_SECONDS} seconds (100 years)"
        raise InvalidRequest.of(path, shown(value), rule)
    return float(value)


def expiries_of(
    ttls: Sequence[Any] | None, default: float | None, count: int, clock: Clock
) -> Moments | None:
    """Return when each of `count` points expires, 0 for never; None where none does.

    `ttls`: a lifetime in seconds a point, None for the default.
    """
    if ttls is None:
        if default is None or not count:
            return None
        return np.full(count, clock() + _milliseconds(default), dtype=np.int64)
    if isinstance(ttls, np.ndarray):
        ttls = ttls.tolist()
    if len(ttls) != count:
        raise BadInput(f"{count} ids but {len(ttls)} ttl_seconds; give one for each, or None")
    now = clock()
    moments = np.zeros(count, dtype=np.int64)
    for position, given in enumerate(ttls):
        ttl = parse_ttl(given, f"points[{position}].ttl_seconds")
        ttl = default if ttl is None else ttl
        if ttl is not None:
            moments[position] = now + _milliseconds(ttl)
    return moments if moments.any() else None


def _milliseconds(seconds: float) -> int:
    return max(1, round(1000 * seconds))
