"""A budget under fire: calls at once, workers killed in the middle of them, and never a cent too much."""

import asyncio
import random
import sys
from contextlib import suppress
from functools import partial

import pytest

from shared.runtime.cancellation import cancel
from shared.store.pool import Connection
from shared.testing.eventually import eventually
from shared.testing.jobs import start_searches
from shared.testing.rows import fetch
from tests.runtime.spending_worker import AT_ONCE, MOST

pytestmark = pytest.mark.anyio

SEARCHES = 2_000
BUDGET = 400 * MOST
KILLS = 5
#: All that may be under way and give back what it does not cost when the first call is refused: jobs of 16 items, two a call.
UNDER_WAY = 16 * 16 // 2
#: Set aside, and what the ledger says: known costs, and for calls without one the most they may cost.
SPENT = """
    SELECT (SELECT committed FROM pipeline_budgets), (
        SELECT coalesce(sum(coalesce(money, CASE WHEN state = 'refunded' THEN 0 ELSE %s END)), 0)::float8
        FROM provider_calls), (SELECT count(*)::int FROM provider_calls WHERE state = 'sent')"""
WAITING = "SELECT count(*) > 0 FROM pipeline_state WHERE wait_reason = 'budget'"


async def test_no_kill_makes_a_pipeline_spend_more_than_its_budget(
    conn: Connection, postgres_url: str
) -> None:
    """At every instant that was looked at, what is settled and what is reserved is within it; and it is used up."""
    chance = random.Random(2)
    await start_searches(conn, SEARCHES, config={"budget": BUDGET})
    busiest = kills = 0

    async def spend() -> None:
        nonlocal kills
        while True:
            command = [sys.executable, "-m", "tests.runtime.spending_worker", postgres_url]
            worker = await asyncio.create_subprocess_exec(*command)
            try:
                before = (await fetch(conn, "SELECT count(*)::int FROM provider_calls"))[0]
                enough = before + chance.randrange(20, 60)
                if kills < KILLS:
                    await eventually(partial(_called_or_stopped, conn, enough), 60.0)
                else:
                    await worker.wait()
            finally:
                with suppress(ProcessLookupError):
                    worker.kill()
                await worker.wait()
            kills += 1

    async def used_up() -> bool:
        nonlocal busiest
        ((committed, ledger, sent),) = await fetch(conn, SPENT, MOST)
        busiest = max(busiest, sent)
        assert committed <= BUDGET + 1e-6
        assert ledger <= BUDGET + 1e-6
        return kills >= KILLS and (await fetch(conn, WAITING))[0]

    spending = asyncio.create_task(spend())
    try:
        await eventually(used_up, 60.0)
    finally:
        await cancel([spending])

    assert busiest > AT_ONCE / 2
    ((committed, ledger, _),) = await fetch(conn, SPENT, MOST)
    assert BUDGET - UNDER_WAY * MOST < committed <= BUDGET
    assert ledger == pytest.approx(committed)
    assert (await fetch(conn, "SELECT count(*)::int FROM provider_calls WHERE state = 'in_doubt'"))[0] > 0


async def _called_or_stopped(conn: Connection, calls: int) -> bool:
    """So many calls were made, or the budget allows no more: what the dead had under way stays set aside."""
    (number,) = await fetch(conn, "SELECT count(*)::int FROM provider_calls")
    return int(number) >= calls or bool((await fetch(conn, WAITING))[0])
