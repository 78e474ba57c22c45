"""The sparse vectors of `qdrant/bm25`: dimensions, weights, options."""

from typing import Any

import pytest

from ruvector.errors import InvalidRequest, MalformedRequest, RuvectorError
from ruvector.model.text.bm25 import murmur3, read_bm25, token_id


@pytest.mark.parametrize(
    ("text", "hashed"),
    [
        (b"", 0),
        (b"hello", 0x248BFA47),
        (b"hello, world", 0x149BBB7F),
        (b"The quick brown fox jumps over the lazy dog", 0x2E4FF723),
        (b"\xff\xff\xff\xff", 0x76293B50),
        (b"!Ce\x87", 0xF55B516B),
        (b"!Ce", 0x7E4A8634),
        (b"!C", 0xA0F7B07A),
        (b"!", 0x72661CF4),
        (b"\0\0\0\0", 0x2362F9DE),
    ],
)
def test_murmur3_gives_its_published_values(text: bytes, hashed: int) -> None:
    assert murmur3(text) == hashed


def test_a_dimension_is_the_absolute_value_of_the_signed_hash() -> None:
    assert token_id("hello") == 0x248BFA47
    word = next(w for w in map(str, range(50)) if murmur3(w.encode()) >= 2**31)
    assert token_id(word) == 2**32 - murmur3(word.encode())


def test_a_document_weighs_its_words_by_the_formula() -> None:
    model = read_bm25({"k": 1.5, "b": 0.5, "avg_len": 10})
    indices, values = model.document("Foxes and a fox are jumping")  # fox fox jump
    norm = 1.5 * (1 - 0.5 + 0.5 * 3 / 10)
    expected = {token_id("fox"): 2 * 2.5 / (2 + norm), token_id("jump"): 1 * 2.5 / (1 + norm)}
    assert dict(zip(indices.tolist(), values.tolist(), strict=True)) == pytest.approx(expected)
    assert sorted(indices.tolist()) == indices.tolist()


def test_a_query_weighs_each_word_once() -> None:
    indices, values = read_bm25(None).query("the foxes, the fox and JUMPS")
    assert set(indices.tolist()) == {token_id("fox"), token_id("jump")}
    assert values.tolist() == [1.0, 1.0]
    assert all(len(part) == 0 for part in read_bm25(None).query("the and of"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"language": "german"}, ["haus", "the"]),
        ({"language": "de"}, ["haus", "the"]),
        ({"language": "japanese"}, ["die", "häuser", "the"]),
        ({"language": "tamil"}, ["die", "häuser", "the"]),
        ({"language": "none"}, ["die", "häuser", "the"]),
        ({"language": "german", "stemmer": {"type": "none"}}, ["häuser", "the"]),
        ({"stopwords": {"custom": ["die"]}, "stemmer": {"type": "none"}}, ["häuser", "the"]),
        ({"language": "none", "lowercase": False}, ["Die", "Häuser", "the"]),
        ({"language": "none", "ascii_folding": True}, ["die", "hauser", "the"]),
        ({"language": "none", "min_token_len": 4}, ["häuser"]),
        ({"language": "none", "tokenizer": "prefix", "min_token_len": 6}, ["häuser"]),
    ],
)
def test_options_choose_the_words(options: dict[str, Any], words: list[str]) -> None:
    indices, _ = read_bm25(options).document("Die Häuser, the")
    assert set(indices.tolist()) == set(map(token_id, words))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"b": 1.5}, InvalidRequest, "options.b: value 1.5 invalid, must be from 0 to 1"),
        ({"k": -1}, InvalidRequest, "options.k: value -1.0 invalid"),
        ({"avg_len": 0}, InvalidRequest, "options.avg_len: value 0.0 invalid, must be above 0"),
        ({"k": "1"}, MalformedRequest, "options.k: expected a number"),
        ({"language": "klingon"}, MalformedRequest, "unknown language `klingon`"),
        ({"language": 1}, MalformedRequest, "unknown language `int`"),
        ({"model": 1}, MalformedRequest, "unknown field `model`"),
        ({"tokenizer": "words"}, MalformedRequest, "options.tokenizer: unknown variant"),
    ],
)
def test_wrong_options_are_refused_by_name(
    options: Any, error: type[RuvectorError], message: str
) -> None:
    with pytest.raises(error, match=message):
        read_bm25(options)
