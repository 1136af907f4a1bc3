"""Traces for whoever has a collector. Without one this costs a comparison, and nothing is imported for it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final
from uuid import UUID

from shared import log

if TYPE_CHECKING:
    from shared.otlp import Traces

_log = log.get(__name__)

#: What an attribute of a span may be.
Value = str | int | float | bool
_NOTHING: Final = nullcontext()
_traces: "Traces | None" = None


def configure(service: str, *, wanted: bool) -> None:
    """Trace from now on, if it is wanted; once per process, where nothing forks any more."""
    global _traces  # noqa: PLW0603  one per process, as the log
    if not wanted:
        return
    try:
        from shared.otlp import Traces  # noqa: PLC0415  250 ms, and an extra that may not be there
    except ModuleNotFoundError as error:
        _log.warning("tracing_not_installed", missing=error.name, fix="install the extra `otel`")
        return
    _traces = Traces(service)


def flush() -> None:
    """Send what was not sent yet. Blocks for two seconds at the most; call it in a thread."""
    if _traces:
        _traces.flush()


def message(queue: str, pipeline_id: str) -> str:
    """A message for a pipeline's job is made: its W3C traceparent; empty when nothing is traced."""
    return _traces.message(queue, UUID(pipeline_id)) if _traces else ""


def job(pipeline_id: str, traceparent: str, attributes: Mapping[str, Value]) -> AbstractContextManager[None]:
    """A worker has a pipeline's job in hand; log lines written meanwhile name trace and span."""
    return _traces.job(UUID(pipeline_id), traceparent, attributes) if _traces else _NOTHING


def call(name: str, duration_seconds: float, attributes: Mapping[str, Value], *, failure: str = "") -> None:
    """A call to a provider has ended just now, in the job at hand. `failure` is its category, never its text."""
    if _traces:
        _traces.call(name, duration_seconds, attributes, failure)


def request(
    name: str,
    duration_seconds: float,
    attributes: Mapping[str, Value],
    *,
    caller: str = "",
    pipeline_id: UUID | None = None,
    begun: bool = False,
    failure: str = "",
) -> str:
    """A request to the API was answered just now; its trace id, empty when nothing is traced.

    About a pipeline it belongs to the pipeline's trace, as its root when the pipeline was `begun` by it; else to that of
    the `caller`, a traceparent.
    """
    if not _traces:
        return ""
    return _traces.request(name, duration_seconds, attributes, caller, pipeline_id, failure, begun=begun)
