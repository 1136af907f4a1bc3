"""Every figure of monitoring equals a count of rows of the same moment, while others write; progress never goes back."""

import asyncio
import random
from uuid import UUID

import psycopg
import pytest

from shared.domain.phases import PHASES
from shared.store.counters import fold_counters
from shared.store.health import read_health
from shared.store.job_queues import read_queues
from shared.store.jobs import Claim
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection, Pool
from shared.store.progress import phase_progress
from shared.store.snapshot import snapshot
from shared.testing.jobs import claim, dispatch
from shared.testing.pipelines import record_all, start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

ITEMS = """
    SELECT i.phase, s.state, count(*)::int FROM pipeline_state s JOIN items i USING (pipeline_id, item_id)
    WHERE s.pipeline_id = %s GROUP BY 1, 2"""
CALLS = """
    SELECT j.job_type, count(*)::int, sum(c.units)::int FROM provider_calls c JOIN job_queue j USING (job_id)
    WHERE c.pipeline_id = %s AND c.state <> 'sent' GROUP BY 1"""
JOBS = """
    SELECT queue_name, state, count(*)::int FROM job_queue
    WHERE state IN ('pending', 'dispatched', 'processing', 'dead_letter') GROUP BY 1, 2"""
OPEN = """
    SELECT i.phase, count(*)::int FROM pipeline_state s JOIN items i USING (pipeline_id, item_id)
    WHERE s.state = 'pending' GROUP BY 1"""
WAITING = "SELECT phase, reason, count(*)::int FROM waiting GROUP BY 1, 2 ORDER BY 1, 2"


async def work(pool: Pool, pipeline_id: UUID, seed: int) -> None:
    """A few jobs at a time: completed, failed, or put off; with somebody who folds."""
    chance = random.Random(seed)
    async with pool.connection() as conn:
        for _ in range(12):
            for phase in ("serp_collection", "video_enrichment"):
                due = await fetch(conn, "SELECT 1 FROM ready WHERE phase = %s LIMIT 1", phase)
                if not due:
                    continue
                try:
                    message = await dispatch(conn, pipeline_id, 3, phase=phase)
                except ValueError:  # somebody else was faster
                    continue
                held = await claim(conn, message, phase=phase)
                if held is None:
                    continue
                match chance.choice(("complete", "fail", "wait")):
                    case "complete":
                        await record_all(conn, held)
                    case "fail":
                        await _end(conn, held, "failed")
                    case "wait":
                        await _end(conn, held, "pending")
            await fold_counters(conn)


async def _end(conn: Connection, held: Claim, state: str) -> None:
    wait_seconds, reason = (60.0, "rate") if state == "pending" else (None, None)
    endings = [
        Ending(
            held.pipeline_id,
            item.item_id,
            held.job_id,
            held.phase,
            state,
            wait_seconds=wait_seconds,
            wait_reason=reason,
        )
        for item in held.items
    ]
    async with conn.transaction():
        await record(conn, [Record(ending=ending) for ending in endings])


async def test_figures_are_counts_while_others_write(pool: Pool, conn: Connection) -> None:
    """Progress, queues and health, each against rows counted in the same snapshot; looked at throughout."""
    pipeline_id = await start_pipeline(conn, keywords=[f"k{n}" for n in range(60)], content_types=["organic"])
    working = asyncio.gather(*(work(pool, pipeline_id, seed) for seed in range(2)))
    looks, ended = 0, [0, 0]
    while not working.done() or looks < 3:
        async with snapshot(conn):
            progress = await phase_progress(conn, pipeline_id)
            items = await fetch(conn, ITEMS, pipeline_id)
            assert {(p.phase, s, n) for p in progress for s in ("pending", "processing", "completed", "failed")
                    if (n := getattr(p, s))} == set(items)  # fmt: skip
            calls = await fetch(conn, CALLS, pipeline_id)
            assert [(p.phase, p.calls, p.units) for p in progress if p.calls] == sorted(calls)
            waiting = await fetch(conn, WAITING)
            assert [(p.phase, r, n) for p in progress for r, n in p.waiting.items()] == waiting
            jobs = await fetch(conn, JOBS)
            pending = dict(await fetch(conn, OPEN))
            for queue in await read_queues(conn):
                own = {s: n for name, s, n in jobs if name == queue.queue}
                assert queue.dead_letters == own.pop("dead_letter", 0)
                assert {s: n for s, n in queue.jobs.items() if n} == own
                assert queue.items_pending == pending.get(queue.phase, 0)
        now = [sum(p.planned for p in progress), sum(p.completed + p.failed + p.skipped for p in progress)]
        assert all(after >= before for after, before in zip(now, ended, strict=True))
        ended, looks = now, looks + 1
        await asyncio.sleep(0)
    await working
    assert ended[1] > 0


async def test_health_is_of_one_moment(pool: Pool, conn: Connection) -> None:
    """What it says of calls and waits equals a count of the rows there are."""
    pipeline_id = await start_pipeline(conn, keywords=["a", "b", "c"], content_types=["organic"])
    await work(pool, pipeline_id, 1)
    found = await read_health(conn)
    calls = await fetch(
        conn, "SELECT provider, count(*)::int FROM provider_calls WHERE state <> 'sent' GROUP BY 1"
    )
    assert [(p.provider, p.calls) for p in found.providers] == calls
    assert [(w.phase, w.reason, w.items) for w in found.waiting] == await fetch(conn, WAITING)
    open_jobs = [
        (q, s, n)
        for q, s, n in await fetch(conn, JOBS)
        if s != "dead_letter" and q in {p.queue for p in PHASES.values()}
    ]
    assert sorted((q.queue, q.state, q.jobs) for q in found.queues) == sorted(open_jobs)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        async with snapshot(conn):
            await conn.execute("DELETE FROM counters")
