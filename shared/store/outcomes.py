"""Recording what calls and items came to, many at a time in one transaction."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast
from uuid import UUID

import msgspec

from shared.domain.dead_letter import is_replayable
from shared.domain.event import EventName
from shared.domain.gate import SET_ASIDE_SECONDS
from shared.domain.phases import PHASES, NewItem
from shared.domain.provider import FactRef
from shared.domain.results import SearchResult
from shared.store import queries
from shared.store.calls import Landed, end_flights, settle_spending
from shared.store.dead_letters import DeadItem, insert_dead_letters
from shared.store.events import emit
from shared.store.pool import Connection
from shared.store.retry_history import Attempt, Tried, count_recovered, store_attempts
from shared.store.rows import rows

_SQL = queries.load("outcomes")


class Settlement(msgspec.Struct, frozen=True):
    """What became of a call."""

    call_id: str
    phase: str
    state: str
    """settled, in_doubt or refunded."""
    outcome: str
    """ok, or the error's category."""
    status: int | None = None
    units: float | None = None
    money: float | None = None
    duration_seconds: float | None = None
    error: str | None = None


class BoughtFact(msgspec.Struct, frozen=True):
    """A row of provider_facts."""

    fact_key: str
    call_id: str
    provider: str
    endpoint: str
    subject: str
    params: Any
    answer: Any
    """None: the provider does not know the subject."""


class Ending(msgspec.Struct, frozen=True):
    """An item leaving `processing`."""

    pipeline_id: str
    item_id: int
    job_id: int
    phase: str
    state: str
    """completed, failed, skipped, or pending."""
    spent: int = 0
    """Attempts spent: 1 or 0."""
    wait_seconds: float | None = None
    """With `pending`: due only after this long; None is due at once."""
    wait_reason: str | None = None
    error_category: str | None = None
    last_error: str | None = None
    degraded: str | None = None
    from_store: bool = False
    dead_letter: bool = True
    """With `failed`: kept for a replay, if its category is one that may pass."""


class Evidence(msgspec.Struct, frozen=True):
    """What a completed item leaves: its result, where it came from and what it found."""

    result: msgspec.Struct
    facts: tuple[FactRef, ...]
    found: tuple[NewItem, ...] = ()


class Record(msgspec.Struct, frozen=True):
    """One unit for the recorder: a settled call with its facts, or an ended item with its evidence."""

    settlement: Settlement | None = None
    facts: tuple[BoughtFact, ...] = ()
    ending: Ending | None = None
    evidence: Evidence | None = None
    landed: tuple[Landed, ...] = ()
    """Flights that are over, their facts bought or not."""
    attempt: Attempt | None = None
    """With an ending: the try it ended, if that was an error and is counted."""


async def record(conn: Connection, batch: Sequence[Record]) -> set[int]:
    """Write a batch; the ids of the items that moved. One transaction, the caller's.

    An item that no longer belongs to its job is left alone, and so is its evidence.
    """
    # Items before calls, as the reaper does: two transactions that lock in one order cannot deadlock.
    moved = await _end_items(conn, [unit.ending for unit in batch if unit.ending])
    given_up = [
        DeadItem(e.pipeline_id, e.item_id, e.phase, e.error_category or "", e.last_error or "")
        for e in (unit.ending for unit in batch)
        if e
        and e.item_id in moved
        and e.state == "failed"
        and e.dead_letter
        and is_replayable(e.error_category)
    ]
    if given_up:
        await insert_dead_letters(conn, given_up)
    if settlements := [unit.settlement for unit in batch if unit.settlement]:
        await conn.execute(_SQL["settle_calls"], {"calls": rows(settlements)})
    if facts := [fact for unit in batch for fact in unit.facts]:
        await conn.execute(_SQL["store_facts"], {"facts": rows(facts)})
    completed = [
        (u.ending, u.evidence) for u in batch if u.ending and u.evidence and u.ending.item_id in moved
    ]
    await _store_evidence(conn, completed)
    if completed:
        await count_recovered(conn, [(ending.pipeline_id, ending.item_id) for ending, _ in completed])
    tries = [(u.ending, u.attempt) for u in batch if u.ending and u.attempt and u.ending.item_id in moved]
    await store_attempts(conn, [Tried(e.pipeline_id, e.item_id, e.phase, attempt) for e, attempt in tries])
    await _settle_accounts(conn, settlements, [landed for unit in batch for landed in unit.landed])
    await _tell_waits(conn, [e for e in (unit.ending for unit in batch) if e and e.item_id in moved])
    return moved


