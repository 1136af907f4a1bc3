"""Traces: nothing without a collector; with one, a pipeline is one trace for all processes."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import config
from shared.otlp import Traces, ids_of

ROOT = Path(__file__).parents[1]
JOB = {"messaging.destination.name": "serp"}
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traces(exporter: InMemorySpanExporter) -> Traces:
    """Of a process that keeps its spans."""
    return Traces("serp", SimpleSpanProcessor(exporter))


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "True"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_wanted_where_a_collector_is_named(environ: dict[str, str], *, wanted: bool) -> None:
    """By the standard's own variables, which also turn it off."""
    assert config.wants_traces(environ) is wanted


@pytest.mark.parametrize(
    ("before", "wanted", "says"),
    [("", "False", ""), ("sys.modules['opentelemetry'] = None", "True", "tracing_not_installed")],
    ids=["not wanted", "not installed"],
)
def test_without_it_nothing_is_imported_and_everything_works(before: str, wanted: str, says: str) -> None:
    """Whether nobody wants it, or the extra is not there; then a line says so."""
    code = f"""
import sys
{before}
import shared.runtime.worker
from shared import tracing
tracing.configure("serp", wanted={wanted})
with tracing.job("{uuid4()}", "", {{}}):
    tracing.call("a", 0.1, {{}})
print(repr(tracing.message("serp", "{uuid4()}")), "shared.otlp" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.splitlines()[-1] == "'' False"
    assert says in done.stdout + done.stderr


def test_request_message_job_and_call_are_one_trace(traces: Traces, exporter: InMemorySpanExporter) -> None:
    """Each below the one before; a caller's own trace is linked."""
    pipeline_id = uuid4()
    message = traces.message("serp", pipeline_id)
    with traces.job(pipeline_id, message, JOB):
        traces.call("search", 0.5, {}, "recoverable")
    traces.request("POST /start", 0.1, {}, CALLER, pipeline_id, "", begun=True)
    spans = by_name(exporter)
    request, created, process, call = (
        spans[name] for name in ("POST /start", "create serp", "process serp", "search")
    )
    assert {span.context.trace_id for span in spans.values() if span.context} == {ids_of(pipeline_id)[0]}
    assert (request.parent, request.context and request.context.span_id) == (None, ids_of(pipeline_id)[1])
    assert [link.context.trace_id for link in request.links] == [0x0AF7651916CD43DD8448EB211C80319C]
    above = [
        (created, request.context),
        (process, created.context),
        (call, process.context),
    ]
    for span, parent in above:
        assert span.parent
        assert parent
        assert span.parent.span_id == parent.span_id
    assert (call.attributes or {})["error.type"] == "recoverable"
    assert call.start_time
    assert call.end_time
    assert call.end_time - call.start_time == pytest.approx(0.5e9)


@pytest.mark.parametrize("traceparent", ["", "nonsense", CALLER])
def test_a_message_without_a_trace_of_its_own_is_in_its_pipelines(
    traces: Traces, exporter: InMemorySpanExporter, traceparent: str
) -> None:
    """One that was sent again, or comes from elsewhere."""
    pipeline_id = uuid4()
    with traces.job(pipeline_id, traceparent, JOB):
        pass
    (process,) = exporter.get_finished_spans()
    assert process.parent
    assert (process.parent.trace_id, process.parent.span_id) == ids_of(pipeline_id)


def test_a_request_about_no_pipeline_is_in_its_callers_trace(
    traces: Traces, exporter: InMemorySpanExporter
) -> None:
    """By W3C's header."""
    assert traces.request("GET /health", 0.1, {}, CALLER, None, "", begun=False) in CALLER
    traces.request("GET /health", 0.1, {}, "", None, "500", begun=False)
    assert len({span.context.trace_id for span in exporter.get_finished_spans() if span.context}) == 2


def test_a_sampled_pipeline_is_sampled_whole(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two processes that are to keep half of the traces each keeps the same half."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    gateway = Traces("gateway", SimpleSpanProcessor(exporter))
    worker = Traces("serp", SimpleSpanProcessor(exporter))
    kept = 0
    for n in range(200):
        # As the record makes them: a time, then chance.
        pipeline_id = UUID(int=(0x01A2_1410_25F5 << 80) | (7 << 76) | (2 << 62) | (n * 7919))
        with worker.job(pipeline_id, gateway.message("serp", pipeline_id), JOB):
            worker.call("search", 0.1, {}, "")
        gateway.request("POST /start", 0.1, {}, "", pipeline_id, "", begun=True)
        spans = exporter.get_finished_spans()
        exporter.clear()
        assert len(spans) in {0, 4}
        kept += bool(spans)
    assert 60 < kept < 140


def test_no_text_of_an_error_is_in_a_span(traces: Traces, exporter: InMemorySpanExporter) -> None:
    """It may hold a key."""
    with pytest.raises(ValueError, match="planted"), traces.job(uuid4(), "", JOB):
        raise ValueError("planted-secret")
    (span,) = exporter.get_finished_spans()
    assert "planted" not in span.to_json()
