"""Payload keys: which values they name, and what setting and deleting there does."""

from copy import deepcopy
from typing import Any

import pytest
from qdrant_client import QdrantClient, models

from ruvector.errors import BadInput
from ruvector.model.paths import (
    ANY_ELEMENT,
    PATH_CHARACTERS_MAX,
    delete_at,
    parse_path,
    resolve,
    set_at,
    values_at,
)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", ("a",)),
        ("a.b", ("a", "b")),
        ("a[].b", ("a", ANY_ELEMENT, "b")),
        ("a[0][12].b", ("a", 0, 12, "b")),
        ('"a.b"', ("a.b",)),
        ('a."b c[]"[]', ("a", "b c[]", ANY_ELEMENT)),
        ('""', ("",)),
        ("é_1-2", ("é_1-2",)),
        ("a[18446744073709551615]", ("a", 2**64 - 1)),
    ],
)
def test_a_key_is_read_into_its_steps(text: str, steps: tuple[Any, ...]) -> None:
    assert parse_path(text).steps == steps


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "expected a name"),
        (".a", "expected a name"),
        ("a.", "expected a name"),
        ("a..b", "expected a name"),
        ("a b", "expected `.`"),
        ("a/b", "expected `.`"),
        ("[0]", "expected a name"),
        ("a[0]b", "expected `.`"),
        ('"a"b', "expected `.`"),
        ('a."b', "quote is not closed"),
        ("a[", "bracket is not closed"),
        ("a[x]", "index below 2^64"),
        ("a[-1]", "index below 2^64"),
        ("a[²]", "index below 2^64"),
        ("a[18446744073709551616]", "index below 2^64"),
        ("a[" + "9" * 4000 + "]", "index below 2^64"),
        ("a" * (PATH_CHARACTERS_MAX + 1), "the largest allowed is 4096"),
    ],
)
def test_a_malformed_key_is_refused_with_the_reason(text: str, rule: str) -> None:
    with pytest.raises(BadInput, match=rule.replace("^", r"\^")):
        parse_path(text)


@pytest.mark.parametrize(
    ("payload", "key", "values"),
    [
        ({"a": 1}, "a", [1]),
        ({"a": None}, "a", [None]),
        ({}, "a", []),
        ({"a": [1, 2]}, "a", [1, 2]),
        ({"a": []}, "a", []),
        ({"a": [[1, 2], [3]]}, "a", [[1, 2], [3]]),
        ({"a": [[1, 2], [3]]}, "a[]", [1, 2, 3]),
        ({"a": [[1, 2], [3]]}, "a[1]", [3]),
        ({"a": [[1, 2], [3]]}, "a[0][1]", [2]),
        ({"a": 1}, "a[]", []),
        ({"a": 1}, "a[0]", []),
        ({"a": [{"b": 1}]}, "a.b", []),
        ({"a": [{"b": 1}, {"b": [2, 3]}, 4]}, "a[].b", [1, 2, 3]),
        ({"a.b": 1}, "a.b", []),
        ({"a.b": 1}, '"a.b"', [1]),
    ],
)
def test_values_are_found_and_the_last_array_expanded(
    payload: dict[str, Any], key: str, values: list[Any]
) -> None:
    assert values_at(payload, parse_path(key)) == values


def test_resolving_leaves_arrays_whole() -> None:
    assert resolve({"a": [1, 2]}, parse_path("a")) == [[1, 2]]


PAYLOADS: list[dict[str, Any]] = [
    {},
    {"a": None},
    {"a": 5},
    {"a": []},
    {"a": [3, None]},
    {"a": {"y": 2}},
    {"a": {"b": {"y": 1, "x": 0}}, "c": 1},
    {"a": {"b": 5}},
    {"a": {"b": [1, {"c": 2}]}},
    {"a": [{"y": 1, "b": {"x": 2}}, {"b": 3}, 4]},
    {"a": [[{"y": 1}], 3, [[2]]]},
    {"a.b": 1, "a": {"b": 2}},
]
KEYS = [
    *("a", "a.b", "a.b.c", "a[]", "a[0]", "a[1]", "a[7]", "a[].b", "a[0].b", "a[][]", "a[][0]"),
    *("a[0][]", "a[0][0]", "a.b[]", "a.b[].c", "a.b[1].c", '"a.b"', "a[].b.x"),
]
VALUES: list[dict[str, Any]] = [{"x": 1}, {"x": None, "n": {"z": [1]}}, {}]


def stored(payloads: list[dict[str, Any]]) -> QdrantClient:
    client = QdrantClient(":memory:")
    one = models.VectorParams(size=1, distance=models.Distance.DOT)
    client.create_collection("c", vectors_config=one)
    client.upsert(
        "c",
        [
            models.PointStruct(id=number, vector=[1.0], payload=deepcopy(payload))
            for number, payload in enumerate(payloads)
        ],
    )
    return client


def payloads_of(client: QdrantClient) -> list[dict[str, Any] | None]:
    return [record.payload for record in client.retrieve("c", range(len(PAYLOADS)))]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", VALUES)
def test_setting_at_a_key_does_what_the_oracle_does(key: str, value: dict[str, Any]) -> None:
    client = stored(PAYLOADS)
    client.set_payload("c", value, points=list(range(len(PAYLOADS))), key=key)
    ours = deepcopy(PAYLOADS)
    for payload in ours:
        set_at(payload, parse_path(key), value)
    assert ours == payloads_of(client)


@pytest.mark.parametrize("key", KEYS)
def test_deleting_at_a_key_does_what_the_oracle_does(key: str) -> None:
    client = stored(PAYLOADS)
    client.delete_payload("c", [key], points=list(range(len(PAYLOADS))))
    ours = deepcopy(PAYLOADS)
    for payload in ours:
        delete_at(payload, parse_path(key))
    assert ours == payloads_of(client)


def test_places_that_were_set_together_do_not_share_what_was_set() -> None:
    payload: dict[str, Any] = {"a": [{}, {}]}
    value = {"deep": {"x": 1}}
    set_at(payload, parse_path("a[]"), value)
    payload["a"][0]["deep"]["x"] = 2
    assert payload["a"][1] == value == {"deep": {"x": 1}}
