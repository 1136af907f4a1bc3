"""Two real processes, forty callers and a provider that is down: nothing starts that should not."""

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any, cast

import pytest

from shared.broker.client import build_async_client
from shared.testing.eventually import eventually

pytestmark = pytest.mark.anyio

#: One of two processes with twenty callers; a call's start is written down by the clock of Redis.
PROCESS = """
import asyncio, contextlib, json, sys
from shared.broker.breaker import BreakerOpenError, SharedBreaker
from shared.broker.client import build_async_client
from shared.broker.gate import Gate
from shared.domain.breaker import BreakerPolicy
from shared.domain.gate import GatePolicy, GateShut
async def main(url):
    client, journal = build_async_client(url), build_async_client(url)
    rules = BreakerPolicy(failure_threshold=10, timeout_seconds=1.2, success_threshold=3, probes=2)
    gate = Gate(client, "provider", GatePolicy(100, wait_seconds=0.1, settling_seconds=0.3, breaker=rules))
    await gate.start()
    breaker = SharedBreaker("provider", gate, rules, lambda error: isinstance(error, ConnectionError))
    async def provider():
        seconds, micro = await journal.time()
        state = gate.breaker.state.value
        await journal.rpush("starts", json.dumps([seconds * 1_000_000 + micro, state]))
        await asyncio.sleep(0.02)
        if not await journal.exists("healed"):
            raise ConnectionError
    async def caller():
        while not await journal.exists("stop"):
            with contextlib.suppress(ConnectionError):
                try:
                    await breaker.call_async(provider)
                except (BreakerOpenError, GateShut):
                    await asyncio.sleep(0.02)
    await asyncio.gather(*(caller() for _ in range(20)))
    await gate.close()
asyncio.run(main(sys.argv[1]))
"""


async def test_no_call_starts_a_second_after_the_threshold_was_crossed(server: Any) -> None:
    """Two processes, forty callers, a dead provider: then two probes at a time, and all of it when it is back."""
    client = build_async_client(server.url)
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", PROCESS, server.url) for _ in range(2)
    ]

    async def field(name: str) -> str:
        found = cast("bytes | None", await client.hget("{landscape}:gate:provider:breaker", name))
        return (found or b"0").decode()

    async def reached(state: str, trips: int) -> bool:
        return await field("state") == state and int(await field("trips")) >= trips

    async def starts() -> list[tuple[int, str]]:
        return [tuple(json.loads(start)) for start in await client.lrange("starts", 0, -1)]

    try:
        await eventually(lambda: reached("open", 1), 20.0)
        crossed = int(await field("opened_at"))
        await eventually(lambda: reached("open", 3), 20.0)
        moments = [moment for moment, _ in await starts()]
        # No probe for the 1.2 s the breaker stays open: what came within them came before it was known everywhere.
        before = [moment for moment in moments if moment < crossed + 1_200_000]
        assert max(before) < crossed + 1_000_000
        # By then all forty may have been in flight, and some may have begun again before it was known.
        assert len(before) <= 2 * 40
        assert 2 <= len(moments) - len(before) <= 2 * 2 + 2
        await client.set("healed", 1)
        await eventually(lambda: reached("closed", 3), 20.0)
        count = len(await starts())

        async def work_goes_on() -> bool:
            return len(await starts()) > count + 100

        await eventually(work_goes_on, 10.0)
        await client.set("stop", 1)
        codes = await asyncio.wait_for(asyncio.gather(*(p.wait() for p in processes)), 20)
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await client.aclose()
    assert codes == [0, 0]
