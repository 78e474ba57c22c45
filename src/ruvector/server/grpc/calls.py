"""How is one call answered? Access, message, request, engine, result, message: on one thread.

The bytes are parsed here and not by grpcio, which would answer INTERNAL for what is not a message.
The few rules here are about transport; judging requests is the engine's, and its errors have their
codes in `ruvector.errors`.
"""

import logging
import math
import time
import zlib
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError

from ruvector.errors import (
    MalformedRequest,
    RateLimited,
    RuvectorError,
    StandaloneMode,
    Unauthorized,
    Unavailable,
)
from ruvector.kernel.deadlines import Deadline
from ruvector.kernel.timing import Stages, noting
from ruvector.model.deadlines import within
from ruvector.model.inference import count_tokens, tokens_counted
from ruvector.model.operations import OPERATION_OF
from ruvector.model.proto.requests import read_request
from ruvector.model.proto.results import encode_answer
from ruvector.model.proto.rpcs import Procedure
from ruvector.model.usage import usage_of
from ruvector.security.callers import ANYONE, Caller
from ruvector.server import identifiers
from ruvector.server.answers import MAX_MESSAGE
from ruvector.server.configuration import Service
from ruvector.server.exchange import given_id, made_id
from ruvector.server.garbage import LARGE_BYTES, PAUSES
from ruvector.server.grpc import turns
from ruvector.server.grpc.gate import Gate
from ruvector.server.metrics import GRPC, Answered
from ruvector.server.observer import TRACEPARENT, Observer
from ruvector.server.rest import Engine
from ruvector.server.service import SHUTTING_DOWN
from ruvector.server.slow import shape
from ruvector.server.traces import EXECUTE

Handler = Callable[[bytes, Any], bytes]
COMPRESSED_BYTES = 64 * 1024  # below, a network is faster than gzip
SAMPLE_BYTES = 4096
MAX_PEERS = 1024  # connections whose address is remembered
WORTH = 0.7  # of the size
STANDALONE = "Qdrant is running in standalone mode"
_log = logging.getLogger("ruvector.server")


class Call:
    """One call on its way. Owned by its thread."""

    def __init__(self, procedure: Procedure, context: Any, stages: Stages | None) -> None:
        self.procedure = procedure
        self.started = perf_counter()
        self.context = context
        self.headers = headers_of(context.invocation_metadata())
        self.caller: Caller = ANYONE
        self.request: Any = None  # of a large one no more than its shape, once it is answered
        self.collection: str | None = None
        self._id: str | None = None
        self.code = grpc.StatusCode.OK
        self.stages = stages

    @property
    def id(self) -> str:
        """Return the caller's id of the call where logs can repeat it, else one made here."""
        if self._id is None:  # functools.cached_property takes a lock
            self._id = given_id(self.headers) or made_id()
        return self._id

    def refuse(self, error: RuvectorError) -> bytes:
        """Answer with an error of ours."""
        if isinstance(error, RateLimited):
            seconds = str(math.ceil(error.retry_after_seconds))
            self.context.set_trailing_metadata((("retry-after", seconds),))
        return self._end(getattr(grpc.StatusCode, error.grpc_code), text_of(error))

    def fail(self) -> bytes:
        """Answer for a failure that nobody foresaw: no internals, only where to look."""
        _log.exception("request %s (%s) failed unexpectedly", self.id, self.procedure.label)
        text = f"Service internal error: unexpected failure; the log names it under {self.id}"
        return self._end(grpc.StatusCode.INTERNAL, text)

    def _end(self, code: Any, text: str) -> bytes:
        self.code = code
        self.context.set_code(code)
        self.context.set_details(text)
        return b""

    def mark(self, stage: str) -> None:
        """Note that a stage of the work has ended, where somebody wants to know."""
        if self.stages is not None:
            self.stages.mark(stage)

    def told(self, observer: Observer) -> Answered:
        """Return what is told of the call once it is answered."""
        code = self.code.value[0]
        return Answered(
            protocol=GRPC,
            label=self.procedure.label,
            endpoint=("", self.procedure.path, code),
            failed=code != 0,
            seconds=perf_counter() - self.started,
            ended=time.time(),
            collection=self.collection,
            request_id=self.id,
            caller=self.caller.subject,
            credential=self.caller.credential,
            address=observer.address_of(_address(self.context.peer()), self.headers),
            request=self.request,
            is_judged=True,
            started=self.started,
            traceparent=self.headers.get(TRACEPARENT, b"").decode("latin-1"),
            stages=self.stages,
        )


