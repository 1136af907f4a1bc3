"""A worker notices that a pipeline was stopped: nothing new leaves, what has left is recorded, the rest goes back."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
import pytest

from shared.config import Runtime
from shared.domain.gate import GatePolicy
from shared.runtime.checkpoints import ROUND_SECONDS as CHECKPOINT_SECONDS
from shared.runtime.checkpoints import Checkpoints
from shared.runtime.housekeeping import Housekeeping
from shared.runtime.settling import ROUND_SECONDS, Settling
from shared.runtime.steering import Steering, Stopped
from shared.store import control
from shared.store.audit import audit
from shared.store.checkpoints import list_checkpoints
from shared.store.control import Act
from shared.store.pool import Connection, Pool
from shared.testing.eventually import eventually
from shared.testing.gate import FakeGate
from shared.testing.jobs import dispatch, start_searches
from shared.testing.pipelines import finish_pipeline
from shared.testing.provider import ScriptedProvider, answers
from shared.testing.rows import fetch
from shared.testing.worker import open_worker

pytestmark = pytest.mark.anyio

ACT = Act("ada")
STATES = "SELECT state, count(*)::int FROM pipeline_state GROUP BY 1 ORDER BY 1"
Verb = Callable[[Connection, UUID, Act], Awaitable[None]]
#: Within this nothing of a stopped pipeline waits to start any more.
WITHIN_SECONDS = 2.0


async def assert_sound(conn: Connection, pipeline_id: UUID) -> None:
    report = await audit(conn, pipeline_id)
    assert [check.detail for check in report.checks if not check.passed] == []


class Server:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.reached = 0
        self.may_answer = asyncio.Event()

    async def __call__(self, subjects: list[str]) -> httpx.Response:
        self.reached += 1
        await self.may_answer.wait()
        return answers(subjects)


@pytest.mark.parametrize("verb", [control.pause, control.cancel])
@pytest.mark.parametrize("places", [3, 9])
async def test_only_what_is_in_flight_ends(
    postgres_url: str, conn: Connection, pool: Pool, verb: Verb, places: int
) -> None:
    """Others wait for a place in the process, or at the gate: they go back at once, although no answer comes."""
    scripted, server = ScriptedProvider(concurrency=places), Server()
    scripted.reply = server
    gate = FakeGate(GatePolicy(concurrency=3, wait_seconds=60.0))
    async with open_worker(postgres_url, scripted, gate=gate) as worker:
        looking = asyncio.create_task(worker.buyer.steering.run(pool))
        pipeline_id = await start_searches(conn, 20)
        work = asyncio.create_task(worker.processor.process(await dispatch(conn, pipeline_id)))
        await eventually(lambda: server.reached == 3)

        await verb(conn, pipeline_id, ACT)
        stopped = time.monotonic()

        async def given_back() -> bool:
            return await fetch(conn, STATES) == [("pending", 17), ("processing", 3)]

        await eventually(given_back, WITHIN_SECONDS)
        assert time.monotonic() - stopped < WITHIN_SECONDS
        assert server.reached == 3
        assert not work.done()
        server.may_answer.set()
        await work
        looking.cancel()
    assert server.reached == 3
    assert await fetch(conn, STATES) == [("completed", 3), ("pending", 17)]
    assert await fetch(conn, "SELECT sum(attempts)::int FROM pipeline_state") == [3]
    assert await fetch(conn, "SELECT count(*)::int FROM waiting") == [0]
    assert await fetch(conn, "SELECT state FROM job_queue") == ["completed"]
    await control.settle(pool, pipeline_id)
    await assert_sound(conn, pipeline_id)


async def test_another_pipeline_of_the_same_worker_goes_on(
    postgres_url: str, conn: Connection, pool: Pool
) -> None:
    """Only the stopped one is interrupted; unpaused, it goes on where it was."""
    scripted, server = ScriptedProvider(concurrency=2), Server()
    scripted.reply = server
    async with open_worker(postgres_url, scripted) as worker:
        first = await start_searches(conn, 4)
        second = await start_searches(conn, 4, regions=["GB"])
        messages = [await dispatch(conn, pipeline_id) for pipeline_id in (first, second)]
        works = [asyncio.create_task(worker.processor.process(message)) for message in messages]
        await eventually(lambda: server.reached == 2)
        await control.pause(conn, first, ACT)
        await worker.buyer.steering.look(pool)
        server.may_answer.set()
        await asyncio.gather(*works)
        states = (
            "SELECT state, count(*)::int FROM pipeline_state WHERE pipeline_id = %s GROUP BY 1 ORDER BY 1"
        )
        assert await fetch(conn, states, second) == [("completed", 4)]
        assert dict(await fetch(conn, states, first))["pending"] >= 1

        await control.unpause(conn, first, ACT)
        await worker.processor.process(await dispatch(conn, first))
        assert await fetch(conn, states, first) == [("completed", 4)]
    assert sorted(map(tuple, scripted.requests)) == sorted(set(map(tuple, scripted.requests)))


async def test_who_waits_for_another_pipelines_call_goes_back(
    postgres_url: str, conn: Connection, pool: Pool
) -> None:
    """Its answer is recorded, and serves both when the stopped one goes on."""
    scripted, server = ScriptedProvider(), Server()
    scripted.reply = server
    async with open_worker(postgres_url, scripted) as worker:
        first, second = [await start_searches(conn, 1) for _ in range(2)]
        works = []
        for pipeline_id in (first, second):
            message = await dispatch(conn, pipeline_id)
            works.append(asyncio.create_task(worker.processor.process(message)))
            await eventually(lambda: server.reached == 1)

        async def both_wait() -> bool:
            return await fetch(conn, STATES) == [("processing", 2)]

        await eventually(both_wait)
        await control.pause(conn, second, ACT)
        await worker.buyer.steering.look(pool)
        await works[1]
        assert await fetch(conn, STATES) == [("pending", 1), ("processing", 1)]
        server.may_answer.set()
        await works[0]
        await control.unpause(conn, second, ACT)
        await worker.processor.process(await dispatch(conn, second))
    assert await fetch(conn, STATES) == [("completed", 2)]
    assert server.reached == 1


async def test_an_interrupted_task_is_told_why_and_may_go_on() -> None:
    """It gets Stopped, not a cancellation; afterwards it can await as before."""
    steering, trace = Steering(), []

    async def work() -> None:
        with steering.hold("p"):
            try:
                with steering.interruptible("p"):
                    await asyncio.Event().wait()
            except Stopped as stopped:
                trace.append(stopped.reason)
            await asyncio.sleep(0)
            with pytest.raises(Stopped):
                steering.refuse_if_stopped("p")
            trace.append("on")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    steering.stop({"p"})
    await task
    assert trace == ["paused", "on"]
    assert task.cancelling() == 0


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    """Alone, and together with an interruption: a lost lease or a shutdown is not mistaken for a pause."""
    for interrupted in (False, True):
        steering = Steering()

        async def work(steering: Steering = steering) -> None:
            with steering.interruptible("p"):
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        if interrupted:
            steering.stop({"p"})
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_what_ends_in_spite_of_an_interruption_is_kept() -> None:
    """Whoever swallows the cancellation and comes back with a place must be able to give it back."""
    steering = Steering()

    async def work() -> str:
        with steering.interruptible("p"):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                place = "a place"
        return place

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    steering.stop({"p"})
    assert await task == "a place"
    assert task.cancelling() == 0


async def test_an_idle_worker_asks_nothing(pool: Pool) -> None:
    """And while the store is away the last answer stands."""
    steering = Steering()
    await pool.close()
    await steering.look(pool)
    steering.stop({"p"})
    with steering.hold("q"):
        running = asyncio.create_task(steering.run(pool))
        await asyncio.sleep(0)
        assert not running.done()
        with pytest.raises(Stopped):
            steering.refuse_if_stopped("p")
        running.cancel()


async def test_housekeeping_finishes_a_cancel(conn: Connection, pool: Pool) -> None:
    """Whoever cancelled has died meanwhile."""
    pipeline_id = await start_searches(conn, 3)
    await control.cancel(conn, pipeline_id, ACT)
    assert await Settling(pool).round() == ROUND_SECONDS
    assert await fetch(conn, STATES) == [("skipped", 3)]
    assert await fetch(conn, "SELECT unsettled FROM pipelines") == [False]
    await assert_sound(conn, pipeline_id)


async def test_housekeeping_writes_checkpoints(conn: Connection, pool: Pool) -> None:
    """By number and at phase ends, each once, also of a pipeline that has just ended; none where they are off."""
    pipeline_id = await start_searches(conn, 7, config={"checkpoint_interval": 3})
    without = await start_searches(conn, 7, config={"enable_checkpoints": False})
    await finish_pipeline(conn, pipeline_id)
    await finish_pipeline(conn, without)
    for _ in range(2):
        assert await Checkpoints(pool).round() == CHECKPOINT_SECONDS
        await Housekeeping(pool, Runtime()).round()
    names = [checkpoint.name for checkpoint in await list_checkpoints(conn, pipeline_id)]
    assert names == ["items@14", "video_enrichment@7", "serp_collection@7"]
    assert await list_checkpoints(conn, without) == []
