"""Buying facts: once each, and on the ledger before they leave."""

import asyncio
import time
from typing import Any

import httpx
import msgspec
import pytest

from shared.store.jobs import Claim
from shared.store.pool import Connection
from shared.testing.eventually import eventually
from shared.testing.jobs import hold
from shared.testing.provider import UNITS, Answer, ScriptedProvider, answers
from shared.testing.rows import fetch
from shared.testing.worker import Worker, open_worker
from tests.runtime.buying import (
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
    later = msgspec.structs.replace(job.settings, freshness={"serp": 0.0}, started_at=time.time() + 1)
    fresh = msgspec.structs.replace(job, settings=later)
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
