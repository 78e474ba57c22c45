"""Which values of a payload does a key name?

A key is a path: ``a``, ``a.b``, ``a[0]``, ``a[].b``, ``"a key with dots.or spaces"``. Names outside
quotes hold letters, digits, ``_`` and ``-``. A path never looks into an array by itself: ``a.b``
finds nothing in ``{"a": [{"b": 1}]}``, ``a[].b`` does.

Reading is pure; `set_at` and `delete_at` change the payload they are given, so the caller passes a
copy when the old one is still needed. Nothing here recurses: deep paths and deep payloads are safe.
"""

import copy
import re
from functools import lru_cache
from typing import Any, Final

import msgspec

from ruvector.errors import BadInput

PATH_CHARACTERS_MAX: Final = 4096
"""The longest key text; far above any real one, it bounds the parser's cache."""

PATHS_CACHED: Final = 4096
"""Parsed paths that are kept: more than the distinct keys of any sane set of filters."""

INDEX_MAX: Final = 2**64 - 1


class AnyElement(msgspec.Struct, frozen=True):
    """The step ``[]``: each element of an array."""


ANY_ELEMENT: Final = AnyElement()

Step = str | int | AnyElement


class Path(msgspec.Struct, frozen=True):
    """A parsed key; two spellings of one path have equal steps."""

    text: str
    steps: tuple[Step, ...]

    @property
    def name(self) -> str | None:
        """Return the name if the path is a single one, the case with a fast route."""
        first = self.steps[0]
        return first if len(self.steps) == 1 and isinstance(first, str) else None


@lru_cache(maxsize=PATHS_CACHED)
def parse_path(text: str) -> Path:
    """Return the steps of a key; BadInput says what is wrong and where.

    >>> parse_path('a[0]."b c"').steps
    ('a', 0, 'b c')
    """
    if len(text) > PATH_CHARACTERS_MAX:
        raise BadInput(
            f"payload key has {len(text)} characters; the largest allowed is {PATH_CHARACTERS_MAX}"
        )
    steps: list[Step] = []
    position = 0
    while True:
        name, position = _read_name(text, position)
        steps.append(name)
        while position < len(text) and text[position] == "[":
            element, position = _read_element(text, position)
            steps.append(element)
        if position == len(text):
            return Path(text, tuple(steps))
        if text[position] != ".":
            raise _wrong(text, position, "expected `.`, `[` or the end")
        position += 1


def key_inside(field: str, array: str) -> str:
    """Return the key of a field inside the objects of an array that it lies in.

    >>> key_inside("offers[].price.eur", "offers")
    'price.eur'
    """
    steps, outer = parse_path(field).steps, parse_path(array).steps
    if outer[-1] != ANY_ELEMENT:
        outer = (*outer, ANY_ELEMENT)
    inner = steps[len(outer) :]
    if steps[: len(outer)] != outer or not inner or not isinstance(inner[0], str):
        raise BadInput(f"the field `{field[:100]}` does not lie in the objects of `{array[:100]}`")
    return "".join(map(_written, inner)).removeprefix(".")


def _written(step: Step) -> str:
    if isinstance(step, str):
        return "." + (step if re.fullmatch(r"[\w-]+", step) else f'"{step}"')
    return "[]" if isinstance(step, AnyElement) else f"[{step}]"


def resolve(payload: dict[str, Any], path: Path) -> list[Any]:
    """Return the values a path leads to, arrays as they are; empty if there is none."""
    found: list[Any] = [payload]
    for step in path.steps:
        if isinstance(step, str):
            found = [value[step] for value in found if isinstance(value, dict) and step in value]
        elif isinstance(step, int):
            found = [
                value[step] for value in found if isinstance(value, list) and step < len(value)
            ]
        else:
            found = [element for value in found if isinstance(value, list) for element in value]
    return found


def expand(values: list[Any]) -> list[Any]:
    """Return the values with arrays replaced by their elements, one level deep."""
    if not any(isinstance(value, list) for value in values):
        return values
    expanded: list[Any] = []
    for value in values:
        if isinstance(value, list):
            expanded.extend(value)
        else:
            expanded.append(value)
    return expanded


def values_at(payload: dict[str, Any], path: Path) -> list[Any]:
    """Return every value a condition on this path is tried with.

    >>> values_at({"a": [{"b": [1, 2]}, {"b": 3}]}, parse_path("a[].b"))
    [1, 2, 3]
    """
    return expand(resolve(payload, path))


def set_at(payload: dict[str, Any], path: Path, value: dict[str, Any]) -> None:
    """Merge an object into whatever the path names, in place.

    Missing objects on the way are made, and what is in the way is replaced: by an object before a
    name, by an empty array before an index. An index outside its array changes nothing.
    A null in `value` removes its key.
    """
    slots: list[tuple[Any, Any]] = [(payload, path.steps[0])]
    for step in path.steps[1:]:
        slots = [deeper for slot in slots for deeper in _deepen(slot, step)]
    for container, key in slots:
        target = _peek(container, key)
        if not isinstance(target, dict):
            target = container[key] = {}
        merge(target, value)


def merge(target: dict[str, Any], value: dict[str, Any]) -> None:
    """Overwrite the keys of `target` with copies of those of `value`; null removes."""
    for name, item in value.items():
        if item is None:
            target.pop(name, None)
        else:
            target[name] = copy.deepcopy(item)


def delete_at(payload: dict[str, Any], path: Path) -> None:
    """Remove what the path names, in place; ``a[]`` empties the array, ``a[0]`` removes nothing."""
    last = path.steps[-1]
    for container in resolve(payload, Path(path.text, path.steps[:-1])):
        if isinstance(last, str) and isinstance(container, dict):
            container.pop(last, None)
        elif isinstance(last, AnyElement) and isinstance(container, list):
            container.clear()


def _read_name(text: str, position: int) -> tuple[str, int]:
    if position < len(text) and text[position] == '"':
        end = text.find('"', position + 1)
        if end < 0:
            raise _wrong(text, position, "the quote is not closed")
        return text[position + 1 : end], end + 1
    end = position
    while end < len(text) and (text[end].isalnum() or text[end] in "_-"):
        end += 1
    if end == position:
        raise _wrong(text, position, "expected a name; quote names with other characters")
    return text[position:end], end


def _read_element(text: str, position: int) -> tuple[Step, int]:
    end = text.find("]", position)
    if end < 0:
        raise _wrong(text, position, "the bracket is not closed")
    inside = text[position + 1 : end]
    if not inside:
        return ANY_ELEMENT, end + 1
    # The length is checked first: int() of thousands of digits is slow, or refused by Python.
    if not (inside.isascii() and inside.isdigit()) or len(inside) > 20 or int(inside) > INDEX_MAX:
        raise _wrong(text, position, "brackets hold nothing or an index below 2^64")
    return int(inside), end + 1


def _wrong(text: str, position: int, rule: str) -> BadInput:
    return BadInput(f"payload key `{text[:100]}` is malformed at character {position + 1}: {rule}")


def _peek(container: Any, key: Any) -> Any:
    return container.get(key) if isinstance(container, dict) else container[key]


def _deepen(slot: tuple[Any, Any], step: Step) -> list[tuple[Any, Any]]:
    container, key = slot
    value = _peek(container, key)
    if isinstance(step, str):
        if not isinstance(value, dict):
            value = container[key] = {}
        return [(value, step)]
    if not isinstance(value, list):
        value = container[key] = []
    if isinstance(step, int):
        return [(value, step)] if step < len(value) else []
    return [(value, index) for index in range(len(value))]
