"""Pipelines whose items fail for good, and what is asked of them afterwards."""

from collections.abc import Callable
from uuid import UUID

from shared.domain.phases import PHASES, SERP_COLLECTION
from shared.store.audit import audit
from shared.store.counters import end_pipelines
from shared.store.dead_letter_views import Selection
from shared.store.dead_letters import replay_dead_letters
from shared.store.jobs import Claim, complete_job
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection, Pool
from shared.testing.pipelines import claim_all
from shared.testing.rows import fetch

MANDATORY = [phase.name for phase in PHASES.values() if phase.mandatory]
ALL = Selection()
#: Errors of one cause are worded alike.
CAUSES = (
    "the answer was {n}, on attempt {n}, the last",
    "no answer within {n} s",
    "cannot resolve host{n}.example.com",
    "the record '{n}' is locked",
    "https://api.example.com/{n} was reset",
    "the body of {n} bytes was cut off",
    "the queue is full, try again",
)


def ending(held: Claim, item_id: int, category: str = "recoverable", error: str = "busy") -> Ending:
    return Ending(
        held.pipeline_id,
        item_id,
        held.job_id,
        held.phase,
        "failed",
        spent=1,
        error_category=category,
        last_error=error,
    )


async def fail_all(
    conn: Connection,
    pipeline_id: UUID,
    phase: str = SERP_COLLECTION,
    *,
    category: str = "recoverable",
    error: Callable[[int], str] = lambda _: "busy",
) -> Claim:
    """Every due item of the phase fails for good."""
    held = await claim_all(conn, pipeline_id, phase)
    assert held
    units = [
        Record(ending=ending(held, item.item_id, category, error(n))) for n, item in enumerate(held.items)
    ]
    async with conn.transaction():
        await record(conn, units)
        await complete_job(conn, held.job_id, held.fence)
    return held


async def end(conn: Connection) -> list[tuple[str, str]]:
    async with conn.transaction():
        return await end_pipelines(conn, MANDATORY)


async def state_of(conn: Connection, pipeline_id: UUID) -> str:
    (state,) = await fetch(conn, "SELECT state FROM pipelines WHERE pipeline_id = %s", pipeline_id)
    return str(state)


async def assert_green(conn: Connection, pipeline_id: UUID) -> None:
    found = await audit(conn, pipeline_id)
    assert [check for check in found.checks if not check.passed] == []


async def replay(pool: Pool, selection: Selection = ALL) -> int:
    return (await replay_dead_letters(pool, selection, actor="tests", reason="cured")).letters
