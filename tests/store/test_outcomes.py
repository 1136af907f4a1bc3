"""Recording: everything a try left behind in one transaction, and nothing of it for an item that has moved on."""

import asyncio
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from uuid_utils.compat import uuid7

from shared.domain.phases import SERP_COLLECTION, VIDEO_ENRICHMENT, NewItem
from shared.domain.provider import FactRef
from shared.domain.results import Ranking, SearchResult
from shared.store.audit import audit
from shared.store.calls import SENT, Intent, find_facts, insert_calls
from shared.store.jobs import Claim, reap_jobs
from shared.store.outcomes import BoughtFact, Ending, Evidence, Record, Settlement, record
from shared.store.pool import Connection, Pool, unit_of_work
from shared.testing.jobs import claim, dispatch
from shared.testing.pipelines import start_pipeline
from shared.testing.rows import dump, fetch

pytestmark = pytest.mark.anyio

#: Every kind of character a provider may send: controls, NUL, combining, right-to-left, beyond the BMP, half a pair.
ODD = "a\0b\x01\x7f\u0301\u200f\ufeff\ufffe\U0001f9ff\U0010ffff\\u0000\\\0\"'\n\t\ud800z"
#: What is kept of it: no NUL, and half a surrogate pair becomes the replacement character.
KEPT = ODD.replace("\0", "").replace("\ud800", "\ufffd")


async def held(conn: Connection, searches: int = 2, *, lease_seconds: float = 60.0) -> Claim:
    """A claimed job with all searches of a new pipeline."""
    keywords = [f"keyword {n}" for n in range(searches)]
    pipeline_id = await start_pipeline(conn, keywords=keywords, content_types=["organic"])
    job = await claim(conn, await dispatch(conn, pipeline_id), lease_seconds=lease_seconds)
    assert job
    return job


async def call(conn: Connection, job: Claim, subjects: int = 1) -> str:
    """The ledger's row of a call that has left."""
    intent = Intent(
        str(uuid7()), job.pipeline_id, job.job_id, job.fence, "p", "answers", subjects, money=0.01
    )
    assert await insert_calls(conn, [intent]) == {intent.call_id: SENT}
    return intent.call_id


def ending(job: Claim, n: int = 0, state: str = "completed", **changes: Any) -> Ending:
    base = Ending(job.pipeline_id, job.items[n].item_id, job.job_id, job.phase, state, spent=1)
    return msgspec.structs.replace(base, **changes)


def bought(call_id: str, subject: str = "s", answer: Any = None) -> BoughtFact:
    return BoughtFact(str(uuid7()), call_id, "p", "answers", subject, {"page": 1}, answer)


def settled(call_id: str, **changes: Any) -> Settlement:
    base = Settlement(call_id, SERP_COLLECTION, "settled", "ok", 200, 2.0, 0.01, 0.5)
    return msgspec.structs.replace(base, **changes)


def completed(job: Claim, n: int, fact: BoughtFact, found: Iterable[str] = (), title: str = "") -> Record:
    result = SearchResult((Ranking(1, "https://acme.com/", "acme.com", title=title),), total_results=7)
    items = tuple(NewItem(VIDEO_ENRICHMENT, key, {"of": key}) for key in found)
    return Record(
        ending=ending(job, n), evidence=Evidence(result, (FactRef(fact.fact_key, fact.call_id),), items)
    )


async def counters(conn: Connection) -> dict[str, int]:
    query = "SELECT phase || ' ' || name, sum(delta)::int FROM counters GROUP BY 1 HAVING sum(delta) <> 0"
    return dict(await fetch(conn, query))


