"""Texts to words: tokenizers, folding, stop words, lengths, stems, and what is refused."""

import subprocess
import sys
from typing import Any

import pytest

from ruvector.errors import BadInput, InvalidRequest, MalformedRequest
from ruvector.model.text import stemming, stopwords
from ruvector.model.text.analysis import Analyzer, read_rules


def analyzer(**given: Any) -> Analyzer:
    return Analyzer(read_rules(given, "field_schema"))


@pytest.mark.parametrize(
    ("given", "text", "words"),
    [
        ({}, "The Quick_brown-fox's 2nd", ["the", "quick", "brown", "fox", "s", "2nd"]),
        ({}, "Ein GROSSES Straßenfest: ÄÖÜ", ["ein", "grosses", "straßenfest", "äöü"]),
        ({}, " .,;_ ", []),
        ({"lowercase": False}, "Red RED", ["Red", "RED"]),
        ({"tokenizer": "whitespace"}, "A-b  C_d\tè", ["a-b", "c_d", "è"]),
        ({"ascii_folding": True}, "ação Straße Łódź Ελλάς", ["acao", "strasse", "lodz", "ελλάς"]),
        ({"min_token_len": 2, "max_token_len": 3}, "a bb ccc dddd", ["bb", "ccc"]),
        ({"stopwords": "english"}, "this is The end", ["end"]),
        ({"stopwords": "de"}, "das ist der Haken", ["haken"]),
        (
            {"stopwords": {"languages": ["en", "french"], "custom": ["End"]}},
            "le the end fin",
            ["fin"],
        ),
        ({"stopwords": {"custom": ["End"]}, "lowercase": False}, "end End", ["end"]),
        ({"stemmer": {"type": "snowball", "language": "english"}}, "running foxes", ["run", "fox"]),
        ({"stemmer": {"type": "none"}}, "running", ["running"]),
        (
            {"tokenizer": "multilingual"},
            "Hello 東京タワー b",
            ["hello", "東", "京", "タ", "ワ", "ー", "b"],
        ),
        ({"tokenizer": "multilingual"}, "Привет, สวัสดี", ["привет", *"สวสด"]),
        (
            {"tokenizer": "code"},
            "getHTTPServer_v2(fooBar) größeÄndern",
            ["get", "http", "server", "v", "2", "foo", "bar", "größeändern"],
        ),
        ({"tokenizer": "prefix"}, "Hi you", ["h", "hi", "y", "yo", "you"]),
        ({"tokenizer": "prefix", "min_token_len": 2, "max_token_len": 3}, "a Hello", ["he", "hel"]),
    ],
)
def test_a_text_is_cut_into_words(given: dict[str, Any], text: str, words: list[str]) -> None:
    assert analyzer(**given).document(text) == words


def test_a_query_for_beginnings_is_whole_words_as_long_as_the_index_holds() -> None:
    rules = analyzer(tokenizer="prefix", max_token_len=3)
    assert rules.query("Hello yo") == ["hel", "yo"]
    long = "x" * 100
    unlimited = analyzer(tokenizer="prefix")
    assert unlimited.query(long) == [long[:64]]
    assert unlimited.document(long)[-1] == long[:64]


@pytest.mark.parametrize("language", stopwords.LANGUAGES)
def test_every_language_has_stop_words_in_lower_case(language: str) -> None:
    words = stopwords.stopwords_of(language)
    assert len(words) >= 90
    assert all(word == word.lower() and word.strip() for word in words)
    assert len(stopwords.LANGUAGES) == 30


def test_every_code_names_a_language_that_there_is() -> None:
    for code in stopwords._CODES:
        assert stopwords.language_of(code, "x") in stopwords.LANGUAGES
    for code in stemming._CODES:
        assert stemming.stemmer_language(code, "x") in stemming.LANGUAGES


@pytest.mark.parametrize("language", stemming.LANGUAGES)
def test_every_language_has_a_stemmer(language: str) -> None:
    assert stemming.stemmer(language)("x") == "x"
    assert len(stemming.LANGUAGES) == 19


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"tokenizer": "words"}, MalformedRequest, "tokenizer: unknown variant the string `words`"),
        ({"lowercase": 1}, MalformedRequest, "lowercase: expected a boolean"),
        ({"min_token_len": -1}, InvalidRequest, "min_token_len: value -1 invalid"),
        ({"max_token_len": 0}, InvalidRequest, "max_token_len: value 0 invalid"),
        (
            {"min_token_len": 5, "max_token_len": 4},
            InvalidRequest,
            "must not be below min_token_len",
        ),
        ({"stopwords": "klingon"}, MalformedRequest, "unknown language `klingon`"),
        (
            {"stopwords": {"languages": ["xx"]}},
            MalformedRequest,
            r"languages\[0\]: unknown language",
        ),
        ({"stopwords": {"custom": [1]}}, MalformedRequest, r"custom\[0\]: expected a string"),
        ({"stopwords": {"words": []}}, MalformedRequest, "unknown field `words`"),
        ({"stopwords": {"custom": ["x"] * 10_001}}, InvalidRequest, "must have at most 10000"),
        ({"stemmer": "english"}, MalformedRequest, "stemmer: expected an object"),
        ({"stemmer": {"type": "porter"}}, MalformedRequest, "expected one of `snowball`, `none`"),
        ({"stemmer": {"type": "snowball"}}, MalformedRequest, "missing field `language`"),
        (
            {"stemmer": {"type": "snowball", "language": "basque"}},
            MalformedRequest,
            "there is no stemmer for `basque`",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_name(given: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        analyzer(**given)
    assert type(caught.value) is error


def test_a_stemmer_without_its_package_is_refused_by_name() -> None:
    program = (
        "import sys; sys.modules['Stemmer'] = None\n"
        "from ruvector.model.text.analysis import Analyzer, Rules\n"
        "Analyzer(Rules(stopwords=frozenset(['a']))).document('a b')\n"
        "try: Analyzer(Rules(stemmer='english'))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("BadInput a stemmer (english) needs the package PyStemmer")
    assert BadInput is not None
