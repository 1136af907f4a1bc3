"""The audit passes a sound record, and each of its checks fails for its own kind of damage, alone."""

from typing import Final
from uuid import UUID

import pytest

from shared.errors import NotFoundError
from shared.store.audit import Audit, audit
from shared.store.pool import Connection
from shared.testing.pipelines import MONEY, UNITS, claim_all, finish_pipeline, record_all, start_pipeline

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ended(conn: Connection) -> UUID:
    """A completed pipeline: three searches, three videos, six calls."""
    pipeline_id = await start_pipeline(conn)
    await finish_pipeline(conn, pipeline_id)
    return pipeline_id


@pytest.fixture
async def running(conn: Connection) -> UUID:
    """A running one: six searches, one waiting, two due, one job sent, one claimed with two items."""
    pipeline_id = await start_pipeline(conn, keywords=["a", "b"])
    await conn.execute(_RUNNING)
    return pipeline_id


_RUNNING: Final = """
    DELETE FROM ready WHERE item_id IN (SELECT item_id FROM items ORDER BY item_id LIMIT 4);
    UPDATE pipeline_state SET next_at = now(), wait_reason = 'rate'
    WHERE item_id = (SELECT min(item_id) FROM items);
    INSERT INTO waiting SELECT pipeline_id, item_id, 'serp_collection', wait_reason, next_at
    FROM pipeline_state WHERE next_at IS NOT NULL;
    INSERT INTO job_queue (pipeline_id, queue_name, job_type, item_ids, state, dispatched_at)
    SELECT pipeline_id, 'serp', 'serp_collection', ARRAY[item_id], 'dispatched', now()
    FROM items ORDER BY item_id OFFSET 1 LIMIT 1;
    INSERT INTO job_queue (pipeline_id, queue_name, job_type, item_ids, state, lease_holder, lease_until)
    SELECT min(pipeline_id::text)::uuid, 'serp', 'serp_collection', array_agg(item_id), 'processing', 'w',
           now() + interval '30 s'
    FROM (SELECT * FROM items ORDER BY item_id OFFSET 2 LIMIT 2) i;
    UPDATE pipeline_state s SET state = 'processing', job_id = j.job_id
    FROM job_queue j WHERE j.state = 'processing' AND s.item_id = ANY(j.item_ids);
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT pipeline_id, 'serp_collection', d.name, d.delta
    FROM pipelines, (VALUES ('pending', -2), ('processing', 2), ('waiting.rate', 1)) AS d (name, delta)
"""


def failed(report: Audit) -> set[str]:
    return {check.name for check in report.checks if not check.passed}


async def test_a_sound_pipeline_passes(conn: Connection, ended: UUID) -> None:
    """Every check is asked, passes, and the ledger is summed."""
    report = await audit(conn, ended)
    assert report.passed, failed(report)
    assert report.state == "completed"
    assert {check.name for check in report.checks} == {
        "config",
        "keys.serp_collection",
        "keys.video_enrichment",
        "references",
        "counters",
        "results",
        "leases",
        "places",
        "facts",
        "calls",
        "spending",
        "lineage",
        "jobs",
        "items",
        "ledger",
    }
    keys = {c.name: (c.expected, c.actual) for c in report.checks if c.name.startswith("keys.")}
    assert keys == {"keys.serp_collection": (3, 3), "keys.video_enrichment": (3, 3)}
    assert [(cost.phase, cost.calls) for cost in report.costs] == [
        ("serp_collection", 3),
        ("video_enrichment", 3),
    ]
    assert all(cost.units == 3 * UNITS and cost.money == pytest.approx(3 * MONEY) for cost in report.costs)


async def test_a_running_pipeline_passes_at_every_step(conn: Connection) -> None:
    """The promises hold at any moment, not just at the end."""
    pipeline_id = await start_pipeline(conn)
    assert (await audit(conn, pipeline_id)).passed
    for phase in ("serp_collection", "video_enrichment"):
        claim = await claim_all(conn, pipeline_id, phase)
        assert claim
        assert (await audit(conn, pipeline_id)).passed
        await record_all(conn, claim)
        assert (await audit(conn, pipeline_id)).passed


async def test_items_may_stand_in_every_lawful_place(conn: Connection, running: UUID) -> None:
    """Due, waiting, in a job sent, in a job claimed."""
    report = await audit(conn, running)
    assert report.passed, failed(report)


async def test_a_phase_left_out_has_no_items(conn: Connection) -> None:
    """With videos switched off nothing is expected of them, and finding some is noticed."""
    pipeline_id = await start_pipeline(conn, config={"phases": []})
    await finish_pipeline(conn, pipeline_id)
    assert (await audit(conn, pipeline_id)).passed
    await conn.execute("UPDATE items SET phase = 'video_enrichment' WHERE key LIKE '%%video%%'")
    assert {"keys.serp_collection", "keys.video_enrichment"} <= failed(await audit(conn, pipeline_id))


