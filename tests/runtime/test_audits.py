"""Audits on a schedule: who is due, what is on record afterwards, and what is said of one that fails."""

from uuid import UUID

import pytest
from structlog.testing import capture_logs

from shared.config import Runtime
from shared.errors import NotFoundError
from shared.runtime import audits as module
from shared.runtime.audits import Audits
from shared.store.audit import Audit, audit
from shared.store.audits import KEPT, find_failed_audits, get_latest_audit
from shared.store.control import Act
from shared.store.deletion import begin_deletion
from shared.store.pool import Connection, Pool
from shared.testing.eventually import eventually
from shared.testing.pipelines import finish_pipeline, start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

FOUND = "SELECT pipeline_id, passed FROM pipeline_audits ORDER BY audit_id"
EVERY = 600.0


@pytest.fixture
def audits(pool: Pool) -> Audits:
    return Audits(pool, Runtime(audit_seconds=EVERY))


async def all_due(audits: Audits) -> int:
    number = 0
    while await audits.audit_next():
        number += 1
    return number


async def grow_old(conn: Connection) -> None:
    """Everything was started, and audited, long ago."""
    await conn.execute("UPDATE pipelines SET created_at = created_at - interval '1 hour'")
    await conn.execute("UPDATE pipeline_audits SET audited_at = audited_at - interval '1 hour'")


async def ended(conn: Connection) -> UUID:
    pipeline_id = await start_pipeline(conn)
    await finish_pipeline(conn, pipeline_id)
    return pipeline_id


async def test_running_ones_have_their_turn_again_and_again_and_ended_ones_once(
    audits: Audits, conn: Connection
) -> None:
    """The one that has waited for the longest first; young ones not yet, nor those that ended long ago."""
    running, over = await start_pipeline(conn), await ended(conn)
    long_over = await ended(conn)
    await conn.execute(
        "UPDATE pipelines SET ended_at = now() - interval '2 days' WHERE pipeline_id = %s", (long_over,)
    )
    assert await all_due(audits) == 1
    assert await fetch(conn, FOUND) == [(over, True)]
    await grow_old(conn)
    await conn.execute(
        "UPDATE pipelines SET ended_at = ended_at - interval '2 hours' WHERE pipeline_id = %s", (over,)
    )
    assert await all_due(audits) == 1
    assert await all_due(audits) == 0
    assert await fetch(conn, FOUND) == [(over, True), (running, True)]
    await grow_old(conn)
    assert await all_due(audits) == 1


async def test_what_was_found_can_be_read_again(audits: Audits, conn: Connection) -> None:
    """The same as an audit made now, with its moment; of others there is none."""
    pipeline_id, other = await ended(conn), await start_pipeline(conn)
    await audits.audit_next()
    latest = await get_latest_audit(conn, pipeline_id)
    now = await audit(conn, pipeline_id)
    assert (latest.checks, latest.costs, latest.passed, latest.state) == (
        now.checks,
        now.costs,
        True,
        "completed",
    )
    assert latest.audited_at
    for unknown in (other, UUID(int=0)):
        with pytest.raises(NotFoundError):
            await get_latest_audit(conn, unknown)


async def test_one_that_fails_is_logged_and_named_until_one_passes(audits: Audits, conn: Connection) -> None:
    """With the check that failed."""
    pipeline_id = await start_pipeline(conn)
    await grow_old(conn)
    await conn.execute(
        "INSERT INTO counters (pipeline_id, phase, name, delta) VALUES (%s, 'serp_collection', 'failed', 3)",
        (pipeline_id,),
    )
    with capture_logs() as logs:
        await audits.audit_next()
    (line,) = [one for one in logs if one["event"] == "audit.failed"]
    assert (line["pipeline_id"], line["log_level"]) == (str(pipeline_id), "error")
    assert "counters" in line["checks"]
    (failed,) = await find_failed_audits(conn)
    assert failed.pipeline_id == pipeline_id
    assert "counters" in failed.detail
    await conn.execute("DELETE FROM counters WHERE name = 'failed'")
    await grow_old(conn)
    await audits.audit_next()
    assert await find_failed_audits(conn) == []


async def test_one_that_fails_again_is_told_again(audits: Audits, conn: Connection) -> None:
    """After one that passed; not for every one that fails for the same checks."""
    pipeline_id = await start_pipeline(conn)
    for fails in (True, True, False, True):
        await conn.execute("DELETE FROM counters WHERE name = 'failed'")
        if fails:
            await conn.execute(
                "INSERT INTO counters (pipeline_id, phase, name, delta) VALUES (%s, 'serp_collection', 'failed', 3)",
                (pipeline_id,),
            )
        await grow_old(conn)
        assert await audits.audit_next()
    assert await fetch(conn, "SELECT count(*) FROM events WHERE name = 'audit.failed'") == [2]


async def test_one_that_is_deleted_meanwhile_is_passed_over(
    audits: Audits, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written and nothing told."""
    pipeline_id = await ended(conn)

    async def delete_first(on: Connection, wanted: UUID) -> Audit:
        async with conn.transaction():
            await begin_deletion(conn, pipeline_id, Act())
        return await audit(on, wanted)

    monkeypatch.setattr(module, "audit", delete_first)
    assert await all_due(audits) == 1
    assert await fetch(conn, FOUND) == []


@pytest.mark.parametrize(
    ("bound", "value", "says"),
    [("MOST_ITEMS", 0, "items are more than 0"), ("MOST_SECONDS", 0.0, "broken off after 0 s")],
)
async def test_one_that_is_too_large_is_left_out_and_others_have_their_turn(
    audits: Audits, conn: Connection, monkeypatch: pytest.MonkeyPatch, *, bound: str, value: float, says: str
) -> None:
    """It says so, passed nothing and failed nothing."""
    monkeypatch.setattr(module, bound, value)
    pipeline_id = await ended(conn)
    assert await all_due(audits) == 1
    assert await fetch(conn, FOUND) == [(pipeline_id, None)]
    assert says in (await fetch(conn, "SELECT detail FROM pipeline_audits"))[0]
    assert await find_failed_audits(conn) == []


async def test_only_the_latest_are_kept(audits: Audits, conn: Connection) -> None:
    """However long a pipeline runs."""
    await start_pipeline(conn)
    for _ in range(KEPT + 3):
        await grow_old(conn)
        assert await audits.audit_next()
    assert await fetch(conn, "SELECT count(*)::int FROM pipeline_audits") == [KEPT]


async def test_a_round_does_not_wait_for_the_audit(pool: Pool, audits: Audits, conn: Connection) -> None:
    """It is made beside; switched off there is none."""
    await ended(conn)
    off = Audits(pool, Runtime(audit_seconds=0.0))
    await off.round()
    await off.close()
    assert await fetch(conn, FOUND) == []
    await audits.round()

    async def there() -> bool:
        return len(await fetch(conn, FOUND)) == 1

    await eventually(there)
    await audits.close()
