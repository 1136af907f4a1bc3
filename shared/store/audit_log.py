"""The audit log: every write that was asked of the API, from before it was begun."""

from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("audit_log")

#: Entries are kept for a year.
KEPT_DAYS: Final = 366
#: Above every entry's id.
NEWEST: Final = 2**63 - 1
#: Rows deleted at once.
_CHUNK: Final = 10_000


class Write(msgspec.Struct, frozen=True):
    """What somebody is about to do."""

    actor: str
    key_id: UUID | None
    key_name: str
    operation: str
    path: str
    reason: str
    request_id: str


class Entry(msgspec.Struct, frozen=True):
    """A row of audit_log."""

    entry_id: int
    asked_at: datetime
    actor: str
    """As the request names it, else the name of its key."""
    key_id: UUID | None
    """As it was proven; null: the installation's token."""
    key_name: str
    operation: str
    path: str
    reason: str
    request_id: str
    status: int | None
    """Of the answer: 400 and above changed nothing. Null: the gateway died before there was one."""


async def open_entry(conn: Connection, write: Write) -> int:
    """Before anything is changed; the entry's id."""
    cursor = await conn.execute(_SQL["open_entry"], msgspec.structs.asdict(write))
    return cast("tuple[int]", await cursor.fetchone())[0]


async def close_entry(conn: Connection, entry_id: int, status: int) -> None:
    """When it is known how the write was answered."""
    await conn.execute(_SQL["close_entry"], {"entry_id": entry_id, "status": status})


async def list_entries(
    conn: Connection,
    *,
    actor: str | None,
    operation: str | None,
    target: str | None = None,
    before: int,
    limit: int,
) -> list[Entry]:
    """The newest first; `target` is a part of the path."""
    parameters = {"actor": actor, "operation": operation, "target": target, "before": before, "limit": limit}
    cursor = await conn.execute(_SQL["list_entries"], parameters)
    return [Entry(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def delete_old_entries(conn: Connection) -> int:
    """Some of those that are kept for long enough; how many."""
    cursor = await conn.execute(_SQL["delete_old_entries"], {"days": KEPT_DAYS, "limit": _CHUNK})
    return cursor.rowcount
