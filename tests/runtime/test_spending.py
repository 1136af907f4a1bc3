"""Limits of units and money, and purchases shared by workers: what a worker does where the ledger says no."""

import asyncio
from dataclasses import replace

import httpx
import msgspec
import pytest

from shared.domain.gate import SET_ASIDE_SECONDS, GatePolicy, GateShut
from shared.domain.phases import SERP_COLLECTION
from shared.domain.provider import Limits
from shared.store.jobs import Claim, wake_items
from shared.store.pool import Connection
from shared.testing.gate import FakeGate
from shared.testing.jobs import dispatch, hold, start_searches
from shared.testing.provider import UNITS, ScriptedProvider
from shared.testing.rows import fetch
from shared.testing.worker import open_worker
from tests.runtime.buying import Server

pytestmark = pytest.mark.anyio

PRICE = 0.5
ENDINGS = "SELECT state, attempts, wait_reason, next_at > now() + interval '100 s' FROM pipeline_state"


def limited(units_per_day: float) -> ScriptedProvider:
    scripted = ScriptedProvider()
    limits = Limits(200, units_per_day=units_per_day, day_zone="America/Los_Angeles")
    scripted.provider = replace(scripted.provider, limits=limits)
    return scripted


async def test_a_used_up_day_is_waited_for_without_a_call_or_an_attempt(
    postgres_url: str, conn: Connection
) -> None:
    """Until the provider's own midnight; afterwards nobody even asks the ledger."""
    scripted = limited(2 * UNITS)
    gate = FakeGate(GatePolicy(200))
    async with open_worker(postgres_url, scripted, gate=gate) as worker:
        await worker.processor.process(await dispatch(conn, await start_searches(conn, 5)))
        with pytest.raises(GateShut, match="quota"):
            gate.refuse_if_held()

    assert len(scripted.requests) == 2
    rows = await fetch(conn, "SELECT state, attempts, wait_reason FROM pipeline_state ORDER BY state")
    assert rows == [("completed", 1, None)] * 2 + [("pending", 0, "quota")] * 3
    assert await fetch(conn, "SELECT committed FROM provider_days") == [2 * UNITS]


async def test_what_is_only_set_aside_does_not_end_the_day(postgres_url: str, conn: Connection) -> None:
    """The last units are set aside for a call that then costs nothing: whoever was refused is back within seconds."""
    scripted = limited(UNITS)
    scripted.provider = replace(scripted.provider, error_units=0.0)
    job = await hold(conn)
    async with open_worker(postgres_url, scripted) as worker:
        scripted.reply = server = Server(httpx.Response(500))
        failing = asyncio.create_task(worker.buyer.buy(job, scripted.endpoint, ["a.com"], {}))
        await server.reached.wait()
        with pytest.raises(GateShut, match="quota") as refused:
            await worker.buyer.buy(job, scripted.endpoint, ["b.com"], {})
        assert refused.value.wait_seconds <= SET_ASIDE_SECONDS
        server.may_answer.set()
        await asyncio.wait([failing])
        await worker.recorder.drain()
        assert await fetch(conn, "SELECT committed FROM provider_days") == [0.0]


async def test_a_day_that_is_only_set_aside_is_not_told_as_exhausted(
    postgres_url: str, conn: Connection
) -> None:
    """An item that waits for it waits seconds, and the one telling of the day is left to the end of the day."""
    scripted = limited(2 * UNITS)
    async with open_worker(postgres_url, scripted) as worker:
        await worker.processor.process(await dispatch(conn, await start_searches(conn, 5)))
        waits = "SELECT DISTINCT next_at < now() + interval '6 s' FROM waiting WHERE reason = 'quota'"
        assert await fetch(conn, waits) == [True]
        assert await fetch(conn, "SELECT name FROM events WHERE name = 'quota.exhausted'") == []


