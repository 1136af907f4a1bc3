"""A client of the event stream, as small as one can be."""

import json
from collections.abc import Iterator
from typing import Any

import httpx

from tests.gateway.operator import TOKEN
from tests.gateway.routes import bearer


def follow(
    url: str, *, last: int | None = None, token: str = TOKEN, **params: str
) -> Iterator[dict[str, Any]]:
    """Events as they come: id, event, data; ends with the connection. Comments are skipped."""
    headers = bearer(token) | ({} if last is None else {"Last-Event-ID": str(last)})
    timeout = httpx.Timeout(20.0)
    with httpx.stream(
        "GET", f"{url}/api/v1/events", params=params, headers=headers, timeout=timeout
    ) as answer:
        if answer.status_code != 200:
            answer.read()
            answer.raise_for_status()
        found: dict[str, Any] = {}
        for line in answer.iter_lines():
            field, _, value = line.partition(": ")
            if field in {"id", "event", "data"}:
                found[field] = value
            elif not line and "data" in found:
                yield {"id": int(found["id"]), "event": found["event"], "data": json.loads(found["data"])}
                found = {}
