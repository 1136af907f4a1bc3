"""Connections to Redis, with explicit timeouts and retries: redis-py's defaults lose work (docs/decisions)."""

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

#: Prefix of every key; the braces keep all of them on one node of a cluster.
NAMESPACE = "{landscape}"
#: What is written to see whether Redis takes writes, and for how many seconds it stays.
PROBE_KEY, PROBE_SECONDS = f"{NAMESPACE}:probe", 60


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
    """None when Redis answers and takes writes, else why not, and what to do."""
    try:
        # A server that is out of memory, or a replica, still answers PING.
        await client.set(PROBE_KEY, b"", ex=PROBE_SECONDS)
    except OutOfMemoryError:
        return "Redis is out of memory and takes no writes: raise its maxmemory, and work goes on by itself"
    except ReadOnlyError:
        return "Redis takes no writes, it is a replica: name the primary in LANDSCAPE_REDIS_URL"
    except (redis.RedisError, OSError) as error:
        return f"Redis does not answer: {error}"
    return None


def flush(url: str) -> None:
    """Make Redis forget everything, as a loss of it would: what the chaos demo and the tests do."""
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        client.flushall()
