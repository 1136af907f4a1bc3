"""Budgets over HTTP: given at the start, raised while the pipeline runs, and refused where they are none."""

from typing import Any
from uuid import UUID

import pytest
from litestar.testing import AsyncTestClient

from shared.domain.phases import SERP_COLLECTION
from shared.store.calls import open_day
from shared.store.pool import Connection
from shared.testing.pipelines import MONEY, claim_all, record_all
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

BASE = "/api/v1/pipeline"
UNKNOWN = "00000000-0000-0000-0000-000000000000"


async def start(client: AsyncTestClient[Any], **config: Any) -> str:
    body = {"keywords": ["a"], "regions": ["US"], "config": config}
    return str((await client.post(f"{BASE}/start", json=body)).json()["pipeline_id"])


async def test_a_budget_is_given_at_the_start_and_raised_later(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Who waits for it tries again at once; who did it, and why, is on record."""
    pipeline_id = await start(client, budget=5)
    assert (await client.get(f"{BASE}/{pipeline_id}/budget")).json() == {"budget": 5.0, "committed": 0.0}
    await conn.execute(
        "INSERT INTO waiting (pipeline_id, item_id, phase, reason, next_at)"
        " SELECT pipeline_id, item_id, phase, 'budget', now() + interval '1 hour' FROM items LIMIT 1"
    )

    answer = await client.put(
        f"{BASE}/{pipeline_id}/budget", json={"budget": 7.5, "actor": "ann", "reason": "more keywords"}
    )

    assert (answer.status_code, answer.json()) == (200, {"budget": 7.5, "committed": 0.0})
    assert await fetch(conn, "SELECT next_at <= now() FROM waiting") == [True]
    (action,) = (await client.get(f"{BASE}/{pipeline_id}/actions")).json()["items"]
    assert (action["action"], action["actor"], action["reason"]) == ("budget", "ann", "more keywords")
    assert action["detail"] == {"before": 5.0, "budget": 7.5}


async def test_a_pipeline_without_a_budget_may_get_one(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """What it has spent before counts."""
    pipeline_id = await start(client)
    assert (await client.get(f"{BASE}/{pipeline_id}/budget")).json() == {"budget": None, "committed": None}
    claim = await claim_all(conn, UUID(pipeline_id), SERP_COLLECTION)
    assert claim
    await record_all(conn, claim)

    answer = await client.put(f"{BASE}/{pipeline_id}/budget", json={"budget": 3})

    assert answer.json() == {"budget": 3.0, "committed": len(claim.items) * MONEY}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"budget": -1}, "/budget"),
        ({"budget": "much"}, "/budget"),
        ({}, "/budget"),
        ({"budget": 1, "x": 1}, "/x"),
    ],
)
async def test_what_is_no_budget_changes_nothing(
    client: AsyncTestClient[Any], body: dict[str, Any], pointer: str
) -> None:
    """The problem names the field."""
    pipeline_id = await start(client, budget=5)
    answer = await client.put(f"{BASE}/{pipeline_id}/budget", json=body)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await client.get(f"{BASE}/{pipeline_id}/budget")).json()["budget"] == 5.0
    assert (await client.put(f"{BASE}/{UNKNOWN}/budget", json={"budget": 1})).status_code == 404


async def test_days_show_what_providers_were_charged(client: AsyncTestClient[Any], conn: Connection) -> None:
    """By their own calendar."""
    await open_day(conn, "youtube", "2026-11-24", 10_000.0)
    await open_day(conn, "cognism", "2026-11-25", None)
    await conn.execute("UPDATE provider_days SET committed = 12 WHERE provider = 'youtube'")

    assert (await client.get("/api/v1/monitoring/spending")).json()["items"] == [
        {"provider": "cognism", "day": "2026-11-25", "most": None, "committed": 0.0},
        {"provider": "youtube", "day": "2026-11-24", "most": 10_000.0, "committed": 12.0},
    ]
