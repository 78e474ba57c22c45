"""How is one call answered? Access, message, request, engine, result, message.

The loop's thread lets calls in and takes their messages; quick searches it answers itself
(`server.turns`), everything else is one piece of work in the pool of REST (`server.pool`).
The few rules here are about transport; judging requests is the engine's, and its errors have their
codes in `ruvector.errors`.
"""

import logging
import math
import time
import zlib
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from ruvector.errors import (
    MalformedRequest,
    RateLimited,
    RuvectorError,
    StandaloneMode,
    Unavailable,
)
from ruvector.kernel.deadlines import Deadline
from ruvector.kernel.timing import Stages, noting
from ruvector.model.deadlines import within
from ruvector.model.inference import count_tokens, tokens_counted
from ruvector.model.operations import OPERATION_OF
from ruvector.model.permissions import Permission
from ruvector.model.proto.pieces import parse
from ruvector.model.proto.requests import read_request
from ruvector.model.proto.results import encode_answer
from ruvector.model.proto.rpcs import Procedure
from ruvector.model.usage import usage_of
from ruvector.security.callers import ANYONE, Caller
from ruvector.server import identifiers
from ruvector.server.answers import MAX_MESSAGE
from ruvector.server.configuration import MEBIBYTE, Service
from ruvector.server.exchange import given_id, made_id
from ruvector.server.garbage import LARGE_BYTES, PAUSES
from ruvector.server.grpc.framing import Message, compressed, framed, seconds_of
from ruvector.server.grpc.gate import Gate
from ruvector.server.grpc.statuses import Status
from ruvector.server.grpc.stream import Stream
from ruvector.server.metrics import GRPC, Answered
from ruvector.server.observer import TRACEPARENT, Observer
from ruvector.server.pool import Lanes, WorkerPool
from ruvector.server.rest import INLINE, INLINE_BYTES, Engine
from ruvector.server.service import SHUTTING_DOWN
from ruvector.server.slow import shape
from ruvector.server.traces import EXECUTE
from ruvector.server.turns import Turns

COMPRESSED_BYTES = 64 * 1024  # below, a network is faster than gzip
SAMPLE_BYTES = 4096
WORTH = 0.7  # of the size
STANDALONE = "Qdrant is running in standalone mode"
_QUICK_VECTORS = frozenset(("id", "dense", "sparse"))  # a multi-vector may be thousands of messages
_log = logging.getLogger("ruvector.server")


class Outcome(NamedTuple):
    """What a piece of work made: a framed message."""

    message: bytes
    is_gzip: bool = False


class Call:
    """One call of a procedure on its way: the handler of its stream."""

    __slots__ = (
        "_calls",
        "_id",
        "_message",
        "caller",
        "collection",
        "deadline",
        "has_left",
        "headers",
        "lane",
        "parsed",
        "procedure",
        "request",
        "seconds",
        "stages",
        "started",
        "status",
        "stream",
    )

    def __init__(self, calls: "Calls", procedure: Procedure, stream: Stream) -> None:
        self._calls = calls
        self._id: str | None = None
        self._message: Message | None = None
        self.procedure = procedure
        self.stream = stream
        self.started = stream.started
        self.headers = stream.headers
        self.caller: Caller = ANYONE
        self.parsed: Any = None  # the message, where it was looked at on the loop's thread
        self.request: Any = None  # of a large one no more than its shape, once it is answered
        self.collection: str | None = None
        self.status = Status.OK
        self.stages: Stages | None = None
        self.lane: WorkerPool | None = None
        self.seconds = math.inf  # that the caller gave it
        self.deadline: Deadline | None = None  # of the work that was begun for it
        self.has_left = False

    # What its stream tells

    def message(self, message: Message) -> None:
        """Take the only message."""
        if self._message is not None:
            raise MalformedRequest(f"{self.procedure.path} takes one message")
        self._message = message

    def ended(self) -> None:
        """Begin to answer."""
        if self._message is None:
            raise MalformedRequest(f"{self.procedure.path} takes a message, and none came")
        self._calls.begin(self)

    def left(self) -> None:
        """Stop the work for a caller that does not wait any more."""
        self.has_left = True
        self.status = Status.CANCELLED
        if self.deadline is not None:
            self.deadline.cancel()
        self._calls.tell_of(self)

    def refuse(self, error: RuvectorError) -> None:
        """Answer with an error of ours."""
        if self.stream.is_over:
            return
        trailers: tuple[tuple[bytes, bytes], ...] = ()
        if isinstance(error, RateLimited):
            trailers = ((b"retry-after", b"%d" % math.ceil(error.retry_after_seconds)),)
        self.status = Status[error.grpc_code]
        self.stream.end(self.status, text_of(error), trailers)
        self._calls.tell(self)

    # What becomes of it

    @property
    def id(self) -> str:
        """Return the caller's id of the call where logs can repeat it, else one made here."""
        if self._id is None:  # functools.cached_property takes a lock
            self._id = given_id(self.headers) or made_id()
        return self._id

    @property
    def size(self) -> int:
        """Return the bytes of the message as it came."""
        return 0 if self._message is None else self._message.size

    @property
    def is_compressed(self) -> bool:
        """Say whether the message came compressed."""
        return self._message is not None and self._message.is_compressed

    def body(self, max_bytes: int) -> bytes:
        """Return the message's bytes, once."""
        message, self._message = self._message, None
        assert message is not None  # noqa: S101 - see ended
        return message.content(self.headers.get(b"grpc-encoding", b"identity"), max_bytes)

    def answer(self, outcome: Outcome) -> None:
        """Send what the work has made."""
        if self.stream.is_over:
            return
        self.stream.answer(outcome.message, is_gzip=outcome.is_gzip)
        self._calls.tell(self)

    def fail(self, error: BaseException) -> None:
        """Answer for a failure that nobody foresaw: no internals, only where to look."""
        label = self.procedure.label
        _log.error("request %s (%s) failed unexpectedly", self.id, label, exc_info=error)
        if self.stream.is_over:
            return
        self.status = Status.INTERNAL
        text = f"Service internal error: unexpected failure; the log names it under {self.id}"
        self.stream.end(self.status, text)
        self._calls.tell(self)

    def mark(self, stage: str) -> None:
        """Note that a stage of the work has ended, where somebody wants to know."""
        if self.stages is not None:
            self.stages.mark(stage)

    def told(self, observer: Observer) -> Answered:
        """Return what is told of the call once it is answered."""
        return Answered(
            protocol=GRPC,
            label=self.procedure.label,
            endpoint=("", self.procedure.path, int(self.status)),
            failed=self.status is not Status.OK,
            seconds=perf_counter() - self.started,
            ended=time.time(),
            collection=self.collection,
            request_id=self.id,
            caller=self.caller.subject,
            credential=self.caller.credential,
            address=observer.address_of(self.stream.address, self.headers),
            request=self.request,
            is_judged=True,
            started=self.started,
            traceparent=self.headers.get(TRACEPARENT, b"").decode("latin-1"),
            stages=self.stages,
        )


