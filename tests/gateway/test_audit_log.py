"""The audit log: who asked for which write, when, why, and how it was answered."""

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from shared.store.audit_log import delete_old_entries
from shared.store.pool import Connection
from tests.gateway.routes import NOBODY, bearer
from tests.gateway.test_keys import make

pytestmark = pytest.mark.anyio

LOG = "/api/v1/audit-log"
START = {"keywords": ["crm"], "regions": ["US"]}


async def entries(client: AsyncTestClient[Any], **params: Any) -> list[dict[str, Any]]:
    """The newest first."""
    answer = await client.get(LOG, params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_every_write_is_in_the_log_with_actor_reason_and_answer(client: AsyncTestClient[Any]) -> None:
    """Also a refused one; who asked is told twice: as the request names it, and as its key proves."""
    started = await client.post("/api/v1/pipeline/start", json=START, headers={"X-Actor": "ann"})
    pipeline_id = started.json()["pipeline_id"]
    key = await make(client, role="operator", name="night shift")
    body = {"actor": "bob", "reason": "too dear"}
    paused = await client.post(f"/api/v1/pipeline/{pipeline_id}/pause", json=body, headers=bearer(key))
    again = await client.post(f"/api/v1/pipeline/{pipeline_id}/pause", headers=bearer(key))
    assert (paused.status_code, again.status_code) == (200, 409)

    refused, done, made, start = await entries(client)

    assert (start["operation"], start["actor"], start["key_name"], start["key_id"]) == (
        "startPipeline",
        "ann",
        "token",
        None,
    )
    assert (start["status"], start["request_id"]) == (201, started.headers["x-request-id"])
    assert (made["operation"], made["actor"]) == ("createKey", "api")
    assert (done["operation"], done["actor"], done["reason"]) == ("pausePipeline", "bob", "too dear")
    assert (done["key_name"], done["status"]) == ("night shift", 200)
    assert done["path"] == f"/api/v1/pipeline/{pipeline_id}/pause"
    assert (refused["actor"], refused["status"]) == ("night shift", 409)


async def test_who_names_nobody_acts_by_the_name_of_the_key(client: AsyncTestClient[Any]) -> None:
    """In the pipeline's history as in the log: a field, else the header, else the key, else `api` for the token."""
    started = await client.post("/api/v1/pipeline/start", json=START)
    pipeline = f"/api/v1/pipeline/{started.json()['pipeline_id']}"
    key = bearer(await make(client, role="operator", name="night shift"))
    named = key | {"X-Actor": "bob"}
    await client.post(f"{pipeline}/pause", headers=key)
    await client.post(f"{pipeline}/unpause", headers=named)
    await client.post(f"{pipeline}/pause", headers=named, json={"actor": "ann"})
    await client.post(f"{pipeline}/unpause")
    history = (await client.get(f"{pipeline}/actions")).json()["items"]
    who = [entry["actor"] for entry in await entries(client)][:4]
    assert who == ["api", "ann", "bob", "night shift"]
    assert [action["actor"] for action in history] == who


async def test_reading_is_not_logged_and_neither_is_what_was_not_let_in(client: AsyncTestClient[Any]) -> None:
    """A dry run, a look, a key without the scope: nothing could have been changed."""
    viewer = await make(client, role="viewer")
    await client.get("/api/v1/pipeline")
    await client.post("/api/v1/error-rules/dry-run", json={})
    await client.post("/api/v1/pipeline/start", json=START, headers=bearer(viewer))
    assert [entry["operation"] for entry in await entries(client)] == ["createKey"]


async def test_a_dry_run_is_no_write(client: AsyncTestClient[Any]) -> None:
    """Where there is one, and only when it is one: `dry_run` hides nothing that is none."""
    started = await client.post("/api/v1/pipeline/start", json=START)
    pipeline_id = started.json()["pipeline_id"]
    paths = {
        "replayDeadLetters": "/api/v1/dead-letters/replay",
        "discardDeadLetters": "/api/v1/dead-letters/discard",
        "retryFailed": f"/api/v1/monitoring/pipeline/{pipeline_id}/retry-failed",
    }
    pipeline = f"/api/v1/pipeline/{pipeline_id}"
    steps = {"pausePipeline": "pause", "cancelPipeline": "cancel", "decideCallsInDoubt": "in-doubt/decide"}
    paths |= {operation: f"{pipeline}/{step}" for operation, step in steps.items()}
    for dry_run, logged in ((True, []), (False, list(paths))):
        for operation, path in paths.items():
            which: dict[str, Any] = {"filter": {}} if "DeadLetters" in operation else {}
            which |= {"decision": "charged"} if "Doubt" in operation else {}
            answer = await client.post(path, json={**which, "reason": "x", "dry_run": dry_run})
            assert answer.status_code == 200, answer.text
        assert [entry["operation"] for entry in await entries(client)][::-1] == ["startPipeline", *logged]
    await client.post(f"{pipeline}/checkpoints", json={"dry_run": True})
    await client.post(paths["retryFailed"], json={"dry_run": 1})
    await client.post(paths["pausePipeline"], params={"dry_run": "true"})
    assert (await client.delete(f"{pipeline}/", params={"dry_run": "true"})).json()["dry_run"]
    deleted = await client.request("DELETE", f"{pipeline}/", json={"dry_run": True})
    assert deleted.json()["dry_run"] is False
    assert [entry["operation"] for entry in await entries(client)][:4] == [
        "deletePipeline",
        "pausePipeline",
        "retryFailed",
        "createCheckpoint",
    ]


async def test_a_deletion_says_why_in_its_query(client: AsyncTestClient[Any]) -> None:
    """It has no body. Also a refused one; what is no reason is refused, and nothing is deleted."""
    hook = (await client.post("/api/v1/webhooks", json={"url": "https://hooks.example/x"})).json()["webhook"]
    pipeline_id = (await client.post("/api/v1/pipeline/start", json=START)).json()["pipeline_id"]
    pipeline, waiver = (
        f"/api/v1/pipeline/{pipeline_id}",
        f"/api/v1/pipeline/{pipeline_id}/report/waivers/identity",
    )
    waived = await client.put(waiver, json={"reason": "x"})
    company = "/api/v1/companies/rival.example.com"
    said = await client.put(company, json={"name": "Rival", "reason": "x"})
    assert (waived.status_code, said.status_code) == (200, 200)
    for path in (company, waiver, f"/api/v1/webhooks/{hook['webhook_id']}", pipeline):
        assert (await client.delete(path, params={"reason": "a\x00b"})).status_code == 422
        answer = await client.delete(path, params={"reason": "no longer true"})
        assert answer.status_code == (409 if path == pipeline else 204), answer.text
        (entry,) = await entries(client, limit=1)
        assert (entry["path"], entry["reason"], entry["status"]) == (
            path,
            "no longer true",
            answer.status_code,
        )


async def test_the_log_is_read_in_pages_and_by_actor_operation_and_target(
    client: AsyncTestClient[Any],
) -> None:
    """Every entry once."""
    for n in range(5):
        await client.post(f"/api/v1/pipeline/{NOBODY}/pause", json={"actor": f"a{n % 2}"})
    first = (await client.get(LOG, params={"limit": 3})).json()
    rest = await entries(client, limit=3, cursor=first["next_cursor"])
    ids = [entry["entry_id"] for entry in [*first["items"], *rest]]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 5
    assert len(await entries(client, actor="a1")) == 2
    assert await entries(client, operation="startPipeline") == []
    assert len(await entries(client, target=str(NOBODY))) == 5
    assert await entries(client, target="/keys") == []


async def test_a_malformed_body_is_logged_without_its_content(client: AsyncTestClient[Any]) -> None:
    """What cannot be read names nobody."""
    await client.post("/api/v1/pipeline/start", content=b'{"actor": "ann", "reason": ')
    (entry,) = await entries(client)
    assert (entry["actor"], entry["reason"], entry["status"]) == ("api", "", 400)


async def test_entries_are_kept_for_a_year(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Housekeeping deletes what is older."""
    await make(client)
    await make(client)
    await conn.execute(
        "UPDATE audit_log SET asked_at = now() - interval '400 days' WHERE entry_id = (SELECT min(entry_id) FROM audit_log)"
    )
    assert await delete_old_entries(conn) == 1
    assert len(await entries(client)) == 1
