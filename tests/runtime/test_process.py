"""One job from its message to its last item: every item ends as it should, whatever its try came to."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.gate import GatePolicy
from shared.domain.item import Item
from shared.domain.message import Message
from shared.domain.phases import SERP_COLLECTION
from shared.domain.provider import Call, Completed, Failed, Outcome
from shared.domain.results import Ranking, SearchResult
from shared.store.audit import audit
from shared.store.jobs import reap_jobs
from shared.store.pool import Connection
from shared.testing.eventually import eventually
from shared.testing.gate import FakeGate
from shared.testing.jobs import claim, dispatch, start_searches
from shared.testing.provider import ScriptedProvider, answers
from shared.testing.rows import dump, fetch
from shared.testing.worker import Worker, open_worker

pytestmark = pytest.mark.anyio

ENDINGS = "SELECT state, attempts, wait_reason, error_category FROM pipeline_state ORDER BY item_id"
LOCKED = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider(
        errors=(ErrorRule(ErrorCategory.QUOTA, status=418), ErrorRule(ErrorCategory.ACCOUNT, status=402))
    )


@pytest.fixture
async def worker(postgres_url: str, provider: ScriptedProvider) -> AsyncIterator[Worker]:
    async with open_worker(postgres_url, provider) as worker:
        yield worker


async def job(conn: Connection, searches: int = 3) -> Message:
    """The message of a job with all searches of a new pipeline."""
    return await dispatch(conn, await start_searches(conn, searches))


async def lines(conn: Connection) -> list[Any]:
    return await fetch(conn, ENDINGS)


class Server:
    """Answers when it is told to; some subjects never."""

    def __init__(self, *, never: str = "") -> None:
        self.reached = 0
        self.may_answer = asyncio.Event()
        self._never = never

    async def __call__(self, subjects: list[str]) -> httpx.Response:
        self.reached += 1
        if self._never and self._never in subjects[0]:
            await asyncio.Event().wait()
        await self.may_answer.wait()
        return answers(subjects)


async def test_a_jobs_items_are_completed(
    worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """Each has its result and its attempt, the job has ended, and the audit agrees."""
    await worker.processor.process(await job(conn))
    assert await lines(conn) == [("completed", 1, None, None)] * 3
    assert await fetch(conn, "SELECT state FROM job_queue") == ["completed"]
    assert await fetch(conn, "SELECT domain FROM rankings") == ["acme.com"] * 3
    assert len(provider.requests) == 3
    (pipeline_id,) = await fetch(conn, "SELECT pipeline_id::text FROM pipelines")
    report = await audit(conn, UUID(pipeline_id))
    assert [check.detail for check in report.checks if not check.passed] == []


async def test_a_second_pipeline_is_answered_from_the_store(
    worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """And its items say so."""
    await worker.processor.process(await job(conn))
    await worker.processor.process(await job(conn))
    assert len(provider.requests) == 3
    query = "SELECT from_store, count(*) FROM pipeline_state GROUP BY 1 ORDER BY 1"
    assert await fetch(conn, query) == [(False, 3), (True, 3)]


async def test_a_void_message_does_nothing(
    worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """A message whose job is another's, or done, is read and forgotten."""
    message = await job(conn)
    assert await claim(conn, message, holder="another")
    before = await dump(conn)
    await worker.processor.process(message)
    assert await dump(conn) == before
    assert provider.requests == []


async def test_a_handle_serves_as_many_items_as_it_takes(postgres_url: str, conn: Connection) -> None:
    """A job is cut into whole calls."""
    provider, sizes = ScriptedProvider(items_per_call=3, per_call=3), []

    async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
        sizes.append(len(items))
        return await provider.handle(items, call)

    async with open_worker(postgres_url, provider, handle=handle) as worker:
        await worker.processor.process(await job(conn, 7))
    assert sorted(sizes) == [1, 3, 3]
    assert await lines(conn) == [("completed", 1, None, None)] * 7


