"""Pausing, cancelling and resuming in the record: who may do what, and where every item is afterwards."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from shared.domain.item import SET_BACK, ItemState
from shared.domain.phases import DSI_CALCULATION, KEYWORD_METRICS, PHASES, SERP_COLLECTION, VIDEO_ENRICHMENT
from shared.errors import ConflictError, NotFoundError
from shared.store import control
from shared.store.audit import audit
from shared.store.control import ALLOWED, Act
from shared.store.counters import end_pipelines
from shared.store.jobs import complete_job, give_up_items, reap_jobs
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection, Pool
from shared.testing.jobs import claim, dispatch, start_searches
from shared.testing.pipelines import claim_all, finish_pipeline, record_all, start_pipeline
from shared.testing.rows import dump, fetch

pytestmark = pytest.mark.anyio

ACT = Act("ada", "because")
VERBS: dict[str, Callable[[Connection, UUID], Awaitable[object]]] = {
    "pause": lambda conn, pipeline_id: control.pause(conn, pipeline_id, ACT),
    "unpause": lambda conn, pipeline_id: control.unpause(conn, pipeline_id, ACT),
    "cancel": lambda conn, pipeline_id: control.cancel(conn, pipeline_id, ACT),
    "resume": lambda conn, pipeline_id: control.resume_pipeline(conn, pipeline_id, act=ACT),
}
STATES = "SELECT state, count(*)::int FROM pipeline_state GROUP BY 1 ORDER BY 1"
MANDATORY = [phase.name for phase in PHASES.values() if phase.mandatory]


async def assert_sound(conn: Connection, pipeline_id: UUID) -> None:
    report = await audit(conn, pipeline_id)
    assert [check.detail for check in report.checks if not check.passed] == []


async def state_of(conn: Connection, pipeline_id: UUID) -> str:
    (state,) = await fetch(conn, "SELECT state FROM pipelines WHERE pipeline_id = %s", pipeline_id)
    return str(state)


async def fail(conn: Connection, pipeline_id: UUID, phase: str) -> None:
    """All due items of a phase fail."""
    held = await claim_all(conn, pipeline_id, phase)
    assert held
    endings = [
        Ending(held.pipeline_id, i.item_id, held.job_id, phase, "failed", spent=1, error_category="bug")
        for i in held.items
    ]
    await record(conn, [Record(ending=ending) for ending in endings])
    await complete_job(conn, held.job_id, held.fence)


async def end(conn: Connection) -> None:
    async with conn.transaction():
        await end_pipelines(conn, MANDATORY)


async def test_a_pause_withdraws_what_nobody_has_claimed(conn: Connection) -> None:
    """Jobs sent and unsent are over, their items due again without a crash; a claimed one goes on."""
    pipeline_id = await start_searches(conn, 10)
    sent, unsent, held = [await dispatch(conn, pipeline_id, size=3) for _ in range(3)]
    await conn.execute("UPDATE job_queue SET state = 'pending' WHERE job_id = %s", (unsent.job_id,))
    assert await claim(conn, held)

    await control.pause(conn, pipeline_id, ACT)

    assert await state_of(conn, pipeline_id) == "paused"
    assert await fetch(conn, "SELECT state FROM job_queue ORDER BY job_id") == [
        "expired",
        "expired",
        "processing",
    ]
    assert await fetch(conn, "SELECT count(*)::int FROM ready WHERE chunk = 0") == [7]
    assert await fetch(conn, "SELECT DISTINCT crashes FROM pipeline_state") == [0]
    assert await claim(conn, sent) is None
    await assert_sound(conn, pipeline_id)


async def test_a_paused_pipeline_gives_no_job_away_until_it_is_unpaused(conn: Connection) -> None:
    """Even a dispatcher that did not know forms a job nobody can claim; unpausing takes it back."""
    pipeline_id = await start_searches(conn, 3)
    await control.pause(conn, pipeline_id, ACT)
    message = await dispatch(conn, pipeline_id)
    assert await claim(conn, message) is None

    await control.unpause(conn, pipeline_id, ACT)

    assert await claim(conn, message) is None
    await finish_pipeline(conn, pipeline_id)
    assert await state_of(conn, pipeline_id) == "completed"
    await assert_sound(conn, pipeline_id)


async def test_a_paused_pipeline_does_not_end(conn: Connection) -> None:
    """What was in flight when it was paused may have been its last; it ends when it is unpaused."""
    pipeline_id = await start_searches(conn, 1)
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    await control.pause(conn, pipeline_id, ACT)
    await record_all(conn, held)
    await conn.execute("DELETE FROM ready")  # nothing is left to do but what it found
    await end(conn)
    assert await state_of(conn, pipeline_id) == "paused"


async def test_a_cancelled_pipeline_keeps_what_it_has_and_skips_the_rest(
    pool: Pool, conn: Connection
) -> None:
    """Completed stays; due, waiting and dispatched items are skipped; what is in flight ends and is recorded."""
    pipeline_id = await start_searches(conn, 12)
    for size in (2, 3, 3):
        message = await dispatch(conn, pipeline_id, size=size)
        if size == 2:
            done = await claim(conn, message)
    assert done
    await record_all(conn, done)
    held = await claim(conn, message)
    assert held
    waits = Ending(
        held.pipeline_id, held.items[0].item_id, held.job_id, held.phase, "pending", 0, 60.0, "rate"
    )
    await record(conn, [Record(ending=waits)])

    await control.cancel(conn, pipeline_id, ACT)
    await control.settle(pool, pipeline_id)

    assert await state_of(conn, pipeline_id) == "cancelled"
    assert await fetch(conn, STATES) == [("completed", 2), ("processing", 2), ("skipped", 10)]
    reasons = "SELECT DISTINCT error_category, last_error FROM pipeline_state WHERE state = 'skipped'"
    assert await fetch(conn, reasons) == [("cancelled", "cancelled")]
    await assert_sound(conn, pipeline_id)  # although two items are still in flight
    assert await fetch(conn, "SELECT unsettled FROM pipelines") == [True]

    await record(conn, [
        Record(ending=Ending(held.pipeline_id, held.items[1].item_id, held.job_id, held.phase, "failed", 1)),
        Record(ending=Ending(held.pipeline_id, held.items[2].item_id, held.job_id, held.phase, "pending")),
    ])  # fmt: skip
    await complete_job(conn, held.job_id, held.fence)
    await control.settle(pool, pipeline_id)

    assert await fetch(conn, STATES) == [("completed", 2), ("failed", 1), ("skipped", 11)]
    assert await fetch(conn, "SELECT unsettled FROM pipelines") == [False]
    await assert_sound(conn, pipeline_id)


async def test_a_cancel_that_broke_off_is_taken_up(pool: Pool, conn: Connection) -> None:
    """Chunk by chunk, until nothing is open."""
    pipeline_id = await start_searches(conn, 10)
    await control.cancel(conn, pipeline_id, ACT)
    assert await control.skip_cancelled(conn, str(pipeline_id), limit=4) == 4
    assert await control.settle_cancelled(conn) == []
    assert await control.find_unsettled(conn) == [str(pipeline_id)]
    await control.settle(pool, pipeline_id)
    assert await control.find_unsettled(conn) == []
    await assert_sound(conn, pipeline_id)


async def test_items_of_a_worker_that_died_after_the_cancel_are_skipped(pool: Pool, conn: Connection) -> None:
    """The reaper gives them back, and housekeeping skips them."""
    pipeline_id = await start_searches(conn, 3)
    assert await claim(conn, await dispatch(conn, pipeline_id), lease_seconds=-1.0)
    await control.cancel(conn, pipeline_id, ACT)
    await reap_jobs(conn, PHASES[SERP_COLLECTION].queue, SERP_COLLECTION, 5)
    await control.settle(pool, pipeline_id)
    assert await fetch(conn, STATES) == [("skipped", 3)]
    assert await fetch(conn, "SELECT unsettled FROM pipelines") == [False]
    await assert_sound(conn, pipeline_id)


@pytest.mark.parametrize("action", VERBS)
async def test_an_action_at_the_wrong_time_changes_nothing(conn: Connection, action: str) -> None:
    """In every state it is not allowed in: a conflict that says which would do. An unknown id is not found."""
    states = {"running", "paused", "completed", "completed_with_gaps", "failed", "cancelled"}
    pipeline_id = await start_searches(conn, 1)
    for state in sorted(states - set(ALLOWED[action])):
        ended = None if state in {"running", "paused"} else "now"
        await conn.execute("UPDATE pipelines SET state = %s, ended_at = %s::timestamptz", (state, ended))
        before = await dump(conn)
        with pytest.raises(ConflictError, match=state):
            async with conn.transaction():
                await VERBS[action](conn, pipeline_id)
        assert await dump(conn) == before
    with pytest.raises(NotFoundError):
        await VERBS[action](conn, uuid7())


async def test_every_action_is_on_record(conn: Connection) -> None:
    """Who, why, and what it came to; newest first."""
    pipeline_id = await start_searches(conn, 2)
    await dispatch(conn, pipeline_id)
    await control.pause(conn, pipeline_id, ACT)
    await control.unpause(conn, pipeline_id, Act("bob"))
    actions = await control.list_actions(conn, pipeline_id)
    assert [(a.action, a.actor, a.reason) for a in actions] == [
        ("unpause", "bob", ""),
        ("pause", "ada", "because"),
    ]
    assert actions[1].detail == {"jobs_withdrawn": 1}


async def test_a_resumed_pipeline_does_what_failed_again(conn: Connection) -> None:
    """With all attempts and from the same configuration; what is completed stays, and the audit agrees at every step."""
    pipeline_id = await start_pipeline(conn, keywords=["a", "b"], content_types=["organic"])
    search = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert search
    await record_all(conn, search)
    await fail(conn, pipeline_id, VIDEO_ENRICHMENT)
    await end(conn)
    assert await state_of(conn, pipeline_id) == "completed_with_gaps"

    assert await control.resume_pipeline(conn, pipeline_id, resume_failed_only=True, act=ACT) == 2

    assert await fetch(conn, "SELECT state, ended_at FROM pipelines") == [("running", None)]
    assert await fetch(conn, STATES) == [("completed", 2), ("pending", 2)]
    assert await fetch(conn, "SELECT DISTINCT attempts FROM pipeline_state WHERE state = 'pending'") == [0]
    await assert_sound(conn, pipeline_id)
    await finish_pipeline(conn, pipeline_id)
    assert await state_of(conn, pipeline_id) == "completed"
    await assert_sound(conn, pipeline_id)
    with pytest.raises(ConflictError, match="nothing"):
        await control.resume_pipeline(conn, pipeline_id)


async def test_a_cancelled_pipeline_can_be_resumed_whole_or_for_its_failures_only(
    pool: Pool, conn: Connection
) -> None:
    """Failures alone leave the cancelled items out, as gaps; the whole takes them, and the figures are computed anew."""
    config = {"phases": [SERP_COLLECTION, "dsi_calculation"]}
    pipeline_id = await start_pipeline(
        conn, keywords=["a", "b", "c"], content_types=["organic"], config=config
    )
    held = await claim(conn, await dispatch(conn, pipeline_id, size=1))
    assert held
    await record(
        conn,
        [
            Record(
                ending=Ending(held.pipeline_id, held.items[0].item_id, held.job_id, held.phase, "failed", 1)
            )
        ],
    )
    await complete_job(conn, held.job_id, held.fence)
    await control.cancel(conn, pipeline_id, ACT)
    await control.settle(pool, pipeline_id)
    assert await fetch(conn, STATES) == [("failed", 1), ("skipped", 3)]

    assert await control.resume_pipeline(conn, pipeline_id, resume_failed_only=True) == 1
    await finish_pipeline(conn, pipeline_id)
    assert await fetch(conn, STATES) == [("completed", 2), ("skipped", 2)]
    assert await state_of(conn, pipeline_id) == "completed_with_gaps"
    await assert_sound(conn, pipeline_id)

    assert await control.resume_pipeline(conn, pipeline_id) == 2
    await finish_pipeline(conn, pipeline_id)
    assert await fetch(conn, STATES) == [("completed", 4)]
    assert await state_of(conn, pipeline_id) == "completed"
    await assert_sound(conn, pipeline_id)


async def test_only_what_has_ended_is_set_back(conn: Connection) -> None:
    """What is due, waits, or is in somebody's hands stays as it is; set back twice, an item is due once."""
    pipeline_id = await start_searches(conn, 9)
    ended = await claim(conn, await dispatch(conn, pipeline_id, size=3))
    held = await claim(conn, await dispatch(conn, pipeline_id, size=2))
    await dispatch(conn, pipeline_id, size=1)
    assert ended
    assert held
    states = zip(ended.items, ("failed", "skipped", "pending"), strict=True)
    endings = [
        Ending(ended.pipeline_id, item.item_id, ended.job_id, ended.phase, state, 0, 60.0 if state == "pending" else None, "rate" if state == "pending" else None)
        for item, state in states
    ]  # fmt: skip
    await record(conn, [Record(ending=ending) for ending in endings])
    await complete_job(conn, ended.job_id, ended.fence)
    item_ids = await fetch(conn, "SELECT item_id FROM items")
    before = dict(await fetch(conn, "SELECT item_id, state FROM pipeline_state"))

    assert await control.set_back(conn, pipeline_id, item_ids) == 2
    assert await control.set_back(conn, pipeline_id, item_ids) == 0

    after = dict(await fetch(conn, "SELECT item_id, state FROM pipeline_state"))
    steps = {(ItemState(before[n]), ItemState(after[n])) for n in before if before[n] != after[n]}
    assert steps == {(ItemState.FAILED, ItemState.PENDING), (ItemState.SKIPPED, ItemState.PENDING)}
    assert steps < SET_BACK
    await assert_sound(conn, pipeline_id)


