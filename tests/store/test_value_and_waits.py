"""Which items are worked on: the most valuable first, no more than a pipeline wants, and no wait without an end."""

from uuid import UUID

import pytest

from shared.domain.phases import CONTENT_ANALYSIS, CONTENT_SCRAPING, PHASES, SERP_COLLECTION
from shared.domain.provider import Completed
from shared.domain.results import PageResult, Ranking, SearchResult
from shared.runtime import verdict
from shared.store import jobs
from shared.store.audit import audit
from shared.store.leases import take_lease
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection
from shared.testing.jobs import claim, dispatch
from shared.testing.pipelines import claim_all, record_all, start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

PAGES = PHASES[CONTENT_SCRAPING]
STATES = "SELECT i.key, s.state FROM items i JOIN pipeline_state s USING (item_id) WHERE phase = 'content_scraping' ORDER BY i.value DESC"


async def start(conn: Connection, **config: object) -> UUID:
    """One search and what it finds; its pages are to be read."""
    phases = [SERP_COLLECTION, CONTENT_SCRAPING, CONTENT_ANALYSIS]
    return await start_pipeline(conn, content_types=["organic"], config={"phases": phases, **config})


async def find_pages(conn: Connection, pipeline_id: UUID, number: int) -> None:
    """The search is completed with so many pages, the best one last."""
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    ranked = [Ranking(number - n, f"https://site-{n}.example/", f"site-{n}.example") for n in range(number)]
    unit = _completed(held, SearchResult(tuple(ranked)))
    async with conn.transaction():
        await record(conn, [unit])
        await jobs.complete_job(conn, held.job_id, held.fence)


def _completed(held: jobs.Claim, result: SearchResult) -> Record:
    outcome = Completed(result, ())
    return verdict.ended(held, held.items[0], outcome)


async def test_the_most_valuable_are_dispatched_first(conn: Connection) -> None:
    """Whatever was found first."""
    pipeline_id = await start(conn)
    await find_pages(conn, pipeline_id, 5)

    held = await claim(
        conn, await dispatch(conn, pipeline_id, 2, phase=CONTENT_SCRAPING), phase=CONTENT_SCRAPING
    )

    assert held
    assert {item.key for item in held.items} == {"site-4.example/", "site-3.example/"}


async def test_a_cap_keeps_the_best_once_all_are_found(conn: Connection) -> None:
    """Until then nothing is dispatched; the rest is skipped by rule, and the audit agrees."""
    pipeline_id = await start(conn, scrape={"per_pipeline": 2})
    await conn.execute("UPDATE pipelines SET item_caps = '{}'")
    await find_pages(conn, pipeline_id, 5)
    await conn.execute("UPDATE pipelines SET item_caps = '{\"content_scraping\": 2}'")
    await conn.execute(
        "INSERT INTO counters (pipeline_id, phase, name, delta) VALUES (%s, 'serp_collection', 'pending', 1)",
        (pipeline_id,),
    )
    assert await jobs.count_due(conn, PAGES, 100) == []
    assert await jobs.keep_best(conn, PAGES.name, PAGES.upstream) == 0
    await conn.execute("DELETE FROM counters WHERE counter_id = (SELECT max(counter_id) FROM counters)")

    assert await jobs.keep_best(conn, PAGES.name, PAGES.upstream) == 3
    assert await jobs.keep_best(conn, PAGES.name, PAGES.upstream) == 0

    assert await fetch(conn, STATES) == [
        ("site-4.example/", "pending"),
        ("site-3.example/", "pending"),
        ("site-2.example/", "skipped"),
        ("site-1.example/", "skipped"),
        ("site-0.example/", "skipped"),
    ]
    assert [due.count for due in await jobs.count_due(conn, PAGES, 100)] == [2]
    checks = {check.name: check.passed for check in (await audit(conn, pipeline_id)).checks}
    assert checks["counters"]
    assert checks["places"]
    assert checks["keys.content_scraping"]


async def test_what_is_under_way_counts_towards_the_cap(conn: Connection) -> None:
    """A page that comes back does not make room for another one."""
    pipeline_id = await start(conn, scrape={"per_pipeline": 3})
    await find_pages(conn, pipeline_id, 5)
    await jobs.keep_best(conn, PAGES.name, PAGES.upstream)
    held = await claim(
        conn, await dispatch(conn, pipeline_id, 2, phase=CONTENT_SCRAPING), phase=CONTENT_SCRAPING
    )
    assert held

    assert await jobs.keep_best(conn, PAGES.name, PAGES.upstream) == 0
    assert await fetch(conn, "SELECT count(*) FROM pipeline_state WHERE state = 'skipped'") == [2]


async def test_a_page_comes_with_what_was_bought_for_it(conn: Connection) -> None:
    """The analysis of a page gets the page's own answer, and the configuration it needs."""
    pipeline_id = await start(conn, model="gpt-4o")
    await find_pages(conn, pipeline_id, 2)
    held = await claim_all(conn, pipeline_id, CONTENT_SCRAPING)
    assert held
    await record_all(conn, held)
    await conn.execute("UPDATE provider_facts SET answer = jsonb_build_object('text', subject)")
    message = await dispatch(conn, pipeline_id, phase=CONTENT_ANALYSIS)
    phase = PHASES[CONTENT_ANALYSIS]
    async with conn.transaction():
        analysed = await jobs.claim_job(
            conn,
            message,
            phase=phase.name,
            holder="w",
            lease_seconds=60,
            known={},
            context=phase.context,
            reads=phase.reads,
        )

    assert analysed
    assert {item.key: item.source for item in analysed.items} == {
        "site-0.example/": {"text": "site-0.example/"},
        "site-1.example/": {"text": "site-1.example/"},
    }
    context = analysed.items[0].context
    assert set(context) == set(phase.context)
    assert (context["model"], context["company"]) == ("gpt-4o", None)
    assert isinstance(PageResult(found=True), phase.result) is False


