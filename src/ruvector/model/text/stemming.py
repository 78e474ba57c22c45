"""What is the stem of a word? Snowball's algorithms, from the optional package PyStemmer.

A stemmer is asked for by a field's index or a BM25 document. Without the package it is refused by
name, because stems decide what is found. Stemmers are not shared between threads: each thread has
its own (their cache is not guarded).
"""

import threading
from collections.abc import Callable
from typing import Any, Final

from ruvector.errors import BadInput, MalformedRequest

LANGUAGES: Final = (
    "arabic",
    "armenian",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hungarian",
    "italian",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
)

_CODES: Final = {
    "ar": "arabic",
    "hy": "armenian",
    "da": "danish",
    "nl": "dutch",
    "en": "english",
    "fi": "finnish",
    "fr": "french",
    "de": "german",
    "el": "greek",
    "hu": "hungarian",
    "it": "italian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "es": "spanish",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}

Stem = Callable[[str], str]

_local = threading.local()


def stemmer_language(name: object, path: str) -> str:
    """Return the language of a stemmer for its name or its ISO 639 code."""
    language = _CODES.get(name, name) if isinstance(name, str) else None
    if language not in LANGUAGES:
        shown = name[:60] if isinstance(name, str) else type(name).__name__
        raise MalformedRequest(
            f"{path}: there is no stemmer for `{shown}`; expected one of {', '.join(LANGUAGES)}"
        )
    return language


def stemmer(language: str) -> Stem:
    """Return the function from a word in lower case to its stem; BadInput without PyStemmer."""
    try:
        import Stemmer
    except ImportError as error:
        raise BadInput(
            f"a stemmer ({language}) needs the package PyStemmer, which is not installed: "
            "install ruvector[text], or ask for the stemmer {'type': 'none'}"
        ) from error

    def stem(word: str) -> str:
        stemmers: dict[str, Any] | None = getattr(_local, "stemmers", None)
        if stemmers is None:
            stemmers = _local.stemmers = {}
        own = stemmers.get(language)
        if own is None:
            own = stemmers[language] = Stemmer.Stemmer(language)
        return str(own.stemWord(word))

    return stem
