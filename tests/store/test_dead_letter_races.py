"""Dead letters while somebody else changes the same ones."""

import asyncio

import pytest

from shared.errors import ConflictError
from shared.store.dead_letter_views import get_dead_letter, list_dead_letters
from shared.store.dead_letters import close_moot_letters, edit_input
from shared.store.failed_items import reopen_pipelines, revive_items
from shared.store.pool import Connection, Pool
from shared.testing.jobs import start_searches
from shared.testing.locks import until_blocked
from tests.store.given_up import ALL, fail_all

pytestmark = pytest.mark.anyio


async def test_a_letter_of_an_item_that_just_died_again_stays_open(pool: Pool, conn: Connection) -> None:
    """Who closes moot letters may have looked before; the letter is another one by then."""
    pipeline_id = await start_searches(conn, 1)
    held = await fail_all(conn, pipeline_id)
    async with conn.transaction():
        await reopen_pipelines(conn, [pipeline_id])
        await revive_items(conn, [(pipeline_id, held.items[0].item_id)])

    async def close() -> int:
        async with pool.connection() as other:
            return await close_moot_letters(other, "serp")

    async with conn.transaction():
        await fail_all(conn, pipeline_id)
        closing = asyncio.create_task(close())
        await until_blocked(conn)
    assert await closing == 0
    assert len(await list_dead_letters(conn, ALL)) == 1


async def test_an_edit_waits_for_a_replay_and_then_is_refused(pool: Pool, conn: Connection) -> None:
    """Else it would claim an input nobody used."""
    pipeline_id = await start_searches(conn, 1)
    await fail_all(conn, pipeline_id)
    (letter,) = await list_dead_letters(conn, ALL)
    before = (await get_dead_letter(conn, letter.job_id)).input

    async def edit() -> None:
        async with pool.connection() as other, other.transaction():
            await edit_input(other, letter.job_id, before | {"q": "other"}, actor="a", reason="r")

    async with conn.transaction():
        await conn.execute("UPDATE job_queue SET state = 'replayed' WHERE job_id = %s", (letter.job_id,))
        editing = asyncio.create_task(edit())
        await until_blocked(conn)
    with pytest.raises(ConflictError, match="replayed"):
        await editing
