"""The audit log: who asked for which write, when and why."""

from typing import Annotated, Final

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from services.gateway.dependencies import Gateway
from shared.errors import InputError, Problem
from shared.store.audit_log import NEWEST, Entry, list_entries

#: Entries in one answer.
LIMIT: Final = 200


class EntryPage(msgspec.Struct, frozen=True):
    """The newest first."""

    items: list[Entry]
    next_cursor: int | None
    """Null: these were the last."""


class AuditLogController(Controller):
    """/api/v1/audit-log"""

    path = "/audit-log"
    tags = ("access",)

    @get("/", operation_id="listAuditLog", summary="Every write that was asked of the API, the newest first.")
    async def list_newest(
        self,
        *,
        gateway: NamedDependency[Gateway],
        actor: FromQuery[str | None] = None,
        operation: FromQuery[str | None] = None,
        target: Annotated[
            str | None, QueryParameter(description="Part of the path, as the id of a pipeline.")
        ] = None,
        cursor: Annotated[int | None, QueryParameter(ge=1, le=NEWEST)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 50,
    ) -> EntryPage:
        """A page; `next_cursor` leads to the next. A status of 400 and above changed nothing."""
        for name, value in (("actor", actor), ("operation", operation), ("target", target)):
            if value is not None and not value.isprintable():
                raise InputError(Problem(f"?{name}", "must not hold control characters"))
        async with gateway.connection() as conn:
            items = await list_entries(
                conn, actor=actor, operation=operation, target=target, before=cursor or NEWEST, limit=limit
            )
        return EntryPage(items, items[-1].entry_id if len(items) == limit else None)
