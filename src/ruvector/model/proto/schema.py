"""What do the messages of gRPC look like? The `.proto` files of this folder, as classes.

The files are the only definition: they are read when the first class is asked for (20 ms), so there
is no generated code that could differ from them. The classes live in a pool of their own, because
Qdrant's client registers the same names in protobuf's default pool, and both may be in one process.

`parse` reads as much of proto3 as the files use; a test compares what it makes of them with the
descriptors of Qdrant's client, name by name and number by number.
"""

import re
import threading
from importlib.resources import files
from typing import Any, Final

from google.protobuf import descriptor_pb2, timestamp_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

FILES: Final = (  # a file stands behind those that it imports
    "values",
    "filters",
    "settings",
    "collections",
    "vectors",
    "queries",
    "older_queries",
    "updates",
    "answers",
    "points",
    "snapshots",
    "qdrant",
    "health",
    "reflection",
    "reflection_alpha",
)
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in ("double", "float", "int32", "int64", "uint32", "uint64", "bool", "string", "bytes")
}
_TOKEN = re.compile(r'//[^\n]*|"[^"]*"|[\w.]+|[^\s\w]')
_lock = threading.Lock()
_pool: DescriptorPool | None = None


def pool() -> DescriptorPool:
    """Return the pool that knows every file."""
    global _pool
    with _lock:
        if _pool is None:
            made = DescriptorPool()
            made.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
            for name in FILES:
                made.AddSerializedFile(parse(name).SerializeToString())
            _pool = made
        return _pool


def message_class(name: str) -> Any:
    """Return the class of a message of the package `qdrant`, or of one named in full."""
    full = name if "." in name and name.split(".")[0] in ("grpc", "google") else f"qdrant.{name}"
    return GetMessageClass(pool().FindMessageTypeByName(full))


def parse(name: str) -> descriptor_pb2.FileDescriptorProto:
    """Return the descriptor of one of the files."""
    text = files(__package__).joinpath(f"{name}.proto").read_text("utf-8")
    return _Parser(text).file(f"{name}.proto")


class _Parser:
    """One reading of one file: words from the left to the right."""

    def __init__(self, text: str) -> None:
        found = _TOKEN.findall(text)
        self._words = iter([word for word in found if not word.startswith("//")])

    def file(self, name: str) -> descriptor_pb2.FileDescriptorProto:
        made = descriptor_pb2.FileDescriptorProto(name=name, syntax="proto3")
        for word in self._words:
            if word == "syntax":
                self._expect("=", '"proto3"', ";")
            elif word == "package":
                made.package = self._next()
                self._expect(";")
            elif word == "import":
                made.dependency.append(self._next().strip('"'))
                self._expect(";")
            elif word == "message":
                self._message(made.message_type.add(name=self._next()), made.package)
            elif word == "enum":
                self._enum(made.enum_type.add(name=self._next()))
            elif word == "service":
                self._service(made.service.add(name=self._next()))
            else:
                raise ValueError(f"{name}: unexpected {word!r}")
        return made

    def _message(self, made: Any, scope: str) -> None:
        self._expect("{")
        inside = f"{scope}.{made.name}"
        while (word := self._next()) != "}":
            if word == "message":
                self._message(made.nested_type.add(name=self._next()), inside)
            elif word == "enum":
                self._enum(made.enum_type.add(name=self._next()))
            elif word == "reserved":
                self._reserved(made)
            elif word == "oneof":
                made.oneof_decl.add(name=self._next())
                position = len(made.oneof_decl) - 1
                self._expect("{")
                while (kind := self._next()) != "}":
                    self._field(made, kind).oneof_index = position
            elif word == "map":
                self._map(made, inside)
            else:
                self._labelled(made, word)
        for field in made.field:  # as protoc does: behind the oneofs that are real
            if field.proto3_optional:
                field.oneof_index = len(made.oneof_decl)
                made.oneof_decl.add(name=f"_{field.name}")

    def _labelled(self, made: Any, word: str) -> None:
        label = word if word in ("optional", "repeated") else ""
        field = self._field(made, self._next() if label else word)
        if label == "repeated":
            field.label = _Field.LABEL_REPEATED
        if label == "optional":
            field.proto3_optional = True

    def _field(self, made: Any, kind: str) -> Any:
        field = made.field.add(name=self._next(), label=_Field.LABEL_OPTIONAL)
        self._expect("=")
        field.number = int(self._next())
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
        else:
            field.type_name = kind  # the pool finds out whether it is a message or an enum
        if self._next() == "[":
            self._expect("deprecated", "=", "true", "]", ";")
            field.options.deprecated = True
        return field

    def _map(self, made: Any, scope: str) -> None:
        self._expect("<")
        key = self._next()
        self._expect(",")
        value = self._next()
        self._expect(">")
        field = self._field(made, value)
        entry = made.nested_type.add(name=_camel(field.name) + "Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=1, type=_SCALARS[key])
        entry.field.add(name="value", number=2, label=1, type=field.type, type_name=field.type_name)
        if value not in _SCALARS:
            entry.field[1].ClearField("type")
        field.ClearField("type")
        field.type_name = f".{scope}.{entry.name}"
        field.label = _Field.LABEL_REPEATED

    def _enum(self, made: Any) -> None:
        self._expect("{")
        while (word := self._next()) != "}":
            self._expect("=")
            made.value.add(name=word, number=int(self._next()))
            self._expect(";")

    def _reserved(self, made: Any) -> None:
        while True:
            number = int(self._next())
            made.reserved_range.add(start=number, end=number + 1)
            if self._next() == ";":
                return

    def _service(self, made: Any) -> None:
        self._expect("{")
        while self._next() != "}":  # the word is "rpc"
            method = made.method.add(name=self._next())
            method.input_type, method.client_streaming = self._side()
            self._expect("returns")
            method.output_type, method.server_streaming = self._side()
            self._expect(";")

    def _side(self) -> tuple[str, bool]:
        self._expect("(")
        name = self._next()
        streaming = name == "stream"
        if streaming:
            name = self._next()
        self._expect(")")
        return name, streaming

    def _next(self) -> str:
        return str(next(self._words))

    def _expect(self, *expected: str) -> None:
        for word in expected:
            found = self._next()
            if found != word:
                raise ValueError(f"expected {word!r}, found {found!r}")


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
