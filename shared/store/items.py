"""One item as it is shown: its state, its job, its attempts, its result and the calls behind it."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

import msgspec

from shared.errors import NotFoundError
from shared.store import queries
from shared.store.dead_letter_views import PastAttempt, list_attempts
from shared.store.pool import Connection

_SQL = queries.load("items")


class ItemJob(msgspec.Struct, frozen=True):
    """The job an item is in, or was in last."""

    job_id: int
    state: str | None
    """None: it is no longer on record."""
    fence: int | None
    lease_holder: str | None
    lease_until: datetime | None


class ItemCall(msgspec.Struct, frozen=True):
    """A call that bought a fact of the item's result."""

    call_id: UUID
    provider: str
    endpoint: str
    state: str
    outcome: str | None
    status: int | None
    units: float | None
    """None: unknown."""
    money: float | None
    """None: unknown."""
    duration_seconds: float | None
    sent_at: datetime


class ItemRanking(msgspec.Struct, frozen=True):
    """A result of a search."""

    position: int
    title: str
    url: str
    domain: str


class ItemDetail(msgspec.Struct, frozen=True):
    """All there is about an item."""

    pipeline_id: UUID
    item_id: int
    phase: str
    key: str
    input: dict[str, Any]
    """What the provider is given beside the key."""
    state: str
    attempts_spent: int
    crashes: int
    wait_reason: str | None
    next_at: datetime | None
    """When it is due, if it waits."""
    waiting_since: datetime | None
    error_category: str | None
    last_error: str | None
    degraded: str | None
    """What of the result is missing; None: nothing."""
    from_store: bool
    updated_at: datetime
    job: ItemJob | None
    result: Any
    """None: it has none."""
    rankings: list[ItemRanking]
    """What a search found, in the order of its answer; it is no part of `result`."""
    recorded_at: datetime | None
    """Of the result."""
    attempts: list[PastAttempt]
    calls: list[ItemCall]


async def get_item(conn: Connection, pipeline_id: UUID, item_id: int) -> ItemDetail:
    """Raises NotFoundError for an unknown one."""
    parameters = {"pipeline_id": pipeline_id, "item_id": item_id}
    cursor = await conn.execute(_SQL["get_item"], parameters)
    row = cast("tuple[Any, ...] | None", await cursor.fetchone())
    if row is None:
        raise NotFoundError(f"pipeline {pipeline_id} has no item {item_id}")
    state, job, (payload, recorded_at) = row[:15], row[15:20], row[20:]
    cursor = await conn.execute(_SQL["list_calls_of_item"], parameters)
    calls = [ItemCall(*cast("tuple[Any, ...]", call)) for call in await cursor.fetchall()]
    cursor = await conn.execute(_SQL["list_rankings_of_item"], parameters)
    rankings = [ItemRanking(*cast("tuple[Any, ...]", ranking)) for ranking in await cursor.fetchall()]
    attempts = await list_attempts(conn, pipeline_id, item_id)
    columns: list[Any] = [
        *(pipeline_id, *state),
        ItemJob(*job) if job[0] is not None else None,
        *(payload, rankings, recorded_at, attempts, calls),
    ]
    return ItemDetail(*columns)