async def test_what_a_try_left_is_recorded_together(pool: Pool) -> None:
    """Settlement, facts, ending, evidence and found items are all there after the commit."""
    async with pool.connection() as conn:
        job = await held(conn)
        call_id = await call(conn, job)
        fact = bought(call_id, "s", {"text": "x"})
        unit = completed(job, 0, fact, ["v1", "v2"], title="Acme")
        async with unit_of_work(pool) as own:
            moved = await record(own, [Record(settled(call_id), (fact,)), unit])
            assert (await dump(conn))["results"] == [], "seen before it was committed"
        item_id = job.items[0].item_id
        assert moved == {item_id}
        assert await fetch(
            conn, "SELECT state, outcome, status, units, money, settled_at >= sent_at FROM provider_calls"
        ) == [("settled", "ok", 200, 2.0, 0.01, True)]
        (stored,) = (await find_facts(conn, [fact.fact_key], 60)).values()
        assert (stored.answer, stored.ref.call_id) == ({"text": "x"}, call_id)
        assert await fetch(conn, "SELECT item_id, payload, facts FROM results") == [
            (item_id, {"total_results": 7}, [{"key": fact.fact_key, "call_id": call_id}])
        ]
        assert await fetch(conn, "SELECT item_id, ordinal, domain, title FROM rankings") == [
            (item_id, 1, "acme.com", "Acme")
        ]
        assert await fetch(
            conn,
            "SELECT key, input FROM items JOIN ready USING (item_id) WHERE items.phase = 'video_enrichment'",
        ) == [("v1", {"of": "v1"}), ("v2", {"of": "v2"})]
        assert await counters(conn) == {
            "serp_collection processing": 1,
            "serp_collection completed": 1,
            "serp_collection calls": 1,
            "serp_collection units": 2,
            "video_enrichment pending": 2,
        }


async def test_a_transaction_that_breaks_leaves_nothing(pool: Pool) -> None:
    """No part of a batch is recorded without the others."""
    async with pool.connection() as conn:
        job = await held(conn)
        call_id = await call(conn, job)
        fact = bought(call_id)
        before = await dump(conn)

    async def interrupted() -> None:
        async with unit_of_work(pool) as conn:
            await record(conn, [Record(settled(call_id), (fact,)), completed(job, 0, fact, ["v"])])
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await interrupted()
    async with pool.connection() as conn:
        assert await dump(conn) == before


async def test_a_batch_written_twice_counts_once(pool: Pool) -> None:
    """When the answer to a commit is lost the batch is written again; the second time it changes nothing."""
    async with pool.connection() as conn:
        job = await held(conn, 3)
        calls = [await call(conn, job) for _ in range(3)]
        fact = bought(calls[0])
        batch = [
            Record(settled(calls[0]), (fact,)),
            Record(settled(calls[1], state="in_doubt", outcome="recoverable", units=None, money=None)),
            Record(settled(calls[2], state="refunded", outcome="recoverable", units=0.0)),
            completed(job, 0, fact, ["v"]),
            Record(ending=ending(job, 1, "failed")),
            Record(ending=ending(job, 2, "pending", wait_seconds=60.0, wait_reason="retry")),
        ]
        async with conn.transaction():
            assert len(await record(conn, batch)) == 3
        before = await dump(conn)
        async with conn.transaction():
            assert await record(conn, batch) == set()
        assert await dump(conn) == before


async def test_a_late_answer_settles_a_call_in_doubt(conn: Connection) -> None:
    """The reaper could not know; the answer does. It is counted once, and a second opinion changes nothing."""
    job = await held(conn, lease_seconds=-1.0)
    call_id = await call(conn, job)
    await reap_jobs(conn, "serp", SERP_COLLECTION, 5)
    assert "serp_collection calls" not in await counters(conn)
    await record(conn, [Record(settled(call_id))])
    await record(conn, [Record(settled(call_id, state="refunded", outcome="recoverable"))])
    assert await fetch(conn, "SELECT state, outcome FROM provider_calls") == [("settled", "ok")]
    assert (await counters(conn))["serp_collection calls"] == 1


async def test_each_ending_counts_what_it_says(conn: Connection) -> None:
    """Degraded and answered from the store are counted with the completed ones, waits with their reason."""
    job = await held(conn, 5)
    fact = bought(await call(conn, job))
    plain = completed(job, 0, fact)
    less = msgspec.structs.replace(plain, ending=ending(job, 1, degraded="not_found", from_store=True))
    await record(
        conn,
        [
            plain,
            less,
            Record(ending=ending(job, 2, "failed", error_category="bug", last_error="why")),
            Record(ending=ending(job, 3, "skipped")),
            Record(ending=ending(job, 4, "pending", spent=0, wait_seconds=5.0, wait_reason="quota")),
        ],
    )
    expected = {"completed": 2, "degraded": 1, "from_store": 1, "failed": 1, "skipped": 1, "pending": 1}
    counted = {**expected, "waiting.quota": 1, "failed.bug": 1}
    assert await counters(conn) == {f"serp_collection {name}": n for name, n in counted.items()}
    assert await fetch(conn, "SELECT attempts FROM pipeline_state ORDER BY item_id") == [1, 1, 1, 1, 0]
    assert await fetch(
        conn, "SELECT error_category, last_error FROM pipeline_state WHERE state = 'failed'"
    ) == [("bug", "why")]


