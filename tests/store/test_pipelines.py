"""Starting pipelines in the record, reading them, their progress and what their reports are made of."""

import time
from uuid import UUID

import msgspec
import pytest

from shared.domain.pipeline import freeze, start_items
from shared.domain.start import parse
from shared.errors import NotFoundError
from shared.store.health import read_health
from shared.store.leases import take_lease
from shared.store.pipelines import get_pipeline, get_pipeline_state, initialize_pipeline, list_pipelines
from shared.store.pool import Connection
from shared.store.progress import phase_progress
from shared.store.report_rows import report_rows
from shared.testing.pipelines import claim_all, finish_pipeline, record_all, start_pipeline

pytestmark = pytest.mark.anyio


async def test_every_item_of_the_configuration_is_pending_and_due(conn: Connection) -> None:
    """Searches, volumes and figures, each with its state, its place in ready, and counters that agree."""
    body = {"keywords": ['back\\slash "quoted"', "tab\tbed", "日本語"], "regions": ["US", "SA"]}
    config = freeze(parse(msgspec.json.encode(body))).config
    async with conn.transaction():
        pipeline_id = await initialize_pipeline(conn, config)
    cursor = await conn.execute(
        "SELECT i.key, i.input, s.state, r.phase, r.batch_key FROM items i"
        " JOIN pipeline_state s USING (pipeline_id, item_id) JOIN ready r USING (pipeline_id, item_id)"
    )
    expected = [(i.key, dict(i.input), "pending", i.phase, i.batch_key) for i in start_items(config)]
    assert sorted(await cursor.fetchall(), key=str) == sorted(expected, key=str)
    planned = {
        phase.phase: (phase.planned, phase.pending) for phase in await phase_progress(conn, pipeline_id)
    }
    assert planned == {
        "keyword_metrics": (6, 6),
        "serp_collection": (18, 18),
        "company_enrichment": (0, 0),
        "video_enrichment": (0, 0),
        "content_scraping": (0, 0),
        "content_analysis": (0, 0),
        "dsi_calculation": (1, 1),
    }


async def test_a_start_that_breaks_off_leaves_nothing(conn: Connection) -> None:
    """All of a pipeline is recorded or nothing of it."""
    config = freeze(parse(b'{"keywords": ["a"], "regions": ["US"]}')).config

    async def interrupted() -> None:
        async with conn.transaction():
            await initialize_pipeline(conn, config)
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await interrupted()
    cursor = await conn.execute(
        "SELECT (SELECT count(*) FROM pipelines) + (SELECT count(*) FROM items) + (SELECT count(*) FROM ready)"
        " + (SELECT count(*) FROM pipeline_state) + (SELECT count(*) FROM counters)"
    )
    assert await cursor.fetchone() == (0,)


async def test_a_pipeline_is_read_back_as_it_was_frozen(conn: Connection) -> None:
    """Configuration, priority and hash come back; an unknown id is not found."""
    pipeline_id = await start_pipeline(conn, config={"priority": "high"}, device="mobile")
    pipeline = await get_pipeline(conn, pipeline_id)
    assert (pipeline.state, pipeline.priority, pipeline.config.device) == ("running", 100, "mobile")
    assert (await get_pipeline_state(conn, pipeline_id)).created_at == pipeline.created_at
    for read in (get_pipeline, get_pipeline_state):
        with pytest.raises(NotFoundError):
            await read(conn, UUID(int=1))


async def test_the_list_is_newest_first(conn: Connection) -> None:
    """With how many items each has and how many are open, and no more than asked for."""
    first, second, third = [await start_pipeline(conn) for _ in range(3)]
    await finish_pipeline(conn, second)
    listed = await list_pipelines(conn, 2)
    assert [row.pipeline_id for row in listed] == [third, second]
    assert [(row.state, row.items, row.open) for row in listed] == [("running", 3, 3), ("completed", 6, 0)]
    assert first in {row.pipeline_id for row in await list_pipelines(conn, 3)}


async def test_the_list_has_each_pipelines_money(conn: Connection) -> None:
    """Budget and what is committed of it; without a budget neither is said."""
    await start_pipeline(conn)
    await start_pipeline(conn, config={"budget": 5.0})
    assert [(row.budget, row.committed) for row in await list_pipelines(conn, 2)] == [
        (5.0, 0.0),
        (None, None),
    ]


async def test_progress_follows_the_items(conn: Connection) -> None:
    """Claimed items are processing, completed ones are completed, found ones are planned in the next phase."""
    pipeline_id = await start_pipeline(conn)
    claim = await claim_all(conn, pipeline_id, "serp_collection")
    assert claim
    (searches, videos) = await phase_progress(conn, pipeline_id)
    assert (searches.pending, searches.processing, videos.planned) == (0, 3, 0)
    await record_all(conn, claim)
    (searches, videos) = await phase_progress(conn, pipeline_id)
    assert (searches.completed, searches.calls, videos.pending) == (3, 3, 3)


