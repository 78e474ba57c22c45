"""What can a filter say?

One frozen Struct per condition; a condition on a payload key carries the key. Values are checked
when a request is read (`filter_reading`), so what exists here is well formed.

To add a condition: a Struct here and in `Condition`, a row in the tables of `filter_reading`,
an evaluator in the table of `filter_matching`, and, for speed, an index that serves it.
"""

from typing import Literal

import msgspec

from ruvector.model.text.analysis import Analyzer

Position = tuple[float, float]
"""Longitude and latitude in degrees."""


class MatchValue(msgspec.Struct, frozen=True):
    """Any value at the key equals this one, type included: 1, 1.0 and true are three values."""

    key: str
    value: str | int | bool


class MatchAny(msgspec.Struct, frozen=True):
    """Any value at the key is one of these; none if the list is empty."""

    key: str
    values: tuple[str, ...] | tuple[int, ...]


class MatchExcept(msgspec.Struct, frozen=True):
    """Some value at the key, not null, is none of these."""

    key: str
    values: tuple[str, ...] | tuple[int, ...]


class MatchPrefix(msgspec.Struct, frozen=True):
    """Any string at the key starts with this one, which may be empty."""

    key: str
    prefix: str


class MatchSubstring(msgspec.Struct, frozen=True):
    """Any string at the key contains this one, which may be empty."""

    key: str
    substring: str


class TextRules(msgspec.Struct, frozen=True):
    """How a field's text index reads texts. `array`: each object of it is a text of its own.

    `inner` is then the key inside such an object.
    """

    analyzer: Analyzer
    array: str | None = None
    inner: str = ""


class MatchText(msgspec.Struct, frozen=True):
    """The strings at the key hold all of the words, any of them, or all as a phrase.

    Words are those of `rules`, the field's text index. Without one a string must contain the text
    itself (`any`: one of the words between its spaces).
    """

    key: str
    text: str
    mode: Literal["all", "any", "phrase"]
    rules: TextRules | None = None


class NumberRange(msgspec.Struct, frozen=True, kw_only=True):
    """Any number at the key lies in the range; ints and floats are compared exactly."""

    key: str
    gt: int | float | None = None
    gte: int | float | None = None
    lt: int | float | None = None
    lte: int | float | None = None


class DatetimeRange(msgspec.Struct, frozen=True, kw_only=True):
    """Any datetime text at the key lies in the range, in microseconds since the epoch."""

    key: str
    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


class GeoRadius(msgspec.Struct, frozen=True):
    """Any position at the key is nearer to the center than `radius` metres on the sphere."""

    key: str
    center: Position
    radius: float


class GeoBox(msgspec.Struct, frozen=True):
    """Any position at the key lies inside, not on, the box; west > east crosses longitude 180."""

    key: str
    west: float
    north: float
    east: float
    south: float


class GeoPolygon(msgspec.Struct, frozen=True):
    """Any position at the key lies inside the exterior ring and outside the interior ones.

    Rings are closed: the last position is the first. Positions on a line are outside.
    """

    key: str
    exterior: tuple[Position, ...]
    interiors: tuple[tuple[Position, ...], ...] = ()


class ValuesCount(msgspec.Struct, frozen=True, kw_only=True):
    """A value at the key has so many elements: an array its length, null none, others one."""

    key: str
    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


class IsEmpty(msgspec.Struct, frozen=True):
    """Nothing at the key but nulls and empty arrays, or (`wanted` false) something."""

    key: str
    wanted: bool = True


class IsNull(msgspec.Struct, frozen=True):
    """A null, or an array with a null in it, is at the key, or (`wanted` false) none is."""

    key: str
    wanted: bool = True


class HasId(msgspec.Struct, frozen=True):
    """The point's id is one of these."""

    ids: tuple[int | str, ...]


class Slice(msgspec.Struct, frozen=True):
    """The point's id hashes into this one of `total` slices of the id space."""

    total: int
    index: int


class HasVector(msgspec.Struct, frozen=True):
    """The point has a vector of this name ("" is the default one)."""

    name: str


class Nested(msgspec.Struct, frozen=True):
    """One object of the array at the key fulfils the whole filter."""

    key: str
    filter: "Filter"


class MinShould(msgspec.Struct, frozen=True):
    """At least `min_count` of the conditions hold."""

    conditions: "tuple[Condition, ...]"
    min_count: int


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """All of `must`, one of `should` if there are any, none of `must_not`, and `min_should`."""

    must: "tuple[Condition, ...]" = ()
    should: "tuple[Condition, ...]" = ()
    must_not: "tuple[Condition, ...]" = ()
    min_should: MinShould | None = None


FieldCondition = (
    MatchValue
    | MatchAny
    | MatchExcept
    | MatchPrefix
    | MatchSubstring
    | MatchText
    | NumberRange
    | DatetimeRange
    | GeoRadius
    | GeoBox
    | GeoPolygon
    | ValuesCount
    | IsEmpty
    | IsNull
)
Condition = FieldCondition | HasId | HasVector | Slice | Nested | Filter
