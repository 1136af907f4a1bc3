"""ETag and If-Match: nobody overwrites what he has not seen."""

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from services.serp.provider import PROVIDER
from shared.store.error_rules import declare_rules
from shared.store.pool import Connection

pytestmark = pytest.mark.anyio


async def test_a_rule_is_edited_by_who_has_seen_it_last(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Of two who have read the same version, the second is refused with 412, and its edit is not made."""
    await declare_rules(conn, PROVIDER)
    rule = (await client.get("/api/v1/error-rules")).json()["rules"][0]
    path = f"/api/v1/error-rules/{rule['rule_id']}"
    seen = (await client.get(path)).headers["etag"]
    first = await client.patch(path, json={"attempts": 7, "reason": "x"}, headers={"If-Match": seen})
    second = await client.patch(path, json={"attempts": 8, "reason": "x"}, headers={"If-Match": seen})
    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["type"] == "/errors/stale"
    assert (await client.get(path)).json()["attempts"] == 7
    reset = await client.post(f"{path}/reset", json={"reason": "x"}, headers={"If-Match": seen})
    assert reset.status_code == 412
    now = first.headers["etag"]
    assert (await client.get(path)).headers["etag"] == now != seen
    for tags in (f'"other", {now}', "*"):
        answer = await client.patch(path, json={"attempts": 7, "reason": "x"}, headers={"If-Match": tags})
        assert answer.status_code == 200
        now = answer.headers["etag"]


async def test_a_budget_is_set_by_who_has_seen_it_last(client: AsyncTestClient[Any]) -> None:
    """As a rule is; without If-Match it is simply set."""
    start = {"keywords": ["crm"], "regions": ["US"], "config": {"budget": 1}}
    pipeline_id = (await client.post("/api/v1/pipeline/start", json=start)).json()["pipeline_id"]
    path = f"/api/v1/pipeline/{pipeline_id}/budget"
    seen = (await client.get(path)).headers["etag"]
    assert (await client.put(path, json={"budget": 2}, headers={"If-Match": seen})).status_code == 200
    assert (await client.put(path, json={"budget": 3}, headers={"If-Match": seen})).status_code == 412
    assert (await client.get(path)).json()["budget"] == 2
    assert (await client.put(path, json={"budget": 3})).status_code == 200
