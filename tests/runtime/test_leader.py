"""Leading: one at a time, handed over at once when it is given up, after the lease when it is not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from shared.runtime.cancellation import cancel
from shared.runtime.leader import Leader
from shared.store.leases import take_lease
from shared.store.pool import Connection, Pool
from shared.testing.eventually import eventually
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

NAME = "serp"
LEASE_SECONDS = 0.6
LONG_SECONDS = 600.0


class Candidate:
    """A process that may lead, and what it did."""

    def __init__(
        self, pool: Pool, holder: str, *, lease_seconds: float = LEASE_SECONDS, broken: bool = False
    ) -> None:
        self.rounds = 0
        self.noticed: list[float] = []
        rounds: list[Callable[[], Awaitable[float]]] = [self._fail, self._round] if broken else [self._round]
        self.leader = Leader(pool, NAME, holder, lease_seconds, rounds, notice=self.noticed.append)

    async def _round(self) -> float:
        self.rounds += 1
        return 0.01

    async def _fail(self) -> float:
        raise KeyError("a defect in another round")


@asynccontextmanager
async def running(candidate: Candidate) -> AsyncIterator[None]:
    task = asyncio.create_task(candidate.leader.run())
    try:
        yield
    finally:
        await cancel([task])
        assert task.cancelled()


async def holder(conn: Connection) -> list[str]:
    return await fetch(conn, "SELECT holder FROM leases WHERE lease_until > now()")


async def test_one_of_several_leads(pool: Pool, conn: Connection) -> None:
    """It goes on leading beyond its first lease, and nobody else does a round."""
    first, second = Candidate(pool, "first"), Candidate(pool, "second")
    async with running(first):
        await eventually(lambda: first.rounds > 0)
        async with running(second):
            (until,) = await fetch(conn, "SELECT lease_until + interval '0.6 s' FROM leases")
            later = "SELECT 1 FROM leases WHERE lease_until > %s"
            await eventually(lambda: fetch(conn, later, until))
            assert await holder(conn) == ["first"]
            assert second.rounds == 0
            assert 1 not in second.noticed
    assert first.noticed[0] == 1
    assert first.noticed[-1] == 0


async def test_who_is_told_to_stop_hands_over_at_once(pool: Pool, conn: Connection) -> None:
    """Its lease would have lasted for minutes."""
    first = Candidate(pool, "first", lease_seconds=LONG_SECONDS)
    second = Candidate(pool, "second")
    task = asyncio.create_task(first.leader.run())
    await eventually(lambda: first.rounds)
    async with running(second):
        await eventually(lambda: second.noticed)
        assert second.rounds == 0
        await cancel([task])
        await eventually(lambda: second.rounds, 5.0)
        assert await holder(conn) == ["second"]


async def test_a_dead_leaders_lease_runs_out(pool: Pool, conn: Connection) -> None:
    """Not before, and then another leads."""
    assert await take_lease(conn, NAME, "dead", LEASE_SECONDS)
    candidate = Candidate(pool, "living")
    async with running(candidate):
        assert await eventually(lambda: holder(conn)) == ["dead"]
        await eventually(lambda: candidate.rounds, 5.0)
        assert await holder(conn) == ["living"]


async def test_a_dead_leaders_lease_is_taken_when_it_runs_out(pool: Pool, conn: Connection) -> None:
    """Who stands by does not let it lie until its own next renewal would be due."""
    assert await take_lease(conn, NAME, "dead", 3 * LEASE_SECONDS)
    candidate = Candidate(pool, "living", lease_seconds=LONG_SECONDS)
    async with running(candidate):
        await eventually(lambda: candidate.noticed)
        assert candidate.rounds == 0
        await eventually(lambda: candidate.rounds, 5.0)


async def test_a_leader_that_lost_its_lease_stops_leading(pool: Pool, conn: Connection) -> None:
    """After a stall another may have taken over: at the next renewal it notices."""
    candidate = Candidate(pool, "stalled")
    async with running(candidate):
        await eventually(lambda: candidate.rounds)
        query = "UPDATE leases SET holder = 'other', lease_until = now() + interval '10 minutes'"
        await conn.execute(query)
        await eventually(lambda: candidate.noticed[-1] == 0, 5.0)
        rounds = candidate.rounds
        await eventually(lambda: candidate.noticed.count(0) >= 2, 5.0)
        assert candidate.rounds == rounds
    assert await holder(conn) == ["other"], "it gave back what was not its own"


async def test_a_broken_round_does_not_starve_the_others(pool: Pool) -> None:
    """A defect in one is logged; the others have their turn, again and again."""
    candidate = Candidate(pool, "first", broken=True)
    async with running(candidate):
        await eventually(lambda: candidate.rounds >= 2, 10.0)


async def test_a_leader_survives_its_database(pool: Pool, conn: Connection) -> None:
    """Sessions that are ended cost a pause, not the leadership."""
    candidate = Candidate(pool, "first")
    others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    async with running(candidate):
        await eventually(lambda: candidate.rounds)
        await fetch(conn, others)
        rounds = candidate.rounds
        await eventually(lambda: candidate.rounds > rounds + 1, 10.0)
