"""Which payload fields does a filter look at? Pure."""

from collections.abc import Iterator

from ruvector.model.conditions import Condition, Filter, HasId, HasVector, Nested, Slice
from ruvector.model.paths import ANY_ELEMENT, Step, parse_path

Steps = tuple[Step, ...]


def field_paths(filter: Filter) -> set[Steps]:
    """Return the path of every field that a condition names, those of nested filters in full."""
    return set(_paths(filter, ()))


def field_names(filter: Filter) -> frozenset[str]:
    """Return the names at the top of payloads that hold all the filter looks at."""
    return frozenset(str(path[0]) for path in field_paths(filter))


def array_steps(key: str, outer: Steps = ()) -> Steps:
    """Return the path of an array's elements: `data` and `data[]` mean the same."""
    steps = outer + parse_path(key).steps
    return steps if steps[-1] == ANY_ELEMENT else (*steps, ANY_ELEMENT)


def _paths(condition: Condition, outer: Steps) -> Iterator[Steps]:
    if isinstance(condition, HasId | HasVector | Slice):
        return
    if isinstance(condition, Filter):
        minimum = condition.min_should
        some = () if minimum is None else minimum.conditions
        for part in (*condition.must, *condition.should, *condition.must_not, *some):
            yield from _paths(part, outer)
        return
    yield outer + parse_path(condition.key).steps
    if isinstance(condition, Nested):
        yield from _paths(condition.filter, array_steps(condition.key, outer))