async def test_a_budget_that_is_only_set_aside_is_not_told_as_exhausted(
    postgres_url: str, conn: Connection
) -> None:
    """Its items wait seconds; with nothing under way any more, minutes, and it is told once."""
    scripted = ScriptedProvider()
    async with open_worker(postgres_url, scripted, unit_price=PRICE) as worker:
        poor = await start_searches(conn, 5, config={"budget": 2 * UNITS * PRICE})
        await worker.processor.process(await dispatch(conn, poor))
        waits = "SELECT DISTINCT next_at < now() + interval '6 s' FROM waiting WHERE reason = 'budget'"
        told = "SELECT count(*) FROM events WHERE name = 'budget.exhausted'"
        assert (await fetch(conn, waits), await fetch(conn, told)) == ([True], [0])
        await conn.execute("UPDATE waiting SET next_at = now()")
        await wake_items(conn, SERP_COLLECTION)
        await worker.processor.process(await dispatch(conn, poor))
        assert (await fetch(conn, waits), await fetch(conn, told)) == ([False], [1])


async def test_a_budget_stops_one_pipeline_and_no_other(postgres_url: str, conn: Connection) -> None:
    """Its items wait for the budget; the gate stays open."""
    scripted = ScriptedProvider()
    poor = await start_searches(conn, 5, config={"budget": 3 * UNITS * PRICE})
    rich = await start_searches(conn, 5, keywords=[f"other {n}" for n in range(5)])
    async with open_worker(postgres_url, scripted, unit_price=PRICE) as worker:
        await worker.processor.process(await dispatch(conn, poor))
        await worker.processor.process(await dispatch(conn, rich))

    states = "SELECT state, wait_reason, count(*)::int FROM pipeline_state WHERE pipeline_id = %s GROUP BY 1, 2 ORDER BY 1"
    assert await fetch(conn, states, poor) == [("completed", None, 3), ("pending", "budget", 2)]
    assert await fetch(conn, states, rich) == [("completed", None, 5)]
    assert await fetch(conn, "SELECT budget - committed FROM pipeline_budgets WHERE budget > 0") == [0.0]


async def test_two_workers_who_want_the_same_buy_it_once(postgres_url: str, conn: Connection) -> None:
    """200 callers of two processes, jobs and pipelines of their own: one call."""
    scripted = ScriptedProvider()
    scripted.reply = server = Server()
    first, second = await hold(conn, holder="one"), await hold(conn, holder="two")
    async with (
        open_worker(postgres_url, scripted, holder="one") as one,
        open_worker(postgres_url, scripted, holder="two") as two,
    ):
        wants = [
            asyncio.create_task(worker.buyer.buy(job, scripted.endpoint, ["a.com"], {}))
            for worker, job in ((one, first), (two, second))
            for _ in range(100)
        ]
        await server.reached.wait()
        server.may_answer.set()
        facts = await asyncio.gather(*wants)

    assert {fact["a.com"].answer.text for fact in facts if fact["a.com"].answer} == {"about a.com"}
    assert scripted.requests == [["a.com"]]
    assert await fetch(conn, "SELECT count(*) FROM flights") == [0]


async def test_a_purchase_that_fails_lets_the_next_one_try(postgres_url: str, conn: Connection) -> None:
    """Whoever waited for it buys for itself."""
    scripted = ScriptedProvider()
    first, second = await hold(conn, holder="one"), await hold(conn, holder="two")
    server = Server(response=None)
    scripted.reply = server
    async with (
        open_worker(postgres_url, scripted, holder="one") as one,
        open_worker(postgres_url, scripted, holder="two") as two,
    ):
        failing = asyncio.create_task(one.buyer.buy(first, scripted.endpoint, ["a.com"], {}))
        await server.reached.wait()
        waiting = asyncio.create_task(two.buyer.buy(second, scripted.endpoint, ["a.com"], {}))
        failing.cancel()
        await asyncio.wait([failing])
        server.may_answer.set()
        fact = (await waiting)["a.com"]

    assert not fact.from_store
    assert scripted.requests == [["a.com"]] * 2


