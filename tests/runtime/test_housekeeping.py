"""Housekeeping: pipelines end, counters stay few."""

import pytest

from shared.config import Runtime
from shared.domain.phases import SERP_COLLECTION, VIDEO_ENRICHMENT
from shared.runtime.housekeeping import ROUND_SECONDS, Housekeeping
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection, Pool
from shared.testing.pipelines import claim_all, record_all, start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio


async def work(conn: Connection, *phases: str, fail: str = "") -> None:
    """A pipeline whose phases are completed, but for the one that fails."""
    pipeline_id = await start_pipeline(conn)
    for phase in phases:
        job = await claim_all(conn, pipeline_id, phase)
        assert job
        if phase != fail:
            await record_all(conn, job)
            continue
        endings = [
            Ending(job.pipeline_id, i.item_id, job.job_id, phase, "failed", spent=1) for i in job.items
        ]
        await record(conn, [Record(ending=ending) for ending in endings])


async def test_pipelines_end_as_their_items_did(pool: Pool) -> None:
    """All completed; some failed; nothing of a mandatory phase; and one that still has work."""
    housekeeping = Housekeeping(pool, Runtime())
    async with pool.connection() as conn:
        await work(conn, SERP_COLLECTION, VIDEO_ENRICHMENT)
        await work(conn, SERP_COLLECTION, VIDEO_ENRICHMENT, fail=VIDEO_ENRICHMENT)
        await work(conn, SERP_COLLECTION, fail=SERP_COLLECTION)
        await work(conn, SERP_COLLECTION)
        assert await housekeeping.round() == ROUND_SECONDS
        assert await fetch(conn, "SELECT state FROM pipelines ORDER BY created_at") == [
            "completed",
            "completed_with_gaps",
            "failed",
            "running",
        ]


async def test_counters_are_folded_now_and_then(pool: Pool) -> None:
    """At the first round, and not again before its time."""
    housekeeping = Housekeeping(pool, Runtime(fold_seconds=600.0))
    several = (
        "SELECT count(*) FROM (SELECT FROM counters GROUP BY pipeline_id, phase, name HAVING count(*) > 1) c"
    )
    async with pool.connection() as conn:
        for few in (True, False):
            await work(conn, SERP_COLLECTION)
            assert await fetch(conn, several) != [0]
            await housekeeping.round()
            assert (await fetch(conn, several) == [0]) is few
