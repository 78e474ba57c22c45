"""Reading parts of payloads gives what reading whole ones would."""

import msgspec
import pytest

from ruvector.model.payload_parts import NAMES_MAX, payload_reader, payloads_reader

PAYLOADS = [
    {"a": 1, "b": {"c": [1, None]}, "d": "x"},
    {"b": None, "a": {"a": 2}},
    {},
    {"é": 5, "": 6, "f0": 7},
]


@pytest.mark.parametrize(
    "names",
    [(), ("a",), ("a", "b"), ("é", ""), ("f0", "f1"), ("missing",), tuple("abcdefghijk"), None],
)
def test_parts_of_many_are_the_parts_of_each(names: tuple[str, ...] | None) -> None:
    chosen = None if names is None else frozenset(names)
    texts = [msgspec.json.encode(payload) for payload in PAYLOADS]
    each = [payload_reader(chosen)(text) for text in texts]
    assert payloads_reader(chosen)(b"[%s]" % b",".join(texts)) == each
    if names and len(names) <= NAMES_MAX:
        wanted = [{n: p[n] for n in names if n in p} for p in PAYLOADS]
        assert each == wanted
    else:
        assert each == PAYLOADS
    assert payload_reader(chosen)(b"") == {}
    assert payloads_reader(chosen)(b"[]") == []
