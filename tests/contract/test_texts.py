"""Full text: indexes, their parameters, and conditions, embedded and over REST."""

from typing import Any

import pytest

from ruvector.client.collection import Collection
from ruvector.errors import BadInput

TEXTS: list[Any] = [
    "The quick brown fox",
    "A brown bear and a quick hare",
    ["Red foxes run", "quick brown dogs"],
    "FOX",
    None,
    7,
]


@pytest.fixture
def texts(docs: Collection) -> Collection:
    """Return the collection with a text in the first payloads."""
    for number, text in enumerate(TEXTS):
        docs.set_payload({"text": text, "deep": [{"t": text}]}, number)
    return docs


def found(collection: Collection, key: str = "text", **match: str) -> list[Any]:
    """Return the ids of the points that match."""
    condition = {"key": key, "match": match}
    return [record.id for record in collection.iterate({"must": [condition]})]


def test_without_an_index_texts_are_parts_of_strings(texts: Collection) -> None:
    assert found(texts, text="quick brown") == [0, 2]
    assert found(texts, text="fox") == [0, 2]
    assert found(texts, text_any="FOX hare") == [1, 3]
    assert found(texts, phrase="brown fox") == [0]


def test_an_index_finds_words(texts: Collection) -> None:
    schema = {"type": "text", "phrase_matching": True}
    texts.create_payload_index("text", schema)
    described = texts.get_collection().payload_schema["text"]
    assert (described.data_type, described.params, described.points) == ("text", schema, 4)
    assert found(texts, text="brown QUICK") == [0, 1, 2]
    assert found(texts, text="red dogs") == [2]
    assert found(texts, text_any="fox bear") == [0, 1, 3]
    assert found(texts, phrase="quick brown") == [0, 2]
    assert found(texts, phrase="run quick") == []
    assert found(texts, text="") == []
    texts.upsert([{"id": 50, "vector": [1.0] * 8, "payload": {"text": "a new fox"}}])
    texts.set_payload({"text": "no more"}, 0)
    assert found(texts, text="fox") == [3, 50]
    texts.delete_payload_index("text")
    assert found(texts, text="fox") == [2, 50]


def test_rules_of_the_index_count_inside_nested_filters_too(texts: Collection) -> None:
    stemmer = {"type": "snowball", "language": "english"}
    schema = {"type": "text", "stemmer": stemmer, "stopwords": "english"}
    texts.create_payload_index("deep[].t", schema)
    assert found(texts, "deep[].t", text="the running FOX") == [2]
    inner = {"must": [{"key": "t", "match": {"text": "the foxes"}}]}
    nested = {"nested": {"key": "deep", "filter": inner}}
    assert [record.id for record in texts.iterate({"must": [nested]})] == [0, 2, 3]


def test_wrong_parameters_are_refused_by_name(texts: Collection) -> None:
    for schema, words in (
        ({"type": "text", "tokenizer": "letters"}, "letters"),
        ({"type": "text", "stopwords": "latin"}, "latin"),
        ({"type": "text", "stemmer": {"type": "snowball", "language": "basque"}}, "basque"),
        ({"type": "text", "phrases": True}, "phrases"),
    ):
        with pytest.raises(BadInput, match=words):
            texts.create_payload_index("text", schema)
