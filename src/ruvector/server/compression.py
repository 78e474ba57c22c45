"""When is an answer compressed? When the client takes gzip and the body is larger than 1 KiB."""

import zlib
from collections.abc import Mapping

from ruvector.errors import Unavailable
from ruvector.server.answers import Header
from ruvector.server.pool import WorkerPool

MIN_BYTES = 1024  # below it the header costs as much as compression saves
INLINE_BYTES = 16 * 1024  # level 1 takes 0.2 ms for it; more is done in the pool
LEVEL = 1  # vectors hardly compress; higher levels cost 3 times the time for 5 percent
VARY = (b"vary", b"accept-encoding")
GZIP = (b"content-encoding", b"gzip")


async def compressed(
    request: Mapping[bytes, bytes], body: bytes, headers: list[Header], pool: WorkerPool
) -> bytes:
    """Return the body to send; says in `headers` what was done with it."""
    if not is_compressed(request, body, headers):
        return body
    if len(body) <= INLINE_BYTES:
        return deflate(body)
    try:
        return await pool.submit(lambda: deflate(body))
    except Unavailable:
        headers.remove(GZIP)
        return body


def is_compressed(request: Mapping[bytes, bytes], body: bytes, headers: list[Header]) -> bool:
    """Say whether a body is to be sent compressed, in `headers` too."""
    if len(body) <= MIN_BYTES:
        return False
    headers.append(VARY)
    if not accepts_gzip(request.get(b"accept-encoding", b"")):
        return False
    headers.append(GZIP)
    return True


def deflate(body: bytes) -> bytes:
    """Return the body in gzip's form."""
    return zlib.compress(body, LEVEL, wbits=31)


def accepts_gzip(header: bytes) -> bool:
    """Return whether an Accept-Encoding header names gzip, or anything, with a weight above 0."""
    taken = {}
    for part in header.lower().split(b","):
        name, _, weight = part.partition(b";")
        taken[name.strip()] = weight.replace(b" ", b"").rstrip(b"0") not in (b"q=", b"q=0.")
    return taken.get(b"gzip", taken.get(b"*", False))
