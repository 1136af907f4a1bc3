"""Jobs: forming them from due items, claiming, renewing, completing, reaping."""

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from shared.domain.dead_letter import CRASH
from shared.domain.isolation import Died, sentence
from shared.domain.item import Item
from shared.domain.job import Due, Plan
from shared.domain.message import Message
from shared.domain.phases import PHASES, Phase, Rules
from shared.store import queries
from shared.store.dead_letters import DeadItem, insert_dead_letters
from shared.store.pool import Connection

_SQL = queries.load("jobs")
#: Pipelines whose settings a process keeps in mind.
KNOWN = 1000


class Claim(msgspec.Struct, frozen=True):
    """A job this process may work on until its lease ends."""

    job_id: int
    fence: int
    pipeline_id: str
    phase: str
    items: tuple[Item, ...]
    settings: "PipelineSettings"
    waited_seconds: float = 0.0
    """Between its forming and this claim."""
    claimed_at: float = 0.0
    """By this process's monotonic clock."""


class PipelineSettings(msgspec.Struct, frozen=True):
    """What workers need of a pipeline's frozen configuration."""

    rules: Rules
    freshness: dict[str, float]
    """Seconds a fact stays fresh, by service; the provider's own where missing."""
    context: dict[str, Any]
    """What the phase's provider needs of it, in plain JSON values."""
    started_at: float
    """Seconds since the epoch, by the database."""
    tracks_attempts: bool = True
    """Attempts that ended in an error are kept."""
    bypasses_breaker: bool = False
    """Its calls start whatever the breaker says, and tell it nothing."""


