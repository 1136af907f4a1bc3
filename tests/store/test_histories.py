"""Long random histories of everything that happens to items, sound after every single step."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from shared.domain.item import TRANSITIONS, Item, ItemState
from shared.domain.job import Plan
from shared.domain.message import Message
from shared.domain.phases import PHASES, SERP_COLLECTION, VIDEO_ENRICHMENT, found_in
from shared.domain.provider import FactRef
from shared.domain.results import Ranking, SearchResult, VideoResult
from shared.store import jobs
from shared.store.audit import audit
from shared.store.calls import Intent, insert_calls
from shared.store.counters import end_pipelines, fold_counters
from shared.store.jobs import Claim
from shared.store.outcomes import BoughtFact, Ending, Evidence, Record, Settlement, record
from shared.store.pool import Connection
from shared.store.retry_history import Attempt, fold_retry_counters
from shared.testing.jobs import claim
from shared.testing.pipelines import record_all, start_pipeline
from shared.testing.rows import fetch
from tests.store.counted import AGED, assert_counted

pytestmark = pytest.mark.anyio

#: So few that most of them are found again and again.
VIDEOS = 12
CRASH_LIMIT = 4
SOON, LATER = -1.0, 600.0

COUNTED = """
    SELECT phase, state, count(*)::int FROM pipeline_state JOIN items USING (pipeline_id, item_id) GROUP BY 1, 2
    UNION ALL
    SELECT phase, 'waiting.' || reason, count(*)::int FROM waiting GROUP BY 1, 2
    UNION ALL
    SELECT phase, 'from_store', count(*)::int FROM pipeline_state JOIN items USING (pipeline_id, item_id)
    WHERE state = 'completed' AND from_store GROUP BY 1
    UNION ALL
    SELECT phase, 'failed.' || coalesce(error_category, ''), count(*)::int
    FROM pipeline_state JOIN items USING (pipeline_id, item_id) WHERE state = 'failed' GROUP BY 1, 2
    UNION ALL
    SELECT job_type, 'calls', count(*)::int FROM provider_calls JOIN job_queue USING (job_id)
    WHERE provider_calls.state <> 'sent' AND outcome <> 'lease_expired' GROUP BY 1
"""
SUMMED = """
    SELECT phase, name, sum(delta)::int FROM counters WHERE name <> 'units' GROUP BY 1, 2 HAVING sum(delta) <> 0
"""
PLACES = """
    SELECT item_id FROM ready
    UNION ALL SELECT item_id FROM waiting
    UNION ALL SELECT unnest(item_ids) FROM job_queue WHERE state IN ('pending', 'dispatched')
