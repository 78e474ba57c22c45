"""Which vector does a model make of a text? `qdrant/bm25` is built in; others need a service.

Pure: the same text and options give the same vector.
"""

from ruvector.errors import BadInput
from ruvector.model.query_vectors import Inference, SparseVector
from ruvector.model.reading import text_of
from ruvector.model.text.bm25 import MODEL, read_bm25


def embed_document(source: Inference, *, is_query: bool, path: str) -> SparseVector:
    """Return the sparse vector of a text; BadInput for a model that is not built in."""
    if source.model.lower() != MODEL or source.kind != "text":
        raise BadInput(
            f"{path}: model {source.model!r} is not served here, only {MODEL} for texts; give the "
            f"vector that it makes of the {source.kind}"
        )
    model = read_bm25(source.options, f"{path}.options")
    text = text_of(source.source, f"{path}.text")
    return SparseVector(*(model.query(text) if is_query else model.document(text)))
