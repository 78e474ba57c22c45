"""Which ASCII letters does an accented word stand for? `ação` is found by `acao`.

Accents are taken off by Unicode's own decomposition; the letters that have none (ß, ø, ł) stand in
a table. Letters of other scripts stay as they are. Pure.
"""

import unicodedata
from typing import Final

_LETTERS: Final = str.maketrans(
    {
        "ß": "ss",
        "ẞ": "SS",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "đ": "d",
        "Đ": "D",
        "ð": "d",
        "Ð": "D",
        "þ": "th",
        "Þ": "TH",
        "ł": "l",
        "Ł": "L",
        "ħ": "h",
        "Ħ": "H",
        "\u0131": "i",
        "ŋ": "n",
        "Ŋ": "N",
        "ŧ": "t",
        "Ŧ": "T",
        "ĳ": "ij",
        "Ĳ": "IJ",
        "ŀ": "l",
        "\u017f": "s",
    }
)


def fold(word: str) -> str:
    """Return the word with Latin letters in ASCII.

    >>> fold("Straße"), fold("ação")
    ('Strasse', 'acao')
    """
    if word.isascii():
        return word
    return "".join(map(_fold_letter, word.translate(_LETTERS)))


def _fold_letter(letter: str) -> str:
    if letter.isascii():
        return letter
    plain = "".join(
        part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part)
    )
    return plain if plain.isascii() else letter
