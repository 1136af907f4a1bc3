"""Where workers of these tests get their messages."""

from collections.abc import AsyncIterator

import pytest

from shared.broker.build import RedisBroker, build_broker


@pytest.fixture
async def broker(redis_url: str) -> AsyncIterator[RedisBroker]:
    """Closed afterwards, with its connections."""
    broker = build_broker(redis_url)
    yield broker
    broker.close()
    broker.client.close()
