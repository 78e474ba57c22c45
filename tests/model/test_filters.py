"""Filters as they are read from the wire and written in short; what is refused, and how."""

import datetime
import uuid
from typing import Any

import pytest

from ruvector.errors import BadInput, InvalidRequest, MalformedRequest
from ruvector.model.datetimes import microseconds_of, parse_datetime
from ruvector.model.filters import (
    CONDITIONS_MAX,
    FILTER_DEPTH_MAX,
    VALUES_MAX,
    DatetimeRange,
    Filter,
    HasId,
    HasVector,
    IsEmpty,
    IsNull,
    MatchAny,
    MatchExcept,
    MatchValue,
    MinShould,
    Nested,
    NumberRange,
    ValuesCount,
    compile_filter,
    matches,
    parse_filter,
    shorthand,
)


def must(condition: Any) -> Any:
    """Return the one condition that is read from a filter with it."""
    filter = parse_filter({"must": [condition]})
    assert filter is not None
    (read,) = filter.must
    return read


def test_no_filter_is_no_filter() -> None:
    assert parse_filter(None) is None
    assert matches(None, {})


@pytest.mark.parametrize(
    ("source", "condition"),
    [
        ({"key": "a", "match": {"value": True}}, MatchValue("a", True)),
        ({"key": "a", "match": {"value": 1}, "range": None}, MatchValue("a", 1)),
        ({"key": "a", "match": {"any": ["x"]}}, MatchAny("a", ("x",))),
        ({"key": "a", "match": {"any": []}}, MatchAny("a", ())),
        ({"key": "a", "match": {"except": [1, 2]}}, MatchExcept("a", (1, 2))),
        ({"key": "a", "range": {"gt": 1, "lte": 2.5}}, NumberRange(key="a", gt=1, lte=2.5)),
        ({"key": "a", "range": {"lt": 3, "gt": None}}, NumberRange(key="a", lt=3)),
        ({"key": "a", "range": {}}, NumberRange(key="a")),
        (
            {"key": "a", "range": {"gte": "1970-01-02", "lt": datetime.date(1970, 1, 3)}},
            DatetimeRange(key="a", gte=86_400_000_000, lt=2 * 86_400_000_000),
        ),
        ({"key": "a", "values_count": {"gte": 1}}, ValuesCount(key="a", gte=1)),
        ({"key": "a", "is_empty": False}, IsEmpty("a", False)),
        ({"key": "a", "is_null": True}, IsNull("a", True)),
        ({"is_empty": {"key": "a"}}, IsEmpty("a")),
        ({"is_null": {"key": "a"}}, IsNull("a")),
        ({"has_id": [1, "x"]}, HasId((1, "x"))),
        ({"has_id": [uuid.UUID(int=1)]}, HasId(("00000000-0000-0000-0000-000000000001",))),
        ({"has_vector": ""}, HasVector("")),
        ({"nested": {"key": "a", "filter": {}}}, Nested("a", Filter())),
        ({"should": {"has_id": [1]}}, Filter(should=(HasId((1,)),))),
        ({}, Filter()),
    ],
)
def test_a_condition_is_read(source: Any, condition: Any) -> None:
    assert must(source) == condition


