"""What a start would take, asked before: exact where it can be, nothing started, and refused over budget."""

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from shared.domain.pipeline import freeze, start_items
from shared.domain.plan_wants import wanted_fact
from shared.domain.start import parse
from shared.store.planning import Profile, save_profile
from shared.store.pool import Connection
from shared.testing.rows import dump, fetch

pytestmark = pytest.mark.anyio

PLAN = "/api/v1/pipeline/plan"
Client = AsyncTestClient[Any]
BODY: dict[str, Any] = {"keywords": ["a", "b", "A"], "regions": ["US", "DE"]}


async def profile(conn: Connection, service: str, provider: str, price: float | None) -> None:
    await save_profile(
        conn, Profile(service, provider, provider, "unit", price, 10, 10.0, 100.0, "UTC", 3600.0)
    )


def of(plan: dict[str, Any], phase: str) -> dict[str, Any]:
    return next(p for p in plan["phases"] if p["phase"] == phase)


async def test_volumes_and_searches_are_exact(client: Client, conn: Connection) -> None:
    """Calls, units, money and quota days; merged keywords count once; nothing is written."""
    await profile(conn, "serp", "scale_serp", 0.5)
    before = await dump(conn)
    plan = (await client.post(PLAN, json=BODY)).json()
    assert await dump(conn) == before
    searches, volumes = of(plan, "serp_collection"), of(plan, "keyword_metrics")
    assert (searches["items"]["low"], searches["calls"]["high"], searches["units"]["expected"]) == (
        12,
        12,
        16,
    )
    assert (searches["money"]["expected"], searches["quota_days"]["expected"], searches["exact"]) == (
        8,
        0.16,
        True,
    )
    assert (volumes["items"]["expected"], volumes["calls"]["expected"], volumes["money"]) == (4, 2, None)
    assert (plan["money"]["low"], plan["merged"], plan["learnt_from"]) == (8, 1, 0)
    assert "keyword_metrics" in plan["unpriced"]
    later = of(plan, "company_enrichment")
    assert later["calls"]["low"] < later["calls"]["expected"] < later["calls"]["high"]


async def test_what_the_store_holds_is_not_bought(client: Client, conn: Connection) -> None:
    """As long as it is fresh for this pipeline."""
    await profile(conn, "serp", "scale_serp", 0.5)
    config = freeze(parse(b'{"keywords": ["a"], "regions": ["US"]}')).config
    keys = [
        wanted_fact(item, "scale_serp") for item in start_items(config) if item.phase == "serp_collection"
    ]
    await conn.execute(
        "INSERT INTO provider_facts (fact_key, call_id, provider, endpoint, subject, params)"
        " SELECT unnest(%s::uuid[]), gen_random_uuid(), 'scale_serp', 'search', '', '{}'",
        (keys[:2],),
    )
    searches = of((await client.post(PLAN, json=BODY)).json(), "serp_collection")
    assert (searches["from_store"], searches["calls"]["expected"]) == (2, 10)
    stale = BODY | {"config": {"freshness": {"serp": 0}}}
    assert of((await client.post(PLAN, json=stale)).json(), "serp_collection")["from_store"] == 0


async def test_a_start_over_budget_is_refused(client: Client, conn: Connection) -> None:
    """With the figure and the budget; within it, or where no price is known, it starts."""
    tight = BODY | {"config": {"budget": 7.99, "phases": ["serp_collection"]}}
    assert (await client.post("/api/v1/pipeline/start", json=tight)).status_code == 201
    await profile(conn, "serp", "scale_serp", 0.5)
    assert (await client.post(PLAN, json=tight)).json()["affordable"] is False
    answer = await client.post("/api/v1/pipeline/start", json=tight)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/config/budget")
    assert "8.00" in answer.json()["detail"]
    assert "7.99" in answer.json()["detail"]
    assert len(await fetch(conn, "SELECT 1 FROM pipelines")) == 1
    enough = BODY | {"config": {"budget": 8, "phases": ["serp_collection"]}}
    assert (await client.post("/api/v1/pipeline/start", json=enough)).status_code == 201


async def test_a_wrong_body_is_refused_as_a_start_is(client: Client) -> None:
    """By the same words."""
    assert (await client.post(PLAN, json={"keywords": [""], "regions": ["US"]})).status_code == 422


async def test_a_clone_over_budget_is_refused(client: Client, conn: Connection) -> None:
    """It is a start."""
    started = await client.post(
        "/api/v1/pipeline/start", json=BODY | {"config": {"phases": ["serp_collection"]}}
    )
    await profile(conn, "serp", "scale_serp", 0.5)
    clone = f"/api/v1/pipeline/{started.json()['pipeline_id']}/clone"
    answer = await client.post(clone, json={"config": {"budget": 1, "phases": ["serp_collection"]}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/config/budget")
    assert len(await fetch(conn, "SELECT 1 FROM pipelines")) == 1


async def test_what_was_started_is_answered_again_whatever_has_changed(
    client: Client, conn: Connection
) -> None:
    """Prices have risen since, or the pipeline it was cloned from is gone."""
    body = BODY | {"config": {"budget": 1, "phases": ["serp_collection"]}}
    key = {"Idempotency-Key": "one"}
    first = await client.post("/api/v1/pipeline/start", json=body, headers=key)
    clone = f"/api/v1/pipeline/{first.json()['pipeline_id']}/clone"
    cloned = await client.post(clone, json={}, headers=key)
    await profile(conn, "serp", "scale_serp", 50.0)
    await conn.execute("DELETE FROM pipelines WHERE pipeline_id = %s", (first.json()["pipeline_id"],))

    assert (await client.post("/api/v1/pipeline/start", json=body, headers=key)).json() == first.json()
    assert (await client.post(clone, json={}, headers=key)).json() == cloned.json()


async def test_a_start_that_resumes_is_planned_as_a_whole(client: Client) -> None:
    """What it leaves out is the earlier one's; that completed items are not subtracted is said."""
    started = await client.post("/api/v1/pipeline/start", json=BODY)
    body = {"config": {"resume_from_pipeline_id": started.json()["pipeline_id"]}}
    plan = (await client.post(PLAN, json=body)).json()
    assert of(plan, "serp_collection") == of((await client.post(PLAN, json=BODY)).json(), "serp_collection")
    assert [warning for warning in plan["warnings"] if "not subtracted" in warning]
