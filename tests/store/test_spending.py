"""Spending: set aside before a call leaves, given back when it is known; never above what is allowed."""

import asyncio
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from shared.store.calls import BUDGET, MONEY_SET_ASIDE, SENT, SET_ASIDE, Intent, insert_calls, open_day
from shared.store.control import Act
from shared.store.jobs import Claim
from shared.store.outcomes import Record, Settlement, record
from shared.store.pool import Connection, Pool
from shared.store.spending import set_budget
from shared.testing.jobs import hold
from shared.testing.locks import until_blocked
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

DAY = "2026-11-25"
PRICE = 0.5
DAYS = "SELECT committed FROM provider_days"
BUDGETS = "SELECT committed FROM pipeline_budgets"


def intent(job: Claim, units: float, *, price: float | None = PRICE) -> Intent:
    money = None if price is None else units * price
    return Intent(
        str(uuid7()), job.pipeline_id, job.job_id, job.fence, "p", "e", 1, "p", DAY, units, money
    )  # fmt: skip


async def allow(conn: Connection, job: Claim, money: float) -> None:
    await conn.execute(
        "UPDATE pipeline_budgets SET budget = %s WHERE pipeline_id = %s", (money, job.pipeline_id)
    )


async def settle(conn: Connection, call: Intent, state: str, units: float | None) -> None:
    money = None if units is None else units * PRICE
    async with conn.transaction():
        await record(
            conn, [Record(Settlement(call.call_id, "serp_collection", state, "ok", 200, units, money))]
        )


async def test_a_day_gives_no_more_than_its_units(conn: Connection) -> None:
    """In the order of the calls; what does not fit is refused by name and leaves no row."""
    job = await hold(conn)
    await open_day(conn, "p", DAY, 10.0)
    calls = [intent(job, 4.0) for _ in range(4)]

    verdicts = await insert_calls(conn, calls)

    assert [verdicts[call.call_id] for call in calls] == [SENT, SENT, SET_ASIDE, SET_ASIDE]
    assert await fetch(conn, DAYS) == [8.0]
    assert await fetch(conn, "SELECT count(*) FROM provider_calls") == [2]
    assert (await insert_calls(conn, [small := intent(job, 2.0)]))[small.call_id] == SENT
    assert (await insert_calls(conn, [tiny := intent(job, 0.1)]))[tiny.call_id] == SET_ASIDE


async def test_a_day_is_over_only_when_no_call_under_way_could_give_anything_back(conn: Connection) -> None:
    """What is charged is gone; what is only set aside may come back."""
    job = await hold(conn)
    await open_day(conn, "p", DAY, 10.0)
    first, second = intent(job, 6.0), intent(job, 4.0)
    await insert_calls(conn, [first, second])

    async def asked(units: float) -> str:
        return (await insert_calls(conn, [call := intent(job, units)]))[call.call_id]

    assert [await asked(units) for units in (10.0, 10.1)] == [SET_ASIDE, "quota"]
    await settle(conn, first, "settled", 6.0)
    assert [await asked(units) for units in (4.0, 4.1)] == [SET_ASIDE, "quota"]
    await settle(conn, second, "settled", 4.0)
    assert await asked(0.1) == "quota"


async def test_without_a_limit_units_are_counted_all_the_same(conn: Connection) -> None:
    """Of another day, or of another provider, apart."""
    job = await hold(conn)
    await open_day(conn, "p", DAY, None)
    await insert_calls(conn, [intent(job, 4.0), intent(job, 400.0)])

    assert await fetch(conn, DAYS) == [404.0]


async def test_a_budget_is_never_exceeded(conn: Connection) -> None:
    """Money is set aside with the units; a call whose price nobody told is not held against it."""
    job = await hold(conn)
    await allow(conn, job, 3.0)
    calls = [intent(job, 4.0), intent(job, 4.0), intent(job, 4.0, price=None)]

    verdicts = await insert_calls(conn, calls)

    assert [verdicts[call.call_id] for call in calls] == [SENT, MONEY_SET_ASIDE, SENT]
    assert await fetch(conn, BUDGETS) == [2.0]
    await conn.execute("UPDATE pipeline_budgets SET budget = 4")
    assert set((await insert_calls(conn, [intent(job, 4.0)])).values()) == {SENT}


async def test_a_budget_is_over_only_when_no_call_under_way_could_give_anything_back(
    conn: Connection,
) -> None:
    """What was charged is gone; what is only set aside may come back; what another pipeline sets aside does not."""
    job, other = await hold(conn), await hold(conn)
    await allow(conn, job, 5.0)
    first, second = intent(job, 6.0), intent(job, 4.0)
    await insert_calls(conn, [first, second, intent(other, 100.0)])

    async def asked(units: float) -> str:
        return (await insert_calls(conn, [call := intent(job, units)]))[call.call_id]

    assert [await asked(units) for units in (10.0, 10.1)] == [MONEY_SET_ASIDE, BUDGET]
    await settle(conn, first, "settled", 6.0)
    assert [await asked(units) for units in (4.0, 4.1)] == [MONEY_SET_ASIDE, BUDGET]
    await settle(conn, second, "settled", 3.0)
    assert [await asked(units) for units in (1.0, 1.0, 1.1)] == [SENT, MONEY_SET_ASIDE, BUDGET]


