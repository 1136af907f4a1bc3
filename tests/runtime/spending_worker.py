"""A worker that buys for a pipeline with a budget, 32 calls at once, for test_budget_deaths.py to kill."""

import asyncio
import json
import os
import random
import sys
from collections.abc import Sequence

import httpx

from shared import log
from shared.config import Log, Runtime
from shared.domain.message import Message
from shared.domain.phases import of_service
from shared.runtime.dispatcher import Dispatcher
from shared.runtime.leader import Leader
from shared.runtime.reaper import Reaper
from shared.testing.provider import UNITS, ScriptedProvider, answers
from shared.testing.worker import open_worker

PRICE = 0.5
#: The most a call may cost; what it does cost is up to chance, and never more.
MOST = 2 * UNITS * PRICE
AT_ONCE = 32
LEASE_SECONDS = 0.6
SECONDS = 0.05


async def _reply(subjects: list[str]) -> httpx.Response:
    await asyncio.sleep(SECONDS * random.random())
    return answers(subjects) if random.random() < 0.9 else httpx.Response(500, text=json.dumps({}))


async def run(postgres_url: str) -> None:
    """Dispatch and buy until killed."""
    scripted = ScriptedProvider(per_call=2, concurrency=AT_ONCE)
    scripted.reply = _reply
    phase = of_service(scripted.provider.service)
    holder = f"worker {os.getpid()}"
    working = open_worker(
        postgres_url, scripted, holder=holder, lease_seconds=LEASE_SECONDS, unit_price=PRICE
    )
    async with working as worker, asyncio.TaskGroup() as group:

        async def send(_: str, messages: Sequence[Message]) -> None:
            for message in messages:
                group.create_task(worker.processor.process(message))

        settings = Runtime(redispatch_seconds=1.0, tick_seconds=0.02, lease_seconds=LEASE_SECONDS, threads=8)
        rounds = [
            Dispatcher(worker.pool, scripted.provider, phase, settings, send).round,
            Reaper(worker.pool, phase, settings).round,
        ]
        await Leader(worker.pool, phase.queue, holder, LEASE_SECONDS, rounds).run()


if __name__ == "__main__":
    log.configure(Log(level="warning"), service="serp")
    asyncio.run(run(sys.argv[1]))
