"""Long bulk actions go on after a death, and whatever they did is done once."""

import asyncio
import sys
from typing import Any
from uuid import UUID

import pytest

from shared.domain.operation import Kind
from shared.runtime.operations import Operations
from shared.store import operations as store
from shared.store.dead_letters import select_dead_letters
from shared.store.operations import CHUNK, Operation, begin_letters, cancel_operation, get_operation
from shared.store.pool import Connection, Passing, Pool, unit_of_work
from shared.testing.eventually import eventually
from shared.testing.jobs import start_searches
from shared.testing.locks import until_blocked
from shared.testing.rows import fetch
from tests.store.given_up import ALL, assert_green, end, fail_all

pytestmark = pytest.mark.anyio

NUMBER = 10_000
#: A letter in the middle of the sixth chunk.
STUCK_AT = 5 * CHUNK + CHUNK // 2
#: Items that are due more than once, letters that were replayed, items that the history tells of, items that are due.
TWICE = "SELECT count(*)::int FROM (SELECT FROM ready GROUP BY item_id HAVING count(*) > 1) AS doubled"
REPLAYED = "SELECT count(*)::int FROM job_queue WHERE state = 'replayed'"
NOTED = "SELECT sum(items)::int FROM item_actions WHERE selection = jsonb_build_object('operation_id', %s::bigint)"
DUE = "SELECT count(*)::int FROM ready WHERE phase = 'serp_collection'"


async def begin(pool: Pool, kind: Kind = Kind.REPLAY) -> Operation:
    async with unit_of_work(pool) as conn:
        operation = await begin_letters(conn, kind, ALL, actor="ada", reason="cured", least=0)
    assert operation
    return operation


async def test_ten_thousand_letters_are_replayed_once_though_the_process_is_killed(
    pool: Pool, conn: Connection, postgres_url: str
) -> None:
    """SIGKILL in the middle of a chunk: that chunk never was, those before stay, and another process does the rest."""
    pipeline_id = await start_searches(conn, NUMBER)
    await fail_all(conn, pipeline_id)
    await end(conn)
    operation = await begin(pool)
    assert (operation.matched, operation.done, operation.state) == (NUMBER, 0, "queued")

    async def five_chunks_are_done() -> bool:
        return (await get_operation(conn, operation.operation_id)).done == 5 * CHUNK

    command = [sys.executable, "-m", "tests.runtime.operating_process", postgres_url]
    async with conn.transaction():
        await conn.execute(
            "SELECT FROM job_queue WHERE job_id = (SELECT job_id FROM job_queue WHERE state = 'dead_letter'"
            " ORDER BY job_id LIMIT 1 OFFSET %s) FOR UPDATE",
            (STUCK_AT,),
        )
        process = await asyncio.create_subprocess_exec(*command)
        try:
            await eventually(five_chunks_are_done)
            await until_blocked(conn)
        finally:
            process.kill()
            await process.wait()
    killed = await get_operation(conn, operation.operation_id)
    assert (killed.state, killed.done) == ("running", 5 * CHUNK)
    assert await fetch(conn, REPLAYED) == await fetch(conn, DUE) == [killed.done]

    operations = Operations(pool)
    try:
        await operations.round()

        async def has_ended() -> Operation | None:
            await operations.round()
            found = await get_operation(conn, operation.operation_id)
            return found if found.ended_at else None

        ended = await eventually(has_ended, 60.0)
    finally:
        await operations.close()
    assert ended
    assert (ended.state, ended.matched, ended.done, ended.failed) == ("completed", NUMBER, NUMBER, 0)
    assert await fetch(conn, REPLAYED) == await fetch(conn, DUE) == [NUMBER]
    assert await fetch(conn, TWICE) == [0]
    assert await fetch(conn, NOTED, operation.operation_id) == [NUMBER]
    await assert_green(conn, pipeline_id)


async def test_a_cancel_between_chunks_is_heard(
    pool: Pool, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done stays done, and nothing more is."""
    monkeypatch.setattr(store.do_chunk, "__defaults__", (2,))
    await fail_all(conn, await start_searches(conn, 5))
    operation = await begin(pool, Kind.DISCARD)
    operations = Operations(pool)
    assert await operations.step()
    async with unit_of_work(pool) as own:
        await cancel_operation(own, operation.operation_id, actor="ada", reason="enough")
    assert not await operations.step()
    found = await get_operation(conn, operation.operation_id)
    assert (found.state, found.matched, found.done) == ("cancelled", 5, 2)
    assert found.detail == "cancelled by ada: enough"


async def test_who_stood_still_in_a_chunk_ends_nothing(
    pool: Pool, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres ends the session of a process that was stopped in the middle; the operation goes on afterwards."""
    await fail_all(conn, await start_searches(conn, 2))
    operation = await begin(pool)

    async def stand_still(own: Connection, *args: Any, **named: Any) -> list[tuple[int, UUID]]:
        await own.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
        gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"

        async def is_gone() -> bool:
            return await fetch(conn, gone, own.info.backend_pid) == [0]

        await eventually(is_gone)
        return await select_dead_letters(own, *args, **named)

    monkeypatch.setattr(store, "select_dead_letters", stand_still)
    operations = Operations(pool)
    with pytest.raises(Passing):
        await operations.step()
    assert (await get_operation(conn, operation.operation_id)).state == "queued"
    monkeypatch.undo()
    while await operations.step():
        pass
    done = await get_operation(conn, operation.operation_id)
    assert (done.state, done.done) == ("completed", 2)


async def test_what_no_repeat_mends_ends_the_operation(pool: Pool, conn: Connection) -> None:
    """It says so, holds nobody up, and changes nothing."""
    await fail_all(conn, await start_searches(conn, 2))
    broken, sound = await begin(pool), await begin(pool)
    await conn.execute(
        'UPDATE operations SET selection = \'{"job_ids": "none"}\' WHERE operation_id = %s',
        (broken.operation_id,),
    )
    operations = Operations(pool)
    while await operations.step():
        pass
    found = await get_operation(conn, broken.operation_id)
    assert (found.state, found.done, found.detail) == ("failed", 0, "an error of ours; the log has it")
    done = await get_operation(conn, sound.operation_id)
    assert (done.state, done.done) == ("completed", 2)
