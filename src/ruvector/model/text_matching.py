"""Do these strings hold the words that are asked for? The contract of the text conditions.

All strings at a key are one document: with `all`, one string may hold one word and the next
another. A phrase lies within one string. Pure.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ruvector.model.conditions import MatchText
from ruvector.model.paths import AnyElement, Path, parse_path, resolve, values_at

Texts = Sequence[str]
TextTest = Callable[[Texts], bool]


def text_check(condition: MatchText) -> Callable[[dict[str, Any]], bool]:
    """Return the test of one payload."""
    test = text_test(condition)
    rules = condition.rules
    if rules is None or rules.array is None:
        path = parse_path(condition.key)
        return lambda payload: test(_texts(payload, path))
    array, inner = parse_path(rules.array), parse_path(rules.inner)
    return lambda payload: any(
        test(_texts(element, inner)) for element in objects_at(payload, array)
    )


def objects_at(payload: dict[str, Any], array: Path) -> list[dict[str, Any]]:
    """Return the objects of the array that a path names: `data` and `data[]` mean the same."""
    steps = array.steps
    if isinstance(steps[-1], AnyElement):
        array = Path(array.text, steps[:-1])
    return [
        element
        for found in resolve(payload, array)
        if isinstance(found, list)
        for element in found
        if isinstance(element, dict)
    ]


def text_test(condition: MatchText) -> TextTest:
    """Return the test of the strings of one document."""
    if condition.rules is None:
        return _without_index(condition)
    analyzer = condition.rules.analyzer
    words = analyzer.query(condition.text)
    wanted = frozenset(words)
    if not words:
        return lambda _texts: False
    if condition.mode == "phrase":
        return lambda texts: any(_holds(analyzer.document(text), words) for text in texts)
    if condition.mode == "any":
        return lambda texts: any(not wanted.isdisjoint(analyzer.document(one)) for one in texts)
    return lambda texts: wanted.issubset(word for text in texts for word in analyzer.document(text))


def _without_index(condition: MatchText) -> TextTest:
    if condition.mode != "any":
        return lambda texts: any(condition.text in text for text in texts)
    words = condition.text.split()
    return lambda texts: any(word in text for text in texts for word in words)


def _holds(document: list[str], phrase: list[str]) -> bool:
    first, length = phrase[0], len(phrase)
    return any(
        word == first and document[i : i + length] == phrase for i, word in enumerate(document)
    )


def _texts(payload: dict[str, Any], path: Path) -> Texts:
    return [value for value in values_at(payload, path) if value.__class__ is str]
