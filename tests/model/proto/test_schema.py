"""Are our messages Qdrant's? Every name, number, type, label, union, enum and procedure."""

import pytest
from google.protobuf import descriptor_pb2
from qdrant_client.grpc import (
    collections_pb2,
    collections_service_pb2,
    json_with_int_pb2,
    points_pb2,
    points_service_pb2,
    qdrant_common_pb2,
    qdrant_pb2,
    snapshots_service_pb2,
)

from ruvector.model.proto import schema
from ruvector.model.proto.enums import WORDS
from ruvector.model.proto.rpcs import RPCS

THEIRS = (
    json_with_int_pb2,
    qdrant_common_pb2,
    collections_pb2,
    collections_service_pb2,
    points_pb2,
    points_service_pb2,
    snapshots_service_pb2,
    qdrant_pb2,
)


def described(file):
    """Return {full name: what is on the wire} of everything in a file."""
    found = {}
    for message in file.message_types_by_name.values():
        describe_message(message, found)
    for enum in file.enum_types_by_name.values():
        found[enum.full_name] = {value.name: value.number for value in enum.values}
    for service in file.services_by_name.values():
        methods = descriptor_pb2.ServiceDescriptorProto()
        service.CopyToProto(methods)
        for method in methods.method:
            found[f"{service.full_name}/{method.name}"] = (
                method.input_type,
                method.output_type,
                method.client_streaming,
                method.server_streaming,
            )
    return found


def describe_message(message, found):
    found[message.full_name] = {
        field.name: (
            field.number,
            field.type,
            field.is_repeated,
            field.has_presence,
            field.GetOptions().deprecated,
            field.message_type and field.message_type.full_name,
            field.enum_type and field.enum_type.full_name,
            field.containing_oneof and field.containing_oneof.name,
        )
        for field in message.fields
    } | {"map": message.GetOptions().map_entry}
    for nested in message.nested_types:
        describe_message(nested, found)
    for enum in message.enum_types:
        found[enum.full_name] = {value.name: value.number for value in enum.values}


def test_messages_enums_and_procedures_are_those_of_the_official_client():
    theirs, ours = {}, {}
    for module in THEIRS:
        theirs |= described(module.DESCRIPTOR)
    for name in schema.FILES:
        file = schema.pool().FindFileByName(f"{name}.proto")
        if file.package == "qdrant":
            ours |= described(file)
    assert len(theirs) > 300
    assert ours == theirs


def test_numbers_of_fields_that_were_dropped_are_not_used_again():
    def reserved(files):
        found = {}
        for file in files:
            for message in file.message_type:
                numbers = {
                    n for part in message.reserved_range for n in range(part.start, part.end)
                }
                if numbers:
                    found[message.name] = numbers
        return found

    theirs = []
    for module in THEIRS:
        theirs.append(descriptor_pb2.FileDescriptorProto())
        module.DESCRIPTOR.CopyToProto(theirs[-1])
    assert reserved(schema.parse(name) for name in schema.FILES) == reserved(theirs)


def test_every_procedure_of_a_service_has_a_row():
    for service, methods in RPCS.items():
        assert set(methods) == set(schema.pool().FindServiceByName(service).methods_by_name)


def test_every_enum_has_a_word_for_each_number():
    for module in THEIRS:
        for name, described_enum in described(module.DESCRIPTOR).items():
            short = name.removeprefix("qdrant.")
            if "map" not in described_enum and "/" not in name:
                assert len(WORDS[short]) == len(described_enum), short


@pytest.mark.parametrize("text", ["message A { int32 a = 1 }", "message A { map<string> m = 1; }"])
def test_text_that_is_no_definition_is_refused(text):
    with pytest.raises((ValueError, StopIteration)):
        schema._Parser(text).file("a.proto")
