"""An item that kills whoever works on it: real processes die of it until it is by itself, and nobody else is given up."""

import asyncio
import sys
from collections import Counter
from contextlib import suppress

import pytest

from shared.config import Runtime
from shared.runtime.cancellation import cancel
from shared.store.pool import Connection
from shared.testing.eventually import eventually
from shared.testing.pipelines import start_pipeline
from shared.testing.rows import fetch
from tests.runtime.poisoned_worker import PER_CALL, POISON

pytestmark = pytest.mark.anyio

CRASH_LIMIT = Runtime().crash_limit
OPEN = """SELECT count(*) FROM pipeline_state JOIN items USING (pipeline_id, item_id)
          WHERE phase = 'serp_collection' AND state IN ('pending', 'processing')"""
ENDED = """SELECT s.state, s.crashes, i.key LIKE '%poison%' FROM pipeline_state s JOIN items i USING (pipeline_id, item_id)
           WHERE phase = 'serp_collection'"""


async def test_a_poisonous_item_ends_as_a_dead_letter_and_its_neighbours_complete(
    conn: Connection, postgres_url: str
) -> None:
    """Sixteen in a call: five deaths, and each neighbour dies only as long as it is in one job with it."""
    keywords = [f"keyword {n}" for n in range(PER_CALL - 1)] + [POISON]
    await start_pipeline(conn, keywords=keywords, content_types=["organic"])
    deaths = 0

    async def supervise() -> None:
        nonlocal deaths
        while True:
            command = [sys.executable, "-m", "tests.runtime.poisoned_worker", postgres_url]
            worker = await asyncio.create_subprocess_exec(*command)
            try:
                await worker.wait()
            finally:
                with suppress(ProcessLookupError):
                    worker.kill()
                await worker.wait()
            deaths += 1

    async def ended() -> bool:
        return await fetch(conn, OPEN) == [0]

    supervisor = asyncio.create_task(supervise())
    try:
        await eventually(ended, 60.0)
    finally:
        await cancel([supervisor])

    assert Counter(await fetch(conn, ENDED)) == {
        ("completed", 3, False): 12,
        ("completed", 4, False): 3,
        ("failed", 5, True): 1,
    }
    assert deaths == CRASH_LIMIT
    letters = "SELECT fingerprint, crashes FROM job_queue WHERE state = 'dead_letter'"
    assert await fetch(conn, letters) == [("crash", 5)]
    # One call per death, and one for each part without the poison: three of four items, three of one.
    calls = Counter(await fetch(conn, "SELECT state FROM provider_calls"))
    assert sum(calls.values()) <= CRASH_LIMIT + 6
