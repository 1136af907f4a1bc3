"""Deliveries to a real receiver: signed, in order, through its outages, and to nowhere else."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import pytest

from shared.domain.event import EventName
from shared.domain.webhook import REFUSALS
from shared.runtime import posting
from shared.runtime.posting import Poster
from shared.runtime.webhooks import ROUND_SECONDS, Webhooks
from shared.store.events import emit, place_events
from shared.store.pool import Connection, Pool
from shared.store.webhooks import (
    create_webhook,
    enable_webhook,
    get_webhook,
    list_deliveries,
    repeat_delivery,
    send_test,
)
from shared.testing.eventually import eventually
from tests.runtime.receiver import Receiver

pytestmark = pytest.mark.anyio


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
async def sender(pool: Pool) -> AsyncIterator[Webhooks]:
    """Housekeeping's part, which may also send to this machine."""
    sender = Webhooks(pool, allow_private=True)
    yield sender
    await sender.aclose()


async def register(conn: Connection, receiver: Receiver, *events: str) -> UUID:
    """The receiver, as the API would."""
    webhook, receiver.secret = await create_webhook(conn, receiver.url, events)
    return webhook.webhook_id


async def happen(pool: Pool, *names: EventName) -> None:
    """So that it can be seen."""
    async with pool.connection() as conn:
        for name in names:
            await emit(conn, name, {"cause": "test"})
    await place_events(pool)


async def all_rounds(sender: Webhooks) -> None:
    """Until nothing is due."""
    while await sender.round() != ROUND_SECONDS:
        pass


async def wait_no_more(conn: Connection) -> None:
    """As if the time until the next attempt were over."""
    await conn.execute("UPDATE webhooks SET next_at = now()")
    await conn.execute("UPDATE webhook_deliveries SET next_at = now() WHERE state = 'pending'")


async def states(conn: Connection, webhook_id: UUID) -> list[tuple[str, int, int | None]]:
    """(state, attempts, status) of every delivery, the oldest first."""
    found = await list_deliveries(conn, webhook_id, state=None, before=2**50, limit=100)
    return [(one.state, one.attempts, one.status) for one in reversed(found)]


async def test_what_happens_is_delivered_and_verifies(
    pool: Pool, conn: Connection, receiver: Receiver, sender: Webhooks
) -> None:
    """From the registration on, by name if wanted, each once; the body says what happened, when and where."""
    await happen(pool, EventName.PIPELINE_STARTED)
    webhook_id = await register(conn, receiver, "pipeline.completed", "rule.changed")
    await happen(pool, EventName.PIPELINE_STARTED, EventName.PIPELINE_COMPLETED, EventName.RULE_CHANGED)
    await all_rounds(sender)
    await all_rounds(sender)

    assert sorted(message["type"] for _, message in receiver.got) == ["pipeline.completed", "rule.changed"]
    message = next(message for _, message in receiver.got if message["type"] == "pipeline.completed")
    assert message.keys() == {"type", "timestamp", "data"}
    assert message["data"] == {"id": 3, "pipeline_id": None, "service": None, "cause": "test"}
    assert await states(conn, webhook_id) == [("delivered", 1, 204)] * 2


async def test_an_outage_costs_time_but_no_message(
    pool: Pool, conn: Connection, receiver: Receiver, sender: Webhooks
) -> None:
    """While nobody answers one message is tried now and then; when it is back all come, with the ids they had."""
    webhook_id = await register(conn, receiver)
    receiver.stop()
    await happen(pool, *[EventName.RULE_CHANGED] * 12)
    for _ in range(4):
        await all_rounds(sender)
        await wait_no_more(conn)
    down = await get_webhook(conn, webhook_id)
    assert down.pending == 12
    assert down.failures == 4
    assert down.failing_since is not None
    attempts = [count for _, count, _ in await states(conn, webhook_id)]
    assert attempts == [4, 1, 1, 1, 1, *[0] * 7]
    receiver.start()
    await all_rounds(sender)
    await wait_no_more(conn)
    await all_rounds(sender)

    assert sorted(message["data"]["id"] for _, message in receiver.got) == list(range(1, 13))
    assert len({message_id for message_id, _ in receiver.got}) == 12
    up = await get_webhook(conn, webhook_id)
    assert (up.pending, up.failures, up.failing_since) == (0, 0, None)


async def test_a_receiver_that_asks_for_time_gets_it(
    pool: Pool, conn: Connection, receiver: Receiver, sender: Webhooks
) -> None:
    """503 with Retry-After: nothing before that."""
    webhook_id = await register(conn, receiver)
    receiver.answer, receiver.headers = (lambda _: 503), {"Retry-After": "3000"}
    await happen(pool, EventName.RULE_CHANGED)
    await all_rounds(sender)
    cursor = await conn.execute("SELECT next_at > now() + interval '2900 seconds' FROM webhooks")
    assert await cursor.fetchall() == [(True,)]
    assert await states(conn, webhook_id) == [("pending", 1, 503)]
    await all_rounds(sender)
    assert len(receiver.got) == 1


