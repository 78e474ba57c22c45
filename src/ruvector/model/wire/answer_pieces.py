"""How does a large result become JSON without holding the interpreter for long? Piece by piece.

One call of the encoder holds it until it is done. Results whose length is up to the request are
lists, or objects around one list: those are encoded a part of the list at a time, so that other
threads (the server's event loop) go on in between. The text is the same as of one call.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from ruvector.model.points import Hit, Record
from ruvector.model.results import (
    FacetResult,
    GroupsResult,
    MatrixPairsResult,
    PointGroup,
    QueryResult,
    ScrollResult,
)
from ruvector.model.wire.encode import encode_json

PIECE_BYTES = 256 * 1024  # 0.3 ms of the encoder
_ITEM_BYTES = 64  # of an item beside payload and vectors
_NUMBER_BYTES = 3  # of JSON for a byte of a vector's numbers
# Objects around a list: the list's name. Their other fields are small.
_AROUND: dict[type, str] = {
    QueryResult: "points",
    ScrollResult: "points",
    GroupsResult: "groups",
    FacetResult: "hits",
    MatrixPairsResult: "pairs",
}


def encode_pieces(result: Any) -> Iterator[bytes]:
    """Yield the parts of a result's JSON text: each of about PIECE_BYTES, or one item."""
    if isinstance(result, list):
        yield from _list(result)
        return
    name = _AROUND.get(type(result))
    if name is None:
        yield encode_json(result)
        return
    before = b"{"
    for field in result.__struct_fields__:
        yield before + b'"%b":' % field.encode()
        value = getattr(result, field)
        yield from _list(value) if field == name else (encode_json(value),)
        before = b","
    yield b"}"


def _list(items: list[Any]) -> Iterator[bytes]:
    before, start, weight = b"[", 0, 0
    for position, item in enumerate(items):
        own = _weight(item)
        if weight and weight + own > PIECE_BYTES:
            yield before
            yield from _part(items[start:position])
            before, start, weight = b",", position, 0
        weight += own
    yield before
    yield from _part(items[start:])
    yield b"]"


def _part(items: list[Any]) -> Iterator[bytes]:
    """Yield items without the brackets around them."""
    if len(items) == 1 and (type(items[0]) is list or type(items[0]) in _AROUND):
        yield from encode_pieces(items[0])
    else:
        yield encode_json(items)[1:-1]


def _weight(value: Any) -> int:
    """Return about how many bytes of JSON a value becomes."""
    kind = type(value)
    if kind is Hit or kind is Record:
        weight = _ITEM_BYTES
        if value.payload_json is not None:
            weight += memoryview(value.payload_json).nbytes
        return weight if value.vector is None else weight + _vector_weight(value.vector)
    if kind is list:
        return sum(map(_weight, value))
    if kind is PointGroup:
        return _weight(value.hits) + (0 if value.lookup is None else _weight(value.lookup))
    name = _AROUND.get(kind)
    return _ITEM_BYTES if name is None else _weight(getattr(value, name))


def _vector_weight(vector: Any) -> int:
    if isinstance(vector, np.ndarray):
        return int(vector.nbytes) * _NUMBER_BYTES
    if isinstance(vector, dict):
        return sum(map(_vector_weight, vector.values()))
    if isinstance(vector, msgspec.Struct):
        return sum(_vector_weight(getattr(vector, name)) for name in vector.__struct_fields__)
    return _ITEM_BYTES * len(vector) if isinstance(vector, Sequence) else _ITEM_BYTES
