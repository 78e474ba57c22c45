"""How does a message become plain values, and plain values a message? One rule, and few shapes.

Plain values are what the JSON of the same request decodes to, with vectors as numpy arrays; what
they mean is judged by whoever judges the JSON. The rule (`Record`): a message is an object with its
fields by name. `SHAPES` names the messages that differ: unions, wrapped values, requests; the
modules `shapes` and `requests` fill it.

Fields that are absent stay absent, and so do empty lists; numbers, texts and flags without presence
are always there, since nothing tells whether they were given. Reading raises MalformedRequest where
a union is empty or an enum's number unknown, writing where a value does not fit its field. Neither
raises anything else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, Protocol

import msgspec
import numpy as np
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from msgspec import UNSET

from ruvector.errors import BadInput, InvalidRequest, MalformedRequest
from ruvector.kernel import shortest_floats
from ruvector.model.ids import shown
from ruvector.model.limits import MAX_LIST
from ruvector.model.proto.enums import WORDS
from ruvector.model.proto.schema import message_class
from ruvector.model.reading import describe, short

Read = Callable[[Any], Any]
Write = Callable[[Any, Any, str], None]
_ARRAYS: Final = {
    FieldDescriptor.TYPE_FLOAT: np.dtype("<f4"),
    FieldDescriptor.TYPE_UINT32: np.dtype("<u4"),
}
VARINT_BITS: Final = 7
_SLICE: Final = 2**14  # values that are converted in one call: 0.5 ms


class Shape(Protocol):
    """How one kind of message is told in plain values."""

    def read(self, message: Any) -> Any:
        """Return what a message says."""

    def write(self, message: Any, value: Any, path: str) -> None:
        """Set an empty message to say a value; errors begin with `path`."""


class Record:
    """An object with the message's fields, some under another name, some told in their own way."""

    def __init__(
        self,
        message: str,
        names: Mapping[str, str] | None = None,
        own: Mapping[str, tuple[Read, Write]] | None = None,
    ) -> None:
        descriptor = message_class(message).DESCRIPTOR
        renamed = names or {}
        self._fields: dict[int, tuple[str, Read | None]] = {}
        self._writes: dict[str, Write] = {}
        self._defaults: dict[str, Any] = {}
        self._message = message
        for field in descriptor.fields:
            name = renamed.get(field.name, field.name)
            read, write = (own or {}).get(field.name) or (reader_of(field), writer_of(field))
            self._fields[field.number] = name, read
            self._writes.setdefault(name, write)
            if not field.has_presence and not field.is_repeated:
                default = _scalar_reader(field)(field.default_value)
                if default is not None:
                    self._defaults[name] = default

    def read(self, message: Any) -> dict[str, Any]:
        """Return the fields that are set."""
        given = dict(self._defaults)
        for field, value in message.ListFields():
            name, read = self._fields[field.number]
            plain = value if read is None else read(value)
            if plain is not None:
                given[name] = plain
        return given

    def write(self, message: Any, value: Any, path: str) -> None:
        """Set the fields of an object; those that are None stay unset."""
        if isinstance(value, msgspec.Struct):
            value = {name: getattr(value, name) for name in value.__struct_fields__}
        if not isinstance(value, Mapping):
            raise MalformedRequest(f"{path}: expected an object, got {describe(value)}")
        for name, part in value.items():
            if part is None or part is UNSET:
                continue
            write = self._writes.get(name)
            if write is None:
                raise MalformedRequest(f"{path or 'request'}: unknown field `{short(name)}`")
            write(message, part, f"{path}.{name}" if path else name)


class Union:
    """One of several things: `{name: value}`, or the value itself for the arms that are `flat`.

    `choose` tells, for writing, which arm says a value; without it the only key does.
    """

    def __init__(
        self,
        message: str,
        *,
        flat: Sequence[str] = (),
        names: Mapping[str, str] | None = None,
        choose: Callable[[Any], str | None] = lambda _: None,
    ) -> None:
        descriptor = message_class(message).DESCRIPTOR
        (self._oneof,) = (each.name for each in descriptor.oneofs)
        self._choose = choose
        self._message = message
        self._arms: dict[str, tuple[str | None, Read | None]] = {}
        self._keys: dict[str, str] = {}
        self._writes: dict[str, Write] = {}
        for field in descriptor.oneofs_by_name[self._oneof].fields:
            key = (names or {}).get(field.name, field.name)
            self._arms[field.name] = (None if field.name in flat else key), reader_of(field)
            self._writes[field.name] = writer_of(field)
            if field.name not in flat:
                self._keys.setdefault(key, field.name)

    def read(self, message: Any) -> Any:
        """Return what is set."""
        arm = message.WhichOneof(self._oneof)
        if arm is None:
            raise MalformedRequest(f"{self._message}: one of {', '.join(self._arms)} must be set")
        key, read = self._arms[arm]
        value = getattr(message, arm)
        plain = value if read is None else read(value)
        return plain if key is None else {key: plain}

    def write(self, message: Any, value: Any, path: str) -> None:
        """Set the arm that says a value."""
        arm = self._choose(value)
        if arm is not None and self._arms[arm][0] is None:
            self._writes[arm](message, value, path)
            return
        if not isinstance(value, Mapping) or len(value) != 1:
            raise MalformedRequest(f"{path}: expected a {self._message}, got {describe(value)}")
        ((key, part),) = value.items()
        arm = arm or self._keys.get(key)
        if arm is None:
            known = ", ".join(f"`{name}`" for name in self._keys)
            raise MalformedRequest(f"{path}: unknown field `{short(key)}`, expected one of {known}")
        self._writes[arm](message, part, f"{path}.{key}")


