"""The seed's switches act: a pipeline without breaker, without job queue, without attempts; the others are as ever."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from shared.config import Runtime
from shared.domain.breaker import BreakerPolicy, BreakerState, Order
from shared.domain.gate import GatePolicy
from shared.domain.message import Message
from shared.domain.phases import of_service
from shared.domain.pipeline import freeze
from shared.domain.provider import Limits
from shared.domain.start import Config, StartRequest
from shared.runtime.dispatcher import Dispatcher
from shared.store.pool import Connection, Pool
from shared.testing.gate import FakeGate
from shared.testing.jobs import dispatch, start_searches
from shared.testing.provider import ScriptedProvider, answers
from shared.testing.rows import fetch
from shared.testing.worker import open_worker

pytestmark = pytest.mark.anyio

POLICY = BreakerPolicy(failure_threshold=3, timeout_seconds=60.0)
SWITCHES = ("enable_state_tracking", "enable_circuit_breakers", "enable_job_queue", "enable_checkpoints")
NO_BREAKER = {"enable_circuit_breakers": False}
STATES = "SELECT state, attempts, wait_reason FROM pipeline_state ORDER BY item_id"


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_is_switched_off_is_warned_of(switch: str) -> None:
    """By its name, and by what it means; nothing else is."""
    frozen = freeze(StartRequest(("a",), ("US",), config=Config(**{switch: False})))  # type: ignore[arg-type]  # all are bool
    assert [warning.partition(":")[0] for warning in frozen.warnings] == [f"/config/{switch}"]
    assert getattr(frozen.config, switch) is False
    assert freeze(StartRequest(("a",), ("US",))).warnings == []


async def test_without_breakers_calls_start_behind_an_open_one_and_tell_it_nothing(
    postgres_url: str, conn: Connection
) -> None:
    """It is held open, and stays as it is; another pipeline's items wait."""
    provider = ScriptedProvider()
    gate = FakeGate(GatePolicy(10, breaker=POLICY))
    gate.tell(gate.breaker.ordered(Order.OPEN, 1))
    before = gate.breaker
    async with open_worker(postgres_url, provider, gate=gate) as worker:
        await worker.processor.process(await dispatch(conn, await start_searches(conn, 5, config=NO_BREAKER)))
        assert await fetch(conn, STATES) == [("completed", 1, None)] * 5
        other = await start_searches(conn, 2, keywords=["x", "y"])
        await worker.processor.process(await dispatch(conn, other))
        assert (await fetch(conn, STATES))[5:] == [("pending", 0, "breaker")] * 2
    assert gate.breaker == before


async def test_without_breakers_faults_open_none(postgres_url: str, conn: Connection) -> None:
    """However many; every one of them is an attempt of its item."""
    provider = ScriptedProvider()

    async def down(_: list[str]) -> httpx.Response:
        return httpx.Response(503)

    provider.reply = down
    gate = FakeGate(GatePolicy(10, breaker=POLICY))
    async with open_worker(postgres_url, provider, gate=gate) as worker:
        await worker.processor.process(await dispatch(conn, await start_searches(conn, 9, config=NO_BREAKER)))
    assert gate.breaker.state is BreakerState.CLOSED
    assert gate.breaker.failures == 0
    assert await fetch(conn, STATES) == [("pending", 1, "retry")] * 9


async def test_behind_an_open_breaker_jobs_are_formed_only_for_those_that_bypass_it(
    pool: Pool, conn: Connection
) -> None:
    """The others stay due."""
    heeding, bypassing = await start_searches(conn, 3), await start_searches(conn, 3, config=NO_BREAKER)
    await _dispatcher(pool, allowed=0).round()
    assert await fetch(conn, "SELECT DISTINCT pipeline_id FROM job_queue") == [bypassing]
    assert await fetch(conn, "SELECT DISTINCT pipeline_id FROM ready") == [heeding]


async def test_who_bypasses_the_breaker_takes_no_probes_place(pool: Pool, conn: Connection) -> None:
    """However much of it is open: only a probe closes the breaker."""
    bypassing = await start_searches(conn, 200, config=NO_BREAKER)
    await _dispatcher(pool, allowed=0).round()
    heeding = await start_searches(conn, 3)
    await _dispatcher(pool, allowed=1).round()
    assert await fetch(conn, "SELECT count(*) FROM job_queue WHERE pipeline_id = %s", heeding) == [1]
    assert (await fetch(conn, "SELECT count(*) FROM ready WHERE pipeline_id = %s", bypassing))[0] > 0


async def test_without_job_queue_every_job_has_one_item_at_normal_priority(
    pool: Pool, conn: Connection
) -> None:
    """Also where a call could serve many, and whatever priority was asked for."""
    config = {"enable_job_queue": False, "priority": "critical"}
    single = await start_searches(conn, 4, config=config)
    shared = await start_searches(conn, 4)
    await _dispatcher(pool).round()
    query = "SELECT cardinality(item_ids), priority FROM job_queue WHERE pipeline_id = %s ORDER BY 1"
    assert await fetch(conn, query, single) == [(1, 0)] * 4
    assert await fetch(conn, query, shared) == [(4, 0)]


@pytest.mark.parametrize("tracks", [True, False])
async def test_without_state_tracking_states_are_kept_and_attempts_are_not(
    postgres_url: str, conn: Connection, *, tracks: bool
) -> None:
    """Of items that wait for another try and of those that failed for good."""
    provider = ScriptedProvider()

    async def reply(subjects: list[str]) -> httpx.Response:
        if "keyword 0" in subjects[0]:
            return httpx.Response(400)
        return httpx.Response(503) if "keyword 1" in subjects[0] else answers(subjects)

    provider.reply = reply
    async with open_worker(postgres_url, provider) as worker:
        pipeline_id = await start_searches(conn, 3, config={"enable_state_tracking": tracks})
        await worker.processor.process(await dispatch(conn, pipeline_id))
    assert await fetch(conn, STATES) == [("failed", 1, None), ("pending", 1, "retry"), ("completed", 1, None)]
    assert await fetch(conn, "SELECT count(*)::int FROM retry_history") == [2 if tracks else 0]


def _dispatcher(pool: Pool, *, allowed: int | None = None) -> Dispatcher:
    async def publish(_: str, __: Sequence[Message]) -> Any:
        return None

    provider = replace(ScriptedProvider(items_per_call=4).provider, limits=Limits(4))
    runtime = Runtime(redispatch_seconds=600.0)
    return Dispatcher(pool, provider, of_service("serp"), runtime, publish, allowance=lambda: allowed)
