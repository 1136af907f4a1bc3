"""The API's stream of events for who is signed in: the same bytes, opened by the session's cookie."""

from typing import Any, Final, cast

from litestar import Response
from litestar.connection import Request
from litestar.handlers import ASGIRouteHandler, asgi
from litestar.types import HTTPScope, Receive, Scope, Send

from services.gateway.dashboard.api import BASE
from services.gateway.dashboard.session import Seal

_PATH: Final = f"{BASE}/events"
#: Headers of the page's request that the stream needs; the cookie is not for the API.
_KEPT: Final = frozenset({b"last-event-id", b"user-agent"})


def events(seal: Seal) -> ASGIRouteHandler:
    """A route that hands its request on: a client of this process would wait until the stream ends."""

    @asgi("/events", copy_scope=True, include_in_schema=False)
    async def follow(scope: Scope, receive: Receive, send: Send) -> None:
        request: Request[Any, Any, Any] = Request(scope, receive=receive, send=send)
        session = seal.session(request)
        if session is None or request.method != "GET":
            refused = Response(b"", status_code=401).to_asgi_response(None, request)
            await refused(scope, receive, send)
            return
        kept = [(name, value) for name, value in scope["headers"] if name in _KEPT]
        whole = {
            "type": "http",
            "asgi": scope["asgi"],
            "http_version": scope["http_version"],
            "method": "GET",
            "scheme": scope["scheme"],
            "path": _PATH,
            "raw_path": _PATH.encode(),
            "query_string": scope["query_string"],
            "root_path": "",
            "headers": [*kept, (b"authorization", b"Bearer " + session.key.encode())],
            "client": scope["client"],
            "server": scope["server"],
        }
        await scope["litestar_app"](cast("HTTPScope", whole), receive, send)

    return follow
