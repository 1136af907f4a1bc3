"""Operations in the record: counted once, done chunk by chunk, and what nobody may touch is left alone."""

import asyncio
from uuid import UUID

import pytest

from shared.domain.operation import Kind
from shared.errors import ConflictError, NotFoundError
from shared.store import control
from shared.store.control import Act
from shared.store.dead_letter_views import Selection, get_dead_letter, list_dead_letters
from shared.store.operations import (
    Operation,
    Retry,
    Step,
    StuckError,
    begin_letters,
    begin_retry,
    cancel_operation,
    do_chunk,
    fail_operation,
    get_operation,
    list_operations,
)
from shared.store.pool import Connection, Pool, unit_of_work
from shared.testing.jobs import start_searches
from shared.testing.rows import dump, fetch
from tests.store.given_up import ALL, assert_green, fail_all, replay

pytestmark = pytest.mark.anyio


async def begin(
    pool: Pool, selection: Selection | Retry = ALL, kind: Kind = Kind.REPLAY, least: int = 0
) -> Operation | None:
    async with unit_of_work(pool) as conn:
        if isinstance(selection, Retry):
            return await begin_retry(conn, selection, actor="ada", reason="cured", least=least)
        return await begin_letters(conn, kind, selection, actor="ada", reason="cured", least=least)


async def chunk(pool: Pool, limit: int = 2) -> Step | None:
    async with unit_of_work(pool) as conn:
        return await do_chunk(conn, limit)


async def finish(pool: Pool, operation: Operation | None, limit: int = 2) -> Operation:
    """Chunk by chunk to the end."""
    assert operation
    while await chunk(pool, limit):
        pass
    async with pool.connection() as conn:
        return await get_operation(conn, operation.operation_id)


async def test_what_fits_into_a_request_becomes_no_operation(pool: Pool, conn: Connection) -> None:
    """Neither of letters nor of items; nothing is written."""
    pipeline_id = await start_searches(conn, 3)
    await fail_all(conn, pipeline_id)
    before = await dump(conn)
    assert await begin(pool, least=3) is None
    assert await begin(pool, Retry(pipeline_id), least=3) is None
    assert await begin(pool, Retry(pipeline_id, max=2), least=2) is None
    assert await dump(conn) == before


async def test_a_letter_that_comes_later_is_not_part_of_it(pool: Pool, conn: Connection) -> None:
    """What died after the request stays dead, and what is replayed and dies again is not replayed twice."""
    await fail_all(conn, await start_searches(conn, 3))
    operation = await begin(pool)
    later = await start_searches(conn, 2)
    await fail_all(conn, later)
    done = await finish(pool, operation)
    assert (done.state, done.matched, done.done, done.failed) == ("completed", 3, 3, 0)
    assert {letter.pipeline_id for letter in await list_dead_letters(conn, ALL)} == {later}


async def test_two_that_do_chunks_at_once_share_no_letter(pool: Pool, conn: Connection) -> None:
    """Whoever has an operation in hand is passed over; the sum is exact."""
    pipeline_id = await start_searches(conn, 12)
    await fail_all(conn, pipeline_id)
    operation = await begin(pool)
    while any(await asyncio.gather(*(chunk(pool) for _ in range(3)))):
        pass
    done = await finish(pool, operation)
    assert (done.state, done.done) == ("completed", 12)
    assert await fetch(conn, "SELECT count(*)::int FROM ready WHERE phase = 'serp_collection'") == [12]
    assert await fetch(conn, "SELECT sum(items)::int FROM item_actions") == [12]
    await assert_green(conn, pipeline_id)


async def test_what_somebody_else_replays_meanwhile_is_not_counted_as_done(
    pool: Pool, conn: Connection
) -> None:
    """It ends with fewer than it matched, and none of them failed."""
    await fail_all(conn, await start_searches(conn, 4))
    operation = await begin(pool)
    await chunk(pool)
    letters = await list_dead_letters(conn, ALL)
    assert await replay(pool, Selection(job_ids=(letters[0].job_id,))) == 1
    done = await finish(pool, operation)
    assert (done.state, done.matched, done.done, done.failed) == ("completed", 4, 3, 0)


async def test_letters_of_a_cancelled_pipeline_count_as_failed(pool: Pool, conn: Connection) -> None:
    """They stay open; those of others are replayed."""
    cancelled, other = await start_searches(conn, 3), await start_searches(conn, 2)
    for pipeline_id in (cancelled, other):
        await fail_all(conn, pipeline_id)
    async with conn.transaction():
        await control.cancel(conn, cancelled, Act("ada", "enough"))
    done = await finish(pool, await begin(pool))
    assert (done.state, done.matched, done.done, done.failed) == ("completed", 5, 2, 3)