async def test_report_rows_are_what_was_recorded(conn: Connection) -> None:
    """Completed searches with their rankings in order, completed videos, and the coverage of each phase."""
    pipeline_id = await start_pipeline(conn, keywords=["Some  Thing", "other"])
    assert (await report_rows(conn, pipeline_id)).searches == []
    claim = await claim_all(conn, pipeline_id, "serp_collection")
    assert claim
    await record_all(conn, claim)
    rows = await report_rows(conn, pipeline_id)
    assert {(s.keyword, s.region, s.content_type) for s in rows.searches} == {
        (keyword, "US", type_)
        for keyword in ("some thing", "other")
        for type_ in ("organic", "news", "video")
    }
    assert [ranking.position for ranking in rows.searches[0].rankings] == [1, 2, 3]
    assert [(phase.planned, phase.completed, phase.open) for phase in rows.phases] == [(6, 6, 0), (6, 0, 6)]
    assert rows.videos == []
    await finish_pipeline(conn, pipeline_id)
    assert {row.result.views for row in (await report_rows(conn, pipeline_id)).videos} == {1000}


async def test_a_search_without_results_is_a_row(conn: Connection) -> None:
    """It was completed, and counts; it just has no rankings."""
    pipeline_id = await start_pipeline(conn)
    await finish_pipeline(conn, pipeline_id)
    await conn.execute("DELETE FROM rankings WHERE item_id = (SELECT min(item_id) FROM rankings)")
    rows = await report_rows(conn, pipeline_id)
    assert [len(search.rankings) for search in rows.searches] == [0, 3, 3]


async def test_health_sees_queues_leaders_and_errors(conn: Connection) -> None:
    """Open jobs by state, the age of what is due, who leads, and how many of the latest calls failed."""
    pipeline_id = await start_pipeline(conn)
    await take_lease(conn, "serp", "worker-1", 30)
    await take_lease(conn, "media", "worker-2", 0)
    await conn.execute("UPDATE ready SET due_at = now() - interval '1 minute' WHERE item_id = 2")
    health = await read_health(conn)
    assert [leader.service for leader in health.leaders] == ["serp"]
    assert [(due.phase, due.items) for due in health.due] == [("serp_collection", 3)]
    assert 60 <= health.due[0].oldest_seconds < 120
    assert (health.queues, health.providers) == ([], [])

    claim = await claim_all(conn, pipeline_id, "serp_collection")
    assert claim
    health = await read_health(conn)
    assert [(queue.queue, queue.state, queue.jobs) for queue in health.queues] == [("serp", "processing", 1)]
    assert health.due == []

    await record_all(conn, claim)
    await conn.execute(
        "UPDATE provider_calls SET outcome = 'recoverable'"
        " WHERE call_id = (SELECT call_id FROM provider_calls ORDER BY call_id LIMIT 1)"
    )
    (provider,) = (await read_health(conn)).providers
    assert (provider.provider, provider.calls, provider.errors, provider.in_flight) == ("serp", 3, 1, 0)
    assert provider.error_share == pytest.approx(1 / 3)
    await conn.execute("UPDATE provider_calls SET sent_at = now() - interval '1 hour'")
    assert (await read_health(conn)).providers == []


async def test_health_counts_what_waits(conn: Connection) -> None:
    """By reason, and only in pipelines that have not ended."""
    pipeline_id = await start_pipeline(conn)
    await conn.execute(
        "INSERT INTO counters (pipeline_id, phase, name, delta) VALUES"
        " (%(id)s, 'serp_collection', 'waiting.quota', 2), (%(id)s, 'serp_collection', 'waiting.retry', 0)",
        {"id": pipeline_id},
    )
    health = await read_health(conn)
    assert [(w.phase, w.reason, w.items) for w in health.waiting] == [("serp_collection", "quota", 2)]
    assert [due.items for due in health.due] == [1]
    await conn.execute("UPDATE pipelines SET state = 'failed', ended_at = now()")
    assert (await read_health(conn)).waiting == []


@pytest.mark.benchmark
async def test_a_hundred_thousand_searches_start_in_seconds(conn: Connection) -> None:
    """A million is to take 15 s at most."""
    keywords = [f"keyword {n}" for n in range(6_667)]
    body = {"keywords": keywords, "regions": ["US", "GB", "DE", "SA", "VN"]}
    config = freeze(parse(msgspec.json.encode(body))).config
    started = time.perf_counter()
    async with conn.transaction():
        await initialize_pipeline(conn, config)
    assert time.perf_counter() - started < 5
