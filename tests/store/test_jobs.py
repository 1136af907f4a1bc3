"""Jobs: from due items to their end, with every message that must not count and every holder that dies."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from uuid_utils.compat import uuid7

from shared.domain.job import Plan
from shared.domain.message import Message
from shared.domain.phases import PHASES, SERP_COLLECTION, VIDEO_ENRICHMENT, NewItem
from shared.domain.provider import FactRef
from shared.store import jobs
from shared.store.calls import Intent, insert_calls
from shared.store.jobs import Claim
from shared.store.outcomes import BoughtFact, Ending, Evidence, Record, Settlement, record
from shared.store.pool import Connection, Pool
from shared.testing.jobs import claim, dispatch
from shared.testing.pipelines import answer, claim_all, record_all, start_pipeline
from shared.testing.rows import dump, fetch

pytestmark = pytest.mark.anyio

CRASH_LIMIT = 3
#: A lease that is over as soon as it is taken.
EXPIRED = -1.0


async def start(conn: Connection, searches: int = 3) -> UUID:
    """A pipeline with so many due searches."""
    keywords = [f"keyword {n}" for n in range(searches)]
    return await start_pipeline(conn, keywords=keywords, content_types=["organic"])


async def reap(conn: Connection) -> tuple[int, int]:
    return await jobs.reap_jobs(conn, "serp", SERP_COLLECTION, CRASH_LIMIT)


async def crash(conn: Connection, pipeline_id: UUID) -> Claim:
    """A worker claims a job of due items and is never heard of again."""
    held = await claim(conn, await dispatch(conn, pipeline_id), lease_seconds=EXPIRED)
    assert held
    return held


def intent(held: Claim) -> Intent:
    return Intent(str(uuid7()), held.pipeline_id, held.job_id, held.fence, "p", "answers", 1)


def failing(held: Claim, item_id: int, **changes: Any) -> Record:
    ending = Ending(held.pipeline_id, item_id, held.job_id, held.phase, "failed", spent=1)
    return Record(ending=msgspec.structs.replace(ending, **changes))


async def test_a_job_lives_from_due_items_to_its_end(conn: Connection) -> None:
    """Each step moves the job and its items, and nothing else does."""

    async def where() -> tuple[str, set[str], int]:
        states = await fetch(
            conn,
            "SELECT s.state FROM pipeline_state s JOIN items USING (item_id) WHERE phase = 'serp_collection'",
        )
        (job,) = await fetch(conn, "SELECT state FROM job_queue")
        (due,) = await fetch(conn, "SELECT count(*) FROM ready WHERE phase = 'serp_collection'")
        return job, set(states), due

    pipeline_id = await start(conn)
    plan = Plan(str(pipeline_id), "", chunk=0, size=10, priority=7)
    (message,) = await jobs.create_jobs(conn, SERP_COLLECTION, "serp", [plan])
    assert await where() == ("pending", {"pending"}, 0)
    assert await fetch(conn, "SELECT queue_name, job_type, priority FROM job_queue") == [
        ("serp", SERP_COLLECTION, 7)
    ]
    await jobs.mark_dispatched(conn, [message.job_id])
    assert await where() == ("dispatched", {"pending"}, 0)

    held = await claim(conn, message)
    assert held
    assert (len(held.items), held.fence, held.pipeline_id) == (3, 1, str(pipeline_id))
    assert held.settings.rules.phases == (SERP_COLLECTION, VIDEO_ENRICHMENT)
    assert held.items[0].input["q"] == "keyword 0"
    assert await where() == ("processing", {"processing"}, 0)

    await record_all(conn, held)
    assert await where() == ("completed", {"completed"}, 0)
    assert await fetch(conn, "SELECT count(*) FROM results") == [3]


@pytest.mark.parametrize("case", ["fence too low", "fence too high", "unknown", "claimed", "ended", "paused"])
async def test_a_void_message_changes_nothing(conn: Connection, case: str) -> None:
    """Late, doubled, forged or for a pipeline that is paused: the claim is refused and no row differs."""
    pipeline_id = await start(conn)
    message = await dispatch(conn, pipeline_id)
    match case:
        case "fence too low":
            (message,), stale = await jobs.redispatch_jobs(conn, "serp", -1.0), message
            message = stale
        case "fence too high":
            message = Message(message.job_id, message.fence + 1)
        case "unknown":
            message = Message(message.job_id + 1, message.fence)
        case "claimed":
            assert await claim(conn, message)
        case "ended":
            held = await claim(conn, message)
            assert held
            await record_all(conn, held)
        case "paused":
            await conn.execute("UPDATE pipelines SET state = 'paused'")
    before = await dump(conn)
    for fence in {message.fence, message.fence + (case in {"claimed", "ended"})}:
        assert await claim(conn, Message(message.job_id, fence), holder="another") is None
    assert await dump(conn) == before


async def test_of_two_claims_at_once_one_wins(pool: Pool) -> None:
    """The same message in two workers at the same moment gives one of them the job."""
    async with pool.connection() as conn:
        pipeline_id = await start(conn, searches=20)
        messages = [await dispatch(conn, pipeline_id, 1) for _ in range(20)]

    async def attempt(message: Message, holder: str) -> Claim | None:
        async with pool.connection() as own:
            return await claim(own, message, holder=holder)

    claims = await asyncio.gather(*(attempt(m, h) for m in messages for h in ("one", "other")))
    assert [sum(bool(c) for c in claims[n : n + 2]) for n in range(0, 40, 2)] == [1] * 20
    async with pool.connection() as conn:
        assert await fetch(conn, "SELECT fence, count(*) FROM job_queue GROUP BY 1") == [(1, 20)]


async def test_jobs_are_made_of_the_items_that_were_asked_for(conn: Connection) -> None:
    """Oldest first, up to the size, each once; a plan for what is due no longer makes no job."""
    pipeline_id = await start(conn, searches=5)
    plan = Plan(str(pipeline_id), "", chunk=0, size=3, priority=0)
    wrong = [
        replace(plan, batch_key="other"),
        replace(plan, chunk=3),
        replace(plan, pipeline_id=str(uuid7())),
    ]
    messages = await jobs.create_jobs(conn, SERP_COLLECTION, "serp", [plan, *wrong, plan, plan])
    sizes = await fetch(conn, "SELECT item_ids FROM job_queue ORDER BY job_id")
    assert [len(ids) for ids in sizes] == [3, 2]
    assert len(messages) == 2
    assert [n for ids in sizes for n in ids] == await fetch(conn, "SELECT item_id FROM items ORDER BY 1")


async def test_two_dispatchers_at_once_share_the_items(pool: Pool) -> None:
    """After a stall two may lead; no item gets into two jobs."""
    async with pool.connection() as conn:
        pipeline_id = await start(conn, searches=60)
    plans = [Plan(str(pipeline_id), "", chunk=0, size=2, priority=0)] * 30

    async def create() -> None:
        async with pool.connection() as own:
            await jobs.create_jobs(own, SERP_COLLECTION, "serp", plans)

    await asyncio.gather(create(), create())
    async with pool.connection() as conn:
        taken = await fetch(conn, "SELECT unnest(item_ids) FROM job_queue")
        assert sorted(taken) == await fetch(conn, "SELECT item_id FROM items ORDER BY 1")


async def test_a_lost_message_is_sent_again_and_only_then(conn: Connection) -> None:
    """A job nobody claimed for long gets a higher fence; the claimed and the fresh ones are left alone."""
    pipeline_id = await start(conn, searches=3)
    lost, claimed = [await dispatch(conn, pipeline_id, 1) for _ in range(2)]
    plan = Plan(str(pipeline_id), "", chunk=0, size=1, priority=0)
    (never_sent,) = await jobs.create_jobs(conn, SERP_COLLECTION, "serp", [plan])
    assert await claim(conn, claimed)
    assert await jobs.redispatch_jobs(conn, "serp", 60.0) == []
    assert await jobs.redispatch_jobs(conn, "media", -1.0) == []
    again = await jobs.redispatch_jobs(conn, "serp", -1.0)
    assert again == [Message(lost.job_id, 1), Message(never_sent.job_id, 1)]
    assert await fetch(conn, "SELECT state FROM job_queue ORDER BY job_id") == [
        "dispatched",
        "processing",
        "dispatched",
    ]
    assert await claim(conn, lost) is None
    assert await claim(conn, again[0])


async def test_a_job_claimed_before_it_was_marked_stays_claimed(conn: Connection) -> None:
    """The message may be faster than the dispatcher's note that it was sent."""
    pipeline_id = await start(conn)
    plan = Plan(str(pipeline_id), "", chunk=0, size=3, priority=0)
    (message,) = await jobs.create_jobs(conn, SERP_COLLECTION, "serp", [plan])
    assert await claim(conn, message)
    await jobs.mark_dispatched(conn, [message.job_id])
    assert await fetch(conn, "SELECT state, dispatched_at FROM job_queue") == [("processing", None)]


