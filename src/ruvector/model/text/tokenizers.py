"""Where does one word end and the next begin?

| tokenizer | words |
|---|---|
| `word` | runs of letters and digits |
| `whitespace` | what stands between white space |
| `prefix` | the words of `word`; a document holds each of their beginnings, a query the words |
| `multilingual` | as `word`, but each character of a script without spaces is a word |
| `code` | the parts of identifiers: `HTTPServer_v2` is HTTP, Server, v, 2 |

Pure functions of text.
"""

import re
from collections.abc import Callable
from typing import Final

_WITHOUT_SPACES: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # radicals, kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
)

Split = Callable[[str], list[str]]

TOKENIZERS: Final[dict[str, Split]] = {
    "word": re.compile(r"[^\W_]+").findall,
    "whitespace": str.split,
    "prefix": re.compile(r"[^\W_]+").findall,
    "multilingual": re.compile(
        rf"(?:(?![{_WITHOUT_SPACES}])[^\W_])+|(?=[{_WITHOUT_SPACES}])[^\W_]"
    ).findall,
    "code": re.compile(
        r"(?=[A-Za-z0-9]*(?![\W_])[^\x00-\x7f])[^\W_]+"  # not cut where another script begins
        r"|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+"
    ).findall,
}
"""Name -> text to words."""
