"""Events: told with what they tell of, placed when everybody can see them, each once."""

import asyncio
import random
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from services.serp.provider import PROVIDER
from shared.domain.breaker import Order
from shared.domain.error_rule import RuleData
from shared.domain.event import NAMES, EventName
from shared.domain.phases import COMPANY_ENRICHMENT, DSI_CALCULATION, SERP_COLLECTION, VIDEO_ENRICHMENT
from shared.store import control
from shared.store.breakers import order_breaker
from shared.store.calls import Intent, insert_calls
from shared.store.control import Act
from shared.store.error_rules import declare_rules, edit_rule, find_rules
from shared.store.events import delete_old_events, emit, get_feed, place_events, read_events, tell_phases
from shared.store.failed_items import reset_failed_items
from shared.store.jobs import wake_items
from shared.store.outcomes import Ending, Record, Settlement, record
from shared.store.phase_restart import restart_phase
from shared.store.pool import Connection, Pool, unit_of_work
from shared.store.spending import set_budget
from shared.testing.jobs import hold
from shared.testing.pipelines import claim_all, finish_pipeline, record_all, start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

ACT = Act("test", "because")
PHASES_TOLD = "SELECT data ->> 'phase' FROM events WHERE name = 'phase.completed' ORDER BY seq"


async def told(pool: Pool, **wanted: Any) -> list[str]:
    """Names of all events, in their order."""
    await place_events(pool)
    async with pool.connection() as conn:
        return [event.name for event in await read_events(conn, 0, limit=1000, **wanted)]


async def end(conn: Connection, phase: str, state: str, **fields: Any) -> None:
    """All due items of a phase of the only pipeline come to this end."""
    (pipeline_id,) = await fetch(conn, "SELECT pipeline_id FROM pipelines")
    job = await claim_all(conn, pipeline_id, phase)
    assert job
    endings = [
        Ending(job.pipeline_id, item.item_id, job.job_id, phase, state, spent=1, **fields)
        for item in job.items
    ]
    async with conn.transaction():
        await record(conn, [Record(ending=ending) for ending in endings])


async def test_a_pipelines_life_is_told_in_order(pool: Pool, conn: Connection) -> None:
    """Phases before their pipeline; nothing twice, however often housekeeping looks."""
    pipeline_id = await start_pipeline(conn)
    async with unit_of_work(pool) as own:
        await control.pause(own, pipeline_id, ACT)
    async with unit_of_work(pool) as own:
        await control.unpause(own, pipeline_id, ACT)
    await finish_pipeline(conn, pipeline_id)
    for _ in range(3):
        await tell_phases(conn)
    other = await start_pipeline(conn)

    assert await told(pool, pipeline_id=pipeline_id) == [
        "pipeline.started",
        "pipeline.paused",
        "pipeline.started",
        "phase.completed",
        "phase.completed",
        "pipeline.completed",
    ]
    assert await told(pool, pipeline_id=other) == ["pipeline.started"]
    assert await told(pool, names={"pipeline.paused"}) == ["pipeline.paused"]


async def test_a_phase_is_not_over_while_more_can_be_found(pool: Pool, conn: Connection) -> None:
    """Company lookups that are all done wait for the searches; figures for everything."""
    pipeline_id = await start_pipeline(
        conn,
        keywords=["one", "two"],
        regions=["US"],
        config={"phases": [SERP_COLLECTION, COMPANY_ENRICHMENT, DSI_CALCULATION]},
    )
    await conn.execute(
        "DELETE FROM ready WHERE item_id = (SELECT min(item_id) FROM ready WHERE phase = 'serp_collection')"
    )
    for phase in (SERP_COLLECTION, COMPANY_ENRICHMENT):
        while job := await claim_all(conn, pipeline_id, phase):
            await record_all(conn, job)
    await tell_phases(conn)
    assert await told(pool) == ["pipeline.started"]


async def test_what_was_given_up_and_revived_is_told(pool: Pool, conn: Connection) -> None:
    """One event for all letters of a cause; a retry reopens the pipeline, and its phase ends anew."""
    pipeline_id = await start_pipeline(conn, keywords=["one", "two", "three"])
    await end(conn, SERP_COLLECTION, "failed", error_category="recoverable", last_error="boom")
    await finish_pipeline(conn, pipeline_id)
    assert await reset_failed_items(pool, pipeline_id, actor="a", reason="r")
    await finish_pipeline(conn, pipeline_id)

    assert await told(pool) == [
        "pipeline.started", "dead_letter.created", "phase.completed", "pipeline.failed",
        "pipeline.started", "phase.completed", "phase.completed", "pipeline.completed",
    ]  # fmt: skip
    (letters,) = await fetch(conn, "SELECT data FROM events WHERE name = 'dead_letter.created'")
    assert (letters["letters"], letters["phase"], letters["category"]) == (9, SERP_COLLECTION, "recoverable")


