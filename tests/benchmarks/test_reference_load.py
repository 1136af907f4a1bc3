"""The reference load through the whole system: how long it takes, by the slowest provider's own time.

What limits calls is set the same on both sides. The bound is the slowest provider's own: its calls at its
latency and concurrency.
"""

import json
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from services.gateway.cli.api import Api
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from tests.benchmarks.machine_figures import cpu_seconds, megabytes
from tests.benchmarks.reference import AT_ONCE, BODY, ENVIRONMENT, LIMITS, REGIONS
from tests.resilience.scenario import ENDED

LATENCY_SECONDS = 0.1
MOST_MEGABYTES = 300


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_reference_load_through_the_whole_system(tmp_path: Path) -> None:
    """One JSON line: makespan by bound, CPU, memory and calls; nothing is bought twice, no limit exceeded."""
    options = SimulatorOptions(1, LATENCY_SECONDS * 1000, 0.0)
    with (
        Standalone(tmp_path, simulator=options, environment=ENVIRONMENT) as machine,
        Api(machine.run_file.gateway_url, machine.run_file.token) as api,
    ):
        control = f"{machine.run_file.simulator_url}/_control"
        httpx.post(f"{control}/settings", json={"limits": LIMITS}).raise_for_status()
        before, began, peaks = cpu_seconds(machine), time.monotonic(), dict[str, int]()
        pipeline_id = str(api.start(json.dumps(BODY).encode())["pipeline_id"])
        while (progress := api.progress(pipeline_id))["state"] not in ENDED:
            peaks = {name: max(size, peaks.get(name, 0)) for name, size in megabytes(machine).items()}
            time.sleep(0.5)
        makespan = time.monotonic() - began
        cpu = {name: round(spent - before[name], 1) for name, spent in cpu_seconds(machine).items()}
        ledger = httpx.get(f"{control}/ledger").json()
        audit = api.audit(pipeline_id)
        ended = _ends(machine.run_file.postgres_url)
    items = {phase["phase"]: phase["completed"] for phase in progress["phases"]}
    bounds = {name: ledger[name]["calls"] * LATENCY_SECONDS / limit for (_, name), limit in AT_ONCE.items()}
    figures = {
        "state": progress["state"],
        "makespan_seconds": round(makespan, 1),
        "bound_seconds": {name: round(bound, 1) for name, bound in bounds.items()},
        "makespan_by_bound": round(makespan / max(bounds.values()), 2),
        "last_item_seconds": ended,
        "items": items,
        "calls": {name: ledger[name]["calls"] for name in bounds},
        "cpu_seconds": cpu,
        "cpu_seconds_total": round(sum(cpu.values()), 1),
        "cpu_seconds_per_1000_items": round(sum(cpu.values()) / sum(items.values()) * 1000, 2),
        "peak_megabytes": peaks,
        "audit": audit["passed"],
    }
    print(f"\n{json.dumps(figures)}")

    assert audit["passed"]
    assert progress["state"] in {"completed", "completed_with_gaps"}
    assert {name: row["repeated_subjects"] for name, row in ledger.items() if row["repeated_subjects"]} == {}
    assert {name: row["over_limit"] for name, row in ledger.items() if row["over_limit"]} == {}
    assert ledger["google_ads"]["calls"] == len(REGIONS)
    assert ledger["youtube"]["calls"] <= 1.1 * 2 * items["video_enrichment"] / 50 + 2
    assert max(peaks.values()) < MOST_MEGABYTES


def _ends(postgres_url: str) -> dict[str, float]:
    """Seconds from the start to the last result, by phase."""
    with psycopg.connect(postgres_url) as conn:
        rows = conn.execute(
            "SELECT r.phase, round(extract(epoch FROM max(r.recorded_at) - min(p.created_at)), 1)::float8"
            " FROM results r JOIN pipelines p USING (pipeline_id) GROUP BY 1"
        ).fetchall()
    return {str(phase): float(seconds) for phase, seconds in rows}
