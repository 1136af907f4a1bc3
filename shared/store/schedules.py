"""Schedules on record: when templates are started by themselves, and what came of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from shared.domain.schedule import Overlap, next_fire
from shared.errors import ConflictError, NotFoundError
from shared.store import queries
from shared.store.control import Act
from shared.store.pool import Connection
from shared.store.templates import keep_template

_SQL = queries.load("schedules")

#: Schedules there may be, and all there are in one answer.
MOST: Final = 500
#: Fires are kept for a year.
KEPT_DAYS: Final = 366
#: Above every fire's id.
NEWEST: Final = 2**53 - 1
#: Rows deleted at once.
_CHUNK: Final = 10_000


class Rule(msgspec.Struct, frozen=True):
    """What can be edited of a schedule."""

    template_id: UUID
    name: str
    cron: str
    time_zone: str
    overlap: Overlap


class Fire(msgspec.Struct, frozen=True):
    """A row of schedule_fires."""

    fire_id: int
    due_at: datetime | None
    """The moment it was for; the first of those that were missed. Null: somebody had it run."""
    fired_at: datetime
    actor: str
    template_version: int
    outcome: str
    """started, skipped or refused."""
    reason: str
    """Why nothing was started."""
    pipeline_id: UUID | None
    cancelled: list[UUID]
    """Earlier pipelines that it took the place of."""


class Schedule(msgspec.Struct, frozen=True):
    """A row of schedules."""

    schedule_id: UUID
    name: str
    template_id: UUID
    template: str
    """Its name."""
    cron: str
    time_zone: str
    overlap: Overlap
    next_fire_at: datetime | None
    """Null: it is paused, or never comes again."""
    paused_at: datetime | None
    paused_by: str | None
    paused_reason: str | None
    version: int
    """One more with every edit."""
    created_at: datetime
    changed_at: datetime
    changed_by: str
    latest: Fire | None
    """What came of it the last time."""


class Starter(msgspec.Struct, frozen=True):
    """The schedule that started a pipeline."""

    schedule_id: UUID
    name: str
    due_at: datetime | None
    """The moment it was for; null: somebody had it run."""


class Due(msgspec.Struct, frozen=True):
    """A schedule that is to fire, as it was seen."""

    schedule_id: UUID
    version: int
    due_at: datetime
    name: str
    template_id: UUID
    cron: str
    time_zone: str
    overlap: Overlap


class Ending(msgspec.Struct, frozen=True):
    """What came of a fire."""

    outcome: str
    reason: str = ""
    pipeline_id: UUID | None = None
    cancelled: list[UUID] = []


async def create_schedule(conn: Connection, rule: Rule, actor: str) -> Schedule:
    """It fires from now on. One transaction, the caller's. Raises NotFoundError, and ConflictError when there are too many."""
    if len(await list_schedules(conn)) >= MOST:
        raise ConflictError(f"there are {MOST} schedules already; delete one that nobody needs")
    await keep_template(conn, rule.template_id)
    schedule_id = uuid7()
    following = next_fire(rule.cron, rule.time_zone, await _now(conn))
    parameters = {"schedule_id": schedule_id, "next_fire_at": following, "actor": actor}
    await conn.execute(_SQL["insert_schedule"], parameters | msgspec.structs.asdict(rule))
    return await get_schedule(conn, schedule_id)


async def list_schedules(conn: Connection, template_id: UUID | None = None) -> list[Schedule]:
    """By their next fire; of one template, if it is given."""
    return await _list(conn, None, template_id)


async def get_schedule(conn: Connection, schedule_id: UUID) -> Schedule:
    """Raises NotFoundError."""
    for schedule in await _list(conn, schedule_id, None):
        return schedule
    raise _unknown(schedule_id)


async def lock_schedule(conn: Connection, schedule_id: UUID) -> tuple[int, datetime]:
    """Nobody else edits or fires it until the end of this transaction; its version, and the time. Raises NotFoundError."""
    cursor = await conn.execute(_SQL["lock_schedule"], {"schedule_id": schedule_id})
    row = cast("tuple[int, datetime] | None", await cursor.fetchone())
    if row is None:
        raise _unknown(schedule_id)
    return row


async def edit_schedule(conn: Connection, schedule_id: UUID, rule: Rule, actor: str) -> Schedule:
    """It goes by this from now on; with the same times nothing that is due is lost. One transaction, the caller's. Raises NotFoundError."""
    _, now = await lock_schedule(conn, schedule_id)
    await keep_template(conn, rule.template_id)
    present = await get_schedule(conn, schedule_id)
    following = present.next_fire_at  # that may be due already, and is fired all the same
    if present.paused_at is None and (rule.cron, rule.time_zone) != (present.cron, present.time_zone):
        following = next_fire(rule.cron, rule.time_zone, now)
    parameters = {"schedule_id": schedule_id, "next_fire_at": following, "actor": actor}
    await conn.execute(_SQL["edit_schedule"], parameters | msgspec.structs.asdict(rule))
    return await get_schedule(conn, schedule_id)


