"""Which points are meant? Filters: what they can say, how they are read, how they are tried.

The four parts live next door, `conditions`, `filter_reading`, `filter_matching` and
`filter_shorthand`; the rest of the package imports them from here.
"""

from ruvector.model.conditions import (
    Condition,
    DatetimeRange,
    FieldCondition,
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
    MatchValue,
    MinShould,
    Nested,
    NumberRange,
    Slice,
    ValuesCount,
)
from ruvector.model.filter_matching import (
    Check,
    Leaf,
    PointContext,
    compile_filter,
    holds_null,
    is_blank,
    matches,
    within,
)
from ruvector.model.filter_reading import (
    CONDITIONS_MAX,
    FILTER_DEPTH_MAX,
    VALUES_MAX,
    parse_filter,
)
from ruvector.model.filter_shorthand import shorthand

__all__ = [
    "CONDITIONS_MAX",
    "FILTER_DEPTH_MAX",
    "VALUES_MAX",
    "Check",
    "Condition",
    "DatetimeRange",
    "FieldCondition",
    "Filter",
    "GeoBox",
    "GeoPolygon",
    "GeoRadius",
    "HasId",
    "HasVector",
    "IsEmpty",
    "IsNull",
    "Leaf",
    "MatchAny",
    "MatchExcept",
    "MatchPrefix",
    "MatchSubstring",
    "MatchValue",
    "MinShould",
    "Nested",
    "NumberRange",
    "PointContext",
    "Slice",
    "ValuesCount",
    "compile_filter",
    "holds_null",
    "is_blank",
    "matches",
    "parse_filter",
    "shorthand",
    "within",
]
