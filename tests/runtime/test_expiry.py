"""What is kept for a time only is deleted after it, and not before."""

from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from shared.domain.service_health import Window
from shared.runtime.expiry import ROUND_SECONDS, SELDOM, Expiry
from shared.store.audit_log import Write, open_entry
from shared.store.calls import Intent, insert_calls
from shared.store.idempotency import Asked, claim
from shared.store.outcomes import Record, Settlement, record
from shared.store.pool import Connection, Pool, unit_of_work
from shared.store.retry_history import Attempt, Tried, store_attempts
from shared.store.service_health import save_windows
from shared.testing.jobs import hold
from shared.testing.pipelines import start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio


async def test_what_is_old_goes_and_what_is_young_stays(pool: Pool, conn: Connection) -> None:
    """One round is enough for a little."""
    for n in range(2):
        await open_entry(conn, Write(f"a{n}", None, "token", "x", "/x", "", "r"))
        async with unit_of_work(pool) as own:
            await claim(own, Asked("token", "/x", f"k{n}", b""))
    await conn.execute("UPDATE audit_log SET asked_at = now() - interval '367 days' WHERE actor = 'a0'")
    await conn.execute(
        "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'k0'"
    )

    assert await Expiry(pool).round() == ROUND_SECONDS

    assert await fetch(conn, "SELECT actor FROM audit_log") == ["a1"]
    assert await fetch(conn, "SELECT key FROM idempotency_keys") == ["k1"]


async def test_bodies_that_no_attempt_refers_to_go(pool: Pool, conn: Connection) -> None:
    """After a day: one that was seen lately may be referred to by what is not committed yet."""
    pipeline_id = str(await start_pipeline(conn))

    def tried(body: str) -> Tried:
        return Tried(
            pipeline_id, 1, "serp_collection", Attempt(1, "recoverable", "x", None, 500, (), body=body)
        )

    async with conn.transaction():
        await store_attempts(conn, [tried("read"), tried("unread"), tried("seen again"), tried("young")])
    await conn.execute(
        "DELETE FROM retry_history h USING error_bodies b WHERE b.body_id = h.body_id AND b.body <> 'read'"
    )
    await conn.execute("UPDATE error_bodies SET seen_at = now() - interval '2 days' WHERE body <> 'young'")
    async with conn.transaction():
        await store_attempts(conn, [tried("seen again")])
    await conn.execute(
        "DELETE FROM retry_history h USING error_bodies b WHERE b.body_id = h.body_id AND b.body <> 'read'"
    )
    await Expiry(pool).round()
    assert await fetch(conn, "SELECT body FROM error_bodies ORDER BY 1") == ["read", "seen again", "young"]


async def test_flights_of_dead_jobs_go(pool: Pool, conn: Connection) -> None:
    """Of those that ended or are gone; whoever may still buy keeps his."""
    alive, dead = await hold(conn), await hold(conn)
    await conn.execute(
        "UPDATE job_queue SET state = 'expired', lease_until = NULL, ended_at = now() WHERE job_id = %s",
        (dead.job_id,),
    )
    for number, job_id in enumerate((alive.job_id, dead.job_id, 2**40)):
        await conn.execute("INSERT INTO flights VALUES (%s, %s, %s)", (UUID(int=number), job_id, uuid7()))
    await Expiry(pool).round()
    assert await fetch(conn, "SELECT job_id FROM flights") == [alive.job_id]


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ("", False),
        ("UPDATE pipelines SET ended_at = now() - interval '29 days' WHERE ended_at IS NOT NULL", True),
        ("UPDATE pipelines SET state = 'paused', ended_at = NULL WHERE ended_at IS NOT NULL", True),
        ("UPDATE pipelines SET created_at = now() - interval '50 days'", True),
        ('UPDATE pipelines SET config = config || \'{"freshness": {"serp": 4320000}}\'', True),
        ("UPDATE provider_profiles SET freshness_seconds = 4320000", True),
        ("DELETE FROM pipelines WHERE ended_at IS NOT NULL", False),
        ("UPDATE pipelines SET deleting = true, ended_at = now() WHERE ended_at IS NOT NULL", False),
    ],
)
async def test_doubts_go_when_no_policy_needs_them(
    pool: Pool, conn: Connection, change: str, *, kept: bool
) -> None:
    """A month after their pipeline's end, and not while a freshness or an open pipeline reaches back to them."""
    job = await hold(conn)
    call = Intent(
        str(uuid7()),
        job.pipeline_id,
        job.job_id,
        job.fence,
        "p",
        "e",
        1,
        "p",
        None,
        1.0,
        None,
        (str(UUID(int=1)),),
    )
    await insert_calls(conn, [call])
    async with conn.transaction():
        await record(conn, [Record(Settlement(call.call_id, job.phase, "in_doubt", "recoverable"))])
    await conn.execute("UPDATE provider_calls SET sent_at = now() - interval '40 days'")
    await conn.execute(
        "UPDATE pipelines SET state = 'completed', created_at = now() - interval '41 days',"
        " ended_at = now() - interval '39 days'"
    )
    await start_pipeline(conn)
    await conn.execute(
        "INSERT INTO provider_profiles VALUES ('serp', 'p', 'p', 'credit', NULL, 1, 0, NULL, 'UTC', 86400)"
    )
    await conn.execute(change.encode())
    await Expiry(pool).round()
    assert await fetch(conn, "SELECT count(*)::int FROM doubted_facts") == [int(kept)]


async def test_what_is_dear_to_look_for_is_looked_for_seldom(pool: Pool, conn: Connection) -> None:
    """At first, and then once in so many rounds."""
    expiry, old = Expiry(pool), Window(1, {"ok": 1}, 0, 1.0, {1: 1})

    async def left() -> int:
        async with unit_of_work(pool) as own:
            await save_windows(own, "serp", "h", [old])
        await expiry.round()
        return len(await fetch(conn, "SELECT 1 FROM service_health_metrics"))

    assert [await left() for _ in range(SELDOM + 1)] == [0, *[1] * (SELDOM - 1), 0]


async def test_deliveries_that_nobody_will_send_go(pool: Pool, conn: Connection) -> None:
    """Those of a receiver that is disabled, as those that have ended."""
    for disabled in ("now()", "NULL"):
        await conn.execute(
            "WITH w AS (INSERT INTO webhooks (webhook_id, url, secret, after_seq, disabled_at)"  # noqa: S608 - of above
            f" VALUES (gen_random_uuid(), 'u', 's', 0, {disabled}) RETURNING webhook_id)"
            " INSERT INTO webhook_deliveries (webhook_id, name, body, created_at)"
            " SELECT webhook_id, 'x', '', now() - interval '31 days' FROM w".encode()
        )
    await Expiry(pool).round()
    assert await fetch(
        conn, "SELECT w.disabled_at IS NULL FROM webhook_deliveries d JOIN webhooks w USING (webhook_id)"
    ) == [True]


async def test_reports_are_kept_for_a_month(pool: Pool, conn: Connection) -> None:
    """With their parts; by then another version of the code may have made them."""
    await conn.execute(
        "INSERT INTO kept_reports SELECT gen_random_uuid(), v, 'b', now() - make_interval(days => d), 1"
        " FROM (VALUES ('old', 31), ('new', 29)) AS kept (v, d)"
    )
    await conn.execute(
        "INSERT INTO kept_report_parts SELECT pipeline_id, variant, 'head', '' FROM kept_reports"
    )
    await Expiry(pool).round()
    assert await fetch(conn, "SELECT variant FROM kept_reports") == ["new"]
    assert await fetch(conn, "SELECT variant FROM kept_report_parts") == ["new"]
