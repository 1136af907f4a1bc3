"""How calls end, on the ledger and for those who wait for them."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.gate import GatePolicy, GateShut
from shared.errors import AnswerError, ProviderError, StatusError, TransportError
from shared.runtime.exchange import Draining, LeaseLost
from shared.store.jobs import Claim
from shared.store.pool import Connection
from shared.testing.eventually import eventually
from shared.testing.gate import FakeGate
from shared.testing.provider import ScriptedProvider, answers
from shared.testing.rows import fetch
from shared.testing.worker import Worker, open_worker
from tests.runtime.buying import (
    AT_ONCE,
    PRICE,
    Buying,
    Server,
    buy,
    gate,
    job,
    ledger,
    provider,
    worker,
)

#: Fixtures, found by pytest through their names here.
__all__ = ["buy", "gate", "job", "provider", "worker"]

pytestmark = pytest.mark.anyio


#: What the provider does -> (error raised, state on the ledger, outcome, status, units).
ERRORS: dict[str, tuple[Any, type[ProviderError], str, str, int | None, float | None]] = {
    "server error": (httpx.Response(503), StatusError, "settled", "recoverable", 503, 1.0),
    "too fast": (httpx.Response(429), StatusError, "settled", "throttled", 429, 1.0),
    "account refused": (httpx.Response(402), StatusError, "settled", "account", 402, 1.0),
    "quota": (httpx.Response(418), StatusError, "settled", "quota", 418, 1.0),
    "not acceptable": (httpx.Response(404), StatusError, "settled", "non_recoverable", 404, 1.0),
    "wrong shape": (httpx.Response(200, json={"a": 1}), AnswerError, "settled", "recoverable", 200, None),
    "cut off": (httpx.Response(200, content=b'{"a'), AnswerError, "settled", "recoverable", 200, None),
    "never asked for": (answers(["z"]), AnswerError, "settled", "recoverable", 200, None),
    "no connection": (httpx.ConnectError("x"), TransportError, "refunded", "recoverable", None, 0.0),
    "broken": (httpx.ReadError("x"), TransportError, "in_doubt", "recoverable", None, None),
}


@pytest.mark.parametrize("case", ERRORS)
async def test_every_error_is_settled_as_what_it_is(
    case: str, postgres_url: str, conn: Connection, job: Claim
) -> None:
    """Answered: settled. No answer: in doubt, the charge unknown. Never left: refunded. Nothing is stored as a fact."""
    happens, error, state, outcome, status, units = ERRORS[case]
    provider = ScriptedProvider(errors=(ErrorRule(ErrorCategory.QUOTA, status=418),))
    gate = FakeGate(GatePolicy(10))

    async def reply(_: list[str]) -> httpx.Response:
        if isinstance(happens, Exception):
            raise happens
        return happens  # type: ignore[no-any-return]  # the table holds either

    provider.reply = reply
    async with open_worker(postgres_url, provider, gate=gate, unit_price=PRICE) as worker:
        with pytest.raises(error):
            await Buying(worker, provider)(job, "a")
        money = None if units is None else units * PRICE
        assert await ledger(worker, conn) == [(state, outcome, status, units, money)]
        assert await fetch(conn, "SELECT count(*) FROM provider_facts") == [0]
        assert gate.in_flight == set()


async def test_who_is_told_to_wait_tells_everybody(
    buy: Buying, job: Claim, gate: FakeGate, provider: ScriptedProvider
) -> None:
    """The provider's own delay holds the gate, for every caller."""

    async def later(_: list[str]) -> httpx.Response:
        return httpx.Response(429, headers={"Retry-After": "60"})

    provider.reply = later
    with pytest.raises(StatusError):
        await buy(job, "a")
    with pytest.raises(GateShut) as caught:
        await buy(job, "b")
    assert 55 < caught.value.wait_seconds <= 60
    assert len(provider.requests) == 1


async def test_while_the_gate_is_held_nothing_is_put_on_the_ledger(
    buy: Buying, worker: Worker, job: Claim, conn: Connection, provider: ScriptedProvider
) -> None:
    """A hold that everybody knows of is not worth a row for every item that waits."""
    worker.gate.hold(60.0, "account")
    with pytest.raises(GateShut) as caught:
        await buy(job, "a")
    assert caught.value.reason == "account"
    assert await ledger(worker, conn) == []
    assert provider.requests == []


async def test_a_call_the_gate_does_not_admit_is_refunded(
    worker: Worker, buy: Buying, job: Claim, conn: Connection, provider: ScriptedProvider
) -> None:
    """It never left: nothing was charged, and the provider saw nothing."""
    tokens = [await worker.gate.admit() for _ in range(AT_ONCE)]
    with pytest.raises(GateShut) as caught:
        await buy(job, "a")
    assert caught.value.reason == "concurrency"
    assert await ledger(worker, conn) == [("refunded", "GateShut", None, 0.0, 0.0)]
    assert provider.requests == []
    for token in tokens:
        worker.gate.release(token)


async def test_an_error_reaches_everybody_who_joined(
    buy: Buying, job: Claim, provider: ScriptedProvider
) -> None:
    """They wanted the same, they get the same; afterwards it can be wanted again."""
    provider.reply = server = Server(httpx.Response(503))
    callers = buy.many(job, "a")
    await server.reached.wait()
    server.may_answer.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert {type(result) for result in results} == {StatusError}
    assert provider.requests == [["a"]]
    provider.reply = answered
    assert (await buy(job, "a"))["a"].answer


async def answered(subjects: list[str]) -> httpx.Response:
    return answers(subjects)