async def test_a_dead_holders_items_become_due_again(conn: Connection) -> None:
    """What it had not recorded comes back without an attempt; its sent calls are in doubt; live jobs stay."""
    pipeline_id = await start(conn, searches=3)
    alive = await claim(conn, await dispatch(conn, pipeline_id, 1))
    dead = await crash(conn, pipeline_id)
    assert alive
    await insert_calls(conn, [intent(alive), intent(dead)])
    await record(conn, [failing(dead, dead.items[0].item_id)])

    assert await reap(conn) == (1, 1)
    assert await reap(conn) == (0, 0)
    back = dead.items[1].item_id
    assert await fetch(conn, "SELECT item_id, chunk FROM ready") == [(back, 0)]
    assert await fetch(conn, "SELECT state, attempts, crashes FROM pipeline_state ORDER BY item_id") == [
        ("processing", 0, 0),
        ("failed", 1, 0),
        ("pending", 0, 1),
    ]
    assert await fetch(conn, "SELECT state, lease_until IS NULL FROM job_queue ORDER BY job_id") == [
        ("processing", False),
        ("expired", True),
    ]
    assert await fetch(conn, "SELECT job_id, state, outcome FROM provider_calls ORDER BY job_id") == [
        (alive.job_id, "sent", None),
        (dead.job_id, "in_doubt", "lease_expired"),
    ]


