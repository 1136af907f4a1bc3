"""How often one key may ask."""

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Gateway, Settings
from tests.gateway.operator import TOKEN
from tests.gateway.routes import bearer
from tests.gateway.test_keys import make

pytestmark = pytest.mark.anyio


async def test_who_asks_too_often_is_told_when_to_ask_again(postgres_url: str) -> None:
    """429 with Retry-After; every answer says what is left, and another key has its own."""
    settings = Settings(
        postgres_url=postgres_url, token=TOKEN, gateway=Gateway(requests_per_second=0.01, burst=3)
    )
    async with AsyncTestClient(create_app(settings), raise_server_exceptions=False) as client:
        key = bearer(await make_as_admin(client))
        answers = [await client.get("/api/v1/pipeline", headers=key) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert {answer.headers["ratelimit-limit"] for answer in answers} == {"3"}
        assert 90 <= int(answers[-1].headers["retry-after"]) <= 102
        assert answers[-1].json()["type"] == "/errors/too_many_requests"
        assert (await client.get("/api/v1/pipeline", headers=bearer(TOKEN))).status_code == 200
        assert (await client.get("/livez")).status_code == 200


async def make_as_admin(client: AsyncTestClient[Any]) -> str:
    """A key, made with the installation's token."""
    client.headers["Authorization"] = f"Bearer {TOKEN}"
    return await make(client)
