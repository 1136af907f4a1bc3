"""What the gateway exposes of the record equals an independent count, without counting rows."""

import pytest

from shared.store.gauges import read_gauges
from shared.store.pool import Connection
from shared.testing.jobs import dispatch, hold, start_searches
from shared.testing.pipelines import claim_all, finish_pipeline, record_all, start_pipeline
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

COUNT = """SELECT i.phase, s.state, count(*) FROM pipeline_state s JOIN items i USING (pipeline_id, item_id)
JOIN pipelines p USING (pipeline_id) WHERE p.ended_at IS NULL GROUP BY 1, 2"""


async def test_items_are_those_of_open_pipelines(conn: Connection) -> None:
    """By phase and state, as a count of all rows says; ended pipelines are history."""
    await finish_pipeline(conn, await start_pipeline(conn))
    pipeline_id = await start_pipeline(conn)
    claim = await claim_all(conn, pipeline_id, "serp_collection")
    assert claim
    await record_all(conn, claim)
    await hold(conn, 2)
    gauges = await read_gauges(conn)
    found = {(phase, state): items for phase, state, items in gauges.items if items}
    assert found == {(phase, state): items for phase, state, items in await fetch(conn, COUNT)}
    assert [(state, count) for state, count, _ in gauges.pipelines] == [("running", 2)]
    assert (
        gauges.last_success
        == (await fetch(conn, "SELECT extract(epoch FROM max(ended_at))::float8 FROM pipelines"))[0]
    )


async def test_queues_are_told_with_their_oldest(conn: Connection) -> None:
    """Jobs by state, dead letters beside them, and when the first was formed or died."""
    await dispatch(conn, await start_searches(conn, 1))
    await hold(conn, 2)
    await conn.execute(
        "INSERT INTO job_queue (pipeline_id, queue_name, job_type, item_ids, state, ended_at, fingerprint, error_category,"
        " last_error) SELECT pipeline_id, 'serp', 'serp_collection', ARRAY[n::bigint], 'dead_letter', to_timestamp(1000 + n),"
        " 'x', 'recoverable', 'x' FROM generate_series(1, 3) n,"
        " (SELECT pipeline_id FROM pipelines LIMIT 1) p"
    )
    queues = {
        (queue, state): (jobs, oldest) for queue, state, jobs, oldest in (await read_gauges(conn)).queues
    }
    assert {key: jobs for key, (jobs, _) in queues.items() if jobs} == {
        ("serp", "dispatched"): 1,
        ("serp", "processing"): 1,
        ("serp", "dead_letter"): 3,
    }
    assert queues["serp", "dead_letter"][1] == 1001
    assert queues["serp", "dispatched"][1] is not None


async def test_money_and_units_are_told_by_what_is_left(conn: Connection) -> None:
    """The latest day of each provider that has a limit, and the tightest budget of an open pipeline."""
    await conn.execute(
        "INSERT INTO provider_days (provider, day, most, committed) VALUES ('serp', current_date - 1, 10, 10),"
        " ('serp', current_date, 10, 4), ('youtube', current_date, NULL, 9), ('old', current_date - 9, 5, 5)"
    )
    pipeline_id = await start_pipeline(conn)
    await conn.execute(
        "UPDATE pipeline_budgets SET budget = 8, committed = 6 WHERE pipeline_id = %s", (pipeline_id,)
    )
    await start_pipeline(conn)
    await conn.execute("INSERT INTO pipeline_budgets VALUES (gen_random_uuid(), 1, 1)")
    await conn.execute("UPDATE pipeline_budgets SET committed = 100 WHERE budget IS NULL")
    gauges = await read_gauges(conn)
    assert gauges.quotas == [("serp", 10.0, 6.0)]
    assert gauges.budget_used == 0.75


async def test_an_empty_record_has_gauges_too(conn: Connection) -> None:
    """None where there is nothing to tell."""
    gauges = await read_gauges(conn)
    assert (gauges.items, gauges.pipelines, gauges.calls) == ([], [], [])
    assert (gauges.last_success, gauges.checkpoint_age, gauges.budget_used) == (None, None, None)
