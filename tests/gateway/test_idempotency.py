"""Idempotency-Key: what is sent twice is done once."""

import asyncio
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from shared.store.idempotency import Asked, claim, delete_old_keys, fingerprint
from shared.store.pool import Connection, Pool, unit_of_work
from shared.testing.jobs import hold
from shared.testing.pipelines import finish_pipeline, start_pipeline
from tests.gateway.routes import bearer
from tests.gateway.test_keys import make
from tests.store.test_doubts import doubt

pytestmark = pytest.mark.anyio

PATH = "/api/v1/pipeline/start"
START = {"keywords": ["crm"], "regions": ["US"]}
KEY = {"Idempotency-Key": "once-and-only-once"}


async def count(client: AsyncTestClient[Any]) -> int:
    """Pipelines."""
    return len((await client.get("/api/v1/pipeline")).json()["items"])


async def test_twenty_starts_at_once_with_one_key_start_one_pipeline(client: AsyncTestClient[Any]) -> None:
    """All get the same answer; one of them is the first."""
    answers = await asyncio.gather(*(client.post(PATH, json=START, headers=KEY) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 19
    assert await count(client) == 1


async def test_the_same_key_with_another_body_is_refused(client: AsyncTestClient[Any]) -> None:
    """422 that names the header; nothing is started."""
    assert (await client.post(PATH, json=START, headers=KEY)).status_code == 201
    answer = await client.post(PATH, json=START | {"regions": ["DE"]}, headers=KEY)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "?Idempotency-Key"
    assert await count(client) == 1


async def test_a_refused_start_uses_no_key_up(client: AsyncTestClient[Any]) -> None:
    """The corrected body may be sent with it."""
    assert (await client.post(PATH, json={"keywords": [""]}, headers=KEY)).status_code == 422
    assert (await client.post(PATH, json=START, headers=KEY)).status_code == 201


async def test_keys_of_others_and_of_other_paths_are_others(client: AsyncTestClient[Any]) -> None:
    """Two askers may think of the same one; without a key every start is new."""
    key = await make(client, role="operator")
    first = await client.post(PATH, json=START, headers=KEY)
    await client.post(PATH, json=START, headers=KEY | bearer(key))
    await client.post(PATH, json=START)
    await client.post(PATH, json=START)
    assert await count(client) == 4
    retry = f"/api/v1/monitoring/pipeline/{first.json()['pipeline_id']}/retry-failed"
    answers = [await client.post(retry, json={"reason": "x"}, headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert "idempotency-replayed" in answers[1].headers


async def test_what_steers_a_pipeline_back_does_so_once(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """A restart, a rewind and a decision: the second request finds another state, and gets the first one's answer."""
    job = await hold(conn)
    await doubt(conn, job)
    held = f"/api/v1/pipeline/{job.pipeline_id}"
    ended = await start_pipeline(conn)
    await finish_pipeline(conn, ended)
    done = f"/api/v1/pipeline/{ended}"
    assert (await client.post(f"{done}/checkpoints", json={"name": "end"})).status_code == 201
    for path, body in (
        (f"{done}/checkpoints/end/rewind", {}),
        (f"{held}/in-doubt/decide", {"decision": "rebuy"}),
        (f"{done}/phases/serp_collection/restart", {"rebuy": True}),
    ):
        if path.endswith("restart"):
            await finish_pipeline(conn, ended)
        first, second = [await client.post(path, json=body, headers=KEY) for _ in range(2)]
        assert (first.status_code, first.content) == (200, second.content), first.text
        assert "idempotency-replayed" in second.headers
        refused = await client.post(path, json=body, headers={"Idempotency-Key": "another"})
        assert refused.status_code == 409 or refused.json()["calls"] == 0, refused.text


async def test_what_is_made_is_made_once(client: AsyncTestClient[Any], conn: Connection) -> None:
    """A checkpoint, which a second request would find taken, and a receiver, who would be sent everything twice."""
    pipeline_id = await start_pipeline(conn)
    hook = {"url": "https://example.com/hook"}
    for path, body in (
        (f"/api/v1/pipeline/{pipeline_id}/checkpoints", {"name": "now"}),
        ("/api/v1/webhooks", hook),
    ):
        first, second = [await client.post(path, json=body, headers=KEY) for _ in range(2)]
        assert (first.status_code, second.status_code) == (201, 201), second.text
        assert first.content == second.content
        assert "idempotency-replayed" in second.headers
        assert len((await client.get(path)).json()["items"]) == 1


async def test_many_bulk_actions_at_once_do_not_wait_for_each_other(client: AsyncTestClient[Any]) -> None:
    """Each holds its key beside its work: more of them than the gateway has connections all end."""
    pipeline_id = (await client.post(PATH, json=START)).json()["pipeline_id"]
    retry = f"/api/v1/monitoring/pipeline/{pipeline_id}/retry-failed"
    answers = await asyncio.gather(
        *(client.post(retry, headers={"Idempotency-Key": str(n)}) for n in range(20)),
        *(client.post("/api/v1/dead-letters/replay", json={"filter": {}, "reason": "x"}) for _ in range(20)),
    )
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "ä"])
async def test_a_key_that_is_none_is_refused(client: AsyncTestClient[Any], key: str) -> None:
    """Before anything is started."""
    answer = await client.post(PATH, json=START, headers={b"Idempotency-Key": key.encode()})
    assert answer.status_code == 422
    assert await count(client) == 0


async def test_a_request_under_way_is_told_to_wait(client: AsyncTestClient[Any], pool: Pool) -> None:
    """409 with Retry-After when the first one takes long; its key is not taken away."""
    body = b'{"keywords": ["crm"], "regions": ["US"]}'
    async with unit_of_work(pool) as conn:
        assert await claim(conn, Asked("token", PATH, KEY["Idempotency-Key"], fingerprint(body))) is None
        answer = await client.post(PATH, content=body, headers=KEY)
    assert answer.status_code == 409
    assert answer.json()["type"] == "/errors/unfinished"
    assert int(answer.headers["retry-after"]) > 0


async def test_a_key_is_forgotten_after_a_day(client: AsyncTestClient[Any], conn: Connection) -> None:
    """It may be used anew at once, and housekeeping removes what nobody uses again."""
    await client.post(PATH, json=START, headers=KEY)
    await client.post(PATH, json=START, headers={"Idempotency-Key": "another"})
    await conn.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    await client.post(PATH, json=START, headers=KEY)
    assert await count(client) == 3
    assert await delete_old_keys(conn) == 1
    assert await delete_old_keys(conn) == 0
