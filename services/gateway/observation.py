"""What is seen of every request, also of those no route takes: its id, its duration, its outcome."""

import re
import time
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from structlog.contextvars import bound_contextvars
from uuid_utils.compat import uuid7

HEADER = "X-Request-ID"
_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: Seconds; starting a million searches takes about 15.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
#: Sent with every answer.
_SECURITY = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


class Observation:
    """Outermost ASGI layer. Metrics are labelled by route template, never by path: ids would be series."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        labels = ["method", "route"]
        #: Requests by outcome.
        self._requests = Counter(
            "landscape_http_requests_total", "Requests answered", [*labels, "status"], registry=registry
        )
        #: From the first byte of a request to the last of its answer.
        self._duration = Histogram(
            "landscape_http_request_duration_seconds", "Duration", labels, buckets=_BUCKETS, registry=registry
        )
        ProcessCollector(registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and watch what becomes of it."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                identity = (HEADER.lower().encode(), request_id(scope).encode())
                message["headers"] = [*message["headers"], identity, *_SECURITY, *added_headers(scope)]
            await send(message)

        try:
            with bound_contextvars(request_id=request_id(scope)):
                await self._app(scope, receive, observed)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = scope.get("path_template") or "unmatched"
            self._requests.labels(method, route, status).inc()
            self._duration.labels(method, route).observe(time.perf_counter() - started)


def added_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """What its answer is to say beside its own, whatever becomes of it; may be added to."""
    state = cast("dict[str, list[tuple[bytes, bytes]]]", scope.setdefault("state", {}))
    return state.setdefault("added_headers", [])


def request_id(scope: Scope) -> str:
    """The client's, when it is well-formed, else one of ours; the same for the whole request."""
    state = cast("dict[str, str]", scope.setdefault("state", {}))
    if "request_id" not in state:
        given = next((value for name, value in scope["headers"] if name == HEADER.lower().encode()), b"")
        state["request_id"] = given.decode() if _ID.fullmatch(given) else str(uuid7())
    return state["request_id"]