def test_a_clause_is_one_condition_or_a_list() -> None:
    one = {"has_id": [1]}
    assert parse_filter({"must": one}) == parse_filter({"must": [one]})
    assert parse_filter({"must": None, "should": []}) == Filter()
    assert parse_filter({"min_should": {"conditions": one, "min_count": 1}}) == Filter(
        min_should=MinShould((HasId((1,)),), 1)
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"musst": []}, r"filter: unknown field `musst`"),
        ({"must": 1}, r"filter.must: expected a list, got the number 1"),
        ({"must": ["x"]}, r"filter.must\[0\]: expected a condition object"),
        ({"must": [{"bogus": 1}]}, r"filter.must\[0\]: unknown condition `bogus`"),
        ({"must": [{"key": "a", "matchh": {}}]}, r"unknown field `matchh`"),
        ({"must": [{"key": 1, "is_null": True}]}, r"filter.must\[0\].key: expected a payload key"),
        ({"must": [{"key": None, "is_null": True}]}, r"filter.must\[0\].key"),
        ({"must": {"key": "a", "match": {"value": 1.0}}}, r"match.value: expected a string"),
        ({"must": {"key": "a", "match": {"value": 2**64}}}, r"match.value: integer outside"),
        ({"must": {"key": "a", "match": {"any": [1, "x"]}}}, r"match.any: expected only strings"),
        ({"must": {"key": "a", "match": {"any": [1, True]}}}, r"only integers"),
        ({"must": {"key": "a", "match": {"any": [1.0]}}}, r"only integers"),
        ({"must": {"key": "a", "match": {"any": "x"}}}, r"match.any: expected a list"),
        ({"must": {"key": "a", "match": {}}}, r"exactly one of `value`, `any`, `except`"),
        ({"must": {"key": "a", "match": {"value": 1, "any": [1]}}}, r"exactly one"),
        ({"must": {"key": "a", "match": {"fuzzy": 1}}}, r"unknown field `fuzzy`"),
        ({"must": {"key": "a", "range": {"from": 1}}}, r"unknown field `from`"),
        ({"must": {"key": "a", "range": {"gt": True}}}, r"range.gt: expected a number"),
        ({"must": {"key": "a", "range": {"gt": float("nan")}}}, r"range.gt: expected a number"),
        ({"must": {"key": "a", "range": {"gt": "soon"}}}, r"range.gt: expected a datetime"),
        ({"must": {"key": "a", "range": {"gt": 1, "lt": "2024-01-01"}}}, r"range.gt"),
        ({"must": {"key": "a", "values_count": {"gt": -1}}}, r"expected an unsigned integer"),
        ({"must": {"key": "a", "values_count": {"gt": 1.0}}}, r"expected an unsigned integer"),
        ({"must": {"key": "a", "is_empty": 1}}, r"is_empty: expected a boolean"),
        ({"must": {"is_empty": "a"}}, r"is_empty: expected an object"),
        ({"must": {"is_null": {}}}, r"is_null.key: expected a payload key"),
        ({"must": {"is_null": {"key": "a"}, "has_id": []}}, r"unknown field `has_id`"),
        ({"must": {"has_id": [-1]}}, r"has_id\[0\]: expected a point id"),
        ({"must": {"has_id": [True]}}, r"has_id\[0\]: expected a point id"),
        ({"must": {"has_id": [1.0]}}, r"has_id\[0\]: expected a point id"),
        ({"must": {"has_id": [2**64]}}, r"has_id\[0\]: expected a point id"),
        ({"must": {"has_id": 1}}, r"has_id: expected a list"),
        ({"must": {"has_id": None}}, r"has_id: expected a value"),
        ({"must": {"has_vector": 1}}, r"has_vector: expected a vector's name"),
        ({"must": {"nested": {"key": "a"}}}, r"nested: missing field `filter`"),
        ({"must": {"nested": {"filter": {}}}}, r"nested.key: expected a payload key"),
        ({"min_should": {"conditions": []}}, r"filter.min_should: missing field `min_count`"),
        ({"min_should": {"min_count": 1}}, r"missing field `conditions`"),
        ({"min_should": {"conditions": [], "min_count": -1}}, r"expected an unsigned integer"),
        ({"min_should": {"conditions": [], "min_count": True}}, r"expected an unsigned integer"),
        ({"min_should": []}, r"filter.min_should: expected an object"),
        ([], r"filter: expected an object"),
        ({1: 2}, r"unknown field `int`"),
    ],
)
def test_what_cannot_be_read_is_malformed_and_named(source: Any, message: str) -> None:
    with pytest.raises(MalformedRequest, match=message):
        parse_filter(source)


def test_the_place_in_a_message_starts_where_the_caller_says() -> None:
    with pytest.raises(MalformedRequest, match=r"^query\.filter\.must_not\[1\]"):
        parse_filter({"must_not": [{}, 1]}, path="query.filter")


def test_values_out_of_range_are_invalid() -> None:
    with pytest.raises(InvalidRequest, match="At least one field condition must be specified"):
        parse_filter({"must": {"key": "a", "match": None}})
    with pytest.raises(InvalidRequest, match="min_count: value 0 invalid"):
        parse_filter({"min_should": {"conditions": [], "min_count": 0}})


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ({"text": "quick fox"}, False),
        ({"text": "quick brown"}, True),
        ({"text": "Quick"}, False),
        ({"text": "ick br"}, True),
        ({"text": ""}, True),
        ({"text_any": "slow bro"}, True),
        ({"text_any": "slow red"}, False),
        ({"text_any": ""}, False),
        ({"phrase": "brown fox"}, True),
        ({"phrase": "fox brown"}, False),
    ],
)
def test_texts_without_an_index_are_parts_of_strings(match: Any, found: bool) -> None:
    filter = parse_filter({"must": {"key": "a", "match": match}})
    assert matches(filter, {"a": [5, "the quick brown fox"]}) is found
    assert not matches(filter, {"a": None, "b": "the quick brown fox"})