async def test_a_zombies_late_records_change_no_item(conn: Connection) -> None:
    """A holder that wakes up after the reaper leaves its answer, which is paid for, and no state and no evidence."""
    pipeline_id = await start(conn)
    zombie = await crash(conn, pipeline_id)
    call = intent(zombie)
    await insert_calls(conn, [call])
    await reap(conn)
    successor = await claim(conn, await dispatch(conn, pipeline_id), holder="successor")
    assert successor
    before = await dump(conn)

    item = zombie.items[0]
    fact = BoughtFact(str(uuid7()), call.call_id, "p", "answers", item.key, {}, {})
    result = answer(SERP_COLLECTION, item)
    late = [
        Record(Settlement(call.call_id, zombie.phase, "settled", "ok"), (fact,)),
        Record(
            ending=failing(zombie, item.item_id, state="completed").ending,
            evidence=Evidence(
                result, (FactRef(fact.fact_key, call.call_id),), (NewItem(VIDEO_ENRICHMENT, "v"),)
            ),
        ),
    ]
    async with conn.transaction():
        assert await record(conn, late) == set()
    await jobs.complete_job(conn, zombie.job_id, zombie.fence)
    assert await insert_calls(conn, [intent(zombie)]) == {}

    after = await dump(conn)
    assert {table for table in after if after[table] != before[table]} == {
        "provider_calls",
        "provider_facts",
        "counters",
    }
    assert await fetch(conn, "SELECT state FROM provider_calls") == ["settled"]
    await record_all(conn, successor)
    assert await fetch(conn, "SELECT count(*) FROM results") == [3]


async def test_a_waiting_item_is_due_when_its_moment_has_come(conn: Connection) -> None:
    """It stands in `waiting` with its reason, is woken then and not before, and stays a suspect."""
    pipeline_id = await start(conn, searches=4)
    held = await claim(conn, await dispatch(conn, pipeline_id))
    assert held
    first, second, third, fourth = (item.item_id for item in held.items)
    await conn.execute("UPDATE pipeline_state SET crashes = 2, chunk = 2 WHERE item_id = %s", (second,))

    def waits(item_id: int, seconds: float, reason: str) -> Record:
        return failing(held, item_id, state="pending", spent=0, wait_seconds=seconds, wait_reason=reason)

    units = [waits(first, -1, "retry"), waits(second, -1, "rate"), waits(third, 60, "rate")]
    at_once = failing(held, fourth, state="pending", spent=0)
    assert await record(conn, [*units, at_once]) == {first, second, third, fourth}
    assert await fetch(conn, "SELECT item_id FROM ready") == [fourth]
    waiting = "SELECT name, sum(delta)::int FROM counters WHERE name LIKE 'waiting%' GROUP BY 1 ORDER BY 1"
    assert await fetch(conn, waiting) == [("waiting.rate", 2), ("waiting.retry", 1)]

    assert await jobs.wake_items(conn, VIDEO_ENRICHMENT) == 0
    assert await jobs.wake_items(conn, SERP_COLLECTION) == 2
    assert await jobs.wake_items(conn, SERP_COLLECTION) == 0
    assert await fetch(conn, "SELECT item_id, chunk FROM ready ORDER BY 1") == [
        (first, 0),
        (second, 2),
        (fourth, 0),
    ]
    assert await fetch(conn, "SELECT item_id, wait_reason FROM pipeline_state WHERE next_at IS NOT NULL") == [
        (third, "rate")
    ]
    assert await fetch(conn, waiting) == [("waiting.rate", 1), ("waiting.retry", 0)]


