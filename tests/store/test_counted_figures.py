"""What monitoring reads instead of counting: it equals a count whatever becomes of items, calls and pipelines."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from shared.domain.phases import SERP_COLLECTION
from shared.store.calls import Intent, insert_calls
from shared.store.control import Act
from shared.store.deletion import begin_deletion, go_on_deleting
from shared.store.doubts import decide_calls
from shared.store.failed_items import reset_failed_items
from shared.store.jobs import Claim, complete_job, reap_jobs, wake_items
from shared.store.outcomes import Ending, Record, Settlement, record
from shared.store.phase_restart import restart_phase
from shared.store.pool import Connection, Pool
from shared.store.retry_history import (
    BY_MINUTES,
    Attempt,
    counted_since,
    fold_old_retry_counters,
    fold_retry_counters,
)
from shared.store.standings import delete_provider_counters, fold_provider_counters
from shared.testing.jobs import hold
from shared.testing.pipelines import claim_all, finish_pipeline
from shared.testing.rows import fetch
from tests.store.counted import AGED, assert_counted

pytestmark = pytest.mark.anyio

SUMS = "SELECT sum(attempts)::int, sum(retries)::int, sum(delay_seconds), sum(items)::int, sum(recovered)::int FROM retry_counters"


async def put_off(conn: Connection, job: Claim, category: str = "recoverable") -> None:
    """Every item of it met an error, and is tried again at once."""
    endings = [
        Ending(job.pipeline_id, item.item_id, job.job_id, job.phase, "pending", 1, -1.0, "retry")
        for item in job.items
    ]
    attempt = Attempt(1, category, "x", delay_seconds=1.0)
    async with conn.transaction():
        await record(conn, [Record(ending=ending, attempt=attempt) for ending in endings])
        await complete_job(conn, job.job_id, job.fence)


async def give_up(conn: Connection, job: Claim, *categories: str) -> None:
    """Its items failed, of these categories by turns."""
    async with conn.transaction():
        await record(
            conn,
            [
                Record(
                    ending=Ending(
                        job.pipeline_id, item.item_id, job.job_id, job.phase, "failed", 1,
                        error_category=(category := categories[n % len(categories)]), last_error="x",
                    ),
                    attempt=Attempt(2, category, "x"),
                )
                for n, item in enumerate(job.items)
            ],
        )  # fmt: skip
        await complete_job(conn, job.job_id, job.fence)


async def tried(conn: Connection, pipeline_id: UUID) -> Claim:
    """All searches again, a minute after they were put off."""
    await conn.execute(AGED.encode())
    await wake_items(conn, SERP_COLLECTION)
    claim = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert claim
    return claim


async def test_attempts_are_counted_where_the_latest_is(pool: Pool, conn: Connection) -> None:
    """Through retries, failures, a second chance, completion, a restart of the phase and the end of the pipeline's rows."""
    job = await hold(conn, 7)
    pipeline_id = UUID(job.pipeline_id)
    await put_off(conn, job)
    await assert_counted(conn)
    await put_off(conn, await tried(conn, pipeline_id))
    await assert_counted(conn)
    await give_up(conn, await tried(conn, pipeline_id), "recoverable", "non_recoverable", "bug")
    await assert_counted(conn)
    assert await reset_failed_items(pool, pipeline_id, category="bug", actor="ann", reason="cured") == 2
    await assert_counted(conn)
    assert await reset_failed_items(pool, pipeline_id, most=2, actor="ann", reason="cured") == 2
    await finish_pipeline(conn, pipeline_id)
    await assert_counted(conn)
    assert (await fetch(conn, SUMS))[0][-1] > 0
    async with conn.transaction():
        await restart_phase(conn, pipeline_id, SERP_COLLECTION, Act())
    await assert_counted(conn)
    assert (await fetch(conn, SUMS))[0][-1] == 0
    await finish_pipeline(conn, pipeline_id)
    await fold_retry_counters(conn)
    await assert_counted(conn)
    async with conn.transaction():
        await begin_deletion(conn, pipeline_id, Act())
    await go_on_deleting(pool, pipeline_id)
    assert await fetch(conn, SUMS) == [(0, 0, 0.0, 0, 0)]
    assert await fetch(conn, "SELECT 1 FROM failed_items") == []


async def test_a_crash_that_fails_an_item_is_listed(conn: Connection) -> None:
    """Of its own category."""
    await hold(conn, 2, lease_seconds=-1.0)
    await reap_jobs(conn, "serp", SERP_COLLECTION, 0)
    await assert_counted(conn)