@pytest.mark.parametrize("name", ["text", "text_any", "phrase"])
def test_the_text_of_a_condition_is_a_string_of_bounded_length(name: str) -> None:
    with pytest.raises(MalformedRequest, match=f"{name}: expected a string"):
        parse_filter({"must": {"key": "a", "match": {name: 1}}})
    with pytest.raises(InvalidRequest, match="of 65537 characters invalid, must have at most"):
        parse_filter({"must": {"key": "a", "match": {name: "x" * 65_537}}})


POINT = {"lon": 1, "lat": 2}
RING = {"points": [POINT, {"lon": 3, "lat": 2}, {"lon": 3, "lat": 4}, POINT]}


@pytest.mark.parametrize(
    ("condition", "error", "message"),
    [
        ({"geo_radius": {}}, MalformedRequest, "geo_radius: missing field `center`"),
        (
            {"geo_radius": {"center": {"lon": 180.5, "lat": 0}, "radius": 1}},
            InvalidRequest,
            "center.lon: value 180.5 invalid, must be from -180 to 180",
        ),
        (
            {"geo_radius": {"center": {"lon": 0, "lat": -91}, "radius": 1}},
            InvalidRequest,
            "center.lat: value -91.0 invalid",
        ),
        ({"geo_radius": {"center": POINT, "radius": -1}}, InvalidRequest, "radius: value -1.0"),
        (
            {"geo_radius": {"center": POINT, "radius": float("nan")}},
            InvalidRequest,
            "radius: value nan invalid, must be a finite number",
        ),
        (
            {"geo_radius": {"center": POINT, "radius": 10**400}},
            InvalidRequest,
            "must be a finite number",
        ),
        ({"geo_radius": {"center": [1, 2], "radius": 1}}, MalformedRequest, "expected an object"),
        (
            {"geo_bounding_box": {"top_left": POINT}},
            MalformedRequest,
            "missing field `bottom_right`",
        ),
        (
            {"geo_bounding_box": {"top_left": POINT, "bottom_right": {"lon": 1}}},
            MalformedRequest,
            "bottom_right: missing field `lat`",
        ),
        ({"geo_polygon": {}}, MalformedRequest, "missing field `exterior`"),
        (
            {"geo_polygon": {"exterior": {"points": [POINT] * 3}}},
            InvalidRequest,
            "exterior: 3 points; a closed ring has at least 4",
        ),
        (
            {"geo_polygon": {"exterior": {"points": [*RING["points"], {"lon": 9, "lat": 9}]}}},
            InvalidRequest,
            "must be the same",
        ),
        (
            {"geo_polygon": {"exterior": RING, "interiors": [RING, {"points": []}]}},
            InvalidRequest,
            r"interiors\[1\]: 0 points",
        ),
        (
            {"geo_polygon": {"exterior": {"points": [POINT] * 10_001}}},
            InvalidRequest,
            "of 10001 elements invalid, must have at most 10000",
        ),
        ({"match": {"prefix": 1}}, MalformedRequest, "prefix: expected a string"),
        ({"match": {"substring": ["a"]}}, MalformedRequest, "substring: expected a string"),
    ],
)
def test_regions_and_parts_of_texts_are_checked(condition: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        parse_filter({"must": {"key": "a", **condition}})
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ({"total": 0, "index": 0}, MalformedRequest, "total: expected 1 or more slices"),
        ({"total": 2, "index": 2}, InvalidRequest, "index: value 2 invalid, must be below total"),
        ({"total": 2}, MalformedRequest, "index: expected an unsigned 32-bit integer, got null"),
        ({"total": 2**32, "index": 0}, MalformedRequest, "total: expected an unsigned 32-bit"),
        ({"total": True, "index": 0}, MalformedRequest, "total: expected an unsigned 32-bit"),
        ({"total": 2, "index": -1}, MalformedRequest, "index: expected an unsigned 32-bit"),
        ({"total": 2, "index": 0, "seed": 1}, MalformedRequest, "unknown field `seed`"),
        (3, MalformedRequest, "expected an object"),
    ],
)
def test_slices_are_checked(source: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        parse_filter({"must": {"slice": source}})
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "condition",
    [{"has_id": [1]}, {"has_vector": "v"}, {"slice": {"total": 2, "index": 0}}],
)
def test_conditions_on_points_are_refused_inside_nested_however_deep(condition: Any) -> None:
    inner = {"should": [{"must": condition}]}
    with pytest.raises(BadInput, match="inside a nested filter"):
        parse_filter({"must": {"nested": {"key": "a", "filter": inner}}})
    assert must({"must": [{"nested": {"key": "a", "filter": {}}}, condition]})