async def test_a_discard_closes_letters_and_leaves_their_items(pool: Pool, conn: Connection) -> None:
    """By a filter and by ids; the history of each letter names the operation."""
    await fail_all(conn, await start_searches(conn, 3))
    letters = await list_dead_letters(conn, ALL)
    ids = Selection(job_ids=tuple(letter.job_id for letter in letters[:2]))
    done = await finish(pool, await begin(pool, ids, Kind.DISCARD))
    assert (done.kind, done.done) == ("discard", 2)
    assert await fetch(conn, "SELECT DISTINCT state FROM pipeline_state WHERE state <> 'pending'") == [
        "failed"
    ]
    (line,) = (await get_dead_letter(conn, letters[0].job_id)).history
    assert (line.verb, line.actor, line.detail) == ("discard", "ada", None)
    with pytest.raises(NotFoundError, match="no dead letter 999"):
        await begin(pool, Selection(job_ids=(999,)), Kind.DISCARD)


async def test_a_retry_takes_as_many_items_as_were_asked_for(pool: Pool, conn: Connection) -> None:
    """The oldest first, also what leaves no letter; and by phase and category."""
    pipeline_id = await start_searches(conn, 5)
    held = await fail_all(conn, pipeline_id, category="non_recoverable")
    assert await begin(pool, Retry(pipeline_id, category="recoverable")) is None
    done = await finish(pool, await begin(pool, Retry(pipeline_id, "serp_collection", "non_recoverable", 3)))
    assert (done.kind, done.state, done.matched, done.done) == ("retry_failed", "completed", 3, 3)
    due = await fetch(conn, "SELECT item_id FROM ready WHERE phase = 'serp_collection' ORDER BY 1")
    assert due == sorted(item.item_id for item in held.items)[:3]
    await assert_green(conn, pipeline_id)


async def test_a_retry_of_a_cancelled_pipeline_is_refused_and_stops_where_it_is(
    pool: Pool, conn: Connection
) -> None:
    """Before it begins 409; in the middle it cannot go on, and says why."""
    pipeline_id = await start_searches(conn, 4)
    await fail_all(conn, pipeline_id)
    operation = await begin(pool, Retry(pipeline_id))
    assert operation
    await chunk(pool)
    async with conn.transaction():
        await control.cancel(conn, pipeline_id, Act("ada", "enough"))
    with pytest.raises(StuckError, match="was cancelled") as stuck:
        await chunk(pool)
    assert stuck.value.operation_id == operation.operation_id
    overtaken = StuckError(operation.operation_id, stuck.value.position - 1, "it is stuck here")
    await fail_operation(conn, overtaken)
    assert (await get_operation(conn, operation.operation_id)).state == "running"
    await fail_operation(conn, stuck.value)
    assert (await get_operation(conn, operation.operation_id)).state == "failed"
    assert (await get_operation(conn, operation.operation_id)).done == 2
    with pytest.raises(ConflictError, match="was cancelled"):
        await begin(pool, Retry(pipeline_id))
    with pytest.raises(NotFoundError):
        await begin(pool, Retry(UUID(int=1)))


async def test_a_chunk_that_takes_longer_than_a_statement_may_is_not_tried_again(
    pool: Pool, conn: Connection
) -> None:
    """It would take as long the next time, and hold up every later operation."""
    await fail_all(conn, await start_searches(conn, 2))
    operation = await begin(pool)
    assert operation
    async with conn.transaction(), unit_of_work(pool) as own:
        await conn.execute("SELECT FROM job_queue FOR UPDATE")
        async with own.transaction(force_rollback=True):
            await own.execute("SET LOCAL statement_timeout = '100ms'")
            with pytest.raises(StuckError, match="longer than a statement may") as stuck:
                await do_chunk(own)
    assert (stuck.value.operation_id, stuck.value.position) == (operation.operation_id, 0)


async def test_operations_are_listed_by_state_and_cancelled_once(pool: Pool, conn: Connection) -> None:
    """The newest first, page by page; one that has ended is cancelled no more."""
    await fail_all(conn, await start_searches(conn, 3))
    begun = [await begin(pool) for _ in range(3)]
    ids = [operation.operation_id for operation in begun if operation]
    assert [one.operation_id for one in await list_operations(conn, limit=2)] == ids[:0:-1]
    assert [one.operation_id for one in await list_operations(conn, before=ids[1])] == ids[:1]
    async with conn.transaction():
        assert (await cancel_operation(conn, ids[0], actor="ada", reason="")).detail == "cancelled by ada"
    for operation_id, refused in ((ids[0], ConflictError), (999, NotFoundError)):
        with pytest.raises(refused):
            await cancel_operation(conn, operation_id, actor="ada", reason="")
    assert [one.operation_id for one in await list_operations(conn, state="cancelled")] == ids[:1]
    assert await list_operations(conn, state="running") == []
