"""What an operator does to a pipeline: pause, unpause, cancel, resume. Each is one transaction, the caller's."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from shared.domain.event import EventName
from shared.domain.phases import CLOSING
from shared.errors import ConflictError, NotFoundError
from shared.store import queries
from shared.store.events import emit, forget_phases
from shared.store.failed_items import reset_closing
from shared.store.pool import Connection, Pool, unit_of_work

_SQL = queries.load("control")

#: Not among the named queries, because it cannot be prepared.
_EXPECT_MANY: Final = "SET LOCAL enable_nestloop = off"
#: Items of a cancelled pipeline that are skipped in one transaction; about a second's work.
CHUNK: Final = 20_000
#: Action -> the states it may begin in.
ALLOWED: Final = {
    "pause": ("running",),
    "unpause": ("paused",),
    "cancel": ("running", "paused"),
    "resume": ("paused", "completed", "completed_with_gaps", "failed", "cancelled"),
    "rewind": ("paused", "completed", "completed_with_gaps", "failed", "cancelled"),
    "restart_phase": ("paused", "completed", "completed_with_gaps", "failed", "cancelled"),
}
#: States an action leads to, and what is told then.
_TOLD: Final = {"running": EventName.PIPELINE_STARTED, "paused": EventName.PIPELINE_PAUSED}


class Act(msgspec.Struct, frozen=True):
    """Who does something, and why."""

    actor: str = "api"
    reason: str = ""


class Action(msgspec.Struct, frozen=True):
    """A row of pipeline_actions."""

    action: str
    actor: str
    reason: str
    detail: dict[str, Any]
    done_at: datetime


def allowed(state: str) -> list[str]:
    """The actions that may begin in a state of a pipeline."""
    return [action for action, states in ALLOWED.items() if state in states]


async def pause(conn: Connection, pipeline_id: UUID, act: Act) -> None:
    """No call starts any more; what is in no worker's hands is due again. Raises NotFoundError, ConflictError."""
    await change(conn, pipeline_id, "pause", "paused")
    withdrawn = await withdraw_jobs(conn, [str(pipeline_id)])
    await note(conn, pipeline_id, "pause", act, jobs_withdrawn=withdrawn)


async def unpause(conn: Connection, pipeline_id: UUID, act: Act) -> None:
    """Work goes on. Raises NotFoundError, ConflictError."""
    await change(conn, pipeline_id, "unpause", "running")
    # A job formed by a dispatcher that did not know of the pause yet.
    await withdraw_jobs(conn, [str(pipeline_id)])
    await note(conn, pipeline_id, "unpause", act)


async def cancel(conn: Connection, pipeline_id: UUID, act: Act) -> None:
    """The pipeline has ended; `settle` skips what it had open, now or later. Raises NotFoundError, ConflictError."""
    await change(conn, pipeline_id, "cancel", "cancelled")
    withdrawn = await withdraw_jobs(conn, [str(pipeline_id)])
    await note(conn, pipeline_id, "cancel", act, jobs_withdrawn=withdrawn)


async def resume_pipeline(
    conn: Connection, pipeline_id: UUID, *, resume_failed_only: bool = False, act: Act | None = None
) -> int:
    """Go on with an ended or paused pipeline; how many items are due again.

    Failed ones, and unless only those are wanted also given-up and cancelled ones; figures are computed again.
    Raises NotFoundError, and ConflictError when it is running or nothing of an ended one is left to do.
    """
    await expect_many(conn)
    before = await change(conn, pipeline_id, "resume", "running")
    await withdraw_jobs(conn, [str(pipeline_id)])
    parameters = {"pipeline_id": pipeline_id, "failed_only": resume_failed_only}
    item_ids = await fetch_ids(conn, _SQL["find_failed"], parameters)
    if not item_ids and before != "paused":
        raise ConflictError(f"nothing of pipeline {pipeline_id} is left to do; it is {before}")
    if item_ids:
        await set_back(conn, pipeline_id, {*item_ids, *await find_figures(conn, pipeline_id)})
        await reset_closing(conn, [pipeline_id])
    await note(
        conn, pipeline_id, "resume", act or Act(), items=len(item_ids), resume_failed_only=resume_failed_only
    )
    return len(item_ids)


async def change(conn: Connection, pipeline_id: UUID, action: str, to: str) -> str:
    """Take an action's step; the state before. Raises NotFoundError, and ConflictError when it may not be taken."""
    cursor = await conn.execute(_SQL["look_at_pipeline"], {"pipeline_id": pipeline_id})
    row = cast("tuple[str, bool] | None", await cursor.fetchone())
    if row is None:
        raise NotFoundError(f"there is no pipeline {pipeline_id}")
    before, unsettled = row
    parameters = {"pipeline_id": pipeline_id, "from": list(ALLOWED[action]), "to": to}
    cursor = await conn.execute(_SQL["change_pipeline"], parameters)
    if await cursor.fetchone() is None:
        raise ConflictError(refusal(pipeline_id, action, before, unsettled=unsettled))
    if name := _TOLD.get(to):
        await emit(conn, name, {"cause": action}, pipeline_id=pipeline_id)
    return before