@pytest.mark.parametrize(
    ("state", "units", "left"),
    [("settled", 3.0, 3.0), ("settled", 5.0, 5.0), ("settled", None, 4.0), ("in_doubt", None, 4.0), ("refunded", 0.0, 0.0)],
)  # fmt: skip
async def test_what_a_call_cost_replaces_what_was_set_aside(
    conn: Connection, state: str, units: float | None, left: float
) -> None:
    """An unknown cost stays set aside; writing it again changes nothing."""
    job = await hold(conn)
    await open_day(conn, "p", DAY, 100.0)
    await allow(conn, job, 100.0)
    call = intent(job, 4.0)
    await insert_calls(conn, [call])

    for _ in range(2):
        await settle(conn, call, state, units)

        assert await fetch(conn, DAYS) == [left]
        assert await fetch(conn, BUDGETS) == [left * PRICE]


async def test_a_late_answer_corrects_what_the_reaper_left(conn: Connection) -> None:
    """A call in doubt counts in full until its worker says what it cost."""
    job = await hold(conn)
    await open_day(conn, "p", DAY, 100.0)
    call = intent(job, 4.0)
    await insert_calls(conn, [call])
    await conn.execute("UPDATE provider_calls SET state = 'in_doubt', outcome = 'lease_expired'")
    assert await fetch(conn, DAYS) == [4.0]

    await settle(conn, call, "settled", 1.0)

    assert await fetch(conn, DAYS) == [1.0]


async def test_a_budget_that_comes_later_counts_the_calls_under_way(conn: Connection) -> None:
    """What they may cost at the most, until it is known what they cost."""
    job = await hold(conn)
    call = intent(job, 4.0)
    await insert_calls(conn, [call])

    await set_budget(conn, UUID(job.pipeline_id), 10.0, Act())
    assert await fetch(conn, BUDGETS) == [2.0]

    await settle(conn, call, "settled", 3.0)
    assert await fetch(conn, BUDGETS) == [1.5]


async def test_a_first_budget_counts_calls_that_are_written_in_the_same_moment(
    conn: Connection, pool: Pool
) -> None:
    """It waits for them; a call that is written after it waits for the budget."""
    job = await hold(conn)
    async with pool.connection() as other:
        async with conn.transaction():
            await insert_calls(conn, [intent(job, 4.0)])
            setting = asyncio.create_task(set_budget(other, UUID(job.pipeline_id), 3.0, Act()))
            await until_blocked(conn)
        await setting
        assert await fetch(conn, BUDGETS) == [2.0]
        async with conn.transaction():
            await set_budget(conn, UUID(job.pipeline_id), 2.5, Act())
            late = intent(job, 2.0)
            waiting = asyncio.create_task(insert_calls(other, [late]))
            await until_blocked(conn)
        assert await waiting == {late.call_id: MONEY_SET_ASIDE}
    assert await fetch(conn, BUDGETS) == [2.0]


async def test_days_are_locked_before_budgets(conn: Connection, pool: Pool) -> None:
    """By who settles as by who spends, so that the two never wait for one another."""
    job = await hold(conn)
    await open_day(conn, "p", DAY, 100.0)
    await allow(conn, job, 100.0)
    call = intent(job, 4.0)
    await insert_calls(conn, [call])

    async def give_back() -> None:
        async with pool.connection() as other:
            await settle(other, call, "settled", 1.0)

    async with conn.transaction():
        await conn.execute("SELECT FROM provider_days FOR UPDATE")
        settling = asyncio.create_task(give_back())
        await until_blocked(conn)
        async with pool.connection() as third:
            assert await fetch(
                third, "SELECT count(*) FROM (SELECT FROM pipeline_budgets FOR UPDATE NOWAIT)"
            ) == [1]
    await settling
    assert await fetch(conn, BUDGETS) == [PRICE]


async def test_who_waited_for_the_day_sees_the_calls_it_waited_for(conn: Connection, pool: Pool) -> None:
    """They are under way, though they were written after its own statement had begun: the day is not over."""
    job = await hold(conn)
    await open_day(conn, "p", DAY, 10.0)
    tiny = intent(job, 1.0)
    async with pool.connection() as other:
        async with conn.transaction():
            await insert_calls(conn, [intent(job, 10.0)])
            waiting = asyncio.create_task(insert_calls(other, [tiny]))
            await until_blocked(conn)
        assert await waiting == {tiny.call_id: SET_ASIDE}
