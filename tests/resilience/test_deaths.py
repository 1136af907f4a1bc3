"""Every process may die while a pipeline runs; it completes unattended and its audit is green."""

import os
import signal
from pathlib import Path

import pytest
import redis

from tests.resilience.scenario import FEW, Scenario, Up, process_tree, system


def test_a_run_with_faults_loses_nothing_and_buys_nothing_twice(tmp_path: Path) -> None:
    """5 % of the answers fail in one way or another; the pipeline completes, in another world too."""
    with system(tmp_path, seed=7) as machine, Scenario(machine) as scenario:
        scenario.hold_accounts()


@pytest.mark.timeout(240)
def test_every_service_in_turn_is_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    """SIGKILL of each service and of the gateway while it works: all seven phases are completed unattended."""
    with system(tmp_path) as machine, Scenario(machine) as scenario:
        for n, victim in enumerate(("keywords", "serp", "enrichment", "media", "gateway", "pages", "llm")):
            scenario.reach(0.1 * n)
            scenario.kill(victim)
        scenario.hold_accounts()


@pytest.mark.parametrize("victim", ["serp", "gateway", "postgres", "redis"])
def test_a_killed_process_costs_time_but_no_item(tmp_path: Path, victim: str) -> None:
    """SIGKILL in the middle: what was in flight is done again, what was recorded is not."""
    with system(tmp_path, services=FEW) as machine, Scenario(machine) as scenario:
        scenario.reach(0.3)
        scenario.kill(victim)
        scenario.hold_accounts()


def test_an_emptied_redis_costs_time_but_no_item(tmp_path: Path) -> None:
    """FLUSHALL loses every message and the gate's memory; both are made again from Postgres."""
    with system(tmp_path, services=FEW) as machine, Scenario(machine) as scenario:
        scenario.reach(0.3)
        with redis.Redis.from_url(machine.run_file.redis_url) as client:
            client.flushall()
        scenario.hold_accounts()


def test_a_hung_worker_whose_lease_ran_out_records_nothing(tmp_path: Path) -> None:
    """SIGSTOP past the lease while another worker takes over, then SIGCONT: the zombie changes nothing."""
    with system(tmp_path, services=FEW) as machine, Scenario(machine) as scenario, scenario.replica("serp"):
        scenario.reach(0.2)
        hung = process_tree(machine.run_file.processes["serp"])
        for pid in hung:
            os.kill(pid, signal.SIGSTOP)
        scenario.wait(lambda _: scenario.expired_leases() > 0)
        for pid in hung:
            os.kill(pid, signal.SIGCONT)
        scenario.hold_accounts()


@pytest.mark.timeout(240)
def test_an_open_pipeline_goes_on_after_everything_died(tmp_path: Path) -> None:
    """SIGKILL of every process at once, the stores included, then a new start on the same data."""
    with system(tmp_path) as machine, Scenario(machine) as scenario:
        scenario.reach(0.3)
        for name in machine.run_file.processes.keys() - {"supervisor"}:
            scenario.kill(name)
    with system(tmp_path) as machine, Scenario(machine, scenario.pipeline_id) as again:
        again.assert_completed(again.end())
        assert again.api.audit(again.pipeline_id)["passed"]


@pytest.mark.timeout(240)
def test_a_killed_supervisor_takes_nothing_with_it(tmp_path: Path) -> None:
    """`landscape up`, SIGKILL of it in the middle: all of it ends; the next one goes on where it stopped."""
    with Up(tmp_path) as first, Scenario(first) as scenario:
        scenario.reach(0.2)
        first.kill()
    with Up(tmp_path) as second, Scenario(second, scenario.pipeline_id) as again:
        again.assert_completed(again.end())
        assert again.api.audit(again.pipeline_id)["passed"]
