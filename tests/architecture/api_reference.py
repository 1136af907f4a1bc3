"""Writes docs/reference/api.md from the API's own description: `python -m tests.architecture.api_reference`."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from services.gateway.app import create_app
from services.gateway.openapi import describe
from services.gateway.security import required_scope
from shared.config import Settings
from tests.architecture.pages import ROOT

REFERENCE = ROOT / "docs/reference/api.md"

_HEAD = """# API

Generated from `services/gateway/` by `python -m tests.architecture.api_reference`; a test fails when it is out of date. Bodies, answers and every field
are in the OpenAPI 3.1 document at `/api/v1/openapi.json`.

A request carries `Authorization: Bearer` and an API key, whose scopes have to hold the route's. Routes without a scope take no key. What starts or begins something takes an
`Idempotency-Key`: the same key again gives the same answer, with another body 422. An edit takes `If-Match` with the `ETag` of what was seen, and
answers 412 when somebody was faster. Lists give `next_cursor`, which is the next page's `cursor`. Errors are [problems](errors.md).
"""


def _scopes(app: Any) -> dict[str, str]:
    """By operation."""
    return {
        str(handler.operation_id or handler.handler_name): str(required_scope(handler, str(method)))
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if route.path.startswith("/api/") and isinstance(handler, HTTPRouteHandler)
        for method in handler.http_methods - {"OPTIONS"}
    }


def _operations() -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """(path, method, operation, scope) by path."""
    app = create_app(Settings(postgres_url="postgresql://nowhere", token="not a secret"))
    document: dict[str, Any] = msgspec.json.decode(describe(app.state.described))
    scopes = _scopes(app)
    for path, operations in sorted(document["paths"].items()):
        for method, operation in operations.items():
            yield path, method.upper(), operation, scopes.get(operation["operationId"], "")


def _area(path: str) -> str:
    parts = path.split("/")
    return parts[3] if path.startswith("/api/") else "processes"


def _text(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _row(path: str, method: str, operation: dict[str, Any], scope: str) -> str:
    asked = ", ".join(f"`{p['name']}`" for p in operation.get("parameters", ()) if p["in"] != "path")
    told = [_text(operation.get("summary", "")), _text(operation.get("description", ""))]
    answers = ", ".join(sorted(operation["responses"]))
    return f"| `{method} {path}` | {' '.join(filter(None, told))} | {asked} | {f'`{scope}`' if scope else ''} | {answers} |\n"


def reference() -> str:
    """The page."""
    parts = [_HEAD]
    rows = sorted(_operations(), key=lambda row: (_area(row[0]), row[0]))
    for area, found in groupby(rows, key=lambda row: _area(row[0])):
        parts.append(
            f"\n## {area}\n\n| route | what | parameters | scope | answers |\n|---|---|---|---|---|\n"
        )
        parts += [_row(*row) for row in found]
    return "".join(parts)


if __name__ == "__main__":
    REFERENCE.write_text(reference())
