"""Counters: folding loses nothing while others append, and pipelines end by what they say."""

import asyncio
from uuid import UUID

import pytest

from shared.domain.phases import SERP_COLLECTION, VIDEO_ENRICHMENT
from shared.store.counters import end_pipelines, fold_counters
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection, Pool
from shared.testing.jobs import claim, dispatch
from shared.testing.pipelines import claim_all, record_all, start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

MANDATORY = [SERP_COLLECTION]


async def sums(conn: Connection) -> list[tuple[str, str, str, int]]:
    return await fetch(
        conn,
        "SELECT pipeline_id::text, phase, name, sum(delta)::int FROM counters GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    )


async def fail_all(conn: Connection, pipeline_id: UUID, phase: str) -> None:
    """No item of the phase works."""
    job = await claim_all(conn, pipeline_id, phase)
    assert job
    failed = [
        Record(ending=Ending(job.pipeline_id, i.item_id, job.job_id, phase, "failed", spent=1))
        for i in job.items
    ]
    await record(conn, failed)


async def complete(conn: Connection, pipeline_id: UUID, phase: str) -> None:
    job = await claim_all(conn, pipeline_id, phase)
    assert job
    await record_all(conn, job)


async def test_folding_keeps_every_sum(conn: Connection) -> None:
    """One row per counter is left, and no sum differs."""
    for _ in range(3):
        await complete(conn, await start_pipeline(conn), SERP_COLLECTION)
    before = await sums(conn)
    await fold_counters(conn)
    assert await sums(conn) == before
    assert await fetch(conn, "SELECT count(*) FROM counters") == [len(before)]


async def test_folding_and_counting_at_once_loses_nothing(pool: Pool) -> None:
    """Rows that are appended while two others fold are neither lost nor counted twice."""
    async with pool.connection() as conn:
        pipeline_id = await start_pipeline(
            conn, keywords=[f"k {n}" for n in range(60)], content_types=["news"]
        )
        (total,) = await fetch(conn, "SELECT sum(delta)::int FROM counters")
        messages = [await dispatch(conn, pipeline_id, 1) for _ in range(total)]
    done = asyncio.Event()

    async def fold() -> None:
        async with pool.connection() as own:
            while not done.is_set():
                await fold_counters(own)

    async def count() -> None:
        async with pool.connection() as own:
            for message in messages:
                await claim(own, message)
        done.set()

    await asyncio.gather(fold(), fold(), count())
    async with pool.connection() as conn:
        query = (
            "SELECT name, sum(delta)::int FROM counters WHERE phase = 'serp_collection' GROUP BY 1 ORDER BY 1"
        )
        assert await fetch(conn, query) == [("pending", 0), ("processing", total)]


async def test_a_pipeline_ends_when_nothing_is_open(conn: Connection) -> None:
    """Not while an item is due, claimed or waiting, and not between a phase's last item and what it found."""
    pipeline_id = await start_pipeline(conn, content_types=["organic"])
    assert await end_pipelines(conn, MANDATORY) == []
    job = await claim(conn, await dispatch(conn, pipeline_id))
    assert job
    assert await end_pipelines(conn, MANDATORY) == []
    waits = Ending(
        job.pipeline_id,
        job.items[0].item_id,
        job.job_id,
        job.phase,
        "pending",
        wait_seconds=-1,
        wait_reason="rate",
    )
    await record(conn, [Record(ending=waits)])
    assert await end_pipelines(conn, MANDATORY) == []
    await conn.execute("INSERT INTO ready SELECT pipeline_id, item_id, phase, '' FROM waiting")
    await conn.execute("DELETE FROM waiting; UPDATE pipeline_state SET next_at = NULL, wait_reason = NULL")
    await complete(conn, pipeline_id, SERP_COLLECTION)
    assert await end_pipelines(conn, MANDATORY) == []
    await complete(conn, pipeline_id, VIDEO_ENRICHMENT)
    assert await end_pipelines(conn, MANDATORY) == [(str(pipeline_id), "completed")]
    assert await end_pipelines(conn, MANDATORY) == []
    assert await fetch(conn, "SELECT state, ended_at IS NOT NULL FROM pipelines") == [("completed", True)]


async def test_the_end_state_says_what_is_missing(conn: Connection) -> None:
    """Failed items are gaps; without any completed item of a mandatory phase the pipeline has failed."""
    gaps, nothing = await start_pipeline(conn), await start_pipeline(conn)
    paused = await start_pipeline(conn)
    await complete(conn, gaps, SERP_COLLECTION)
    await fail_all(conn, gaps, VIDEO_ENRICHMENT)
    await fail_all(conn, nothing, SERP_COLLECTION)
    await fail_all(conn, paused, SERP_COLLECTION)
    await conn.execute("UPDATE pipelines SET state = 'paused' WHERE pipeline_id = %s", (paused,))
    assert sorted(await end_pipelines(conn, MANDATORY)) == sorted(
        [(str(gaps), "completed_with_gaps"), (str(nothing), "failed")]
    )
