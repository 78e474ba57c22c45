"""May a collection, an alias or a vector be called this? One validator for every name."""

from ruvector.errors import BadInput, InvalidRequest
from ruvector.model.limits import MAX_NAME_BYTES

_FORBIDDEN = frozenset('<>:"/\\|?*\0\x1f') | {chr(code) for code in range(32)} | {"\x7f"}


def check_name(name: str, thing: str) -> str:
    """Return the name; InvalidRequest (422) where it cannot be one.

    Names travel in paths of URLs and of snapshots, hence no separators, control characters, `.` or
    `..`.
    """
    if not isinstance(name, str) or not name:
        raise BadInput(f"{thing} must be a string that is not empty")
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise InvalidRequest.of(thing, repr(name), "must be valid Unicode text") from error
    if size > MAX_NAME_BYTES:
        raise InvalidRequest.of(
            thing, f"{name[:32]!r}...", f"must be at most {MAX_NAME_BYTES} bytes"
        )
    if name in (".", ".."):
        raise InvalidRequest.of(thing, repr(name), "must not be . or ..")
    found = sorted(_FORBIDDEN.intersection(name))
    if found:
        raise InvalidRequest.of(
            thing, repr(name), f"must not contain {' '.join(repr(c) for c in found)}"
        )
    return name