def test_several_conditions_in_one_are_refused_rather_than_dropped() -> None:
    with pytest.raises(BadInput, match="`match`, `range` at once"):
        parse_filter({"must": {"key": "a", "match": {"value": 1}, "range": {"gt": 0}}})


def test_a_malformed_key_is_refused() -> None:
    with pytest.raises(BadInput, match="payload key `a\\.` is malformed"):
        parse_filter({"must": {"key": "a.", "is_null": True}})


def nest(levels: int, nested: bool = False) -> dict[str, Any]:
    source: dict[str, Any] = {}
    for _ in range(levels - 1):
        source = {"must": {"nested": {"key": "a", "filter": source}} if nested else [source]}
    return source


@pytest.mark.parametrize("nested", [False, True])
def test_filters_nest_as_deep_as_the_limit_and_no_deeper(nested: bool) -> None:
    deepest = parse_filter(nest(FILTER_DEPTH_MAX, nested))
    assert deepest is not None
    assert matches(deepest, {}) is not nested
    for levels in (FILTER_DEPTH_MAX + 1, 100_000):
        with pytest.raises(BadInput, match="64 deep"):
            parse_filter(nest(levels, nested))


def test_the_number_of_conditions_is_limited() -> None:
    condition = {"is_null": {"key": "a"}}
    assert parse_filter({"must": [condition] * CONDITIONS_MAX})
    with pytest.raises(BadInput, match="more than 65536 conditions"):
        parse_filter({"must": [condition] * CONDITIONS_MAX, "should": condition})