async def pause_schedule(conn: Connection, schedule_id: UUID, act: Act) -> Schedule:
    """It does not fire by itself. One transaction, the caller's. Raises NotFoundError, ConflictError."""
    await lock_schedule(conn, schedule_id)
    parameters = {"schedule_id": schedule_id, "actor": act.actor, "reason": act.reason}
    cursor = await conn.execute(_SQL["pause_schedule"], parameters)
    if await cursor.fetchone() is None:
        raise ConflictError("this schedule is paused already")
    return await get_schedule(conn, schedule_id)


async def unpause_schedule(conn: Connection, schedule_id: UUID) -> Schedule:
    """It fires from now on; what was missed is not made up for. One transaction, the caller's. Raises as `pause_schedule`."""
    _, now = await lock_schedule(conn, schedule_id)
    schedule = await get_schedule(conn, schedule_id)
    following = next_fire(schedule.cron, schedule.time_zone, now)
    parameters = {"schedule_id": schedule_id, "next_fire_at": following}
    cursor = await conn.execute(_SQL["unpause_schedule"], parameters)
    if await cursor.fetchone() is None:
        raise ConflictError("this schedule is not paused")
    return await get_schedule(conn, schedule_id)


async def delete_schedule(conn: Connection, schedule_id: UUID) -> None:
    """With its fires; pipelines that it has started stay. Raises NotFoundError."""
    cursor = await conn.execute(_SQL["delete_schedule"], {"schedule_id": schedule_id})
    if await cursor.fetchone() is None:
        raise _unknown(schedule_id)


async def find_due(conn: Connection, limit: int, but: Sequence[UUID] = ()) -> list[Due]:
    """Schedules that are to fire, without those of `but`, the longest overdue first. Nothing is locked yet."""
    cursor = await conn.execute(_SQL["find_due"], {"limit": limit, "but": list(but)})
    return [Due(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def claim_fire(conn: Connection, due: Due) -> tuple[datetime, bool] | None:
    """What time it is, and whether this moment has fired before; None when somebody else has it in hand, or it has moved.

    Nobody else fires it until the end of this transaction, which is to move it.
    """
    parameters = {"schedule_id": due.schedule_id, "version": due.version, "due_at": due.due_at}
    cursor = await conn.execute(_SQL["claim_fire"], parameters)
    return cast("tuple[datetime, bool] | None", await cursor.fetchone())


async def move_schedule(conn: Connection, due: Due, now: datetime) -> None:
    """To its first moment after `now`: those that were missed until then are one fire, not many."""
    following = next_fire(due.cron, due.time_zone, now)
    parameters = {"schedule_id": due.schedule_id, "next_fire_at": following}
    await conn.execute(_SQL["move_schedule"], parameters)


async def find_under_way(conn: Connection, schedule_id: UUID) -> list[UUID]:
    """Pipelines that a schedule has started and that have not ended, the oldest first."""
    cursor = await conn.execute(_SQL["find_under_way"], {"schedule_id": schedule_id})
    return [cast("UUID", row[0]) for row in await cursor.fetchall()]


async def find_starter(conn: Connection, pipeline_id: UUID) -> Starter | None:
    """What started a pipeline; None when no schedule did, or it or its fire is on record no longer."""
    cursor = await conn.execute(_SQL["find_starter"], {"pipeline_id": pipeline_id})
    row = cast("tuple[Any, ...] | None", await cursor.fetchone())
    return Starter(*row) if row else None


async def record_fire(
    conn: Connection,
    schedule_id: UUID,
    due_at: datetime | None,
    ending: Ending,
    *,
    actor: str,
    template_version: int,
) -> Fire:
    """What came of it. The caller has the schedule locked."""
    parameters = {
        "schedule_id": schedule_id,
        "due_at": due_at,
        "actor": actor,
        "template_version": template_version,
        **msgspec.structs.asdict(ending),
    }
    cursor = await conn.execute(_SQL["insert_fire"], parameters)
    return Fire(*cast("tuple[Any, ...]", await cursor.fetchone()))


async def list_fires(conn: Connection, schedule_id: UUID, *, before: int, limit: int) -> list[Fire]:
    """The newest first. Raises NotFoundError for an unknown schedule."""
    await get_schedule(conn, schedule_id)
    parameters = {"schedule_id": schedule_id, "before": before, "limit": limit}
    cursor = await conn.execute(_SQL["list_fires"], parameters)
    return [Fire(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def delete_old_fires(conn: Connection) -> int:
    """Some of those that are kept for long enough; how many."""
    cursor = await conn.execute(_SQL["delete_old_fires"], {"days": KEPT_DAYS, "limit": _CHUNK})
    return cursor.rowcount


async def _now(conn: Connection) -> datetime:
    cursor = await conn.execute(_SQL["read_clock"])
    return cast("tuple[datetime]", await cursor.fetchone())[0]


async def _list(conn: Connection, schedule_id: UUID | None, template_id: UUID | None) -> list[Schedule]:
    parameters = {"schedule_id": schedule_id, "template_id": template_id, "limit": MOST}
    cursor = await conn.execute(_SQL["list_schedules"], parameters)
    rows = cast("list[tuple[Any, ...]]", await cursor.fetchall())
    own = len(msgspec.structs.fields(Schedule)) - 1
    return [Schedule(*(*row[:own], Fire(*row[own:]) if row[own] else None)) for row in rows]


def _unknown(schedule_id: UUID) -> NotFoundError:
    return NotFoundError(f"there is no schedule {schedule_id}")
