"""The gate over several processes, and what it does when Redis forgets, goes away or loses an answer."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any, Self, cast
from urllib.parse import urlsplit

import pytest

from shared.broker.client import build_async_client
from shared.broker.gate import Gate
from shared.domain.gate import GatePolicy, GateShut
from shared.testing.eventually import eventually

pytestmark = pytest.mark.anyio

POLICY = GatePolicy(4, wait_seconds=2.0, lease_seconds=0.9, beat_seconds=0.04, settling_seconds=0.25)
INFLIGHT = "{landscape}:gate:provider:inflight"


@asynccontextmanager
async def opened(url: str, policy: GatePolicy = POLICY) -> AsyncIterator[Gate]:
    """A gate as a process of its own has it: with its own connections."""
    client = build_async_client(url)
    gate = Gate(client, "provider", policy)
    await gate.start()
    try:
        yield gate
    finally:
        await gate.close()
        await client.aclose()


@asynccontextmanager
async def several(url: str, number: int, policy: GatePolicy = POLICY) -> AsyncIterator[list[Gate]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(opened(url, policy)) for _ in range(number)]


class Meter:
    """Calls in flight now and at most."""

    def __init__(self) -> None:
        self.now = self.most = self.ended = 0

    async def call(self, gate: Gate, seconds: float) -> None:
        token = await gate.admit()
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.now -= 1
            self.ended += 1
            gate.release(token)

    def has_ended(self, calls: int) -> bool:
        return self.ended > calls

    async def work(self, gate: Gate, calls: int, seconds: float = 0.002) -> None:
        """So many calls one after the other; who is told to wait comes again."""
        while calls:
            with suppress(GateShut):
                await self.call(gate, seconds)
                calls -= 1


async def remembered(url: str) -> int:
    """Slots that are taken, as Redis sees it."""
    client = build_async_client(url)
    try:
        return int(await client.zcard(INFLIGHT))
    finally:
        await client.aclose()


async def test_the_limit_holds_over_all_gates(server: Any) -> None:
    """Three processes want more than is allowed together; each gets some, all use every slot, none is kept."""
    meter = Meter()
    async with several(server.url, 3) as gates, asyncio.TaskGroup() as group:
        for _ in range(4):
            for gate in gates:
                group.create_task(meter.work(gate, 15))
    assert (meter.most, meter.ended) == (POLICY.concurrency, 180)


#: One process: takes part in the work, and has Redis itself count who is in flight.
PROCESS = """
import asyncio, sys
from shared.broker.client import build_async_client
from shared.broker.gate import Gate
from shared.domain.gate import GatePolicy
async def main(url):
    client = build_async_client(url)
    gate = Gate(client, "provider", GatePolicy(4, wait_seconds=20.0))
    await gate.start()
    async def work():
        for _ in range(15):
            token = await gate.admit()
            await client.zadd("seen", {await client.incr("now"): 0})
            await client.incr("ended")
            await client.decr("now")
            gate.release(token)
    await asyncio.gather(*(work() for _ in range(4)))
    await gate.close()
    await client.aclose()