async def _tell_waits(conn: Connection, endings: Sequence[Ending]) -> None:
    """What nobody but an operator may be able to end; last, and in one order, as these rows are locks."""
    waits = {
        (e.wait_reason, e.pipeline_id if e.wait_reason == "budget" else "", e.phase)
        for e in endings
        if e.wait_reason == "account" or (e.wait_reason in {"budget", "quota"} and not _is_set_aside(e))
    }
    for reason, pipeline_id, phase in sorted(waits):
        service = PHASES[phase].service
        if reason == "budget":
            name = EventName.BUDGET_EXHAUSTED
            await emit(conn, name, {"phase": phase}, pipeline_id=pipeline_id, once=f"{name} {pipeline_id}")
        elif reason == "account":
            name = EventName.ACCOUNT_ERROR
            await emit(conn, name, service=service, once=f"{name} {service}", within="hour")
        else:
            name = EventName.QUOTA_EXHAUSTED
            await emit(conn, name, service=service, once=f"{name} {service}", within="day")


def _is_set_aside(ending: Ending) -> bool:
    """Neither the day nor the budget is over: calls under way may give back what would do."""
    return (ending.wait_seconds or 0.0) <= SET_ASIDE_SECONDS


async def _settle_accounts(
    conn: Connection, settlements: Sequence[Settlement], landed: Sequence[Landed]
) -> None:
    """Last of all: what others wait for is locked for a moment only."""
    if settlements:
        await settle_spending(conn, [settlement.call_id for settlement in settlements])
    if landed:
        await end_flights(conn, landed)


async def insert_found(conn: Connection, pipeline_id: UUID, found: Sequence[NewItem]) -> None:
    """Insert items, sorted by phase and key, unless they are there; due at once. One transaction, the caller's."""
    batch = [{"pipeline_id": pipeline_id, **asdict(item)} for item in found]
    await conn.execute(_SQL["insert_found"], {"found": rows(batch)})


async def _end_items(conn: Connection, endings: Sequence[Ending]) -> set[int]:
    if not endings:
        return set()
    ordered = sorted(endings, key=lambda e: (e.pipeline_id, e.item_id))
    cursor = await conn.execute(_SQL["end_items"], {"items": rows(ordered)})
    return {cast("int", row[0]) for row in await cursor.fetchall()}


async def _store_evidence(conn: Connection, completed: Sequence[tuple[Ending, Evidence]]) -> None:
    results, rankings, found = [], [], []
    for ending, evidence in completed:
        owner = {"pipeline_id": ending.pipeline_id, "item_id": ending.item_id}
        payload = msgspec.to_builtins(evidence.result)
        if isinstance(evidence.result, SearchResult):
            ranked = payload.pop("rankings")
            rankings += [{**owner, "ordinal": n, **ranking} for n, ranking in enumerate(ranked, 1)]
        results.append({**owner, "phase": ending.phase, "payload": payload, "facts": evidence.facts})
        found += [
            {
                "pipeline_id": ending.pipeline_id,
                "phase": f.phase,
                "key": f.key,
                "input": f.input,
                "batch_key": f.batch_key,
                "value": f.value,
            }
            for f in evidence.found
        ]
    for name, batch in (("store_results", results), ("store_rankings", rankings), ("insert_found", found)):
        if batch:
            await conn.execute(_SQL[name], {name.partition("_")[2]: rows(batch)})
