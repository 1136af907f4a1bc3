"""Which pipeline a request is about, and its span when it was answered."""

from contextvars import ContextVar
from typing import Final
from uuid import UUID

from litestar.types import HTTPScope

from shared import tracing

#: Who looks on is no part of a pipeline's story: a dashboard asks for its progress every second.
_LOOKS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: The pipeline a request has begun, told by whoever begins it to whoever watches the request.
_begun: Final[ContextVar[list[UUID] | None]] = ContextVar("begun", default=None)


def watch() -> None:
    """A request has come."""
    _begun.set([])


def begun(pipeline_id: UUID) -> None:
    """This request has begun a pipeline."""
    if (told := _begun.get()) is not None:
        told.append(pipeline_id)


def answered(scope: HTTPScope, *, method: str, route: str, status: int, seconds: float) -> dict[str, str]:
    """The span of a request to the API, in its pipeline's trace where it does something about one; its trace id for the log, if there is one."""
    if not route.startswith("/api/"):
        return {}
    started = _begun.get()
    caller = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
    trace_id = tracing.request(
        f"{method} {route}",
        seconds,
        {"http.request.method": method, "http.route": route, "http.response.status_code": status},
        caller=caller.decode("latin-1"),
        pipeline_id=started[0] if started else None if method in _LOOKS else _named(scope),
        begun=bool(started),
        failure=str(status) if status >= 500 else "",
    )
    return {"trace_id": trace_id} if trace_id else {}


def _named(scope: HTTPScope) -> UUID | None:
    try:
        return UUID(str(scope["path_params"]["pipeline_id"]))
    except (KeyError, ValueError):
        return None