asyncio.run(main(sys.argv[1]))
"""


async def test_the_limit_holds_over_processes(server: Any) -> None:
    """The same with three real processes, counted by Redis."""
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", PROCESS, server.url) for _ in range(3)
    ]
    try:
        codes = await asyncio.wait_for(asyncio.gather(*(p.wait() for p in processes)), 60)
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    client = build_async_client(server.url)
    ended = int(await client.get("ended") or 0)
    most = max(int(cast("bytes", seen)) for seen in await client.zrange("seen", 0, -1))
    await client.aclose()
    assert codes == [0, 0, 0]
    assert ended == 180
    assert 1 <= most <= 4


async def test_a_dead_processs_slots_are_free_after_their_lease(server: Any) -> None:
    """Not before: its calls may still be under way. A living one keeps its slots as long as it likes."""
    loop = asyncio.get_running_loop()
    policy = GatePolicy(2, wait_seconds=5.0, lease_seconds=0.6, beat_seconds=0.05, settling_seconds=0.0)
    async with opened(server.url, policy) as living:
        kept = await living.admit()
        async with opened(server.url, policy) as dead:
            await dead.admit()
            died = loop.time()
        await asyncio.wait_for(living.admit(), 5.0)
        assert loop.time() - died > policy.lease_seconds / 3, "the lease was not waited for"
        # By now the lease of the first call, too, would be over, had nobody renewed it.
        assert await remembered(server.url) == 2
        living.release(kept)


async def test_after_a_flush_the_limit_still_holds(server: Any) -> None:
    """Redis forgets while calls are in flight: every process registers its own again before anybody gets a slot."""
    meter = Meter()

    async def flush() -> None:
        for _ in range(3):
            await eventually(lambda: meter.now == POLICY.concurrency)
            await asyncio.to_thread(server.flush)
            enough = meter.ended + POLICY.concurrency
            await eventually(partial(meter.has_ended, enough))

    async with several(server.url, 3) as gates, asyncio.TaskGroup() as group:
        group.create_task(flush())
        for _ in range(3):
            for gate in gates:
                group.create_task(meter.work(gate, 4, seconds=2 * POLICY.settling_seconds))
    assert meter.most == POLICY.concurrency


async def test_a_hold_stops_everybody(server: Any) -> None:
    """What one process was told by the provider, all obey; a hold beyond the wait is told to those who wait."""
    async with several(server.url, 3) as gates:
        tokens = [await gate.admit() for gate in gates]
        gates[0].hold(60.0, "quota")
        await eventually(lambda: _refused(gates[1]), 5.0)
        for gate in gates:
            with pytest.raises(GateShut) as caught:
                await gate.admit()
            assert caught.value.reason == "quota"
            assert 50 < caught.value.wait_seconds <= 60
            with pytest.raises(GateShut):
                gate.refuse_if_held()  # it has heard of it by now
        for gate, token in zip(gates, tokens, strict=True):
            gate.release(token)


async def _refused(gate: Gate) -> bool:
    try:
        gate.release(await gate.admit())
    except GateShut:
        return True
    return False


async def test_cancellation_over_several_gates_leaks_no_slot(server: Any) -> None:
    """Calls cut short at random moments: afterwards Redis knows of no call in flight."""
    chance, meter = random.Random(3), Meter()
    async with several(server.url, 3) as gates:
        for _ in range(15):
            calls = [
                asyncio.ensure_future(meter.call(g, chance.random() * 0.003)) for g in gates for _ in range(5)
            ]
            await asyncio.sleep(chance.random() * 0.006)
            for call in chance.sample(calls, 9):
                call.cancel()
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(result) for result in results} <= {type(None), asyncio.CancelledError}
        assert meter.most <= POLICY.concurrency

        async def all_free() -> bool:
            return await remembered(server.url) == 0

        await eventually(all_free, POLICY.lease_seconds / 2)


@pytest.mark.parametrize("yields", range(6))
async def test_closing_ends_whatever_happens_at_that_moment(server: Any, yields: int) -> None:
    """A wake-up and the cancellation may come together; neither swallows the other."""
    client = build_async_client(server.url)
    gate = Gate(client, "provider", POLICY)
    await gate.start()
    gate.release(await gate.admit())
    await eventually(lambda: not gate._released)
    gate.release("wakes it")
    for _ in range(yields):
        await asyncio.sleep(0)
    async with asyncio.timeout(5.0):
        await gate.close()
    await client.aclose()


async def test_without_redis_everybody_gets_an_answer(server: Any) -> None:
    """Refused in bounded time, calls in flight undisturbed; when it is back, with nothing remembered, all goes on."""
    async with opened(
        server.url, GatePolicy(4, wait_seconds=0.3, beat_seconds=0.05, settling_seconds=0.3)
    ) as gate:
        token = await gate.admit()
        server.stop()
        try:
            results = await asyncio.wait_for(
                asyncio.gather(*(gate.admit() for _ in range(5)), return_exceptions=True), 15.0
            )
            assert all(isinstance(result, GateShut) for result in results), results
            gate.release(token)
        finally:
            await asyncio.to_thread(server.start)

        async def admitted() -> str:
            with suppress(GateShut):
                return await gate.admit()
            return ""

        tokens = [await eventually(admitted) for _ in range(4)]
        assert len(set(tokens)) == 4
        assert token not in tokens


class Line:
    """The way to Redis, which may break just before an answer arrives: the next `losses` decisions go unheard."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._serving: set[asyncio.Task[None]] = set()
        self.url = ""
        self.losses = 0
        self.leaving: list[asyncio.Task[str]] = []
        """Waits that are cancelled the moment an answer is lost."""

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._listener.sockets[0].getsockname()[1]
        self.url = self._target._replace(netloc=f":{self._target.password}@127.0.0.1:{port}").geturl()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        await self._listener.wait_closed()
        await asyncio.gather(*self._serving)  # their clients have gone

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(cast("asyncio.Task[None]", asyncio.current_task()))
        upstream, downstream = await asyncio.open_connection(self._target.hostname, self._target.port)
        breaks = False

        async def requests() -> None:
            nonlocal breaks
            while data := await reader.read(65536):
                if b"EVALSHA" in data and self.losses:
                    self.losses -= 1
                    breaks = True
                downstream.write(data)

        async def responses() -> None:
            while data := await upstream.read(65536):
                if breaks:
                    for wait in self.leaving:
                        wait.cancel()
                    return
                writer.write(data)

        tasks = [asyncio.ensure_future(requests()), asyncio.ensure_future(responses())]
        with suppress(ConnectionError):
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in (writer, downstream):
            end.close()
            with suppress(ConnectionError):
                await end.wait_closed()