class Calls:
    """What all calls share. `stopping` turns new ones away. For the loop's thread, but `_work`."""

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        observer: Observer,
        limits: Service,
        lanes: Lanes,
        turns: Turns,
    ) -> None:
        self.stopping = False
        self.in_flight: set[Call] = set()
        self._limits = limits
        self._max_bytes = limits.max_request_size_mb * MEBIBYTE
        self._engine = engine
        self._gate = gate
        self._observer = observer
        self._lanes = lanes
        self._turns = turns

    def opener(self, procedure: Procedure) -> Callable[[Stream], None]:
        """Return what lets a call of a procedure in, or refuses it before its message is there."""
        request = procedure.request
        operation = None if request is None else OPERATION_OF[request]
        is_read = operation is not None and operation.permission is Permission.READ
        lane = self._lanes.reads if is_read else self._lanes.writes
        may_be_quick = request in INLINE

        def open_call(stream: Stream) -> None:
            stream.handler = call = Call(self, procedure, stream)
            if self._observer.traces is not None:
                call.stages = Stages()
            self.in_flight.add(call)
            call.lane = lane
            try:
                address = partial(self._observer.address_of, stream.address, call.headers)
                call.caller = self._gate.identify(call.headers, address)
                self._gate.check(request, call.caller, None)
                call.seconds = seconds_of(call.headers.get(b"grpc-timeout"))
                if self.stopping:
                    raise Unavailable(SHUTTING_DOWN)
                if not may_be_quick:
                    lane.check()
            except RuvectorError as error:
                call.refuse(error)

        return open_call

    def begin(self, call: Call) -> None:
        """Answer a call whose message is there, let it wait for its turn, or hand it over."""
        if (
            call.procedure.request not in INLINE
            or call.size > INLINE_BYTES
            or call.is_compressed
            or call.caller.proof is not None
        ):
            self._hand_over(call)
        elif self._turns.is_now():
            self._try_now(call)
        else:
            self._turns.check()
            self._turns.wait(partial(self._take_turn, call))

    def tell(self, call: Call) -> None:
        """Tell of a call that was answered."""
        self.in_flight.discard(call)
        call.mark("send")
        self._observer.answered(call.told(self._observer))

    def tell_of(self, call: Call) -> None:
        """Tell of a call whose caller has left."""
        self._observer.metrics.event("abandoned")
        self.tell(call)

    def abandon_all(self) -> None:
        """Stop the reads in flight, and writes that have not begun."""
        for call in self.in_flight:
            if call.deadline is not None:
                call.deadline.cancel()

    # On the loop's thread

    def _take_turn(self, call: Call, is_late: bool) -> bool:
        if call.stream.is_over:
            return False
        if is_late:
            call.refuse(self._turns.refusal())
        else:
            self._try_now(call)
        return True

    def _try_now(self, call: Call) -> None:
        """Answer a search if it is quick."""
        try:
            call.parsed = message = self._message_of(call)
            if _may_be_quick(message):
                self._read(call, message)
                if self._engine.is_quick(call.request):
                    call.answer(Outcome(framed(self._executed(call))))
                    return
        except RuvectorError as error:
            call.refuse(error)
        except Exception as error:  # noqa: BLE001 - logged with its trace, answered without it
            call.fail(error)
        else:
            self._hand_over(call)

    def _hand_over(self, call: Call) -> None:
        """Have the pool answer."""
        assert call.lane is not None  # noqa: S101 - see opener
        call.deadline = Deadline(call.seconds - (perf_counter() - call.started))
        try:
            future = call.lane.submit(partial(self._work, call), call.deadline)
        except RuvectorError as error:
            call.refuse(error)
            return
        future.add_done_callback(partial(self._worked, call))

    def _worked(self, call: Call, future: Any) -> None:
        error = future.exception()
        if error is None:
            call.answer(future.result())
        elif isinstance(error, RuvectorError):
            call.refuse(error)
        else:
            call.fail(error)

    # On a thread of the pool, or the loop's

    def _work(self, call: Call) -> Outcome:
        """Answer a call as one piece of work."""
        call.mark("wait")
        if call.size < LARGE_BYTES:
            return self._outcome(call)
        with PAUSES.pause():
            outcome = self._outcome(call)
            if call.request is not None:  # it must be gone when the pause ends
                call.request = shape(call.request)
            return outcome

    def _outcome(self, call: Call) -> Outcome:
        self._gate.prove(call.caller)
        if call.request is None:
            message, call.parsed = call.parsed, None
            self._read(call, self._message_of(call) if message is None else message)
        with_gzip = b"gzip" in call.headers.get(b"grpc-accept-encoding", b"")
        text = self._executed(call)
        if with_gzip and is_worth_compressing(text):
            return Outcome(compressed(text), is_gzip=True)
        return Outcome(framed(text))

    def _message_of(self, call: Call) -> Any:
        procedure = call.procedure
        message = _parsed(procedure.asked, call.body(self._max_bytes))
        collection = getattr(message, "collection_name", None)
        self._gate.check(procedure.request, call.caller, collection)
        return message

    def _read(self, call: Call, message: Any) -> None:
        """Set the request of a call."""
        procedure = call.procedure
        if procedure.request is None:
            raise StandaloneMode(STANDALONE)
        call.request = request = read_request(procedure.request, message)
        call.collection = getattr(request, "collection", None)
        if _is_plain(call):
            identifiers.check_request(request)
        call.mark("decode")

    def _executed(self, call: Call) -> bytes:
        """Return the message of the answer, not framed yet."""
        procedure, request = call.procedure, call.request
        assert procedure.request is not None  # noqa: S101 - see _read
        count_tokens()
        result = self._noted(call, request)
        if _is_plain(call):
            result = identifiers.convert_result(result)
        answer = procedure.answered()
        _tell_usage(answer, tokens_counted())
        text = encode_answer(procedure.request, answer, result, call.started)
        call.mark("encode")
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
        operation = OPERATION_OF[type(request)]
        if not operation.is_timed:
            return self._engine.execute(request, call.caller)
        seconds = getattr(request, "timeout", None) or self._limits.read_timeout_secs
        left = call.seconds - (perf_counter() - call.started)
        call.deadline = deadline = Deadline(min(seconds, left))
        if (
            call.has_left
        ):  # said after the deadline is there to be cancelled, so that none is missed
            deadline.cancel()
        with within(deadline, operation.name, seconds):
            return self._engine.execute(request, call.caller)


