"""What Redis remembers of a provider's gate: its hold and its breaker. Read only, for who explains and does not call."""

from datetime import UTC, datetime
from typing import Any, cast

import redis.asyncio
from redis.exceptions import RedisError

from shared.broker.admission import FIELDS, MICRO, key_of
from shared.domain.breaker import Breaker, BreakerState
from shared.domain.standing import Hold, Memory


async def read_memory(client: redis.asyncio.Redis, provider: str) -> Memory:
    """One round trip. Raises OSError when Redis is away."""
    try:
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.get(key_of(provider, "hold"))
            pipeline.hmget(key_of(provider, "breaker"), list(FIELDS))
            held, stored = cast("tuple[bytes | None, list[bytes | None]]", await _run(pipeline))
    except RedisError as error:
        raise OSError(f"Redis does not answer: {error}") from None
    if held is None:
        return Memory(_breaker(stored))
    micro, _, reason = held.decode().partition(" ")
    return Memory(_breaker(stored), Hold(reason, datetime.fromtimestamp(int(micro) / MICRO, UTC)))


async def _run(pipeline: Any) -> list[Any]:
    found: list[Any] = await pipeline.execute()
    return found


def _breaker(stored: list[bytes | None]) -> Breaker:
    state, *numbers = stored
    epoch, failures, successes, opened_at, reopen_at, since, forced, trips = (int(n or 0) for n in numbers)
    return Breaker(
        BreakerState(state.decode() if state else "closed"), epoch, failures, successes, opened_at, reopen_at, since,
        bool(forced), trips,
    )  # fmt: skip
