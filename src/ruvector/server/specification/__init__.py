"""What does the API look like to a machine? An OpenAPI 3.1 document.

`document` puts it together from the operations and their Structs; `fields` adds what the Structs
leave open: bounds, and the untagged unions of `values` and `queries`, written in `words`.
`answers` says what comes back. The readers in `model` decide; these say the same.
"""

from ruvector.server.specification.document import has_body, specification

__all__ = ["has_body", "specification"]
