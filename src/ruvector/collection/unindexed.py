"""Which fields do filters read from payloads because no index answers? And what would help?

A registry of one shard, for the report of issues, and for the shard itself, which makes a side
index once a field was read often enough. Any thread may use it. Bounded: the fields that were read
least recently are forgotten.
"""

import threading
import time
from typing import Final

import msgspec

from ruvector.model import conditions as c

FIELDS_MAX: Final = 256
"""Fields that are remembered."""

_KIND_OF_VALUE: Final = {str: "keyword", int: "integer", bool: "bool"}


class UnindexedField(msgspec.Struct, kw_only=True):
    """A field that filters read without an index; `schema` is the index to create."""

    field: str
    schema: str
    times: int = 0
    payloads_read: int = 0
    last_moment: float = 0.0


def wanted_index(condition: c.FieldCondition) -> str | None:
    """Return the type of index that answers a condition, None where none does."""
    if isinstance(condition, c.MatchValue):
        return _KIND_OF_VALUE[type(condition.value)]
    if isinstance(condition, c.MatchAny | c.MatchExcept):
        return _KIND_OF_VALUE[type(condition.values[0])] if condition.values else "keyword"
    return _KINDS.get(type(condition))


_KINDS: Final = {
    c.MatchPrefix: "keyword",
    c.MatchSubstring: "keyword",
    c.MatchText: "text",
    c.NumberRange: "float",
    c.DatetimeRange: "datetime",
    c.GeoRadius: "geo",
    c.GeoBox: "geo",
    c.GeoPolygon: "geo",
    c.IsEmpty: "keyword",
    c.IsNull: "keyword",
}


class UnindexedFields:
    """(field, type of index) -> how often payloads were read for want of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fields: dict[tuple[str, str], UnindexedField] = {}

    def note(self, field: str, schema: str, payloads_read: int) -> int:
        """Count one filter; return how many payloads were read for this field so far."""
        with self._lock:
            entry = self._fields.pop((field, schema), None)
            entry = entry or UnindexedField(field=field, schema=schema)
            entry.times += 1
            entry.payloads_read += payloads_read
            entry.last_moment = time.time()
            self._fields[(field, schema)] = entry
            if len(self._fields) > FIELDS_MAX:
                del self._fields[next(iter(self._fields))]
            return entry.payloads_read

    def report(self) -> list[UnindexedField]:
        """Return what was noted, the most payloads read first."""
        with self._lock:
            entries = [msgspec.structs.replace(entry) for entry in self._fields.values()]
        return sorted(entries, key=lambda entry: -entry.payloads_read)

    def clear(self, field: str | None = None) -> None:
        """Forget a field, or all."""
        with self._lock:
            self._fields = {
                key: entry
                for key, entry in self._fields.items()
                if field is not None and key[0] != field
            }
