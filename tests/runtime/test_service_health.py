"""What a worker counts of its calls by the minute, and how it comes into the record."""

import asyncio

import httpx
import pytest

from shared.domain.service_health import figure, merge
from shared.runtime import service_health
from shared.runtime.service_health import Tally
from shared.store.jobs import Claim
from shared.store.pool import Connection, Pool, Unavailable, build_pool
from shared.store.service_health import find_windows
from shared.testing.eventually import eventually
from shared.testing.provider import ScriptedProvider, answers
from shared.testing.rows import fetch
from shared.testing.worker import Worker
from tests.runtime import buying
from tests.runtime.buying import Buying

pytestmark = pytest.mark.anyio

provider, gate, worker, job, buy = buying.provider, buying.gate, buying.worker, buying.job, buying.buy

COUNTED = """SELECT count(*), count(*) FILTER (WHERE outcome = 'ok'), count(*) FILTER (WHERE outcome <> 'ok')
FROM provider_calls WHERE duration_seconds IS NOT NULL"""


async def test_counts_are_those_of_the_ledger(
    worker: Worker, conn: Connection, provider: ScriptedProvider, job: Claim, buy: Buying
) -> None:
    """Successes, failures, timeouts and categories of all calls that left, by an independent count."""
    statuses = [401, 500, 200, 504, 500, 200]

    async def reply(subjects: list[str]) -> httpx.Response:
        status = statuses.pop()
        return answers(subjects) if status == 200 else httpx.Response(status)

    provider.reply = reply
    for number in range(6):
        await asyncio.gather(buy(job, f"{number}.com"), return_exceptions=True)
    await worker.recorder.drain()
    tally = worker.buyer.exchange.meter.tally
    await tally.save(worker.pool, "serp", "one")
    await tally.save(worker.pool, "serp", "one")  # nothing new
    figures = figure(merge(await find_windows(conn, "serp", 0)))
    assert (figures.requests, figures.successes, figures.failures) == (await fetch(conn, COUNTED))[0]
    assert figures.requests == 6
    assert figures.timeouts == 1
    by_category = "SELECT outcome, count(*) FROM provider_calls WHERE outcome <> 'ok' GROUP BY 1 ORDER BY 1"
    assert list(figures.errors.items()) == await fetch(conn, by_category)


class Clock:
    """Wall time that goes on when the test says so."""

    def __init__(self) -> None:
        self.now = 600.0

    def __call__(self) -> float:
        return self.now


async def test_a_window_ends_with_its_minute(pool: Pool, conn: Connection) -> None:
    """What is counted later is in the next; a saved one stays as it is."""
    clock = Clock()
    tally = Tally(clock)
    tally.add("ok", 0.1)
    await tally.save(pool, "serp", "one")
    clock.now += 59
    tally.add("ok", 0.1)
    clock.now += 1
    tally.add("quota", 0.1)
    await tally.save(pool, "serp", "one")
    found = await find_windows(conn, "serp", 0)
    assert [(w.start, w.outcomes) for w in found] == [(600, {"ok": 2}), (660, {"ok": 0, "quota": 1})]


async def test_nothing_is_lost_while_the_store_is_away(pool: Pool, conn: Connection) -> None:
    """It is written with the next save that succeeds, with what came meanwhile."""
    tally = Tally(Clock())
    tally.add("ok", 0.1)
    away = build_pool("postgresql://nobody@127.0.0.1:9/nothing")
    await away.open(wait=False)
    away.timeout = 0.05
    with pytest.raises(Unavailable):
        await tally.save(away, "serp", "one")
    await away.close()
    tally.add("ok", 0.1)
    await tally.save(pool, "serp", "one")
    assert [w.outcomes for w in await find_windows(conn, "serp", 0)] == [{"ok": 2}]


async def test_a_running_worker_writes_by_itself(
    pool: Pool, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Again and again, so that one that is killed takes little with it."""
    monkeypatch.setattr(service_health, "ROUND_SECONDS", 0.01)
    tally = Tally()
    running = asyncio.create_task(tally.run(pool, "serp", "one"))
    for expected in (1, 2):
        tally.add("ok", 0.1)

        async def written(expected: int = expected) -> bool:
            return figure(merge(await find_windows(conn, "serp", 0))).requests == expected

        await eventually(written)
    running.cancel()
