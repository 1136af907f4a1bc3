"""Spans by OpenTelemetry, sent over OTLP/HTTP as its own OTEL_… variables say. Needs the extra `otel`.

A pipeline's trace id is computed from its own id: every process knows it, also after all stores but the record are lost.
"""

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    format_span_id,
    format_trace_id,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared import VERSION, log

_W3C: Final = TraceContextTextMapPropagator()
_HEADER: Final = "traceparent"
_LAST_SECONDS: Final = 2.0
#: (trace id, span id) the next root is to have.
_ids: ContextVar[tuple[int, int] | None] = ContextVar("ids", default=None)

Attributes = Mapping[str, str | int | float | bool]


def ids_of(pipeline_id: UUID) -> tuple[int, int]:
    """(trace id, id of its root span). Hashed: samplers take a trace id's last bits for chance, and those of a UUID are not."""
    digest = hashlib.blake2b(pipeline_id.bytes, digest_size=24, person=b"landscape").digest()
    return int.from_bytes(digest[:16]), int.from_bytes(digest[16:])


class _Ids(RandomIdGenerator):
    """By chance, unless the next root is a pipeline's."""

    def generate_trace_id(self) -> int:
        """128 bits."""
        given = _ids.get()
        return given[0] if given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """64 bits."""
        given = _ids.get()
        return given[1] if given else super().generate_span_id()


class Traces:
    """What this process does, as spans. Texts of errors are in none: they may hold a secret."""

    def __init__(self, service: str, processor: SpanProcessor | None = None) -> None:
        # OTEL_SERVICE_NAME goes before it, as the standard has it.
        name = OTELResourceDetector().detect().attributes.get("service.name", f"landscape-{service}")
        told = {"service.name": name, "service.version": VERSION, "landscape.service": service}
        self._provider = TracerProvider(
            resource=Resource.create(told), id_generator=_Ids(), shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("landscape", VERSION)

    def flush(self) -> None:
        """Send what is left, within two seconds: a collector that is away holds nobody up."""
        sending = threading.Thread(target=self._provider.force_flush, daemon=True)
        sending.start()
        sending.join(_LAST_SECONDS)

    def message(self, queue: str, pipeline_id: UUID) -> str:
        """Its traceparent."""
        attributes = {
            "messaging.system": "dramatiq",
            "messaging.destination.name": queue,
            "messaging.operation.type": "create",
            "landscape.pipeline_id": str(pipeline_id),
        }
        span = self._tracer.start_span(
            f"create {queue}", self._root(pipeline_id), SpanKind.PRODUCER, attributes
        )
        span.end()
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, set_span_in_context(span, Context()))
        return carrier[_HEADER]

    @contextmanager
    def job(self, pipeline_id: UUID, traceparent: str, attributes: Attributes) -> Iterator[None]:
        """Below the message's span; below the pipeline's where the message has none, or another's."""
        parent = _W3C.extract({_HEADER: traceparent}, Context())
        if get_current_span(parent).get_span_context().trace_id != ids_of(pipeline_id)[0]:
            parent = self._root(pipeline_id)
        with (
            self._tracer.start_as_current_span(
                f"process {attributes['messaging.destination.name']}",
                parent,
                SpanKind.CONSUMER,
                attributes,
                record_exception=False,
                set_status_on_exception=False,
            ) as span,
            log.bound(**_named(span.get_span_context())),
        ):
            yield

    def call(self, name: str, duration_seconds: float, attributes: Attributes, failure: str) -> None:
        """Below the job at hand."""
        self._past(name, SpanKind.CLIENT, duration_seconds, attributes, failure, None)

    def request(  # noqa: PLR0917  as the port has them
        self,
        name: str,
        duration_seconds: float,
        attributes: Attributes,
        caller: str,
        pipeline_id: UUID | None,
        failure: str,
        *,
        begun: bool,
    ) -> str:
        """Its trace id. A caller's trace is linked where the span belongs to a pipeline's."""
        parent = _W3C.extract({_HEADER: caller}, Context())
        if pipeline_id is None:
            return self._past(name, SpanKind.SERVER, duration_seconds, attributes, failure, parent)
        by = get_current_span(parent).get_span_context()
        links = [Link(by)] if by.is_valid else []
        if not begun:
            root = self._root(pipeline_id)
            return self._past(name, SpanKind.SERVER, duration_seconds, attributes, failure, root, links)
        reset = _ids.set(ids_of(pipeline_id))
        try:
            return self._past(name, SpanKind.SERVER, duration_seconds, attributes, failure, Context(), links)
        finally:
            _ids.reset(reset)

    def _root(self, pipeline_id: UUID) -> Context:
        """Of a pipeline's trace: sampled or not by its id alone, and so by all processes alike."""
        trace_id, span_id = ids_of(pipeline_id)
        decision = self._provider.sampler.should_sample(Context(), trace_id, "pipeline").decision
        flags = TraceFlags(
            TraceFlags.SAMPLED if decision is Decision.RECORD_AND_SAMPLE else TraceFlags.DEFAULT
        )
        context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
        return set_span_in_context(NonRecordingSpan(context), Context())

    def _past(  # noqa: PLR0917  as a span has them
        self,
        name: str,
        kind: SpanKind,
        duration_seconds: float,
        attributes: Attributes,
        failure: str,
        context: Context | None,
        links: Sequence[Link] = (),
    ) -> str:
        """A span that ends now; its trace id."""
        ended = time.time_ns()
        began = ended - int(duration_seconds * 1e9)
        span = self._tracer.start_span(name, context, kind, attributes, links, began)
        if failure:
            span.set_attribute("error.type", failure)
            span.set_status(StatusCode.ERROR)
        span.end(ended)
        return format_trace_id(span.get_span_context().trace_id)


def _named(span: SpanContext) -> dict[str, str]:
    return {"trace_id": format_trace_id(span.trace_id), "span_id": format_span_id(span.span_id)}
