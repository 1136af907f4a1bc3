"""Ended items put back: pipelines go on, figures are computed anew, and the record stays sound."""

import asyncio
import random
from uuid import UUID

import msgspec
import pytest

from shared.domain.phases import DSI_CALCULATION, KEYWORD_METRICS, SERP_COLLECTION, VIDEO_ENRICHMENT
from shared.errors import NotFoundError
from shared.store import jobs
from shared.store.dead_letter_views import Selection, list_dead_letters
from shared.store.dead_letters import (
    discard_dead_letters,
    replay_dead_letters,
)
from shared.store.failed_items import (
    count_failed_items,
    list_failed_items,
    reopen_pipelines,
    reset_failed_items,
    revive_items,
)
from shared.store.jobs import Claim, complete_job
from shared.store.outcomes import Record, record
from shared.store.pool import Connection, Pool
from shared.testing.eventually import eventually
from shared.testing.jobs import start_searches
from shared.testing.pipelines import claim_all, finish_pipeline, record_all
from shared.testing.rows import fetch
from tests.store.given_up import ALL, assert_green, end, ending, fail_all, replay, state_of

pytestmark = pytest.mark.anyio

#: Sessions of this database that wait for a row.
BLOCKED = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_a_replay_lets_an_ended_pipeline_go_on_and_computes_its_figures_anew(
    pool: Pool, conn: Connection
) -> None:
    """Failed searches come back with all their attempts; figures that rest on less are forgotten."""
    pipeline_id = await start_searches(
        conn,
        3,
        config={"phases": [SERP_COLLECTION, VIDEO_ENRICHMENT, DSI_CALCULATION]},
    )
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    first, *others = held.items
    async with conn.transaction():
        await record(conn, [Record(ending=ending(held, item.item_id)) for item in others])
    await record_all(
        conn, Claim(held.job_id, held.fence, held.pipeline_id, held.phase, (first,), held.settings)
    )
    await finish_pipeline(conn, pipeline_id)
    assert await state_of(conn, pipeline_id) == "completed_with_gaps"
    await assert_green(conn, pipeline_id)

    assert await replay(pool) == 2

    assert await state_of(conn, pipeline_id) == "running"
    due = await fetch(conn, "SELECT phase, count(*) FROM ready GROUP BY 1 ORDER BY 1")
    assert due == [(DSI_CALCULATION, 1), (SERP_COLLECTION, 2)]
    assert await fetch(conn, "SELECT DISTINCT attempts FROM pipeline_state JOIN ready USING (item_id)") == [0]
    await assert_green(conn, pipeline_id)
    await finish_pipeline(conn, pipeline_id)
    assert await state_of(conn, pipeline_id) == "completed"
    await assert_green(conn, pipeline_id)


async def test_figures_that_are_just_being_computed_are_not_recorded(pool: Pool, conn: Connection) -> None:
    """They rest on less than there will be: the item is taken from its job, and due again."""
    pipeline_id = await start_searches(conn, 2, config={"phases": [SERP_COLLECTION, DSI_CALCULATION]})
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    async with conn.transaction():
        await record(conn, [Record(ending=ending(held, held.items[1].item_id))])
    await record_all(
        conn, Claim(held.job_id, held.fence, held.pipeline_id, held.phase, held.items[:1], held.settings)
    )
    computing = await claim_all(conn, pipeline_id, DSI_CALCULATION)
    assert computing

    assert await replay(pool) == 1
    await record_all(conn, computing)

    assert await fetch(conn, "SELECT phase FROM results") == [SERP_COLLECTION]
    await assert_green(conn, pipeline_id)
    await finish_pipeline(conn, pipeline_id)
    assert await state_of(conn, pipeline_id) == "completed"
    await assert_green(conn, pipeline_id)