@pytest.mark.parametrize(
    ("reason", "name"),
    [("quota", "quota.exhausted"), ("account", "account.error"), ("budget", "budget.exhausted")],
)
async def test_a_wait_that_needs_somebody_is_told_once(
    pool: Pool, conn: Connection, reason: str, name: str
) -> None:
    """Not for every item; a budget that is set anew may be exhausted anew."""
    pipeline_id = await start_pipeline(
        conn, regions=["US", "DE"], config={"phases": [SERP_COLLECTION], "budget": 1}
    )
    for _ in range(2):
        await end(conn, SERP_COLLECTION, "pending", wait_seconds=60.0, wait_reason=reason)
        await conn.execute("UPDATE waiting SET next_at = now()")
        await wake_items(conn, SERP_COLLECTION)
    assert (await told(pool)).count(name) == 1
    async with unit_of_work(pool) as own:
        await set_budget(own, pipeline_id, 2.0, ACT)
    await end(conn, SERP_COLLECTION, "pending", wait_seconds=60.0, wait_reason=reason)
    assert (await told(pool)).count(name) == (2 if reason == "budget" else 1)


async def test_four_fifths_of_a_budget_are_told_with_the_call_that_makes_them(
    pool: Pool, conn: Connection
) -> None:
    """Once, until the budget is set anew; below it, nothing."""
    job = await hold(conn)
    await conn.execute("UPDATE pipeline_budgets SET budget = 10 WHERE pipeline_id = %s", (job.pipeline_id,))

    async def spend(money: float) -> list[str]:
        call = Intent(
            str(uuid7()), job.pipeline_id, job.job_id, job.fence, "p", "e", 1, "p", None, 0.0, money
        )
        await insert_calls(conn, [call])
        return [name for name in await told(pool) if name.startswith("budget")]

    assert await spend(7.9) == []
    assert await spend(0.2) == ["budget.80"]
    assert await spend(0.2) == ["budget.80"]
    async with unit_of_work(pool) as own:
        await set_budget(own, (await fetch(conn, "SELECT pipeline_id FROM pipelines"))[0], 20.0, ACT)
    assert await spend(9.0) == ["budget.80", "budget.80"]


@pytest.mark.parametrize("way", ["settled", "set"])
async def test_four_fifths_are_told_however_they_are_reached(pool: Pool, conn: Connection, way: str) -> None:
    """By a call that cost more than was set aside, or by a smaller budget."""
    job = await hold(conn)
    pipeline_id = (await fetch(conn, "SELECT pipeline_id FROM pipelines"))[0]
    await conn.execute("UPDATE pipeline_budgets SET budget = 10 WHERE pipeline_id = %s", (job.pipeline_id,))
    call = Intent(str(uuid7()), job.pipeline_id, job.job_id, job.fence, "p", "e", 1, "p", None, 0.0, 7.0)
    await insert_calls(conn, [call])
    if way == "settled":
        settled = Settlement(call.call_id, SERP_COLLECTION, "settled", "ok", units=1.0, money=8.5)
        async with conn.transaction():
            await record(conn, [Record(settled)])
    else:
        async with conn.transaction():
            await set_budget(conn, pipeline_id, 8.0, ACT)
    assert [name for name in await told(pool) if name.startswith("budget")] == ["budget.80"]
    again = Intent(str(uuid7()), job.pipeline_id, job.job_id, job.fence, "p", "e", 1, "p", None, 0.0, 0.1)
    await insert_calls(conn, [again])
    assert [name for name in await told(pool) if name.startswith("budget")] == ["budget.80"]


@pytest.mark.parametrize("failed", [False, True])
async def test_a_phase_that_is_done_again_is_told_again(
    pool: Pool, conn: Connection, *, failed: bool
) -> None:
    """Though it comes to the same; a phase before it, which nothing was done to, is not."""
    pipeline_id = await start_pipeline(conn)
    if failed:
        while job := await claim_all(conn, pipeline_id, SERP_COLLECTION):
            await record_all(conn, job)
        await end(conn, VIDEO_ENRICHMENT, "failed", error_category="recoverable", last_error="boom")
    await finish_pipeline(conn, pipeline_id)
    await tell_phases(conn)
    if failed:
        assert await reset_failed_items(pool, pipeline_id, actor="a", reason="r")
        await end(conn, VIDEO_ENRICHMENT, "failed", error_category="recoverable", last_error="boom")
    else:
        async with conn.transaction():
            await restart_phase(conn, pipeline_id, VIDEO_ENRICHMENT, ACT)
    await tell_phases(conn)
    await finish_pipeline(conn, pipeline_id)
    await tell_phases(conn)
    await tell_phases(conn)
    await place_events(pool)
    assert await fetch(conn, PHASES_TOLD) == [SERP_COLLECTION, VIDEO_ENRICHMENT, VIDEO_ENRICHMENT]


async def test_changes_of_breakers_and_rules_are_told(pool: Pool, conn: Connection) -> None:
    """With who did it and why."""
    for order in (Order.OPEN, Order.RESET):
        async with unit_of_work(pool) as own:
            await order_breaker(own, "serp", order, actor="ann", reason="they are down")
    await declare_rules(conn, PROVIDER)
    rule = (await find_rules(conn))[0]
    async with unit_of_work(pool) as own:
        await edit_rule(own, rule.rule_id, RuleData(category="quota", status=500), actor="bob", reason="new")
    assert await told(pool) == ["breaker.opened", "breaker.closed", "rule.changed"]
    assert await fetch(conn, "SELECT data ->> 'actor' FROM events ORDER BY seq") == ["ann", "ann", "bob"]


