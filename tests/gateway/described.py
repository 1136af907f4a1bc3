"""The routes of the API, as its description has them."""

import re
from functools import cache
from typing import Any

import msgspec

from services.gateway.app import create_app
from services.gateway.openapi import describe
from shared.config import Settings


def general(route: str) -> str:
    """Without the names of its parameters."""
    return re.sub(r"\{\w+\}", "{}", route)


@cache
def routes() -> frozenset[str]:
    """As in "GET /api/v1/pipeline/{}"."""
    app = create_app(Settings(postgres_url="postgresql://nowhere", token="not a secret"))
    document: dict[str, Any] = msgspec.json.decode(describe(app.state.described))
    return frozenset(
        f"{method.upper()} {general(path)}"
        for path, operations in document["paths"].items()
        for method in operations
    )
