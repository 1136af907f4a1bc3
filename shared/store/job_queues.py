"""How much work stands in the queues."""

from typing import cast

import msgspec

from shared.domain.phases import PHASES
from shared.store import queries
from shared.store.pool import Connection
from shared.store.queue_pauses import PausedQueue, find_paused_queues

_SQL = queries.load("job_queues")


class Queue(msgspec.Struct, frozen=True):
    """One service's work."""

    queue: str
    phase: str
    items_pending: int
    """Due, waiting, or in a job that is yet to be claimed; of pipelines that have not ended."""
    items_waiting: int
    """Of these: not due yet."""
    jobs: dict[str, int]
    """Formed and not ended, by state."""
    oldest_seconds: float | None
    """Since the oldest of these jobs was formed; None without any."""
    dead_letters: int
    oldest_dead_seconds: float | None
    """Since the oldest of them died."""
    paused: PausedQueue | None = None
    """By whom, since when and why, if it is."""


async def read_queues(conn: Connection) -> list[Queue]:
    """Every queue, in the order of the work."""
    cursor = await conn.execute(_SQL["sum_queues"])
    found = cast("list[tuple[str, str, int, float]]", await cursor.fetchall())
    cursor = await conn.execute(_SQL["sum_open_items"])
    items = {row[0]: row[1:] for row in cast("list[tuple[str, int, int]]", await cursor.fetchall())}
    paused = {one.queue: one for one in await find_paused_queues(conn)}
    queues = []
    for phase in PHASES.values():
        own = {state: (jobs, age) for queue, state, jobs, age in found if queue == phase.queue}
        dead, dead_age = own.pop("dead_letter", (0, None))
        pending, waiting = items.get(phase.name, (0, 0))
        jobs = {
            state: own[state][0] if state in own else 0 for state in ("pending", "dispatched", "processing")
        }
        oldest = max((age for _, age in own.values()), default=None)
        queues.append(
            Queue(
                phase.queue,
                phase.name,
                pending,
                waiting,
                jobs,
                oldest,
                dead,
                dead_age,
                paused.get(phase.queue),
            )
        )
    return queues
