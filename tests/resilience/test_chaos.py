"""Something dies, hangs or is cut off at a random moment of a pipeline with faults; it costs time, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import redis

from shared.testing.eventually import wait_until
from tests.resilience.accounts import Books, assert_accounts
from tests.resilience.fragile import Fragile
from tests.resilience.injuries import Plan, prepared
from tests.resilience.recovery import recoveries
from tests.resilience.run import Run
from tests.resilience.scenario import LEASE_SECONDS

#: Of a killed worker until its items run again elsewhere, beyond the lease.
GRACE_SECONDS = 5.0
KILLS = 5


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fragile]:
    """One for all runs, as a system is that has been up for long; each run is a pipeline of its own."""
    with Fragile(tmp_path_factory.mktemp("chaos")) as system:
        yield system


@contextmanager
def replayable(plan: Plan) -> Iterator[None]:
    """Whatever goes wrong says how to see it again."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"chaos seed {plan.seed}: {plan}\nreplay: ./landscape test --chaos-seed {plan.seed}")
        raise


@pytest.mark.seeded
def test_a_disturbance_costs_time_but_no_item_and_no_second_purchase(system: Fragile, seed: int) -> None:
    """Whatever it is and whenever it comes: completed unattended, audit green, and both accounts agree."""
    plan = Plan.of(seed)
    before = Books.of(system)
    with replayable(plan), prepared(system, plan) as strike, Run(system, f"seed {seed}") as run:
        if plan.moment:
            run.reach(plan.moment)
        strike()
        run.assert_completed_and_green()
        assert_accounts(system, run.pipeline_id, run.searches, before)


def test_items_of_a_killed_worker_run_again_elsewhere_within_lease_and_5_seconds(system: Fragile) -> None:
    """Five times, by the database's clock."""
    seconds = list(recoveries(system, KILLS, 400))
    assert [late for late in seconds if late > LEASE_SECONDS + GRACE_SECONDS] == []
    assert len(seconds) == KILLS


def test_redis_without_memory_stops_work_and_loses_nothing(system: Fragile) -> None:
    """Health says what is wrong and what to do; with memory again, everything goes on by itself."""
    before = Books.of(system)
    with Run(system, "out of memory") as run, redis.Redis.from_url(system.run_file.redis_url) as client:
        run.reach(0.1)
        client.config_set("maxmemory", 1)
        try:
            wait_until(lambda: "out of memory" in str(health(run)["reasons"]), what=lambda: str(health(run)))
            assert health(run)["status"] == "unhealthy"
            assert run.api.progress(run.pipeline_id)["state"] == "running"
        finally:
            client.config_set("maxmemory", 0)
        run.assert_completed_and_green()
        assert_accounts(system, run.pipeline_id, run.searches, before)


def health(run: Run) -> dict[str, Any]:
    """What the system says of itself, whatever the status."""
    headers = {"Authorization": f"Bearer {run.machine.run_file.token}"}
    found: dict[str, Any] = httpx.get(f"{run.api.url}/api/v1/monitoring/health", headers=headers).json()
    return found
