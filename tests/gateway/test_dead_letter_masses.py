"""Ten thousand dead letters over REST: few groups to look at, one operation that replays them, and a request that does nothing."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Settings
from shared.runtime.operations import Operations
from shared.store.pool import Connection, Pool
from shared.testing.jobs import start_searches
from shared.testing.pipelines import finish_pipeline
from shared.testing.rows import dump, fetch
from tests.store.given_up import CAUSES, assert_green, end, fail_all, state_of

pytestmark = pytest.mark.anyio

LETTERS = "/api/v1/dead-letters"
NUMBER = 10_000


@pytest.fixture
async def gateway(postgres_url: str, redis_url: str) -> AsyncIterator[AsyncTestClient[Any]]:
    app = create_app(Settings(postgres_url=postgres_url, redis_url=redis_url, token="t"))
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        client.headers["Authorization"] = "Bearer t"
        yield client


async def test_ten_thousand_letters_of_seven_causes_are_cured_by_one_request(
    gateway: AsyncTestClient[Any], conn: Connection, pool: Pool
) -> None:
    """Cause by cause they are shown; replayed by a filter all complete; replayed again nothing changes."""
    pipeline_id = await start_searches(conn, NUMBER)
    chance = random.Random(7)
    await fail_all(conn, pipeline_id, error=lambda n: CAUSES[n % 7].format(n=chance.randrange(10**6)))
    await end(conn)

    groups = (await gateway.get(f"{LETTERS}/groups")).json()["groups"]
    assert len(groups) == len(CAUSES)
    assert sum(group["letters"] for group in groups) == NUMBER

    replay = {"filter": {"service": "serp"}, "actor": "tests", "reason": "cured"}
    dry = await gateway.post(f"{LETTERS}/replay", json=replay | {"dry_run": True})
    assert (dry.status_code, dry.json()["letters"]) == (200, NUMBER)
    answer = await gateway.post(f"{LETTERS}/replay", json=replay)
    assert answer.status_code == 202, answer.text
    assert answer.json()["matched"] == NUMBER
    while await Operations(pool).step():
        pass
    operation = (await gateway.get(answer.headers["location"])).json()
    assert (operation["state"], operation["done"], operation["failed"]) == ("completed", NUMBER, 0)
    assert await fetch(conn, "SELECT count(*)::int FROM ready WHERE phase = 'serp_collection'") == [NUMBER]
    await finish_pipeline(conn, pipeline_id)
    assert await state_of(conn, pipeline_id) == "completed"

    before = await dump(conn)
    again = await gateway.post(f"{LETTERS}/replay", json=replay)
    assert (again.status_code, again.json()["letters"]) == (200, 0)
    assert await dump(conn) == before
    await assert_green(conn, pipeline_id)