class Wrapped:
    """The value of the message's only field."""

    def __init__(self, message: str) -> None:
        (field,) = message_class(message).DESCRIPTOR.fields
        self._name = field.name
        self._read = reader_of(field)
        self._write = writer_of(field)

    def read(self, message: Any) -> Any:
        """Return the value."""
        value = getattr(message, self._name)
        return value if self._read is None else self._read(value)

    def write(self, message: Any, value: Any, path: str) -> None:
        """Set the value."""
        self._write(message, value, path)


class Custom:
    """Two functions."""

    def __init__(self, read: Read, write: Write) -> None:
        self.read = read
        self.write = write


SHAPES: Final[dict[str, Callable[[str], Shape]]] = {}


@cache
def shape_of(message: str) -> Shape:
    """Return the shape of a message of the package `qdrant`, by its name."""
    make = SHAPES.get(message, Record)
    return make(message)


def _shape_of(descriptor: Descriptor) -> Shape:
    return shape_of(descriptor.full_name.removeprefix("qdrant."))


def reader_of(field: FieldDescriptor) -> Read | None:
    """Return what makes a field's value plain, None where it is plain already.

    Shapes are asked for when they are first used: messages may contain themselves.
    """
    if is_map(field):
        value = field.message_type.fields_by_name["value"]
        inner = reader_of(value) or _same
        return lambda entries: {key: inner(entries[key]) for key in entries}
    if field.is_repeated:
        dtype = _ARRAYS.get(field.type)
        if dtype is not None:
            return lambda values: array_of(values, dtype, field.name)
        each = _single_reader(field)
        if each is None:
            return lambda values: _list(values, field.name)
        return lambda values: [each(value) for value in values]
    return _single_reader(field)


def _slices(values: Any, name: str) -> Iterator[Any]:
    """Yield the values in slices, so that no call has the interpreter for long."""
    if len(values) > MAX_LIST:
        raise BadInput(f"{name} has {len(values)} values; the most a list may have is {MAX_LIST}")
    for start in range(0, len(values), _SLICE):
        yield values[start : start + _SLICE]


def _list(values: Any, name: str) -> list[Any]:
    if len(values) <= _SLICE:
        return list(values)
    return [value for part in _slices(values, name) for value in part]


def array_of(values: Any, dtype: Any, name: str) -> "np.ndarray[Any, Any]":
    """Return the numbers of a repeated field; BadInput where there are too many."""
    if len(values) <= _SLICE:
        return np.array(values, dtype=dtype)
    return np.concatenate([np.array(part, dtype=dtype) for part in _slices(values, name)])


def _single_reader(field: FieldDescriptor) -> Read | None:
    if field.message_type is not None:
        descriptor = field.message_type
        return lambda message: _shape_of(descriptor).read(message)
    if field.enum_type is not None or field.type == FieldDescriptor.TYPE_FLOAT:
        return _scalar_reader(field)
    return None


def _scalar_reader(field: FieldDescriptor) -> Read:
    if field.enum_type is not None:
        words, name, kind = words_of(field.enum_type), field.name, field.enum_type.name
        return lambda number: _word(words, number, name, kind)
    return _shortest if field.type == FieldDescriptor.TYPE_FLOAT else _same


def _word(words: tuple[str | None, ...], number: int, field: str, kind: str) -> str | None:
    if not 0 <= number < len(words):
        known = ", ".join(f"{word} ({i})" for i, word in enumerate(words) if word is not None)
        raise MalformedRequest(f"{field}: {number} is no {kind}; known are {known}")
    return words[number]


