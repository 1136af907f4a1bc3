"""Calls in doubt over HTTP: listed, decided with actor and reason, and refused where the request is wrong."""

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from shared.store.pool import Connection
from shared.testing.jobs import hold
from shared.testing.rows import fetch
from tests.store.test_doubts import doubt

pytestmark = pytest.mark.anyio

BASE = "/api/v1/pipeline"
UNKNOWN = "00000000-0000-0000-0000-000000000000"


async def test_calls_in_doubt_are_listed_and_decided(client: AsyncTestClient[Any], conn: Connection) -> None:
    """One by its id, then all others; who did it, and why, is on record."""
    job = await hold(conn)
    first, second = await doubt(conn, job), await doubt(conn, job)
    path = f"{BASE}/{job.pipeline_id}/in-doubt"
    listed = (await client.get(path)).json()["items"]
    assert [(call["call_id"], call["units"], call["decision"]) for call in listed] == [
        (second, 4.0, None),
        (first, 4.0, None),
    ]

    body = {"decision": "not_charged", "call_ids": [first], "actor": "ann", "reason": "asked them"}
    answer = await client.post(f"{path}/decide", json=body)
    assert (answer.status_code, answer.json()) == (200, {"calls": 1, "dry_run": False})
    assert (await client.post(f"{path}/decide", json={"decision": "rebuy"})).json() == {
        "calls": 1,
        "dry_run": False,
    }

    decisions = await fetch(conn, "SELECT call_id::text, decision FROM provider_calls ORDER BY 1")
    assert dict(decisions) == {first: "not_charged", second: "rebuy"}
    actions = (await client.get(f"{BASE}/{job.pipeline_id}/actions")).json()["items"]
    assert [(action["action"], action["reason"]) for action in actions] == [
        ("decide", ""),
        ("decide", "asked them"),
    ]


@pytest.mark.parametrize(
    ("pipeline", "body", "problem"),
    [
        ("", {"decision": "forget"}, (422, "forget")),
        ("", {"decision": "rebuy", "call_ids": []}, (422, "call_ids")),
        ("", {"decision": "rebuy", "call_ids": ["one"]}, (422, "/call_ids/0")),
        ("", {"decision": "rebuy", "call_ids": [UNKNOWN]}, (404, "in doubt")),
        (UNKNOWN, {"decision": "rebuy"}, (404, UNKNOWN)),
    ],
)
async def test_a_wrong_decision_changes_nothing(
    client: AsyncTestClient[Any],
    conn: Connection,
    pipeline: str,
    body: dict[str, Any],
    problem: tuple[int, str],
) -> None:
    """The problem names what is wrong."""
    job = await hold(conn)
    await doubt(conn, job)
    answer = await client.post(f"{BASE}/{pipeline or job.pipeline_id}/in-doubt/decide", json=body)
    assert answer.status_code == problem[0]
    assert problem[1] in answer.text
    assert await fetch(conn, "SELECT decision FROM provider_calls") == [None]