async def test_a_refused_message_holds_up_no_other(
    pool: Pool, conn: Connection, receiver: Receiver, sender: Webhooks
) -> None:
    """It is tried a few times and then given up; a redirect is not followed."""

    def answer(message: dict[str, Any]) -> int:
        return {"rule.changed": 400, "account.error": 302}.get(message["type"], 200)

    webhook_id = await register(conn, receiver)
    receiver.answer, receiver.headers = answer, {"Location": receiver.url}
    await happen(pool, EventName.RULE_CHANGED, EventName.ACCOUNT_ERROR, EventName.PIPELINE_FAILED)
    for _ in range(REFUSALS):
        await all_rounds(sender)
        await wait_no_more(conn)
    assert await states(conn, webhook_id) == [
        ("failed", REFUSALS, 400),
        ("failed", REFUSALS, 302),
        ("delivered", 1, 200),
    ]
    assert len(receiver.got) == 2 * REFUSALS + 1
    receiver.answer = lambda _: 200
    failed = (await list_deliveries(conn, webhook_id, state="failed", before=2**50, limit=1))[0]
    await repeat_delivery(conn, webhook_id, failed.delivery_id)
    await all_rounds(sender)
    assert receiver.got[-1][0] == f"msg_{failed.delivery_id}"


async def test_a_receiver_that_is_gone_or_down_for_days_is_disabled(
    pool: Pool, conn: Connection, receiver: Receiver, sender: Webhooks
) -> None:
    """What it was to be sent has failed; enabled again, it is sent what happens from then on."""
    webhook_id = await register(conn, receiver)
    receiver.answer = lambda _: 410
    await happen(pool, *[EventName.RULE_CHANGED] * 3)
    await all_rounds(sender)
    assert "410" in str((await get_webhook(conn, webhook_id)).disabled_reason)
    assert {state for state, _, _ in await states(conn, webhook_id)} == {"failed"}
    await happen(pool, EventName.RULE_CHANGED)

    receiver.answer = lambda _: 500
    await enable_webhook(conn, webhook_id)
    await happen(pool, EventName.PIPELINE_FAILED)
    await all_rounds(sender)
    await conn.execute("UPDATE webhooks SET failing_since = now() - interval '73 hours'")
    await wait_no_more(conn)
    await all_rounds(sender)
    disabled = await get_webhook(conn, webhook_id)
    assert "down for days" in str(disabled.disabled_reason)
    assert disabled.pending == 0
    assert [m["type"] for _, m in receiver.got if m["type"] != "rule.changed"] == ["pipeline.failed"] * 2


async def test_two_senders_send_each_message_once(
    pool: Pool, conn: Connection, receiver: Receiver, sender: Webhooks
) -> None:
    """After a stall there may be two for a while; a test message goes out like any other."""
    webhook_id = await register(conn, receiver)
    await happen(pool, *[EventName.RULE_CHANGED] * 20)
    await send_test(conn, webhook_id)
    other = Webhooks(pool, allow_private=True)

    async def sent() -> bool:
        # All may find the webhook in each other's hand, and end.
        await asyncio.gather(*(all_rounds(one) for one in (sender, other, sender, other)))
        return len(receiver.got) >= 21

    await eventually(sent)
    await other.aclose()
    assert len(receiver.got) == 21
    assert len({message_id for message_id, _ in receiver.got}) == 21
    assert sum(message["type"] == "webhook.test" for _, message in receiver.got) == 1


async def test_nothing_is_sent_into_private_networks(
    pool: Pool, conn: Connection, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by address, and not by a name that leads there; it is looked up once, and that address is connected to."""
    poster = Poster(allow_private=False)
    posted = await poster.post("https://127.0.0.1:1/", b"{}", {})
    assert (posted.status, "private" in str(posted.error)) == (None, True)
    posted = await poster.post("https://localhost:1/", b"{}", {})
    assert "private" in str(posted.error)
    await poster.aclose()

    asked = []

    async def resolve(_: Poster, url: str) -> str:
        asked.append(url)
        return "127.0.0.1"

    monkeypatch.setattr(Poster, "_resolve", resolve)
    receiver.secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    port = receiver.url.split(":")[2].split("/")[0]
    poster = Poster(allow_private=True)
    posted = await poster.post(f"http://name.example:{port}/x", b"{}", {})
    assert asked == [f"http://name.example:{port}/x"]
    assert posted.status is None or posted.status >= 400  # it was reached, and refused what is not signed
    assert "private" not in str(posted.error)
    await poster.aclose()


async def test_a_receiver_that_hangs_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten seconds in all, whatever it is that takes so long."""
    monkeypatch.setattr(posting, "TIMEOUT_SECONDS", 0.05)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        poster = Poster(allow_private=True)
        posted = await poster.post(f"http://127.0.0.1:{deaf.getsockname()[1]}/", b"{}", {})
        await poster.aclose()
    assert posted.status is None
    assert posted.error
