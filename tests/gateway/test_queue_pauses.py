"""Pausing and unpausing a queue over HTTP and by command."""

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from shared.store.pool import Connection
from shared.testing.jobs import start_searches
from shared.testing.rows import dump, fetch

pytestmark = pytest.mark.anyio

BASE = "/api/v1/monitoring/job-queues"


async def test_a_queue_is_paused_shown_explained_and_unpaused(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """By the seed's names, too; health says so, and the list of actions who it was."""
    pipeline_id = await start_searches(conn, 1)
    paused = await client.post(f"{BASE}/scale_serp_api/pause", json={"reason": "invoice", "actor": "ada"})
    assert paused.json() == {"queue": "serp", "paused": True, "jobs_withdrawn": 0}
    (serp,) = [one for one in (await client.get(BASE)).json()["queues"] if one["queue"] == "serp"]
    assert (serp["paused"]["paused_by"], serp["paused"]["reason"]) == ("ada", "invoice")
    health = (await client.get("/api/v1/monitoring/health")).json()
    assert health["status"] == "degraded"
    assert "the queue serp was paused by ada: invoice" in health["reasons"]
    why = (await client.get(f"/api/v1/pipeline/{pipeline_id}/why")).json()
    assert (why["gate"], why["command"]) == ("paused", "landscape queues unpause serp")

    done = await client.post(f"{BASE}/serp/unpause", headers={"X-Actor": "bob"})
    assert done.json() == {"queue": "serp", "paused": False, "jobs_withdrawn": 0}
    actions = (await client.get(f"{BASE}/serp/actions")).json()["items"]
    assert [(one["action"], one["actor"], one["reason"]) for one in actions] == [
        ("unpause", "bob", ""),
        ("pause", "ada", "invoice"),
    ]


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("serb/pause", b'{"reason": "x"}', (404, "serp")),
        ("serb/unpause", b"", (404, "serp")),
        ("serb/actions", None, (404, "serp")),
        ("serp/unpause", b"", (409, "is not paused")),
        ("housekeeping/pause", b'{"reason": "x"}', (409, "cannot be paused")),
        ("serp/pause", b"{}", (422, "/reason")),
        ("serp/pause", b'{"reason": " "}', (422, "/reason")),
        ("serp/pause", b'{"reason": "x", "aktor": "y"}', (422, "/aktor")),
        ("serp/pause", b"{", (400, "")),
    ],
)
async def test_a_bad_request_is_a_problem_and_changes_nothing(
    client: AsyncTestClient[Any],
    conn: Connection,
    path: str,
    content: bytes | None,
    expected: tuple[int, str],
) -> None:
    """It names what is wrong."""
    before = await dump(conn), await fetch(conn, "SELECT count(*) FROM circuit_breakers")
    ask = client.get(f"{BASE}/{path}") if content is None else client.post(f"{BASE}/{path}", content=content)
    answer = await ask
    assert (answer.status_code, answer.headers["content-type"]) == (expected[0], "application/problem+json")
    assert expected[1] in answer.text
    assert (await dump(conn), await fetch(conn, "SELECT count(*) FROM circuit_breakers")) == before
