"""What the gateway exposes of the record: a few bounded queries, none of which counts items or calls."""

from typing import Any, Final, cast

import msgspec

from shared.domain.phases import PHASES
from shared.store import queries
from shared.store.health import DueHealth, LeaderHealth, find_due, find_leaders
from shared.store.migrate import require_schema
from shared.store.pool import Connection
from shared.store.service_health import sum_outcomes

_SQL = queries.load("gauges")

#: Dead letters of a queue that are counted, and ended pipelines that are looked at.
MOST: Final = {"dead_letters": 10_000, "pipelines": 1_000}
#: How far back calls are summed up.
CALLS_SECONDS: Final = 600.0


class Gauges(msgspec.Struct, frozen=True):
    """The record at a moment."""

    items: list[tuple[str, str, int]]
    """(phase, state or `waiting.<reason>`, items) of pipelines that have not ended."""
    queues: list[tuple[str, str, int, float | None]]
    """(queue, state, jobs, Unix time of the oldest)"""
    due: list[DueHealth]
    leaders: list[LeaderHealth]
    calls: list[tuple[str, str, int]]
    """(service, ok or error, calls) of the last CALLS_SECONDS."""
    pipelines: list[tuple[str, int, float]]
    """(state, pipelines, Unix time of the oldest) that have not ended."""
    last_success: float | None
    """Unix time."""
    checkpoint_age: float | None
    """Seconds."""
    quotas: list[tuple[str, float, float]]
    """(provider, limit, what is left of it)"""
    budget_used: float | None
    """0 to 1, and beyond when a budget was lowered."""


async def read_gauges(conn: Connection) -> Gauges:
    """Reads, and locks nothing. Raises SchemaError when the schema is not this code's."""
    await require_schema(conn)
    queues = [phase.queue for phase in PHASES.values()]
    dead = {"queues": queues, "most": MOST["dead_letters"]}
    return Gauges(
        items=await _rows(conn, "sum_items_by_state"),
        queues=[*await _rows(conn, "measure_queues"), *await _rows(conn, "measure_dead_letters", dead)],
        due=await find_due(conn),
        leaders=await find_leaders(conn),
        calls=await sum_outcomes(conn, CALLS_SECONDS),
        pipelines=await _rows(conn, "sum_pipelines"),
        last_success=await _value(conn, "find_last_success", {"most": MOST["pipelines"]}),
        checkpoint_age=await _value(conn, "find_checkpoint_age"),
        quotas=await _rows(conn, "find_quotas"),
        budget_used=await _value(conn, "find_budget_used"),
    )


async def _rows(conn: Connection, query: str, parameters: dict[str, Any] | None = None) -> list[Any]:
    cursor = await conn.execute(_SQL[query], parameters)
    return cast("list[Any]", await cursor.fetchall())


async def _value(conn: Connection, query: str, parameters: dict[str, Any] | None = None) -> float | None:
    ((value,),) = await _rows(conn, query, parameters)
    return cast("float | None", value)
