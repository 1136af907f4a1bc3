"""Jobs of a phase, one step at a time, as dispatcher and worker take them."""

from typing import Any
from uuid import UUID

from shared.domain.job import Plan
from shared.domain.message import Message
from shared.domain.phases import PHASES, SERP_COLLECTION
from shared.store.jobs import Claim, claim_job, create_jobs, mark_dispatched
from shared.store.pool import Connection
from shared.testing.pipelines import start_pipeline

HOLDER = "tests"
_ALL = 100_000


async def dispatch(
    conn: Connection,
    pipeline_id: UUID,
    size: int = _ALL,
    *,
    chunk: int = 0,
    phase: str = SERP_COLLECTION,
    batch_key: str = "",
) -> Message:
    """The message of a job with up to `size` of the due items, as if it had been sent. One must be due."""
    plan = Plan(str(pipeline_id), batch_key, chunk=chunk, size=size, priority=0)
    async with conn.transaction():
        (message,) = await create_jobs(conn, phase, PHASES[phase].service, [plan])
    await mark_dispatched(conn, [message.job_id])
    return message


async def claim(
    conn: Connection,
    message: Message,
    *,
    holder: str = HOLDER,
    lease_seconds: float = 60.0,
    phase: str = SERP_COLLECTION,
) -> Claim | None:
    """What the message's job holds; None when the message is void. A negative lease has expired already."""
    async with conn.transaction():
        return await claim_job(
            conn, message, phase=phase, holder=holder, lease_seconds=lease_seconds, known={}
        )


async def start_searches(conn: Connection, number: int, **config: Any) -> UUID:
    """A pipeline of so many searches."""
    body = {"keywords": [f"keyword {n}" for n in range(number)], "content_types": ["organic"]} | config
    return await start_pipeline(conn, **body)


async def hold(
    conn: Connection, searches: int = 1, *, holder: str = HOLDER, lease_seconds: float = 60.0
) -> Claim:
    """A claimed job with all searches of a new pipeline."""
    message = await dispatch(conn, await start_searches(conn, searches))
    held = await claim(conn, message, holder=holder, lease_seconds=lease_seconds)
    if held is None:
        raise AssertionError("a fresh message is not void")
    return held
