"""The proof of a limit: processes that want more than a provider takes, a Redis that forgets, a process that dies."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from typing import Any

from shared.broker.client import build_async_client
from shared.domain.gate import GatePolicy
from shared.testing.eventually import eventually
from tests.services.test_simulator_process import Simulator

#: What the provider takes: calls per second, of which so many at once after a pause, and calls at once.
RATE, BURST, CONCURRENCY = 50.0, 5, 10
PROCESSES, CALLERS = 8, 5
LATENCY_MS = 100
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What was granted and what arrived."""

    seconds: float
    granted: int
    busiest: int
    """Grants in the busiest second, by the clock of Redis."""
    arrived_per_second: int
    arrived_at_once: int

    @property
    def share(self) -> float:
        """Of the rate that was allowed. After a loss nothing may start until all processes have been heard."""
        return self.granted / (RATE * (self.seconds - GatePolicy(CONCURRENCY).settling_seconds))

    def hold(self) -> None:
        """Never more than allowed, and little less while work waits."""
        assert self.busiest <= RATE + BURST, self
        assert self.arrived_per_second <= 1.1 * RATE + BURST, self
        assert self.arrived_at_once <= CONCURRENCY, self
        assert self.share >= 0.9, self


async def measure(server: Any, simulator: Simulator, seconds: float) -> Measured:
    """So long with all processes; Redis forgets after a third, a process dies after two thirds."""
    simulator.fresh()
    simulator.control("POST", "settings", {"latency_ms": LATENCY_MS})
    url = f"{simulator.url}/scaleserp/search?api_key=key&q=coffee"
    command = [sys.executable, "-m", "tests.broker.limited_process", server.url, url]
    client = build_async_client(server.url)
    processes = [await asyncio.create_subprocess_exec(*command, stdout=PIPE) for _ in range(PROCESSES)]
    notes = [asyncio.create_task(process.communicate()) for process in processes]

    async def all_ready() -> bool:
        return int(await client.get("ready") or 0) == PROCESSES

    try:
        await eventually(all_ready, 60.0)
        await client.rpush("begin", *range(PROCESSES))
        began = await _now(client)

        async def part_is_over(part: int) -> bool:
            return await _now(client) > began + part * seconds * MICRO / 3

        await eventually(lambda: part_is_over(1), seconds)
        await asyncio.to_thread(server.flush)
        await eventually(lambda: part_is_over(2), seconds)
        processes[0].kill()
        await eventually(lambda: part_is_over(3), seconds)
        ended = await _now(client)
    finally:
        await _end(processes)
        written = [(await note)[0].decode() for note in notes]
        await client.aclose()
    page = simulator.page()
    return _measured(written, began, ended, page["peak_per_second"], page["peak_concurrency"])


def _measured(written: list[str], began: int, ended: int, per_second: int, at_once: int) -> Measured:
    lines = [line.split() for text in written for line in text.splitlines()]
    # A killed process may have been cut off in the middle of a line.
    grants = sorted((int(line[0]), int(line[1])) for line in lines if len(line) == 2)
    busiest = max(sum(number for at, number in grants if start <= at < start + MICRO) for start, _ in grants)
    granted = sum(number for at, number in grants if at <= ended)
    return Measured((ended - began) / MICRO, granted, busiest, per_second, at_once)


async def _now(client: Any) -> int:
    seconds, micro = await client.time()
    return int(seconds) * MICRO + int(micro)


async def _end(processes: list[Process]) -> None:
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.wait()
