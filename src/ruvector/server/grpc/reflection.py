"""What can the server do? gRPC's reflection, for tools that have no `.proto` files: v1 and v1alpha.

A stream may stay open between two questions, so at most MAX_STREAMS are open at a time, each for at
most STREAM_SECONDS. What is told is the published contract; no key is needed. For the loop's thread
only.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from ruvector.model.proto.rpcs import RPCS
from ruvector.model.proto.schema import message_class, pool
from ruvector.server.grpc.simple import Asked
from ruvector.server.grpc.statuses import Status
from ruvector.server.grpc.stream import Stream

VERSIONS = ("v1", "v1alpha")
MAX_STREAMS = 20  # people with tools open them; each keeps a stream and a few kilobytes
STREAM_SECONDS = 30.0
SERVICES = (
    "qdrant.Qdrant",
    *RPCS,
    "grpc.health.v1.Health",
    *(f"grpc.reflection.{version}.ServerReflection" for version in VERSIONS),
)


class Reflection:
    """The service in both versions, which differ in nothing but their names."""

    def __init__(self) -> None:
        self._open: set[Stream] = set()

    def openers(self) -> dict[str, Callable[[Stream], None]]:
        """Return what lets calls of the service in."""
        return {
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo": partial(
                self._open_stream, f"grpc.reflection.{version}"
            )
            for version in VERSIONS
        }

    def _open_stream(self, package: str, stream: Stream) -> None:
        self._open = {each for each in self._open if not each.is_over}
        if len(self._open) >= MAX_STREAMS:
            stream.end(
                Status.RESOURCE_EXHAUSTED,
                f"{MAX_STREAMS} streams of reflection are open, the most there may be; try later",
            )
            return
        self._open.add(stream)
        stream.is_patient = True
        kind = message_class(f"{package}.ServerReflectionRequest")
        ask = partial(answer_to, package=package)
        stream.handler = Asked(stream, kind, ask, is_single=False)
        asyncio.get_running_loop().call_later(STREAM_SECONDS, _end, stream)


def _end(stream: Stream) -> None:
    text = f"a stream of reflection may take {STREAM_SECONDS:g} s; open another"
    stream.end(Status.CANCELLED, text)


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
        answer.error_response.error_code = Status.NOT_FOUND
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
