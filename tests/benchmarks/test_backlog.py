"""Behind a backlog of 100,000 searches: how soon a critical item starts, and what a small pipeline has of its share.

One run of the whole system, so that the two figures of a ratio share the machine and its moods.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from services.gateway.cli.api import Api
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from tests.resilience.scenario import ENDED

BACKLOG, SMALL = 100_000, 100
RATE, AT_ONCE, LATENCY_MS = 10, 20, 100.0
END_SECONDS = 120.0
#: A critical item starts this soon; a small pipeline takes at most so many times what it takes with nobody beside it.
CRITICAL_SECONDS, SHARE = 2.0, 1.5
FIRST_CALL = """
    SELECT extract(epoch FROM min(c.sent_at) - min(p.created_at))::float8
    FROM pipelines p JOIN provider_calls c ON c.pipeline_id = p.pipeline_id WHERE p.pipeline_id = %s"""
MAKESPAN = "SELECT extract(epoch FROM ended_at - created_at)::float8 FROM pipelines WHERE pipeline_id = %s"


class Load:
    """Pipelines of one running system, with words of their own each."""

    def __init__(self, machine: Standalone) -> None:
        self.api = Api(machine.run_file.gateway_url, machine.run_file.token)
        self._record = psycopg.connect(machine.run_file.postgres_url, autocommit=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._record.close()
        self.api.__exit__()

    def start(self, name: str, keywords: int, **config: Any) -> str:
        """A pipeline of so many searches."""
        body = {
            "keywords": [f"{name} {n}" for n in range(keywords)],
            "regions": ["US"],
            "content_types": ["organic"],
            "config": {"phases": ["serp_collection"], "serp": {"pages": {"organic": 1}}, **config},
        }
        return str(self.api.start(json.dumps(body).encode())["pipeline_id"])

    def wait(self, pipeline_id: str, done: Callable[[dict[str, Any]], bool]) -> None:
        """Until `done` of its progress holds."""
        deadline = time.monotonic() + END_SECONDS
        while not done(progress := self.api.progress(pipeline_id)):
            assert time.monotonic() < deadline, progress
            time.sleep(0.1)

    def makespan(self, pipeline_id: str) -> float:
        """Seconds from its start to its end, by the record."""
        self.wait(pipeline_id, lambda progress: progress["state"] in ENDED)
        return self._seconds(MAKESPAN, pipeline_id)

    def first_call(self, pipeline_id: str) -> float:
        """Seconds from its start to its first call, by the record."""
        self.wait(pipeline_id, lambda progress: any(phase["calls"] for phase in progress["phases"]))
        return self._seconds(FIRST_CALL, pipeline_id)

    def _seconds(self, query: str, pipeline_id: str) -> float:
        row = self._record.execute(query.encode(), (pipeline_id,)).fetchone()
        assert row
        return float(row[0])


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    serp = "LANDSCAPE_PROVIDERS__SERP__"
    limits = {f"{serp}REQUESTS_PER_SECOND": str(RATE), f"{serp}CONCURRENCY": str(AT_ONCE)}
    options = SimulatorOptions(1, LATENCY_MS, 0.0)
    with (
        Standalone(tmp_path, simulator=options, services=("serp",), environment=limits) as machine,
        Load(machine) as load,
    ):
        yield load


@pytest.mark.benchmark
@pytest.mark.timeout(400)
def test_a_backlog_keeps_nobody_waiting(load: Load) -> None:
    """One JSON line: seconds alone and beside the backlog, and seconds until critical items started."""
    alone = load.makespan(load.start("alone", SMALL))
    backlog = load.start("backlog", BACKLOG)
    load.wait(backlog, lambda progress: progress["phases"][0]["completed"] > SMALL)
    beside = load.makespan(load.start("beside", SMALL))
    critical = [load.first_call(load.start(f"critical {n}", 1, priority="critical")) for n in range(5)]
    figures = {
        "alone_seconds": round(alone, 2),
        "beside_seconds": round(beside, 2),
        "ratio": round(beside / alone, 2),
        "critical_seconds": [round(seconds, 2) for seconds in critical],
    }
    print(f"\n{json.dumps(figures)}")

    assert load.api.progress(backlog)["state"] == "running"
    assert max(critical) < CRITICAL_SECONDS
    assert beside <= SHARE * alone
