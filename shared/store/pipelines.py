"""Pipelines: starting one with all its searches, and reading them."""

import asyncio
from collections import Counter
from datetime import datetime
from itertools import islice
from typing import Any, Final, cast
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from shared.domain.event import EventName
from shared.domain.phases import CONTENT_SCRAPING, NewItem
from shared.domain.pipeline import PRIORITIES, PipelineConfig, config_hash, start_items
from shared.errors import NotFoundError
from shared.store import queries
from shared.store.events import emit
from shared.store.pool import Connection

_SQL = queries.load("pipelines")
#: Not among the named queries, because it cannot be prepared.
_COPY_ITEMS: Final = "COPY items (pipeline_id, phase, key, input, batch_key) FROM STDIN"
#: Items encoded between two chances for other work on the event loop; about 5 ms.
_BLOCK: Final = 1000


class Pipeline(msgspec.Struct, frozen=True):
    """A row of pipelines."""

    pipeline_id: UUID
    state: str
    priority: int
    config_hash: str
    created_at: datetime
    ended_at: datetime | None
    config: PipelineConfig


class PipelineState(msgspec.Struct, frozen=True):
    """Where a pipeline stands."""

    state: str
    created_at: datetime
    ended_at: datetime | None
    name: str
    """Of the company whose landscape it is; empty without one."""


class Listed(msgspec.Struct, frozen=True):
    """A pipeline in a list."""

    pipeline_id: UUID
    name: str
    """Of the company whose landscape it is; empty without one."""
    state: str
    priority: int
    created_at: datetime
    ended_at: datetime | None
    items: int
    open: int
    """Items pending or processing."""
    budget: float | None
    """What it may spend in all; None: no limit."""
    committed: float | None
    """Spent, or set aside for calls whose cost is not known yet; None without a budget."""


class Condition(msgspec.Struct, frozen=True):
    """Which pipelines; every condition given must hold."""

    states: list[str] | None = None
    name: str | None = None
    """Part of it, in any case."""
    since: datetime | None = None
    until: datetime | None = None
    """Started from, and before."""
    after_at: datetime | None = None
    after_id: UUID | None = None
    """The last one of the page before."""


async def initialize_pipeline(conn: Connection, config: PipelineConfig) -> UUID:
    """Insert a pipeline and the items its configuration names, all due. One transaction, the caller's: all of it or nothing."""
    pipeline_id = uuid7()
    parameters: dict[str, Any] = {
        "pipeline_id": pipeline_id,
        "label": config.company.name if config.company else "",
        "config": msgspec.json.encode(config).decode(),
        "config_hash": config_hash(config),
        "priority": PRIORITIES[config.priority if config.enable_job_queue else "normal"],
        "give_up": config.give_up_after_seconds,
        "caps": msgspec.json.encode(_caps(config)).decode(),
        "interval": config.checkpoint_interval if config.enable_checkpoints else None,
        "bypasses": not config.enable_circuit_breakers,
        "single": not config.enable_job_queue,
    }
    await conn.execute(_SQL["insert_pipeline"], parameters)
    planned: Counter[str] = Counter(dict.fromkeys(config.phases, 0))
    items, text_id = start_items(config), str(pipeline_id)
    async with conn.cursor() as cursor, cursor.copy(_COPY_ITEMS) as copy:
        while block := list(islice(items, _BLOCK)):
            await copy.write("".join(_copy_row(text_id, item) for item in block))
            planned.update(item.phase for item in block)
            await asyncio.sleep(0)
    await conn.execute(_SQL["insert_budget"], {"pipeline_id": pipeline_id, "budget": config.budget})
    await conn.execute(_SQL["insert_states"], {"pipeline_id": pipeline_id})
    await conn.execute(_SQL["insert_ready"], {"pipeline_id": pipeline_id})
    counted = {"pipeline_id": pipeline_id, "phases": list(planned), "pending": list(planned.values())}
    await conn.execute(_SQL["insert_counters"], counted)
    await emit(conn, EventName.PIPELINE_STARTED, {"cause": "start"}, pipeline_id=pipeline_id)
    return pipeline_id


def _caps(config: PipelineConfig) -> dict[str, int]:
    """Most items of a phase that are worked on, by phase."""
    most = config.scrape.per_pipeline
    return {} if most is None else {CONTENT_SCRAPING: most}


def _copy_row(pipeline_id: str, item: NewItem) -> str:
    # JSON holds no raw tab or line break; only its backslashes mean something to COPY.
    key, payload = item.key, msgspec.json.encode(item.input).decode()
    return f"{pipeline_id}\t{item.phase}\t{key}\t{payload}\t{item.batch_key}".replace("\\", "\\\\") + "\n"


async def get_pipeline(conn: Connection, pipeline_id: UUID) -> Pipeline:
    """One pipeline. Raises NotFoundError."""
    cursor = await conn.execute(_SQL["get_pipeline"], {"pipeline_id": pipeline_id})
    row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(f"there is no pipeline {pipeline_id}")
    columns: list[Any] = [*row[:-1], msgspec.convert(row[-1], PipelineConfig)]
    return Pipeline(*columns)


async def get_stored_config(conn: Connection, pipeline_id: UUID) -> dict[str, Any]:
    """A pipeline's configuration as it stands in its column. Raises NotFoundError."""
    cursor = await conn.execute(_SQL["get_stored_config"], {"pipeline_id": pipeline_id})
    row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(f"there is no pipeline {pipeline_id}")
    return cast("tuple[dict[str, Any]]", row)[0]


async def get_pipeline_state(conn: Connection, pipeline_id: UUID) -> PipelineState:
    """Where a pipeline stands, without reading its configuration. Raises NotFoundError."""
    cursor = await conn.execute(_SQL["get_pipeline_state"], {"pipeline_id": pipeline_id})
    row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(f"there is no pipeline {pipeline_id}")
    return PipelineState(*cast("tuple[Any, ...]", row))


async def list_pipelines(conn: Connection, limit: int, condition: Condition | None = None) -> list[Listed]:
    """Newest first."""
    parameters = msgspec.structs.asdict(condition or Condition()) | {"limit": limit}
    cursor = await conn.execute(_SQL["list_pipelines"], parameters)
    return [Listed(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]
