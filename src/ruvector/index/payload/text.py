"""Which rows hold these words?

Word -> rows, as for keywords. With `phrase_matching` each row's words are kept in their order, as
numbers of a dictionary, so that a phrase is a search for bytes in the rows that hold all its words.
With `scoring` the words' frequencies are kept too (`ranking`).

All strings at the field are one document, and a phrase lies within one of them. With `nested` each
object of the array is a document of its own: its words then only narrow the answer, and payloads
decide. So do phrases without `phrase_matching`.
"""

from array import array
from typing import Any, Final

import msgspec
from pyroaring import BitMap

from ruvector.index.payload.bitmaps import Bounds, Rows
from ruvector.index.payload.fields import Schema, ValueIndex
from ruvector.index.payload.postings import Postings
from ruvector.index.payload.ranking import Ranking
from ruvector.model.filters import Condition, MatchText, TextRules
from ruvector.model.text.analysis import Analyzer

_BETWEEN: Final = 2**32 - 1
"""Stands between the words of two strings; no word has this number."""

_BYTES_PER_ROW: Final = 100
"""A slot, an int and a bytes object, without the numbers in it."""


class TextIndex(ValueIndex):
    """Strings by their words."""

    types = (str,)

    def __init__(
        self,
        field: str,
        schema: Schema,
        analyzer: Analyzer,
        *,
        phrases: bool = False,
        scoring: bool = False,
    ) -> None:
        super().__init__(field, schema)
        self.rules = TextRules(analyzer, self._nested, self._inner)
        self._postings = Postings()
        self._numbers: dict[str, int] = {}
        self._documents: dict[int, bytes] | None = {} if phrases and self._nested is None else None
        self.ranking = Ranking() if scoring else None

    def meaning(self, condition: Condition, *, is_inside: bool) -> Condition:
        """Return a text condition with this index's words."""
        if not isinstance(condition, MatchText):
            return super().meaning(condition, is_inside=is_inside)
        rules = TextRules(self.rules.analyzer) if is_inside else self.rules
        return msgspec.structs.replace(condition, rules=rules)

    def bounds(self, condition: Condition) -> Bounds | None:
        """Return rows that certainly and rows that possibly hold the words."""
        if not isinstance(condition, MatchText):
            return super().bounds(condition)
        if condition.rules is not self.rules:
            return None
        words = self.rules.analyzer.query(condition.text)
        if condition.mode == "any":
            rows = self._postings.with_any(set(words))
            return Bounds(rows, rows)
        rows = self._with_all(words)
        if not rows or (len(set(words)) == 1 and (condition.mode == "all" or len(words) == 1)):
            return Bounds(rows, rows)
        if condition.mode == "all" and self.rules.array is None:
            return Bounds(rows, rows)
        if self._documents is None:
            return Bounds(BitMap(), rows)
        found = self._with_phrase(words, rows, self._documents)
        return Bounds(found, found)

    def _with_all(self, words: list[str]) -> BitMap:
        if not words:
            return BitMap()
        bitmaps = sorted(map(self._postings.with_value, set(words)), key=len)
        return BitMap.intersection(*bitmaps)

    def _with_phrase(self, words: list[str], rows: BitMap, documents: dict[int, bytes]) -> BitMap:
        phrase = array("I", [self._numbers[word] for word in words]).tobytes()
        return BitMap(row for row in rows if _holds(documents[row], phrase))

    def _add_values(self, row: int, values: list[Any]) -> bool:
        texts = [value for value in values if value.__class__ is str]
        if texts:
            self._add_texts(row, texts)
        return bool(texts)

    def _add_texts(self, row: int, texts: list[str]) -> None:
        documents = [self.rules.analyzer.document(text) for text in texts]
        words = documents[0] if len(documents) == 1 else [w for words in documents for w in words]
        self._postings.add(row, words)
        self._keep_order(row, documents, words)

    def _keep_order(self, row: int, documents: list[list[str]], words: list[str]) -> None:
        if self._documents is not None:
            self._documents[row] = self._numbered(documents)
        if self.ranking is not None and words:
            self.ranking.add(row, words)

    def _numbered(self, documents: list[list[str]]) -> bytes:
        numbers = self._numbers
        result = array("I")
        for words in documents:
            if result:
                result.append(_BETWEEN)
            result.extend([numbers.setdefault(word, len(numbers)) for word in words])
        return result.tobytes()

    def _add_bare(self, rows: Rows, values: list[Any]) -> Rows:
        groups: dict[str, list[int]] = {}
        for row, text in zip(rows.tolist(), values, strict=True):
            words = self.rules.analyzer.document(text)
            for word in set(words):
                held = groups.get(word)
                if held is None:
                    groups[word] = [row]
                else:
                    held.append(row)
            self._keep_order(row, [words], words)
        self._postings.add_groups(rows, groups)
        return rows

    def _discard_values(self, row: int, values: list[Any]) -> None:
        texts = [value for value in values if value.__class__ is str]
        words = {word for text in texts for word in self.rules.analyzer.document(text)}
        self._postings.discard(row, words)
        if self._documents is not None:
            self._documents.pop(row, None)
        if self.ranking is not None:
            self.ranking.discard(row)

    def _rows_of_values(self, condition: Condition) -> BitMap | None:
        bounds = self.bounds(condition) if isinstance(condition, MatchText) else None
        return bounds.certain if bounds is not None and bounds.exact else None

    def _estimate_values(self, condition: Condition) -> int | None:
        if not isinstance(condition, MatchText) or condition.rules is not self.rules:
            return None
        counts = [self._postings.count((w,)) for w in self.rules.analyzer.query(condition.text)]
        return sum(counts) if condition.mode == "any" else min(counts, default=0)

    def _values_bytes(self) -> int:
        documents = self._documents or {}
        ranking = 0 if self.ranking is None else self.ranking.memory_bytes
        kept = sum(map(len, documents.values())) + len(documents) * _BYTES_PER_ROW
        return self._postings.memory_bytes + kept + len(self._numbers) * _BYTES_PER_ROW + ranking


def _holds(document: bytes, phrase: bytes) -> bool:
    at = document.find(phrase)
    while at >= 0:
        if at % 4 == 0:
            return True
        at = document.find(phrase, at + 1)
    return False
