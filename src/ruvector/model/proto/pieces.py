"""How is a large message read without holding the interpreter? In pieces, as large JSON is.

protobuf reads a message in one call, and nobody else has the interpreter meanwhile: 40 ms for a
million ids, a second for 27 million numbers. Fields of a message may stand in any number of pieces,
so one of more than PIECE_BYTES is cut by the kernel where fields end, and its pieces are merged one
by one; a field that is itself so large is gone into. The result is that of `FromString`.
"""

from typing import Any, Final

import numpy as np
from google.protobuf.descriptor import FieldDescriptor

from ruvector.errors import BadInput
from ruvector.kernel import split_message
from ruvector.model.limits import MAX_LIST
from ruvector.model.proto.plain import VARINT_BITS, is_map, varint

PIECE_BYTES: Final = 64 * 1024  # 11,000 of the smallest messages: a millisecond
MAX_LEVELS: Final = 32  # of large messages within each other that are gone into
_BYTES_TAG: Final = 2
_KEY, _VALUE = 1, 2  # fields of a map's entry
_FIXED_BYTES: Final = {
    FieldDescriptor.TYPE_FLOAT: 4,
    FieldDescriptor.TYPE_FIXED32: 4,
    FieldDescriptor.TYPE_SFIXED32: 4,
    FieldDescriptor.TYPE_DOUBLE: 8,
    FieldDescriptor.TYPE_FIXED64: 8,
    FieldDescriptor.TYPE_SFIXED64: 8,
}
_TEXTS: Final = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def parse(kind: Any, text: bytes) -> Any:
    """Return a message of a class; DecodeError where the bytes are none.

    BadInput where a list of numbers is longer than any may be. Cost: that of protobuf.
    """
    if len(text) <= PIECE_BYTES:
        return kind.FromString(text)
    message = kind()
    _merge(message, text, 0, len(text), MAX_LEVELS)
    return message


def _merge(message: Any, text: bytes, begin: int, end: int, levels: int) -> None:
    """Merge text[begin:end] into a message."""
    fields = message.DESCRIPTOR.fields_by_number
    for number, start, content, stop in split_message(text, begin, end, PIECE_BYTES):
        field = fields.get(number)
        if field is None or field.type in _TEXTS or not levels:
            message.MergeFromString(text[start:stop])
        elif field.message_type is None:
            _merge_numbers(message, field, text[content:stop])
        elif is_map(field):
            _merge_entry(message, field, text, content, stop, levels)
        else:
            part = getattr(message, field.name)
            if field.is_repeated:
                part = part.add()
            else:
                part.SetInParent()
            _merge(part, text, content, stop, levels - 1)


def _merge_numbers(message: Any, field: FieldDescriptor, packed: bytes) -> None:
    """Merge numbers that are packed, a piece of them at a time."""
    numbers = np.frombuffer(packed, np.uint8)
    width = _FIXED_BYTES.get(field.type)
    if width is None and np.count_nonzero(numbers < 1 << VARINT_BITS) > MAX_LIST:
        raise BadInput(f"{field.name} has more than {MAX_LIST} values, the most a list may have")
    tag = varint(field.number << 3 | _BYTES_TAG)
    step = PIECE_BYTES if width is None else max(width, PIECE_BYTES // width * width)
    start = 0
    while start < len(packed):
        stop = min(start + step, len(packed))
        if width is None:
            while stop < len(packed) and packed[stop - 1] >> VARINT_BITS:
                stop += 1  # not within a number
        message.MergeFromString(tag + varint(stop - start) + packed[start:stop])
        start = stop


def _merge_entry(
    message: Any, field: FieldDescriptor, text: bytes, content: int, stop: int, levels: int
) -> None:
    """Set an entry of a map whose value is large."""
    value = field.message_type.fields_by_name["value"]
    pieces = split_message(text, content, stop, PIECE_BYTES)
    is_plain = len(pieces) == 2 and pieces[0][0] == 0 and pieces[1][0] == _VALUE
    if value.message_type is None or not is_plain:
        message.MergeFromString(_field(field.number, text[content:stop]))
        return
    (_, start, _, end), (_, _, inner, inner_end) = pieces
    entry = getattr(message, field.name)
    head = type(message)()
    head.MergeFromString(_field(field.number, text[start:end]))
    ((key, first),) = getattr(head, field.name).items()
    if first.ByteSize():  # the value came in two parts
        message.MergeFromString(_field(field.number, text[content:stop]))
        return
    if key in entry:
        del entry[key]  # the last entry of a key counts, as a whole
    _merge(entry[key], text, inner, inner_end, levels - 1)


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | _BYTES_TAG) + varint(len(content)) + content
