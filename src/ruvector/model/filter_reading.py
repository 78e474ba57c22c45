"""Is this JSON object a filter, and which one?

The wire's form has clauses (`must`, `should`, `must_not`, `min_should`) of conditions; a clause is
one object or a list. Everything is strict: an unknown field, a wrong type or an unsupported
condition is refused by name, never skipped. Null means absent, as clients send it.

Reading stops at `FILTER_DEPTH_MAX` levels, so it needs no deeper stack than that however deep the
input is. Pure.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from ruvector.errors import BadInput, InvalidRequest, MalformedRequest
from ruvector.model.conditions import (
    Condition,
    DatetimeRange,
    Filter,
    HasId,
    HasVector,
    IsEmpty,
    IsNull,
    MatchAny,
    MatchExcept,
    MatchPrefix,
    MatchSubstring,
    MatchText,
    MatchValue,
    MinShould,
    Nested,
    NumberRange,
    Slice,
    ValuesCount,
)
from ruvector.model.datetimes import microseconds_of, parse_datetime
from ruvector.model.geo_reading import read_box, read_polygon, read_radius
from ruvector.model.paths import parse_path
from ruvector.model.reading import object_of, quoted, short, text_of, wrong_type

FILTER_DEPTH_MAX: Final = 64
"""Levels of filters within filters, as for prefetches; people write two or three."""

CONDITIONS_MAX: Final = 65_536
"""Conditions in one filter: generous for generated filters, small enough to plan in a second."""

VALUES_MAX: Final = 1_000_000
"""Values of all `any`, `except` and `has_id` lists of one filter together."""

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**64 - 1
POINT_ID_MAX: Final = 2**64 - 1

SLICES_MAX: Final = 2**32 - 1
"""Slices of the id space: the wire's unsigned 32-bit integer."""

CLAUSES: Final = ("must", "should", "must_not", "min_should")
BOUNDS: Final = ("gt", "gte", "lt", "lte")
TEXT_CHARACTERS_MAX: Final = 65_536
"""The longest text of a condition; its words are looked up one by one."""


def parse_filter(source: Mapping[str, Any] | None, *, path: str = "filter") -> Filter | None:
    """Return the filter that a wire object describes, None for None.

    Errors name the place, starting with `path`: MalformedRequest for wrong types and unknown
    fields, InvalidRequest for values out of range, BadInput beyond a limit or for what is not
    supported.

    >>> parse_filter({"must": {"key": "city", "match": {"value": "Oslo"}}}).must
    (MatchValue(key='city', value='Oslo'),)
    """
    return None if source is None else _Reader().filter(source, path, 1)


