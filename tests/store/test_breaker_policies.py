"""Breakers' policies in the record: every version with who and why, the newest holds."""

import pytest

from shared.domain.breaker import Breaker, BreakerPolicy
from shared.domain.breaker_policy import PolicyEdits
from shared.store.breaker_policies import (
    edit_breaker_policy,
    get_breaker_edits,
    get_breaker_policy,
    list_breaker_policies,
    lock_breaker_policy,
)
from shared.store.breakers import count_breaker, find_breakers
from shared.store.pool import Connection, Pool, unit_of_work
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

CONFIGURED = BreakerPolicy(10, 300.0)


async def edit(pool: Pool, edits: PolicyEdits, actor: str = "ada") -> None:
    async with unit_of_work(pool) as conn:
        await lock_breaker_policy(conn, "serp")
        await edit_breaker_policy(conn, "serp", edits, actor=actor, reason="they are slow today")


async def test_before_anybody_ran_or_set_anything_nothing_is_known(conn: Connection) -> None:
    """And an edit made then waits for the first worker."""
    row = await get_breaker_policy(conn, "serp")
    assert (row.configured, row.in_force, row.version, row.edits) == (None, None, 0, PolicyEdits())
    assert await get_breaker_edits(conn, "serp") == (0, {})


async def test_the_newest_version_holds_and_all_are_kept(pool: Pool, conn: Connection) -> None:
    """With what is configured beside it; of one service alone; set back it is as configured again."""
    await count_breaker(conn, "serp", Breaker(), CONFIGURED, CONFIGURED)
    await edit(pool, PolicyEdits(failure_threshold=3, probes=1))
    await edit(pool, PolicyEdits(failure_threshold=4), "bob")
    row = await get_breaker_policy(conn, "serp")
    assert (row.configured, row.edits) == (CONFIGURED, PolicyEdits(failure_threshold=4))
    assert row.in_force == BreakerPolicy(4, 300.0)
    assert (row.changed_by, row.reason) == ("bob", "they are slow today")
    assert await get_breaker_edits(conn, "serp") == (row.version, {"failure_threshold": 4})
    assert (await get_breaker_policy(conn, "llm")).version == 0
    assert (await find_breakers(conn))["serp"].edited == ["failure_threshold"]

    await edit(pool, PolicyEdits())
    assert (await get_breaker_policy(conn, "serp")).in_force == CONFIGURED
    assert (await find_breakers(conn))["serp"].edited == []
    history = await list_breaker_policies(conn, "serp")
    assert [(one.actor, one.edits) for one in history] == [
        ("ada", PolicyEdits()),
        ("bob", PolicyEdits(failure_threshold=4)),
        ("ada", PolicyEdits(failure_threshold=3, probes=1)),
    ]
    assert await fetch(conn, "SELECT count(*)::int FROM events WHERE name = 'rule.changed'") == [3]


async def test_what_workers_follow_is_told_by_them(conn: Connection) -> None:
    """Not by the edit: until the leader has heard of it, the old values are in the list of breakers."""
    followed = BreakerPolicy(4, 20.0, 2, 30.0, 0.25, 1, 9.0)
    await count_breaker(conn, "serp", Breaker(), CONFIGURED, CONFIGURED)
    await count_breaker(conn, "serp", Breaker(), followed, CONFIGURED)
    row = (await find_breakers(conn))["serp"]
    assert (row.failure_threshold, row.timeout_seconds, row.success_threshold) == (4, 20.0, 2)
    assert (row.window_seconds, row.failure_share, row.probes, row.slow_seconds) == (30.0, 0.25, 1, 9.0)
    assert (await get_breaker_policy(conn, "serp")).configured == CONFIGURED
