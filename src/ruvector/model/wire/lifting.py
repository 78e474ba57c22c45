"""How is a search's vector read without JSON looking at it twice?

A query of 1,536 numbers is 31 KB of text, of which 30 are one flat array. It is cut out and parsed
by the kernel; what is left is a short body. Only the plain case is lifted: the name stands once in
the whole body and is followed by a flat array of numbers. Everything else, wrong vectors included,
is left as it came, so that the ordinary way reads or refuses it.
"""

from ruvector.kernel import lift_floats
from ruvector.model import requests as r
from ruvector.model.points import Vectors

NAMES: dict[type, str] = {r.QueryPoints: "query", r.Search: "vector"}
WORTHWHILE_BYTES = 1024  # below that the ordinary way takes a microsecond
MOST_BYTES = 4 * 2**20  # the longest vector is half of that; what is longer is not one search


def lift_vector(request: type, body: bytes) -> tuple[Vectors, bytes] | None:
    """Return the vector and the body with null in its place, or None where it cannot be lifted.

    The caller checks that the null stands where the request has its vector: the same name may have
    stood in a nested object.
    """
    name = NAMES.get(request)
    if name is None or not WORTHWHILE_BYTES <= len(body) <= MOST_BYTES:
        return None
    lifted = lift_floats(body, name)
    if lifted is None:
        return None
    vector, start, end = lifted
    return vector, body[:start] + b"null" + body[end:]
