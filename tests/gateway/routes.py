"""Every route of the API with a path that could be asked for, as the application itself knows them."""

import re
from collections.abc import Iterator
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

NOBODY = "00000000-0000-0000-0000-000000000000"
_SAMPLES = {"uuid": NOBODY, "int": "1", "str": "serp"}


def api_routes(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """(method, path, handler) of everything under /api; the OPTIONS that Litestar adds aside."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if route.path.startswith("/api/") and isinstance(handler, HTTPRouteHandler):
                for method in sorted(handler.http_methods - {"OPTIONS"}):
                    yield str(method), _filled(route.path), handler


def _filled(path: str) -> str:
    return re.sub(r"\{\w+:(\w+)\}", lambda match: _SAMPLES[match[1]], path)


def bearer(key: Any) -> dict[str, str]:
    """The header that carries a key."""
    return {"Authorization": f"Bearer {key}"}
