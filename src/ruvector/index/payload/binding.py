"""What does a condition mean, given the indexes of the fields it names?

Most conditions mean the same with and without an index. Two kinds do not: text conditions take
their words from the field's text index, and `is_empty` on a field that is indexed by the objects of
an array speaks of each of them. Both are rewritten here, once, before a filter is answered; inside
nested filters too, where a key continues the key of the array.
"""

from collections.abc import Mapping, Sequence

import msgspec

from ruvector.index.payload.fields import FieldIndex
from ruvector.model.filter_fields import array_steps
from ruvector.model.filters import Condition, Filter, HasId, HasVector, MinShould, Nested, Slice
from ruvector.model.paths import Step, parse_path

Fields = Mapping[tuple[Step, ...], Sequence[FieldIndex]]
"""The indexes of each path."""


def bind(filter: Filter, fields: Fields) -> Filter:
    """Return the filter that says what this one means where these fields are indexed."""
    return _bind_filter(filter, fields, ())


def _bind_filter(filter: Filter, fields: Fields, outer: tuple[Step, ...]) -> Filter:
    def bound(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        return tuple(_bind(condition, fields, outer) for condition in conditions)

    minimum = filter.min_should
    return Filter(
        must=bound(filter.must),
        should=bound(filter.should),
        must_not=bound(filter.must_not),
        min_should=minimum and MinShould(bound(minimum.conditions), minimum.min_count),
    )


def _bind(condition: Condition, fields: Fields, outer: tuple[Step, ...]) -> Condition:
    if isinstance(condition, Filter):
        return _bind_filter(condition, fields, outer)
    if isinstance(condition, HasId | HasVector | Slice):
        return condition
    steps = outer + parse_path(condition.key).steps
    if isinstance(condition, Nested):
        inner = _bind_filter(condition.filter, fields, array_steps(condition.key, outer))
        return msgspec.structs.replace(condition, filter=inner)
    for index in fields.get(steps, ()):
        meaning = index.meaning(condition, is_inside=bool(outer))
        if meaning is not condition:
            return meaning
    return condition
