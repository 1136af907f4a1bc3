"""Dead letters and failed items: written with the failure, put back once, whoever asks and however often."""

import asyncio
from pathlib import Path

import msgspec
import psycopg
import pytest

from shared.domain.phases import PHASES, SERP_COLLECTION
from shared.errors import ConflictError, InputError, NotFoundError
from shared.store import jobs
from shared.store.dead_letter_views import Selection, get_dead_letter, group_dead_letters, list_dead_letters
from shared.store.dead_letters import (
    close_moot_letters,
    count_selected,
    discard_dead_letters,
    edit_input,
    redispatch_bare,
    replay_dead_letters,
    select_letter_messages,
)
from shared.store.failed_items import (
    count_failed_items,
    reopen_pipelines,
    reset_failed_items,
    revive_items,
)
from shared.store.job_queues import read_queues
from shared.store.migrate import MIGRATIONS, migrate
from shared.store.outcomes import Record, record
from shared.store.pool import Connection, Pool
from shared.testing.jobs import claim, dispatch, start_searches
from shared.testing.pipelines import claim_all
from shared.testing.rows import dump, fetch
from tests.store.given_up import ALL, assert_green, end, ending, fail_all, replay

pytestmark = pytest.mark.anyio


async def test_an_item_that_was_given_up_leaves_a_letter(conn: Connection) -> None:
    """With its final error and its attempts; it is nobody's work, and the audit holds."""
    pipeline_id = await start_searches(conn, 2)
    held = await fail_all(conn, pipeline_id, error=lambda n: f"the answer was 50{n}")

    letters = await list_dead_letters(conn, ALL)

    assert [(letter.key, letter.error) for letter in letters] == [
        (item.key, f"the answer was 50{n}") for n, item in reversed(list(enumerate(held.items)))
    ]
    assert {(x.queue, x.phase, x.state, x.category, x.attempts) for x in letters} == {
        ("serp", SERP_COLLECTION, "dead_letter", "recoverable", 1)
    }
    assert len({letter.fingerprint for letter in letters}) == 1
    assert await jobs.redispatch_jobs(conn, "serp", -1) == []
    assert await end(conn) == [(str(pipeline_id), "failed")]
    await assert_green(conn, pipeline_id)


@pytest.mark.parametrize("category", ["non_recoverable", "bug"])
async def test_what_would_fail_again_leaves_none(conn: Connection, category: str) -> None:
    """A refusal and a defect of ours are failures, and listed as such."""
    pipeline_id = await start_searches(conn, 1)
    await fail_all(conn, pipeline_id, category=category)

    assert await list_dead_letters(conn, ALL) == []
    (group,) = await count_failed_items(conn, pipeline_id)
    assert (group.category, group.items) == (category, 1)


async def test_a_rule_may_keep_an_item_out_of_the_dead_letters(conn: Connection) -> None:
    """The ending says so."""
    held = await claim_all(conn, await start_searches(conn, 1), SERP_COLLECTION)
    assert held
    failed = ending(held, held.items[0].item_id)
    async with conn.transaction():
        await record(conn, [Record(ending=msgspec.structs.replace(failed, dead_letter=False))])

    assert await list_dead_letters(conn, ALL) == []


async def test_an_item_that_killed_its_workers_leaves_one(pool: Pool, conn: Connection) -> None:
    """At the crash limit; put back, it is still a suspect and has fewer lives."""
    pipeline_id = await start_searches(conn, 1)
    for chunk in (0, 0, 1):
        message = await dispatch(conn, pipeline_id, chunk=chunk)
        assert await claim(conn, message, lease_seconds=-1.0)
        await jobs.reap_jobs(conn, "serp", SERP_COLLECTION, 3)

    (letter,) = await list_dead_letters(conn, ALL)
    assert (letter.category, letter.fingerprint, letter.crashes) == ("crash", "crash", 3)
    assert "died" in letter.error
    told = "SELECT data ->> 'queue', data ->> 'letters' FROM events WHERE name = 'dead_letter.created'"
    assert len(await fetch(conn, told)) == 1
    await assert_green(conn, pipeline_id)
    assert await replay(pool) == 1
    suspects = "SELECT r.chunk, s.chunk, s.crashes FROM ready r JOIN pipeline_state s USING (item_id)"
    assert await fetch(conn, suspects) == [(1, 1, 2)]


async def test_replaying_twice_changes_nothing(pool: Pool, conn: Connection) -> None:
    """Not by id, nor by filter; not one row."""
    await fail_all(conn, await start_searches(conn, 3))
    selection = Selection(job_ids=tuple(letter.job_id for letter in await list_dead_letters(conn, ALL)))
    assert await replay(pool, selection) == 3
    before = await dump(conn)

    assert [await replay(pool, again) for again in (selection, ALL)] == [0, 0]

    assert await dump(conn) == before


