"""Which shards does a request choose? On a single node there is one, 0, and it has no key.

A key is a text or an unsigned integer; a request names one, several, or one and another to fall
back on. Keys belong to custom sharding, which needs a cluster.
"""

from typing import Any

from ruvector.errors import BadInput, NotFound

_DIGITS = 10
_FORMS = 'a text, an unsigned integer, a list of them, or {"target": .., "fallback": ..}'


def refuse_shard_key(value: Any, path: str = "shard_key") -> None:
    """Raise BadInput for a shard key, and for what is none."""
    if value is None:
        return
    if not _is_selector(value):
        raise BadInput(f"{path} must be {_FORMS}")
    raise BadInput(f"{path} needs custom sharding, which a single node does not have: leave it out")


def check_shard(number: Any) -> None:
    """Raise NotFound for every shard but the only one; BadInput for what is no number."""
    text = str(number)
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise BadInput(f"shard {text[:100]!r} is not a number; the only shard is 0")
    if int(text):
        raise NotFound(f"Shard {text} does not exist; a single node has only shard 0")


def _is_selector(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_key, value))
    if isinstance(value, dict):
        return set(value) == {"target", "fallback"} and all(map(_is_key, value.values()))
    return _is_key(value)


def _is_key(value: Any) -> bool:
    return isinstance(value, str) or (type(value) is int and 0 <= value < 2**64)
