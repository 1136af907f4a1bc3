"""Events: told in the transaction that made them so, placed once everybody can see them, read by their place."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal, cast
from uuid import UUID

import msgspec

from shared.domain.event import EventName
from shared.domain.phases import CLOSING, PHASES
from shared.store import queries
from shared.store.pool import Connection, Pool, unit_of_work

_SQL = queries.load("events")

#: Events are kept for so long, and no more of them than this.
KEPT_DAYS: Final = 7
KEPT_MOST: Final = 1_000_000
#: Above every place.
NEWEST: Final = 2**53 - 1
#: Rows placed or deleted at once.
_CHUNK: Final = 10_000


class Event(msgspec.Struct, frozen=True):
    """A row of events that has its place."""

    id: int
    """Its place: grows by one from event to event."""
    name: str
    pipeline_id: UUID | None
    service: str | None
    data: dict[str, Any]
    happened_at: datetime


class Feed(msgspec.Struct, frozen=True):
    """Which places there are."""

    newest: int
    oldest: int
    """That is still kept; one more than `newest` when nothing is."""


async def emit(
    conn: Connection,
    name: EventName,
    data: Mapping[str, Any] | None = None,
    *,
    pipeline_id: UUID | str | None = None,
    service: str | None = None,
    once: str | None = None,
    within: Literal["hour", "day"] | None = None,
) -> None:
    """Tell what this transaction does. With `once`, only if that was not told yet, in this hour or day if said.

    The rows of what is told once are locks: take them in one order, and last.
    """
    parameters = {
        "name": name,
        "pipeline_id": pipeline_id,
        "service": service,
        "data": msgspec.json.encode(data or {}).decode(),
        "once": once,
        "within": within,
    }
    await conn.execute(_SQL["insert_event"], parameters)


async def forget_telling(conn: Connection, once: Sequence[str]) -> None:
    """Let it be told again: what it was told of has been changed."""
    await conn.execute(_SQL["forget_telling"], {"once": list(once)})


async def forget_others(conn: Connection, name: EventName, pipeline_id: UUID, but: str = "") -> None:
    """Let everything of this name be told of a pipeline again, but what was told as `but`."""
    await conn.execute(_SQL["forget_others"], {"pipeline_id": pipeline_id, "name": name, "but": but})


async def forget_phases(conn: Connection, pipeline_ids: Collection[UUID]) -> None:
    """Let the end of phases be told again in which, or before which, something is open by now."""
    phases, befores = _befores()
    parameters = {"pipeline_ids": list(pipeline_ids), "phases": phases, "befores": befores}
    await conn.execute(_SQL["forget_phases"], parameters)


async def tell_phases(conn: Connection) -> int:
    """Tell of phases that have come to their end; of how many."""
    phases, befores = _befores()
    cursor = await conn.execute(_SQL["tell_phases"], {"phases": phases, "befores": befores})
    return cursor.rowcount


async def place_events(pool: Pool) -> None:
    """Give events that can be seen by everybody their place. Any number of processes may do it at the same time."""
    async with pool.connection() as conn:
        cursor = await conn.execute(_SQL["find_unplaced"])
        if not cast("tuple[bool]", await cursor.fetchone())[0]:
            return
    async with unit_of_work(pool) as conn:
        await conn.execute(_SQL["lock_feed"])
        await conn.execute(_SQL["place_events"], {"limit": _CHUNK})


async def get_feed(conn: Connection) -> Feed:
    """Which places there are."""
    cursor = await conn.execute(_SQL["get_feed"])
    return Feed(*cast("tuple[int, int]", await cursor.fetchone()))


async def read_events(
    conn: Connection,
    after: int,
    *,
    upto: int = NEWEST,
    pipeline_id: UUID | None = None,
    names: Collection[str] | None = None,
    limit: int,
) -> list[Event]:
    """Those after a place and up to another, in their order; of one pipeline and of these names, if any are given."""
    parameters = {
        "after": after,
        "upto": upto,
        "pipeline_id": pipeline_id,
        "names": sorted(names) if names else None,
        "limit": limit,
    }
    cursor = await conn.execute(_SQL["read_events"], parameters)
    return [Event(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def delete_old_events(conn: Connection) -> int:
    """Some of those that are kept for long enough; how many."""
    parameters = {"days": KEPT_DAYS, "most": KEPT_MOST, "limit": _CHUNK}
    cursor = await conn.execute(_SQL["delete_old_events"], parameters)
    return cursor.rowcount


@cache
def _befores() -> tuple[list[str], list[str]]:
    """Pairs of a phase and one that may still make items of it due, or must be over before it."""
    pairs = []
    for name, phase in PHASES.items():
        before = set(phase.upstream)
        for upstream in phase.upstream:
            before |= set(PHASES[upstream].upstream)
        if name in CLOSING:
            before = set(PHASES) - set(CLOSING)
        pairs += [(name, one) for one in sorted(before)]
    return [phase for phase, _ in pairs], [before for _, before in pairs]
