"""Which sparse vector stands for a text? The built-in model `qdrant/bm25`.

A word's dimension is a hash of it, so no vocabulary is kept: the absolute value of murmur3's 32
bits read as a signed integer. In a document a word that occurs n times weighs

    n (k + 1) / (n + k (1 - b + b length / avg_len))

in a query 1; the rarity of words is the collection's affair (`modifier: idf`). Pure.
"""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.errors import InvalidRequest
from ruvector.model.reading import number_of, object_of
from ruvector.model.text.analysis import PARAMETERS, Analyzer, Rules, read_rules
from ruvector.model.text.stemming import LANGUAGES as STEMMED
from ruvector.model.text.stemming import stemmer_language
from ruvector.model.text.stopwords import LANGUAGES, language_of, stopwords_of

MODEL: Final = "qdrant/bm25"

SparseVector = tuple[NDArray[np.uint32], NDArray[np.float32]]
"""Indices, ascending and unique, and values."""

_OPTIONS: Final = ("k", "b", "avg_len", "language", *PARAMETERS)


class Bm25(msgspec.Struct, frozen=True):
    """The model with its options read."""

    analyzer: Analyzer
    k: float = 1.2
    b: float = 0.75
    avg_len: float = 256.0

    def words(self, text: str, *, is_query: bool) -> list[str]:
        """Return the words of a text that is stored, or searched for."""
        return self.analyzer.query(text) if is_query else self.analyzer.document(text)

    def weigh(self, words: list[str], *, is_query: bool) -> SparseVector:
        """Return the vector of the words of a text."""
        if is_query:
            return _vector(dict.fromkeys(words, 1.0))
        norm = self.k * (1 - self.b + self.b * len(words) / self.avg_len)
        return _vector({word: n * (self.k + 1) / (n + norm) for word, n in Counter(words).items()})

    def document(self, text: str) -> SparseVector:
        """Return the vector of a text that is stored."""
        return self.weigh(self.words(text, is_query=False), is_query=False)

    def query(self, text: str) -> SparseVector:
        """Return the vector of a text that is searched for."""
        return self.weigh(self.words(text, is_query=True), is_query=True)


def read_bm25(options: Mapping[str, Any] | None, path: str = "options") -> Bm25:
    """Return the model for the options of a document; English where they name no language.

    BadInput names the option that is unknown, of a wrong type or out of range, and a stemmer that
    is not installed.
    """
    given = object_of(options or {}, path, _OPTIONS)
    numbers = {name: number_of(given[name], f"{path}.{name}") for name in _NUMBERS if name in given}
    for name, value in numbers.items():
        low, high, rule = _NUMBERS[name]
        if not low <= value <= high:
            raise InvalidRequest.of(f"{path}.{name}", value, rule)
    key = msgspec.json.encode({name: given[name] for name in _OPTIONS[3:] if name in given})
    return Bm25(_analyzer(key, path), **numbers)


def token_id(word: str) -> int:
    """Return the dimension of a word."""
    hashed = murmur3(word.encode())
    return hashed if hashed < 2**31 else 2**32 - hashed


STEMMED_ONLY: Final = ("armenian", "hy", "tamil", "ta")
"""Languages with a stemmer and without stop words."""

_NUMBERS: Final = {
    "k": (0.0, 1e6, "must be from 0 to 1000000"),
    "b": (0.0, 1.0, "must be from 0 to 1"),
    "avg_len": (1e-6, 1e12, "must be above 0"),
}


@lru_cache(maxsize=64)
def _analyzer(options: bytes, path: str) -> Analyzer:
    given = msgspec.json.decode(options)
    language = given.get("language", "english")
    defaults = Rules()
    if language != "none":
        known = stemmer_language if language in STEMMED_ONLY else language_of
        language = known(language, f"{path}.language")
        defaults = Rules(
            stopwords=stopwords_of(language) if language in LANGUAGES else frozenset(),
            stemmer=language if language in STEMMED else None,
        )
    return Analyzer(read_rules(given, path, defaults))


def _vector(weights: dict[str, float]) -> SparseVector:
    """Return weights by dimension; words that share one are added."""
    ids = np.fromiter(map(token_id, weights), dtype=np.uint32, count=len(weights))
    values = np.fromiter(weights.values(), dtype=np.float64, count=len(weights))
    indices, inverse = np.unique(ids, return_inverse=True)
    return indices, np.bincount(inverse, values, len(indices)).astype(np.float32)


@lru_cache(maxsize=65_536)
def murmur3(text: bytes) -> int:
    """Return MurmurHash3's 32 bits for x86, seed 0. Source: Austin Appleby, public domain."""
    hashed = 0
    end = len(text) & ~3
    for start in range(0, end, 4):
        hashed ^= _mixed(int.from_bytes(text[start : start + 4], "little"))
        hashed = ((hashed << 13 | hashed >> 19) * 5 + 0xE6546B64) & 0xFFFFFFFF
    if end < len(text):
        hashed ^= _mixed(int.from_bytes(text[end:], "little"))
    hashed ^= len(text)
    hashed = (hashed ^ hashed >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    hashed = (hashed ^ hashed >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return hashed ^ hashed >> 16


def _mixed(block: int) -> int:
    block = block * 0xCC9E2D51 & 0xFFFFFFFF
    return (block << 15 | block >> 17) * 0x1B873593 & 0xFFFFFFFF
