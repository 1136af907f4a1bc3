"""A gateway that is killed while work goes on: the client of its event stream misses nothing and sees nothing twice."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import psycopg
import pytest

from services.gateway.standalone.probe import free_port
from shared.store.pool import Pool, unit_of_work
from shared.testing.eventually import eventually, wait_until
from shared.testing.pipelines import finish_pipeline, start_pipeline
from shared.testing.rows import fetch
from tests.gateway.operator import TOKEN
from tests.gateway.sse import follow

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
#: Pipelines that are worked off meanwhile, and how often the gateway dies.
PIPELINES, DEATHS = 30, 3


class Client(threading.Thread):
    """Follows the stream and comes back when it breaks off, as browsers do: with the last id it has seen."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.ids: list[int] = []
        self.connections = 0
        self.done = False

    def run(self) -> None:
        """Until `done`."""
        while not self.done:
            try:
                for event in follow(self.url, last=self.ids[-1] if self.ids else 0):
                    self.ids.append(event["id"])
                    if self.done:
                        return
            except httpx.TransportError:
                continue
            finally:
                self.connections += 1


def serve(
    port: int, postgres_url: str, redis_url: str, stderr: int | None = None
) -> "subprocess.Popen[bytes]":
    """`landscape gateway`, as a process of its own."""
    own = {
        "LANDSCAPE_POSTGRES_URL": postgres_url,
        "LANDSCAPE_REDIS_URL": redis_url,
        "LANDSCAPE_TOKEN": TOKEN,
        "LANDSCAPE_GATEWAY__PORT": str(port),
        "LANDSCAPE_LOG__LEVEL": "error",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "services.gateway.cli", "gateway"],
        cwd=ROOT,
        env={**os.environ, **own},
        stderr=stderr,
    )


async def test_a_killed_gateway_costs_a_stream_nothing(postgres_url: str, redis_url: str, pool: Pool) -> None:
    """SIGKILL three times while pipelines start and end; in the end the client has every id once, in order."""
    port = free_port()
    client = Client(f"http://127.0.0.1:{port}")
    gateway = serve(port, postgres_url, redis_url)
    client.start()

    async def work() -> None:
        for _ in range(PIPELINES // DEATHS):
            async with pool.connection() as conn:
                await finish_pipeline(conn, await start_pipeline(conn))

    try:
        for _ in range(DEATHS):
            before = len(client.ids)
            working = asyncio.create_task(work())
            await eventually(lambda before=before: len(client.ids) > before)  # type: ignore[misc]
            gateway.send_signal(signal.SIGKILL)
            gateway.wait()
            await working  # nobody listens to this
            gateway = serve(port, postgres_url, redis_url)
        async with unit_of_work(pool) as conn:
            (written,) = await fetch(conn, "SELECT count(*) FROM events")
            states = await fetch(conn, "SELECT DISTINCT state FROM pipelines")
        await eventually(lambda: len(client.ids) >= written)
    finally:
        client.done = True
        gateway.kill()
        gateway.wait()
    assert states == ["completed"]
    assert written == PIPELINES * 4
    assert client.ids == list(range(1, written + 1))
    assert client.connections >= DEATHS


def test_a_gateway_that_is_stopped_ends_its_streams(postgres_url: str, redis_url: str) -> None:
    """At once, not after the time that requests have, and without a word in its log."""
    port = free_port()
    client = Client(f"http://127.0.0.1:{port}")
    gateway = serve(port, postgres_url, redis_url, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/livez"))
        client.start()
        wait_until(lambda: streams(postgres_url))
        client.done = True
        gateway.terminate()
        _, log = gateway.communicate(timeout=2.5)
    finally:
        gateway.kill()
    assert log == b""


def answers(url: str) -> bool:
    """Whether anybody does."""
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def streams(postgres_url: str) -> bool:
    """Whether a gateway looks for events: it does only while somebody listens."""
    with psycopg.connect(postgres_url) as conn:
        found = conn.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%event_feed%' AND pid <> pg_backend_pid() AND datname = current_database()"
        )
        return found.fetchone() != (0,)
