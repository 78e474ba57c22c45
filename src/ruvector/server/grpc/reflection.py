"""What can the server do? gRPC's reflection, for tools that have no `.proto` files: v1 and v1alpha.

A stream holds one of the pool's threads while its client asks, so at most MAX_STREAMS are open at a
time, each for at most STREAM_SECONDS. What is told is the published contract; no key is needed.
"""

import threading
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from ruvector.model.proto.rpcs import RPCS
from ruvector.model.proto.schema import message_class, pool

VERSIONS = ("v1", "v1alpha")
MAX_STREAMS = 2
STREAM_SECONDS = 30.0
SERVICES = (
    "qdrant.Qdrant",
    *RPCS,
    "grpc.health.v1.Health",
    *(f"grpc.reflection.{version}.ServerReflection" for version in VERSIONS),
)
_slots = threading.BoundedSemaphore(MAX_STREAMS)


def reflection_handlers() -> list[Any]:
    """Return the service in both versions, which differ in nothing but their names."""
    return [
        grpc.method_handlers_generic_handler(
            f"grpc.reflection.{version}.ServerReflection",
            {"ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(_stream_of(version))},
        )
        for version in VERSIONS
    ]


def _stream_of(version: str) -> Any:
    package = f"grpc.reflection.{version}"

    def stream(bodies: Iterator[bytes], context: Any) -> Iterator[bytes]:
        if not _slots.acquire(blocking=False):
            context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{MAX_STREAMS} streams of reflection are open, the most there may be; try later",
            )
        clock = threading.Timer(STREAM_SECONDS, context.cancel)
        clock.daemon = True
        clock.start()
        try:
            asked = message_class(f"{package}.ServerReflectionRequest")
            for body in bodies:
                try:
                    request = asked.FromString(body)
                except DecodeError:
                    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "this is no reflection request")
                yield answer_to(request, package).SerializeToString()
        finally:
            clock.cancel()
            _slots.release()

    return stream


def answer_to(request: Any, package: str) -> Any:
    """Return the answer to one question."""
    answer = message_class(f"{package}.ServerReflectionResponse")(valid_host=request.host)
    answer.original_request.CopyFrom(request)
    kind = request.WhichOneof("message_request")
    if kind == "list_services":
        for name in SERVICES:
            answer.list_services_response.service.add(name=name)
        return answer
    file = _file(kind, request)
    if file is None:
        answer.error_response.error_code = grpc.StatusCode.NOT_FOUND.value[0]
        answer.error_response.error_message = "there is no such file, symbol or extension"
    else:
        answer.file_descriptor_response.file_descriptor_proto.extend(_with_imports(file))
    return answer


def _file(kind: str | None, request: Any) -> Any:
    known = pool()
    try:
        if kind == "file_by_filename":
            return known.FindFileByName(request.file_by_filename)
        if kind == "file_containing_symbol":
            return known.FindFileContainingSymbol(request.file_containing_symbol)
    except KeyError:
        return None
    return None


def _with_imports(file: Any) -> list[bytes]:
    """Return the file and everything that it imports, each once."""
    found: dict[str, bytes] = {}
    waiting = [file]
    while waiting:
        each = waiting.pop()
        if each.name not in found:
            found[each.name] = each.serialized_pb
            waiting.extend(each.dependencies)
    return list(found.values())