async def test_a_retry_takes_whatever_failed_and_what_was_given_up(pool: Pool, conn: Connection) -> None:
    """By phase and category, and no more than asked for; letters are replayed with their items."""
    pipeline_id = await start_searches(conn, 3, config={"phases": [KEYWORD_METRICS, SERP_COLLECTION]})
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    waiting = await claim_all(conn, pipeline_id, KEYWORD_METRICS)
    assert held
    assert waiting
    kinds = zip(held.items, ("recoverable", "non_recoverable", "bug"), strict=True)
    endings = [ending(held, item.item_id, kind) for item, kind in kinds]
    for item in waiting.items:
        wait = ending(waiting, item.item_id, "account")
        wait = msgspec.structs.replace(wait, state="pending", wait_seconds=99.0, wait_reason="account")
        endings.append(wait)
    async with conn.transaction():
        await record(conn, [Record(ending=each) for each in endings])
        await complete_job(conn, held.job_id, held.fence)
        await complete_job(conn, waiting.job_id, waiting.fence)
    await conn.execute("UPDATE waiting SET since = now() - interval '2 days'")
    await conn.execute("UPDATE pipelines SET running_since = now() - interval '2 days'")
    assert await jobs.give_up_items(conn) == 3
    assert {(g.category, g.items) for g in await count_failed_items(conn, pipeline_id)} == {
        ("recoverable", 1),
        ("non_recoverable", 1),
        ("bug", 1),
        ("provider_unavailable", 3),
    }
    assert (await list_failed_items(conn, pipeline_id, phase=None, category="recoverable", after=0, limit=9))[
        0
    ].dead_letter
    await end(conn)

    async def retry(**which: object) -> int:
        return await reset_failed_items(pool, pipeline_id, actor="ann", reason="cured", **which)  # type: ignore[arg-type]

    assert await retry(phase=VIDEO_ENRICHMENT) == 0
    assert await state_of(conn, pipeline_id) == "failed"
    assert await retry(category="bug") == 1
    assert await retry(phase=KEYWORD_METRICS, most=2) == 2
    assert await retry(phase=held.phase) == 2
    await assert_green(conn, pipeline_id)
    assert await retry() == 1
    assert await list_dead_letters(conn, ALL) == []
    assert await retry() == 0
    await assert_green(conn, pipeline_id)
    await finish_pipeline(conn, pipeline_id)
    assert await state_of(conn, pipeline_id) == "completed"
    await assert_green(conn, pipeline_id)
    with pytest.raises(NotFoundError):
        await reset_failed_items(pool, UUID(int=1), actor="ann", reason="")


async def test_a_pipeline_about_to_end_does_not_end_over_what_was_put_back(
    pool: Pool, conn: Connection
) -> None:
    """It was read with nothing open, and waits for whoever is putting items back: then it must not end."""
    pipeline_id = await start_searches(conn, 1)
    held = await fail_all(conn, pipeline_id)
    async with pool.connection() as other:
        async with conn.transaction():
            assert await reopen_pipelines(conn, [pipeline_id]) == {pipeline_id}
            await revive_items(conn, [(pipeline_id, held.items[0].item_id)])
            ending_it = asyncio.create_task(end(other))
            await eventually(lambda: fetch(conn, BLOCKED), what="the end waits for the row")
            assert not ending_it.done()
        assert await ending_it == []
    assert await state_of(conn, pipeline_id) == "running"


async def test_random_histories_of_failures_and_second_chances_stay_sound(
    pool: Pool, conn: Connection
) -> None:
    """Whatever is failed, replayed, discarded, retried and completed in whatever order: the audit holds after each step."""
    chance = random.Random(11)
    pipeline_id = await start_searches(
        conn, 12, config={"phases": [SERP_COLLECTION, VIDEO_ENRICHMENT, DSI_CALCULATION]}
    )

    async def work() -> None:
        phase = chance.choice([SERP_COLLECTION, VIDEO_ENRICHMENT])
        held = await claim_all(conn, pipeline_id, phase)
        if held is None:
            return
        failing = [item for item in held.items if chance.random() < 0.6]
        rest = tuple(item for item in held.items if item not in failing)
        kinds = ("recoverable", "degraded", "non_recoverable", "bug")
        async with conn.transaction():
            await record(
                conn, [Record(ending=ending(held, i.item_id, chance.choice(kinds))) for i in failing]
            )
        await record_all(
            conn, Claim(held.job_id, held.fence, held.pipeline_id, held.phase, rest, held.settings)
        )

    async def close() -> None:
        if held := await claim_all(conn, pipeline_id, DSI_CALCULATION):
            await record_all(conn, held)
        await end(conn)

    async def act() -> None:
        letters = await list_dead_letters(conn, ALL)
        ids = tuple(letter.job_id for letter in letters if chance.random() < 0.5)
        selection = Selection(job_ids=ids) if ids else ALL
        move = chance.choice([replay_dead_letters, replay_dead_letters, discard_dead_letters])
        await move(pool, selection, actor="tests", reason="chance")

    async def retry() -> None:
        await reset_failed_items(pool, pipeline_id, most=chance.randint(1, 5), actor="tests", reason="chance")

    for _ in range(60):
        await chance.choice([work, work, close, act, retry])()
        await assert_green(conn, pipeline_id)
    await reset_failed_items(pool, pipeline_id, actor="tests", reason="the end")
    await finish_pipeline(conn, pipeline_id)
    assert await state_of(conn, pipeline_id) == "completed"
    await assert_green(conn, pipeline_id)
