"""Connections to Redis, with explicit timeouts and retries: redis-py's defaults lose work (docs/decisions)."""

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

#: Prefix of every key; the braces keep all of them on one node of a cluster.
NAMESPACE = "{landscape}"


def build_client(url: str, *, retries: int = 60) -> redis.Redis:
    """A blocking client for Dramatiq's threads: rides out an outage of about a minute."""
    return redis.Redis.from_url(
        url,
        socket_timeout=5,
        socket_connect_timeout=2,
        socket_keepalive=True,
        max_connections=64,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), retries),
        retry_on_error=[RedisTimeoutError, BusyLoadingError, ReadOnlyError],
    )


def build_async_client(url: str) -> redis.asyncio.Redis:
    """A client for the event loop; callers wait for a free connection instead of failing."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=8,
        timeout=5,
        socket_timeout=2,
        socket_connect_timeout=2,
        retry=AsyncRetry(ExponentialBackoff(cap=0.2, base=0.02), 2),
    )
    return redis.asyncio.Redis.from_pool(pool)  # closing it closes the connections


async def ping(client: redis.asyncio.Redis) -> str | None:
    """None when Redis answers, else why not."""
    try:
        await client.ping()
    except (redis.RedisError, OSError) as error:
        return f"Redis does not answer: {error}"
    return None


def flush(url: str) -> None:
    """Make Redis forget everything, as a loss of it would: what the chaos demo and the tests do."""
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        client.flushall()
