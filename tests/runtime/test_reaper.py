"""The reaper's round: what the dead held is due again, and is counted."""

import pytest
from prometheus_client import REGISTRY

from shared.config import Runtime
from shared.domain.phases import PHASES, SERP_COLLECTION
from shared.runtime.reaper import Reaper
from shared.store.pool import Pool
from shared.testing.jobs import hold
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio


async def test_items_of_dead_holders_are_due_again(pool: Pool) -> None:
    """Live leases are left alone, the others are counted, and the next look is soon compared with a lease."""
    reaper = Reaper(pool, PHASES[SERP_COLLECTION], Runtime(lease_seconds=2.0))

    def expired() -> float:
        return REGISTRY.get_sample_value("landscape_leases_expired_total", {"phase": SERP_COLLECTION}) or 0.0

    before = expired()
    async with pool.connection() as conn:
        await hold(conn, 2, lease_seconds=-1.0)
        await hold(conn, 3, lease_seconds=60.0)
        assert await reaper.round() == pytest.approx(0.4)
        assert await fetch(conn, "SELECT state, count(*) FROM pipeline_state GROUP BY 1 ORDER BY 1") == [
            ("pending", 2),
            ("processing", 3),
        ]
    assert expired() - before == 1


async def test_what_keeps_crashing_workers_fails(pool: Pool) -> None:
    """At the configured limit, not at another."""
    reaper = Reaper(pool, PHASES[SERP_COLLECTION], Runtime(crash_limit=1))
    async with pool.connection() as conn:
        await hold(conn, lease_seconds=-1.0)
        await reaper.round()
        assert await fetch(conn, "SELECT state, error_category FROM pipeline_state") == [("failed", "crash")]
