"""A worker of a provider whose answer about one item kills it, for test_poison.py to run as often as it dies."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from shared import log
from shared.config import Log, Runtime
from shared.domain.item import Item
from shared.domain.message import Message
from shared.domain.phases import of_service
from shared.domain.provider import Call, Outcome
from shared.runtime.dispatcher import Dispatcher
from shared.runtime.leader import Leader
from shared.runtime.reaper import Reaper
from shared.testing.provider import ScriptedProvider
from shared.testing.worker import open_worker

#: In the key of the item that nobody survives.
POISON = "poison"
PER_CALL = 16
LEASE_SECONDS = 0.6


async def run(postgres_url: str) -> None:
    """Dispatch and work on whatever is due, all jobs side by side, until killed."""
    scripted = ScriptedProvider(per_call=PER_CALL, items_per_call=PER_CALL)

    async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
        outcomes = await scripted.handle(items, call)
        if any(POISON in item.key for item in items):
            os.kill(os.getpid(), signal.SIGKILL)
        return outcomes

    phase = of_service(scripted.provider.service)
    holder = f"worker {os.getpid()}"
    working = open_worker(postgres_url, scripted, handle=handle, holder=holder, lease_seconds=LEASE_SECONDS)
    async with working as worker, asyncio.TaskGroup() as group:

        async def send(_: str, messages: Sequence[Message]) -> None:
            for message in messages:
                group.create_task(worker.processor.process(message))

        settings = Runtime(redispatch_seconds=60.0, tick_seconds=0.02, lease_seconds=LEASE_SECONDS)
        rounds = [
            Dispatcher(worker.pool, scripted.provider, phase, settings, send).round,
            Reaper(worker.pool, phase, settings).round,
        ]
        await Leader(worker.pool, phase.queue, holder, LEASE_SECONDS, rounds).run()


if __name__ == "__main__":
    log.configure(Log(level="warning"), service="serp")
    asyncio.run(run(sys.argv[1]))
