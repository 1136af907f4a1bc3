"""Circuit breakers on record: the mirror of what processes share in Redis, and what operators order."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

import msgspec

from shared.domain.breaker import Breaker, BreakerPolicy, BreakerState, Order
from shared.domain.event import EventName
from shared.domain.provider import Provider
from shared.store import queries
from shared.store.events import emit
from shared.store.pool import Connection

_SQL = queries.load("breakers")

#: Whose changes are those a breaker makes by itself.
ITSELF = "breaker"
#: States that are told of.
_TOLD = {BreakerState.OPEN: EventName.BREAKER_OPENED, BreakerState.CLOSED: EventName.BREAKER_CLOSED}


class BreakerRow(msgspec.Struct, frozen=True):
    """A breaker as it was last written down."""

    service: str
    state: str = BreakerState.CLOSED.value
    epoch: int = 0
    failures: int = 0
    """Faults in a row."""
    successes: int = 0
    """Of probes."""
    trips: int = 0
    """Times it has opened by itself."""
    opened_at: datetime | None = None
    reopen_at: datetime | None = None
    """When an open one is tried out."""
    since: datetime | None = None
    """When it was last closed."""
    forced: bool = False
    """An operator holds it in its state until it is reset."""
    actor: str = ITSELF
    reason: str = ""
    """Of the last change."""
    changed_at: datetime | None = None
    failure_threshold: int | None = None
    """This and the next six as the workers follow them; null before any has run."""
    success_threshold: int | None = None
    timeout_seconds: float | None = None
    window_seconds: float | None = None
    failure_share: float | None = None
    probes: int | None = None
    slow_seconds: float | None = None
    edited: list[str] = []
    """Those of these that an operator has set."""


class BreakerChange(msgspec.Struct, frozen=True):
    """One line of a breaker's history."""

    state: str
    forced: bool
    actor: str
    reason: str
    changed_at: datetime


async def find_breakers(conn: Connection) -> dict[str, BreakerRow]:
    """Those on record, by service."""
    cursor = await conn.execute(_SQL["find_breakers"])
    rows = [BreakerRow(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]
    return {row.service: row for row in rows}


async def get_breaker(conn: Connection, service: str) -> Breaker | None:
    """As the workers know it; None when nothing is on record."""
    cursor = await conn.execute(_SQL["get_breaker"], {"service": service})
    row = await cursor.fetchone()
    if row is None:
        return None
    state, *rest = cast("tuple[Any, ...]", row)
    return Breaker(BreakerState(state), *rest)


async def save_breaker(conn: Connection, service: str, breaker: Breaker, *, actor: str, reason: str) -> bool:
    """Write it unless the record is as late; True for one of all who have noticed the same change."""
    parameters = {
        "service": service,
        "state": breaker.state,
        "epoch": breaker.epoch,
        "failures": breaker.failures,
        "successes": breaker.successes,
        "trips": breaker.trips,
        "opened_at": breaker.opened_at,
        "reopen_at": breaker.reopen_at,
        "since": breaker.since,
        "forced": breaker.forced,
        "actor": actor,
        "reason": reason,
    }
    cursor = await conn.execute(_SQL["save_breaker"], parameters)
    first = await cursor.fetchone() is not None
    if first and (name := _TOLD.get(breaker.state)):
        told = {"actor": actor, "reason": reason, "held": breaker.forced, "trips": breaker.trips}
        await emit(conn, name, told, service=service)
    return first


async def count_breaker(
    conn: Connection, service: str, breaker: Breaker, policy: BreakerPolicy, configured: BreakerPolicy
) -> None:
    """Keep what changes while the state does not: counts, the policy it follows, and what it would without edits."""
    parameters = {
        "service": service,
        "epoch": breaker.epoch,
        "failures": breaker.failures,
        "successes": breaker.successes,
        **asdict(policy),
        "configured": msgspec.json.encode(configured).decode(),
    }
    await conn.execute(_SQL["count_breaker"], parameters)


async def describe_service(conn: Connection, provider: Provider, linger_seconds: float) -> None:
    """Write down what explains why items of its service wait."""
    parameters = {
        "service": provider.service,
        "provider": provider.name,
        "items_per_call": provider.items_per_call,
        "linger_seconds": linger_seconds,
    }
    await conn.execute(_SQL["describe_service"], parameters)


async def order_breaker(conn: Connection, service: str, order: Order, *, actor: str, reason: str) -> None:
    """Write an operator's order; the service's leader carries it out. Needs a transaction."""
    now = await _number(conn, "lock_breaker", {"service": service})
    breaker = await get_breaker(conn, service)
    if breaker is None:
        raise AssertionError("the row has just been made")
    await save_breaker(conn, service, breaker.ordered(order, now), actor=actor, reason=reason)


async def find_changes(conn: Connection, service: str, limit: int = 50) -> list[BreakerChange]:
    """What happened to it lately, the newest first."""
    cursor = await conn.execute(_SQL["find_changes"], {"service": service, "limit": limit})
    return [BreakerChange(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def hasten_breaker_items(conn: Connection, phase: str) -> int:
    """Items that wait for the breaker of this phase are due at once; how many."""
    return await _number(conn, "hasten_breaker_items", {"phase": phase})


async def give_up_due_items(conn: Connection, service: str, phase: str, limit: int = 5000) -> int:
    """Skip due items which the breaker has kept from being worked on for too long; how many."""
    return await _number(conn, "give_up_due_items", {"service": service, "phase": phase, "limit": limit})


async def _number(conn: Connection, query: str, parameters: dict[str, Any]) -> int:
    cursor = await conn.execute(_SQL[query], parameters)
    (number,) = cast("tuple[int]", await cursor.fetchone())
    return number