class _Reader:
    """One reading of one filter; counts what is limited."""

    def __init__(self) -> None:
        self.conditions = 0
        self.values = 0
        self.nested = 0

    def filter(self, source: Any, path: str, depth: int) -> Filter:
        if depth > FILTER_DEPTH_MAX:
            raise BadInput(
                f"filters are nested more than {FILTER_DEPTH_MAX} deep, the largest allowed; "
                "flatten them"
            )
        given = object_of(source, path, CLAUSES)
        clauses = {
            name: self._clause(given[name], f"{path}.{name}", depth)
            for name in ("must", "should", "must_not")
            if name in given
        }
        min_should = given.get("min_should")
        if min_should is not None:
            min_should = self._min_should(min_should, f"{path}.min_should", depth)
        return Filter(**clauses, min_should=min_should)

    def _clause(self, source: Any, path: str, depth: int) -> tuple[Condition, ...]:
        if isinstance(source, Mapping):
            return (self._condition(source, path, depth),)
        items = _list(source, path)
        if self.conditions + len(items) > CONDITIONS_MAX:
            raise BadInput(f"a filter has more than {CONDITIONS_MAX} conditions at {path}")
        return tuple(self._condition(item, f"{path}[{i}]", depth) for i, item in enumerate(items))

    def _min_should(self, source: Any, path: str, depth: int) -> MinShould:
        given = object_of(source, path, ("conditions", "min_count"))
        for name in ("conditions", "min_count"):
            if name not in given:
                raise MalformedRequest(f"{path}: missing field `{name}`")
        count = given["min_count"]
        if type(count) is not int or count < 0:
            raise wrong_type(f"{path}.min_count", "an unsigned integer", count)
        if count == 0:
            raise InvalidRequest.of(
                f"{path}.min_count", count, "must be greater than or equal to 1"
            )
        return MinShould(self._clause(given["conditions"], f"{path}.conditions", depth), count)

    def _condition(self, source: Any, path: str, depth: int) -> Condition:
        self.conditions += 1
        if self.conditions > CONDITIONS_MAX:
            raise BadInput(f"a filter has more than {CONDITIONS_MAX} conditions at {path}")
        if not isinstance(source, Mapping):
            raise wrong_type(path, "a condition object", source)
        if "key" in source:
            return self._field(source, path)
        for name, read in _CONDITIONS.items():
            if name in source:
                given = object_of(source, path, (name,))
                if name not in given:
                    raise wrong_type(f"{path}.{name}", "a value", None)
                return read(self, given[name], f"{path}.{name}", depth)
        for name in source:
            if name not in CLAUSES:
                raise MalformedRequest(
                    f"{path}: unknown condition `{short(name)}`, expected `key` with a field "
                    f"condition, one of {quoted((*_CONDITIONS, *CLAUSES))}"
                )
        return self.filter(source, path, depth + 1)

    def _field(self, source: Mapping[str, Any], path: str) -> Condition:
        given = object_of(source, path, ("key", *_FIELDS))
        key = _key(given.pop("key", None), f"{path}.key")
        if not given:
            raise InvalidRequest(f"[{path}: At least one field condition must be specified]")
        if len(given) > 1:
            raise BadInput(
                f"{path} has {quoted(tuple(given))} at once; "
                "give one per condition and combine them with must or should"
            )
        ((name, value),) = given.items()
        return _FIELDS[name](self, key, value, f"{path}.{name}")

    def match(self, key: str, source: Any, path: str) -> Condition:
        given = object_of(source, path, tuple(_MATCHES))
        if len(given) != 1:
            raise MalformedRequest(f"{path}: expected exactly one of {quoted(tuple(_MATCHES))}")
        ((name, value),) = given.items()
        return _MATCHES[name](self, key, value, f"{path}.{name}")

    def match_value(self, key: str, value: Any, path: str) -> Condition:
        if type(value) not in (str, bool, int):
            raise wrong_type(path, "a string, an integer or a boolean", value)
        if type(value) is int:
            _check_integer(value, path)
        return MatchValue(key, value)

    def match_any(self, key: str, value: Any, path: str) -> Condition:
        return MatchAny(key, self._values(value, path))

    def match_except(self, key: str, value: Any, path: str) -> Condition:
        return MatchExcept(key, self._values(value, path))

    def match_text(self, key: str, value: Any, path: str) -> Condition:
        return MatchText(key, _text(value, path), "all")

    def match_text_any(self, key: str, value: Any, path: str) -> Condition:
        return MatchText(key, _text(value, path), "any")

    def match_phrase(self, key: str, value: Any, path: str) -> Condition:
        return MatchText(key, _text(value, path), "phrase")

    def match_prefix(self, key: str, value: Any, path: str) -> Condition:
        return MatchPrefix(key, text_of(value, path))

    def match_substring(self, key: str, value: Any, path: str) -> Condition:
        return MatchSubstring(key, text_of(value, path))

    def _values(self, source: Any, path: str) -> tuple[Any, ...]:
        given = _list(source, path)
        self._count_values(len(given), path)
        values = tuple(given)
        kinds = set(map(type, values))
        if len(kinds) > 1 or not kinds <= {str, int}:
            raise MalformedRequest(f"{path}: expected only strings, or only integers")
        if kinds == {int}:
            for value in (min(values), max(values)):
                _check_integer(value, path)
        return values

    def range(self, key: str, source: Any, path: str) -> Condition:
        given = object_of(source, path, BOUNDS)
        if any(isinstance(bound, str | date) for bound in given.values()):
            return DatetimeRange(
                key=key, **{name: _moment(given[name], f"{path}.{name}") for name in given}
            )
        for name, bound in given.items():
            if type(bound) not in (int, float) or bound != bound:
                raise wrong_type(f"{path}.{name}", "a number or a datetime", bound)
        return NumberRange(key=key, **given)

    def values_count(self, key: str, source: Any, path: str) -> Condition:
        given = object_of(source, path, BOUNDS)
        for name, bound in given.items():
            if type(bound) is not int or bound < 0:
                raise wrong_type(f"{path}.{name}", "an unsigned integer", bound)
        return ValuesCount(key=key, **given)

    def geo_radius(self, key: str, source: Any, path: str) -> Condition:
        return read_radius(key, source, path)

    def geo_box(self, key: str, source: Any, path: str) -> Condition:
        return read_box(key, source, path)

    def geo_polygon(self, key: str, source: Any, path: str) -> Condition:
        return read_polygon(key, source, path)

    def field_is_empty(self, key: str, source: Any, path: str) -> Condition:
        return IsEmpty(key, _boolean(source, path))

    def field_is_null(self, key: str, source: Any, path: str) -> Condition:
        return IsNull(key, _boolean(source, path))

    def is_empty(self, source: Any, path: str, _depth: int) -> Condition:
        return IsEmpty(_key(object_of(source, path, ("key",)).get("key"), f"{path}.key"))

    def is_null(self, source: Any, path: str, _depth: int) -> Condition:
        return IsNull(_key(object_of(source, path, ("key",)).get("key"), f"{path}.key"))

    def has_id(self, source: Any, path: str, _depth: int) -> Condition:
        self._refuse_inside_nested("has_id", path)
        ids = _list(source, path)
        self._count_values(len(ids), path)
        return HasId(tuple(_point_id(value, f"{path}[{i}]") for i, value in enumerate(ids)))

    def has_vector(self, source: Any, path: str, _depth: int) -> Condition:
        self._refuse_inside_nested("has_vector", path)
        if not isinstance(source, str):
            raise wrong_type(path, "a vector's name", source)
        return HasVector(source)

    def slice(self, source: Any, path: str, _depth: int) -> Condition:
        self._refuse_inside_nested("slice", path)
        given = object_of(source, path, ("total", "index"))
        for name in ("total", "index"):
            value = given.get(name)
            if type(value) is not int or not 0 <= value <= SLICES_MAX:
                raise wrong_type(f"{path}.{name}", "an unsigned 32-bit integer", value)
        total, index = given["total"], given["index"]
        if total == 0:
            raise MalformedRequest(f"{path}.total: expected 1 or more slices, got 0")
        if index >= total:
            rule = f"must be below total, which is {total}"
            raise InvalidRequest.of(f"{path}.index", index, rule)
        return Slice(total, index)

    def nested_filter(self, source: Any, path: str, depth: int) -> Condition:
        given = object_of(source, path, ("key", "filter"))
        key = _key(given.get("key"), f"{path}.key")
        if "filter" not in given:
            raise MalformedRequest(f"{path}: missing field `filter`")
        self.nested += 1
        inner = self.filter(given["filter"], f"{path}.filter", depth + 1)
        self.nested -= 1
        return Nested(key, inner)

    def _refuse_inside_nested(self, name: str, path: str) -> None:
        if self.nested:
            raise BadInput(
                f"{path}: {name} speaks of points and can't be used inside a nested filter, "
                "which speaks of array elements; move it beside the nested condition"
            )

    def _count_values(self, number: int, path: str) -> None:
        self.values += number
        if self.values > VALUES_MAX:
            raise BadInput(
                f"the lists of a filter hold {self.values} values at {path}; "
                f"the largest allowed is {VALUES_MAX}"
            )


