"""Workload W: K keywords, one search each, and the videos found in them, through the whole system.

Makespan is held against what latency and concurrency alone allow, CPU is counted over every process
of ours: workers, gateway, supervisor, Postgres and Redis; the simulator plays the providers and is not.
"""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.cli.api import Api
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from tests.benchmarks.machine_figures import cpu_seconds, megabytes
from tests.resilience.scenario import ENDED

LATENCY_SECONDS = 0.1
CONCURRENCY = 100
ANSWER_BYTES = 40_000
FAULT_RATE = 0.05
SERVICES = ("serp", "media")


@pytest.mark.benchmark
@pytest.mark.timeout(300)
@pytest.mark.parametrize("keywords", [1_000, 10_000])
def test_workload_through_the_whole_system(tmp_path: Path, keywords: int) -> None:
    """One JSON line: makespan, its ratio to the bound, CPU per 1,000 items, memory of the largest worker."""
    environment = {"LANDSCAPE_PROVIDERS__SERP__CONCURRENCY": str(CONCURRENCY)}
    options = SimulatorOptions(1, LATENCY_SECONDS * 1000, 0.0)
    with (
        Standalone(tmp_path, simulator=options, services=SERVICES, environment=environment) as machine,
        Api(machine.run_file.gateway_url, machine.run_file.token) as api,
    ):
        control = f"{machine.run_file.simulator_url}/_control"
        httpx.post(f"{control}/settings", json={"answer_bytes": ANSWER_BYTES}).raise_for_status()
        fault = {"provider": "scale_serp", "fault": "server_error", "rate": FAULT_RATE}
        httpx.post(f"{control}/faults", json=fault).raise_for_status()
        before = cpu_seconds(machine)
        began = time.monotonic()
        progress = _run(api, keywords)
        makespan = time.monotonic() - began
        cpu = {name: round(spent - before[name], 1) for name, spent in cpu_seconds(machine).items()}
        ledger = httpx.get(f"{control}/ledger").json()
        memory = megabytes(machine)
        audit = api.audit(progress["pipeline_id"])
    calls = {phase["phase"]: phase["calls"] for phase in progress["phases"]}
    items = sum(phase["completed"] for phase in progress["phases"])
    bound = calls["serp_collection"] * LATENCY_SECONDS / CONCURRENCY
    figures = {
        "keywords": keywords,
        "items": items,
        "calls": calls,
        "makespan_seconds": round(makespan, 2),
        "bound_seconds": round(bound, 2),
        "makespan_by_bound": round(makespan / bound, 2),
        "items_per_second": round(items / makespan),
        "cpu_seconds_per_1000_items": round(sum(cpu.values()) / items * 1000, 2),
        "cpu_seconds": cpu,
        "peak_concurrency": ledger["scale_serp"]["peak_concurrency"],
        "megabytes": memory,
    }
    print(f"\n{json.dumps(figures)}")

    assert audit["passed"]
    assert progress["state"] == "completed"
    assert ledger["scale_serp"]["repeated_subjects"] == 0


def _run(api: Api, keywords: int) -> dict[str, Any]:
    body = {
        "keywords": [f"keyword {n}" for n in range(keywords)],
        "regions": ["US"],
        "content_types": ["organic"],
        "config": {"serp": {"pages": {"organic": 1}}},
    }
    pipeline_id = api.start(json.dumps(body).encode())["pipeline_id"]
    while True:
        progress = api.progress(pipeline_id)
        if progress["state"] in ENDED:
            return progress
        time.sleep(0.1)