#: The provider's answer, attempts spent before -> (state, attempts, wait reason, category).
REFUSALS: dict[str, tuple[int, int, tuple[str, int, str | None, str | None]]] = {
    "recoverable": (503, 0, ("pending", 1, "retry", None)),
    "recoverable, for the last time": (503, 2, ("failed", 3, None, "recoverable")),
    "throttled": (429, 0, ("pending", 0, "rate", None)),
    "throttled, after many attempts": (429, 2, ("pending", 2, "rate", None)),
    "quota": (418, 2, ("pending", 2, "quota", None)),
    "account": (402, 2, ("pending", 2, "account", None)),
    "hopeless": (404, 0, ("failed", 1, None, "non_recoverable")),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_what_the_provider_refuses_ends_by_category(
    case: str, worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """Waits spend no attempt, tries do; the last try and the hopeless one fail, and the job ends in any case."""
    status, spent, ending = REFUSALS[case]

    async def refuse(_: list[str]) -> httpx.Response:
        return httpx.Response(status)

    provider.reply = refuse
    message = await job(conn, 1)
    await conn.execute("UPDATE pipeline_state SET attempts = %s", (spent,))
    await worker.processor.process(message)
    assert await lines(conn) == [ending]
    assert await fetch(conn, "SELECT state FROM job_queue WHERE fingerprint IS NULL") == ["completed"]
    (why,) = await fetch(conn, "SELECT last_error FROM pipeline_state")
    assert f"status {status}" in why


async def test_an_answer_of_the_wrong_shape_is_tried_once_more(
    worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """It rarely passes by itself, so its own rule gives it two attempts instead of the policy's three."""

    async def misshapen(subjects: list[str]) -> httpx.Response:
        return httpx.Response(200, json={subjects[0]: 7})

    provider.reply = misshapen
    for attempts, state in ((1, "pending"), (2, "failed")):
        await conn.execute("UPDATE pipelines SET state = 'completed', ended_at = now()")
        message = await job(conn, 1)
        query = "UPDATE pipeline_state SET attempts = %s WHERE state = 'pending' AND next_at IS NULL"
        await conn.execute(query, (attempts - 1,))
        await worker.processor.process(message)
        assert (await lines(conn))[-1][:2] == (state, attempts)


async def test_what_the_gate_refuses_waits_and_spends_nothing(
    postgres_url: str, conn: Connection, provider: ScriptedProvider
) -> None:
    """Told to wait a minute, the items come back in a minute."""
    gate = FakeGate(GatePolicy(10))
    async with open_worker(postgres_url, provider, gate=gate) as worker:
        gate.hold(60.0)
        await worker.processor.process(await job(conn, 2))
    assert await lines(conn) == [("pending", 0, "rate", None)] * 2
    assert await fetch(conn, "SELECT next_at - now() > interval '50 s' FROM waiting") == [True, True]
    assert provider.requests == []


async def test_a_defect_fails_its_items_loudly_and_at_once(
    postgres_url: str, conn: Connection, provider: ScriptedProvider
) -> None:
    """No retry can help: the items of that call fail with the defect's name, those of the others are completed."""

    async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
        outcomes = await provider.handle(items, call)
        if items[0].input["q"] == "keyword 1":
            raise ZeroDivisionError("a defect")
        return outcomes

    async with open_worker(postgres_url, provider, handle=handle) as worker:
        await worker.processor.process(await job(conn))
    assert await lines(conn) == [
        ("completed", 1, None, None),
        ("failed", 1, None, "bug"),
        ("completed", 1, None, None),
    ]
    query = "SELECT last_error FROM pipeline_state WHERE state = 'failed'"
    assert await fetch(conn, query) == ["ZeroDivisionError: a defect"]


async def test_every_item_needs_an_outcome(
    postgres_url: str, conn: Connection, provider: ScriptedProvider
) -> None:
    """One its provider forgot fails as a defect; one it gave up on fails with its words."""

    async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
        (item,) = items
        if item.input["q"] == "keyword 0":
            return {}
        return {item.item_id: Failed("will never work")}

    async with open_worker(postgres_url, provider, handle=handle) as worker:
        await worker.processor.process(await job(conn, 2))
    query = "SELECT state, error_category, last_error FROM pipeline_state ORDER BY item_id"
    assert await fetch(conn, query) == [
        ("failed", "bug", "its provider gave no outcome for it"),
        ("failed", "non_recoverable", "will never work"),
    ]


async def test_a_result_that_cannot_be_stored_fails_alone(
    postgres_url: str, conn: Connection, provider: ScriptedProvider
) -> None:
    """It says why; what was recorded together with it is there."""

    async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
        facts = await call(provider.endpoint, [item.key for item in items])
        position = 99_999 if items[0].input["q"] == "keyword 1" else 1
        result = SearchResult((Ranking(position, "https://acme.com/", "acme.com"),))
        return {item.item_id: Completed(result, (facts[item.key],)) for item in items}

    async with open_worker(postgres_url, provider, handle=handle) as worker:
        await worker.processor.process(await job(conn))
    assert [row[0] for row in await lines(conn)] == ["completed", "failed", "completed"]
    query = "SELECT error_category, last_error FROM pipeline_state WHERE state = 'failed'"
    ((category, why),) = await fetch(conn, query)
    assert category == "bug"
    assert why.startswith("its result cannot be stored: ")
    assert await fetch(conn, "SELECT state FROM job_queue") == ["completed"]


async def test_draining_finishes_what_is_in_flight_and_gives_back_the_rest(
    postgres_url: str, conn: Connection, provider: ScriptedProvider
) -> None:
    """Two calls are out, the others wait at the gate: those two are recorded, the rest is due at once, untried."""
    provider.reply = server = Server()
    gate = FakeGate(GatePolicy(2, wait_seconds=20.0))
    async with open_worker(postgres_url, provider, gate=gate) as worker:
        working = asyncio.create_task(worker.processor.process(await job(conn, 6)))
        await eventually(lambda: server.reached == 2)
        draining = asyncio.create_task(worker.processor.drain(20.0))
        await asyncio.sleep(0)
        server.may_answer.set()
        await draining
        await working
        assert server.reached == 2
        late = await job(conn, 1)
        await worker.processor.process(late)
    assert sorted(await lines(conn)) == [("completed", 1, None, None)] * 2 + [("pending", 0, None, None)] * 5
    assert await fetch(conn, "SELECT count(*) FROM ready WHERE due_at <= now()") == [4]
    assert await fetch(conn, "SELECT state FROM job_queue ORDER BY job_id") == ["completed", "dispatched"]
    assert await fetch(conn, "SELECT count(*) FROM provider_calls WHERE state = 'sent'") == [0]


async def test_draining_cuts_off_what_does_not_end(
    worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """The item is due at once for another process, its call is in doubt, and the lease is given back."""
    provider.reply = server = Server(never="keyword 1")
    server.may_answer.set()
    working = asyncio.create_task(worker.processor.process(await job(conn, 2)))
    await eventually(lambda: server.reached == 2)
    await eventually(lambda: fetch(conn, "SELECT 1 FROM pipeline_state WHERE state = 'completed'"))
    await worker.processor.drain(0.0)
    await asyncio.wait_for(working, 10.0)
    assert await lines(conn) == [("completed", 1, None, None), ("pending", 0, None, None)]
    assert await fetch(conn, "SELECT count(*) FROM ready") == [1]
    assert await fetch(conn, "SELECT state FROM job_queue") == ["completed"]
    assert sorted(await fetch(conn, "SELECT state FROM provider_calls")) == ["in_doubt", "settled"]


async def lose(conn: Connection) -> None:
    """The job's lease runs out and the reaper gives its items to another worker."""
    await conn.execute("UPDATE job_queue SET lease_until = now() - interval '1 s'")
    assert (await reap_jobs(conn, "serp", SERP_COLLECTION, 5))[0] == 1


async def test_a_lost_lease_ends_the_work_and_records_nothing(postgres_url: str, conn: Connection) -> None:
    """The heartbeat notices; the call that was out is in doubt, the item is where the reaper put it."""
    provider = ScriptedProvider()
    provider.reply = server = Server()
    async with open_worker(postgres_url, provider, lease_seconds=0.6) as worker:
        working = asyncio.create_task(worker.processor.process(await job(conn, 1)))
        await eventually(lambda: server.reached == 1)
        await lose(conn)
        before = (await dump(conn))["pipeline_state"]
        await asyncio.wait_for(working, 10.0)
        await worker.recorder.drain()
    after = await dump(conn)
    assert after["pipeline_state"] == before
    assert after["results"] == []
    assert await fetch(conn, "SELECT state FROM job_queue") == ["expired"]
    assert await fetch(conn, "SELECT state FROM provider_calls") == ["in_doubt"]


async def test_without_its_lease_no_further_call_leaves(postgres_url: str, conn: Connection) -> None:
    """Even before the heartbeat notices: the ledger refuses, and what the first call brought stays a fact."""
    provider = ScriptedProvider()

    async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
        await call(provider.endpoint, ["first"])
        await call(provider.endpoint, ["second"])
        return await provider.handle(items, call)

    provider.reply = server = Server()
    async with open_worker(postgres_url, provider, handle=handle, lease_seconds=600.0) as worker:
        working = asyncio.create_task(worker.processor.process(await job(conn, 1)))
        await eventually(lambda: server.reached == 1)
        await lose(conn)
        before = (await dump(conn))["pipeline_state"]
        server.may_answer.set()
        await asyncio.wait_for(working, 10.0)
        await worker.recorder.drain()
    assert provider.requests == [["first"]]
    assert (await dump(conn))["pipeline_state"] == before
    assert await fetch(conn, "SELECT subject FROM provider_facts") == ["first"]


async def test_a_database_that_fails_a_look_up_delays_the_items(
    worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """Not their fault and not the provider's: no attempt, and soon again."""
    message = await job(conn, 2)
    async with conn.transaction():
        await conn.execute("LOCK TABLE provider_facts")
        working = asyncio.create_task(worker.processor.process(message))
        (pid,) = await eventually(lambda: fetch(conn, LOCKED))
        await conn.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    await working
    assert await lines(conn) == [("pending", 0, "retry", None)] * 2
    assert provider.requests == []


async def test_a_job_that_is_cut_off_does_not_go_on_by_itself(
    worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """Dramatiq's time limit cancels the actor: the work ends with it, and its lease is not renewed any more."""
    provider.reply = server = Server()
    working = asyncio.create_task(worker.processor.process(await job(conn, 1)))
    await eventually(lambda: server.reached == 1)
    working.cancel()
    await asyncio.wait([working])
    assert working.cancelled()

    async def in_doubt() -> bool:
        await worker.recorder.drain()
        return await fetch(conn, "SELECT state FROM provider_calls") == ["in_doubt"]

    await eventually(in_doubt, 5.0)
    assert await lines(conn) == [("processing", 0, None, None)]
