"""Single flight over all workers: of those who want a fact that is not stored one may buy it, the others wait."""

import asyncio
from collections.abc import Sequence

import pytest
from uuid_utils.compat import uuid7

from shared.store.calls import Landed, Wanted, begin_flights, end_flights
from shared.store.jobs import Claim
from shared.store.lookups import Availability, Want, look_up
from shared.store.pool import Connection, build_pool
from shared.testing.jobs import hold
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

BUY, TAKEN = Availability.BUY, Availability.TAKEN
KEY, OTHER = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2))


def want(job: Claim, key: str = KEY, freshness: float = 60.0, since: float = 4e9) -> Want:
    return Want(key, freshness, since, job.job_id, str(uuid7()))


async def store(conn: Connection, key: str = KEY) -> None:
    await conn.execute(
        "INSERT INTO provider_facts (fact_key, call_id, provider, endpoint, subject, params, answer)"
        " VALUES (%s, gen_random_uuid(), 'p', 'e', 's', '{}', '{}')", (key,)
    )  # fmt: skip


async def test_one_may_buy_and_the_others_wait(conn: Connection) -> None:
    """Until the fact is there, or the flight is over without it."""
    first, second = await hold(conn), await hold(conn)
    bought = want(first)
    assert await look_up(conn, [bought]) == [BUY]
    assert await look_up(conn, [want(second), want(second, OTHER)]) == [TAKEN, BUY]

    await end_flights(conn, [Landed(KEY, bought.token)])
    assert await look_up(conn, [want(second)]) == [BUY]

    await store(conn)
    (stored,) = await look_up(conn, [want(first)])
    assert stored not in (BUY, TAKEN)


async def test_a_dead_jobs_flight_is_nobodys(conn: Connection) -> None:
    """Its lease is over: whoever comes next may buy."""
    dead, alive = await hold(conn, lease_seconds=-1.0), await hold(conn)
    assert await look_up(conn, [want(dead)]) == [BUY]
    assert await look_up(conn, [want(alive)]) == [BUY]
    assert await look_up(conn, [want(dead)]) == [TAKEN]


async def test_a_job_may_begin_its_own_flight_anew(conn: Connection) -> None:
    """After a call that failed; the end of the first, written late, does not open the way for others."""
    job, other = await hold(conn), await hold(conn)
    first, second = want(job), want(job)
    assert await look_up(conn, [first]) == [BUY]
    assert await look_up(conn, [second]) == [BUY]
    await end_flights(conn, [Landed(KEY, first.token)])
    assert await look_up(conn, [want(other)]) == [TAKEN]


async def test_two_wants_of_one_batch_are_one_flight(conn: Connection) -> None:
    """Whichever job they are of."""
    job, other = await hold(conn), await hold(conn)
    assert sorted(
        a.value for a in await look_up(conn, [want(job), want(other)]) if isinstance(a, Availability)
    ) == ["buy", "taken"]


async def test_a_stale_fact_may_be_bought_anew(conn: Connection) -> None:
    """By whoever does not accept its age."""
    job = await hold(conn)
    await store(conn)
    await conn.execute("UPDATE provider_facts SET fetched_at = now() - interval '1 hour'")
    stored, anew = await look_up(conn, [want(job, freshness=7200.0), want(job, freshness=60.0)])
    assert anew is BUY
    assert stored not in (BUY, TAKEN)


async def test_what_the_pipeline_itself_bought_is_fresh_to_it(conn: Connection) -> None:
    """However fresh it wants the rest."""
    job = await hold(conn)
    await store(conn)
    bought_before, bought_after = (
        want(job, freshness=0.0),
        want(job, freshness=0.0, since=job.settings.started_at - 1),
    )
    anew, stored = await look_up(conn, [bought_before, bought_after])
    assert anew is BUY
    assert stored not in (BUY, TAKEN)


async def test_of_many_at_once_exactly_one_may_buy(postgres_url: str, conn: Connection) -> None:
    """Over several connections, with overlapping batches in any order."""
    jobs = [await hold(conn) for _ in range(8)]
    keys = [str(uuid7()) for _ in range(20)]
    async with build_pool(postgres_url, size=8) as pool:

        async def ask(number: int, job: Claim) -> list[object]:
            async with pool.connection() as mine:
                return list(
                    await look_up(mine, [want(job, key) for key in (keys if number % 2 else keys[::-1])])
                )

        answers = await asyncio.gather(*[ask(n, job) for n, job in enumerate(jobs)])

    assert sum(answer is BUY for each in answers for answer in each) == len(keys)


async def test_a_flight_that_was_not_needed_is_over(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the fact lands between the first look and the start, nobody has to wait for it."""
    job = await hold(conn)

    async def begin(conn: Connection, wants: Sequence[Wanted]) -> set[str]:
        await store(conn)
        return await begin_flights(conn, wants)

    monkeypatch.setattr("shared.store.lookups.begin_flights", begin)
    (stored,) = await look_up(conn, [want(job)])
    assert stored not in (BUY, TAKEN)
    assert await fetch(conn, "SELECT count(*) FROM flights") == [0]