async def test_what_is_due_and_open_is_counted_by_pipeline(conn: Connection) -> None:
    """The dispatcher sees due items up to its window, by priority, and items in open jobs; not of paused pipelines."""
    low = await start(conn, searches=5)
    high = await start_pipeline(conn, content_types=["organic"], config={"priority": "high"})
    paused = await start(conn)
    await conn.execute("UPDATE pipelines SET state = 'paused' WHERE pipeline_id = %s", (paused,))
    due = await jobs.count_due(conn, PHASES[SERP_COLLECTION], 4)
    assert [(group.pipeline_id, group.count, group.priority) for group in due] == [
        (str(high), 1, 100),
        (str(low), 4, 0),
    ]
    assert all(0 <= group.oldest_seconds < 60 for group in due)

    sent, claimed = await dispatch(conn, low, 1), await dispatch(conn, low, 2)
    assert await claim(conn, claimed)
    ended = await claim_all(conn, high, SERP_COLLECTION)
    assert ended
    await record_all(conn, ended)
    assert await jobs.count_open(conn, "serp") == {str(low): 3}
    assert await jobs.count_open(conn, "media") == {}
    assert sent.job_id != claimed.job_id


async def test_upstream_is_open_until_its_last_item_has_ended(conn: Connection) -> None:
    """Pending and processing count; an ended phase or pipeline does not."""
    pipeline_id = await start(conn, searches=1)
    upstream = [SERP_COLLECTION]
    assert await jobs.count_upstream(conn, upstream) == {str(pipeline_id)}
    held = await claim(conn, await dispatch(conn, pipeline_id))
    assert held
    assert await jobs.count_upstream(conn, upstream) == {str(pipeline_id)}
    await record_all(conn, held)
    assert await jobs.count_upstream(conn, upstream) == set()
    assert await jobs.count_upstream(conn, [VIDEO_ENRICHMENT]) == {str(pipeline_id)}


async def test_only_the_holder_closes_a_job(conn: Connection) -> None:
    """A stale fence closes nothing, so a zombie cannot end its successor's job; nor does an item left over."""
    pipeline_id = await start(conn, searches=2)
    held = await claim(conn, await dispatch(conn, pipeline_id))
    assert held
    first, last = (failing(held, item.item_id) for item in held.items)
    await record(conn, [first])
    await jobs.complete_job(conn, held.job_id, held.fence)
    assert await fetch(conn, "SELECT state FROM job_queue") == ["processing"]
    await record(conn, [last])
    await jobs.complete_job(conn, held.job_id, held.fence - 1)
    assert await fetch(conn, "SELECT state FROM job_queue") == ["processing"]
    await record_all(conn, held)
    await jobs.complete_job(conn, held.job_id, held.fence)
    assert await fetch(conn, "SELECT state, lease_until FROM job_queue") == [("completed", None)]


async def test_a_job_with_an_item_left_over_is_not_closed(conn: Connection) -> None:
    """Its lease runs out instead, and the reaper returns the item."""
    pipeline_id = await start(conn)
    held = await claim(conn, await dispatch(conn, pipeline_id))
    assert held
    await jobs.complete_job(conn, held.job_id, held.fence)
    assert await fetch(conn, "SELECT state FROM job_queue") == ["processing"]


async def test_a_job_takes_no_more_than_its_size_whatever_the_planner_believes(conn: Connection) -> None:
    """Statistics of an almost empty table once made one job swallow every due item."""
    await start(conn)
    await conn.execute("ANALYZE ready")
    pipeline_id = await start(conn, 500)
    plan = Plan(str(pipeline_id), "", chunk=0, size=5, priority=0)
    await jobs.create_jobs(conn, SERP_COLLECTION, "serp", [plan])
    assert await fetch(conn, "SELECT cardinality(item_ids) FROM job_queue") == [5]
