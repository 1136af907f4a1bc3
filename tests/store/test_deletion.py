"""Deleting a pipeline: whatever is under way beside it leaves no row of it, and nothing waits for it any more."""

import asyncio
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from shared.domain.checkpoint import Due
from shared.errors import NotFoundError
from shared.store.audit import audit
from shared.store.audits import find_audit_due, save_audit, skip_audit
from shared.store.checkpoints import write_checkpoint
from shared.store.control import Act
from shared.store.counters import fold_counters
from shared.store.deletion import begin_deletion, go_on_deleting
from shared.store.lookups import Availability, Want, look_up
from shared.store.outcomes import Record, Settlement, record
from shared.store.pool import Connection, Pool
from shared.store.spending import set_budget
from shared.store.waivers import waive
from shared.testing.eventually import eventually
from shared.testing.jobs import hold
from shared.testing.pipelines import finish_pipeline, start_pipeline
from shared.testing.rows import fetch, tables_of_pipelines

pytestmark = pytest.mark.anyio

KEPT = {"provider_calls", "pipeline_actions", "events"}
KEY = "00000000-0000-0000-0000-000000000001"


async def finished(conn: Connection) -> UUID:
    pipeline_id = await start_pipeline(conn)
    await finish_pipeline(conn, pipeline_id)
    return pipeline_id


async def begin(conn: Connection, pipeline_id: UUID) -> None:
    async with conn.transaction():
        await begin_deletion(conn, pipeline_id, Act())


async def left_of(conn: Connection, pipeline_id: UUID) -> set[str]:
    return {
        table
        for table in await tables_of_pipelines(conn)
        if await fetch(conn, f"SELECT 1 FROM {table} WHERE pipeline_id = %s LIMIT 1", pipeline_id)  # noqa: S608 - of the catalogue
    }


async def test_a_deletion_is_ended_by_one(conn: Connection, pool: Pool) -> None:
    """Who comes later finds nothing, and says so."""
    pipeline_id = await finished(conn)
    await begin(conn, pipeline_id)
    first, second = await go_on_deleting(pool, pipeline_id), await go_on_deleting(pool, pipeline_id)
    assert (first.items, first.ended) == (6, True)
    assert (second.items, second.ended) == (0, False)


async def test_what_was_tried_and_waived_goes_too(conn: Connection, pool: Pool) -> None:
    """Also attempts of items that are gone already."""
    pipeline_id = await finished(conn)
    await waive(conn, pipeline_id, "coverage", actor="ann", reason="known")
    await conn.execute(
        "INSERT INTO retry_history (pipeline_id, item_id, phase, attempt, category, codes, error)"
        " VALUES (%s, %s, 'serp_collection', 1, 'recoverable', '{}', 'x')",
        (pipeline_id, 2**40),
    )
    await begin(conn, pipeline_id)
    await go_on_deleting(pool, pipeline_id)
    assert await left_of(conn, pipeline_id) <= KEPT


async def test_what_is_written_beside_a_deletion_leaves_no_row(conn: Connection, pool: Pool) -> None:
    """An audit, a checkpoint, a waiver, a budget, folded counters: begun before, written while it goes on, or after."""
    pipeline_id = await finished(conn)
    found = await audit(conn, pipeline_id)

    async def write() -> None:
        assert not await save_audit(conn, found, 1.0)
        await skip_audit(conn, pipeline_id, found.state, "too large")
        async with conn.transaction():
            assert not await write_checkpoint(conn, pipeline_id, Due("late", "named"))
        with pytest.raises(NotFoundError):
            await waive(conn, pipeline_id, "coverage", actor="ann", reason="known")
        with pytest.raises(NotFoundError):
            await set_budget(conn, pipeline_id, 5.0, Act())
        await fold_counters(conn)

    await begin(conn, pipeline_id)
    await write()
    assert (
        await left_of(conn, pipeline_id) & {"pipeline_audits", "pipeline_checkpoints", "gate_waivers"}
        == set()
    )
    await go_on_deleting(pool, pipeline_id)
    await write()
    assert await left_of(conn, pipeline_id) <= KEPT