async def test_folding_changes_no_figure(conn: Connection) -> None:
    """By minutes what is new, by hours what is old; rows become fewer."""
    job = await hold(conn, 3)
    await put_off(conn, job)
    for _ in range(3):
        await put_off(conn, await tried(conn, UUID(job.pipeline_id)), "throttled")
    before = len(await fetch(conn, "SELECT 1 FROM retry_counters"))
    await fold_retry_counters(conn)
    await assert_counted(conn)
    assert len(await fetch(conn, "SELECT 1 FROM retry_counters")) < before
    sums = await fetch(conn, SUMS)
    await conn.execute("UPDATE retry_counters SET minute = minute - interval '5 hours'")
    assert await fold_old_retry_counters(conn) > 0
    assert await fetch(conn, SUMS) == sums
    twice = "SELECT 1 FROM retry_counters GROUP BY date_trunc('hour', minute, 'UTC'), phase, category HAVING count(*) > 1"
    assert await fetch(conn, twice) == []


def test_statistics_begin_with_a_whole_minute_or_hour() -> None:
    """Never later than asked for, and where what is folded by hours is asked for, with an hour."""
    now = datetime(2026, 3, 1, 12, 34, 56, 789, tzinfo=UTC)
    starts = [counted_since(now, days) for days in (0.001, 1 / 24, 1 / 12, 0.09, 1, 366)]
    assert starts[:3] == [
        datetime(2026, 3, 1, 12, 33, tzinfo=UTC),
        datetime(2026, 3, 1, 11, 34, tzinfo=UTC),
        datetime(2026, 3, 1, 10, 34, tzinfo=UTC),
    ]
    assert all(later <= earlier for earlier, later in pairwise(starts))
    assert all(start <= now - BY_MINUTES and (start.minute, start.second) == (0, 0) for start in starts[3:])
    assert now - starts[4] < timedelta(days=1, hours=1)


async def test_calls_are_counted_in_the_minute_they_left(conn: Connection) -> None:
    """With what they were charged, as soon as that is known: by their answer, a late one, or an operator."""
    job = await hold(conn)
    calls = [
        Intent(str(uuid7()), job.pipeline_id, job.job_id, job.fence, "p", "e", 1, units=3.0) for _ in range(4)
    ]
    await insert_calls(conn, calls)
    await assert_counted(conn)
    moved = "UPDATE {} SET {} = {} - interval '2 min'"
    for table, column in (("provider_calls", "sent_at"), ("provider_counters", "minute")):
        await conn.execute(moved.format(table, column, column).encode())

    async def settle(call: Intent, state: str, outcome: str, units: float | None) -> None:
        await record(conn, [Record(Settlement(call.call_id, job.phase, state, outcome, units=units))])
        await assert_counted(conn)

    await settle(calls[0], "settled", "ok", 2.0)
    await settle(calls[1], "in_doubt", "recoverable", None)
    await settle(calls[2], "refunded", "rate", 0.0)
    await decide_calls(conn, UUID(job.pipeline_id), "charged", None, Act("ann"))
    await assert_counted(conn)
    await conn.execute(
        "UPDATE provider_calls SET state = 'in_doubt', outcome = 'lease_expired' WHERE state = 'sent'"
    )
    await settle(calls[3], "settled", "ok", 1.0)
    await fold_provider_counters(conn)
    await assert_counted(conn)
    assert await fetch(conn, "SELECT calls::int, units FROM provider_counters") == [(4, 6.0)]
    await conn.execute("UPDATE provider_counters SET minute = minute - interval '3 days'")
    assert await delete_provider_counters(conn) == 1


async def test_minutes_nobody_asks_for_are_not_looked_at_to_be_folded(conn: Connection) -> None:
    """What came to them late stays as it came, and their sums are the same."""
    await conn.execute(
        "INSERT INTO provider_counters SELECT date_trunc('minute', now() - age, 'UTC'), 'p', 1, 2"
        " FROM unnest(ARRAY[interval '5 min', interval '3 hours']) AS age, generate_series(1, 3)"
    )
    await fold_provider_counters(conn)
    counted = "SELECT calls::int, units FROM provider_counters ORDER BY minute"
    assert await fetch(conn, counted) == [(1, 2.0)] * 3 + [(3, 6.0)]