async def test_of_replays_at_the_same_time_each_letter_goes_to_one(pool: Pool, conn: Connection) -> None:
    """However they overlap; every item is due once."""
    pipeline_id = await start_searches(conn, 40)
    await fail_all(conn, pipeline_id)
    ids = [letter.job_id for letter in await list_dead_letters(conn, ALL)]
    some = Selection(job_ids=tuple(ids[:25]))

    moved = await asyncio.gather(*(replay(pool, selection) for selection in (ALL, some, ALL, some)))

    assert sum(moved) == 40
    assert await fetch(conn, "SELECT count(*), count(DISTINCT item_id) FROM ready") == [(40, 40)]
    assert await fetch(conn, "SELECT sum(items)::int FROM item_actions") == [40]
    await assert_green(conn, pipeline_id)


@pytest.mark.parametrize(
    "selection",
    [
        Selection(phase=SERP_COLLECTION),
        Selection(queue="serp"),
        Selection(category="crash"),
        Selection(queue="media"),
        Selection(phase=SERP_COLLECTION, category="degraded"),
    ],
)
async def test_every_condition_of_a_selection_counts_everywhere(
    pool: Pool, conn: Connection, selection: Selection
) -> None:
    """List, groups, count and replay mean the same letters."""
    await fail_all(conn, await start_searches(conn, 2))
    await fail_all(conn, await start_searches(conn, 1), category="degraded")
    listed = await list_dead_letters(conn, selection)

    grouped = await group_dead_letters(conn, selection)

    assert sum(group.letters for group in grouped) == await count_selected(conn, selection) == len(listed)
    assert await replay(pool, selection) == len(listed)
    assert await list_dead_letters(conn, selection) == []


async def test_pages_of_letters_are_whole(conn: Connection) -> None:
    """Each letter once, whatever the size of the page."""
    pipeline_id = await start_searches(conn, 7)
    await fail_all(conn, pipeline_id)
    found, before = list[int](), 2**63 - 1
    while page := await list_dead_letters(conn, Selection(pipeline_id=pipeline_id), before=before, limit=3):
        found += [letter.job_id for letter in page]
        before = found[-1]

    assert len(found) == len(set(found)) == 7
    assert found == sorted(found, reverse=True)


async def test_unknown_ids_change_nothing(pool: Pool, conn: Connection) -> None:
    """Nor does a job that is no letter; those named beside it stay as they are."""
    held = await fail_all(conn, await start_searches(conn, 1))
    (letter,) = await list_dead_letters(conn, ALL)
    before = await dump(conn)
    for unknown in (letter.job_id + 1000, held.job_id):
        selection = Selection(job_ids=(letter.job_id, unknown))
        for act in (replay_dead_letters, discard_dead_letters):
            with pytest.raises(NotFoundError, match=str(unknown)):
                await act(pool, selection, actor="tests", reason="x")
        with pytest.raises(NotFoundError):
            await get_dead_letter(conn, unknown)

    assert await dump(conn) == before


async def test_letters_of_a_cancelled_pipeline_are_refused(pool: Pool, conn: Connection) -> None:
    """Cancelled is final; others in the same request are replayed."""
    cancelled, other = await start_searches(conn, 1), await start_searches(conn, 1)
    for pipeline_id in (cancelled, other):
        await fail_all(conn, pipeline_id)
    await conn.execute(
        "UPDATE pipelines SET state = 'cancelled', ended_at = now() WHERE pipeline_id = %s", (cancelled,)
    )

    moved = await replay_dead_letters(pool, ALL, actor="tests", reason="cured")

    assert (moved.letters, moved.refused) == (1, 1)
    assert [letter.pipeline_id for letter in await list_dead_letters(conn, ALL)] == [cancelled]
    with pytest.raises(ConflictError):
        await reset_failed_items(pool, cancelled, actor="tests", reason="cured")


async def test_a_discarded_letter_stays_a_gap(pool: Pool, conn: Connection) -> None:
    """Nobody replays it any more; who did it and why stays."""
    pipeline_id = await start_searches(conn, 1)
    await fail_all(conn, pipeline_id)
    (letter,) = await list_dead_letters(conn, ALL)

    discarded = await discard_dead_letters(
        pool, Selection(job_ids=(letter.job_id,)), actor="ann", reason="old"
    )

    assert discarded.letters == 1
    assert await replay(pool) == 0
    detail = await get_dead_letter(conn, letter.job_id)
    assert (detail.letter.state, detail.item_state) == ("discarded", "failed")
    assert [(h.verb, h.actor, h.reason) for h in detail.history] == [("discard", "ann", "old")]
    await end(conn)
    await assert_green(conn, pipeline_id)


