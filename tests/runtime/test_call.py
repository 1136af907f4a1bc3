"""Buying facts: once each, on the ledger before they leave, and accounted for whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.gate import GatePolicy, GateShut
from shared.domain.provider import Fact
from shared.errors import AnswerError, ProviderError, StatusError, TransportError
from shared.runtime.call import Draining, LeaseLost
from shared.store.jobs import Claim
from shared.store.pool import Connection
from shared.testing.eventually import eventually
from shared.testing.gate import FakeGate
from shared.testing.jobs import hold
from shared.testing.provider import UNITS, Answer, ScriptedProvider, answers
from shared.testing.rows import fetch
from shared.testing.worker import Worker, open_worker

pytestmark = pytest.mark.anyio

LEDGER = "SELECT state, outcome, status, units, money FROM provider_calls ORDER BY call_id"
CALLERS = 100
PRICE = 0.25


@pytest.fixture
async def conn(postgres_url: str) -> AsyncIterator[Connection]:
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider(per_call=3)


@pytest.fixture
def gate() -> FakeGate:
    return FakeGate(GatePolicy(10, wait_seconds=0.2))


@pytest.fixture
async def worker(postgres_url: str, provider: ScriptedProvider, gate: FakeGate) -> AsyncIterator[Worker]:
    async with open_worker(postgres_url, provider, gate=gate, unit_price=PRICE) as worker:
        yield worker
        assert gate.in_flight == set()


@pytest.fixture
async def job(conn: Connection) -> Claim:
    return await hold(conn)


class Buying:
    """Buys of the scripted provider for one job."""

    def __init__(self, worker: Worker, provider: ScriptedProvider) -> None:
        self._worker = worker
        self._provider = provider

    async def __call__(self, job: Claim, *subjects: str, **params: Any) -> dict[str, Fact[Answer]]:
        return dict(await self._worker.buyer.buy(job, self._provider.endpoint, subjects, params))

    def many(self, job: Claim, *subjects: str) -> "list[asyncio.Task[dict[str, Fact[Answer]]]]":
        return [asyncio.create_task(self(job, *subjects)) for _ in range(CALLERS)]


@pytest.fixture
def buy(worker: Worker, provider: ScriptedProvider) -> Buying:
    return Buying(worker, provider)


class Server:
    """A reply that waits in the middle until it may answer."""

    def __init__(self, response: httpx.Response | None = None) -> None:
        self.reached = asyncio.Event()
        self.may_answer = asyncio.Event()
        self._response = response

    async def __call__(self, subjects: list[str]) -> httpx.Response:
        self.reached.set()
        await self.may_answer.wait()
        return self._response or answers(subjects)


async def ledger(worker: Worker, conn: Connection) -> list[Any]:
    """The ledger, once everything is written."""
    await worker.recorder.drain()
    return await fetch(conn, LEDGER)


async def test_what_the_store_has_is_not_bought(
    buy: Buying, worker: Worker, job: Claim, conn: Connection, provider: ScriptedProvider
) -> None:
    """The same subject with the same parameters costs once, over jobs and pipelines; other parameters are another."""
    bought = (await buy(job, "a", page="1"))["a"]
    await worker.recorder.drain()
    again = (await buy(await hold(conn), "a", page="1"))["a"]
    assert (bought.answer, bought.from_store) == (Answer("about a"), False)
    assert (again.answer, again.from_store, again.ref) == (bought.answer, True, bought.ref)
    assert len(provider.requests) == 1
    assert not (await buy(job, "a", page="2"))["a"].from_store
    assert len(provider.requests) == 2


async def test_freshness_is_the_pipelines_own(
    buy: Buying, worker: Worker, job: Claim, provider: ScriptedProvider
) -> None:
    """A pipeline that asks for fresh answers only buys again what the store has."""
    await buy(job, "a")
    await worker.recorder.drain()
    fresh = msgspec.structs.replace(
        job, settings=msgspec.structs.replace(job.settings, freshness={"serp": 0.0})
    )
    assert not (await buy(fresh, "a"))["a"].from_store
    assert len(provider.requests) == 2


async def test_many_who_want_the_same_at_once_buy_it_once(
    buy: Buying, job: Claim, provider: ScriptedProvider
) -> None:
    """Whoever comes while it is looked up or under way joins."""
    provider.reply = server = Server()
    first = buy.many(job, "a", "b")
    await server.reached.wait()
    second = buy.many(job, "b", "a")
    await asyncio.sleep(0)
    server.may_answer.set()
    results = await asyncio.gather(*first, *second)
    assert {facts[s].answer for facts in results for s in "ab"} == {Answer("about a"), Answer("about b")}
    assert provider.requests == [["a", "b"]]


async def test_who_comes_between_answer_and_commit_joins(
    buy: Buying, worker: Worker, job: Claim, conn: Connection, provider: ScriptedProvider
) -> None:
    """The store does not know the answer yet; it is not bought again meanwhile."""
    async with conn.transaction():
        await conn.execute("LOCK TABLE provider_facts IN SHARE ROW EXCLUSIVE MODE")
        bought = await buy(job, "a")
        joined = await asyncio.gather(*buy.many(job, "a"))
        assert all(facts["a"].ref == bought["a"].ref for facts in joined)
    await worker.recorder.drain()
    assert (await buy(job, "a"))["a"].from_store
    assert provider.requests == [["a"]]


async def test_partly_known_and_partly_wanted_already(
    buy: Buying, worker: Worker, job: Claim, provider: ScriptedProvider
) -> None:
    """Of what is asked for at once only that is bought which nobody has and nobody buys; each subject once."""
    await buy(job, "stored")
    await worker.recorder.drain()
    provider.reply = server = Server()
    other = asyncio.create_task(buy(job, "under way"))
    await server.reached.wait()
    mine = asyncio.create_task(buy(job, "new", "stored", "under way", "new"))
    await eventually(lambda: len(provider.requests) == 3)
    server.may_answer.set()
    facts = await mine
    await other
    assert {s: facts[s].from_store for s in facts} == {"new": False, "stored": True, "under way": False}
    assert provider.requests == [["stored"], ["under way"], ["new"]]


async def test_calls_are_filled(
    buy: Buying, job: Claim, worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """As many subjects per request as it takes; the ledger says how many, and what they cost together."""
    await buy(job, *"abcdefg")
    assert sorted(provider.requests) == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    rows = await ledger(worker, conn)
    assert sorted(rows) == sorted(("settled", "ok", 200, UNITS * n, UNITS * n * PRICE) for n in (3, 3, 1))
    assert sorted(await fetch(conn, "SELECT subjects FROM provider_calls")) == [1, 3, 3]


async def test_a_price_nobody_knows_makes_no_money(postgres_url: str, job: Claim, conn: Connection) -> None:
    """Without a price per unit the money is unknown, not 0."""
    provider = ScriptedProvider()
    async with open_worker(postgres_url, provider) as worker:
        await Buying(worker, provider)(job, "a")
        assert await ledger(worker, conn) == [("settled", "ok", 200, UNITS, None)]


async def test_a_call_is_on_the_ledger_before_it_leaves(
    buy: Buying, job: Claim, conn: Connection, provider: ScriptedProvider
) -> None:
    """When the request arrives at the provider its row is committed already: another session sees it."""
    seen: list[Any] = []

    async def look(subjects: list[str]) -> httpx.Response:
        seen.extend(await fetch(conn, "SELECT job_id, state, subjects FROM provider_calls"))
        return answers(subjects)

    provider.reply = look
    await buy(job, "a", "b")
    assert seen == [(job.job_id, "sent", 2)]


async def test_a_subject_the_provider_does_not_know_is_a_fact(
    buy: Buying, worker: Worker, job: Claim, provider: ScriptedProvider
) -> None:
    """Paid for, stored, and not asked for again."""

    async def knows_a(_: list[str]) -> httpx.Response:
        return answers(["a"])

    provider.reply = knows_a
    assert {s: f.answer for s, f in (await buy(job, "a", "b")).items()} == {"a": Answer("about a"), "b": None}
    await worker.recorder.drain()
    again = (await buy(job, "b"))["b"]
    assert (again.answer, again.from_store) == (None, True)


async def test_an_answer_stored_in_another_shape_is_bought_again(
    buy: Buying, worker: Worker, job: Claim, conn: Connection, provider: ScriptedProvider
) -> None:
    """A later version may not be able to read what an earlier one stored."""
    await buy(job, "a")
    await worker.recorder.drain()
    await conn.execute("""UPDATE provider_facts SET answer = '{"words": 1}'""")
    assert (await buy(job, "a"))["a"].answer == Answer("about a")
    assert len(provider.requests) == 2


#: What the provider does -> (error raised, state on the ledger, outcome, status, units).
ERRORS: dict[str, tuple[Any, type[ProviderError], str, str, int | None, float | None]] = {
    "server error": (httpx.Response(503), StatusError, "settled", "recoverable", 503, 1.0),
    "too fast": (httpx.Response(429), StatusError, "settled", "throttled", 429, 1.0),
    "account refused": (httpx.Response(402), StatusError, "settled", "account", 402, 1.0),
    "quota": (httpx.Response(418), StatusError, "settled", "quota", 418, 1.0),
    "not acceptable": (httpx.Response(404), StatusError, "settled", "non_recoverable", 404, 1.0),
    "wrong shape": (httpx.Response(200, json={"a": 1}), AnswerError, "settled", "recoverable", 200, 1.0),
    "cut off": (httpx.Response(200, content=b'{"a'), AnswerError, "settled", "recoverable", 200, 1.0),
    "never asked for": (answers(["z"]), AnswerError, "settled", "recoverable", 200, 1.0),
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


async def test_a_call_the_gate_refuses_is_refunded(
    buy: Buying, worker: Worker, job: Claim, conn: Connection, provider: ScriptedProvider
) -> None:
    """It never left: nothing was charged, and the provider saw nothing."""
    worker.gate.hold(60.0)
    with pytest.raises(GateShut):
        await buy(job, "a")
    assert await ledger(worker, conn) == [("refunded", "GateShut", None, 0.0, 0.0)]
    assert provider.requests == []


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
        own.buyer.draining = True
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
        await conn.execute("LOCK TABLE job_queue")
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
