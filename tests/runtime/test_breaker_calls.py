"""Behind an open breaker no call starts, no attempt is spent, and everybody waits with the reason."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from shared.config import Runtime
from shared.domain.breaker import BreakerPolicy, BreakerState, Order
from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.gate import GatePolicy, GateShut
from shared.domain.message import Message
from shared.domain.phases import of_service
from shared.domain.provider import Limits
from shared.runtime.dispatcher import Dispatcher
from shared.store.pool import Connection
from shared.testing.gate import FakeGate
from shared.testing.jobs import dispatch, hold, start_searches
from shared.testing.provider import ScriptedProvider, answers
from shared.testing.rows import fetch
from shared.testing.worker import Worker, open_worker
from tests.runtime.buying import Buying, ledger

pytestmark = pytest.mark.anyio

THRESHOLD = 3
POLICY = BreakerPolicy(failure_threshold=THRESHOLD, timeout_seconds=60.0, success_threshold=2)
STATES = "SELECT state, attempts, wait_reason FROM pipeline_state ORDER BY item_id"


@pytest.fixture
def provider() -> ScriptedProvider:
    scripted = ScriptedProvider(concurrency=1)
    scripted.provider = replace(scripted.provider, breaker=POLICY)
    return scripted


@pytest.fixture
def gate() -> FakeGate:
    return FakeGate(GatePolicy(10, breaker=POLICY))


@pytest.fixture
async def worker(postgres_url: str, provider: ScriptedProvider, gate: FakeGate) -> AsyncIterator[Worker]:
    async with open_worker(postgres_url, provider, gate=gate) as worker:
        yield worker


def always(provider: ScriptedProvider, *responses: httpx.Response) -> None:
    """Answer like this, in turn."""
    count = iter(range(10**6))

    async def reply(_: list[str]) -> httpx.Response:
        return responses[next(count) % len(responses)]

    provider.reply = reply


async def test_items_behind_an_open_breaker_wait_without_an_attempt(
    worker: Worker, provider: ScriptedProvider, conn: Connection
) -> None:
    """Three paid for finding out; the other seven wait for it, and the ledger knows of no more than was sent."""
    always(provider, httpx.Response(503))
    await worker.processor.process(await dispatch(conn, await start_searches(conn, 10)))

    states = await fetch(conn, STATES)
    assert sorted(states) == [("pending", 0, "breaker")] * 7 + [("pending", 1, "retry")] * 3
    assert len(provider.requests) == THRESHOLD
    rows = await ledger(worker, conn)
    assert [row[0] for row in rows].count("settled") == THRESHOLD
    assert {row[:2] for row in rows} <= {("settled", "recoverable"), ("refunded", "BreakerOpenError")}


async def test_a_known_open_breaker_leaves_nothing_on_the_ledger(
    worker: Worker, provider: ScriptedProvider, gate: FakeGate, conn: Connection
) -> None:
    """Who is refused beforehand has bought nothing."""
    gate.tell(gate.breaker.ordered(Order.OPEN, 1))
    with pytest.raises(GateShut) as caught:
        await Buying(worker, provider)(await hold(conn), "a")
    assert (caught.value.reason, caught.value.wait_seconds) == ("breaker", 60.0)
    assert (await ledger(worker, conn), provider.requests) == ([], [])


async def test_answers_that_cannot_be_read_open_it(
    worker: Worker, provider: ScriptedProvider, gate: FakeGate, conn: Connection
) -> None:
    """A page of the edge with status 200 is an outage, too; another shape of a whole answer is not."""
    always(provider, httpx.Response(200, json={"a": 1}))
    await worker.processor.process(await dispatch(conn, await start_searches(conn, 6)))
    assert gate.breaker.epoch == 0
    always(provider, httpx.Response(200, content=b"<html>"))
    await worker.processor.process(await dispatch(conn, await start_searches(conn, 6)))
    assert gate.breaker.state is BreakerState.OPEN
    assert not gate.in_flight


async def test_a_call_cut_short_says_nothing(
    worker: Worker, provider: ScriptedProvider, gate: FakeGate, conn: Connection
) -> None:
    """However many are: the provider may be well."""
    begun = asyncio.Semaphore(0)

    async def reply(_: list[str]) -> httpx.Response:
        begun.release()
        await asyncio.Event().wait()
        return answers([])

    provider.reply = reply
    job = await hold(conn)
    for n in range(2 * THRESHOLD):
        call = asyncio.ensure_future(Buying(worker, provider)(job, f"subject {n}"))
        await begun.acquire()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    assert gate.breaker.epoch == 0
    assert not gate.in_flight


async def test_a_rule_edited_at_run_time_decides_what_counts(
    worker: Worker, provider: ScriptedProvider, gate: FakeGate, conn: Connection
) -> None:
    """The breaker asks the same rules as everybody else."""
    worker.rulebook._rules = (ErrorRule(ErrorCategory.RECOVERABLE, status=503, trips=False),)
    always(provider, httpx.Response(503))
    await worker.processor.process(await dispatch(conn, await start_searches(conn, 6)))
    assert gate.breaker.epoch == 0


async def test_the_dispatcher_sends_nothing_while_it_is_open_and_probes_while_it_is_tried_out(
    worker: Worker, conn: Connection
) -> None:
    """Items stay due; a batch provider's probe is one whole call; then all goes on."""
    sent: list[Message] = []

    async def publish(_: str, messages: Any) -> None:
        sent.extend(messages)

    allowance: list[int | None] = [0]
    provider = replace(ScriptedProvider(items_per_call=3).provider, limits=Limits(4))
    dispatcher = Dispatcher(
        worker.pool,
        provider,
        of_service("serp"),
        Runtime(redispatch_seconds=600.0),
        publish,
        allowance=lambda: allowance[0],
    )
    await start_searches(conn, 20)
    await dispatcher.round()
    assert sent == []
    assert await fetch(conn, "SELECT count(*) FROM ready") == [20]
    allowance[0] = 2
    await dispatcher.round()
    await dispatcher.round()
    assert await fetch(conn, "SELECT cardinality(item_ids) FROM job_queue") == [3, 3]
    allowance[0] = None
    await dispatcher.round()
    assert await fetch(conn, "SELECT count(*) FROM ready") == [0]
