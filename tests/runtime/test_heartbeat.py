"""The heartbeat: leases outlive a blocked loop, and not the loss of the job."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from shared.domain.phases import SERP_COLLECTION
from shared.runtime.heartbeat import Heartbeat
from shared.store.heartbeats import Heartbeats
from shared.store.jobs import complete_job, reap_jobs
from shared.store.pool import Connection
from shared.testing.eventually import eventually
from shared.testing.jobs import HOLDER, hold
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

LEASE_SECONDS = 0.6
#: An error no code expects; a sequence counts also what is rolled back.
REFUSE = """
    CREATE SEQUENCE beats;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM nextval(''beats''); RAISE EXCEPTION ''refused''; END';
    CREATE TRIGGER refuse BEFORE UPDATE ON job_queue FOR EACH ROW EXECUTE FUNCTION refuse()
"""
LIVE = "SELECT lease_until > now() FROM job_queue WHERE state = 'processing'"


@pytest.fixture
def heartbeat(postgres_url: str) -> Iterator[Heartbeat]:
    heartbeat = Heartbeat(Heartbeats(postgres_url, HOLDER), LEASE_SECONDS)
    heartbeat.start()
    yield heartbeat
    heartbeat.stop()
    assert not heartbeat.is_alive()


async def renewed(conn: Connection) -> None:
    """The lease has been renewed from now on."""
    (before,) = await fetch(conn, "SELECT max(lease_until) FROM job_queue")
    query = "SELECT 1 FROM job_queue WHERE lease_until > %s"
    await eventually(lambda: fetch(conn, query, before), 5.0, what="a renewal")


async def test_a_blocked_loop_does_not_lose_its_leases(conn: Connection, heartbeat: Heartbeat) -> None:
    """The loop is stuck for longer than a lease; the reaper, elsewhere, finds nothing to take."""
    job = await hold(conn, lease_seconds=LEASE_SECONDS)
    work = asyncio.ensure_future(asyncio.sleep(60))
    with heartbeat.watch(job.job_id, work):
        time.sleep(2.5 * LEASE_SECONDS)  # noqa: ASYNC251 - this is the defect to be survived
        assert await fetch(conn, LIVE) == [True]
        assert await reap_jobs(conn, "serp", SERP_COLLECTION, 5) == (0, 0)
        assert not work.done()
    work.cancel()


async def test_without_a_heartbeat_the_lease_runs_out(conn: Connection, heartbeat: Heartbeat) -> None:
    """Only what is watched is renewed, and only meanwhile."""
    job = await hold(conn, lease_seconds=LEASE_SECONDS)
    work = asyncio.ensure_future(asyncio.sleep(60))
    with heartbeat.watch(job.job_id, work):
        await renewed(conn)

    async def reaped() -> bool:
        return await reap_jobs(conn, "serp", SERP_COLLECTION, 5) == (1, 1)

    await eventually(reaped, 5.0)
    work.cancel()


async def test_lost_work_is_cancelled_and_no_other(conn: Connection, heartbeat: Heartbeat) -> None:
    """The reaper took one of two jobs: its work ends, the other's goes on."""
    lost, kept = await hold(conn, lease_seconds=-1.0), await hold(conn, lease_seconds=LEASE_SECONDS)
    works = [asyncio.ensure_future(asyncio.sleep(60)) for _ in range(2)]
    await reap_jobs(conn, "serp", SERP_COLLECTION, 5)
    with heartbeat.watch(lost.job_id, works[0]), heartbeat.watch(kept.job_id, works[1]):
        await asyncio.wait(works, timeout=5.0, return_when=asyncio.FIRST_COMPLETED)
        assert works[0].cancelled()
        await renewed(conn)
        assert not works[1].done()
    works[1].cancel()


async def test_a_job_that_ended_meanwhile_is_not_lost(conn: Connection, heartbeat: Heartbeat) -> None:
    """Between completing a job and forgetting it a beat may come: nothing is left to cancel."""
    job, other = [await hold(conn, lease_seconds=LEASE_SECONDS) for _ in range(2)]
    works = [asyncio.ensure_future(asyncio.sleep(60)) for _ in range(2)]
    with heartbeat.watch(other.job_id, works[1]):
        with heartbeat.watch(job.job_id, works[0]):
            await renewed(conn)
        await complete_job(conn, job.job_id, job.fence)
        await renewed(conn)
    assert not works[0].done()
    for work in works:
        work.cancel()


async def test_a_heartbeat_outlives_whatever_the_database_says(
    conn: Connection, heartbeat: Heartbeat
) -> None:
    """A session that is ended, then an error nobody thought of: it beats on, and cancels nothing for that."""
    job = await hold(conn, lease_seconds=LEASE_SECONDS)
    work = asyncio.ensure_future(asyncio.sleep(60))
    with heartbeat.watch(job.job_id, work):
        await renewed(conn)
        others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        await fetch(conn, others)
        await renewed(conn)
        await conn.execute(REFUSE)
        await eventually(
            lambda: fetch(conn, "SELECT 1 FROM beats WHERE is_called"), 5.0, what="a beat that fails"
        )
        await conn.execute("DROP TRIGGER refuse ON job_queue")
        await renewed(conn)
        assert not work.done()
    work.cancel()
