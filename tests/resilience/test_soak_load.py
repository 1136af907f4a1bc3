"""The reference load with faults, again and again in other worlds: it completes unattended."""

import json
from pathlib import Path

import httpx
import pytest

from services.gateway.standalone.machine import SimulatorOptions, Standalone
from tests.benchmarks.reference import BODY, ENVIRONMENT, LIMITS
from tests.resilience.scenario import FAULT_RATE, Scenario

#: Of an answer: short, for it is the number of calls that counts here.
LATENCY_MS = 20.0


class Reference(Scenario):
    """Five thousand searches and all that is found in them."""

    patience_seconds = 1800.0

    def _start(self) -> str:
        return str(self.api.start(json.dumps(BODY).encode())["pipeline_id"])


@pytest.mark.soak
def test_the_reference_load_completes_unattended(tmp_path: Path, world: int) -> None:
    """Audit green, nothing bought twice, every charge on record, no limit exceeded."""
    options = SimulatorOptions(world, LATENCY_MS, FAULT_RATE)
    with Standalone(tmp_path, simulator=options, environment=ENVIRONMENT) as machine:
        settings = f"{machine.run_file.simulator_url}/_control/settings"
        httpx.post(settings, json={"limits": LIMITS}).raise_for_status()
        with Reference(machine) as load:
            progress = load.end()
            load.hold_accounts()
            over = {name: page["over_limit"] for name, page in load.ledger().items() if page["over_limit"]}
    completed = sum(phase["completed"] for phase in progress["phases"])
    print(f"world {world}: {progress['state']}, {completed} items")
    assert over == {}
