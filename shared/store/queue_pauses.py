"""Pausing the queue of a service: no job of it is formed or claimed, no call of it starts, until it is unpaused.

A pause is no state of the breaker: it says nothing about the provider, and nothing is given up for it.
"""

import json
from datetime import datetime
from typing import Any, cast

import msgspec

from shared.errors import ConflictError
from shared.store import queries
from shared.store.control import Act, Action, withdraw_queue
from shared.store.pool import Connection

_SQL = queries.load("queue_pauses")


class PausedQueue(msgspec.Struct, frozen=True):
    """A queue that is paused."""

    queue: str
    paused_at: datetime
    paused_by: str
    reason: str


async def pause_queue(conn: Connection, service: str, act: Act) -> int:
    """No call of it starts any more; what is in no worker's hands is due again; how many jobs that were.

    One transaction, the caller's. Raises ConflictError.
    """
    return await _change(conn, "pause", service, act)


async def unpause_queue(conn: Connection, service: str, act: Act) -> int:
    """Work goes on; jobs that were formed by a dispatcher that did not know of the pause yet are formed anew; how many.

    One transaction, the caller's. Raises ConflictError.
    """
    return await _change(conn, "unpause", service, act)


async def find_paused_queues(conn: Connection) -> list[PausedQueue]:
    """By name."""
    cursor = await conn.execute(_SQL["find_paused_queues"])
    return [PausedQueue(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def list_queue_actions(conn: Connection, service: str, limit: int = 100) -> list[Action]:
    """What was done to it, newest first."""
    cursor = await conn.execute(_SQL["list_queue_actions"], {"service": service, "limit": limit})
    rows = cast("list[tuple[str, str, str, str, datetime]]", await cursor.fetchall())
    return [Action(a, by, why, json.loads(detail), at) for a, by, why, detail, at in rows]


async def _change(conn: Connection, action: str, service: str, act: Act) -> int:
    parameters: dict[str, Any] = {"service": service, "actor": act.actor, "reason": act.reason}
    changed = await conn.execute(_SQL["pause_queue" if action == "pause" else "unpause_queue"], parameters)
    if await changed.fetchone() is None:
        how = "paused already" if action == "pause" else "not paused"
        raise ConflictError(f"the queue {service} is {how}; nothing was changed")
    withdrawn = await withdraw_queue(conn, service)
    note = parameters | {"action": action, "withdrawn": withdrawn}
    await conn.execute(_SQL["insert_queue_action"], note)
    return withdrawn
