"""The ledger before a call leaves, and the facts that make it unnecessary."""

import asyncio
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from shared.store.calls import SENT, Intent, find_facts, insert_calls
from shared.store.jobs import Claim, reap_jobs
from shared.store.outcomes import BoughtFact, Record, record
from shared.store.pool import Connection, Pool
from shared.testing.jobs import claim, dispatch
from shared.testing.locks import until_blocked
from shared.testing.pipelines import start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

KEY = "00000000-0000-0000-0000-000000000001"
OTHER = "00000000-0000-0000-0000-000000000002"


async def held(conn: Connection, lease_seconds: float = 60.0) -> Claim:
    job = await claim(conn, await dispatch(conn, await start_pipeline(conn)), lease_seconds=lease_seconds)
    assert job
    return job


def intent(job: Claim, fence: int | None = None) -> Intent:
    return Intent(
        str(uuid7()), job.pipeline_id, job.job_id, job.fence if fence is None else fence, "p", "answers", 3
    )


async def bought(conn: Connection, key: str, answer: Any) -> str:
    """A fact of this moment; the id of its call."""
    call_id = str(uuid7())
    fact = BoughtFact(key, call_id, "p", "answers", "s", {}, answer)
    await record(conn, [Record(facts=(fact,))])
    return call_id


async def test_calls_of_held_jobs_are_written_before_they_leave(conn: Connection) -> None:
    """The row says what is about to be bought, and for whom."""
    job = await held(conn)
    first, second = intent(job), intent(job)
    assert await insert_calls(conn, [first, second]) == {first.call_id: SENT, second.call_id: SENT}
    query = (
        "SELECT pipeline_id::text, job_id, provider, endpoint, subjects, state, outcome FROM provider_calls"
    )
    assert await fetch(conn, query) == [(job.pipeline_id, job.job_id, "p", "answers", 3, "sent", None)] * 2


async def test_calls_of_jobs_no_longer_held_are_refused(conn: Connection) -> None:
    """A stale fence, a reaped job and an unknown one get no row, while their batch mate does."""
    reaped = await held(conn, lease_seconds=-1.0)
    await reap_jobs(conn, "serp", "serp_collection", 5)
    job = await held(conn)
    good, stale, early = intent(job), intent(job, job.fence - 1), intent(job, job.fence + 1)
    unknown = Intent(str(uuid7()), job.pipeline_id, job.job_id + 1, job.fence, "p", "answers", 1)
    batch = [stale, good, early, unknown, intent(reaped), intent(reaped, reaped.fence + 1)]
    assert await insert_calls(conn, batch) == {good.call_id: SENT}
    assert await fetch(conn, "SELECT call_id::text FROM provider_calls") == [good.call_id]


async def test_a_call_written_while_the_reaper_waits_is_in_doubt(conn: Connection, pool: Pool) -> None:
    """It may leave, for its job was held when it was written."""
    job = await held(conn, lease_seconds=-1.0)

    async def reap() -> None:
        async with pool.connection() as other:
            await reap_jobs(other, "serp", "serp_collection", 5)

    async with conn.transaction():
        assert set((await insert_calls(conn, [intent(job)])).values()) == {SENT}
        reaping = asyncio.create_task(reap())
        await until_blocked(conn)
    await reaping
    assert await fetch(conn, "SELECT state FROM provider_calls") == ["in_doubt"]


async def test_the_newest_fresh_answer_is_found(conn: Connection) -> None:
    """Of several purchases of a subject the last one counts; what was never bought is not there."""
    await bought(conn, KEY, {"n": 1})
    newest = await bought(conn, KEY, {"n": 2})
    found = await find_facts(conn, [KEY, OTHER], 60.0)
    assert found.keys() == {KEY}
    assert (found[KEY].answer, found[KEY].ref.key, found[KEY].ref.call_id) == ({"n": 2}, KEY, newest)


async def test_an_answer_is_found_while_it_is_fresh(conn: Connection) -> None:
    """Freshness is counted from the purchase; 0 always asks anew."""
    await bought(conn, KEY, {"n": 1})
    await conn.execute("UPDATE provider_facts SET fetched_at = now() - interval '1 hour'")
    assert await find_facts(conn, [KEY], 3599.0) == {}
    assert (await find_facts(conn, [KEY], 3601.0)).keys() == {KEY}
    await bought(conn, OTHER, {"n": 1})
    assert await find_facts(conn, [OTHER], 0.0) == {}


async def test_not_being_known_is_an_answer_too(conn: Connection) -> None:
    """A subject the provider does not know was asked for and paid; it is not asked for again."""
    await bought(conn, KEY, None)
    (fact,) = (await find_facts(conn, [KEY], 60.0)).values()
    assert fact.answer is None
