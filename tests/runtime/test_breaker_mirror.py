"""The record and Redis know the same breaker: changes are written down once, orders carried out, losses restored."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from shared import metrics
from shared.broker.breaker import BreakerOpenError, SharedBreaker
from shared.broker.client import build_async_client, flush
from shared.broker.gate import Gate
from shared.domain.breaker import Breaker, BreakerPolicy, BreakerState, Order
from shared.domain.gate import GatePolicy
from shared.domain.phases import COMPANY_ENRICHMENT, SERP_COLLECTION, of_service
from shared.errors import TransportError
from shared.runtime.mirror import Mirror
from shared.store.audit import audit
from shared.store.breakers import find_breakers, find_changes, get_breaker, order_breaker, save_breaker
from shared.store.pool import Connection, Pool
from shared.testing.eventually import eventually
from shared.testing.gate import FakeGate
from shared.testing.pipelines import claim_all, record_all, start_pipeline
from shared.testing.provider import ScriptedProvider
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

POLICY = BreakerPolicy(failure_threshold=2, timeout_seconds=0.3, success_threshold=1)
PROVIDER = replace(ScriptedProvider().provider, breaker=POLICY, name="mirrored")
PHASE = of_service("serp")


@asynccontextmanager
async def process(
    redis_url: str, pool: Pool, policy: BreakerPolicy = POLICY
) -> AsyncIterator[tuple[Gate, SharedBreaker, Mirror]]:
    """A worker, as far as its breaker is concerned."""
    client = build_async_client(redis_url)
    gate = Gate(client, "mirrored", GatePolicy(10, beat_seconds=0.04, settling_seconds=0.1, breaker=policy))
    await gate.start()
    breaker = SharedBreaker("mirrored", gate, policy, lambda error: isinstance(error, TransportError))
    mirror = Mirror(pool, gate, replace(PROVIDER, breaker=policy), PHASE)
    breaker.add_listener(mirror)
    try:
        yield gate, breaker, mirror
    finally:
        await gate.close()
        await client.aclose()


async def trip(breaker: SharedBreaker) -> None:
    async def fail() -> None:
        raise TransportError("no whole answer")

    for _ in range(breaker.fail_max):
        with pytest.raises(TransportError):
            await breaker.call_async(fail)


async def fine() -> str:
    return "fine"


def recorded(conn: Connection, state: str) -> Callable[[], object]:
    async def is_so() -> bool:
        row = (await find_breakers(conn)).get("serp")
        return row is not None and row.state == state

    return is_so


async def test_every_change_is_written_down_once(redis_url: str, pool: Pool, conn: Connection) -> None:
    """Whoever hears of it, and with its reason; the metric knows it, too."""
    async with process(redis_url, pool) as (_, breaker, _), process(redis_url, pool) as (other, _, _):
        await trip(breaker)
        await other.look()
        await eventually(recorded(conn, "open"))
        assert metrics.BREAKER_STATE.labels("mirrored")._value.get() == 2
        await eventually(other.allowance, 2.0)
        assert await breaker.call_async(fine) == "fine"
        await eventually(recorded(conn, "closed"))
    changes = await find_changes(conn, "serp")
    assert [(change.state, change.reason, change.actor) for change in changes] == [
        ("closed", "1 calls in a row succeeded", "breaker"),
        ("half_open", "its time is over: a few calls try whether the provider is back", "breaker"),
        ("open", "2 calls in a row failed", "breaker"),
    ]
    row = (await find_breakers(conn))["serp"]
    assert (row.epoch, row.trips, row.forced, row.since) == (3, 1, False, None)
    assert row.opened_at


async def test_the_leader_writes_down_what_nobody_else_did(
    redis_url: str, pool: Pool, conn: Connection
) -> None:
    """The process that opened it may have died at that moment. Counts and thresholds are kept, too."""
    async with process(redis_url, pool) as (gate, _, mirror):
        now = replace(Breaker().ordered(Order.RESET, 0), epoch=5, failures=1, trips=2)
        await gate.look(now)
        await conn.execute("TRUNCATE circuit_breakers, breaker_changes")
        await mirror.round()
        assert await get_breaker(conn, "serp") == now
        row = (await find_breakers(conn))["serp"]
        assert (row.failure_threshold, row.success_threshold, row.timeout_seconds) == (2, 1, 0.3)
        changes = len(await find_changes(conn, "serp"))
        await mirror.round()
        assert len(await find_changes(conn, "serp")) == changes


async def test_times_survive_the_record(conn: Connection) -> None:
    """To the microsecond, as they are handed back to Redis."""
    breaker = Breaker(
        BreakerState.OPEN,
        3,
        5,
        0,
        1_795_600_000_123_457,
        1_795_600_300_123_457,
        1_795_600_000_123_457,
        trips=1,
    )
    assert await save_breaker(conn, "serp", breaker, actor="breaker", reason="")
    assert not await save_breaker(conn, "serp", breaker, actor="breaker", reason="")
    assert await save_breaker(conn, "serp", Breaker(epoch=2), actor="breaker", reason="was noticed late")
    assert [change.state for change in await find_changes(conn, "serp")] == ["open", "closed"]
    known = await get_breaker(conn, "serp")
    assert known
    assert abs(known.reopen_at - breaker.reopen_at) <= 1
    assert (known.state, known.epoch, known.failures, known.trips) == (BreakerState.OPEN, 3, 5, 1)


async def test_an_operators_order_is_carried_out_by_the_leader(
    redis_url: str, pool: Pool, conn: Connection
) -> None:
    """Held open no call starts, in whichever process; a reset lets all of them."""
    async with process(redis_url, pool) as (_, _, leader), process(redis_url, pool) as (_, breaker, _):
        async with conn.transaction():
            await order_breaker(conn, "serp", Order.OPEN, actor="ann", reason="their maintenance")
        await leader.round()
        with pytest.raises(BreakerOpenError):
            await breaker.call_async(fine)
        async with conn.transaction():
            await order_breaker(conn, "serp", Order.RESET, actor="bob", reason="over")
        await leader.round()

        async def answered() -> bool:
            try:
                return bool(await breaker.call_async(fine))
            except BreakerOpenError:
                return False

        assert await eventually(answered, 2.0)
    changes = await find_changes(conn, "serp")
    assert [(change.state, change.actor, change.forced) for change in changes] == [
        ("closed", "bob", False),
        ("open", "ann", True),
    ]


async def test_an_order_wins_over_what_happens_meanwhile(
    redis_url: str, pool: Pool, conn: Connection
) -> None:
    """It opens by itself after the order was given, and before it was carried out."""
    async with process(redis_url, pool, replace(POLICY, timeout_seconds=60.0)) as (gate, breaker, leader):
        await leader.round()
        async with conn.transaction():
            await order_breaker(conn, "serp", Order.CLOSE, actor="ann", reason="they are well, really")
        await trip(breaker)
        await eventually(lambda: gate.breaker.state is BreakerState.OPEN)
        await leader.round()
        assert gate.breaker.state is BreakerState.CLOSED
        await trip(breaker)
        assert await breaker.call_async(fine) == "fine"


async def test_a_redis_that_lost_everything_is_told_by_the_record(
    redis_url: str, pool: Pool, conn: Connection
) -> None:
    """Also when no process lives that would remember: before its first call a new one knows."""
    long = replace(POLICY, timeout_seconds=60.0)
    async with process(redis_url, pool, long) as (_, breaker, _):
        await trip(breaker)
        await eventually(recorded(conn, "open"))
    flush(redis_url)
    async with process(redis_url, pool, long) as (gate, breaker, mirror):
        await mirror.recall(conn)
        with pytest.raises(BreakerOpenError):
            await breaker.call_async(fine)
        assert (gate.breaker.trips, gate.allowance()) == (1, 0)


async def test_items_that_waited_go_on_when_it_closes(pool: Pool, conn: Connection) -> None:
    """At once, not when it would have been tried out; others keep their time."""
    pipeline_id = await start_pipeline(conn, keywords=["a", "b"], content_types=["organic"])
    wait = (
        "WITH gone AS (DELETE FROM ready WHERE phase = 'serp_collection' RETURNING *),"
        " told AS (UPDATE pipeline_state s SET next_at = now() + interval '5 min', wait_reason = 'breaker'"
        " FROM gone WHERE s.item_id = gone.item_id)"
        " INSERT INTO waiting (pipeline_id, item_id, phase, reason, next_at)"
        " SELECT pipeline_id, item_id, phase, 'breaker', now() + interval '5 min' FROM gone"
    )
    await conn.execute(wait)
    await conn.execute(
        "INSERT INTO counters (pipeline_id, phase, name, delta)"
        " VALUES (%s, 'serp_collection', 'waiting.breaker', 2)",
        (pipeline_id,),
    )
    gate = FakeGate(GatePolicy(1, breaker=POLICY))
    mirror = Mirror(pool, gate, PROVIDER, PHASE)
    gate.tell(Breaker(BreakerState.OPEN, 1, 2, opened_at=1, reopen_at=2**52, since=1))
    await mirror.round()
    assert await fetch(conn, "SELECT count(*) FROM waiting WHERE next_at > now()") == [2]
    gate.tell(Breaker(epoch=2))
    await mirror.round()
    assert await fetch(conn, "SELECT count(*) FROM waiting WHERE next_at > now()") == [0]
    assert await fetch(conn, "SELECT count(*) FROM pipeline_state WHERE next_at > now()") == [0]


async def test_nothing_waits_for_ever_behind_an_open_breaker(pool: Pool, conn: Connection) -> None:
    """Due items of an optional phase are given up after the pipeline's time, and the audit agrees."""
    pipeline_id = await start_pipeline(
        conn, content_types=["organic"], config={"phases": [SERP_COLLECTION, COMPANY_ENRICHMENT]}
    )
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    await record_all(conn, held)
    due = await fetch(conn, "SELECT count(*) FROM ready WHERE phase = 'company_enrichment'")
    assert due[0]
    await conn.execute(
        "UPDATE pipelines SET give_up_after_seconds = 3600, running_since = now() - interval '2 h'"
    )
    phase = of_service("enrichment")
    gate = FakeGate(GatePolicy(1, breaker=POLICY))
    mirror = Mirror(pool, gate, replace(PROVIDER, service="enrichment"), phase)
    gate.tell(Breaker(BreakerState.OPEN, 1, 2, opened_at=1, reopen_at=2**52, since=1))
    await mirror.round()
    assert await fetch(conn, "SELECT count(*) FROM ready WHERE phase = 'company_enrichment'") == due
    await conn.execute("UPDATE ready SET due_at = now() - interval '2 h'")
    gate.breaker = Breaker(epoch=2)
    await mirror.round()
    assert await fetch(conn, "SELECT count(*) FROM ready WHERE phase = 'company_enrichment'") == due
    gate.tell(Breaker(BreakerState.OPEN, 3, 2, opened_at=1, reopen_at=2**52, since=1))
    await mirror.round()
    assert await fetch(conn, "SELECT count(*) FROM ready WHERE phase = 'company_enrichment'") == [0]
    reasons = "SELECT DISTINCT state, error_category FROM pipeline_state WHERE state <> 'completed'"
    assert await fetch(conn, reasons) == [("skipped", "provider_unavailable")]
    checks = {check.name: check.passed for check in (await audit(conn, pipeline_id)).checks}
    assert checks["counters"]
    assert checks["places"]
