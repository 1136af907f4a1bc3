"""Health, progress and probes, with stores that are there, away, or hanging."""

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from services.gateway.dependencies import Ping
from shared.config import Runtime, Settings
from shared.runtime.audits import Audits
from shared.store.leases import take_lease
from shared.store.pool import Connection, Pool
from shared.testing.pipelines import claim_all, finish_pipeline, record_all, start_pipeline

pytestmark = pytest.mark.anyio

HEALTH = "/api/v1/monitoring/health"
#: Nothing listens on the discard port.
AWAY = "postgresql://nobody@127.0.0.1:9/nothing"


def client(postgres_url: str, ping_redis: Ping | None = None, redis_url: str = "") -> AsyncTestClient[Any]:
    settings = Settings(postgres_url=postgres_url, redis_url=redis_url, token="t")
    test_client = AsyncTestClient(create_app(settings, ping_redis=ping_redis), raise_server_exceptions=False)
    test_client.headers["Authorization"] = "Bearer t"
    return test_client


async def answering() -> str | None:
    return None


async def test_a_whole_system_is_healthy(postgres_url: str, redis_url: str, conn: Connection) -> None:
    """Both stores answer and the mandatory service has a worker; nothing waits for the optional one."""
    await take_lease(conn, "serp", "worker-1", 30)
    async with client(postgres_url, redis_url=redis_url) as gateway:
        answer = await gateway.get(HEALTH)
    assert answer.status_code == 200
    health = answer.json()
    assert (health["status"], health["reasons"], health["redis"]) == ("healthy", [], "ok")
    assert [leader["holder"] for leader in health["leaders"]] == ["worker-1"]


async def test_work_without_a_worker_is_degraded(postgres_url: str, conn: Connection) -> None:
    """The mandatory service always needs one, an optional one as soon as there is something to do."""
    async with client(postgres_url, answering) as gateway:
        reasons = (await gateway.get(HEALTH)).json()["reasons"]
        assert ["worker of serp" in reason for reason in reasons] == [True]
        pipeline_id = await start_pipeline(conn)
        claim = await claim_all(conn, pipeline_id, "serp_collection")
        assert claim
        await record_all(conn, claim)
        await take_lease(conn, "serp", "worker-1", 30)
        health = (await gateway.get(HEALTH)).json()
        assert health["status"] == "degraded"
        assert ["worker of media" in reason for reason in health["reasons"]] == [True]
        assert [(due["phase"], due["items"]) for due in health["due"]] == [("video_enrichment", 3)]


async def test_old_work_failing_calls_and_refused_accounts_are_reasons(
    postgres_url: str, conn: Connection
) -> None:
    """Each in a sentence of its own."""
    pipeline_id = await start_pipeline(conn, keywords=[f"k{n}" for n in range(10)])
    claim = await claim_all(conn, pipeline_id, "serp_collection")
    assert claim
    await record_all(conn, claim)
    for service in ("serp", "media"):
        await take_lease(conn, service, "worker-1", 30)
    await conn.execute("UPDATE ready SET due_at = now() - interval '5 min'")
    await conn.execute("UPDATE provider_calls SET outcome = 'recoverable' WHERE subjects = 1")
    await conn.execute(
        "INSERT INTO counters (pipeline_id, phase, name, delta)"
        " VALUES (%s, 'video_enrichment', 'waiting.account', 4)",
        (pipeline_id,),
    )
    async with client(postgres_url, answering) as gateway:
        health = (await gateway.get(HEALTH)).json()
    assert health["status"] == "unhealthy"
    errors, oldest, account = health["reasons"]
    assert oldest.startswith("video_enrichment: 26 items are due, the oldest for 30")
    assert account.startswith("video_enrichment: 4 items wait, the provider refuses the account")
    assert errors == "serp: 100% of 30 calls failed in the last ten minutes"
    assert health["providers"][0]["error_share"] == 1


async def test_a_dead_redis_is_unhealthy(postgres_url: str, conn: Connection) -> None:
    """No work can go on; 503 with the reason, from a real connection that is refused."""
    await take_lease(conn, "serp", "worker-1", 30)
    async with client(postgres_url, redis_url="redis://127.0.0.1:9/0") as gateway:
        answer = await gateway.get(HEALTH)
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert "Redis does not answer" in answer.json()["redis"]


