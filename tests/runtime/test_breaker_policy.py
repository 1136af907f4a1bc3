"""What a worker's breaker goes by: its configuration and what operators set beside it, live while it runs."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from structlog.testing import capture_logs

from shared.broker.build import RedisBroker
from shared.config import Exposition, Provider, Settings
from shared.domain.breaker import BreakerPolicy
from shared.domain.breaker_policy import PolicyEdits
from shared.errors import TransportError
from shared.runtime.breaker_policy import PolicyEditions
from shared.runtime.worker import WorkerProcess
from shared.store.breaker_policies import edit_breaker_policy, lock_breaker_policy
from shared.store.breakers import find_breakers
from shared.store.pool import Connection
from shared.testing.eventually import eventually
from shared.testing.provider import ScriptedProvider

pytestmark = pytest.mark.anyio

#: Within which an edit must be live.
LIVE_SECONDS = 5.0
PROVIDER = ScriptedProvider().provider


async def edit(conn: Connection, edits: PolicyEdits) -> None:
    async with conn.transaction():
        await lock_breaker_policy(conn, "serp")
        await edit_breaker_policy(conn, "serp", edits, actor="ann", reason="seen in the log")


@asynccontextmanager
async def running(
    broker: RedisBroker, postgres_url: str, redis_url: str
) -> AsyncIterator[Sequence[WorkerProcess]]:
    """Two workers of one service, one of which leads; the configuration of both names a threshold."""
    scripted = ScriptedProvider()
    own = Provider(base_url="http://127.0.0.1:9", failure_threshold=50)
    settings = Settings(postgres_url, redis_url, exposition=Exposition(port=0), providers={"serp": own})
    processes = [WorkerProcess(scripted.provider, scripted.handle, settings) for _ in range(2)]
    for process in processes:
        await process.start(broker)
    try:
        yield processes
    finally:
        for process in processes:
            await process.drain()
            await process.stop()


def follows(process: WorkerProcess, threshold: int) -> bool:
    """Its gate, which decides, and its breaker."""
    gate, breaker = process._gate, process.processor._buyer.exchange.breaker
    return gate._policy.breaker.failure_threshold == breaker.fail_max == threshold


def told(conn: Connection, threshold: int) -> Callable[[], Awaitable[bool]]:
    """The list of breakers has it."""

    async def is_so() -> bool:
        row = (await find_breakers(conn)).get("serp")
        return row is not None and row.failure_threshold == threshold

    return is_so


async def test_an_edit_is_live_in_every_running_worker(
    conn: Connection, broker: RedisBroker, postgres_url: str, redis_url: str
) -> None:
    """Within five seconds, without a restart; and set back it is what they are configured to."""
    async with running(broker, postgres_url, redis_url) as processes:
        await eventually(told(conn, 50))
        for edits, threshold in ((PolicyEdits(failure_threshold=3), 3), (PolicyEdits(), 50)):
            await edit(conn, edits)
            for process in processes:
                await eventually(partial(follows, process, threshold), LIVE_SECONDS)
            await eventually(told(conn, threshold), LIVE_SECONDS)


async def test_a_lower_threshold_opens_the_breaker_of_a_running_worker(
    conn: Connection, broker: RedisBroker, postgres_url: str, redis_url: str
) -> None:
    """As many faults as are set, not as are configured, through every process."""

    async def fail() -> None:
        raise TransportError("no whole answer")

    async with running(broker, postgres_url, redis_url) as processes:
        await eventually(told(conn, 50))
        await edit(conn, PolicyEdits(failure_threshold=2))
        for process in processes:
            await eventually(partial(follows, process, 2), LIVE_SECONDS)
            with pytest.raises(TransportError):
                await process.processor._buyer.exchange.breaker.call_async(fail)

        async def is_open() -> bool:
            return (await find_breakers(conn))["serp"].state == "open"

        await eventually(is_open)


async def test_edits_nobody_checked_do_no_harm(conn: Connection) -> None:
    """What was known before goes on, and the log says so once."""
    known: list[BreakerPolicy] = []
    editions = PolicyEditions(PROVIDER, [known.append])
    await editions.refresh(conn)
    assert known == []
    await edit(conn, PolicyEdits(probes=7))
    await editions.refresh(conn)
    for fields in ('{"probes": 0}', '{"probes": "many"}', "7"):
        await conn.execute(
            "INSERT INTO breaker_policies (service, edits, actor, reason) VALUES ('serp', %s, 'x', 'y')",
            (fields,),
        )
        with capture_logs() as lines:
            await editions.refresh(conn)
            await editions.refresh(conn)
        assert [line["event"] for line in lines] == ["breaker_policy_unusable"]
    assert [policy.probes for policy in known] == [7]