async def test_a_pipeline_that_is_still_being_cancelled_cannot_be_resumed(conn: Connection) -> None:
    """Its items would be skipped behind its back."""
    pipeline_id = await start_searches(conn, 2)
    await control.cancel(conn, pipeline_id, ACT)
    with pytest.raises(ConflictError, match="being cancelled"):
        await control.resume_pipeline(conn, pipeline_id)


async def test_figures_under_way_are_computed_again_after_a_resume(conn: Connection) -> None:
    """They lack what is set back; their housekeeper records nothing any more."""
    config = {"phases": [SERP_COLLECTION, DSI_CALCULATION]}
    pipeline_id = await start_pipeline(conn, config=config)
    await fail(conn, pipeline_id, SERP_COLLECTION)
    computing = await claim_all(conn, pipeline_id, DSI_CALCULATION)
    assert computing
    await control.pause(conn, pipeline_id, ACT)

    await control.resume_pipeline(conn, pipeline_id, act=ACT)

    figures = (
        "SELECT s.state FROM items JOIN pipeline_state s USING (item_id) WHERE phase = 'dsi_calculation'"
    )
    assert await fetch(conn, figures) == ["pending"]
    await assert_sound(conn, pipeline_id)


@pytest.mark.parametrize("verb", ["unpause", "resume"])
async def test_a_pause_is_no_wait_for_a_provider(conn: Connection, verb: str) -> None:
    """Nothing is given up for the time in which nobody was asked to work."""
    pipeline_id = await start_searches(conn, 2, config={"phases": [KEYWORD_METRICS, SERP_COLLECTION]})
    held = await claim_all(conn, pipeline_id, KEYWORD_METRICS)
    assert held
    for item in held.items[:1]:
        waits = Ending(
            held.pipeline_id, item.item_id, held.job_id, KEYWORD_METRICS, "pending",
            wait_seconds=60.0, wait_reason="account",
        )  # fmt: skip
        await record(conn, [Record(ending=waits)])
    await conn.execute("UPDATE job_queue SET lease_until = now() - interval '1 s' WHERE state = 'processing'")
    await reap_jobs(conn, "keywords", KEYWORD_METRICS, 5)  # the other one is due, and no worker runs
    for column in ("waiting SET since", "ready SET due_at", "pipelines SET running_since"):
        await conn.execute(f"UPDATE {column} = now() - interval '25 h'")
    await control.pause(conn, pipeline_id, ACT)

    await VERBS[verb](conn, pipeline_id)

    assert await give_up_items(conn) == 0
    await conn.execute("UPDATE pipelines SET running_since = now() - interval '25 h'")
    assert await give_up_items(conn) == 2
    await assert_sound(conn, pipeline_id)