"""


class History:
    """What happened so far, and the next thing to happen. A zombie is a claim like any other."""

    def __init__(self, conn: Connection, pipeline_id: UUID, seed: int, largest_job: int) -> None:
        self.conn = conn
        self.pipeline_id = pipeline_id
        self.random = random.Random(seed)
        self.largest_job = largest_job
        self.messages: list[tuple[str, Message]] = []
        self.claims: list[Claim] = []
        self.spent = Counter[int]()
        self.states: dict[int, ItemState] = {}
        self.happened = Counter[str]()

    async def dispatch(self) -> int:
        phase, chunk = self.random.choice(await self.due())
        plan = Plan(
            str(self.pipeline_id),
            "",
            chunk=chunk,
            size=self.random.randint(1, self.largest_job),
            priority=0,
        )
        messages = await jobs.create_jobs(self.conn, phase, PHASES[phase].service, [plan])
        self.messages += [(phase, message) for message in messages]
        if self.random.random() < 0.8:
            await jobs.mark_dispatched(self.conn, [message.job_id for message in messages])
        return len(messages)

    async def due(self) -> list[tuple[str, int]]:
        """Phases and chunks of which something may be due; suspects among it."""
        found = await fetch(self.conn, "SELECT DISTINCT phase, chunk FROM ready ORDER BY 1, 2")
        return found or [(SERP_COLLECTION, 0)]

    async def claim(self) -> int:
        if not self.messages:
            return 0
        phase, message = self.random.choice(self.messages[-12:])
        held = await claim(
            self.conn,
            message,
            phase=phase,
            holder=self.random.choice("ab"),
            lease_seconds=self.random.choice([SOON, LATER, LATER]),
        )
        self.claims += [held] if held else []
        return bool(held)

    async def record(self) -> int:
        if not self.claims:
            return 0
        held = self.random.choice(self.claims[-6:])
        most = len(held.items)
        items = self.random.sample(held.items, self.random.choice([most, self.random.randint(1, most)]))
        units = [unit for item in items for unit in await self.outcome(held, item)]
        async with self.conn.transaction():
            moved = await record(self.conn, units)
        self.spent.update(
            u.ending.item_id for u in units if u.ending and u.ending.spent and u.ending.item_id in moved
        )
        return len(moved)

    async def outcome(self, held: Claim, item: Item) -> list[Record]:
        """A call, unless the ledger refuses it, and an ending of any kind."""
        intent = Intent(str(uuid7()), held.pipeline_id, held.job_id, held.fence, "p", "e", 1)
        sent = await insert_calls(self.conn, [intent])
        call = Settlement(intent.call_id, held.phase, "settled", "ok", 200, 1.0)
        fact = BoughtFact(str(uuid7()), intent.call_id, "p", "e", item.key, {}, {})
        state = self.random.choice(
            ["completed", "completed", "failed", "skipped", "pending", "pending", "pending"]
        )
        ending = Ending(held.pipeline_id, item.item_id, held.job_id, held.phase, state, spent=1)
        if state == "pending":
            wait = self.random.choice([SOON, LATER, None])
            reason = self.random.choice(["retry", "rate"]) if wait else None
            spent = int(reason == "retry")
            ending = Ending(
                held.pipeline_id, item.item_id, held.job_id, held.phase, state, spent, wait, reason
            )
            doubt = Settlement(
                intent.call_id, held.phase, self.random.choice(["settled", "in_doubt"]), "recoverable"
            )
            attempt = self.attempt("recoverable", wait) if spent else None
            return (
                [Record(doubt), Record(ending=ending, attempt=attempt)]
                if self.random.random() < 0.7
                else [Record(ending=ending, attempt=attempt)]
            )
        if state != "completed" or not sent:
            return (
                [Record(call, (fact,))] if sent else [Record(ending=ending)] if state != "completed" else []
            )
        result: SearchResult | VideoResult = VideoResult(found=True)
        if held.phase == SERP_COLLECTION:
            found = self.random.sample(range(VIDEOS), 2)
            urls = [f"https://www.youtube.com/watch?v=video{n:06}" for n in found]
            result = SearchResult(tuple(Ranking(n, url, "youtube.com") for n, url in enumerate(urls, 1)))
        found_items = tuple(found_in(held.phase, item.key, result, held.settings.rules))
        evidence = Evidence(result, (FactRef(fact.fact_key, fact.call_id),), found_items)
        return [Record(call, (fact,)), Record(ending=ending, evidence=evidence)]

    def attempt(self, category: str, delay: float | None) -> Attempt:
        return Attempt(1, self.random.choice([category, "throttled"]), "x", delay_seconds=delay)

    async def age(self) -> int:
        await self.conn.execute(AGED.encode())
        return 1

    async def close(self) -> int:
        """As a worker does: when it has accounted for every item and every call."""
        if not self.claims:
            return 0
        held = self.random.choice(self.claims)
        ids = [item.item_id for item in held.items]
        query = """SELECT (SELECT count(*) FROM pipeline_state
                           WHERE item_id = ANY(%s) AND job_id = %s AND state = 'processing')
                        + (SELECT count(*) FROM provider_calls WHERE job_id = %s AND state = 'sent')"""
        if await fetch(self.conn, query, ids, held.job_id, held.job_id) == [0]:
            await jobs.complete_job(self.conn, held.job_id, held.fence)
            return 1
        return 0

    async def reap(self) -> int:
        reaped = [
            await jobs.reap_jobs(self.conn, phase.service, phase.name, CRASH_LIMIT)
            for phase in PHASES.values()
        ]
        return sum(number for number, _ in reaped)

    async def wake(self) -> int:
        return sum([await jobs.wake_items(self.conn, phase, limit=self.largest_job // 2) for phase in PHASES])

    async def redispatch(self) -> int:
        again = 0
        for phase in PHASES.values():
            messages = await jobs.redispatch_jobs(self.conn, phase.service, SOON)
            self.messages += [(phase.name, message) for message in messages]
            again += len(messages)
        return again

    async def fold(self) -> int:
        await fold_counters(self.conn)
        await fold_retry_counters(self.conn)
        await assert_counted(self.conn)
        return 1

    async def step(self) -> None:
        """Something happens; afterwards everything must be as it should."""
        often: list[Callable[[], Awaitable[int]]] = [self.dispatch, self.claim, self.record]
        happening = self.random.choice(
            [*often * 3, self.close, self.close, self.reap, self.wake, self.redispatch, self.fold, self.age]
        )
        self.happened[happening.__name__] += bool(await happening())
        await self.check(happening.__name__)

    async def finish(self) -> None:
        """Whoever still holds something dies, every wait is over, and from then on all goes well."""
        await self.conn.execute(
            "UPDATE job_queue SET lease_until = now() - interval '1 s' WHERE state = 'processing'"
        )
        await self.conn.execute("UPDATE waiting SET next_at = now()")
        await self.reap()
        while await self.wake():
            pass
        for phase in PHASES.values():
            messages = await jobs.redispatch_jobs(self.conn, phase.service, SOON)
            plans = [
                Plan(str(self.pipeline_id), "", chunk, size=10**6, priority=0)
                for due, chunk in await self.due()
                if due == phase.name
            ]
            messages += await jobs.create_jobs(self.conn, phase.name, phase.service, plans)
            for message in messages:
                held = await claim(self.conn, message, phase=phase.name)
                assert held
                await record_all(self.conn, held)

    async def check(self, what: str) -> None:
        assert Counter(await fetch(self.conn, SUMMED)) == Counter(await fetch(self.conn, COUNTED)), what
        rows = await fetch(self.conn, "SELECT item_id, state, attempts FROM pipeline_state")
        states = {item_id: ItemState(state) for item_id, state, _ in rows}
        steps = {(was, states[n]) for n, was in self.states.items() if was is not states[n]}
        assert steps <= TRANSITIONS, what
        assert {n for n in states if n not in self.states and states[n] is not ItemState.PENDING} == set(), (
            what
        )
        self.states = states
        assert {n: attempts for n, _, attempts in rows if attempts} == dict(self.spent), what
        pending = sorted(n for n, state in states.items() if state is ItemState.PENDING)
        assert sorted(await fetch(self.conn, PLACES)) == pending, what
        done = sorted(n for n, state in states.items() if state is ItemState.COMPLETED)
        assert await fetch(self.conn, "SELECT item_id FROM results ORDER BY 1") == done, what


async def live(conn: Connection, seed: int, *, searches: int, steps: int, largest_job: int) -> None:
    """A pipeline through so many random steps, and to its end."""
    keywords = [f"keyword {n}" for n in range(searches)]
    pipeline_id = await start_pipeline(conn, keywords=keywords, content_types=["organic"])
    history = History(conn, pipeline_id, seed, largest_job)
    await history.check("start")
    for _ in range(steps):
        await history.step()
    missed = {"dispatch", "claim", "record", "close", "reap", "wake", "redispatch"} - set(+history.happened)
    assert not missed, "the history was too dull to prove anything"

    await history.finish()
    ((_, state),) = await end_pipelines(conn, [SERP_COLLECTION])
    assert state in {"completed", "completed_with_gaps"}
    assert VIDEO_ENRICHMENT in {phase for phase, _ in await fetch(conn, "SELECT phase, key FROM items")}
    report = await audit(conn, pipeline_id)
    assert [check.detail for check in report.checks if not check.passed] == []


@pytest.mark.parametrize("seed", range(4))
async def test_every_history_is_sound_at_every_step_and_comes_to_an_end(conn: Connection, seed: int) -> None:
    """Whatever order dispatch, claims, records, zombies, reaping, waking and folding come in."""
    await live(conn, seed, searches=40, steps=600, largest_job=4)


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
async def test_a_hundred_thousand_histories_are_sound_at_every_step(conn: Connection) -> None:
    """Each item has a history of its own: 100,000 of them at once, in jobs of up to 5,000."""
    await live(conn, 1, searches=100_000, steps=400, largest_job=5_000)