async def count_due(
    conn: Connection, phase: Phase, window: int, *, bypassing_only: bool = False
) -> list[Due]:
    """What could be dispatched, by pipeline and batch key; at most `window` items per pipeline are looked at.

    Where a pipeline caps the phase, nothing as long as its upstream may find something better; of a paused queue nothing.
    With `bypassing_only` nothing of pipelines that heed the breaker.
    """
    parameters = {
        "phase": phase.name,
        "queue": phase.queue,
        "upstream": list(phase.upstream),
        "window": window,
        "bypassing": bypassing_only,
    }
    cursor = await conn.execute(_SQL["count_due"], parameters)
    return [Due(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def count_open(conn: Connection, queue: str) -> dict[str, int]:
    """Items in jobs that have not ended, by pipeline."""
    cursor = await conn.execute(_SQL["count_open"], {"queue": queue})
    return dict(cast("list[tuple[str, int]]", await cursor.fetchall()))


async def find_bypassing(conn: Connection) -> set[str]:
    """Pipelines whose calls start whatever the breaker says."""
    cursor = await conn.execute(_SQL["find_bypassing"])
    return {cast("str", row[0]) for row in await cursor.fetchall()}


async def count_upstream(conn: Connection, phases: Sequence[str]) -> set[str]:
    """Pipelines in which these phases may still find items."""
    cursor = await conn.execute(_SQL["count_upstream"], {"phases": list(phases)})
    return {cast("str", row[0]) for row in await cursor.fetchall()}


async def create_jobs(
    conn: Connection,
    phase: str,
    queue: str,
    plans: Sequence[Plan],
    traced: Callable[[str, str], str] = lambda _queue, _pipeline_id: "",
) -> list[Message]:
    """Turn due items into jobs; the messages still have to be sent. `traced` gives each its traceparent."""
    messages = []
    for plan in plans:
        parameters = {
            "phase": phase,
            "queue": queue,
            "pipeline_id": plan.pipeline_id,
            "batch_key": plan.batch_key,
            "chunk": plan.chunk,
            "size": plan.size,
            "priority": plan.priority,
        }
        cursor = await conn.execute(_SQL["create_job"], parameters)
        if row := await cursor.fetchone():
            job_id, fence, suspect = cast("tuple[int, int, bool]", row)
            messages.append(Message(job_id, fence, suspect, traced(queue, plan.pipeline_id)))
    return messages


async def mark_dispatched(conn: Connection, job_ids: Sequence[int]) -> None:
    """Their messages were sent."""
    await conn.execute(_SQL["mark_dispatched"], {"job_ids": list(job_ids)})


async def redispatch_jobs(conn: Connection, queue: str, after_seconds: float) -> list[Message]:
    """Messages to send again for jobs nobody claimed in time."""
    cursor = await conn.execute(_SQL["redispatch_jobs"], {"queue": queue, "after": after_seconds})
    return [Message(*cast("tuple[int, int, bool]", row)) for row in await cursor.fetchall()]


async def get_settings(conn: Connection, pipeline_id: str, context: Sequence[str]) -> PipelineSettings:
    """They never change, so they may be kept. A configuration can be large: it is not read with every job."""
    cursor = await conn.execute(_SQL["get_settings"], {"pipeline_id": pipeline_id})
    config, started_at = cast("tuple[dict[str, Any], float]", await cursor.fetchone())
    rules = Rules(tuple(config["phases"]), frozenset(config.get("exclude_domains", ())))
    wanted = {name: config[name] for name in context if name in config}
    return PipelineSettings(
        rules,
        config.get("freshness", {}),
        wanted,
        started_at,
        config.get("enable_state_tracking", True),
        not config.get("enable_circuit_breakers", True),
    )


async def claim_job(
    conn: Connection,
    message: Message,
    *,
    phase: str,
    holder: str,
    lease_seconds: float,
    known: dict[str, PipelineSettings],
    context: Sequence[str] = (),
    reads: str = "",
) -> Claim | None:
    """Take the lease and move the job's items to processing; None for a void message.

    One transaction, the caller's. `known` keeps the settings of pipelines seen before; `context` and `reads`
    are the phase's.
    """
    parameters = {"job_id": message.job_id, "fence": message.fence, "holder": holder, "lease": lease_seconds}
    cursor = await conn.execute(_SQL["claim_job"], parameters)
    if not (row := await cursor.fetchone()):
        return None
    pipeline_id, item_ids, fence, waited = cast("tuple[str, list[int], int, float]", row)
    if len(known) > KNOWN:
        known.clear()
    if pipeline_id not in known:
        known[pipeline_id] = await get_settings(conn, pipeline_id, context)
    claimed = {"job_id": message.job_id, "pipeline_id": pipeline_id, "item_ids": item_ids, "phase": phase}
    cursor = await conn.execute(_SQL["claim_items"], claimed)
    rows = cast("list[tuple[int, str, dict[str, Any], int]]", await cursor.fetchall())
    sources = await _find_sources(conn, pipeline_id, reads, [row[1] for row in rows]) if reads else {}
    settings = known[pipeline_id]
    items = tuple(Item(*row, settings.context, sources.get(row[1])) for row in rows)
    return Claim(message.job_id, fence, pipeline_id, phase, items, settings, waited, time.monotonic())


async def _find_sources(
    conn: Connection, pipeline_id: str, phase: str, keys: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """What was bought for the items of these keys in another phase."""
    parameters = {"pipeline_id": pipeline_id, "phase": phase, "keys": list(keys)}
    cursor = await conn.execute(_SQL["find_sources"], parameters)
    return dict(cast("list[tuple[str, dict[str, Any]]]", await cursor.fetchall()))


async def keep_best(conn: Connection, phase: str, upstream: Sequence[str], limit: int = 5000) -> int:
    """Skip the due items beyond a pipeline's cap, the least valuable first, once nothing more can be found; how many."""
    parameters = {"phase": phase, "upstream": list(upstream), "limit": limit}
    cursor = await conn.execute(_SQL["keep_best"], parameters)
    return cast("tuple[int]", await cursor.fetchone())[0]


async def give_up_items(conn: Connection, limit: int = 5000) -> int:
    """Skip items of optional phases that wait longer than their pipeline allows, for their provider or for anybody
    to work on their phase; how many.
    """
    optional = [phase for phase in PHASES.values() if phase.service and not phase.mandatory]
    parameters = {
        "mandatory": [phase.name for phase in PHASES.values() if phase.mandatory],
        "phases": [phase.name for phase in optional],
        "services": [phase.service for phase in optional],
        "limit": limit,
    }
    cursor = await conn.execute(_SQL["give_up_items"], parameters)
    return cast("tuple[int]", await cursor.fetchone())[0]


async def complete_job(conn: Connection, job_id: int, fence: int) -> None:
    """Give the lease back; every item has been accounted for."""
    await conn.execute(_SQL["complete_job"], {"job_id": job_id, "fence": fence})


async def reap_jobs(conn: Connection, queue: str, phase: str, crash_limit: int) -> tuple[int, int]:
    """Return the items of jobs whose lease expired, calls of theirs that had left are in doubt; (jobs, items)."""
    async with conn.transaction():
        cursor = await conn.execute(_SQL["expire_jobs"], {"queue": queue})
        rows = cast("list[tuple[int, int, int, int]]", await cursor.fetchall())
        if not rows:
            return 0, 0
        job_ids = [job_id for job_id, *_ in rows]
        sentences = [sentence(Died(*died), crash_limit) for _, *died in rows]
        returned = {
            "phase": phase,
            "job_ids": job_ids,
            "chunks": [each.chunk for each in sentences],
            "given_up": [each.given_up for each in sentences],
        }
        cursor = await conn.execute(_SQL["return_items"], returned)
        items = cast("list[tuple[str, int, str, str]]", await cursor.fetchall())
        if dead := [
            DeadItem(owner, n, phase, CRASH, error) for owner, n, state, error in items if state == "failed"
        ]:
            await insert_dead_letters(conn, dead)
        await conn.execute(_SQL["doubt_calls"], {"job_ids": job_ids})
    return len(job_ids), len(items)


async def wake_items(conn: Connection, phase: str, limit: int = 1000) -> int:
    """Make waiting items due whose moment has come; how many."""
    cursor = await conn.execute(_SQL["wake_items"], {"phase": phase, "limit": limit})
    return cast("tuple[int]", await cursor.fetchone())[0]
