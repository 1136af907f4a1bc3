"""The Dramatiq broker of a worker, and the publisher that sends messages by name."""

from collections.abc import Awaitable, Callable, Sequence

import dramatiq
import msgspec
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import AsyncIO, Middleware, TimeLimit
from redis.exceptions import RedisError

from shared.broker.client import NAMESPACE, build_client
from shared.domain.message import ACTOR, Message

__all__ = ["RedisBroker", "build_broker", "publish", "register"]

#: A job that runs this long is stuck beyond what leases and timeouts explain. Milliseconds.
TIME_LIMIT_MS = 2 * 60 * 60 * 1000


def build_broker(redis_url: str, middleware: Sequence[Middleware] = ()) -> RedisBroker:
    """A broker without Retries: a message is a hint, and a lost one is sent again from Postgres."""
    broker = RedisBroker(  # type: ignore[no-untyped-call]
        client=build_client(redis_url),
        namespace=NAMESPACE,
        heartbeat_timeout=60_000,
        # Dead workers' messages come back by maintenance, which is drawn by lot at every command.
        maintenance_chance=100_000,
        middleware=[
            TimeLimit(time_limit=TIME_LIMIT_MS),
            # The loop must run before what lives on it, and stop after it.
            AsyncIO(),
            *middleware,
        ],
    )
    dramatiq.set_broker(broker)
    return broker


def publish(broker: RedisBroker, queue: str, messages: Sequence[Message]) -> None:
    """Send messages. Blocks; call it in a thread. Raises OSError when Redis stays away."""
    try:
        for message in messages:
            broker.enqueue(
                dramatiq.Message(
                    queue_name=queue,
                    actor_name=ACTOR,
                    args=(),
                    kwargs=msgspec.to_builtins(message),
                    options={},
                )
            )
    except (RedisError, ConnectionClosed) as error:
        raise OSError(f"cannot send to the queue {queue}: {error}") from None


def register(broker: RedisBroker, queue: str, process: Callable[[Message], Awaitable[None]]) -> None:
    """Make `process` the actor of this queue."""

    async def process_job(job_id: int, fence: int, suspect: bool = False, traceparent: str = "") -> None:
        await process(Message(job_id, fence, suspect, traceparent))

    dramatiq.actor(actor_name=ACTOR, queue_name=queue, broker=broker)(process_job)
