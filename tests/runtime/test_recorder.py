"""The recorder: everything gets written, in company, and what cannot be written fails alone."""

import asyncio
import random
from typing import Any

import msgspec
import pytest
from uuid_utils.compat import uuid7

from shared.domain.phases import VIDEO_ENRICHMENT, NewItem
from shared.domain.results import Ranking, SearchResult
from shared.runtime.recorder import Recorder
from shared.store.jobs import Claim
from shared.store.outcomes import BoughtFact, Ending, Evidence, Record
from shared.store.pool import Connection, Pool, Unstorable
from shared.testing.eventually import eventually
from shared.testing.jobs import hold
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

SEARCHES = 12


def failed(job: Claim, n: int, **changes: Any) -> Record:
    ending = Ending(job.pipeline_id, job.items[n].item_id, job.job_id, job.phase, "failed", spent=1)
    return Record(ending=msgspec.structs.replace(ending, **changes))


def completed(job: Claim, n: int, **ranking: Any) -> Record:
    base = failed(job, n, state="completed")
    place = msgspec.structs.replace(Ranking(1, "https://acme.com/", "acme.com"), **ranking)
    return msgspec.structs.replace(base, evidence=Evidence(SearchResult((place,)), ()))


async def test_units_added_together_are_one_transaction(pool: Pool, conn: Connection) -> None:
    """And each of them is committed when its future is done."""
    job = await hold(conn, SEARCHES)
    recorder = Recorder(pool, "serp")
    assert await asyncio.gather(*(recorder.add(failed(job, n)) for n in range(SEARCHES))) == [True] * SEARCHES
    assert await fetch(conn, "SELECT count(*), count(DISTINCT xmin::text) FROM pipeline_state") == [
        (SEARCHES, 1)
    ]


async def test_an_item_of_another_job_is_told_apart(pool: Pool, conn: Connection) -> None:
    """False: it has moved on, and its outcome with it."""
    job = await hold(conn, 2)
    recorder = Recorder(pool, "serp")
    stale = failed(job, 0, job_id=job.job_id + 1)
    moved = [recorder.add(stale), recorder.add(failed(job, 1))]
    assert [await one for one in moved] == [False, True]


def unstorable(job: Claim, kind: str) -> Record:
    match kind:
        case "a number beyond its column":
            return completed(job, 5, position=40_000)
        case "a value its column forbids":
            return completed(job, 5, position=0)
        case "no uuid":
            return msgspec.structs.replace(
                failed(job, 5), facts=(BoughtFact("no uuid", str(uuid7()), "p", "e", "s", {}, {}),)
            )
        case "a key too long for its index":
            key = random.Random(1).randbytes(10_000).hex()
            found = Evidence(SearchResult(()), (), (NewItem(VIDEO_ENRICHMENT, key),))
            return msgspec.structs.replace(completed(job, 5), evidence=found)
    raise AssertionError(kind)


@pytest.mark.parametrize(
    "kind",
    ["a number beyond its column", "a value its column forbids", "no uuid", "a key too long for its index"],
)
async def test_what_cannot_be_stored_fails_alone(pool: Pool, conn: Connection, kind: str) -> None:
    """Its batch mates are stored, it leaves nothing, and the recorder goes on."""
    job = await hold(conn, SEARCHES)
    recorder = Recorder(pool, "serp")
    units = [unstorable(job, kind) if n == 5 else completed(job, n) for n in range(SEARCHES - 1)]
    async with asyncio.timeout(10.0):
        results = await asyncio.gather(*map(recorder.add, units), return_exceptions=True)
    assert [n for n, result in enumerate(results) if result is not True] == [5]
    assert isinstance(results[5], Unstorable)
    rows = await fetch(conn, "SELECT state FROM pipeline_state ORDER BY item_id")
    assert rows == ["completed"] * 5 + ["processing"] + ["completed"] * 5 + ["processing"]
    assert await fetch(conn, "SELECT count(*) FROM results") == [SEARCHES - 2]
    assert await recorder.add(failed(job, 5))


async def test_a_broken_connection_delays_and_loses_nothing(pool: Pool, conn: Connection) -> None:
    """The database ends the session in the middle of the transaction: it is written again, whole and once."""
    job = await hold(conn, SEARCHES)
    recorder = Recorder(pool, "serp")
    waiting = (
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with conn.transaction():
        await conn.execute("LOCK TABLE results")
        added = [recorder.add(completed(job, n)) for n in range(SEARCHES)]
        (pid,) = await eventually(lambda: fetch(conn, waiting))
        await conn.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert await asyncio.gather(*added) == [True] * SEARCHES
    assert await fetch(conn, "SELECT count(*) FROM rankings") == [SEARCHES]
    assert await fetch(conn, "SELECT attempts, count(*) FROM pipeline_state GROUP BY 1") == [(1, SEARCHES)]


async def test_draining_waits_until_all_is_written(pool: Pool, conn: Connection) -> None:
    """Also what nobody waits for."""
    job = await hold(conn, SEARCHES)
    recorder = Recorder(pool, "serp")
    for n in range(SEARCHES):
        recorder.add(failed(job, n))
    await recorder.drain()
    assert await fetch(conn, "SELECT DISTINCT state FROM pipeline_state") == ["failed"]
