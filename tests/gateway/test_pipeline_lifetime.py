"""Pipelines listed and searched, their items, a phase done again, a clone, a deletion."""

from typing import Any
from uuid import UUID

import pytest
from litestar.testing import AsyncTestClient
from structlog.testing import capture_logs

from shared.runtime.deleting import Deleting
from shared.store.audit import audit
from shared.store.control import Act
from shared.store.deletion import begin_deletion, find_deleting
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection, Pool
from shared.testing.eventually import eventually
from shared.testing.jobs import hold
from shared.testing.pipelines import finish_pipeline, start_pipeline
from shared.testing.rows import fetch, tables_of_pipelines

pytestmark = pytest.mark.anyio

API = "/api/v1/pipeline"
Client = AsyncTestClient[Any]
#: What a deletion leaves: what was bought, who did what, what was told.
KEPT = {"provider_calls", "pipeline_actions", "events"}


async def finished(conn: Connection, **body: Any) -> UUID:
    pipeline_id = await start_pipeline(conn, **body)
    await finish_pipeline(conn, pipeline_id)
    return pipeline_id


async def left_of(conn: Connection, pipeline_id: UUID) -> set[str]:
    """Tables that still have rows of it."""
    return {
        table
        for table in await tables_of_pipelines(conn)
        if await fetch(conn, f"SELECT 1 FROM {table} WHERE pipeline_id = %s LIMIT 1", pipeline_id)  # noqa: S608 - of the catalogue
    }


async def listed(client: Client, **params: Any) -> list[str]:
    return [p["pipeline_id"] for p in (await client.get(API, params=params)).json()["items"]]


