"""How long did each stage of a request take? Spans for OpenTelemetry, where tracing is enabled.

A request is one span, of kind server, below the caller's where `traceparent` names one; each stage
that was marked is a span below it, and each part that the engine noted one below its stage. Spans
are made when the request has been answered, from moments that were noted, so that nothing is
entered or left on the way; without tracing nothing is noted. Sent in batches by a thread of
OpenTelemetry's; its queue is bounded, and what does not fit is lost.
"""

import time
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ruvector.errors import BadInput
from ruvector.kernel.timing import Moments, Stages
from ruvector.server import identity
from ruvector.server.configuration import Tracing
from ruvector.server.metrics import REST, Answered

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span

EXECUTE = "execute"  # the stage that has parts: what the engine notes


class Traces:
    """The spans of one server. `tell` may be called on any thread."""

    def __init__(self, settings: Tracing, processor: "SpanProcessor | None" = None) -> None:
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
        except ModuleNotFoundError as error:
            raise BadInput(
                f"tracing.enabled is true, but {error.name} is not installed: "
                "pip install ruvector[otel]"
            ) from error
        resource = Resource.create(
            {"service.name": settings.service_name, "service.version": identity.VERSION}
        )
        sampler = ParentBased(TraceIdRatioBased(settings.sample_ratio))
        self._provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor or _batches(settings.endpoint))
        self._tracer = self._provider.get_tracer("ruvector.server", identity.VERSION)

    def tell(self, answered: Answered) -> None:
        """Make the spans of a request."""
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = TraceContextTextMapPropagator().extract({"traceparent": answered.traceparent})
        # Moments are of perf_counter(); spans want nanoseconds since the epoch.
        zero = time.time_ns() - int(perf_counter() * 1e9)
        started, ended = answered.started, answered.started + answered.seconds
        span = self._tracer.start_span(
            answered.label,
            parent,
            SpanKind.SERVER,
            attributes=_attributes(answered),
            start_time=zero + int(started * 1e9),
        )
        if span.is_recording():
            if answered.failed:
                span.set_status(Status(StatusCode.ERROR))
            within = set_span_in_context(span)
            stages = answered.stages or Stages()
            for name, moment in stages.outer:
                stage = self._tracer.start_span(name, within, start_time=zero + int(started * 1e9))
                if name == EXECUTE:
                    self._tell_parts(stage, stages.inner, started, zero)
                stage.end(zero + int(moment * 1e9))
                started = moment
        span.end(zero + int(ended * 1e9))

    def _tell_parts(self, stage: "Span", parts: Moments, started: float, zero: int) -> None:
        """Make the spans of what the engine did within a stage."""
        from opentelemetry.trace import set_span_in_context

        within = set_span_in_context(stage)
        for name, moment in parts:
            part = self._tracer.start_span(name, within, start_time=zero + int(started * 1e9))
            part.end(zero + int(moment * 1e9))
            started = moment

    def close(self) -> None:
        """Send what is waiting to be sent."""
        self._provider.shutdown()


def _attributes(answered: Answered) -> dict[str, Any]:
    method, path, status = answered.endpoint
    found: dict[str, Any] = {"ruvector.request_id": answered.request_id}
    if answered.collection is not None:
        found["db.collection.name"] = answered.collection
    if answered.protocol == REST:
        return found | {
            "http.request.method": method,
            "http.route": path,
            "http.response.status_code": status,
        }
    return found | {"rpc.system": "grpc", "rpc.method": path, "rpc.grpc.status_code": status}


def _batches(endpoint: str) -> "SpanProcessor":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS))


EXPORT_SECONDS = 10  # for one batch; also what shutdown may wait for it