async def test_an_unknown_price_is_not_summed(conn: Connection, ended: UUID) -> None:
    """Unknown is unknown, not 0; and it is no failure."""
    await conn.execute("UPDATE provider_calls SET money = NULL WHERE provider = 'media'")
    report = await audit(conn, ended)
    assert report.passed
    assert {cost.provider: cost.money is None for cost in report.costs} == {"serp": False, "media": True}


async def test_an_unknown_pipeline_is_not_found(conn: Connection) -> None:
    """There is nothing to audit."""
    with pytest.raises(NotFoundError):
        await audit(conn, UUID(int=1))


async def test_other_pipelines_do_not_matter(conn: Connection, ended: UUID) -> None:
    """Damage is charged to the pipeline it is in."""
    other = await start_pipeline(conn)
    await conn.execute("DELETE FROM ready WHERE pipeline_id = %s", (other,))
    assert (await audit(conn, ended)).passed
    assert failed(await audit(conn, other)) == {"places"}


#: Damage to an ended pipeline -> the one check it must break.
ENDED: Final = {
    "a changed configuration": (
        "config",
        "UPDATE pipelines SET config = jsonb_set(config, '{curve}', '\"legacy\"')",
    ),
    "a search that turned into another": (
        "keys.serp_collection",
        """UPDATE items SET key = '["other","US","news"]' WHERE key = '["test","US","news"]'""",
    ),
    "a video nobody found": (
        "keys.video_enrichment",
        "UPDATE items SET key = 'aaaaaaaaaaa' WHERE item_id = (SELECT max(item_id) FROM items)",
    ),
    "a ranking that changed afterwards": (
        "keys.video_enrichment",
        """UPDATE rankings SET url = 'https://youtu.be/bbbbbbbbbbb'
           WHERE item_id = (SELECT min(item_id) FROM rankings) AND ordinal = 3""",
    ),
    "a state without an item": (
        "references",
        "INSERT INTO pipeline_state (pipeline_id, item_id, state) SELECT pipeline_id, 999, 'skipped' FROM pipelines",
    ),
    "a completed item that is listed as failed": (
        "places",
        "INSERT INTO failed_items SELECT pipeline_id, item_id, phase, '' FROM items LIMIT 1",
    ),
    "rankings without a result": (
        "references",
        "INSERT INTO rankings SELECT pipeline_id, 999, 1, 1, 'https://a.com', 'a.com', '', '', '', '', '' FROM pipelines",
    ),
    "a job for an item that never was": (
        "references",
        "UPDATE job_queue SET item_ids = item_ids || 999::bigint WHERE queue_name = 'media'",
    ),
    "a call for a job that never was": (
        "references",
        """INSERT INTO provider_calls (call_id, pipeline_id, job_id, provider, endpoint, subjects, state, outcome)
           SELECT gen_random_uuid(), pipeline_id, 999, 'serp', 'search', 1, 'settled', 'recoverable' FROM pipelines""",
    ),
    "a counter that drifted": (
        "counters",
        """INSERT INTO counters (pipeline_id, phase, name, delta)
           SELECT pipeline_id, 'serp_collection', 'failed', 1 FROM pipelines""",
    ),
    "a wait that was never counted": (
        "counters",
        """INSERT INTO counters (pipeline_id, phase, name, delta)
           SELECT pipeline_id, 'serp_collection', 'waiting.rate', 1 FROM pipelines""",
    ),
    "a completion without a result": (
        "results",
        "DELETE FROM results WHERE item_id = (SELECT max(item_id) FROM items)",
    ),
    "a fact nobody asked for": (
        "facts",
        """INSERT INTO provider_facts SELECT gen_random_uuid(), call_id, provider, endpoint, 'x', '{}', NULL
           FROM provider_facts LIMIT 1""",
    ),
    "money that no call stands for": (
        "spending",
        "UPDATE pipeline_budgets SET committed = committed + 0.5",
    ),
    "money that nobody counts": ("spending", "DELETE FROM pipeline_budgets"),
    "a call that stands for another cost": (
        "spending",
        """UPDATE provider_calls SET committed_units = units + 1
           WHERE call_id = (SELECT call_id FROM provider_calls ORDER BY call_id LIMIT 1)""",
    ),
    "a purchase that left nothing": (
        "facts",
        """UPDATE provider_calls SET subjects = 2
           WHERE call_id = (SELECT call_id FROM provider_calls ORDER BY call_id LIMIT 1)""",
    ),
    "a call nobody settled": (
        "calls",
        """INSERT INTO provider_calls (call_id, pipeline_id, job_id, provider, endpoint, subjects)
           SELECT gen_random_uuid(), pipeline_id, job_id, provider, endpoint, 1 FROM provider_calls LIMIT 1""",
    ),
    "a result that names no fact": (
        "lineage",
        "UPDATE results SET facts = '[]' WHERE item_id = (SELECT min(item_id) FROM items)",
    ),
    "a result whose fact was never stored": (
        "lineage",
        """UPDATE results SET facts = jsonb_set(facts, '{0,call_id}', to_jsonb(gen_random_uuid()))
           WHERE item_id = (SELECT min(item_id) FROM items)""",
    ),
    "a job left open": (
        "jobs",
        """INSERT INTO job_queue (pipeline_id, queue_name, job_type, item_ids)
           SELECT pipeline_id, 'serp', 'serp_collection', '{}' FROM pipelines""",
    ),
    "money out of nothing": ("ledger", "UPDATE provider_calls SET units = NULL WHERE provider = 'serp'"),
    "a negative amount": (
        "ledger",
        """WITH c AS (UPDATE provider_calls SET money = -money, committed_money = -committed_money RETURNING committed_money)
           UPDATE pipeline_budgets SET committed = (SELECT sum(committed_money) FROM c)""",
    ),
    "a negative charge": (
        "ledger",
        "UPDATE provider_calls SET units = -1, committed_units = -1 WHERE provider = 'serp'",
    ),
    "a call the counter missed": (
        "ledger",
        """INSERT INTO counters (pipeline_id, phase, name, delta)
           SELECT pipeline_id, 'video_enrichment', 'calls', -1 FROM pipelines""",
    ),
}