async def _wait(conn: Connection, pipeline_id: UUID, phase: str, reason: str) -> None:
    """All due items of a phase wait, due again at once."""
    held = await claim_all(conn, pipeline_id, phase)
    assert held
    endings = [
        Ending(
            held.pipeline_id, i.item_id, held.job_id, phase, "pending", 0, 0.001, reason, last_error="refused"
        )
        for i in held.items
    ]
    async with conn.transaction():
        await record(conn, [Record(ending=ending) for ending in endings])
        await jobs.complete_job(conn, held.job_id, held.fence)


async def test_an_optional_phase_does_not_wait_for_ever(conn: Connection) -> None:
    """Waits that follow one another count as one; then the items are skipped, and that is a gap."""
    pipeline_id = await start(conn, give_up_after_seconds=60)
    await find_pages(conn, pipeline_id, 2)
    await _wait(conn, pipeline_id, CONTENT_SCRAPING, "account")
    assert await jobs.give_up_items(conn) == 0
    await conn.execute("UPDATE pipeline_state SET waiting_since = waiting_since - interval '61 s'")
    await conn.execute("UPDATE pipelines SET running_since = running_since - interval '61 s'")
    await conn.execute("UPDATE waiting SET next_at = now() - interval '1 s'")
    assert await jobs.give_up_items(conn) == 0, "it is their turn: they are tried first"
    assert await jobs.wake_items(conn, CONTENT_SCRAPING) == 2
    await _wait(conn, pipeline_id, CONTENT_SCRAPING, "account")
    await conn.execute("UPDATE waiting SET next_at = now() + interval '1 minute'")

    assert await jobs.give_up_items(conn) == 2

    assert await fetch(
        conn,
        "SELECT DISTINCT state, error_category, last_error FROM pipeline_state WHERE state <> 'completed'",
    ) == [
        ("skipped", "provider_unavailable", "given up: waited too long for its provider (account): refused")
    ]
    assert await fetch(
        conn,
        "SELECT name, sum(delta)::int FROM counters WHERE phase = 'content_scraping' GROUP BY 1 HAVING sum(delta) <> 0 ORDER BY 1",
    ) == [
        ("failed.provider_unavailable", 2),
        ("given_up", 2),
        ("skipped", 2),
    ]


async def test_what_an_operator_has_to_decide_is_not_given_up(conn: Connection) -> None:
    """However long that takes."""
    pipeline_id = await start(conn, give_up_after_seconds=60)
    await find_pages(conn, pipeline_id, 2)
    await _wait(conn, pipeline_id, CONTENT_SCRAPING, "in_doubt")
    await conn.execute(
        "UPDATE waiting SET since = now() - interval '1 day', next_at = now() + interval '1 minute'"
    )
    await conn.execute("UPDATE pipelines SET running_since = now() - interval '1 day'")

    assert await jobs.give_up_items(conn) == 0


async def test_a_phase_nobody_works_on_is_given_up(conn: Connection) -> None:
    """Its worker does not run at all: the pipeline must come to its end nevertheless."""
    pipeline_id = await start(conn, give_up_after_seconds=60)
    await find_pages(conn, pipeline_id, 3)
    assert await jobs.give_up_items(conn) == 0
    await conn.execute("UPDATE ready SET due_at = now() - interval '2 minutes'")
    await conn.execute("UPDATE pipelines SET running_since = now() - interval '2 minutes'")
    await take_lease(conn, "pages", "worker", 30)
    assert await jobs.give_up_items(conn) == 0
    await conn.execute("UPDATE leases SET lease_until = now() - interval '1 s'")

    assert await jobs.give_up_items(conn) == 3

    assert await fetch(conn, "SELECT DISTINCT last_error FROM pipeline_state WHERE state = 'skipped'") == [
        "given up: waited too long for its provider (no worker of it runs)"
    ]
    checks = {check.name: check.passed for check in (await audit(conn, pipeline_id)).checks}
    assert checks["counters"]
    assert checks["places"]


async def test_a_mandatory_phase_waits(conn: Connection) -> None:
    """Without searches there is nothing to report: somebody has to mend the account."""
    pipeline_id = await start(conn, give_up_after_seconds=0)
    await _wait(conn, pipeline_id, SERP_COLLECTION, "account")

    assert await jobs.give_up_items(conn) == 0


async def test_an_attempt_ends_a_wait(conn: Connection) -> None:
    """Whoever got to its provider has not been waiting since before that."""
    pipeline_id = await start(conn)
    await _wait(conn, pipeline_id, SERP_COLLECTION, "rate")
    assert await fetch(conn, "SELECT waiting_since IS NOT NULL FROM pipeline_state") == [True]
    await conn.execute("UPDATE waiting SET next_at = now() - interval '1 s'")
    await jobs.wake_items(conn, SERP_COLLECTION)
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    await record_all(conn, held)

    assert await fetch(conn, "SELECT waiting_since FROM pipeline_state WHERE state = 'completed'") == [None]
