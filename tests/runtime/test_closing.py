"""The closing phases: computed once nothing else is open, by one housekeeper, with lease and fence as any job."""

import pytest

from shared.config import Runtime
from shared.domain.phases import DSI_CALCULATION, PHASES, SERP_COLLECTION
from shared.runtime.closing import ROUND_SECONDS, Closing
from shared.runtime.heartbeat import Heartbeat
from shared.runtime.housekeeping import Housekeeping
from shared.runtime.reaper import Reaper
from shared.store.audit import audit
from shared.store.failed_items import reset_closing
from shared.store.heartbeats import Heartbeats
from shared.store.pool import Connection, Pool
from shared.testing.pipelines import claim_all, record_all, start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

FIGURES = "SELECT s.state FROM items i JOIN pipeline_state s USING (item_id) WHERE phase = 'dsi_calculation' ORDER BY item_id"


@pytest.fixture
def heartbeat(postgres_url: str) -> Heartbeat:
    return Heartbeat(Heartbeats(postgres_url, "housekeeper"), 30.0)


def closing(pool: Pool, heartbeat: Heartbeat, lease_seconds: float = 30.0) -> Closing:
    return Closing(pool, "housekeeper", lease_seconds, heartbeat)


async def start(conn: Connection) -> str:
    """Three searches, nothing found in them, and figures for the whole and one part."""
    pipeline_id = await start_pipeline(
        conn,
        config={"phases": [SERP_COLLECTION, DSI_CALCULATION]},
        landscapes=[{"name": "part", "keywords": ["test"]}],
    )
    return str(pipeline_id)


async def search(conn: Connection) -> None:
    (pipeline_id,) = await fetch(conn, "SELECT pipeline_id FROM pipelines")
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    await record_all(conn, held)


async def test_figures_follow_the_last_item(pool: Pool, heartbeat: Heartbeat) -> None:
    """Not before it; then the pipeline ends, and the audit agrees."""
    async with pool.connection() as conn:
        await start(conn)
        assert await closing(pool, heartbeat).round() == ROUND_SECONDS
        assert await fetch(conn, FIGURES) == ["pending", "pending"]
        await search(conn)

        await closing(pool, heartbeat).round()
        assert await fetch(conn, FIGURES) == ["completed", "completed"]
        companies = "SELECT jsonb_array_length(payload -> 'companies') > 0 FROM results WHERE phase = 'dsi_calculation'"
        assert await fetch(conn, companies) == [True, True]

        await Housekeeping(pool, Runtime()).round()
        (pipeline_id,) = await fetch(conn, "SELECT pipeline_id FROM pipelines WHERE state = 'completed'")
        assert (await audit(conn, pipeline_id)).passed


async def test_figures_are_computed_once(pool: Pool, heartbeat: Heartbeat) -> None:
    """A second housekeeper, or a second round, finds nothing to do."""
    async with pool.connection() as conn:
        await start(conn)
        await search(conn)
        for _ in range(2):
            await closing(pool, heartbeat).round()
        assert await fetch(conn, "SELECT count(*) FROM job_queue WHERE queue_name = 'housekeeping'") == [1]


async def test_a_housekeeper_that_died_is_replaced(pool: Pool, heartbeat: Heartbeat) -> None:
    """Its lease runs out, the reaper makes the figures due again, and the next one computes them."""
    async with pool.connection() as conn:
        await start(conn)
        await search(conn)
        dead = closing(pool, heartbeat, lease_seconds=-1.0)
        (pipeline_id,) = await fetch(conn, "SELECT pipeline_id::text FROM pipelines")
        assert await dead._claim(pipeline_id)
        assert await fetch(conn, FIGURES) == ["processing", "processing"]

        await Reaper(pool, PHASES[DSI_CALCULATION], Runtime()).round()
        await closing(pool, heartbeat).round()

        assert await fetch(conn, FIGURES) == ["completed", "completed"]


async def test_a_landscape_whose_housekeeper_died_twice_is_computed(pool: Pool, heartbeat: Heartbeat) -> None:
    """The housekeeper looks for suspects, too, and the pipeline ends."""
    async with pool.connection() as conn:
        await start(conn)
        await search(conn)
        (pipeline_id,) = await fetch(conn, "SELECT pipeline_id::text FROM pipelines")
        reaper = Reaper(pool, PHASES[DSI_CALCULATION], Runtime())
        for _ in range(2):
            assert await closing(pool, heartbeat, lease_seconds=-1.0)._claim(pipeline_id)
            await reaper.round()
        assert await fetch(conn, "SELECT DISTINCT chunk FROM ready") == [2]

        for _ in range(2):
            await closing(pool, heartbeat).round()

        assert await fetch(conn, FIGURES) == ["completed", "completed"]


async def test_nothing_is_left_behind_where_the_pipeline_was_paused(pool: Pool, heartbeat: Heartbeat) -> None:
    """Between two looks at it: no job that nobody would ever claim."""
    async with pool.connection() as conn:
        await start(conn)
        await search(conn)
        (pipeline_id,) = await fetch(conn, "SELECT pipeline_id::text FROM pipelines")
        await conn.execute("UPDATE pipelines SET state = 'paused'")

        assert await closing(pool, heartbeat)._attempt(pipeline_id) is None

        assert await fetch(conn, "SELECT count(*) FROM job_queue WHERE queue_name = 'housekeeping'") == [0]
        assert await fetch(conn, "SELECT count(*) FROM ready") == [2]


async def test_a_suspect_stays_one_when_its_figures_are_computed_again(conn: Connection) -> None:
    """It might be the reason why housekeepers die."""
    await start(conn)
    (pipeline_id,) = await fetch(conn, "SELECT pipeline_id FROM pipelines")
    await conn.execute("UPDATE pipeline_state SET state = 'completed', chunk = 1")
    await conn.execute("DELETE FROM ready")
    await reset_closing(conn, [pipeline_id])
    assert set(await fetch(conn, "SELECT chunk FROM ready")) == {1}


async def test_figures_wait_for_what_was_put_back_meanwhile(pool: Pool, heartbeat: Heartbeat) -> None:
    """Between two looks at the pipeline: what was open then counts, not what was open before."""
    async with pool.connection() as conn:
        await start(conn)
        (pipeline_id,) = await fetch(conn, "SELECT pipeline_id::text FROM pipelines")

        assert await closing(pool, heartbeat)._attempt(pipeline_id) is None

        assert await fetch(conn, FIGURES) == ["pending", "pending"]
