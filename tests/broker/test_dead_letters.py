"""Dead messages in Redis: copies follow the record, and what Dramatiq refused itself is found among them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import dramatiq
import pytest
import redis

from shared.broker.build import build_broker, publish
from shared.broker.client import build_async_client
from shared.broker.dead_letters import DeadMessage, DeadMessages
from shared.domain.message import Message
from shared.testing.eventually import eventually

pytestmark = pytest.mark.anyio

QUEUE = "serp"
IDS, MESSAGES = "{landscape}:serp.XQ", "{landscape}:serp.XQ.msgs"
LETTERS = [Message(job_id, 0) for job_id in range(1, 8)]


@pytest.fixture
async def dead(server: Any) -> AsyncIterator[DeadMessages]:
    client = build_async_client(server.url)
    yield DeadMessages(client)
    await client.aclose(close_connection_pool=True)


@pytest.fixture
def plain(server: Any) -> Any:
    with redis.Redis.from_url(server.url) as client:
        yield client


def put(plain: Any, message_id: Any, body: bytes) -> None:
    """As Dramatiq does when it gives a message up."""
    plain.zadd(IDS, {message_id: 1})
    plain.hset(MESSAGES, message_id, body)


async def test_copies_are_what_dramatiq_keeps(dead: DeadMessages, plain: Any) -> None:
    """Its own library reads them: queue, actor and the job with its fence."""
    assert await dead.mirror(QUEUE, LETTERS) == 7
    names = plain.zrange(IDS, 0, -1)
    messages = [dramatiq.Message.decode(plain.hget(MESSAGES, name)) for name in names]

    assert {(m.queue_name, m.actor_name, m.options["redis_message_id"]) for m in messages} == {
        (QUEUE, "process_job", name.decode()) for name in names
    }
    assert sorted(m.kwargs["job_id"] for m in messages) == [letter.job_id for letter in LETTERS]


async def test_copies_follow_the_record_and_nothing_else_is_touched(dead: DeadMessages, plain: Any) -> None:
    """Lost ones come back, those of closed letters go, and a second look changes nothing."""
    put(plain, "bare", b"{}")
    assert [await dead.mirror(QUEUE, letters) for letters in (LETTERS, LETTERS, LETTERS[:3])] == [7, 0, 4]
    assert plain.zcard(IDS) == plain.hlen(MESSAGES) == 4
    plain.flushall()
    assert [await dead.mirror(QUEUE, letters) for letters in (LETTERS, [], [])] == [7, 7, 0]
    assert plain.keys("*") == []


async def test_a_message_dramatiq_gave_up_is_taken_out_by_one_taker(
    server: Any, dead: DeadMessages, plain: Any
) -> None:
    """A worker without the actor moves it there; of many who ask at once, one gets it, and copies stay."""
    broker = build_broker(server.url)
    dramatiq.actor(actor_name="another", queue_name=QUEUE, broker=broker)(lambda: None)
    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=20)
    await asyncio.to_thread(worker.start)
    try:
        await asyncio.to_thread(publish, broker, QUEUE, [Message(17, 3)])
        await eventually(lambda: plain.zcard(IDS))
    finally:
        await asyncio.to_thread(worker.stop)
        broker.close()
        broker.client.close()
    await dead.mirror(QUEUE, LETTERS)

    taken = [
        found for part in await asyncio.gather(*(dead.take_bare(QUEUE) for _ in range(20))) for found in part
    ]

    assert [found.message for found in taken] == [Message(17, 3)]
    assert plain.zcard(IDS) == plain.hlen(MESSAGES) == 7


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"\xff\xfe",
        b"[" * 5000,
        json.dumps({"actor_name": "another", "kwargs": {"job_id": 1, "fence": 2}}).encode(),
        json.dumps({"actor_name": "process_job", "kwargs": {"job_id": "1"}}).encode(),
        json.dumps({"actor_name": "process_job", "kwargs": {}}).encode(),
    ],
)
async def test_what_is_no_message_of_ours_is_taken_out_as_such(
    dead: DeadMessages, plain: Any, body: bytes
) -> None:
    """Whatever stands there, under whatever name; also when its body is gone."""
    put(plain, b"\xff id", body)
    plain.zadd(IDS, {"without a body": 1})

    taken = await dead.take_bare(QUEUE)

    assert [found.message for found in taken] == [None, None]
    assert taken[0] == DeadMessage("without a body", None) or taken[1] == DeadMessage("without a body", None)
    assert plain.keys("*") == []


async def test_many_copies_go_in_parts(dead: DeadMessages, plain: Any) -> None:
    """More than one command may carry."""
    letters = [Message(job_id, 1) for job_id in range(2500)]
    assert await dead.mirror(QUEUE, letters) == plain.zcard(IDS) == 2500
    assert await dead.mirror(QUEUE, letters[:1]) == 2499


async def test_without_redis_it_says_so() -> None:
    """As an OSError, which the leader survives."""
    client = build_async_client("redis://127.0.0.1:9/0")
    try:
        for act in (DeadMessages(client).mirror(QUEUE, LETTERS), DeadMessages(client).take_bare(QUEUE)):
            with pytest.raises(OSError, match="serp"):
                await act
    finally:
        await client.aclose(close_connection_pool=True)