class Calls:
    """What all calls share. `stopping` turns new ones away."""

    def __init__(self, engine: Engine, gate: Gate, observer: Observer, limits: Service) -> None:
        self.stopping = False
        self._limits = limits
        self._engine = engine
        self._gate = gate
        self._observer = observer
        self._procedures: dict[str, Procedure] = {}

    def handler(self, procedure: Procedure) -> Handler:
        """Return the function that answers a procedure: bytes of a message to bytes of another."""

        self._procedures[procedure.path] = procedure

        def handle(body: bytes, context: Any) -> bytes:
            call = self._call(procedure, context)
            try:
                if len(body) < LARGE_BYTES:
                    return self._ended(call, body)
                with PAUSES.pause():
                    answer = self._ended(call, body)
                    if call.request is not None:  # it must be gone when the pause ends
                        call.request = shape(call.request)
                    return answer
            finally:
                self._observer.answered(call.told(self._observer))

        return handle

    def refusal(self, path: str, metadata: Any) -> Callable[[Any, Any], bytes] | None:
        """Return the function that refuses a call whose metadata are enough for that, or None."""
        procedure = self._procedures.get(path)
        if procedure is None:
            return None
        caller = ANYONE
        try:
            caller = self._gate.identify(headers_of(metadata))
            self._gate.check(procedure.request, caller, None)
            return None
        except RuvectorError as error:
            refused = error

        def refuse(_: Any, context: Any) -> bytes:
            call = self._call(procedure, context)
            call.caller = caller
            try:
                if isinstance(refused, Unauthorized):
                    self._gate.identify(call.headers, self._address_of(call))
                return call.refuse(refused)
            except RuvectorError as error:  # the same, or that it was once too often
                return call.refuse(error)
            finally:
                self._observer.answered(call.told(self._observer))

        return refuse

    def _call(self, procedure: Procedure, context: Any) -> Call:
        return Call(procedure, context, None if self._observer.traces is None else Stages())

    def _ended(self, call: Call, body: bytes) -> bytes:
        try:
            return self._answer(call, body)
        except RuvectorError as error:
            return call.refuse(error)
        except Exception:  # noqa: BLE001 - logged with its trace, answered without it
            return call.fail()

    def _address_of(self, call: Call) -> Callable[[], str]:
        return lambda: self._observer.address_of(_address(call.context.peer()), call.headers)

    def _answer(self, call: Call, body: bytes) -> bytes:
        procedure = call.procedure
        call.caller = self._gate.identify(call.headers, self._address_of(call))
        self._gate.prove(call.caller)
        if self.stopping:
            raise Unavailable(SHUTTING_DOWN)
        message = _parsed(procedure.asked, body)
        self._gate.check(procedure.request, call.caller, getattr(message, "collection_name", None))
        if procedure.request is None:
            raise StandaloneMode(STANDALONE)
        call.request = request = read_request(procedure.request, message)
        call.collection = getattr(request, "collection", None)
        is_plain = call.headers.get(identifiers.HEADER) != identifiers.ORIGINAL
        if is_plain:
            identifiers.check_request(request)
        call.mark("decode")
        result = self._noted(call, request)
        if is_plain:
            result = identifiers.convert_result(result)
        answer = procedure.answered()
        _tell_usage(answer, tokens_counted())
        text = encode_answer(procedure.request, answer, result, call.started)
        call.mark("encode")
        if not is_worth_compressing(text):
            call.context.disable_next_message_compression()
        return text

    def _noted(self, call: Call, request: Any) -> Any:
        if call.stages is None:
            return self._result(call, request)
        try:
            with noting(call.stages):
                return self._result(call, request)
        finally:
            call.mark(EXECUTE)

    def _result(self, call: Call, request: Any) -> Any:
        """Execute a request, a read within its time and that of its caller."""
        count_tokens()
        operation = OPERATION_OF[type(request)]
        if not operation.is_timed:
            return self._engine.execute(request, call.caller)
        if perf_counter() - turns.submitted() > self._limits.max_queue_secs:
            raise Unavailable(
                f"the call waited longer than {self._limits.max_queue_secs:g} s for its turn; "
                "try again later"
            )
        seconds = getattr(request, "timeout", None) or self._limits.read_timeout_secs
        callers = call.context.time_remaining()
        deadline = Deadline(seconds if callers is None else min(seconds, callers))
        if not call.context.add_callback(deadline.cancel):
            deadline.cancel()  # the caller has left
        with within(deadline, operation.name, seconds):
            return self._engine.execute(request, call.caller)


def headers_of(metadata: Any) -> dict[bytes, bytes]:
    """Return metadata as the headers that they are."""
    return {
        name.encode(): value if isinstance(value, bytes) else value.encode("latin-1", "replace")
        for name, value in metadata
    }


def _tell_usage(answer: Any, tokens: dict[str, int] | None) -> None:
    """Tell what a call used, where its answer has a place for it."""
    used = usage_of(tokens)
    if used is None or "usage" not in answer.DESCRIPTOR.fields_by_name:
        return
    for name, number in (tokens or {}).items():
        answer.usage.inference.models[name].tokens = number
    for name, number in used.get("hardware", {}).items():
        setattr(answer.usage.hardware, name, number)


def _parsed(kind: Any, body: bytes) -> Any:
    try:
        return kind.FromString(body)
    except DecodeError as error:
        raise MalformedRequest(
            f"these {len(body)} bytes are no {kind.DESCRIPTOR.name}, or its messages are nested "
            "more than 100 deep, which protobuf does not read: an object of a payload takes three, "
            "a list two; send deeper ones over REST"
        ) from error


def is_worth_compressing(text: bytes) -> bool:
    """Say whether an answer is large, and shrinks: payloads do, vectors do not.

    For callers who take gzip; grpcio knows whether they do, and they need not be asked.
    """
    if len(text) < COMPRESSED_BYTES:
        return False
    sample = text[len(text) // 2 :][:SAMPLE_BYTES]
    return len(zlib.compress(sample, 1)) < len(sample) * WORTH


def text_of(error: RuvectorError) -> str:
    """Return what a caller of gRPC is told."""
    text = error.grpc_text() + error.message
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "..."


@lru_cache(MAX_PEERS)
def _address(peer: str) -> str:
    """Return the address in `ipv4:127.0.0.1:1234` or `ipv6:%5B::1%5D:1234`."""
    return unquote(peer.partition(":")[2].rpartition(":")[0]).strip("[]")
