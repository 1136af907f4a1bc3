"""Operations: list, watch, cancel."""

from typing import Annotated, Final

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, PathParameter, QueryParameter

from services.gateway.actor import Actor, AnyRequest, Reason, actor_of
from services.gateway.dependencies import Gateway
from services.gateway.idempotency import once
from services.gateway.security import needs
from shared import log
from shared.domain.operation import OperationState
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.store.operations import NEWEST, Operation, cancel_operation, get_operation, list_operations
from shared.store.pool import Connection

_log = log.get(__name__)

#: Operations in one answer.
LIMIT: Final = 200
OperationId = Annotated[int, PathParameter(ge=1, le=2**53 - 1)]


class OperationPage(msgspec.Struct, frozen=True):
    """The newest first."""

    items: list[Operation]
    next_cursor: int | None
    """For `cursor` of the next request; null at the end."""


class CancelRequest(msgspec.Struct, frozen=True):
    """Nothing of it is needed."""

    actor: Actor = ""
    reason: Reason = ""


class OperationController(Controller):
    """/api/v1/operations"""

    path = "/operations"
    tags = ("operations",)
    opt = needs(reads=Scope.READ_OPERATIONS, writes=Scope.WRITE_DEAD_LETTERS)

    @get("/", operation_id="listOperations", summary="Bulk actions that go on by themselves, the newest first.")  # fmt: skip
    async def list_newest(
        self,
        *,
        gateway: NamedDependency[Gateway],
        in_state: FromQuery[OperationState | None] = None,
        cursor: Annotated[int | None, QueryParameter(ge=1, le=NEWEST)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 50,
    ) -> OperationPage:
        """A page; `next_cursor` leads to the next."""
        async with gateway.connection() as conn:
            items = await list_operations(conn, state=in_state, before=cursor or NEWEST, limit=limit)
        return OperationPage(items, items[-1].operation_id if len(items) == limit else None)

    @get("/{operation_id:int}", operation_id="getOperation", summary="How far a bulk action is.")
    async def detail(self, gateway: NamedDependency[Gateway], operation_id: OperationId) -> Operation:
        """`done` and `failed` are exact, and never go back; 404 when there is none."""
        async with gateway.connection() as conn:
            return await get_operation(conn, operation_id)

    @post(
        "/{operation_id:int}/cancel",
        operation_id="cancelOperation",
        status_code=200,
        summary="End a bulk action before its time.",
    )
    async def cancel(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], operation_id: OperationId
    ) -> Response[Operation]:
        """What is done stays done, nothing more is. 409 when it has ended. Needs no body."""
        body = decode(await request.body() or b"{}", CancelRequest)
        actor = actor_of(request, body.actor)

        async def record(conn: Connection) -> Operation:
            operation = await cancel_operation(conn, operation_id, actor=actor, reason=body.reason)
            _log.info("operation_cancelled", operation_id=operation_id, actor=actor, reason=body.reason)
            return operation

        return await once(request, gateway, record)
