"""A leaf provider that is down costs the others nothing: pairs of the same work, with and without it, in turn."""

import json
import statistics
import time
from pathlib import Path
from typing import Self

import httpx
import psycopg
import pytest

from services.gateway.cli.api import Api
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from shared.domain.phases import SERP_COLLECTION

PAIRS, KEYWORDS, LATENCY_MS = 5, 1_500, 50.0
LEAF = "youtube"
END_SECONDS = 120.0
#: Median throughput of the others, as a part of what it is with everybody well.
LEAST = 0.95
SPAN = """
    SELECT extract(epoch FROM max(r.recorded_at) - min(r.recorded_at))::float8
    FROM results r WHERE r.pipeline_id = %s AND r.phase = 'serp_collection'"""


class Pair:
    """Searches and the videos found in them, all searches due at once."""

    def __init__(self, machine: Standalone) -> None:
        run = machine.run_file
        self._api = Api(run.gateway_url, run.token)
        self._control = f"{run.simulator_url}/_control"
        self._postgres_url = run.postgres_url
        self._runs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.__exit__()

    def throughput(self, *, down: bool) -> float:
        """Searches per second, from the first that was recorded to the last."""
        httpx.delete(f"{self._control}/faults").raise_for_status()
        self._api.ask("POST", "/monitoring/circuit-breakers/media/reset", json={"reason": "benchmark"})
        if down:
            fault = {"provider": LEAF, "fault": "server_error", "rate": 1}
            httpx.post(f"{self._control}/faults", json=fault).raise_for_status()
        self._runs += 1
        body = {
            "keywords": [f"run {self._runs} keyword {n}" for n in range(KEYWORDS)],
            "regions": ["US"],
            "content_types": ["video"],
        }
        pipeline_id = str(self._api.start(json.dumps(body).encode())["pipeline_id"])
        deadline = time.monotonic() + END_SECONDS
        while self._completed(pipeline_id) < KEYWORDS:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with psycopg.connect(self._postgres_url) as conn:
            row = conn.execute(SPAN.encode(), (pipeline_id,)).fetchone()
        assert row
        self._api.steer(pipeline_id, "cancel", actor="benchmark", reason="measured")
        return KEYWORDS / float(row[0])

    def _completed(self, pipeline_id: str) -> int:
        phases = self._api.progress(pipeline_id)["phases"]
        return next(int(phase["completed"]) for phase in phases if phase["phase"] == SERP_COLLECTION)


@pytest.mark.benchmark
@pytest.mark.timeout(500)
def test_a_leaf_that_is_down_costs_the_others_nothing(tmp_path: Path) -> None:
    """One JSON line: searches per second of each run, and the median of the pairs' ratios."""
    options = SimulatorOptions(1, LATENCY_MS, 0.0)
    with (
        Standalone(tmp_path, simulator=options, services=("serp", "media")) as machine,
        Pair(machine) as pair,
    ):
        pair.throughput(down=False)  # everything is warm from here on
        well: list[float] = []
        down: list[float] = []
        for number in range(PAIRS):
            for is_down in (False, True) if number % 2 else (True, False):
                (down if is_down else well).append(pair.throughput(down=is_down))
    ratios = [without / beside for without, beside in zip(down, well, strict=True)]
    figures = {
        "well": [round(rate) for rate in well],
        "down": [round(rate) for rate in down],
        "median": round(statistics.median(ratios), 3),
    }
    print(f"\n{json.dumps(figures)}")

    assert statistics.median(ratios) >= LEAST
