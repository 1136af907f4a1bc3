"""What is seen of every request, also of those no route takes: its id, its duration, its outcome."""

import re
import time
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, ProcessCollector
from uuid_utils.compat import uuid7

from services.gateway import request_trace
from shared import log
from shared.metrics import Requests

_log = log.get(__name__)

HEADER = "X-Request-ID"
_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: They change nothing; what asks every second would fill the log.
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
#: Sent with every answer.
_SECURITY = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


class Observation:
    """Outermost ASGI layer. Metrics are labelled by route template, never by path: ids would be series."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._metrics = Requests(registry)
        ProcessCollector(registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and watch what becomes of it."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500
        request_trace.watch()

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                identity = (HEADER.lower().encode(), request_id(scope).encode())
                message["headers"] = [*message["headers"], identity, *_SECURITY, *added_headers(scope)]
            await send(message)

        with log.bound(request_id=request_id(scope)):
            try:
                await self._app(scope, receive, observed)
            finally:
                self._answered(scope, status, time.perf_counter() - started)

    def _answered(self, scope: HTTPScope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = scope.get("path_template") or "unmatched"
        self._metrics.total.labels(method, route, status).inc()
        self._metrics.duration.labels(method, route).observe(seconds)
        read = method in _READS and status < 400
        tell = _log.debug if read else _log.info
        trace = request_trace.answered(scope, method=method, route=route, status=status, seconds=seconds)
        tell(
            "request", method=method, route=route, status=status, duration_seconds=round(seconds, 4), **trace
        )


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