_CONDITIONS: Final[dict[str, Callable[[_Reader, Any, str, int], Condition]]] = {
    "is_empty": _Reader.is_empty,
    "is_null": _Reader.is_null,
    "has_id": _Reader.has_id,
    "has_vector": _Reader.has_vector,
    "slice": _Reader.slice,
    "nested": _Reader.nested_filter,
}
_FIELDS: Final[dict[str, Callable[[_Reader, str, Any, str], Condition]]] = {
    "match": _Reader.match,
    "range": _Reader.range,
    "values_count": _Reader.values_count,
    "geo_radius": _Reader.geo_radius,
    "geo_bounding_box": _Reader.geo_box,
    "geo_polygon": _Reader.geo_polygon,
    "is_empty": _Reader.field_is_empty,
    "is_null": _Reader.field_is_null,
}
_MATCHES: Final[dict[str, Callable[[_Reader, str, Any, str], Condition]]] = {
    "value": _Reader.match_value,
    "any": _Reader.match_any,
    "except": _Reader.match_except,
    "text": _Reader.match_text,
    "text_any": _Reader.match_text_any,
    "phrase": _Reader.match_phrase,
    "prefix": _Reader.match_prefix,
    "substring": _Reader.match_substring,
}


def _list(source: Any, path: str) -> Sequence[Any]:
    if source is None:
        return ()
    if not isinstance(source, list | tuple):
        raise wrong_type(path, "a list", source)
    return source


def _boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise wrong_type(path, "a boolean", value)
    return value


def _key(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise wrong_type(path, "a payload key", value)
    parse_path(value)
    return value


def _point_id(value: Any, path: str) -> int | str:
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, str):
        return value
    if type(value) is not int or not 0 <= value <= POINT_ID_MAX:
        raise wrong_type(path, "a point id: an unsigned 64-bit integer or a string", value)
    return value


def _check_integer(value: int, path: str) -> None:
    if not INTEGER_MIN <= value <= INTEGER_MAX:
        raise MalformedRequest(f"{path}: integer outside {INTEGER_MIN} .. {INTEGER_MAX}")


def _text(value: Any, path: str) -> str:
    text = text_of(value, path)
    if len(text) > TEXT_CHARACTERS_MAX:
        rule = f"must have at most {TEXT_CHARACTERS_MAX}"
        raise InvalidRequest.of(path, f"of {len(text)} characters", rule)
    return text


def _moment(value: Any, path: str) -> int:
    if isinstance(value, date):
        return microseconds_of(value)
    moment = parse_datetime(value) if isinstance(value, str) else None
    if moment is None:
        raise wrong_type(path, "a datetime like 2024-01-31T12:00:00Z", value)
    return moment
