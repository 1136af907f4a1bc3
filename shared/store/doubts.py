"""Calls in doubt: they may have been charged, and nobody but the provider's invoice can tell."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, cast
from uuid import UUID

import msgspec

from shared.errors import NotFoundError
from shared.store import queries
from shared.store.calls import settle_spending
from shared.store.control import Act, note
from shared.store.pipelines import get_pipeline_state
from shared.store.pool import Connection

_SQL = queries.load("doubts")

#: rebuy: its cost stays unknown. charged: it cost what was set aside. not_charged: it cost nothing.
Decision = Literal["rebuy", "charged", "not_charged"]
#: Calls in one listing.
LIMIT: Final = 1000
#: Facts in doubt are kept for so long after their pipeline's end: until then somebody may decide, or resume it.
KEPT_DAYS: Final = 30
#: Rows deleted at once.
_CHUNK: Final = 10_000


class DoubtedCall(msgspec.Struct, frozen=True):
    """A call that left and has no recorded answer."""

    call_id: UUID
    """What the provider was told as the request's id."""
    provider: str
    endpoint: str
    subjects: int
    outcome: str
    """lease_expired: its worker died; else the category of the error."""
    error: str | None
    sent_at: datetime
    units: float | None
    """It was charged at the most."""
    money: float | None
    """They cost; None without a price."""
    decision: Decision | None
    holds: bool
    """Facts it was to buy are still lacking; with the policy `hold` their items wait for a decision."""


async def list_doubted_calls(conn: Connection, pipeline_id: UUID, limit: int = LIMIT) -> list[DoubtedCall]:
    """Newest first. Raises NotFoundError for an unknown pipeline."""
    await get_pipeline_state(conn, pipeline_id)
    cursor = await conn.execute(_SQL["list_doubted_calls"], {"pipeline_id": pipeline_id, "limit": limit})
    return [DoubtedCall(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def decide_calls(
    conn: Connection, pipeline_id: UUID, decision: Decision, call_ids: Sequence[UUID] | None, act: Act
) -> int:
    """Say what became of these calls in doubt, or of all; how many. One transaction, the caller's.

    Whatever waits for it tries again at once. A call that is decided already is left alone. Raises NotFoundError for
    an unknown pipeline.
    """
    await get_pipeline_state(conn, pipeline_id)
    parameters = {"pipeline_id": pipeline_id, "call_ids": None if call_ids is None else list(call_ids)}
    cursor = await conn.execute(_SQL["find_decidable_calls"], parameters)
    found = [cast("str", row[0]) for row in await cursor.fetchall()]
    if not found and call_ids:
        raise NotFoundError(f"none of these calls of pipeline {pipeline_id} is in doubt and undecided")
    if found:
        await conn.execute(_SQL["decide_calls"], {"decision": decision, "call_ids": found})
        await settle_spending(conn, found)
        await wake_in_doubt(conn)
        await note(conn, pipeline_id, "decide", act, decision=decision, calls=len(found))
    return len(found)


async def wake_in_doubt(conn: Connection) -> None:
    """Let items that purchases in doubt hold up look again at once."""
    await conn.execute(_SQL["wake_in_doubt"])


async def delete_old_doubts(conn: Connection) -> int:
    """Forget some of the facts in doubt that hold nobody up any more; how many."""
    cursor = await conn.execute(_SQL["delete_old_doubts"], {"days": KEPT_DAYS, "limit": _CHUNK})
    return cursor.rowcount