async def test_a_lost_lease_stops_only_its_own_job(
    buy: Buying, worker: Worker, job: Claim, conn: Connection, provider: ScriptedProvider
) -> None:
    """The ledger refuses its call, nothing leaves, and whoever joined it is asked to come again soon."""
    lost = msgspec.structs.replace(job, fence=job.fence - 1)
    first = asyncio.create_task(buy(lost, "a"))
    await asyncio.sleep(0)
    joined = asyncio.create_task(buy(job, "a"))
    results = await asyncio.gather(first, joined, return_exceptions=True)
    assert isinstance(results[0], LeaseLost)
    assert isinstance(results[1], GateShut)
    assert (results[1].reason, results[1].wait_seconds) == ("retry", 1.0)
    assert provider.requests == []
    assert await ledger(worker, conn) == []
    assert (await buy(job, "a"))["a"].answer


async def test_a_cancelled_call_is_in_doubt_and_its_joiners_go_on(
    buy: Buying, worker: Worker, job: Claim, conn: Connection, provider: ScriptedProvider
) -> None:
    """The request is out, the answer is lost: it may have been charged. Others are not cancelled with it."""
    provider.reply = server = Server()
    first = asyncio.create_task(buy(job, "a"))
    await server.reached.wait()
    joined = asyncio.create_task(buy(job, "a"))
    await asyncio.sleep(0)
    first.cancel()
    results = await asyncio.gather(first, joined, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert isinstance(results[1], GateShut)
    assert await ledger(worker, conn) == [("in_doubt", "recoverable", None, None, None)]


async def test_a_joiner_that_leaves_disturbs_nobody(
    buy: Buying, job: Claim, provider: ScriptedProvider
) -> None:
    """Its cancellation is its own."""
    provider.reply = server = Server()
    first = asyncio.create_task(buy(job, "a"))
    await server.reached.wait()
    joined = asyncio.create_task(buy(job, "a"))
    await asyncio.sleep(0)
    joined.cancel()
    await asyncio.wait([joined])
    server.may_answer.set()
    assert (await first)["a"].answer


async def test_an_answer_paid_for_is_kept_when_another_call_fails(
    buy: Buying, worker: Worker, job: Claim, provider: ScriptedProvider
) -> None:
    """Of two calls for one want one fails: the error is raised, and only the failed one is bought again."""

    async def half(subjects: list[str]) -> httpx.Response:
        return httpx.Response(503) if "d" in subjects else answers(subjects)

    provider.reply = half
    with pytest.raises(StatusError):
        await buy(job, *"abcd")
    await worker.recorder.drain()
    provider.reply = answered
    facts = await buy(job, *"abcd")
    assert [facts[s].from_store for s in "abcd"] == [True, True, True, False]
    assert sorted(provider.requests) == [["a", "b", "c"], ["d"], ["d"]]


async def test_a_draining_process_starts_no_call(
    buy: Buying, worker: Worker, job: Claim, conn: Connection, provider: ScriptedProvider
) -> None:
    """Neither one that comes now nor one that already waits at the gate."""
    gate = FakeGate(GatePolicy(1, wait_seconds=5.0))
    async with open_worker(conn.info.dsn + f" password={conn.info.password}", provider, gate=gate) as own:
        buy = Buying(own, provider)
        provider.reply = server = Server()
        in_flight = asyncio.create_task(buy(job, "a"))
        await server.reached.wait()
        at_the_gate = asyncio.create_task(buy(job, "b"))
        await eventually(lambda: fetch(conn, "SELECT 1 FROM provider_calls OFFSET 1"))
        own.buyer.exchange.draining = True
        server.may_answer.set()
        results = await asyncio.gather(in_flight, at_the_gate, buy(job, "c"), return_exceptions=True)
        assert [type(result) for result in results] == [dict, Draining, Draining]
        assert provider.requests == [["a"]]
        await own.recorder.drain()
        assert await fetch(conn, "SELECT state FROM provider_calls ORDER BY call_id") == [
            "settled",
            "refunded",
        ]
        assert gate.in_flight == set()


async def test_a_call_cancelled_while_it_is_being_recorded_is_refunded(
    buy: Buying, worker: Worker, job: Claim, conn: Connection, provider: ScriptedProvider
) -> None:
    """Its row may be committed after the cancellation; it does not stay there as sent."""
    async with conn.transaction():
        await conn.execute("LOCK TABLE provider_calls")
        call = asyncio.create_task(buy(job, "a"))
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        await eventually(lambda: fetch(conn, waiting))
        call.cancel()
        await asyncio.wait([call], timeout=0.2)
        await worker.recorder.drain()
    await asyncio.wait([call])
    assert call.cancelled()
    rows = await eventually(lambda: ledger(worker, conn))
    assert [row[0] for row in rows] == ["refunded"]
    assert provider.requests == []


@pytest.mark.parametrize("defect", ["read", "cost"])
async def test_a_defect_in_reading_an_answer_leaves_no_call_open(
    defect: str, worker: Worker, provider: ScriptedProvider, job: Claim, conn: Connection
) -> None:
    """The call was made and answered, whatever our own code makes of the answer."""

    def broken(*_: Any) -> Any:
        raise KeyError("a defect")

    endpoint = provider.endpoint
    provider.endpoint = replace(endpoint, read=broken) if defect == "read" else replace(endpoint, cost=broken)
    with pytest.raises(KeyError):
        await Buying(worker, provider)(job, "a")
    assert [row[:3] for row in await ledger(worker, conn)] == [("settled", "bug", 200)]