async def test_a_list_is_read_page_by_page(client: Client, conn: Connection) -> None:
    """Every pipeline once, the newest first, though others start meanwhile."""
    ids = [str(await start_pipeline(conn)) for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (await client.get(API, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [p["pipeline_id"] for p in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        await start_pipeline(conn)
    assert seen == ids[::-1]


async def test_pipelines_are_searched(client: Client, conn: Connection) -> None:
    """By state, name and time, each alone and together; what cannot be meant is refused."""
    acme = {"company": {"name": "Acme Corp", "domains": ["acme.com"]}}
    first, second = str(await finished(conn, **acme)), str(await start_pipeline(conn, **acme))
    third = str(await start_pipeline(conn))
    assert await listed(client, name="acme") == [second, first]
    assert await listed(client, in_state=["running"]) == [third, second]
    assert await listed(client, in_state=["running", "completed"], name="CORP") == [second, first]
    await conn.execute("UPDATE pipelines SET created_at = '2020-01-02' WHERE pipeline_id = %s", (first,))
    assert await listed(client, since="2020-01-01T00:00:00Z", until="2020-02-01T00:00:00Z") == [first]
    for wrong in ({"cursor": "x"}, {"in_state": "asleep"}, {"since": "yesterday"}, {"name": "a\x00b"}):
        assert (await client.get(API, params=wrong)).status_code == 422


async def test_items_are_found_by_phase_state_and_category(client: Client, conn: Connection) -> None:
    """Page by page; the detail has the result, and of a failed one every attempt and its dead letter."""
    pipeline_id = await finished(conn, keywords=["a", "b"])
    path = f"{API}/{pipeline_id}/items"
    page = (await client.get(path, params={"phase": "serp_collection", "limit": 4})).json()
    assert [item["phase"] for item in page["items"]] == ["serp_collection"] * 4
    rest = (await client.get(path, params={"cursor": page["next_cursor"], "limit": 200})).json()
    assert rest["next_cursor"] is None
    total = await fetch(conn, "SELECT count(*)::int FROM items WHERE pipeline_id = %s", pipeline_id)
    assert len(page["items"]) + len(rest["items"]) == total[0]
    detail = (await client.get(f"{path}/{page['items'][0]['item_id']}")).json()
    assert (detail["item"]["state"], detail["attempts"]) == ("completed", [])
    assert detail["result"] is not None
    assert len(detail["facts"]) == 1

    held = await hold(conn)
    ending = Ending(held.pipeline_id, held.items[0].item_id, held.job_id, held.phase, "failed", spent=1,
                    error_category="recoverable", last_error="status 500")  # fmt: skip
    async with conn.transaction():
        await record(conn, [Record(ending=ending)])
    path = f"{API}/{held.pipeline_id}/items"
    for params, number in (
        ({"in_state": "failed"}, 1),
        ({"category": "recoverable"}, 1),
        ({"category": "quota"}, 0),
    ):
        assert len((await client.get(path, params=params)).json()["items"]) == number
    detail = (await client.get(f"{path}/{held.items[0].item_id}")).json()
    assert (detail["item"]["category"], detail["dead_letter"] is None) == ("recoverable", False)
    assert (await client.get(f"{path}/{2**40}")).status_code == 404


async def test_a_phase_is_done_again(client: Client, conn: Connection) -> None:
    """What its results had named is found anew, the facts answer or are bought again, and the audit is green."""
    pipeline_id = await finished(conn)
    path = f"{API}/{pipeline_id}/phases/serp_collection/restart"
    done = (await client.post(path, json={"rebuy": True, "reason": "stale"})).json()
    assert (done["set_back"], done["removed"], done["facts_expired"], done["state"]) == (3, 3, 3, "running")
    assert (await client.post(path)).status_code == 409
    await finish_pipeline(conn, pipeline_id)
    assert (await audit(conn, pipeline_id)).passed
    assert (await client.post(path, json={"failed_only": True})).status_code == 422  # that is retry-failed
    assert (await client.post(f"{API}/{pipeline_id}/phases/nothing/restart")).status_code == 404
    assert (await client.post(f"{API}/{pipeline_id}/phases/content_scraping/restart")).status_code == 422
    assert await fetch(conn, "SELECT action FROM pipeline_actions") == ["restart_phase"]


async def test_a_clone_differs_in_what_is_said(client: Client, conn: Connection) -> None:
    """Everything else is as it was frozen."""
    body = {"company": {"name": "Acme", "domains": ["acme.com"]}, "keywords": ["a", "b"]}
    pipeline_id = await start_pipeline(conn, **body)
    answer = await client.post(
        f"{API}/{pipeline_id}/clone", json={"regions": ["DE"], "config": {"priority": "high"}}
    )
    assert answer.status_code == 201
    clone = (await client.get(answer.headers["location"])).json()
    before = (await client.get(f"{API}/{pipeline_id}")).json()
    changed = {name for name in before["config"] if before["config"][name] != clone["config"][name]}
    assert changed == {"regions", "priority", "data_source"}  # who answers is where it runs
    path = (await client.post(f"{API}/{pipeline_id}/clone")).headers["location"]
    same = (await client.get(path)).json()
    assert same["config"] | {"data_source": "simulator"} == before["config"]
    for wrong, status in (
        ({"regions": ["XX"]}, 422),
        ([], 422),
        ({"config": {"resume_from_pipeline_id": str(pipeline_id)}}, 422),
    ):
        assert (await client.post(f"{API}/{pipeline_id}/clone", json=wrong)).status_code == status
    assert (await client.post(f"{API}/{pipeline_id}/clone", content=b"{")).status_code == 400


async def test_a_deleted_pipeline_leaves_what_was_bought(client: Client, conn: Connection) -> None:
    """Not while it runs; then no row of it is left, but its calls, its facts and who deleted it."""
    pipeline_id, other = await finished(conn), await finished(conn)
    running = await start_pipeline(conn)
    assert (await client.delete(f"{API}/{running}")).status_code == 409
    answer = await client.delete(f"{API}/{pipeline_id}", params={"reason": "a try"})
    assert (answer.status_code, answer.json()["items"]) == (200, 6)
    assert await left_of(conn, pipeline_id) <= KEPT
    assert len(await fetch(conn, "SELECT 1 FROM provider_calls WHERE pipeline_id = %s", pipeline_id)) == 6
    assert await fetch(conn, "SELECT action, reason FROM pipeline_actions") == [("delete", "a try")]
    assert (await client.delete(f"{API}/{pipeline_id}")).status_code == 404
    assert (await audit(conn, other)).passed


async def test_a_deletion_that_was_broken_off_is_ended(client: Client, conn: Connection, pool: Pool) -> None:
    """Nobody sees the pipeline from its beginning on, and housekeeping deletes the rest."""
    pipeline_id = await finished(conn)
    async with conn.transaction():
        await begin_deletion(conn, pipeline_id, Act())
    assert (await client.get(f"{API}/{pipeline_id}")).status_code == 404
    assert (await client.post(f"{API}/{pipeline_id}/resume")).status_code == 404
    assert await listed(client) == []
    deleting = Deleting(pool)
    with capture_logs() as logs:
        async with pool.connection() as other, other.transaction():
            await other.execute("SELECT FROM results FOR UPDATE")  # a round waits for no part of it
            await deleting.round()
            await deleting.round()

        async def is_gone() -> bool:
            return await find_deleting(conn) == []

        await eventually(is_gone)
        await deleting.close()
    assert await left_of(conn, pipeline_id) <= KEPT
    assert [one["event"] for one in logs].count("pipeline_deleted") == 1