def refusal(pipeline_id: UUID, action: str, state: str, *, unsettled: bool) -> str:
    """Why a pipeline in this state does not take this action."""
    if unsettled and state == "cancelled":
        return f"pipeline {pipeline_id} is being cancelled; ask again when calls in flight have ended"
    wanted, what = ", ".join(ALLOWED[action]), action.replace("restart_phase", "restart a phase of")
    return f"pipeline {pipeline_id} is {state}; to {what} it, it must be {wanted}"


async def withdraw_jobs(conn: Connection, pipeline_ids: Collection[str]) -> int:
    """End the jobs nobody has claimed, and make their items due again; how many jobs."""
    return await _withdraw(conn, list(pipeline_ids), None)


async def withdraw_queue(conn: Connection, queue: str) -> int:
    """As `withdraw_jobs`, of a queue."""
    return await _withdraw(conn, [], queue)


async def _withdraw(conn: Connection, pipeline_ids: list[str], queue: str | None) -> int:
    cursor = await conn.execute(_SQL["withdraw_jobs"], {"pipeline_ids": pipeline_ids, "queue": queue})
    return cast("tuple[int]", await cursor.fetchone())[0]


async def count_held_jobs(conn: Connection, pipeline_id: UUID) -> int:
    """Jobs of a pipeline that workers hold."""
    cursor = await conn.execute(_SQL["count_held_jobs"], {"pipeline_id": pipeline_id})
    return cast("tuple[int]", await cursor.fetchone())[0]


async def find_stopped(conn: Connection, pipeline_ids: Collection[str], service: str = "") -> set[str]:
    """Those in which no call may start; all of them while the queue of the service is paused."""
    parameters = {"pipeline_ids": list(pipeline_ids), "service": service}
    cursor = await conn.execute(_SQL["find_stopped"], parameters)
    return {cast("str", row[0]) for row in await cursor.fetchall()}


async def find_unsettled(conn: Connection) -> list[str]:
    """Cancelled pipelines that still have something open."""
    cursor = await conn.execute(_SQL["find_unsettled"])
    return [cast("str", row[0]) for row in await cursor.fetchall()]


async def skip_cancelled(conn: Connection, pipeline_id: str, limit: int = CHUNK) -> int:
    """Skip open items of a cancelled pipeline that are in no worker's hands; how many."""
    parameters = {"pipeline_id": pipeline_id, "limit": limit}
    cursor = await conn.execute(_SQL["skip_cancelled"], parameters)
    return cast("tuple[int]", await cursor.fetchone())[0]


async def settle_cancelled(conn: Connection) -> list[str]:
    """Cancelled pipelines that have nothing open any more, from now on settled."""
    cursor = await conn.execute(_SQL["settle_cancelled"])
    return [cast("str", row[0]) for row in await cursor.fetchall()]


async def settle(pool: Pool, pipeline_id: UUID) -> None:
    """Skip, in chunks, what a cancelled pipeline has open and nobody works on.

    Who cancels calls it, and housekeeping until nothing is in hand any more: broken off, it is taken up there.
    """
    skipped = 1
    while skipped:
        async with unit_of_work(pool) as conn:
            await expect_many(conn)
            await withdraw_jobs(conn, [str(pipeline_id)])
            skipped = await skip_cancelled(conn, str(pipeline_id))
    async with pool.connection() as conn:
        await settle_cancelled(conn)


async def find_figures(conn: Connection, pipeline_id: UUID) -> list[int]:
    """Ended items that are computed from everything else."""
    return await fetch_ids(conn, _SQL["find_figures"], {"pipeline_id": pipeline_id, "closing": list(CLOSING)})


async def set_back(conn: Connection, pipeline_id: UUID, item_ids: Collection[int]) -> int:
    """Make ended items due again, without their results and with all their attempts; how many."""
    parameters = {"pipeline_id": pipeline_id, "item_ids": sorted(item_ids)}
    cursor = await conn.execute(_SQL["set_back_items"], parameters)
    number = cast("tuple[int]", await cursor.fetchone())[0]
    await forget_phases(conn, [pipeline_id])
    return number


async def expect_many(conn: Connection) -> None:
    """Join by hashing until the end of this transaction.

    The planner does not know the rows of a young pipeline, takes them for a few, and would compare each with each.
    """
    await conn.execute(_EXPECT_MANY)


async def note(conn: Connection, pipeline_id: UUID, action: str, act: Act, **detail: Any) -> None:
    """Who did what, why, and what it came to."""
    parameters = {
        "pipeline_id": pipeline_id,
        "action": action,
        "actor": act.actor,
        "reason": act.reason,
        "detail": json.dumps(detail),
    }
    await conn.execute(_SQL["insert_pipeline_action"], parameters)


async def list_actions(conn: Connection, pipeline_id: UUID, limit: int = 100) -> list[Action]:
    """What was done to a pipeline, newest first."""
    cursor = await conn.execute(_SQL["list_pipeline_actions"], {"pipeline_id": pipeline_id, "limit": limit})
    rows = cast("list[tuple[str, str, str, str, datetime]]", await cursor.fetchall())
    return [Action(a, by, why, json.loads(detail), at) for a, by, why, detail, at in rows]


async def fetch_ids(conn: Connection, query: Any, parameters: dict[str, Any]) -> list[int]:
    """Item ids a query names."""
    cursor = await conn.execute(query, parameters)
    return [cast("int", row[0]) for row in await cursor.fetchall()]