async def test_evidence_follows_the_item(conn: Connection) -> None:
    """Of a batch in which one item is no longer the job's, the others are recorded whole and that one not at all."""
    job = await held(conn, 2)
    fact = bought(await call(conn, job))
    await conn.execute(
        "UPDATE pipeline_state SET job_id = job_id + 1 WHERE item_id = %s", (job.items[0].item_id,)
    )
    moved = await record(conn, [completed(job, 0, fact, ["lost"]), completed(job, 1, fact, ["kept"])])
    assert moved == {job.items[1].item_id}
    assert await fetch(conn, "SELECT item_id FROM results") == [job.items[1].item_id]
    assert await fetch(conn, "SELECT item_id FROM rankings") == [job.items[1].item_id]
    assert await fetch(conn, "SELECT key FROM items WHERE phase = 'video_enrichment'") == ["kept"]


async def test_an_item_found_many_times_is_inserted_once(pool: Pool) -> None:
    """Transactions that find the same items in different orders, at once, neither double nor block one another."""
    keys = [f"video {n:04}" for n in range(400)]
    shuffled = [keys, keys[::-1], keys[200:] + keys[:200], keys[::3] + keys[1::3] + keys[2::3]]
    async with pool.connection() as conn:
        job = await held(conn, len(shuffled))
        fact = bought(await call(conn, job))
        started = asyncio.Barrier(len(shuffled))

    async def find(n: int) -> None:
        async with unit_of_work(pool) as own:
            await started.wait()
            await record(own, [completed(job, n, fact, shuffled[n])])

    await asyncio.gather(*(find(n) for n in range(len(shuffled))))
    async with pool.connection() as conn:
        assert await fetch(conn, "SELECT key FROM items WHERE phase = 'video_enrichment' ORDER BY 1") == keys
        assert await fetch(conn, "SELECT count(*) FROM ready") == [len(keys)]
        assert (await counters(conn))["video_enrichment pending"] == len(keys)


async def test_any_text_is_recorded(conn: Connection) -> None:
    """What Postgres refuses is left out of answers, results, keys and errors; everything else arrives as it was."""
    job = await held(conn, 2)
    call_id = await call(conn, job)
    fact = bought(call_id, ODD, {ODD: [ODD]})
    whole = completed(job, 0, fact, [ODD], title=ODD)
    await record(
        conn,
        [
            Record(settled(call_id, error=ODD), (fact,)),
            msgspec.structs.replace(whole, ending=ending(job, 0, degraded=ODD)),
            Record(ending=ending(job, 1, "failed", last_error=ODD)),
        ],
    )
    assert await fetch(conn, "SELECT error FROM provider_calls") == [KEPT]
    assert await fetch(conn, "SELECT subject, answer FROM provider_facts") == [(KEPT, {KEPT: [KEPT]})]
    assert await fetch(conn, "SELECT title FROM rankings") == [KEPT]
    assert await fetch(conn, "SELECT key, input FROM items WHERE phase = 'video_enrichment'") == [
        (KEPT, {"of": KEPT})
    ]
    assert await fetch(
        conn, "SELECT degraded, last_error FROM pipeline_state WHERE state <> 'pending' ORDER BY 1"
    ) == [
        (KEPT, None),
        (None, KEPT),
    ]


async def test_keys_that_differ_only_in_what_is_left_out_are_one_item(conn: Connection) -> None:
    """Without its NUL a key may be one that is found in the same batch already."""
    job = await held(conn, 1)
    fact = bought(await call(conn, job))
    await record(conn, [completed(job, 0, fact, ["v", "v\0", "\0v"])])
    assert await fetch(conn, "SELECT key FROM items WHERE phase = 'video_enrichment'") == ["v"]


async def test_batches_of_several_pipelines_stay_apart(conn: Connection) -> None:
    """One recorder writes for all pipelines; each one's account comes out right, by the audit."""
    claims = [await held(conn), await held(conn)]
    units = []
    for job in claims:
        call_id = await call(conn, job)
        fact = bought(call_id)
        units += [
            Record(settled(call_id), (fact,)),
            completed(job, 0, fact, ["same"]),
            completed(job, 1, fact),
        ]
    async with conn.transaction():
        await record(conn, units)
    for job in claims:
        report = await audit(conn, UUID(job.pipeline_id))
        assert not [c.name for c in report.checks if not c.passed and not c.name.startswith("keys")]