LOSSY = GatePolicy(2, wait_seconds=2.0, lease_seconds=60.0, beat_seconds=0.05, settling_seconds=0.0)


async def at_rest(gate: Gate, url: str) -> None:
    """It knows Redis's epoch and holds nothing, so the next decision is the one that admits."""
    gate.release(await gate.admit())

    async def empty() -> bool:
        return await remembered(url) == 0

    await eventually(empty)


@pytest.mark.parametrize("losses", [1, 3])
async def test_an_answer_lost_on_the_way_costs_no_slot(server: Any, losses: int) -> None:
    """The decision was made, nobody heard of it: asked again, it is the same decision, not one on top."""
    async with Line(server.url) as line, opened(line.url, LOSSY) as gate:
        await at_rest(gate, server.url)
        line.losses = losses
        tokens = await asyncio.wait_for(asyncio.gather(gate.admit(), gate.admit()), 3.0)
        assert line.losses == 0
        assert len(set(tokens)) == 2
        assert await remembered(server.url) == 2


@pytest.mark.parametrize("losses", [1, 3])
async def test_a_wait_cut_short_while_its_answer_is_lost_leaks_no_slot(server: Any, losses: int) -> None:
    """Who was admitted unheard and has left does not stay on Redis's account."""
    async with Line(server.url) as line, opened(line.url, LOSSY) as gate:
        await at_rest(gate, server.url)
        line.losses = losses
        line.leaving = waits = [asyncio.create_task(gate.admit()) for _ in range(2)]
        await asyncio.gather(*waits, return_exceptions=True)
        assert all(wait.cancelled() for wait in waits)

        async def all_free() -> bool:
            return line.losses == 0 and await remembered(server.url) == 0

        await eventually(all_free, 5.0)


RATE = 40.0
BURST = 4
#: What the policy allows in any second, and how long it is measured.
ALLOWED, SECONDS = RATE + BURST, 4.0


@pytest.mark.alone
async def test_the_rate_is_never_exceeded_and_nearly_reached(server: Any) -> None:
    """By the clock of Redis: at most rate + burst grants in any second, and 90 % of the rate while work waits."""
    policy = GatePolicy(200, requests_per_second=RATE, burst=BURST, wait_seconds=1.0, settling_seconds=0.0)
    watcher = build_async_client(server.url)
    grants: list[float] = []
    # Every slot's score is the moment of its admission plus the lease, by Redis's clock; none is given back.
    async with several(server.url, 3, policy) as gates:

        async def work(gate: Gate) -> None:
            while True:
                with suppress(GateShut):
                    await gate.admit()
                    await asyncio.sleep(0)

        workers = [asyncio.ensure_future(work(gate)) for gate in gates for _ in range(8)]
        await asyncio.wait(workers, timeout=SECONDS)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        slots = await watcher.zrange(INFLIGHT, 0, -1, withscores=True)
        grants = sorted(score / 1e6 for _, score in cast("list[tuple[bytes, float]]", slots))
    await watcher.aclose()
    busiest = max(sum(1 for g in grants if start <= g < start + 1.0) for start in grants)
    assert busiest <= ALLOWED
    assert len(grants) >= 0.9 * RATE * SECONDS
