"""Idempotency-Key: a call that starts something does so once, however often it is sent."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from litestar import Response

from services.gateway.actor import AnyRequest
from services.gateway.dependencies import Gateway
from services.gateway.security import principal_of
from shared.errors import InputError, Problem
from shared.store.idempotency import Answer, Asked, claim, fingerprint, keep
from shared.store.pool import Connection

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
#: What a key is.
KEY: Final = "[!-~]{1,255}"
_MEDIA_TYPE: Final = "application/json"


async def once(
    request: AnyRequest,
    gateway: Gateway,
    work: Callable[[Connection], Awaitable[Any]],
    *,
    status: int | Callable[[Any], int] = 200,
    location: Callable[[Any], str | None] | None = None,
    dry_run: bool = False,
) -> Response[Any]:
    """The answer of `work`, which gets the connection, or what was answered to the same request before.

    Work, key and answer are one transaction. `status` and `location` may depend on what was done. Raises InputError
    when the key was used with another body. On a dry run the work is taken back, and the key is not used.
    """
    if dry_run:
        async with gateway.rehearsal() as conn:
            return Response(await work(conn))
    asked = await _asked(request)
    async with gateway.unit_of_work() as conn:
        if asked and (known := await claim(conn, asked)):
            return _response(known, {REPLAYED: "true"})
        done = await work(conn)
        code = status if isinstance(status, int) else status(done)
        answer = Answer(code, location(done) if location else None, msgspec.json.encode(done))
        if asked:
            await keep(conn, asked, answer)
    return _response(answer, {})


async def _asked(request: AnyRequest) -> Asked | None:
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not re.fullmatch(KEY, key):
        raise InputError(Problem(f"?{HEADER}", "must be 1 to 255 visible ASCII characters"))
    body = fingerprint(await request.body())
    return Asked(principal_of(request.scope).asker, request.scope["path"], key, body)


def _response(answer: Answer, headers: dict[str, str]) -> Response[Any]:
    if answer.location:
        headers["Location"] = answer.location
    return Response(answer.answer, status_code=answer.status, media_type=_MEDIA_TYPE, headers=headers)
