"""One purchase for everybody, over processes of their own."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress

import pytest

from shared.domain.phases import SERP_COLLECTION
from shared.store.pool import Connection
from shared.testing.jobs import dispatch, start_searches
from shared.testing.rows import fetch
from tests.runtime.wanting_process import CALLERS

pytestmark = pytest.mark.anyio


async def test_two_processes_who_want_the_same_buy_it_once(conn: Connection, postgres_url: str) -> None:
    """200 callers of two pipelines at the same moment: one call on the ledger, and everybody has its answer."""
    messages = [await dispatch(conn, await start_searches(conn, 1)) for _ in range(2)]
    command = [sys.executable, "-m", "tests.runtime.wanting_process", postgres_url, SERP_COLLECTION]
    processes = [
        await asyncio.create_subprocess_exec(*command, str(message.job_id), stdin=PIPE, stdout=PIPE)
        for message in messages
    ]
    try:
        for process in processes:
            assert process.stdout
            assert await asyncio.wait_for(process.stdout.readline(), 30.0) == b"ready\n"
        said = await asyncio.wait_for(
            asyncio.gather(*(process.communicate(b"go\n") for process in processes)), 30.0
        )
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    assert [line.decode() for line, _ in said] == [f"{CALLERS}|about a.com\n"] * 2
    assert await fetch(conn, "SELECT state, outcome FROM provider_calls") == [("settled", "ok")]
    assert await fetch(conn, "SELECT count(*)::int FROM flights") == [0]
