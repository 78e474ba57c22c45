"""Which schemas do indexes of payload fields have? A type's name, or an object with parameters."""

from ruvector.index.payload.schemas import BOOLEAN_PARAMETERS, MEMORY, PARAMETERS_OF
from ruvector.model.text.analysis import STOPWORDS_MAX, TOKEN_LENGTH_MAX
from ruvector.model.text.stemming import LANGUAGES as STEMMED
from ruvector.model.text.stopwords import LANGUAGES
from ruvector.model.text.tokenizers import TOKENIZERS
from ruvector.server.specification.words import (
    BOOLEAN,
    TEXT,
    Schema,
    any_of,
    array,
    choice,
    obj,
    ref,
    tagged,
    whole,
)

_STOPWORDS = obj(
    (),
    languages=array(choice(*LANGUAGES)),
    custom={**array(TEXT), "maxItems": STOPWORDS_MAX},
)
_PARAMETERS: dict[str, Schema] = {
    **dict.fromkeys(BOOLEAN_PARAMETERS, BOOLEAN),
    "memory": choice(*MEMORY),
    "nested": ref("PayloadKey"),
    "scoring": any_of(BOOLEAN, tagged("type", choice("bm25"))),
    "tokenizer": choice(*TOKENIZERS),
    "lowercase": BOOLEAN,
    "ascii_folding": BOOLEAN,
    "min_token_len": whole(0, TOKEN_LENGTH_MAX),
    "max_token_len": whole(0, TOKEN_LENGTH_MAX),
    "stopwords": any_of(choice(*LANGUAGES), _STOPWORDS),
    "stemmer": any_of(
        tagged("type", choice("none")),
        obj(("type", "language"), type=choice("snowball"), language=choice(*STEMMED)),
    ),
}
FIELD_SCHEMA = any_of(
    choice(*sorted(PARAMETERS_OF)),
    *(
        tagged(
            "type", choice(kind), **{name: _PARAMETERS[name] for name in names if name != "type"}
        )
        for kind, names in PARAMETERS_OF.items()
    ),
)
