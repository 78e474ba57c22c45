"""How do people write filters by hand?

``{"city": "Oslo", "price": {"lt": 10}, "tag": ["a", "b"]}`` means: all of these. This module turns
that into the wire's form and leaves a full filter object as it is. Nothing is checked here;
`parse_filter` does that.
"""

from collections.abc import Mapping
from typing import Any, Final

from ruvector.errors import BadInput
from ruvector.model.filter_reading import BOUNDS, CLAUSES

_CONDITIONS: Final = ("has_id", "has_vector", "nested", "slice")
_KEY_CONDITIONS: Final = ("is_empty", "is_null")
_FIELD_CONDITIONS: Final = (
    "match",
    "range",
    "values_count",
    "is_empty",
    "is_null",
    "geo_bounding_box",
    "geo_radius",
    "geo_polygon",
)


def shorthand(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the full form of a filter written in short.

    >>> shorthand({"price": {"gte": 3}})
    {'must': [{'key': 'price', 'range': {'gte': 3}}]}
    >>> shorthand({"tag": ["a", "b"]})
    {'must': [{'key': 'tag', 'match': {'any': ['a', 'b']}}]}
    """
    if not isinstance(source, Mapping):
        raise BadInput(f"filter must be a mapping, not {type(source).__name__}")
    if all(name in CLAUSES for name in source) and all(map(_is_clause, source.values())):
        return dict(source)
    if "key" in source and any(name in source for name in _FIELD_CONDITIONS):
        return {"must": [dict(source)]}
    return {"must": [_field(key, value) for key, value in source.items()]}


def _is_clause(value: Any) -> bool:
    """Return whether a value looks like conditions: `{"must": "x"}` is a field named must."""
    items = [value] if isinstance(value, Mapping) else value
    return value is None or (
        isinstance(items, list | tuple) and all(isinstance(item, Mapping) for item in items)
    )


def _field(key: str, value: Any) -> dict[str, Any]:
    if key in _CONDITIONS or (key in _KEY_CONDITIONS and isinstance(value, Mapping)):
        return {key: value}
    if value is None:
        return {"is_null": {"key": key}}
    if isinstance(value, list | tuple | set | frozenset):
        return {"key": key, "match": {"any": list(value)}}
    if isinstance(value, Mapping):
        if any(name in _FIELD_CONDITIONS for name in value):
            return {"key": key, **value}
        if value and all(name in BOUNDS for name in value):
            return {"key": key, "range": dict(value)}
        return {"key": key, "match": dict(value)}
    if isinstance(value, float):
        # Equality of a float has no condition of its own on the wire; a closed range is the same.
        return {"key": key, "range": {"gte": value, "lte": value}}
    return {"key": key, "match": {"value": value}}
