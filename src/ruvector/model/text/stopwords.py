"""Which words of a language say nothing about a text? Function words of thirty languages.

Articles, pronouns, prepositions, conjunctions, auxiliary verbs, in lower case, and what the word
tokenizer leaves of contractions (`don`, `t`). Short on purpose: a word that can carry meaning is
not in a list. Changing a list changes what the indexes that use it hold, so it is a change of
format: such indexes are built from the payloads at each start, and need no migration.
"""

from functools import cache
from typing import Final

from ruvector.errors import MalformedRequest
from ruvector.model.text.stopword_lists import LATIN
from ruvector.model.text.stopword_lists_other_scripts import OTHER_SCRIPTS

_WORDS: Final[dict[str, str]] = {**LATIN, **OTHER_SCRIPTS}

LANGUAGES: Final = tuple(sorted(_WORDS))

_CODES: Final = {
    "ar": "arabic",
    "az": "azerbaijani",
    "eu": "basque",
    "bn": "bengali",
    "ca": "catalan",
    "zh": "chinese",
    "da": "danish",
    "nl": "dutch",
    "en": "english",
    "fi": "finnish",
    "fr": "french",
    "de": "german",
    "el": "greek",
    "he": "hebrew",
    "hi-en": "hinglish",
    "hu": "hungarian",
    "id": "indonesian",
    "it": "italian",
    "ja": "japanese",
    "jp": "japanese",
    "kk": "kazakh",
    "ne": "nepali",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sl": "slovene",
    "es": "spanish",
    "sv": "swedish",
    "tg": "tajik",
    "tr": "turkish",
}


def language_of(name: object, path: str) -> str:
    """Return a language's name for its name or its ISO 639 code."""
    language = _CODES.get(name, name) if isinstance(name, str) else None
    if language not in _WORDS:
        shown = name[:60] if isinstance(name, str) else type(name).__name__
        raise MalformedRequest(
            f"{path}: unknown language `{shown}`, expected one of {', '.join(LANGUAGES)}"
        )
    return language


@cache
def stopwords_of(language: str) -> frozenset[str]:
    """Return the stop words of one of LANGUAGES."""
    return frozenset(_WORDS[language].split())
