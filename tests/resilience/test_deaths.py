"""Every process of a whole system may die, one after the other and all at once; the next start goes on with what was open."""

from pathlib import Path

import pytest

from tests.resilience.scenario import Scenario, Up

VICTIMS = ("keywords", "enrichment", "media", "pages", "llm", "serp", "gateway")


class Small(Scenario):
    """All seven phases of a few searches."""

    keywords = 20


@pytest.mark.timeout(240)
def test_every_service_dies_in_turn_and_then_everything_at_once(tmp_path: Path) -> None:
    """`landscape up` with faults: SIGKILL of each service while it works, then of both stores, the simulator and the
    supervisor at the same moment. The next `up` completes all seven phases from what was committed.
    """
    with Up(tmp_path) as first, Small(first) as scenario:
        for n, victim in enumerate(VICTIMS):
            scenario.reach(0.08 * n)
            scenario.kill(victim)
        scenario.wait(lambda p: scenario.done(p) >= 0.7)
        first.kill_everything()
    with Up(tmp_path) as second, Small(second, scenario.pipeline_id) as again:
        again.assert_completed(again.end())
        assert [check for check in again.api.audit(again.pipeline_id)["checks"] if not check["passed"]] == []
        recorded_twice, _ = again.record()
        assert recorded_twice == 0
