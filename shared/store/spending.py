"""Budgets of pipelines, and what providers were charged by the day."""

from datetime import date
from typing import Any, cast
from uuid import UUID

import msgspec

from shared.domain.event import EventName
from shared.store import queries
from shared.store.control import Act, note
from shared.store.events import forget_telling
from shared.store.pipelines import get_pipeline_state
from shared.store.pool import Connection

_SQL = queries.load("spending")


class Budget(msgspec.Struct, frozen=True):
    """Money of a pipeline."""

    budget: float | None
    """What it may spend in all; None: no limit."""
    committed: float | None
    """Spent, or set aside for calls whose cost is not known yet; None without a budget."""


class Day(msgspec.Struct, frozen=True):
    """A provider's units on one day."""

    provider: str
    day: date
    """In the provider's own time zone."""
    most: float | None
    """None: no limit."""
    committed: float
    """Charged, or set aside for calls whose charge is not known yet."""


async def get_budget(conn: Connection, pipeline_id: UUID) -> Budget:
    """Raises NotFoundError for an unknown pipeline."""
    await get_pipeline_state(conn, pipeline_id)
    cursor = await conn.execute(_SQL["get_budget"], {"pipeline_id": pipeline_id})
    row = await cursor.fetchone()
    return Budget(*cast("tuple[float, float]", row)) if row else Budget(None, None)


async def lock_budget(conn: Connection, pipeline_id: UUID) -> Budget:
    """As `get_budget`, and nobody else sets it before this transaction ends."""
    await conn.execute(_SQL["lock_budgeted"], {"pipeline_id": pipeline_id})
    return await get_budget(conn, pipeline_id)


async def set_budget(conn: Connection, pipeline_id: UUID, budget: float, act: Act) -> None:
    """Allow so much in all, and let those try again who wait for it. One transaction, the caller's.

    Raises NotFoundError.
    """
    before = await get_budget(conn, pipeline_id)
    await conn.execute(_SQL["set_budget"], {"pipeline_id": pipeline_id, "budget": budget})
    await conn.execute(_SQL["wake_for_budget"], {"pipeline_id": pipeline_id})
    await note(conn, pipeline_id, "budget", act, before=before.budget, budget=budget)
    tellings = (EventName.BUDGET_80, EventName.BUDGET_EXHAUSTED)
    await forget_telling(conn, [f"{name} {pipeline_id}" for name in tellings])
    await conn.execute(_SQL["tell_budget"], {"pipeline_id": pipeline_id})


async def list_days(conn: Connection, limit: int) -> list[Day]:
    """Newest first."""
    cursor = await conn.execute(_SQL["list_days"], {"limit": limit})
    return [Day(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]
