"""Leases: who leads, which jobs a holder still has, and when another may take over."""

import psycopg
import pytest

from shared.store.heartbeats import Heartbeats
from shared.store.jobs import Claim, reap_jobs
from shared.store.leases import drop_lease, lease_left, take_lease
from shared.store.pool import Connection
from shared.testing.jobs import claim, dispatch
from shared.testing.pipelines import start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

EXPIRED = -1.0


async def held(conn: Connection, holder: str, lease_seconds: float = 60.0) -> Claim:
    pipeline_id = await start_pipeline(conn, content_types=["organic"])
    job = await claim(conn, await dispatch(conn, pipeline_id), holder=holder, lease_seconds=lease_seconds)
    assert job
    return job


async def test_a_lease_has_one_holder(conn: Connection) -> None:
    """While it lasts only its holder may take it again; another lease is another matter."""
    assert await take_lease(conn, "serp", "one", 60.0)
    assert not await take_lease(conn, "serp", "other", 60.0)
    assert await take_lease(conn, "serp", "one", 60.0)
    assert await take_lease(conn, "media", "other", 60.0)


async def test_an_expired_lease_goes_to_whoever_asks(conn: Connection) -> None:
    """And its former holder has lost it."""
    assert await take_lease(conn, "serp", "one", EXPIRED)
    assert await take_lease(conn, "serp", "other", 60.0)
    assert not await take_lease(conn, "serp", "one", 60.0)


async def test_a_lease_given_back_is_free_at_once(conn: Connection) -> None:
    """Only its holder can give it back."""
    assert await take_lease(conn, "serp", "one", 60.0)
    await drop_lease(conn, "serp", "other")
    assert not await take_lease(conn, "serp", "other", 60.0)
    await drop_lease(conn, "serp", "one")
    assert await take_lease(conn, "serp", "other", 60.0)


async def test_who_stands_by_knows_how_long_a_lease_lasts(conn: Connection) -> None:
    """Nothing is left of one that ran out, was given back or never was."""
    assert await lease_left(conn, "serp") == 0
    await take_lease(conn, "serp", "one", 60.0)
    assert 0 < await lease_left(conn, "serp") <= 60
    await take_lease(conn, "serp", "one", EXPIRED)
    assert await lease_left(conn, "serp") == 0
    await drop_lease(conn, "serp", "one")
    assert await lease_left(conn, "serp") == 0


async def test_a_heartbeat_renews_what_is_still_held(conn: Connection, postgres_url: str) -> None:
    """Jobs of its holder get a new lease; those of others, ended or reaped ones are told apart."""
    mine, foreign = await held(conn, "me"), await held(conn, "somebody")
    reaped = await held(conn, "me", EXPIRED)
    await reap_jobs(conn, "serp", "serp_collection", 5)
    late = await held(conn, "me", EXPIRED)
    heartbeats = Heartbeats(postgres_url, "me")
    asked = [mine.job_id, foreign.job_id, reaped.job_id, late.job_id]
    assert heartbeats.renew(asked, 600.0) == {mine.job_id, late.job_id}
    heartbeats.close()
    query = "SELECT job_id FROM job_queue WHERE lease_until > now() + interval '500 s' ORDER BY 1"
    assert await fetch(conn, query) == [mine.job_id, late.job_id]


async def test_a_heartbeat_finds_its_way_back(conn: Connection, postgres_url: str) -> None:
    """A broken connection is an error once; the next beat has a new one."""
    job = await held(conn, "me")
    heartbeats = Heartbeats(postgres_url, "me")
    heartbeats.renew([job.job_id], 60.0)
    others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert await fetch(conn, others) == [True]
    with pytest.raises(psycopg.OperationalError):
        heartbeats.renew([job.job_id], 60.0)
    assert heartbeats.renew([job.job_id], 60.0) == {job.job_id}
    heartbeats.close()
