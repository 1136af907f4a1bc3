"""A worker process from its start to its stop: ready when it can work, and gone without a trace."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from shared.broker.build import RedisBroker
from shared.config import Exposition, Provider, Settings
from shared.domain.message import Message
from shared.domain.phases import HOUSEKEEPING
from shared.errors import ConfigError
from shared.runtime import webhooks
from shared.runtime.worker import WorkerProcess
from shared.store.pool import Connection
from shared.testing.eventually import eventually
from shared.testing.provider import ScriptedProvider
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio


def settings(postgres_url: str, redis_url: str, **provider: object) -> Settings:
    own = Provider(**{"base_url": "http://127.0.0.1:9", **provider})  # type: ignore[arg-type]  # as the test says
    return Settings(postgres_url, redis_url, exposition=Exposition(port=0), providers={"serp": own})


async def test_a_worker_leads_is_ready_and_leaves_nothing(
    conn: Connection, broker: RedisBroker, postgres_url: str, redis_url: str
) -> None:
    """After its stop its leases are free, its sessions closed and its port is nobody's."""
    scripted = ScriptedProvider()
    process = WorkerProcess(scripted.provider, scripted.handle, settings(postgres_url, redis_url))
    await process.start(broker)
    assert process._server
    url = f"http://127.0.0.1:{process._server.server_port}"
    async with httpx.AsyncClient(base_url=url) as client:

        async def ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await eventually(ready)
        assert (await client.get("/livez")).status_code == 200
        metrics = (await client.get("/metrics")).text
        await eventually(lambda: fetch(conn, "SELECT 1 FROM leases OFFSET 2"))
        assert set(await fetch(conn, "SELECT name FROM leases")) == {"serp", HOUSEKEEPING, webhooks.LEASE}
        assert 'landscape_ready{service="serp"} 1.0' in metrics
        await process.drain()
        assert await fetch(conn, "SELECT name FROM leases") == []
        await process.stop()
    async with httpx.AsyncClient(base_url=url) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/livez")
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    async def alone() -> bool:
        return await fetch(conn, others) == [0]

    await eventually(alone)


async def test_a_worker_waits_for_a_schema_it_knows(
    conn: Connection, broker: RedisBroker, postgres_url: str, redis_url: str
) -> None:
    """Meanwhile it is alive and not ready, and says what it lacks."""
    scripted = ScriptedProvider()
    process = WorkerProcess(scripted.provider, scripted.handle, settings(postgres_url, redis_url))
    await conn.execute("ALTER TABLE schema_migrations RENAME TO mislaid")
    await process.start(broker)
    assert process._server
    url = f"http://127.0.0.1:{process._server.server_port}"
    working = asyncio.create_task(process.work(Message(1, 0)))
    async with httpx.AsyncClient(base_url=url) as client:

        async def says() -> bool:
            answer = await client.get("/readyz")
            return answer.status_code == 503 and "landscape migrate" in answer.text

        await eventually(says)
        assert (await client.get("/livez")).status_code == 200
    assert not working.done()
    assert await fetch(conn, "SELECT name FROM leases") == []
    await conn.execute("ALTER TABLE mislaid RENAME TO schema_migrations")
    await working
    await eventually(lambda: fetch(conn, "SELECT 1 FROM leases OFFSET 2"))
    await process.drain()
    await process.stop()


async def test_a_worker_that_waits_for_its_store_can_be_stopped(broker: RedisBroker, redis_url: str) -> None:
    """What came from the queue meanwhile ends without being begun."""
    scripted = ScriptedProvider()
    away = settings("postgresql://nobody:none@127.0.0.1:9/none", redis_url)
    process = WorkerProcess(scripted.provider, scripted.handle, away)
    await process.start(broker)
    working = asyncio.create_task(process.work(Message(1, 0)))

    await process.drain()
    await working
    await process.stop()


@pytest.mark.parametrize(
    ("provider", "named"),
    [({"concurrency": 0}, "CONCURRENCY"), ({"requests_per_second": -1.0}, "REQUESTS_PER_SECOND")],
)
async def test_limits_that_cannot_be_are_refused(provider: dict[str, float], named: str) -> None:
    """With the setting's name, before anything is opened."""
    scripted = ScriptedProvider()
    with pytest.raises(ConfigError, match=named):
        WorkerProcess(scripted.provider, scripted.handle, settings("postgresql://x", "redis://x", **provider))


async def test_a_worker_without_a_key_does_not_start() -> None:
    """It would be refused by its provider, call after call."""
    scripted = ScriptedProvider()
    with pytest.raises(ConfigError, match="LANDSCAPE_PROVIDERS__SERP__API_KEY"):
        WorkerProcess(
            replace(scripted.provider),
            scripted.handle,
            settings("postgresql://x", "redis://x", base_url=None),
        )