async def test_a_purchase_that_takes_long_is_not_waited_for_in_place(
    postgres_url: str, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The item goes back, without an attempt."""
    monkeypatch.setattr("shared.runtime.call.FLIGHT_SECONDS", 0.05)
    scripted = ScriptedProvider()
    scripted.reply = server = Server()
    first, second = await hold(conn, holder="one"), await hold(conn, holder="two")
    async with (
        open_worker(postgres_url, scripted, holder="one") as one,
        open_worker(postgres_url, scripted, holder="two") as two,
    ):
        slow = asyncio.create_task(one.buyer.buy(first, scripted.endpoint, ["a.com"], {}))
        await server.reached.wait()
        with pytest.raises(GateShut, match="concurrency"):
            await two.buyer.buy(second, scripted.endpoint, ["a.com"], {})
        server.may_answer.set()
        await slow


async def test_one_pipelines_budget_is_not_the_others_wait(postgres_url: str, conn: Connection) -> None:
    """Who joined a purchase that a budget stopped tries for itself, soon."""
    scripted = ScriptedProvider()
    poor, rich = await hold(conn), await hold(conn)
    await conn.execute("UPDATE pipeline_budgets SET budget = 0 WHERE pipeline_id = %s", (poor.pipeline_id,))
    rich = msgspec.structs.replace(rich, settings=poor.settings)
    async with open_worker(postgres_url, scripted, unit_price=PRICE) as worker:
        buys = [worker.buyer.buy(job, scripted.endpoint, ["a.com"], {}) for job in (poor, rich)]
        refused, joined = await asyncio.gather(*buys, return_exceptions=True)
        assert isinstance(refused, GateShut)
        assert isinstance(joined, GateShut)
        assert (refused.reason, joined.reason) == ("budget", "retry")
        assert not (await worker.buyer.buy(rich, scripted.endpoint, ["a.com"], {}))["a.com"].from_store


async def test_who_asks_later_does_not_get_what_only_an_older_pipeline_takes(
    postgres_url: str, conn: Connection
) -> None:
    """Both look at the same moment; what was bought since the older one began is fresh to that one alone."""
    scripted = ScriptedProvider()
    job = await hold(conn)
    now = job.settings.started_at
    async with open_worker(postgres_url, scripted) as worker:
        await worker.buyer.buy(job, scripted.endpoint, ["a.com"], {})
        await worker.recorder.drain()
        await conn.execute("UPDATE provider_facts SET fetched_at = now() - interval '1 hour'")

        def beginning(moment: float) -> Claim:
            settings = msgspec.structs.replace(job.settings, freshness={"serp": 60.0}, started_at=moment)
            return msgspec.structs.replace(job, settings=settings)

        buys = [
            worker.buyer.buy(one, scripted.endpoint, ["a.com"], {})
            for one in (beginning(now - 7200), beginning(now))
        ]
        older, later = await asyncio.gather(*buys)
    assert (older["a.com"].from_store, later["a.com"].from_store) == (True, False)


async def test_an_answer_nobody_can_read_any_more_is_bought_once(postgres_url: str, conn: Connection) -> None:
    """By one of two workers, as if it were not stored."""
    scripted = ScriptedProvider()
    first, second = await hold(conn, holder="one"), await hold(conn, holder="two")
    async with (
        open_worker(postgres_url, scripted, holder="one") as one,
        open_worker(postgres_url, scripted, holder="two") as two,
    ):
        await one.buyer.buy(first, scripted.endpoint, ["a.com"], {})
        await one.recorder.drain()
        await conn.execute("""UPDATE provider_facts SET answer = '{"former": "shape"}'""")
        scripted.requests.clear()
        scripted.reply = server = Server()
        buys = [
            asyncio.create_task(worker.buyer.buy(job, scripted.endpoint, ["a.com"], {}))
            for worker, job in ((one, first), (two, second))
        ]
        await server.reached.wait()
        server.may_answer.set()
        await asyncio.gather(*buys)
    assert scripted.requests == [["a.com"]]