@pytest.mark.parametrize(("check", "damage"), ENDED.values(), ids=ENDED.keys())
async def test_damage_to_an_ended_pipeline_breaks_its_check(
    conn: Connection, ended: UUID, check: str, damage: str
) -> None:
    """Exactly the check that watches over it."""
    await conn.execute(damage.encode())
    report = await audit(conn, ended)
    assert failed(report) == {check}
    assert not report.passed


#: Damage to a running pipeline -> the one check it must break.
RUNNING: Final = {
    "a lease that ran out": (
        "leases",
        "UPDATE job_queue SET lease_until = now() - interval '1 min' WHERE state = 'processing'",
    ),
    "an item its job does not hold": (
        "leases",
        "UPDATE job_queue SET item_ids = item_ids[:1] WHERE state = 'processing'",
    ),
    "a due item that is lost": (
        "places",
        "DELETE FROM ready WHERE item_id = (SELECT max(item_id) FROM ready)",
    ),
    "an item in two places": (
        "places",
        """INSERT INTO ready (pipeline_id, item_id, phase, batch_key)
           SELECT pipeline_id, item_ids[1], 'serp_collection', '' FROM job_queue WHERE state = 'dispatched'""",
    ),
    "a claimed item that is due": (
        "places",
        """INSERT INTO ready (pipeline_id, item_id, phase, batch_key)
           SELECT pipeline_id, item_ids[1], 'serp_collection', '' FROM job_queue WHERE state = 'processing'""",
    ),
    "a wait without a waker": (
        "places",
        """INSERT INTO ready (pipeline_id, item_id, phase, batch_key)
           SELECT pipeline_id, item_id, phase, '' FROM waiting; DELETE FROM waiting""",
    ),
    "an end that came too early": (
        "items",
        """DELETE FROM ready; DELETE FROM waiting; DELETE FROM job_queue WHERE state = 'dispatched';
           DELETE FROM pipeline_state WHERE state = 'pending'; DELETE FROM items
           WHERE item_id NOT IN (SELECT item_id FROM pipeline_state);
           DELETE FROM counters WHERE name <> 'processing';
           UPDATE pipelines SET state = 'failed', ended_at = now()""",
    ),
}


@pytest.mark.parametrize(("check", "damage"), RUNNING.values(), ids=RUNNING.keys())
async def test_damage_to_a_running_pipeline_breaks_its_check(
    conn: Connection, running: UUID, check: str, damage: str
) -> None:
    """Exactly the check that watches over it; lost items besides break the keys."""
    await conn.execute(damage.encode())
    assert failed(await audit(conn, running)) - {"keys.serp_collection"} == {check}


async def test_a_failing_check_names_examples(conn: Connection, ended: UUID) -> None:
    """An operator sees which rows to look at, and how many there are."""
    await conn.execute("DELETE FROM results WHERE phase = 'video_enrichment'")
    (check,) = [check for check in (await audit(conn, ended)).checks if check.name == "results"]
    assert (check.expected, check.actual) == (0, 3)
    assert "is completed and has no result" in check.detail
