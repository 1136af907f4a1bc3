"""Failed and given-up items: listing them, and putting them back so that they are worked on again."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec
from psycopg import Rollback

from shared.domain.event import EventName
from shared.domain.phases import CLOSING
from shared.errors import ConflictError
from shared.store import queries
from shared.store.events import emit, forget_phases
from shared.store.pipelines import get_pipeline_state
from shared.store.pool import Connection, Pool

_SQL = queries.load("failed_items")

#: Items that are put back in one transaction: about a second.
CHUNK: Final = 5000


class FailedItem(msgspec.Struct, frozen=True):
    """An item that ended without a result."""

    item_id: int
    phase: str
    key: str
    state: str
    """failed, or skipped when it was given up after waiting too long."""
    category: str | None
    error: str | None
    attempts: int
    crashes: int
    failed_at: datetime
    dead_letter: int | None
    """Its open dead letter."""


class FailedGroup(msgspec.Struct, frozen=True):
    """How many of a phase failed with a category."""

    phase: str
    category: str
    items: int


class Action(msgspec.Struct, frozen=True):
    """Who does something to items, and why."""

    verb: str
    actor: str
    reason: str
    selection: Any
    """What was asked for."""


async def list_failed_items(
    conn: Connection, pipeline_id: UUID, *, phase: str | None, category: str | None, after: int, limit: int
) -> list[FailedItem]:
    """Those with an id above `after`, by id. Raises NotFoundError for an unknown pipeline."""
    await get_pipeline_state(conn, pipeline_id)
    parameters = {
        "pipeline_id": pipeline_id,
        "phase": phase,
        "category": category,
        "after": after,
        "limit": limit,
    }
    cursor = await conn.execute(_SQL["list_failed_items"], parameters)
    return [FailedItem(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def count_failed_items(
    conn: Connection, pipeline_id: UUID, *, phase: str | None = None, category: str | None = None
) -> list[FailedGroup]:
    """By phase and category."""
    parameters = {"pipeline_id": pipeline_id, "phase": phase, "category": category}
    cursor = await conn.execute(_SQL["count_failed_items"], parameters)
    return [FailedGroup(*cast("tuple[str, str, int]", row)) for row in await cursor.fetchall()]


async def reset_failed_items(
    pool: Pool,
    pipeline_id: UUID,
    *,
    phase: str | None = None,
    category: str | None = None,
    most: int | None = None,
    actor: str,
    reason: str,
) -> int:
    """Put back failed and given-up items, at most `most`; how many. Their dead letters are replayed with them.

    An ended pipeline runs again, and its figures are computed anew. Raises NotFoundError, and ConflictError for a
    cancelled pipeline.
    """
    moved, after, left = 0, 0, most
    selection = {"pipeline_id": str(pipeline_id), "phase": phase, "category": category, "max": most}
    action = Action("retry_failed", actor, reason, selection)
    async with pool.connection() as conn:
        while left is None or left > 0:
            size = CHUNK if left is None else min(CHUNK, left)
            found = await list_failed_items(
                conn, pipeline_id, phase=phase, category=category, after=after, limit=size
            )
            await require_retriable(conn, pipeline_id)
            if not found:
                break
            after = found[-1].item_id
            chunk = await reset_items(conn, pipeline_id, [item.item_id for item in found], action)
            moved += chunk
            left = None if left is None else left - chunk
    return moved


async def require_retriable(conn: Connection, pipeline_id: UUID) -> None:
    """Raise NotFoundError for an unknown pipeline, ConflictError for a cancelled one."""
    if (await get_pipeline_state(conn, pipeline_id)).state == "cancelled":
        raise ConflictError(f"pipeline {pipeline_id} was cancelled; its items stay as they are")


async def reset_items(conn: Connection, pipeline_id: UUID, item_ids: list[int], action: Action) -> int:
    """Put back those of these items that are failed or given up, with their dead letters; how many. All or none."""
    moved: list[tuple[UUID, int]] = []
    async with conn.transaction():
        if await reopen_pipelines(conn, [pipeline_id]):
            cursor = await conn.execute(_SQL["close_letters_of_items"], {"item_ids": item_ids})
            letters = [cast("int", row[0]) for row in await cursor.fetchall()]
            moved = await revive_items(conn, [(pipeline_id, item_id) for item_id in item_ids])
            if not moved:
                raise Rollback
            action_id = await insert_action(conn, action, len(moved))
            await note_action(conn, action_id, letters)
    return len(moved)


async def reopen_pipelines(conn: Connection, pipeline_ids: Sequence[UUID]) -> set[UUID]:
    """Let pipelines go on whose ended items are about to be put back, with their figures to be computed anew.

    Those that were cancelled are left alone; the others are returned, and locked until the transaction ends.
    """
    cursor = await conn.execute(_SQL["reopen_pipelines"], {"pipeline_ids": list(pipeline_ids)})
    reopened = cast("list[tuple[UUID, bool]]", await cursor.fetchall())
    for pipeline_id, ended in sorted(reopened):
        if ended:
            await emit(conn, EventName.PIPELINE_STARTED, {"cause": "reopened"}, pipeline_id=pipeline_id)
    return {pipeline_id for pipeline_id, _ in reopened}


async def revive_items(conn: Connection, items: Sequence[tuple[UUID, int]]) -> list[tuple[UUID, int]]:
    """Make failed and given-up items of reopened pipelines due again; those that were one."""
    parameters: dict[str, Any] = {
        "pipeline_ids": [pipeline_id for pipeline_id, _ in items],
        "item_ids": [item_id for _, item_id in items],
    }
    cursor = await conn.execute(_SQL["revive_items"], parameters)
    moved = cast("list[tuple[UUID, int]]", await cursor.fetchall())
    revived = {pipeline_id for pipeline_id, _ in moved}
    await reset_closing(conn, revived)
    await forget_phases(conn, revived)
    return moved


async def reset_closing(conn: Connection, pipeline_ids: Collection[UUID]) -> None:
    """Let figures be computed anew, also those being computed: their job records nothing then."""
    await conn.execute(_SQL["reset_closing"], {"pipeline_ids": list(pipeline_ids), "closing": list(CLOSING)})


async def insert_action(conn: Connection, action: Action, items: int, detail: Any = None) -> int:
    """Write down what an operator does; its id."""
    parameters = {
        "verb": action.verb,
        "actor": action.actor,
        "reason": action.reason,
        "selection": msgspec.json.encode(action.selection).decode(),
        "items": items,
        "detail": None if detail is None else msgspec.json.encode(detail).decode(),
    }
    cursor = await conn.execute(_SQL["insert_action"], parameters)
    return cast("tuple[int]", await cursor.fetchone())[0]


async def note_action(conn: Connection, action_id: int, job_ids: Sequence[int]) -> None:
    """It belongs to the history of these dead letters."""
    await conn.execute(_SQL["note_action"], {"action_id": action_id, "job_ids": list(job_ids)})