def words_of(kind: EnumDescriptor) -> tuple[str | None, ...]:
    """Return the words of an enum by number, None for "not given"."""
    return WORDS[kind.full_name.removeprefix("qdrant.")]


def _same(value: Any) -> Any:
    return value


def _shortest(number: float) -> float:
    """Return 0.8 for the float32 nearest to 0.8."""
    return shortest_floats(np.array([number], dtype=np.float32))[0]


def writer_of(field: FieldDescriptor) -> Write:
    """Return what sets a field to a plain value."""
    name = field.name
    if is_map(field):
        return _map_writer(field)
    if field.is_repeated and field.message_type is not None:
        descriptor = field.message_type

        def write_all(message: Any, value: Any, path: str) -> None:
            target, write = getattr(message, name), _shape_of(descriptor).write
            for i, part in enumerate(_items(value, path)):
                write(target.add(), part, f"{path}[{i}]")

        return write_all
    if field.is_repeated:
        return _list_writer(field)
    if field.message_type is not None:
        descriptor = field.message_type

        def write_one(message: Any, value: Any, path: str) -> None:
            target = getattr(message, name)
            target.SetInParent()
            _shape_of(descriptor).write(target, value, path)

        return write_one
    return _scalar_writer(field)


def _items(value: Any, path: str) -> Sequence[Any]:
    if isinstance(value, Mapping):
        return (value,)  # one object may stand for a list of one
    if not isinstance(value, list | tuple | np.ndarray):
        raise MalformedRequest(f"{path}: expected a list, got {describe(value)}")
    return value  # type: ignore[return-value]


def _map_writer(field: FieldDescriptor) -> Write:
    name, value_field = field.name, field.message_type.fields_by_name["value"]
    descriptor = value_field.message_type

    def write(message: Any, value: Any, path: str) -> None:
        if not isinstance(value, Mapping):
            raise MalformedRequest(f"{path}: expected an object, got {describe(value)}")
        target, shape = getattr(message, name), _shape_of(descriptor)
        for key, part in value.items():
            try:
                entry = target[key]
            except (TypeError, ValueError, UnicodeEncodeError) as error:
                raise MalformedRequest(f"{path}: the name {short(key)!r}: {error}") from error
            shape.write(entry, part, f"{path}.{key}")

    return write


def _list_writer(field: FieldDescriptor) -> Write:
    name, dtype, number = field.name, _ARRAYS.get(field.type), field.number

    def write(message: Any, value: Any, path: str) -> None:
        if dtype is not None:
            try:
                array = np.asarray(value)
                if array.ndim != 1 or (array.size and array.dtype.kind not in "fiu"):
                    raise TypeError("it must be a flat list of numbers")
                if dtype.kind == "f":
                    message.MergeFromString(packed(number, array.astype(dtype)))
                else:
                    getattr(message, name).extend(array.tolist())
            except (TypeError, ValueError, OverflowError) as error:
                raise MalformedRequest(f"{path}: {error}") from error
            return
        try:
            getattr(message, name).extend(_items(value, path))
        except (TypeError, ValueError, UnicodeEncodeError) as error:
            raise MalformedRequest(f"{path}: {error}") from error

    return write


def _scalar_writer(field: FieldDescriptor) -> Write:
    name = field.name
    words = None if field.enum_type is None else words_of(field.enum_type)

    def write(message: Any, value: Any, path: str) -> None:
        if words is not None:
            if value not in words:
                known = ", ".join(f"`{word}`" for word in words if word is not None)
                raise MalformedRequest(
                    f"{path}: unknown variant {describe(value)}, expected one of {known}"
                )
            value = words.index(value)
        try:
            setattr(message, name, value)
        except (ValueError, OverflowError) as error:
            if isinstance(value, str):
                raise MalformedRequest(f"{path}: {error}") from error
            rule = "is outside the range of its type"
            raise InvalidRequest.of(path, shown(value), rule) from error
        except TypeError as error:
            raise MalformedRequest(f"{path}: {error}") from error

    return write


def is_map(field: FieldDescriptor) -> bool:
    """Say whether a field is a map."""
    kind = field.message_type
    return bool(field.is_repeated and kind is not None and kind.GetOptions().map_entry)


def packed(number: int, array: "np.ndarray[Any, Any]") -> bytes:
    """Return the bytes of a repeated field of floats: no Python object for any of them."""
    raw = array.tobytes()
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def varint(number: int) -> bytes:
    """Return an unsigned number as protobuf writes it: 7 bits a byte, the lowest first."""
    text = bytearray()
    while number >> VARINT_BITS:
        text.append(number & 0x7F | 0x80)
        number >>= VARINT_BITS
    text.append(number)
    return bytes(text)
