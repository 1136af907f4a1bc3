"""Webhooks over the API and the command line: registered, shown without their secret, tested, deleted."""

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Settings, Webhooks
from shared.store.pool import Connection
from tests.gateway.operator import TOKEN
from tests.gateway.routes import NOBODY, bearer
from tests.gateway.test_keys import make

pytestmark = pytest.mark.anyio

HOOKS = "/api/v1/webhooks"
URL = "https://hooks.example/landscape"


async def test_a_webhook_is_registered_shown_and_deleted(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Its secret is in the first answer and in no other."""
    made = (await client.post(HOOKS, json={"url": URL, "events": ["pipeline.failed"]})).json()
    webhook_id, secret = made["webhook"]["webhook_id"], made["secret"]
    assert secret.startswith("whsec_")
    assert made["webhook"]["events"] == ["pipeline.failed"]
    path = f"{HOOKS}/{webhook_id}"
    for answer in (await client.get(HOOKS), await client.get(path), await client.post(f"{path}/enable")):
        assert answer.status_code == 200
        assert secret not in answer.text
        assert URL in answer.text
    cursor = await conn.execute("SELECT string_agg(l::text, '') FROM audit_log l")
    assert secret not in str(await cursor.fetchall())
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_deliveries_are_listed_and_sent_again(client: AsyncTestClient[Any], conn: Connection) -> None:
    """One that is still to be made is not sent again."""
    path = f"{HOOKS}/{(await client.post(HOOKS, json={'url': URL})).json()['webhook']['webhook_id']}"
    ids = [(await client.post(f"{path}/test")).json()["delivery_id"] for _ in range(3)]
    page = (await client.get(f"{path}/deliveries", params={"limit": 2})).json()
    rest = (await client.get(f"{path}/deliveries", params={"cursor": page["next_cursor"]})).json()
    assert [one["delivery_id"] for one in page["items"] + rest["items"]] == ids[::-1]
    again = f"{path}/deliveries/{ids[0]}/redeliver"
    assert (await client.post(again)).status_code == 409
    await conn.execute("UPDATE webhook_deliveries SET state = 'failed', ended_at = now()")
    assert (await client.post(again)).status_code == 202
    pending = (await client.get(f"{path}/deliveries", params={"in_state": "pending"})).json()["items"]
    assert [one["delivery_id"] for one in pending] == [ids[0]]
    assert (await client.post(f"{path}/deliveries/999/redeliver")).status_code == 404
    for verb in ("enable", "test"):
        assert (await client.post(f"{HOOKS}/{NOBODY}/{verb}")).status_code == 404


async def test_a_disabled_webhook_takes_no_test_and_no_repeat(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Nothing would be sent; the answer says why it is disabled and what to do."""
    path = f"{HOOKS}/{(await client.post(HOOKS, json={'url': URL})).json()['webhook']['webhook_id']}"
    delivery = (await client.post(f"{path}/test")).json()["delivery_id"]
    await conn.execute("UPDATE webhook_deliveries SET state = 'failed', ended_at = now()")
    await conn.execute("UPDATE webhooks SET disabled_at = now(), disabled_reason = 'was down for days'")
    verbs = (f"{path}/test", f"{path}/deliveries/{delivery}/redeliver")
    for verb in verbs:
        answer = await client.post(verb)
        assert answer.status_code == 409
        assert "was down for days" in answer.json()["detail"]
        assert "enable" in answer.json()["detail"]
    assert (await client.get(f"{path}/deliveries", params={"in_state": "pending"})).json()["items"] == []
    assert (await client.post(f"{path}/enable")).status_code == 200
    assert [(await client.post(verb)).status_code for verb in verbs] == [202, 202]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": "http://hooks.example/"}, "/url"),
        ({"url": "https://127.0.0.1/"}, "/url"),
        ({"url": "https://169.254.169.254/latest"}, "/url"),
        ({"url": URL, "events": ["pipeline.fail"]}, "/events/0"),
        ({"url": URL, "secret": "mine"}, "/secret"),
    ],
)
async def test_a_wrong_wish_names_the_field(
    client: AsyncTestClient[Any], body: dict[str, Any], pointer: str
) -> None:
    """And registers nothing."""
    answer = await client.post(HOOKS, json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await client.get(HOOKS)).json()["items"] == []


async def test_private_addresses_take_a_setting_and_all_take_an_administrator(
    client: AsyncTestClient[Any], postgres_url: str
) -> None:
    """An operator may neither register nor see addresses: they may hold what opens them."""
    operator = bearer(await make(client, role="operator"))
    assert (await client.post(HOOKS, json={"url": URL}, headers=operator)).status_code == 403
    assert (await client.get(HOOKS, headers=operator)).status_code == 403
    own = Settings(postgres_url=postgres_url, token=TOKEN, webhooks=Webhooks(allow_private=True))
    async with AsyncTestClient(create_app(own), raise_server_exceptions=False) as allowed:
        answer = await allowed.post(HOOKS, json={"url": "http://127.0.0.1:9/x"}, headers=bearer(TOKEN))
        assert answer.status_code == 201