async def test_a_hanging_redis_does_not_hang_health(postgres_url: str) -> None:
    """The question has a budget."""

    async def hanging() -> str | None:
        await asyncio.Event().wait()
        return None

    async with client(postgres_url, hanging) as gateway:
        asked = time.perf_counter()
        answer = await gateway.get(HEALTH)
    assert time.perf_counter() - asked < 8
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")


async def test_the_gateway_starts_and_tells_while_postgres_is_away() -> None:
    """Alive, not ready, unhealthy; everything else says try again."""
    async with client(AWAY, answering) as gateway:
        assert (await gateway.get("/livez")).status_code == 200
        asked = time.perf_counter()
        ready = await gateway.get("/readyz")
        assert time.perf_counter() - asked < 5
        assert ready.status_code == 503
        assert ready.json() == {"postgres": "the database does not answer within 1 s", "schema": "unknown"}
        health = await gateway.get(HEALTH)
        assert (health.status_code, health.json()["status"]) == (503, "unhealthy")


async def test_without_a_database_a_request_is_told_to_come_again() -> None:
    """503 as a problem, with Retry-After, and not a word about where the database would be."""
    async with client(AWAY, answering) as gateway:
        answer = await gateway.post("/api/v1/pipeline/start", json={"keywords": ["a"], "regions": ["US"]})
    assert (answer.status_code, answer.json()["type"]) == (503, "/errors/unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "127.0.0.1" not in answer.text


async def test_ready_means_postgres_and_this_schema(postgres_url: str, conn: Connection) -> None:
    """200 with both; 503 saying what to run when migrations are missing."""
    async with client(postgres_url) as gateway:
        answer = await gateway.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"postgres": "ok", "schema": "ok"})
        await conn.execute("DELETE FROM schema_migrations")
        answer = await gateway.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["postgres"] == "ok"
        assert "landscape migrate" in answer.json()["schema"]
        health = (await gateway.get(HEALTH)).json()
        assert health["status"] == "unhealthy"


async def test_the_gateway_recovers_when_connections_are_cut(postgres_url: str, conn: Connection) -> None:
    """A restart of Postgres costs no request: every connection is checked before it is used."""
    async with client(postgres_url) as gateway:
        assert (await gateway.get("/api/v1/pipeline")).status_code == 200
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert (await gateway.get("/api/v1/pipeline")).status_code == 200


async def test_progress_is_told_by_phase(postgres_url: str, conn: Connection) -> None:
    """Items by state as they move, until the end."""
    pipeline_id: UUID = await start_pipeline(conn)
    path = f"/api/v1/monitoring/pipeline/{pipeline_id}/progress"
    async with client(postgres_url) as gateway:
        body = (await gateway.get(path)).json()
        assert (body["state"], body["ended_at"]) == ("running", None)
        assert [phase["phase"] for phase in body["phases"]] == ["serp_collection", "video_enrichment"]
        assert body["phases"][0]["planned"] == body["phases"][0]["pending"] == 3
        await finish_pipeline(conn, pipeline_id)
        body = (await gateway.get(path)).json()
        assert body["state"] == "completed"
        assert [phase["completed"] for phase in body["phases"]] == [3, 3]


async def test_an_audit_that_failed_degrades_the_health_and_can_be_read(
    postgres_url: str, pool: Pool, conn: Connection
) -> None:
    """The latest made on schedule by ?latest=true, a new one without; 404 as long as there was none."""
    pipeline_id = await start_pipeline(conn)
    path = f"/api/v1/pipeline/{pipeline_id}/audit"
    async with client(postgres_url, answering) as gateway:
        none = await gateway.get(path, params={"latest": "true"})
        assert (none.status_code, none.json()["type"]) == (404, "/errors/not_found")
        await conn.execute(
            "UPDATE pipelines SET config_hash = 'another', created_at = created_at - interval '1 hour'"
        )
        assert await Audits(pool, Runtime()).audit_next()
        latest = (await gateway.get(path, params={"latest": "true"})).json()
        assert (latest["passed"], latest["audited_at"] is None) == (False, False)
        assert (await gateway.get(path)).json()["audited_at"] is None
        health = (await gateway.get(HEALTH)).json()
        assert health["status"] == "degraded"
        (reason,) = [one for one in health["reasons"] if "audit" in one]
        assert reason.startswith(f"the audit of pipeline {pipeline_id} failed: config: ")
        assert [one["pipeline_id"] for one in health["failed_audits"]] == [str(pipeline_id)]
