"""Which words does a text consist of, for this field? The rules that an index is created with.

A text is cut by its tokenizer; then each word is folded to ASCII, lowered, left out if it is a stop
word or of a wrong length, and stemmed, as far as the rules ask for it. A query passes through the
same rules as a document, but for `prefix`, where the document holds the beginnings of its words.

Rules are read from the parameters of a text index, which are also those of `qdrant/bm25`. Pure;
any thread may use an Analyzer.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ruvector.errors import InvalidRequest
from ruvector.model.reading import choice_of, object_of, required, text_of, whole_of, wrong_type
from ruvector.model.text.folding import fold
from ruvector.model.text.stemming import Stem, stemmer, stemmer_language
from ruvector.model.text.stopwords import language_of, stopwords_of
from ruvector.model.text.tokenizers import TOKENIZERS

PREFIX_LENGTH_MAX: Final = 64
"""Beginnings of a word that a `prefix` index holds, where max_token_len doesn't say: without a
bound, a word of n letters would take n^2."""

TOKEN_LENGTH_MAX: Final = 2**16
"""The largest bound on characters of a word."""

STOPWORDS_MAX: Final = 10_000
"""Custom stop words of one field."""

PARAMETERS: Final = (
    "tokenizer",
    "lowercase",
    "ascii_folding",
    "min_token_len",
    "max_token_len",
    "stopwords",
    "stemmer",
)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How words are made. `stemmer`: a language, None for no stemming."""

    tokenizer: str = "word"
    lowercase: bool = True
    ascii_folding: bool = False
    min_token_len: int = 0
    max_token_len: int | None = None
    stopwords: frozenset[str] = frozenset()
    stemmer: str | None = None


class Analyzer:
    """Text to words by fixed rules."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._split = TOKENIZERS[rules.tokenizer]
        self._stem: Stem | None = None if rules.stemmer is None else stemmer(rules.stemmer)
        # Words of ASCII texts can be lowered before they are cut: the same, and quicker.
        self._lowers_first = rules.lowercase and rules.tokenizer != "code"
        self._changes = bool(
            rules.ascii_folding
            or rules.stopwords
            or rules.min_token_len > 1
            or rules.max_token_len is not None
            or self._stem
        )

    def document(self, text: str) -> list[str]:
        """Return the words of a document, in their order."""
        if self.rules.tokenizer != "prefix":
            return self._words(text, self.rules.max_token_len)
        shortest = max(1, self.rules.min_token_len)
        longest = self.rules.max_token_len or PREFIX_LENGTH_MAX
        return [
            word[:length]
            for word in self._words(text, None)
            for length in range(shortest, min(longest, len(word)) + 1)
        ]

    def query(self, text: str) -> list[str]:
        """Return the words of a query, in their order."""
        if self.rules.tokenizer != "prefix":
            return self._words(text, self.rules.max_token_len)
        longest = self.rules.max_token_len or PREFIX_LENGTH_MAX
        return [word[:longest] for word in self._words(text, None)]

    def _words(self, text: str, longest: int | None) -> list[str]:
        rules = self.rules
        is_lowered = self._lowers_first and text.isascii()
        words = self._split(text.lower() if is_lowered else text)
        if rules.lowercase and not is_lowered and not self._changes:
            return [word.lower() for word in words]
        if not self._changes:
            return words
        found = []
        for word in words:
            if rules.ascii_folding:
                word = fold(word)
            if rules.lowercase and not is_lowered:
                word = word.lower()
            if word in rules.stopwords or len(word) < rules.min_token_len:
                continue
            if longest is not None and len(word) > longest:
                continue
            found.append(word if self._stem is None else self._stem(word))
        return found


def read_rules(given: Mapping[str, Any], path: str, defaults: Rules | None = None) -> Rules:
    """Return the rules that parameters ask for; those that are missing are the defaults'.

    MalformedRequest for wrong types and unknown words, InvalidRequest for values out of range.
    """
    read: dict[str, Any] = {
        name: _READERS[name](given[name], f"{path}.{name}")
        for name in PARAMETERS
        if given.get(name) is not None
    }
    rules = msgspec.structs.replace(defaults or Rules(), **read)
    if rules.max_token_len is not None and rules.max_token_len < max(1, rules.min_token_len):
        raise InvalidRequest.of(
            f"{path}.max_token_len",
            rules.max_token_len,
            f"must not be below min_token_len, which is {max(1, rules.min_token_len)}",
        )
    if rules.lowercase:
        lowered = frozenset(word.lower() for word in rules.stopwords)
        rules = msgspec.structs.replace(rules, stopwords=lowered)
    return rules


def _read_boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise wrong_type(path, "a boolean", value)
    return value


def _read_stopwords(value: Any, path: str) -> frozenset[str]:
    if isinstance(value, str):
        return stopwords_of(language_of(value, path))
    given = object_of(value, path, ("languages", "custom"))
    words: set[str] = set()
    for i, name in enumerate(_list(given.get("languages"), f"{path}.languages")):
        words |= stopwords_of(language_of(name, f"{path}.languages[{i}]"))
    for i, word in enumerate(_list(given.get("custom"), f"{path}.custom")):
        words.add(text_of(word, f"{path}.custom[{i}]"))
    return frozenset(words)


def _list(value: Any, path: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise wrong_type(path, "a list", value)
    if len(value) > STOPWORDS_MAX:
        rule = f"must have at most {STOPWORDS_MAX}"
        raise InvalidRequest.of(path, f"of {len(value)} words", rule)
    return list(value)


def _read_stemmer(value: Any, path: str) -> str | None:
    given = object_of(value, path, ("type", "language"))
    required(given, path, "type")
    kind = choice_of(given["type"], f"{path}.type", ("snowball", "none"))
    if kind == "none":
        object_of(value, path, ("type",))
        return None
    required(given, path, "language")
    return stemmer_language(given["language"], f"{path}.language")


_READERS: Final[dict[str, Any]] = {
    "tokenizer": lambda value, path: choice_of(value, path, tuple(TOKENIZERS)),
    "lowercase": _read_boolean,
    "ascii_folding": _read_boolean,
    "min_token_len": lambda value, path: whole_of(value, path, 0, TOKEN_LENGTH_MAX),
    "max_token_len": lambda value, path: whole_of(value, path, 0, TOKEN_LENGTH_MAX),
    "stopwords": _read_stopwords,
    "stemmer": _read_stemmer,
}