async def test_what_is_rolled_back_is_not_told(pool: Pool) -> None:
    """The event shares the fate of what it tells of."""
    with pytest.raises(RuntimeError):
        await _fail_after_telling(pool)
    assert await told(pool) == []


async def _fail_after_telling(pool: Pool) -> None:
    async with unit_of_work(pool) as conn:
        await emit(conn, EventName.PIPELINE_FAILED)
        raise RuntimeError


async def test_a_place_is_given_only_when_nothing_can_come_before_it(pool: Pool) -> None:
    """The transaction that began first ends last: a reader that saw the other's event sees this one after it."""
    async with unit_of_work(pool) as early:
        await emit(early, EventName.PIPELINE_STARTED)
        async with unit_of_work(pool) as late:
            await emit(late, EventName.PIPELINE_PAUSED)
        assert await told(pool) == ["pipeline.paused"]
    assert await told(pool) == ["pipeline.paused", "pipeline.started"]


async def test_readers_and_writers_at_once_miss_nothing_and_see_nothing_twice(pool: Pool) -> None:
    """Six writers with transactions of random length, three that give places, a reader that follows them."""
    chance, written, seen = random.Random(3), 0, list[int]()

    async def write() -> None:
        nonlocal written
        for _ in range(25):
            async with unit_of_work(pool) as conn:
                for _ in range(count := chance.randrange(1, 4)):
                    await emit(conn, EventName.RULE_CHANGED)
                for _ in range(chance.randrange(4)):
                    await conn.execute("SELECT 1")
                written += count

    async def follow() -> None:
        async with pool.connection() as conn:
            seen.extend(event.id for event in await read_events(conn, seen[-1] if seen else 0, limit=7))

    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(write()) for _ in range(3)]
        while not all(writer.done() for writer in writers):
            await asyncio.gather(place_events(pool), place_events(pool), follow())
    await place_events(pool)
    while len(seen) < written:
        await follow()
    assert seen == list(range(1, written + 1))


async def test_old_events_go_and_their_places_are_not_given_again(pool: Pool, conn: Connection) -> None:
    """After a week; a reader that comes later finds out by the oldest place."""
    for _ in range(3):
        await emit(conn, EventName.RULE_CHANGED)
    await place_events(pool)
    await conn.execute("UPDATE events SET happened_at = now() - interval '8 days' WHERE seq < 3")
    assert await delete_old_events(conn) == 2
    feed = await get_feed(conn)
    assert (feed.oldest, feed.newest) == (3, 3)
    await conn.execute("UPDATE events SET happened_at = now() - interval '8 days'")
    await delete_old_events(conn)
    assert (await get_feed(conn)).oldest == 4
    await emit(conn, EventName.RULE_CHANGED)
    await place_events(pool)
    assert (await get_feed(conn)).newest == 4


async def test_what_an_open_pipeline_was_told_once_is_not_told_again_after_a_week(
    pool: Pool, conn: Connection
) -> None:
    """It stays until the pipeline has ended; where readers have to begin it counts as gone."""
    pipeline_id = await start_pipeline(conn)
    while job := await claim_all(conn, pipeline_id, SERP_COLLECTION):
        await record_all(conn, job)
    await tell_phases(conn)
    await place_events(pool)
    for _ in range(2):
        await conn.execute("UPDATE events SET happened_at = now() - interval '8 days'")
        await delete_old_events(conn)
    assert await tell_phases(conn) == 0
    feed = await get_feed(conn)
    assert (feed.oldest, feed.newest) == (3, 2)
    assert await read_events(conn, 0, limit=10) == []
    await conn.execute("UPDATE pipelines SET state = 'cancelled', ended_at = now() - interval '1 day'")
    await delete_old_events(conn)
    assert await fetch(conn, "SELECT name FROM events") == []


def test_names_are_those_that_were_agreed() -> None:
    """Receivers match them; SQL and f-strings spell them too."""
    assert NAMES == (
        "pipeline.started", "pipeline.paused", "pipeline.completed", "pipeline.completed_with_gaps", "pipeline.failed",
        "phase.completed", "breaker.opened", "breaker.closed", "quota.exhausted", "budget.80", "budget.exhausted",
        "account.error", "dead_letter.created", "audit.failed", "rule.changed",
    )  # fmt: skip


async def test_videos_end_after_searches(pool: Pool, conn: Connection) -> None:
    """As they are found in them."""
    pipeline_id = await start_pipeline(conn)
    for phase in (SERP_COLLECTION, VIDEO_ENRICHMENT):
        while job := await claim_all(conn, pipeline_id, phase):
            await record_all(conn, job)
        await tell_phases(conn)
    await place_events(pool)
    assert await fetch(conn, PHASES_TOLD) == [SERP_COLLECTION, VIDEO_ENRICHMENT]
