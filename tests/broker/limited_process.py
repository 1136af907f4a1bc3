"""One of the processes of limits.py: callers that ask a provider over HTTP as soon as the gate lets them."""

import asyncio
import sys
from contextlib import suppress
from typing import Any

import aiohttp

from shared.broker.admission import Answer, Script
from shared.broker.client import build_async_client
from shared.broker.gate import Gate
from shared.domain.gate import GatePolicy, GateShut
from tests.broker.limits import BURST, CALLERS, CONCURRENCY, RATE

POLICY = GatePolicy(CONCURRENCY, RATE, BURST, wait_seconds=2.0)


class Noting(Script):
    """Writes down what is granted, by the clock of Redis: a line of microseconds and calls."""

    async def __call__(self, *arguments: Any, **named: Any) -> Answer:
        answer = await super().__call__(*arguments, **named)
        if answer.admitted > 0:
            print(answer.now, answer.admitted, flush=True)
        return answer


async def run(redis_url: str, provider_url: str) -> None:
    """Ready is said by a key; then every caller calls until it is killed."""
    client, signals = build_async_client(redis_url), build_async_client(redis_url)
    gate = Gate(client, "provider", POLICY)
    gate._ask = Noting(client, "provider", POLICY)
    await gate.start()

    async with aiohttp.ClientSession() as session:

        async def call() -> None:
            token = await gate.admit()
            try:
                async with session.get(provider_url) as answer:
                    await answer.read()
            finally:
                gate.release(token)

        async def caller() -> None:
            while True:
                with suppress(GateShut):
                    await call()

        await signals.incr("ready")
        await signals.blpop(["begin"])
        await asyncio.gather(*(caller() for _ in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
