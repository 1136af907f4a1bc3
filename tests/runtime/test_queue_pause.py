"""A paused queue: nothing of it leaves any more, no attempt is spent, and unpaused it goes on where it was."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import httpx
import pytest

from shared.config import Runtime
from shared.domain.gate import GatePolicy
from shared.domain.message import Message
from shared.domain.phases import VIDEO_ENRICHMENT, of_service
from shared.domain.provider import Limits
from shared.errors import ConflictError
from shared.runtime.dispatcher import Dispatcher
from shared.store import control, jobs
from shared.store.audit import audit
from shared.store.control import Act
from shared.store.leases import take_lease
from shared.store.pool import Connection, Pool
from shared.store.queue_pauses import find_paused_queues, list_queue_actions, pause_queue, unpause_queue
from shared.testing.eventually import eventually
from shared.testing.gate import FakeGate
from shared.testing.jobs import claim, dispatch, start_searches
from shared.testing.pipelines import claim_all, record_all, start_pipeline
from shared.testing.provider import ScriptedProvider, answers
from shared.testing.rows import fetch
from shared.testing.worker import open_worker

pytestmark = pytest.mark.anyio

ACT = Act("ada", "maintenance")
STATES = "SELECT state, count(*)::int FROM pipeline_state GROUP BY 1 ORDER BY 1"
WITHIN_SECONDS = 2.0


async def pause(conn: Connection, service: str = "serp") -> int:
    async with conn.transaction():
        return await pause_queue(conn, service, ACT)


async def unpause(conn: Connection, service: str = "serp") -> int:
    async with conn.transaction():
        return await unpause_queue(conn, service, ACT)


async def test_what_waits_to_start_goes_back_within_two_seconds_and_what_is_in_flight_is_recorded(
    postgres_url: str, conn: Connection, pool: Pool
) -> None:
    """Of every pipeline of the service; no attempt is spent, nothing waits for anything, and the record is sound."""
    reached, may_answer = 0, asyncio.Event()

    async def reply(subjects: list[str]) -> httpx.Response:
        nonlocal reached
        reached += 1
        await may_answer.wait()
        return answers(subjects)

    scripted = ScriptedProvider(concurrency=9)
    scripted.reply = reply
    async with open_worker(
        postgres_url, scripted, gate=FakeGate(GatePolicy(concurrency=3, wait_seconds=60.0))
    ) as worker:
        looking = asyncio.create_task(worker.buyer.steering.run(pool))
        first, second = await start_searches(conn, 9), await start_searches(conn, 9, regions=["GB"])
        messages = [await dispatch(conn, one) for one in (first, second)]
        works = [asyncio.create_task(worker.processor.process(message)) for message in messages]
        await eventually(lambda: reached == 3)
        await pause(conn)
        paused = time.monotonic()

        async def given_back() -> bool:
            return await fetch(conn, STATES) == [("pending", 15), ("processing", 3)]

        await eventually(given_back, WITHIN_SECONDS)
        assert time.monotonic() - paused < WITHIN_SECONDS
        may_answer.set()
        await asyncio.gather(*works)
        assert reached == 3
        assert await fetch(conn, STATES) == [("completed", 3), ("pending", 15)]
        assert await fetch(conn, "SELECT sum(attempts)::int FROM pipeline_state") == [3]
        assert await fetch(conn, "SELECT count(*)::int FROM waiting") == [0]

        await unpause(conn)
        await worker.buyer.steering.look(pool)
        for one in (first, second):
            await worker.processor.process(await dispatch(conn, one))
        looking.cancel()
    assert await fetch(conn, STATES) == [("completed", 18)]
    for one in (first, second):
        report = await audit(conn, one)
        assert [check.detail for check in report.checks if not check.passed] == []


async def test_nothing_of_it_is_dispatched_or_claimed_and_other_queues_go_on(
    pool: Pool, conn: Connection
) -> None:
    """A job that was formed before, or by somebody who did not know yet, is taken back."""
    sent: list[Message] = []

    async def publish(_: str, messages: Sequence[Message]) -> None:
        sent.extend(messages)

    provider = replace(ScriptedProvider().provider, limits=Limits(4))
    dispatcher = Dispatcher(pool, provider, of_service("serp"), Runtime(redispatch_seconds=0.001), publish)
    pipeline_id = await start_searches(conn, 4)
    message = await dispatch(conn, pipeline_id, 2)
    assert await pause(conn) == 1
    await dispatcher.round()
    assert sent == []
    assert await claim(conn, message) is None
    assert await fetch(conn, "SELECT count(*)::int FROM ready") == [4]
    late = await dispatch(conn, pipeline_id, 2)
    assert await claim(conn, late) is None
    await dispatcher.round()
    assert sent == [], "and it is not sent again and again"
    await pause(conn, "media")
    assert await unpause(conn) == 1
    await dispatcher.round()
    assert (
        sum(await fetch(conn, "SELECT cardinality(item_ids) FROM job_queue WHERE state = 'dispatched'")) == 4
    )


async def test_a_pause_is_on_record_with_actor_and_reason_and_not_doubled(conn: Connection) -> None:
    """What is refused changes nothing."""
    with pytest.raises(ConflictError, match="the queue serp is not paused"):
        await unpause(conn)
    await pause(conn)
    with pytest.raises(ConflictError, match="the queue serp is paused already"):
        await pause(conn)
    (paused,) = await find_paused_queues(conn)
    assert (paused.queue, paused.paused_by, paused.reason) == ("serp", "ada", "maintenance")
    await unpause(conn)
    assert await find_paused_queues(conn) == []
    actions = await list_queue_actions(conn, "serp")
    assert [(one.action, one.actor, one.detail) for one in actions] == [
        ("unpause", "ada", {"jobs_withdrawn": 0}),
        ("pause", "ada", {"jobs_withdrawn": 0}),
    ]


async def test_nothing_is_given_up_for_the_time_of_a_pause(conn: Connection) -> None:
    """Neither while it lasts nor at once afterwards, whether a worker is there or not."""
    phases = ["serp_collection", VIDEO_ENRICHMENT]
    pipeline_id = await start_pipeline(
        conn, content_types=["organic"], config={"phases": phases, "give_up_after_seconds": 60}
    )
    held = await claim_all(conn, pipeline_id, "serp_collection")
    assert held
    await record_all(conn, held)
    await pause(conn, "media")
    await conn.execute("UPDATE ready SET due_at = now() - interval '2 minutes'")
    await conn.execute("UPDATE pipelines SET running_since = now() - interval '2 minutes'")
    assert await jobs.give_up_items(conn) == 0
    await unpause(conn, "media")
    assert await jobs.give_up_items(conn) == 0
    await conn.execute("UPDATE circuit_breakers SET unpaused_at = now() - interval '2 minutes'")
    await take_lease(conn, "media", "w", 60)
    assert await jobs.give_up_items(conn) == 0, "somebody works on it"
    await conn.execute("DELETE FROM leases")
    assert await jobs.give_up_items(conn) == 1


async def test_a_cancelled_pipeline_settles_also_in_a_paused_queue(pool: Pool, conn: Connection) -> None:
    """A pause keeps nobody from ending what is not wanted any more."""
    pipeline_id = await start_searches(conn, 3)
    await pause(conn)
    async with conn.transaction():
        await control.cancel(conn, pipeline_id, ACT)
    await control.settle(pool, pipeline_id)
    assert await fetch(conn, STATES) == [("skipped", 3)]
