"""Does this payload fulfil that filter?

A filter is compiled once into nested closures and then tried on many payloads; each simple
condition costs a fraction of a microsecond. What a payload cannot tell (ids, vectors), and whatever
an index knows better, is asked of a `leaf`: a function that may return the check for a condition
itself.

Pure: no state outlives a call, any thread may use a compiled check.
"""

from collections.abc import Callable
from typing import Any, Protocol

from ruvector.errors import BadInput
from ruvector.model.conditions import (
    Condition,
    DatetimeRange,
    Filter,
    GeoBox,
    GeoPolygon,
    GeoRadius,
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
from ruvector.model.datetimes import parse_datetime
from ruvector.model.geometry import GeoCondition, is_inside, position_of
from ruvector.model.paths import parse_path, resolve, values_at
from ruvector.model.text_matching import objects_at, text_check

Payload = dict[str, Any]
Check = Callable[[Payload, Any], bool]
"""A compiled condition: the payload, and whatever the leaves need to know the point by."""
Leaf = Callable[[Condition], Check | None]
ValueTest = Callable[[Any], bool]


class PointContext(Protocol):
    """What a single point says of itself beyond its payload."""

    def has_id(self, ids: tuple[int | str, ...]) -> bool:
        """Return whether the point's id is one of these."""
        ...

    def has_vector(self, name: str) -> bool:
        """Return whether the point has a vector of this name."""
        ...

    def in_slice(self, total: int, index: int) -> bool:
        """Return whether the point's id falls into this slice of the id space."""
        ...


def matches(filter: Filter | None, payload: Payload, context: PointContext | None = None) -> bool:
    """Return whether one point fulfils the filter; for many, compile it once.

    >>> matches(Filter(must=(MatchValue("city", "Oslo"),)), {"city": ["Rome", "Oslo"]})
    True
    """
    return filter is None or compile_filter(filter)(payload, context)


def compile_filter(filter: Filter, leaf: Leaf | None = None) -> Check:
    """Return the check ``(payload, point) -> bool`` for a filter."""
    return _compile(filter, leaf or _ask_context)


def is_blank(value: Any) -> bool:
    """Return whether a value counts as nothing for `is_empty`: null or an empty array."""
    return value is None or (isinstance(value, list) and not value)


def holds_null(value: Any) -> bool:
    """Return whether a value is null, or an array with a null directly in it."""
    return value is None or (isinstance(value, list) and None in value)


def _ask_context(condition: Condition) -> Check | None:
    if isinstance(condition, HasId):
        ids = condition.ids
        return lambda _payload, point: _known(point).has_id(ids)
    if isinstance(condition, HasVector):
        name = condition.name
        return lambda _payload, point: _known(point).has_vector(name)
    if isinstance(condition, Slice):
        total, index = condition.total, condition.index
        return lambda _payload, point: _known(point).in_slice(total, index)
    return None


def _known(point: PointContext | None) -> PointContext:
    if point is None:
        raise BadInput("has_id, has_vector and slice need a point; this place has only its payload")
    return point


def _compile(condition: Condition, leaf: Leaf) -> Check:
    return leaf(condition) or _EVALUATORS[type(condition)](condition, leaf)


def _compile_filter(filter: Filter, leaf: Leaf) -> Check:
    checks = [_compile(condition, leaf) for condition in filter.must]
    if filter.should:
        checks.append(_any_of([_compile(condition, leaf) for condition in filter.should]))
    if filter.must_not:
        checks.append(_none_of([_compile(condition, leaf) for condition in filter.must_not]))
    if filter.min_should is not None:
        checks.append(_some_of(filter.min_should, leaf))
    return _all_of(checks)


def _all_of(checks: list[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]

    def check(payload: Payload, point: Any) -> bool:
        for one in checks:  # noqa: SIM110 - a generator would double the cost
            if not one(payload, point):
                return False
        return True

    return check


def _any_of(checks: list[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]

    def check(payload: Payload, point: Any) -> bool:
        for one in checks:  # noqa: SIM110
            if one(payload, point):
                return True
        return False

    return check


def _none_of(checks: list[Check]) -> Check:
    any_of = _any_of(checks)
    return lambda payload, point: not any_of(payload, point)


def _some_of(clause: MinShould, leaf: Leaf) -> Check:
    checks = [_compile(condition, leaf) for condition in clause.conditions]

    def check(payload: Payload, point: Any) -> bool:
        missing = clause.min_count
        for one in checks:
            if one(payload, point):
                missing -= 1
                if missing == 0:
                    return True
        return False

    return check


def _any_value(key: str, test: ValueTest) -> Check:
    """Return the check that any value at the key passes a test; the test refuses None."""
    path = parse_path(key)
    name = path.name
    if name is None:
        return lambda payload, _point: any(map(test, values_at(payload, path)))

    def check(payload: Payload, _point: Any) -> bool:
        value = payload.get(name)
        if value.__class__ is list:
            for element in value:  # noqa: SIM110
                if test(element):
                    return True
            return False
        return test(value)

    return check


def _match_value(condition: MatchValue, _leaf: Leaf) -> Check:
    wanted, kind = condition.value, type(condition.value)
    return _any_value(condition.key, lambda value: value.__class__ is kind and value == wanted)


def _match_any(condition: MatchAny, _leaf: Leaf) -> Check:
    wanted = frozenset(condition.values)
    kind = type(condition.values[0]) if condition.values else str
    return _any_value(condition.key, lambda value: value.__class__ is kind and value in wanted)


def _match_except(condition: MatchExcept, _leaf: Leaf) -> Check:
    listed = frozenset(condition.values)
    kind = type(condition.values[0]) if condition.values else str
    return _any_value(
        condition.key,
        lambda value: value is not None and (value.__class__ is not kind or value not in listed),
    )


def _match_prefix(condition: MatchPrefix, _leaf: Leaf) -> Check:
    prefix = condition.prefix
    return _any_value(
        condition.key, lambda value: value.__class__ is str and value.startswith(prefix)
    )


def _match_substring(condition: MatchSubstring, _leaf: Leaf) -> Check:
    wanted = condition.substring
    return _any_value(condition.key, lambda value: value.__class__ is str and wanted in value)


def _match_text(condition: MatchText, _leaf: Leaf) -> Check:
    check = text_check(condition)
    return lambda payload, _point: check(payload)


def _geo(condition: GeoCondition, _leaf: Leaf) -> Check:
    inside = is_inside(condition)

    def test(value: Any) -> bool:
        position = position_of(value)
        return position is not None and inside(position)

    return _any_value(condition.key, test)


def _number_range(condition: NumberRange, _leaf: Leaf) -> Check:
    inside = within(condition)
    return _any_value(
        condition.key,
        lambda value: (value.__class__ is int or value.__class__ is float) and inside(value),
    )


def _datetime_range(condition: DatetimeRange, _leaf: Leaf) -> Check:
    inside = within(condition)

    def test(value: Any) -> bool:
        if value.__class__ is not str:
            return False
        moment = parse_datetime(value)
        return moment is not None and inside(moment)

    return _any_value(condition.key, test)


def within(bounds: NumberRange | DatetimeRange | ValuesCount) -> Callable[[Any], bool]:
    """Return the test of one value of the right type against the bounds."""
    gt, gte, lt, lte = bounds.gt, bounds.gte, bounds.lt, bounds.lte

    def inside(value: Any) -> bool:
        return (
            (gt is None or value > gt)
            and (gte is None or value >= gte)
            and (lt is None or value < lt)
            and (lte is None or value <= lte)
        )

    return inside


def _values_count(condition: ValuesCount, _leaf: Leaf) -> Check:
    path, inside = parse_path(condition.key), within(condition)

    def check(payload: Payload, _point: Any) -> bool:
        values = resolve(payload, path)
        if not values:
            return inside(0)
        return any(inside(_count(value)) for value in values)

    return check


def _count(value: Any) -> int:
    if isinstance(value, list):
        return len(value)
    return 0 if value is None else 1


def _is_empty(condition: IsEmpty, _leaf: Leaf) -> Check:
    path, wanted = parse_path(condition.key), condition.wanted
    return lambda payload, _point: all(map(is_blank, resolve(payload, path))) is wanted


def _is_null(condition: IsNull, _leaf: Leaf) -> Check:
    path, wanted = parse_path(condition.key), condition.wanted
    return lambda payload, _point: any(map(holds_null, resolve(payload, path))) is wanted


def _nested(condition: Nested, _leaf: Leaf) -> Check:
    # Inside, keys count from the element, so what an index or a context says of the point
    # means nothing there: the leaf is not passed on.
    inner = compile_filter(condition.filter)
    array = parse_path(condition.key)
    return lambda payload, _point: any(
        inner(element, None) for element in objects_at(payload, array)
    )


_EVALUATORS: dict[type, Callable[[Any, Leaf], Check]] = {
    Filter: _compile_filter,
    MatchValue: _match_value,
    MatchAny: _match_any,
    MatchExcept: _match_except,
    MatchPrefix: _match_prefix,
    MatchSubstring: _match_substring,
    MatchText: _match_text,
    NumberRange: _number_range,
    DatetimeRange: _datetime_range,
    GeoRadius: _geo,
    GeoBox: _geo,
    GeoPolygon: _geo,
    ValuesCount: _values_count,
    IsEmpty: _is_empty,
    IsNull: _is_null,
    Nested: _nested,
}
