"""Schemas of payload indexes: what is accepted, echoed and refused."""

from typing import Any

import pytest

from ruvector.errors import BadInput, InvalidRequest, MalformedRequest, RuvectorError
from ruvector.index.payload import INDEX_TYPES, create_field_index
from ruvector.model.paths import key_inside


@pytest.mark.parametrize("name", sorted(INDEX_TYPES))
def test_a_type_is_given_by_name_or_as_an_object_and_echoed_verbatim(name: str) -> None:
    objects: list[dict[str, Any]] = [
        {"type": name},
        {"type": name, "on_disk": False, "memory": "cached", "enable_hnsw": False},
        {"type": name, "memory": "pinned", "on_disk": None},
    ]
    for schema in (name, *objects):
        index = create_field_index("a.b", schema)
        assert index.schema == schema
        assert index.field == "a.b"
        assert index.points == 0


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "keyword", "is_tenant": True, "prefix": True},
        {"type": "uuid", "is_tenant": True},
        {"type": "integer", "is_principal": True, "lookup": False},
        {"type": "integer", "range": False},
        {"type": "text", "tokenizer": "prefix", "lowercase": False, "min_token_len": 2},
        {"type": "text", "stopwords": "english", "stemmer": {"type": "none"}},
        {"type": "text", "phrase_matching": True, "ascii_folding": True, "scoring": True},
        {"type": "text", "scoring": {"type": "bm25"}, "max_token_len": 20},
        {"type": "geo", "enable_hnsw": True},
        {"type": "keyword", "memory": "cold"},
        {"type": "keyword", "on_disk": True},
        {"type": "float", "is_principal": True},
        {"type": "datetime", "is_principal": False},
    ],
)
def test_parameters_of_a_type_are_accepted(schema: dict[str, Any]) -> None:
    assert create_field_index("a", schema).schema == schema


@pytest.mark.parametrize(
    ("schema", "error", "message"),
    [
        ({"type": "text", "tokenizer": "x"}, MalformedRequest, "tokenizer: unknown variant"),
        ({"type": "text", "phrase_matching": 1}, MalformedRequest, "expected a boolean"),
        ({"type": "text", "scoring": 1}, MalformedRequest, "scoring: expected an object"),
        ({"type": "text", "scoring": {}}, MalformedRequest, "scoring: missing field `type`"),
        ({"type": "keyword", "stopwords": "en"}, MalformedRequest, "unknown parameter `stopwords`"),
        ({"type": "keyword", "nested": 1}, MalformedRequest, "nested: expected a string"),
        ({"type": "keyword", "nested": "b"}, BadInput, "does not lie in the objects of `b`"),
        ("strings", MalformedRequest, "unknown index type `strings`"),
        ({}, MalformedRequest, "unknown index type"),
        ({"type": 1}, MalformedRequest, "unknown index type"),
        ({"type": ["keyword"]}, MalformedRequest, "unknown index type"),
        (1, MalformedRequest, "expected a type's name or an object"),
        ({"type": "bool", "is_tenant": True}, MalformedRequest, "unknown parameter `is_tenant`"),
        ({"type": "float", "lookup": True}, MalformedRequest, "unknown parameter `lookup`"),
        ({"type": "keyword", "tenant": True}, MalformedRequest, "unknown parameter `tenant`"),
        ({"type": "keyword", "is_tenant": 1}, MalformedRequest, "is_tenant: expected a boolean"),
        ({"type": "keyword", "memory": "warm"}, MalformedRequest, "one of cold, cached, pinned"),
        ({"type": "keyword", "memory": {}}, MalformedRequest, "one of cold, cached, pinned"),
        ({"type": "integer", "lookup": False, "range": False}, InvalidRequest, "both disabled"),
    ],
)
def test_what_is_wrong_or_not_honoured_is_refused(
    schema: Any, error: type[RuvectorError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        create_field_index("a", schema)
    assert type(caught.value) is error


def test_a_malformed_field_name_is_refused() -> None:
    with pytest.raises(BadInput, match="payload key"):
        create_field_index("a..b", "keyword")


@pytest.mark.parametrize(
    ("field", "array", "inside"),
    [
        ("offers[].price", "offers", "price"),
        ("offers[].price", "offers[]", "price"),
        ("a.b[].c.d", "a.b", "c.d"),
        ('a[]."x y"[].z', "a", '"x y"[].z'),
        ('a[]."x y"[3].z', 'a[]."x y"', None),
        ("a.b", "a", None),
        ("a[]", "a", None),
        ("a[][]", "a", None),
    ],
)
def test_nested_names_an_array_that_the_field_lies_in(
    field: str, array: str, inside: str | None
) -> None:
    schema = {"type": "integer", "nested": array}
    if inside is None:
        with pytest.raises(BadInput, match="does not lie in the objects"):
            create_field_index(field, schema)
        return
    assert key_inside(field, array) == inside
    assert create_field_index(field, schema).schema == schema


def test_ranking_the_objects_of_an_array_is_refused() -> None:
    schema = {"type": "text", "nested": "a", "scoring": True}
    with pytest.raises(BadInput, match="scoring: ranking of an array's objects"):
        create_field_index("a[].b", schema)
