"""One line per call and per item, with its context; and no key in any of them, whatever is switched on."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest

from shared.runtime.performance import Performance
from shared.store.pool import Connection
from shared.testing.jobs import dispatch, start_searches
from shared.testing.provider import ScriptedProvider, answers
from shared.testing.rows import fetch
from shared.testing.worker import Worker, open_worker
from tests import logfile

pytestmark = pytest.mark.anyio

start = logfile.start
#: The key a worker of these tests has is shorter than any real one; this is planted wherever a provider could repeat it.
KEY = "pl4nted-k3y-0123456789"


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


@pytest.fixture
async def worker(postgres_url: str, provider: ScriptedProvider) -> AsyncIterator[Worker]:
    async with open_worker(postgres_url, provider, unit_price=0.25) as worker:
        yield worker


def events(path: Path, name: str) -> list[dict[str, Any]]:
    return [event for event in map(json.loads, path.read_text().splitlines()) if event["event"] == name]


async def test_a_call_and_an_item_are_a_line_each(
    start: logfile.Start, worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """Who, what for, what came of it, how long it took and what it cost: found by pipeline, job, item or message."""
    path = start("json", "info", ())

    async def reply(subjects: list[str]) -> httpx.Response:
        return httpx.Response(500) if "keyword 1" in subjects[0] else answers(subjects)

    provider.reply = reply
    message = await dispatch(conn, await start_searches(conn, 3))
    await worker.processor.process(message)

    calls, items = events(path, "call"), events(path, "item")
    (pipeline_id,) = await fetch(conn, "SELECT pipeline_id::text FROM pipelines")
    around = {
        "pipeline_id": pipeline_id, "phase": "serp_collection", "job_id": message.job_id,
        "message_id": f"{message.job_id}.{message.fence}", "service": "serp",
    }  # fmt: skip
    for event in (*calls, *items):
        assert around.items() <= event.items()
        assert event["duration_seconds"] >= 0
    assert sorted((c["outcome"], c["status"], c["units"], c["money"], c["attempt"]) for c in calls) == [
        ("ok", 200, 2.0, 0.5, 1),
        ("ok", 200, 2.0, 0.5, 1),
        ("recoverable", 500, 1.0, 0.25, 1),
    ]
    assert {c["item_id"] for c in calls} == {i["item_id"] for i in items}
    assert {c["call_id"] for c in calls} == set(await fetch(conn, "SELECT call_id::text FROM provider_calls"))
    (failed,) = (item for item in items if item["state"] == "pending")
    assert (failed["attempt"], failed["wait_reason"], failed["wait_seconds"]) == (1, "retry", 60.0)
    assert (failed["category"], failed["error"]) == ("recoverable", "status 500")


async def test_lines_of_jobs_at_once_keep_apart(
    start: logfile.Start, worker: Worker, conn: Connection
) -> None:
    """Each line says its own pipeline, though all share one loop."""
    path = start("json", "info", ())
    messages = [await dispatch(conn, await start_searches(conn, 2)) for _ in range(3)]
    await asyncio.gather(*(worker.processor.process(message) for message in messages))
    told = {(event["item_id"], event["pipeline_id"]) for event in events(path, "item")}
    assert told == set(await fetch(conn, "SELECT item_id, pipeline_id::text FROM items"))


async def test_no_planted_key_is_in_any_output(
    start: logfile.Start, worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """The provider repeats it in bodies, codes and messages; log on its loudest, metrics and counts are searched."""
    path = start("json", "debug", (KEY,))
    replies = [
        httpx.Response(401, text=f"bad key {KEY}"),
        httpx.Response(500, json={"error": {"code": KEY, "message": f"?api_key={KEY}"}}),
        httpx.Response(200, text=f"{{ no json, but {KEY}"),
        httpx.Response(429, headers={"Retry-After": KEY}),
    ]

    async def reply(subjects: list[str]) -> httpx.Response:
        return replies.pop()

    provider.reply = reply
    await worker.processor.process(await dispatch(conn, await start_searches(conn, 4)))
    await worker.buyer.exchange.meter.tally.save(worker.pool, "serp", "one")

    assert events(path, "call")
    assert KEY not in path.read_text()
    assert KEY.encode() not in generate_latest()
    assert KEY not in str(await fetch(conn, "SELECT h::text FROM service_health_metrics h"))


async def test_performance_is_told_with_memory(start: logfile.Start, worker: Worker) -> None:
    """Resident memory, the share of a processor, and the calls since the last line."""
    path = start("json", "debug", ())
    meter = worker.buyer.exchange.meter
    performance = Performance(meter)
    meter.ended("ok", 0.1, 1.0)
    performance.tell(0.002)
    performance.tell()
    first, second = events(path, "performance")
    assert 10 < first["memory_mib"] < 10_000
    assert first["cpu_share"] >= 0
    assert (first["calls"], second["calls"], first["loop_lag_seconds"]) == (1, 0, 0.002)
