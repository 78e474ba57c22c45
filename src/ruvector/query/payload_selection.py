"""Which part of a payload do the keys of `with_payload` name?

Keys form a tree, so that a payload is gone through once, however many there are. As in Qdrant:
`[]` means the elements of an array, and nothing else does (`a[0]` and `a.b` keep no element of an
array `a`, and leave none out); what is neither object nor array stays where a longer key would go
on. Pure; payloads are at most 64 levels deep, so that recursion is bounded.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from ruvector.model.paths import ANY_ELEMENT, parse_path

Tree = dict[Any, Any]  # step -> the tree below it, or _ALL
_ALL: Final = True
TREES_CACHED: Final = 256  # of selections: more than the distinct ones of any sane client


def included(payload: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return only what the keys name, in its place.

    >>> included({"a": {"b": 1, "c": 2}, "d": [{"e": 3}, 4]}, ["a.b", "d[].e"])
    {'a': {'b': 1}, 'd': [{'e': 3}, 4]}
    """
    kept: dict[str, Any] = _include(payload, _tree(tuple(keys)))
    return kept


def excluded(payload: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return what the keys do not name.

    >>> excluded({"a": {"b": 1, "c": 2}, "d": [{"e": 3}]}, ["a.b", "d[].e"])
    {'a': {'c': 2}, 'd': [{}]}
    """
    left: dict[str, Any] = _exclude(payload, _tree(tuple(keys)))
    return left


@lru_cache(maxsize=TREES_CACHED)
def _tree(keys: tuple[str, ...]) -> Tree:
    """Return the tree of keys, not to be changed; a shorter key names all below it."""
    tree: Tree = {}
    for key in keys:
        node, (*above, last) = tree, parse_path(key).steps
        for step in above:
            node = node.setdefault(step, {})
            if node is _ALL:
                break
        else:
            node[last] = _ALL
    return tree


def _include(value: Any, tree: Tree) -> Any:
    if isinstance(value, dict):
        return {
            name: inner if tree[name] is _ALL else _include(inner, tree[name])
            for name, inner in value.items()
            if name in tree
        }
    if not isinstance(value, list):
        return value
    below = tree.get(ANY_ELEMENT, {})
    if below is _ALL:
        return value
    return [_include(element, below) for element in value] if below else []


def _exclude(value: Any, tree: Tree) -> Any:
    if isinstance(value, dict):
        return {
            name: _exclude(inner, tree[name]) if name in tree else inner
            for name, inner in value.items()
            if tree.get(name) is not _ALL
        }
    if not isinstance(value, list) or ANY_ELEMENT not in tree:
        return value
    below = tree[ANY_ELEMENT]
    return [] if below is _ALL else [_exclude(element, below) for element in value]
