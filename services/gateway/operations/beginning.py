"""A bulk action: done while the request waits, or made an operation, by how much it concerns."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import Response

from services.gateway.actor import AnyRequest
from services.gateway.dependencies import Gateway
from services.gateway.idempotency import HEADER, once
from shared import log
from shared.store.operations import Operation
from shared.store.pool import Connection

_log = log.get(__name__)

#: Of the answer that tells of an operation.
ACCEPTED: Final = 202


async def done_or_begun(
    request: AnyRequest,
    gateway: Gateway,
    begin: Callable[[Connection], Awaitable[Operation | None]],
    do: Callable[[], Awaitable[Any]],
) -> Response[Any]:
    """202 with the operation that `begin` has made, else 200 with what `do` answers.

    `do` has transactions of its own; an Idempotency-Key is held beside them, in one more. Few at a time: each needs
    two connections, and all with one would wait for each other.
    """

    async def begin_or_none(conn: Connection) -> Operation | None:
        operation = await begin(conn)
        if operation:
            _log.info(
                "operation_begun",
                operation_id=operation.operation_id,
                kind=operation.kind,
                matched=operation.matched,
                actor=operation.actor,
            )
        return operation

    async def work(conn: Connection) -> Any:
        return await begin_or_none(conn) or await do()

    if request.headers.get(HEADER) is not None:
        async with gateway.holders:
            return await once(request, gateway, work, status=_status, location=_location)
    async with gateway.unit_of_work() as conn:
        operation = await begin_or_none(conn)
    if operation is None:
        return Response(await do())
    return Response(operation, status_code=ACCEPTED, headers={"Location": _location(operation) or ""})


def _status(answer: Any) -> int:
    return ACCEPTED if isinstance(answer, Operation) else 200


def _location(answer: Any) -> str | None:
    return f"/api/v1/operations/{answer.operation_id}" if isinstance(answer, Operation) else None