async def test_an_edited_input_is_what_the_replay_works_on(pool: Pool, conn: Connection) -> None:
    """Before and after stay in the history; a closed letter's input stays as it is."""
    pipeline_id = await start_searches(conn, 1)
    await fail_all(conn, pipeline_id)
    (letter,) = await list_dead_letters(conn, ALL)
    before = (await get_dead_letter(conn, letter.job_id)).input
    after = before | {"q": "another"}

    async with conn.transaction():
        edited = await edit_input(conn, letter.job_id, after, actor="ann", reason="misspelt")

    assert edited.input == after
    assert edited.history[0].detail == {"before": before, "after": after}
    with pytest.raises(InputError):
        await edit_input(conn, letter.job_id, {"q": 1}, actor="ann", reason="")
    assert await replay(pool) == 1
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    assert held.items[0].input == after
    with pytest.raises(ConflictError):
        await edit_input(conn, letter.job_id, before, actor="ann", reason="")


async def test_an_item_that_dies_again_leaves_another_letter(pool: Pool, conn: Connection) -> None:
    """The first one is over; the history of both stays."""
    pipeline_id = await start_searches(conn, 1)
    for _ in range(3):
        await fail_all(conn, pipeline_id)
        await replay(pool)
    await fail_all(conn, pipeline_id)

    states = await fetch(conn, "SELECT state FROM job_queue WHERE fingerprint IS NOT NULL ORDER BY job_id")
    assert states == ["replayed", "replayed", "replayed", "dead_letter"]
    await assert_green(conn, pipeline_id)


async def test_letters_whose_item_came_back_another_way_are_closed(pool: Pool, conn: Connection) -> None:
    """A replay of them before that moves nothing."""
    pipeline_id = await start_searches(conn, 1)
    held = await fail_all(conn, pipeline_id)
    async with conn.transaction():
        await reopen_pipelines(conn, [pipeline_id])
        await revive_items(conn, [(pipeline_id, held.items[0].item_id)])

    assert await close_moot_letters(conn, "media") == 0
    assert await close_moot_letters(conn, "serp") == 1
    assert await replay(pool) == 0
    await assert_green(conn, pipeline_id)


async def test_a_message_found_dead_leads_to_its_job_or_says_why_not(conn: Connection) -> None:
    """A job nobody has is sent again under a higher fence; others are told apart."""
    pipeline_id = await start_searches(conn, 2)
    message = await dispatch(conn, pipeline_id, 1)
    assert await redispatch_bare(conn, "serp", message.job_id) is None
    (again,) = await jobs.redispatch_jobs(conn, "serp", 60.0)
    assert again.job_id == message.job_id
    assert await claim(conn, message) is None
    assert await claim(conn, again)

    assert await redispatch_bare(conn, "serp", message.job_id) == f"job {message.job_id} is processing"
    assert "no job 999" in (await redispatch_bare(conn, "serp", 999) or "")
    assert "no job" in (await redispatch_bare(conn, "media", message.job_id) or "")


async def test_queues_are_counted_by_state(conn: Connection) -> None:
    """Every queue there is, the empty ones too; dead letters stand apart."""
    pipeline_id = await start_searches(conn, 4)
    await fail_all(conn, await start_searches(conn, 1))
    await claim(conn, await dispatch(conn, pipeline_id, 1))
    await dispatch(conn, pipeline_id, 2)

    queues = {queue.queue: queue for queue in await read_queues(conn)}

    assert queues.keys() == {phase.queue for phase in PHASES.values()}
    serp = queues["serp"]
    assert serp.jobs == {"pending": 0, "dispatched": 1, "processing": 1}
    assert (serp.items_pending, serp.items_waiting, serp.dead_letters) == (3, 0, 1)
    assert serp.oldest_seconds is not None
    assert serp.oldest_dead_seconds is not None
    assert (queues["llm"].oldest_seconds, queues["llm"].dead_letters) == (None, 0)
    assert [m.fence for m in await select_letter_messages(conn, "serp", 5)] == [0]


def test_what_was_given_up_before_there_were_letters_has_one(postgres_url: str, tmp_path: Path) -> None:
    """An older database is brought along: what may pass becomes a letter, what was refused does not."""
    for path in sorted(MIGRATIONS.glob("000[1-4]*.sql")):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        migrate(postgres_url, tmp_path)
        connection.execute(
            """INSERT INTO job_queue (pipeline_id, queue_name, job_type, item_ids, state, ended_at)
            VALUES (gen_random_uuid(), 'serp', 'serp_collection', '{1,2,3}', 'completed', now())"""
        )
        connection.execute(
            """INSERT INTO pipeline_state (pipeline_id, item_id, state, job_id, error_category, last_error, attempts)
            SELECT pipeline_id, n, 'failed', job_id, category, 'busy', 5
            FROM job_queue, (VALUES (1, 'recoverable'), (2, 'non_recoverable'), (3, 'crash')) AS v (n, category)"""
        )

        migrate(postgres_url)

        letters = connection.execute(
            """SELECT item_ids, queue_name, error_category, last_error, attempts, fingerprint FROM job_queue
            WHERE state = 'dead_letter' ORDER BY item_ids"""
        ).fetchall()
    assert letters == [
        ([1], "serp", "recoverable", "busy", 5, "unsorted"),
        ([3], "serp", "crash", "busy", 5, "unsorted"),
    ]
