"""Messages: sent by name to whoever works on the queue, each a hint and nothing more."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import dramatiq
import pytest
import redis

from shared.broker.build import RedisBroker, build_broker, publish, register
from shared.domain.message import Message
from shared.testing.eventually import eventually

pytestmark = pytest.mark.anyio

QUEUE = "serp"


@contextmanager
def opened(url: str) -> Iterator[RedisBroker]:
    broker = build_broker(url)
    try:
        yield broker
    finally:
        broker.close()
        broker.client.close()


@asynccontextmanager
async def consumer(url: str, work: Callable[[Message], Awaitable[None]]) -> AsyncIterator[None]:
    """A worker of the queue, in this process."""
    with opened(url) as broker:
        register(broker, QUEUE, work)
        worker = dramatiq.Worker(broker, worker_threads=4, worker_timeout=20)
        await asyncio.to_thread(worker.start)
        try:
            yield
        finally:
            await asyncio.to_thread(worker.stop)


async def test_a_sender_needs_no_code_of_the_receiver(server: Any) -> None:
    """Messages sent where nobody is registered wait in the service's list and arrive, once each, when one is."""
    messages = [Message(job_id, job_id * 10) for job_id in range(1, 21)]
    with opened(server.url) as sender:
        await asyncio.to_thread(publish, sender, QUEUE, messages)
    with redis.Redis.from_url(server.url) as client:
        assert client.llen("{landscape}:serp") == 20
        assert all(key.startswith(b"{landscape}:") for key in client.scan_iter())
    arrived: list[Message] = []

    async def work(message: Message) -> None:
        arrived.append(message)

    async with consumer(server.url, work):
        await eventually(lambda: len(arrived) >= 20)
    assert sorted(arrived, key=lambda m: m.job_id) == messages
    with redis.Redis.from_url(server.url) as client:
        assert client.llen("{landscape}:serp") == 0


async def test_jobs_of_all_threads_share_one_loop(server: Any) -> None:
    """Several messages are worked on at once, all on the same event loop, none of them on a worker's thread."""
    threads: set[int] = set()
    inside: set[int] = set()
    go_on = threading.Event()

    async def work(message: Message) -> None:
        threads.add(threading.get_ident())
        inside.add(message.job_id)
        await eventually(go_on.is_set)

    with opened(server.url) as sender:
        await asyncio.to_thread(publish, sender, QUEUE, [Message(n, 0) for n in range(4)])
    async with consumer(server.url, work):
        await eventually(lambda: len(inside) == 4)
        go_on.set()
    assert len(threads) == 1


async def test_a_job_that_raises_is_not_repeated_by_the_broker(server: Any) -> None:
    """Whether and when there is another try is Postgres's business."""
    tries: list[int] = []

    async def work(message: Message) -> None:
        tries.append(message.job_id)
        if message.job_id == 1:
            raise RuntimeError("a defect")

    with opened(server.url) as sender:
        await asyncio.to_thread(publish, sender, QUEUE, [Message(1, 0), Message(2, 0)])
    async with consumer(server.url, work):
        await eventually(lambda: 2 in tries)
    assert sorted(tries) == [1, 2]
    with redis.Redis.from_url(server.url) as client:
        assert client.llen("{landscape}:serp") == 0
        assert client.llen("{landscape}:serp.DQ") == 0