async def test_what_is_being_deleted_is_not_audited(conn: Connection) -> None:
    """Neither one that ended just now, nor one that a defect left open."""
    for state in ("completed", "running"):
        pipeline_id = await finished(conn)
        await begin(conn, pipeline_id)
        await conn.execute(
            "UPDATE pipelines SET state = %s, created_at = now() - interval '1 day',"
            " ended_at = CASE WHEN %s = 'completed' THEN now() END WHERE pipeline_id = %s",
            (state, state, pipeline_id),
        )
    assert await find_audit_due(conn, 600.0) is None


async def test_purchases_in_doubt_of_a_deleted_pipeline_hold_nobody(conn: Connection) -> None:
    """Nobody can decide about them any more: who waits for them looks again at once, and buys."""
    pipeline_id, job = await finished(conn), await hold(conn)
    (call_id, *_) = await fetch(
        conn, "SELECT call_id FROM provider_calls WHERE pipeline_id = %s", pipeline_id
    )
    await conn.execute("UPDATE provider_calls SET state = 'in_doubt' WHERE call_id = %s", (call_id,))
    await conn.execute("INSERT INTO doubted_facts VALUES (%s, %s)", (KEY, call_id))
    await conn.execute(
        "INSERT INTO waiting (pipeline_id, item_id, phase, reason, next_at)"
        " SELECT pipeline_id, item_id, phase, 'in_doubt', now() + interval '1 h' FROM items WHERE pipeline_id = %s LIMIT 1",
        (job.pipeline_id,),
    )

    async def ask() -> object:
        want = Want(KEY, 3600.0, job.settings.started_at, job.job_id, str(uuid7()), hold=True)
        return (await look_up(conn, [want]))[0]

    assert await ask() is Availability.DOUBTED
    await begin(conn, pipeline_id)
    assert await ask() is Availability.BUY
    assert await fetch(conn, "SELECT next_at <= now() FROM waiting") == [True]


async def test_a_late_answer_to_a_call_of_a_deleted_pipeline_leaves_no_counter(
    conn: Connection, pool: Pool
) -> None:
    """The call itself is settled: it was paid for, and stays in the ledger."""
    pipeline_id = await finished(conn)
    (call_id, *_) = await fetch(
        conn, "SELECT call_id::text FROM provider_calls WHERE pipeline_id = %s", pipeline_id
    )
    await conn.execute(
        "UPDATE provider_calls SET state = 'in_doubt', outcome = 'lease_expired' WHERE call_id = %s",
        (call_id,),
    )
    await begin(conn, pipeline_id)
    await go_on_deleting(pool, pipeline_id)
    async with conn.transaction():
        await record(conn, [Record(Settlement(call_id, "serp_collection", "settled", "ok", units=2.0))])
    assert await left_of(conn, pipeline_id) <= KEPT
    assert await fetch(conn, "SELECT state FROM provider_calls WHERE call_id = %s", call_id) == ["settled"]


async def test_an_answer_recorded_beside_the_end_of_a_deletion_leaves_no_counter(
    conn: Connection, pool: Pool
) -> None:
    """Whoever comes second waits for the first."""
    pipeline_id = await finished(conn)
    (call_id, *_) = await fetch(
        conn, "SELECT call_id::text FROM provider_calls WHERE pipeline_id = %s", pipeline_id
    )
    await conn.execute(
        "UPDATE provider_calls SET state = 'in_doubt', outcome = 'lease_expired' WHERE call_id = %s",
        (call_id,),
    )
    await begin(conn, pipeline_id)
    async with conn.transaction():
        await record(conn, [Record(Settlement(call_id, "serp_collection", "settled", "ok", units=2.0))])
        deleting = asyncio.create_task(go_on_deleting(pool, pipeline_id))
        blocked = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        await eventually(lambda: fetch(conn, blocked))
    assert (await deleting).ended
    assert await left_of(conn, pipeline_id) <= KEPT
