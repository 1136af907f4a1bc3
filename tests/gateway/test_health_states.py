"""Each state of health can be reached, and each by its own figure; processes tell what they are."""

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from shared.store.leases import take_lease
from shared.store.pool import Connection
from shared.store.workers import Presence, save_worker
from shared.testing.jobs import hold
from shared.testing.pipelines import claim_all, record_all, start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def _led(conn: Connection) -> None:
    """The only phase with work has a worker."""
    for service in ("serp", "media"):
        await take_lease(conn, service, "worker-1", 60)


async def health(client: AsyncTestClient[Any]) -> tuple[int, str, list[str]]:
    answer = await client.get("/api/v1/monitoring/health")
    return answer.status_code, answer.json()["status"], answer.json()["reasons"]


@pytest.mark.parametrize(
    ("failed", "state"), [(10, "healthy"), (11, "degraded"), (25, "degraded"), (26, "unhealthy")]
)
async def test_errors_of_calls_decide(
    client: AsyncTestClient[Any], conn: Connection, failed: int, state: str
) -> None:
    """More than a tenth degrades, more than a quarter is unhealthy; calls still go on, so it is no 503."""
    keywords = [f"k{n}" for n in range(100)]
    pipeline_id = await start_pipeline(conn, keywords=keywords, content_types=["organic"])
    claim = await claim_all(conn, pipeline_id, "serp_collection")
    assert claim
    await record_all(conn, claim)
    await conn.execute(
        "UPDATE provider_calls SET outcome = 'recoverable'"
        " WHERE call_id IN (SELECT call_id FROM provider_calls LIMIT %s)",
        (failed,),
    )
    status, found, reasons = await health(client)
    assert (status, found) == (200, state)
    assert reasons == (
        [] if state == "healthy" else [f"serp: {failed}% of 100 calls failed in the last ten minutes"]
    )


@pytest.mark.parametrize(
    ("jobs", "state"), [(1000, "healthy"), (1001, "degraded"), (5000, "degraded"), (5001, "unhealthy")]
)
async def test_the_depth_of_a_queue_decides(
    client: AsyncTestClient[Any], conn: Connection, jobs: int, state: str
) -> None:
    """Jobs that have not ended, whatever they wait for."""
    await conn.execute(
        "INSERT INTO job_queue (pipeline_id, queue_name, job_type, item_ids)"
        " SELECT gen_random_uuid(), 'serp', 'serp_collection', '{}' FROM generate_series(1, %s)",
        (jobs,),
    )
    _, found, reasons = await health(client)
    assert found == state
    assert [f"{jobs} jobs" in reason for reason in reasons] == ([] if state == "healthy" else [True])


async def test_an_open_breaker_degrades(client: AsyncTestClient[Any]) -> None:
    """Any one."""
    body = {"reason": "maintenance"}
    await client.post("/api/v1/monitoring/circuit-breakers/llm/open", json=body)
    assert await health(client) == (200, "degraded", ["the circuit breaker of llm is open: maintenance"])


async def test_processes_are_listed_with_what_they_hold(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Version, sign of life and load; one that has fallen silent counts no more, and is shown."""
    for name, version in (("one", "1.0"), ("two", "1.1"), ("gone", "0.9")):
        await save_worker(conn, Presence(name, "serp", version, "host", 42, 4))
    await conn.execute("UPDATE workers SET seen_at = now() - interval '1 min' WHERE holder = 'gone'")
    await conn.execute("UPDATE leases SET holder = 'two' WHERE name = 'serp'")
    await hold(conn, holder="one")
    workers = (await client.get("/api/v1/monitoring/workers")).json()["items"]
    assert [(w["holder"], w["alive"], w["jobs"], w["leads"]) for w in workers] == [
        ("one", True, 1, []),
        ("two", True, 0, ["serp"]),
        ("gone", False, 0, []),
    ]
    services = (await client.get("/api/v1/monitoring/services")).json()["items"]
    serp = next(service for service in services if service["service"] == "serp")
    assert (serp["replicas"], serp["versions"], serp["leader"]) == (2, ["1.0", "1.1"], "two")
    assert (serp["jobs"], serp["threads"], serp["load"]) == (1, 8, 1 / 8)
    assert {s["replicas"] for s in services if s["service"] != "serp"} == {0}


async def test_who_is_not_seen_for_an_hour_is_forgotten(conn: Connection) -> None:
    """By whoever gives the next sign of life."""
    await save_worker(conn, Presence("old", "serp", "1", "host", 1, 4))
    await conn.execute("UPDATE workers SET seen_at = now() - interval '2 hours'")
    await save_worker(conn, Presence("new", "serp", "1", "host", 2, 4))
    assert await fetch(conn, "SELECT holder FROM workers") == ["new"]