def test_the_number_of_listed_values_is_limited() -> None:
    half = {"key": "a", "match": {"any": [1] * (VALUES_MAX // 2)}}
    assert parse_filter({"must": [half, half]})
    with pytest.raises(BadInput, match="the largest allowed is 1000000"):
        parse_filter({"must": [half, half, {"has_id": [1]}]})


class Point:
    """A point with id 7 and the vector v."""

    def has_id(self, ids: tuple[int | str, ...]) -> bool:
        return 7 in ids

    def has_vector(self, name: str) -> bool:
        return name == "v"


def test_ids_and_vectors_are_asked_of_the_point() -> None:
    filter = parse_filter({"must": [{"has_id": [7]}, {"has_vector": "v"}]})
    assert filter is not None
    assert matches(filter, {}, Point())
    with pytest.raises(BadInput, match="need a point"):
        matches(filter, {})


@pytest.mark.parametrize(
    ("bound", "value", "inside"),
    [
        ({"gt": 2**53}, 2**53 + 1, True),
        ({"gt": float(2**53)}, 2**53 + 1, True),
        ({"lt": 2**63}, 2**63 - 1, True),
        ({"gte": 2**64 - 1}, 2**64 - 1, True),
        ({"gt": 10**400}, float("inf"), True),
        ({"gt": float("inf")}, float("inf"), False),
        ({}, True, False),
        ({}, 1.5, True),
    ],
)
def test_numbers_are_compared_exactly(bound: Any, value: Any, inside: bool) -> None:
    filter = parse_filter({"must": {"key": "a", "range": bound}})
    assert filter is not None
    assert compile_filter(filter)({"a": value}, None) is inside


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ({}, {}),
        ({"a": 1}, {"must": [{"key": "a", "match": {"value": 1}}]}),
        ({"a": True}, {"must": [{"key": "a", "match": {"value": True}}]}),
        ({"a": 1.5}, {"must": [{"key": "a", "range": {"gte": 1.5, "lte": 1.5}}]}),
        ({"a": None}, {"must": [{"is_null": {"key": "a"}}]}),
        ({"a": ["x", "y"]}, {"must": [{"key": "a", "match": {"any": ["x", "y"]}}]}),
        ({"a": {"gte": 3}}, {"must": [{"key": "a", "range": {"gte": 3}}]}),
        ({"a": {"except": [3]}}, {"must": [{"key": "a", "match": {"except": [3]}}]}),
        ({"a": {"is_empty": True}}, {"must": [{"key": "a", "is_empty": True}]}),
        ({"is_empty": {"key": "a"}}, {"must": [{"is_empty": {"key": "a"}}]}),
        (
            {"has_id": [1], "a": "x"},
            {"must": [{"has_id": [1]}, {"key": "a", "match": {"value": "x"}}]},
        ),
        ({"key": "a", "range": {"gt": 1}}, {"must": [{"key": "a", "range": {"gt": 1}}]}),
        ({"key": "x"}, {"must": [{"key": "key", "match": {"value": "x"}}]}),
        ({"must": "x"}, {"must": [{"key": "must", "match": {"value": "x"}}]}),
        ({"must": [{"has_id": [1]}]}, {"must": [{"has_id": [1]}]}),
        ({"should": {"has_id": [1]}, "must": None}, {"should": {"has_id": [1]}, "must": None}),
        (
            {"min_should": {"conditions": [], "min_count": 1}},
            {"min_should": {"conditions": [], "min_count": 1}},
        ),
    ],
)
def test_short_filters_mean_their_full_form(short: Any, full: Any) -> None:
    assert shorthand(short) == full
    parse_filter(full)


@pytest.mark.parametrize("source", [{"a": {}}, {"a": {"almost": 1}}, {"must": [{"x": 1}]}])
def test_what_is_no_short_filter_is_refused_when_read(source: Any) -> None:
    with pytest.raises(MalformedRequest):
        parse_filter(shorthand(source))


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-02-29", (2024, 2, 29)),
        ("2024-1-5", (2024, 1, 5)),
        ("2024-01-05T06:07", (2024, 1, 5, 6, 7)),
        ("2024-01-05 06:07", (2024, 1, 5, 6, 7)),
        ("2024-01-05T06:07:08", (2024, 1, 5, 6, 7, 8)),
        ("2024-01-05T06:07:08Z", (2024, 1, 5, 6, 7, 8)),
        ("2024-01-05T06:07:08z", (2024, 1, 5, 6, 7, 8)),
        ("2024-01-05t06:07:08z", (2024, 1, 5, 6, 7, 8)),
        ("2024-01-05 06:07:08.5+01:30", (2024, 1, 5, 4, 37, 8, 500_000)),
        ("2024-01-05 06:07:08.5 -0100", (2024, 1, 5, 7, 7, 8, 500_000)),
        ("2024-01-05T06:07:08+02", (2024, 1, 5, 4, 7, 8)),
        ("2024-01-05 06:07:08.123456789 UTC", (2024, 1, 5, 6, 7, 8, 123_456)),
        (" 2024-01-05", (2024, 1, 5)),
        ("1969-12-31T23:59:59.999999Z", (1969, 12, 31, 23, 59, 59, 999_999)),
        ("0001-01-01T00:00:00Z", (1, 1, 1)),
    ],
)
def test_a_datetime_is_read_to_the_microsecond(text: str, utc: tuple[int, ...]) -> None:
    moment = datetime.datetime(*utc, tzinfo=datetime.UTC)  # type: ignore[misc,arg-type]
    assert parse_datetime(text) == microseconds_of(moment)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2024", "2024-01", "20240105", "2024-13-01", "2023-02-29", "2024-01-05T06"),
        *("2024-01-05T24:00:00", "2024-01-05T06:60", "2024-01-05T06:07:60", "2024-W01-1T06:07:08"),
        *("2024-01-05T06:07:08,5", "2024-01-05T06:07:08.", "2024-01-05T06:07Z", "2024-01-05Z"),
        *("2024-01-05T06:07:08+25", "2024-01-05\n", "٢٠٢٤-01-05", "2024-01-05" + " " * 100),
    ],
)
def test_what_is_no_datetime_is_none(text: str) -> None:
    assert parse_datetime(text) is None
