"""What the record says about the health of the system: queues, leaders, errors."""

from typing import Any, Final, cast

import msgspec

from shared.domain.phases import CLOSING
from shared.store import queries
from shared.store.audits import FailedAudit, find_failed_audits
from shared.store.breakers import BreakerRow, find_breakers
from shared.store.migrate import require_schema
from shared.store.pool import Connection
from shared.store.queue_pauses import PausedQueue, find_paused_queues
from shared.store.snapshot import snapshot
from shared.store.workers import Worker, list_workers

_SQL = queries.load("health")
#: Not among the named queries, because it cannot be prepared. For one transaction.
_LEAST_MEMORY: Final = "SET LOCAL work_mem = '64kB'"

#: How far back calls are counted.
WINDOW_SECONDS: Final = 10 * 60


class QueueHealth(msgspec.Struct, frozen=True):
    """Open jobs of a queue in one state."""

    queue: str
    state: str
    jobs: int


class DueHealth(msgspec.Struct, frozen=True):
    """Items of a phase that could be worked on."""

    phase: str
    items: int
    """Pending and not waiting; some may be in a job that is yet to be claimed."""
    oldest_seconds: float
    """Of the next in turn among those in no job."""


class WaitingHealth(msgspec.Struct, frozen=True):
    """Items of a phase that are not due yet."""

    phase: str
    reason: str
    items: int


class LeaderHealth(msgspec.Struct, frozen=True):
    """The process that leads a service."""

    service: str
    holder: str
    lease_seconds: float
    """Left of its lease."""


class ProviderHealth(msgspec.Struct, frozen=True):
    """Calls of the last WINDOW_SECONDS."""

    provider: str
    calls: int
    """Ended, whatever their outcome."""
    errors: int
    in_flight: int
    error_share: float | None
    """Of the calls that ended; None without any."""


class Health(msgspec.Struct, frozen=True):
    """All of it."""

    queues: list[QueueHealth]
    due: list[DueHealth]
    waiting: list[WaitingHealth]
    leaders: list[LeaderHealth]
    providers: list[ProviderHealth]
    breakers: list[BreakerRow] = []
    paused: list[PausedQueue] = []
    failed_audits: list[FailedAudit] = []
    workers: list[Worker] = []


class Server(msgspec.Struct, frozen=True):
    """Of the database server."""

    clock: float
    """Seconds since the epoch."""
    standby: bool
    """It takes no writes."""


async def look_at_server(conn: Connection) -> Server:
    """Its clock, and whether it can be written to."""
    return Server(*(await _rows(conn, "look_at_server"))[0])


async def require_space(conn: Connection) -> None:
    """Raises Full when the server's disk is. A small write would not tell: it fits where something was before."""
    async with conn.transaction():
        await conn.execute(_LEAST_MEMORY)
        await conn.execute(_SQL["spill_to_disk"])


async def read_health(conn: Connection) -> Health:
    """All of one moment. Raises SchemaError when the schema is not this code's, Unavailable when Postgres is away."""
    await require_schema(conn)
    async with snapshot(conn):
        return Health(
            queues=[QueueHealth(*row) for row in await _rows(conn, "count_jobs")],
            due=await find_due(conn),
            waiting=[WaitingHealth(*row) for row in await _rows(conn, "sum_waiting")],
            leaders=await find_leaders(conn),
            providers=[ProviderHealth(*row) for row in await _rows(conn, "count_calls")],
            breakers=list((await find_breakers(conn)).values()),
            paused=await find_paused_queues(conn),
            failed_audits=await find_failed_audits(conn),
            workers=await list_workers(conn),
        )


async def find_due(conn: Connection) -> list[DueHealth]:
    """Phases of running pipelines in which somebody could work."""
    return [DueHealth(*row) for row in await _rows(conn, "find_oldest_due")]


async def find_leaders(conn: Connection) -> list[LeaderHealth]:
    """Those whose lease lasts."""
    return [LeaderHealth(*row) for row in await _rows(conn, "select_leaders")]


async def _rows(conn: Connection, query: str) -> list[tuple[Any, ...]]:
    cursor = await conn.execute(_SQL[query], {"seconds": WINDOW_SECONDS, "closing": list(CLOSING)})
    return cast("list[tuple[Any, ...]]", await cursor.fetchall())
