"""Which vector does a model make of a text? `qdrant/bm25` is built in; others need a service.

The same text and options give the same vector. How many words each model has read is counted by
thread, for whoever executes a request and tells what it used (`count_tokens`, `tokens_counted`).
"""

import threading

from ruvector.errors import BadInput
from ruvector.kernel import meters
from ruvector.model.query_vectors import Inference, SparseVector
from ruvector.model.reading import text_of
from ruvector.model.text.bm25 import MODEL, read_bm25


class _Counted(threading.local):
    """Words by model, of what this thread executes; None while no model was asked."""

    tokens: dict[str, int] | None = None


_counted = _Counted()


def count_tokens() -> None:
    """Begin to count for a request that this thread is about to execute: words, and by meters."""
    _counted.tokens = None
    if meters.is_on:
        meters.begin()


def tokens_counted() -> dict[str, int] | None:
    """Return the words that models read since the count began, None where no model did."""
    return _counted.tokens


def embed_document(source: Inference, *, is_query: bool, path: str) -> SparseVector:
    """Return the sparse vector of a text; BadInput for a model that is not built in."""
    if source.model.lower() != MODEL or source.kind != "text":
        raise BadInput(
            f"{path}: model {source.model!r} is not served here, only {MODEL} for texts; give the "
            f"vector that it makes of the {source.kind}"
        )
    model = read_bm25(source.options, f"{path}.options")
    text = text_of(source.source, f"{path}.text")
    words = model.words(text, is_query=is_query)
    tokens = _counted.tokens or {}
    _counted.tokens = {**tokens, MODEL: tokens.get(MODEL, 0) + len(words)}
    return SparseVector(*model.weigh(words, is_query=is_query))