def _is_plain(call: Call) -> bool:
    return call.headers.get(identifiers.HEADER) != identifiers.ORIGINAL


def _may_be_quick(message: Any) -> bool:
    """Say whether a search is read in microseconds, and may be answered as soon."""
    if message.HasField("filter"):
        return False
    if message.DESCRIPTOR.name == "SearchPoints":
        return True
    if message.prefetch or not message.HasField("query"):
        return False
    query = message.query
    if query.WhichOneof("variant") != "nearest":
        return False
    return query.nearest.WhichOneof("variant") in _QUICK_VECTORS


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
        return parse(kind, body)
    except DecodeError as error:
        raise MalformedRequest(
            f"these {len(body)} bytes are no {kind.DESCRIPTOR.name}, or its messages are nested "
            "more than 100 deep, which protobuf does not read: an object of a payload takes three, "
            "a list two; send deeper ones over REST"
        ) from error


def is_worth_compressing(text: bytes) -> bool:
    """Say whether an answer is large, and shrinks: payloads do, vectors do not."""
    if len(text) < COMPRESSED_BYTES:
        return False
    sample = text[len(text) // 2 :][:SAMPLE_BYTES]
    return len(zlib.compress(sample, 1)) < len(sample) * WORTH


def text_of(error: RuvectorError) -> str:
    """Return what a caller of gRPC is told."""
    text = error.grpc_text() + error.message
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "..."
