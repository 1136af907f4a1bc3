"""The ledger and the fact store, as seen before a call leaves."""

from collections.abc import Collection, Sequence
from typing import Any, Final, cast

import msgspec

from shared.domain.provider import FactRef
from shared.store import queries
from shared.store.pool import Connection
from shared.store.rows import rows

_SQL = queries.load("calls")
#: Flights deleted at once.
_CHUNK: Final = 10_000

#: The call may leave.
SENT = "sent"
QUOTA = "quota"
#: The quota of the day would do, were it not for what calls under way may yet cost.
SET_ASIDE = "set_aside"
BUDGET = "budget"
#: The pipeline's budget would do, likewise.
MONEY_SET_ASIDE = "money_set_aside"

#: What a refusal turns into where calls under way may give back what would do, and the query that finds those calls.
_SOFTER: Final = (
    (QUOTA, SET_ASIDE, "find_set_aside"),
    (BUDGET, MONEY_SET_ASIDE, "find_money_set_aside"),
)


class Intent(msgspec.Struct, frozen=True):
    """A call about to be made."""

    call_id: str
    pipeline_id: str
    job_id: int
    fence: int
    provider: str
    endpoint: str
    subjects: int
    source: str = ""
    """Who answers, as facts name it."""
    day: str | None = None
    """ISO date in the provider's time zone, where its units are counted by the day."""
    units: float = 0.0
    """That it may be charged at the most."""
    money: float | None = None
    """They cost. None: nobody told a price."""
    fact_keys: tuple[str, ...] = ()
    """What it would buy, one per subject."""


class Wanted(msgspec.Struct, frozen=True):
    """A fact a job would buy."""

    fact_key: str
    job_id: int
    token: str
    """Of this flight: who ends it must name it, so that a late end leaves the next one alone."""


class Landed(msgspec.Struct, frozen=True):
    """The end of a flight: others may buy the fact, if it is not in the store now."""

    fact_key: str
    token: str


class StoredFact(msgspec.Struct, frozen=True):
    """An answer from the store."""

    ref: FactRef
    answer: dict[str, Any] | None


async def insert_calls(conn: Connection, intents: Sequence[Intent]) -> dict[str, str]:
    """Write the intents; call id -> SENT, or what stands against it: QUOTA, SET_ASIDE, BUDGET or MONEY_SET_ASIDE.

    A call that is missing here has lost its job. Only those that are SENT are written, and may leave.
    """
    cursor = await conn.execute(_SQL["insert_calls"], {"calls": rows(intents)})
    verdicts = dict(cast("list[tuple[str, str]]", await cursor.fetchall()))
    for verdict, softer, query in _SOFTER:
        if refused := [intent for intent in intents if verdicts.get(intent.call_id) == verdict]:
            cursor = await conn.execute(_SQL[query], {"calls": rows(refused)})
            verdicts |= {cast("str", row[0]): softer for row in await cursor.fetchall()}
    return verdicts


async def open_day(conn: Connection, provider: str, day: str, most: float | None) -> None:
    """Count a provider's units of this day from now on."""
    await conn.execute(_SQL["open_day"], {"provider": provider, "day": day, "most": most})


async def begin_flights(conn: Connection, wants: Sequence[Wanted]) -> set[str]:
    """Tokens of those that may buy; for the others somebody else is about to."""
    cursor = await conn.execute(_SQL["begin_flights"], {"wants": rows(wants)})
    return {cast("str", row[0]) for row in await cursor.fetchall()}


async def end_flights(conn: Connection, landed: Sequence[Landed]) -> None:
    """Nobody is about to buy these any more, as far as it depends on these flights."""
    await conn.execute(_SQL["end_flights"], {"landed": rows(landed)})


async def delete_dead_flights(conn: Connection) -> int:
    """Forget some of the flights whose jobs are over; how many. Nobody waits for them, but nobody else ends them."""
    cursor = await conn.execute(_SQL["delete_dead_flights"], {"limit": _CHUNK})
    return cursor.rowcount


async def settle_spending(conn: Connection, call_ids: Sequence[str]) -> None:
    """What was set aside for these calls becomes what they cost, as far as that is known."""
    await conn.execute(_SQL["settle_spending"], {"call_ids": list(call_ids)})


async def find_facts(
    conn: Connection, keys: Collection[str], freshness_seconds: float, since: float | None = None
) -> dict[str, StoredFact]:
    """The newest answer per key that is not older than `freshness_seconds`, or was bought after `since`.

    `since` is in seconds since the epoch.
    """
    parameters = {"keys": list(keys), "freshness": freshness_seconds, "since": since}
    cursor = await conn.execute(_SQL["find_facts"], parameters)
    found = cast("list[tuple[str, str, dict[str, Any] | None]]", await cursor.fetchall())
    return {key: StoredFact(FactRef(key, call_id), answer) for key, call_id, answer in found}


async def find_doubted(
    conn: Connection, keys: Collection[str], freshness_seconds: float, since: float | None = None
) -> set[str]:
    """Those of these facts whose purchase is in doubt, and would be fresh as `find_facts` says."""
    parameters = {"keys": list(keys), "freshness": freshness_seconds, "since": since}
    cursor = await conn.execute(_SQL["find_doubted"], parameters)
    return {cast("str", row[0]) for row in await cursor.fetchall()}
