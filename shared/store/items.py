"""Items as they are shown: a page of a pipeline's, and one with everything that happened to it."""

from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from shared.errors import NotFoundError
from shared.store import queries
from shared.store.dead_letter_views import PastAttempt, list_attempts
from shared.store.pipelines import get_pipeline_state
from shared.store.pool import Connection

_SQL = queries.load("items")

#: Items that are looked at for one page: a rare kind is found in several, each of them quick.
SPAN: Final = 5_000


class ItemRow(msgspec.Struct, frozen=True):
    """An item as it stands."""

    item_id: int
    phase: str
    key: str
    state: str
    attempts: int
    crashes: int
    wait_reason: str | None
    next_at: datetime | None
    category: str | None
    error: str | None
    degraded: str | None
    from_store: bool
    updated_at: datetime


class ItemPage(msgspec.Struct, frozen=True):
    """Items by id."""

    items: list[ItemRow]
    next_cursor: int | None
    """For `cursor` of the next request; null at the end. A page may be short, or empty, before it."""


class ItemJob(msgspec.Struct, frozen=True):
    """The job an item is in, or was in last."""

    job_id: int
    state: str
    fence: int
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

    item: ItemRow
    input: dict[str, Any]
    """What its provider is given beside the key."""
    value: float
    job_id: int | None
    """The last job it was in."""
    result: Any
    """Null unless it is completed."""
    facts: Any
    """What the result rests on: keys and the calls that bought them."""
    completed_at: datetime | None
    dead_letter: int | None
    """Its open one."""
    attempts: list[PastAttempt]
    """That ended in an error, the oldest first, at most a hundred."""
    job: ItemJob | None
    """None: it was in none, or that is no longer on record."""
    rankings: list[ItemRanking]
    """What a search found, in the order of its answer; it is no part of `result`."""
    calls: list[ItemCall]
    """That its result rests on, oldest first."""


async def list_items(
    conn: Connection,
    pipeline_id: UUID,
    *,
    phase: str | None = None,
    state: str | None = None,
    category: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> ItemPage:
    """Those with an id above `after`. Raises NotFoundError for an unknown pipeline."""
    await get_pipeline_state(conn, pipeline_id)
    parameters = {
        "pipeline_id": pipeline_id,
        "phase": phase,
        "state": state,
        "category": category,
        "after": after,
        "limit": limit,
        "span": SPAN,
    }
    cursor = await conn.execute(_SQL["list_items"], parameters)
    rows = cast("list[tuple[Any, ...]]", await cursor.fetchall())
    items = [ItemRow(*row[2:]) for row in rows if row[2] is not None]
    last, looked = rows[0][:2]
    if len(items) == limit:
        return ItemPage(items, items[-1].item_id)
    return ItemPage(items, last if looked == SPAN else None)


async def get_item(conn: Connection, pipeline_id: UUID, item_id: int) -> ItemDetail:
    """One of them. Raises NotFoundError."""
    await get_pipeline_state(conn, pipeline_id)
    parameters = {"pipeline_id": pipeline_id, "item_id": item_id}
    cursor = await conn.execute(_SQL["get_item"], parameters)
    row = cast("tuple[Any, ...] | None", await cursor.fetchone())
    if row is None:
        raise NotFoundError(f"pipeline {pipeline_id} has no item {item_id}")
    jobs = [ItemJob(*row) for row in await _rows(conn, "find_job_of_item", parameters)]
    fields = len(ItemRow.__struct_fields__)
    rest: list[Any] = [
        *row[fields:],
        await list_attempts(conn, pipeline_id, item_id),
        jobs[0] if jobs else None,
        [ItemRanking(*row) for row in await _rows(conn, "list_rankings_of_item", parameters)],
        [ItemCall(*row) for row in await _rows(conn, "list_calls_of_item", parameters)],
    ]
    return ItemDetail(ItemRow(*row[:fields]), *rest)


async def _rows(conn: Connection, query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    cursor = await conn.execute(_SQL[query], parameters)
    return cast("list[tuple[Any, ...]]", await cursor.fetchall())
