"""What explains why something does not go on. Every query is bounded: no rows of items are counted, whatever their number."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from shared.domain.breaker import Breaker
from shared.domain.phases import CLOSING, PHASES, Phase, of_service
from shared.domain.standing import AHEAD, Act, Activity, Item, Job, Memory, Pipeline, Service, Wait
from shared.domain.why import Stage, Why, explain_item, explain_pipeline, explain_service
from shared.errors import NotFoundError
from shared.store import queries
from shared.store.breakers import get_breaker
from shared.store.pool import Connection
from shared.store.progress import phase_progress

_SQL = queries.load("why")

#: Everything the closing phases wait for.
_OTHERS: Final = [name for name in PHASES if name not in CLOSING]


@dataclass(frozen=True, slots=True)
class Known:
    """A service as the record has it."""

    service: Service
    provider: str | None
    """None: no worker of it has ever run."""
    now: datetime
    """By the database."""

    def with_memory(self, memory: Memory) -> Service:
        """Workers obey Redis; the record counts where Redis is away, or has lost its memory and is told again."""
        breaker = memory.breaker if memory.breaker.epoch else self.service.breaker
        return replace(self.service, breaker=breaker, hold=memory.hold)


async def get_service(conn: Connection, name: str) -> Known:
    """A service, or `housekeeping`, by the record."""
    row = await _one(conn, "find_service_standing", service=name)
    alive, paused_at, paused_by, pause_reason, breaker_reason, provider, per_call, linger, now = row
    pause = Act(paused_at, paused_by, pause_reason) if paused_at else None
    breaker = await get_breaker(conn, name) or Breaker()
    service = Service(
        name,
        alive=alive,
        pause=pause,
        breaker=breaker,
        breaker_reason=breaker_reason,
        items_per_call=per_call,
        linger_seconds=linger,
    )
    return Known(service, provider, now)


async def why_item(
    conn: Connection, pipeline_id: UUID, phase: str, key: str, *, service: Service, now: datetime
) -> Why:
    """Why this item does not go on. `service` is the one that works on the phase. Raises NotFoundError."""
    pipeline, capped = await _pipeline(conn, pipeline_id)
    item = await _item(conn, pipeline_id, PHASES[phase], key, service, capped=phase in capped)
    return explain_item(item, pipeline, service, now)


async def why_pipeline(
    conn: Connection, pipeline_id: UUID, *, services: dict[str, Service], now: datetime
) -> Why:
    """Why it does not go on. `services` by name, housekeeping among them. Raises NotFoundError."""
    pipeline, capped = await _pipeline(conn, pipeline_id)
    stages = []
    for progress in await phase_progress(conn, pipeline_id):
        if not progress.pending + progress.processing or progress.phase not in PHASES:
            continue
        phase, next_ = PHASES[progress.phase], None
        if not progress.processing and (key := await _next_key(conn, pipeline_id, phase)):
            service = services[phase.queue]
            item = await _item(conn, pipeline_id, phase, key, service, capped=phase.name in capped)
            next_ = explain_item(item, pipeline, service, now)
        stages.append(Stage(phase.name, progress.processing, next_))
    return explain_pipeline(pipeline, stages)


async def why_service(conn: Connection, service: Service, now: datetime) -> Why:
    """Why it starts no call."""
    phase = of_service(service.name)
    working, due, *wait = await _one(conn, "find_activity", queue=phase.queue, phase=phase.name)
    return explain_service(service, Activity(working, due, Wait(*wait) if wait[0] else None), now)


async def _pipeline(conn: Connection, pipeline_id: UUID) -> tuple[Pipeline, list[str]]:
    """(the pipeline, the phases it caps)."""
    row = await _find(conn, "find_pipeline_standing", pipeline_id=pipeline_id)
    if row is None:
        raise NotFoundError(f"there is no pipeline {pipeline_id}")
    state, ended_at, bypasses, capped, *act = row
    done = Act(*act) if act[0] else None
    return Pipeline(str(pipeline_id), state, ended_at, done, bypasses), capped


async def _item(
    conn: Connection, pipeline_id: UUID, phase: Phase, key: str, service: Service, *, capped: bool
) -> Item:
    row = await _find(conn, "find_item_standing", pipeline_id=pipeline_id, phase=phase.name, key=key)
    if row is None:
        raise NotFoundError(f"pipeline {pipeline_id} has no item {key} in {phase.name}")
    item_id, batch_key, state, updated_at, attempts, category, error, job_id, *rest = row
    reason, since, next_at, due_at, chunk, value = rest
    item = Item(phase.name, key, state, updated_at, attempts, category, error)
    if state == "failed":
        letter = await _find(conn, "find_open_letter", item_id=item_id)
        return replace(item, dead_letter=letter[0] if letter else None)
    if state == "processing":
        return replace(item, job=_job(await _find(conn, "find_held_job", job_id=job_id)))
    if state != "pending":
        return item
    item = replace(
        item, due_at=due_at, suspect=chunk > 0, wait=Wait(reason, since, next_at) if reason else None
    )
    if due_at is None and reason is None:
        found = await _find(
            conn, "find_unclaimed_job", queue=phase.queue, pipeline_id=pipeline_id, item_id=item_id
        )
        return replace(item, job=_job(found))
    upstream = list(phase.upstream) or (_OTHERS if phase.name in CLOSING else [])
    if upstream:
        (is_open,) = await _one(conn, "has_open_items", pipeline_id=pipeline_id, phases=upstream)
        item = replace(item, upstream_open=is_open, capped=capped or phase.name in CLOSING)
    if due_at is None:
        return item
    place = {"phase": phase.name, "pipeline_id": pipeline_id, "batch_key": batch_key}
    order = {"chunk": chunk, "value": value, "due_at": due_at, "item_id": item_id}
    (ahead,) = await _one(conn, "count_ahead", **place, **order, most=AHEAD)
    together, oldest = await _one(conn, "look_at_company", **place, most=service.items_per_call)
    return replace(item, ahead=min(ahead, AHEAD), together=together, oldest_due=oldest)


async def _next_key(conn: Connection, pipeline_id: UUID, phase: Phase) -> str | None:
    row = await _find(conn, "find_next_item", pipeline_id=pipeline_id, phase=phase.name, queue=phase.queue)
    return cast("str", row[0]) if row else None


def _job(row: tuple[Any, ...] | None) -> Job | None:
    return Job(*row) if row else None


async def _find(conn: Connection, query: str, **parameters: Any) -> tuple[Any, ...] | None:
    cursor = await conn.execute(_SQL[query], parameters)
    return cast("tuple[Any, ...] | None", await cursor.fetchone())


async def _one(conn: Connection, query: str, **parameters: Any) -> tuple[Any, ...]:
    row = await _find(conn, query, **parameters)
    if row is None:
        raise AssertionError(f"{query} always has a row")
    return row
